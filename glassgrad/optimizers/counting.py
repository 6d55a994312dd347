"""Whole numbers of steps, divided: as graph, in float64, which holds them exactly."""

from __future__ import annotations

from glassgrad.graph import Tensor, Variable
from glassgrad.ops import equal
from glassgrad.ops.rounding import floor

__all__ = ["is_multiple", "whole_part"]


def whole_part(count: Tensor | Variable, divisor: int) -> Tensor:
    """How many times the divisor goes into a count.

    Example:
        >>> float(whole_part(Variable(7), 3))
        2.0
    """
    times: Tensor = floor(count.cast("float64") / float(divisor))
    return times


def is_multiple(count: Tensor | Variable, divisor: int) -> Tensor:
    """Whether the divisor goes into a count without a remainder.

    Example:
        >>> bool(is_multiple(Variable(7), 3)), bool(is_multiple(Variable(6), 3))
        (False, True)
    """
    multiple = whole_part(count, divisor) * float(divisor)
    has_no_remainder: Tensor = equal(count.cast("float64"), multiple)
    return has_no_remainder
