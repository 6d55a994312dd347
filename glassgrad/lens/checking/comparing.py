"""One variable's gradient held against differences, direction by direction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from math import prod

import numpy as np

from glassgrad.graph.operation import Array
from glassgrad.lens.checking.directions import samples, slices
from glassgrad.lens.checking.kinks import crossed
from glassgrad.lens.checking.points import Point
from glassgrad.lens.checking.slopes import STEPS, Slope, quick_slope, slope_along

__all__ = ["Comparison", "Comparisons", "Effort", "Points", "Verdict", "compared"]


RESOLVED = 1e-2  # a slope tells something where rounding is below this part of it
WELL_RESOLVED = 1e-4  # and settles it at once where it is below this one
NOTHING = 100  # roundings: what is less is nothing
OVERRULING = 10  # roundings: an error is seen where it is larger
SAME = 1e-2  # of an error: slopes that are nearer are one
EVEN = 1e-2  # how much of a slope may depend on step and side
PAIRS = 2  # of points near by where a kink is looked at again


class Verdict(Enum):
    """What a comparison came to."""

    AGREES = "agrees"
    KINK = "kink"
    WRONG = "wrong"
    UNMEASURED = "not measured"


@dataclass(frozen=True)
class Effort:
    """How closely is looked.

    Args:
        tolerance: what relative error is allowed.
        entries: up to how many entries every one is measured; of a larger array an eighth of so
            many.
        directions: into how many parts each axis of a larger array is cut.
    """

    tolerance: float
    entries: int
    directions: int


@dataclass(frozen=True, eq=False)
class Comparison:
    """The derivative along one direction, by the chain rule and by differences.

    Args:
        numbers: the entries that the direction moves, by flat number.
        derived: what the chain rule gives for the direction.
        measured: what differences give.
        relative: their distance by the size of the derivative.
        verdict: what follows.
        kinks: operations that stand at a kink there.
    """

    numbers: Array
    derived: float
    measured: float
    relative: float
    verdict: Verdict
    kinks: tuple[str, ...] = ()

    @property
    def absolute(self) -> float:
        """Their distance."""
        return abs(self.derived - self.measured)


@dataclass(frozen=True, eq=False)
class Path:
    """A line through a point, along which the loss is measured.

    Args:
        point: where it starts.
        number: of the variable that moves.
        along: where to.
        derived: the derivative along it by the chain rule.
        expected: how large it is to be expected, were the entries' shares independent.
        tolerance: what relative error is allowed.
    """

    point: Point
    number: int
    along: Array
    derived: float
    expected: float
    tolerance: float

    def quick_slope(self) -> Slope:
        """The derivative along it by two values."""
        at, course = self.point.at(self.number), self.point.course(self.number)
        with np.errstate(all="ignore"):  # beyond the domain there are infinities and NaN
            return quick_slope(course, at, self.point.loss, self.along)

    def slope(self, level: int) -> Slope:
        """The derivative along it by differences."""
        at, course = self.point.at(self.number), self.point.course(self.number)
        with np.errstate(all="ignore"):
            return slope_along(course, at, self.point.loss, self.along, STEPS[level])

    def size(self, slope: Slope) -> float:
        """How large the derivative is, by either account."""
        return max(abs(self.derived), abs(slope.value), self.expected)

    def relative(self, slope: Slope) -> float:
        """The relative error, where an error that rounding explains is none."""
        error, size = abs(slope.value - self.derived), self.size(slope)
        if not np.isfinite(error):
            return float("inf")
        if error <= self.tolerance * size + slope.rounding:
            size += slope.rounding / self.tolerance
        return error / size if size > 0 else 0.0

    def tells(self, slope: Slope, resolved: float = RESOLVED) -> bool:
        """Whether a slope is exact enough to confirm or to contradict."""
        if not np.isfinite(slope.value):
            return False
        return not np.isfinite(self.derived) or slope.rounding <= resolved * self.size(slope)

    def agrees(self, slope: Slope, resolved: float = RESOLVED) -> bool:
        """Whether a slope confirms the chain rule."""
        allowed = self.tolerance * self.size(slope) + slope.rounding
        error = abs(slope.value - self.derived)
        return self.tells(slope, resolved) and np.isfinite(error) and error <= allowed

    def is_zero(self, slope: Slope) -> bool:
        """Whether the loss does not move at all, and the chain rule says so."""
        return slope.value == self.derived == 0

    def is_nothing(self, slope: Slope, roundings: float) -> bool:
        """Whether both are too small to be told apart from zero, and from each other."""
        error = abs(slope.value - self.derived)
        is_small = self.size(slope) <= NOTHING * slope.rounding
        return bool(is_small and error <= roundings * slope.rounding)

    def is_even(self, slope: Slope) -> bool:
        """Whether there is no sign of a kink within the step."""
        return slope.unevenness <= EVEN * self.size(slope) + NOTHING * slope.rounding

    def is_explained(self, slope: Slope) -> bool:
        """Whether the slope depends so much on step and side that it does not contradict."""
        error = abs(slope.value - self.derived)
        return error <= 3 * (slope.unevenness + slope.rounding)

    def overrules(self, slope: Slope, others: Sequence[Slope]) -> bool:
        """Whether a slope is exact enough to see what coarser ones have found wrong."""
        return all(
            OVERRULING * slope.rounding <= abs(other.value - self.derived)
            for other in others
            if not self.is_explained(other)
        )

    def is_settled(self, slopes: Sequence[Slope]) -> bool:
        """Whether two steps in a row have given one slope, and it is not that of the chain rule."""
        if len(slopes) < 2:
            return False
        one, other = slopes[-2:]
        apart = abs(one.value - other.value)
        is_one = apart <= SAME * abs(other.value - self.derived)
        return is_one and not self.is_explained(one) and not self.is_explained(other)

    def kinks(self, slope: Slope) -> tuple[str, ...]:
        """The operations that decide otherwise ahead or behind."""
        at, course = self.point.at(self.number), self.point.course(self.number)
        sides = [course.values(at + step * self.along) for step in (slope.step, -slope.step)]
        here = self.point.values
        return tuple(
            dict.fromkeys(k for there in sides for k in crossed(course.nodes, here, there))
        )


@dataclass(eq=False)
class Points:
    """The point where gradients are checked, and those near by that settle what a kink hides."""

    base: Point
    seed: int
    near: list[tuple[Point, Point]] = field(default_factory=list)

    def beside(self) -> Iterator[tuple[Point, Point]]:
        """Pairs of points near by, on opposite sides; made when needed, and then kept."""
        for number in range(PAIRS):
            if number == len(self.near):
                rng = np.random.default_rng([self.seed, number])
                self.near.append(self.base.pair_beside(rng))
            yield self.near[number]


@dataclass(eq=False)
class Comparisons:
    """Compares along directions of one variable.

    Args:
        points: where.
        number: the variable's.
        tolerance: what relative error is allowed.
    """

    points: Points
    number: int
    tolerance: float

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the variable."""
        return self.points.base.graph.variables[self.number].shape

    @property
    def gradient(self) -> Array:
        """The gradient by the variable, by the chain rule."""
        return self.points.base.gradients[self.number]

    def along(self, numbers: Array) -> Comparison:
        """Compare along a direction that moves some entries.

        At a kink there is no derivative. A rule that is right on either side of it is right.
        """
        here = self._at(self.points.base, numbers, may_cross=False)
        if here.verdict in (Verdict.AGREES, Verdict.WRONG):
            return here
        for pair in self.points.beside():
            there = [self._at(point, numbers, may_cross=True) for point in pair]
            for one in there:
                if one.verdict is Verdict.WRONG:
                    return one
            if any(one.verdict is Verdict.AGREES for one in there):
                return replace(here, verdict=Verdict.KINK)
        return replace(here, verdict=Verdict.UNMEASURED)

    def _at(self, point: Point, numbers: Array, may_cross: bool) -> Comparison:
        moved = point.strides(self.number, self.points.seed)[numbers]
        shares = moved * point.gradients[self.number].ravel()[numbers]
        along = np.zeros(prod(self.shape))
        along[numbers] = moved
        path = Path(
            point,
            self.number,
            along.reshape(self.shape),
            float(shares.sum()),
            float(np.sqrt(np.square(shares).sum())),
            self.tolerance,
        )
        verdict, slope, kinks = self._judge(path, may_cross)
        unit = float(moved[0]) if len(numbers) == 1 else 1.0
        return Comparison(
            numbers, path.derived / unit, slope.value / unit, path.relative(slope), verdict, kinks
        )

    def _judge(self, path: Path, may_cross: bool) -> tuple[Verdict, Slope, tuple[str, ...]]:
        """From the coarsest step to the finest, until one confirms; the most even decides."""
        slope = path.quick_slope()
        if path.is_even(slope) and (path.agrees(slope, WELL_RESOLVED) or path.is_zero(slope)):
            return Verdict.AGREES, slope, ()
        telling: list[Slope] = []
        for level in range(len(STEPS)):
            slope = path.slope(level)
            confirms = path.agrees(slope) or path.is_nothing(slope, 1 if telling else NOTHING)
            if confirms and path.is_even(slope) and path.overrules(slope, telling):
                return Verdict.AGREES, slope, ()
            if path.tells(slope):
                telling.append(slope)
            if path.is_settled(telling):
                break
        if not telling:
            return Verdict.UNMEASURED, slope, path.kinks(slope)
        best, finest = min(telling, key=lambda one: one.unevenness + one.rounding), telling[-1]
        kinks = path.kinks(finest)
        if path.is_explained(best) or (kinks and not may_cross):
            return Verdict.KINK, best, kinks
        return Verdict.WRONG, best, ()


def compared(points: Points, number: int, effort: Effort) -> Iterator[Comparison]:
    """Compare one variable's gradient along as many directions as it takes to trust it."""
    comparisons = Comparisons(points, number, effort.tolerance)
    gradient = points.base.gradients[number]
    if gradient.size <= effort.entries:
        chosen = [np.array([entry]) for entry in range(gradient.size)]
    else:
        rng = np.random.default_rng([points.seed, number])
        chosen = slices(gradient.shape, effort.directions)
        chosen += samples(gradient, effort.entries // 8, rng)
    return map(comparisons.along, chosen)
