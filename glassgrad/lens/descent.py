"""Gradient descent on a section of the loss, with rates that its curvature decides."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, shown
from glassgrad.graph.operation import Array
from glassgrad.lens.exhibit import Exhibit, Stepped, Table, number, or_none
from glassgrad.lens.section import Section, lowest_point

__all__ = [
    "Descent",
    "LossSection",
    "Valley",
    "checked_count",
    "checked_numbers",
    "checked_rates",
    "descents",
    "in_words",
    "valley_of",
]


# The rates, as parts of 1 / c: descent on a parabola of curvature c multiplies the distance to
# its minimum by 1 - rate c in every step, so it diverges above 2 / c.
SHARES = {"small": 0.1, "good": 1.0, "too large": 2.1}
MOST_RATES = 6
FAR = 1e6  # in units of the scale: whatever has gone so far does not come back
ARRIVED = 1e-3  # of the height above the minimum at the start
DEFAULT_WIDTH = 10.0  # of a picture without a minimum, to each side, in units of the scale
SURVEYED = 9  # places along each coordinate of such a picture
REACH = 20.0  # how far from the weights as they are, in units of the scale, a section is shown
FLAT = 1e-3  # of the height at the start, where the parabola at the minimum stays below it
BEGIN = (-0.45, 0.4)  # where descents begin, as a part of the half width


@dataclass(frozen=True, eq=False)
class Descent:
    """A path of descent.

    Args:
        name: "small", "good", "too large", or what descends.
        learning_rate: its rate.
        points: the coordinates before the first step and after each, (steps + 1, coordinates).
        losses: the loss at each of them.
        lowest: the loss at the minimum.
        can_stay: whether the minimum keeps what comes near: its curvature allows the rate.
    """

    name: str
    learning_rate: float
    points: Array
    losses: Array
    lowest: float
    can_stay: bool = field(default=True, kw_only=True)

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return len(self.losses) - 1

    @property
    def diverged(self) -> bool:
        """Whether it ended higher than it began."""
        return not self.losses[-1] <= self.losses[0]

    @property
    def heights(self) -> Array:
        """How far above the lowest point the loss is, at least 0."""
        return np.asarray(np.maximum(self.losses - self.lowest, 0.0))

    @property
    def reached(self) -> int | None:
        """The step from which on the height stays within a thousandth of that at the start."""
        heights = self.heights
        outside = np.flatnonzero(~(heights <= ARRIVED * heights[0]))
        first = int(outside[-1]) + 1 if len(outside) else 0
        return first if first <= self.steps else None

    @property
    def verdict(self) -> str:
        """What became of it, in a few words."""
        if self.diverged:
            return "diverges"
        if self.reached is not None:
            if not self.can_stay:
                return "comes near, but cannot stay"
            return f"arrives in step {self.reached}"
        rises = np.diff(self.losses) > 0
        return "jumps to and fro" if rises.any() else "still on its way"

    def as_dict(self) -> dict[str, Any]:
        """All numbers, for JSON."""
        return {
            "name": self.name,
            "learning_rate": self.learning_rate,
            "verdict": self.verdict,
            "diverged": self.diverged,
            "reached": self.reached,
            "points": [[or_none(value) for value in point] for point in self.points.tolist()],
            "losses": [or_none(value) for value in self.losses.tolist()],
        }


@dataclass(frozen=True, eq=False)
class Valley:
    """Where the weights are on a section, and what lies below them.

    Args:
        now: the coordinates of the weights as they are.
        now_loss: the loss there.
        lowest: the coordinates of the minimum that descent finds; without one those of now.
        lowest_loss: the loss there; without a minimum the lowest in the picture.
        curvature: the second derivative at the minimum, along two coordinates the largest of
            them; without a minimum the largest in the picture.
        half_width: of a picture with the minimum in its middle.
        has_minimum: whether there is a minimum within reach.
        is_flat: whether the second derivative vanishes at the minimum, as that of w ** 4; the
            curvature is then the largest in the picture.
    """

    now: Array
    now_loss: float
    lowest: Array
    lowest_loss: float
    curvature: float
    half_width: Array
    has_minimum: bool
    is_flat: bool = False

    @property
    def start(self) -> Array:
        """Where descents begin."""
        if not self.has_minimum:
            return self.now
        return np.asarray(self.lowest + np.array(BEGIN[: len(self.now)]) * self.half_width)

    def keeps(self, rate: float) -> bool:
        """Whether descent with a rate stays at the minimum, if there is one with a curvature."""
        return not self.has_minimum or self.is_flat or rate * self.curvature <= 2


def valley_of(section: Section) -> Valley:
    """The minimum below the weights as they are, its curvature, and how wide to look.

    The picture is so wide that the loss of a parabola with this curvature would double, and at
    least as wide as the way from the weights to the minimum; it is never wider than 20 scales.
    """
    now, now_loss = section.start, section.value(section.start)
    lowest = lowest_point(section)
    curvature = section.curvature(lowest)
    largest = float(np.linalg.eigvalsh(curvature)[-1])
    is_near = bool((np.abs(lowest - now) <= REACH * section.scale).all())
    if not (is_near and largest > 0):
        half_width = DEFAULT_WIDTH * section.scale
        return Valley(now, now_loss, now, *_survey(section, now, half_width), half_width, False)
    loss = section.value(lowest)
    with np.errstate(divide="ignore"):
        doubling = np.sqrt(2 * abs(loss) / np.maximum(np.diag(curvature), 0.0))
    wide = np.maximum(np.maximum(doubling, 1.25 * np.abs(now - lowest)), section.scale)
    half_width = np.minimum(wide, REACH * section.scale)
    valley = Valley(now, now_loss, lowest, loss, largest, half_width, True)
    away = valley.start - lowest
    rise = section.value(valley.start) - loss
    if away @ curvature @ away / 2 <= FLAT * rise < np.inf:
        return replace(valley, curvature=_survey(section, lowest, half_width)[1], is_flat=True)
    return valley


def _survey(section: Section, centre: Array, half_width: Array) -> tuple[float, float]:
    """The lowest loss in a picture, and the largest curvature."""
    shares = np.linspace(-1.0, 1.0, SURVEYED)
    places = [centre + np.array(s) * half_width for s in product(shares, repeat=len(centre))]
    curvatures = [np.linalg.eigvalsh(section.curvature(at))[-1] for at in places]
    return min(section.value(at) for at in places), max(0.0, *map(float, curvatures))


def descents(
    section: Section,
    valley: Valley,
    start: Array,
    rates: Sequence[float] | None,
    steps: int,
) -> tuple[Descent, ...]:
    """Descend from one place with several rates: those given, or three that the curvature gives."""
    if rates is not None:
        named = [(f"rate {rate:g}", rate) for rate in rates]
    elif valley.curvature > 0:
        named = [(name, share / valley.curvature) for name, share in SHARES.items()]
    else:
        return ()
    return tuple(
        Descent(
            name,
            rate,
            *_descend(section, start, rate, steps),
            valley.lowest_loss,
            can_stay=valley.keeps(rate),
        )
        for name, rate in named
    )


def _descend(section: Section, start: Array, rate: float, steps: int) -> tuple[Array, Array]:
    """Places and losses of c <- c - rate dL/dc."""
    points = [start]
    for _ in range(steps):
        at = points[-1] - rate * section.slope(points[-1])
        points.append(at)
        if not (np.abs(at - start) <= FAR * section.scale).all():
            break
    return np.array(points), np.array([section.value(point) for point in points])


def in_words(paths: Sequence[Descent]) -> str:
    """What becomes of each path, for those who cannot see the picture."""
    return "; ".join(
        f"{one.name}, learning rate {number(one.learning_rate)}: {one.verdict}" for one in paths
    )


class LossSection(Exhibit):
    """What slices and planes have in common: a valley, and descents in it."""

    valley: Valley
    descents: tuple[Descent, ...]
    examples: int | None
    rates_are_given: bool

    @property
    @abstractmethod
    def labels(self) -> tuple[str, ...]:
        """What the coordinates are called."""

    def remarks(self) -> list[str]:
        """How the learning rates were chosen."""
        curvature, along = self.valley.curvature, " and ".join(self.labels)
        if not curvature > 0:
            return [f"The loss does not bend upwards along {along}: no rate follows."]
        if self.valley.is_flat:
            lines = [
                f"The minimum is flat: a parabola is no picture of the loss along {along}. The "
                f"largest curvature around it is c = {number(curvature)}."
            ]
        elif self.valley.has_minimum:
            lines = [
                f"The curvature at the minimum is c = {number(curvature)}. With a learning rate "
                f"above 2 / c = {number(2 / curvature)}, gradient descent along {along} alone "
                "moves away from the minimum; on a parabola it diverges."
            ]
        else:
            lines = [
                f"There is no minimum near: along {along} the loss falls beyond the picture. "
                f"The largest curvature in it is c = {number(curvature)}."
            ]
        if self.rates_are_given:
            lines.append("The learning rates were given.")
        else:
            shares = ", ".join(f"{share:g} / c ({name})" for name, share in SHARES.items())
            lines.append(f"The learning rates are {shares}.")
        begin = ", ".join(map(number, self.descents[0].points[0]))
        return [
            *lines,
            f"All descents begin at {begin}, away from the minimum, so that their way is seen.",
        ]

    def stepped(self) -> list[Stepped]:
        """The loss along each descent."""
        return [Stepped(one.name, one.losses.tolist()) for one in self.descents]

    def _places(self) -> Table:
        valley = self.valley
        places = [("the weights as they are", valley.now, valley.now_loss)]
        if valley.has_minimum:
            places.append(("the minimum", valley.lowest, valley.lowest_loss))
        rows = tuple((name, *map(number, at), number(loss)) for name, at, loss in places)
        return Table("Places", ("", *self.labels, "loss"), rows)

    def _descents(self) -> Table:
        columns = ("descent", "learning rate", "steps", "first loss", "last loss", "outcome")
        rows = [
            (
                one.name,
                number(one.learning_rate),
                str(one.steps),
                number(one.losses[0]),
                number(one.losses[-1]),
                one.verdict,
            )
            for one in self.descents
        ]
        return Table("Gradient descent", columns, tuple(rows))

    def _shared_dict(self) -> dict[str, Any]:
        valley = self.valley
        return {
            "coordinates": list(self.labels),
            "examples": self.examples,
            "now": {"at": valley.now.tolist(), "loss": or_none(valley.now_loss)},
            "minimum": valley.lowest.tolist() if valley.has_minimum else None,
            "lowest_loss": or_none(valley.lowest_loss),
            "curvature": valley.curvature,
            "descents": [one.as_dict() for one in self.descents],
        }


# ---- what callers give


def checked_rates(rates: Any) -> tuple[float, ...] | None:
    """Learning rates that can be drawn side by side.

    Raises:
        ArgumentError: they are not from one to six positive numbers.
    """
    if rates is None:
        return None
    try:
        found = tuple(float(rate) for rate in rates)
    except (TypeError, ValueError, OverflowError):
        found = ()
    if not 1 <= len(found) <= MOST_RATES or not all(0 < rate < math.inf for rate in found):
        raise ArgumentError(
            f"learning_rates must be from one to {MOST_RATES} positive numbers. Got {shown(rates)}."
        )
    return found


def checked_count(name: str, value: int, least: int, most: int) -> int:
    """A whole number within limits.

    Raises:
        ArgumentError: it is outside of them.
    """
    if not least <= value <= most:
        raise ArgumentError(f"{name} must be from {least} to {most:,}. Got {shown(value)}.")
    return value


def checked_numbers(name: str, value: Any, count: int) -> Array:
    """So many finite numbers; one alone needs no list.

    Raises:
        ArgumentError: they are something else.
    """
    try:
        found = np.atleast_1d(np.asarray(value, np.float64))
    except (TypeError, ValueError, OverflowError):
        found = np.array([math.nan])
    if found.shape != (count,) or not np.isfinite(found).all():
        wanted = "a finite number" if count == 1 else f"{count} finite numbers"
        raise ArgumentError(f"{name} must be {wanted}. Got {shown(value)}.")
    return found
