"""Numbers that optimizers and schedules take, refused where they make no sense."""

from __future__ import annotations

from math import isfinite, nan
from typing import Any

from glassgrad.errors import ArgumentError

__all__ = [
    "check_count",
    "check_epsilon",
    "check_fraction",
    "check_from_zero",
    "check_positive",
    "check_share",
]


def check_fraction(name: str, value: float) -> float:
    """A factor of decay or momentum.

    Raises:
        ArgumentError: it is outside [0, 1).
    """
    if not 0 <= value < 1:
        raise ArgumentError(f"{name} must lie in [0, 1). Got {value}.")
    return float(value)


def check_share(name: str, value: float) -> float:
    """A part of a whole, which may be all of it.

    Raises:
        ArgumentError: it is outside [0, 1].
    """
    if not 0 <= value <= 1:
        raise ArgumentError(f"{name} must lie in [0, 1]. Got {value}.")
    return float(value)


def check_epsilon(epsilon: float) -> float:
    """A number that keeps a division defined.

    Raises:
        ArgumentError: it is negative.
    """
    if not epsilon >= 0:
        raise ArgumentError(f"epsilon must be at least 0. Got {epsilon}.")
    return float(epsilon)


def check_from_zero(name: str, value: Any) -> float:
    """A size.

    Raises:
        ArgumentError: it is no finite number from 0.
    """
    number = _number(value)
    if not (isfinite(number) and number >= 0):
        raise ArgumentError(f"{name} must be a number from 0. Got {value!r}.")
    return number


def check_positive(name: str, value: Any) -> float:
    """A size that something is divided by.

    Raises:
        ArgumentError: it is no finite number above 0.
    """
    number = _number(value)
    if not (isfinite(number) and number > 0):
        raise ArgumentError(f"{name} must be a number above 0. Got {value!r}.")
    return number


def check_count(name: str, value: Any, least: int) -> int:
    """A number of steps.

    Raises:
        ArgumentError: it is no whole number, or less than ``least``.
    """
    number = _number(value)
    if isinstance(value, bool) or number != number // 1 or not least <= number < 2**53:
        raise ArgumentError(f"{name} must be a whole number from {least}. Got {value!r}.")
    return int(number)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):  # None, text
        return nan
