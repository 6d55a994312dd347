"""What the way in which a gradient is wrong says about the mistake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import TypeAlias

import numpy as np

from glassgrad.graph.operation import Array

__all__ = ["hint_of", "region_of"]

Place: TypeAlias = tuple[int, ...]

SAME = 1e-4  # relative; numbers that are nearer are equal for a hint
FACTORS = range(2, 65)
MOST_PARTS = 20  # of which a fraction is made that somebody recognizes


def hint_of(pairs: Sequence[tuple[float, float]], batch: int | None, gradient: Array) -> str:
    """Say what may be the mistake, empty where nothing is telling.

    Args:
        pairs: of wrong entries, what the chain rule and what differences give.
        batch: how many examples there are.
        gradient: the whole gradient by the chain rule.

    Example:
        >>> hint_of([(1.0, -1.0), (-2.0, 2.0)], None, np.array([1.0, -2.0]))
        'the sign is turned'
    """
    derived, measured = (np.array(side) for side in zip(*pairs, strict=True))
    if not np.isfinite(derived).all():
        return "the chain rule divides by zero, or overflows"
    if not derived.any():
        return "nothing arrives here: the rule leaves out a path, or gives None"
    if not measured.any():
        return "the loss does not depend on these entries"
    if np.all(np.abs(measured) > SAME * np.abs(derived)):
        ratios = derived / measured
        ratio = float(ratios[0])
        if np.allclose(ratios, ratio, rtol=SAME):
            return _of_factor(ratio, batch)
    return _of_order(measured, gradient)


def _of_factor(ratio: float, batch: int | None) -> str:
    sign = "the sign is turned, and " if ratio < 0 else ""
    size = abs(ratio)
    if np.isclose(size, 1.0, rtol=SAME):
        return "the sign is turned"
    for number in (*FACTORS, *([batch] if batch and batch > 1 else [])):
        examples = f" (there are {number} examples)" if number == batch else ""
        if np.isclose(size, number, rtol=SAME):
            forgotten = f": a factor too many{', or a mean forgotten' if examples else ''}"
            return f"{sign}{number} times too large{examples}{forgotten}"
        if np.isclose(size * number, 1.0, rtol=SAME):
            missing = ", or a sum over them" if examples else ""
            return (
                f"{sign}{number} times too small{examples}: a factor {number} is missing{missing}"
            )
    fraction = Fraction(size).limit_denominator(MOST_PARTS)
    is_simple = np.isclose(float(fraction), size, rtol=SAME)
    return f"{sign}{fraction if is_simple else format(size, '.6g')} of the right value everywhere"


def _of_order(measured: Array, gradient: Array) -> str:
    """The right numbers in the wrong places."""
    present = np.sort(gradient.ravel())
    if len(measured) < 3 or len(np.unique(np.round(measured, 12))) < 3:
        return ""
    nearest = np.searchsorted(present, measured)
    gaps = np.minimum(
        np.abs(present[np.clip(nearest, 0, len(present) - 1)] - measured),
        np.abs(present[np.clip(nearest - 1, 0, len(present) - 1)] - measured),
    )
    if np.all(gaps <= SAME * 1e-1 * np.abs(measured)):
        return "the right numbers in the wrong places: axes swapped, or an index is off"
    return ""


def region_of(verdicts: Mapping[Place, bool], worst: Place) -> str:
    """Where a gradient is wrong, as an index: a colon for every axis along which it stays wrong.

    Args:
        verdicts: of entries, whether they are wrong.
        worst: one of them.

    Example:
        >>> region_of({(3, 0): True, (3, 1): True, (2, 1): False, (4, 1): False}, (3, 1))
        '[3, :]'
    """
    if not worst:
        return ""
    wrong = [place for place, is_wrong in verdicts.items() if is_wrong]
    right = [place for place, is_wrong in verdicts.items() if not is_wrong]
    fixed = [
        axis
        for axis in range(len(worst))
        if all(place[axis] == worst[axis] for place in wrong)
        and any(place[axis] != worst[axis] for place in right)
    ]
    if not fixed:
        return ""
    marks = [str(worst[axis]) if axis in fixed else ":" for axis in range(len(worst))]
    return f"[{', '.join(marks)}]"
