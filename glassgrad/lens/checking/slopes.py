"""The derivative along a direction by central differences, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from glassgrad.graph.operation import Array

__all__ = ["QUICK", "STEPS", "Slope", "quick_slope", "slope_along"]


#: From the coarsest, where truncation decides, to the finest, where rounding does.
STEPS = (1e-3, 1e-5, 1e-7, 1e-9)
#: Where truncation and rounding of a plain central difference are both below 1e-9, as a rule.
QUICK = 1e-5
EPSILON = float(np.finfo(np.float64).eps)
ROUNDINGS = 32  # of the value of a loss, which is made of many roundings


@dataclass(frozen=True)
class Slope:
    """A measured derivative along a direction.

    Args:
        value: the estimate; not a number where the function is not finite near by.
        rounding: how far rounding may have moved it.
        unevenness: how far estimates of other steps, and of one side alone, are from it. Of a
            smooth function it shrinks with the square of the step; a kink within reach keeps it.
        step: how far from the point the function was evaluated, in lengths of the direction.
    """

    value: float
    rounding: float
    unevenness: float
    step: float


def quick_slope(
    function: Callable[[Array], float], at: Array, middle: float, along: Array
) -> Slope:
    """Measure by two more values alone: enough to confirm, too little to contradict.

    Args:
        function: gives a number for an array.
        at: the point.
        middle: the function there.
        along: the direction, of the point's shape.
    """
    ahead, behind = function(at + QUICK * along), function(at - QUICK * along)
    value = (ahead - behind) / (2 * QUICK)
    gap = (ahead - 2 * middle + behind) / QUICK
    return Slope(value, _rounding((ahead, behind), value, QUICK), abs(gap), QUICK)


def slope_along(
    function: Callable[[Array], float], at: Array, middle: float, along: Array, step: float
) -> Slope:
    """Measure the derivative of a scalar function at a point along a direction.

    Formula: c(h) = (f(x + h d) - f(x - h d)) / (2 h), extrapolated to (4 c(h/2) - c(h)) / 3, in
    which the error of order h^2 cancels.

    Args:
        function: gives a number for an array.
        at: the point x.
        middle: the function there.
        along: the direction d, of the point's shape.
        step: h.

    Example:
        >>> at = np.array([1.0, 2.0])
        >>> found = slope_along(lambda x: float((x**3).sum()), at, 9.0, np.array([1.0, 0.0]), 1e-3)
        >>> bool(abs(found.value - 3.0) < 1e-11)
        True

    Source: Richardson, "The approximate arithmetical solution by finite differences", 1911.
    """
    far, near = ((function(at + h * along), function(at - h * along)) for h in (step, step / 2))
    coarse, fine = (far[0] - far[1]) / (2 * step), (near[0] - near[1]) / step
    # Right slope minus left slope: it vanishes with the step unless there is a kink.
    wide = (far[0] - 2 * middle + far[1]) / step
    narrow = (near[0] - 2 * middle + near[1]) / (step / 2)
    value = (4 * fine - coarse) / 3
    rounding = _rounding((*far, *near, middle), value, step)
    return Slope(value, rounding, abs(fine - coarse) + abs(2 * narrow - wide), step)


def _rounding(values: Sequence[float], slope: float, step: float) -> float:
    """How far rounding of the values, and of the points themselves, may have moved a slope."""
    return EPSILON / step * (ROUNDINGS * max(map(abs, values)) + 4 * abs(slope))
