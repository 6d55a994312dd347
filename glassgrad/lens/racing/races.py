"""What races have come to: tables, pictures and numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glassgrad.lens.descent import ARRIVED, in_words
from glassgrad.lens.exhibit import Cell, Exhibit, Stepped, Table, number
from glassgrad.lens.racing.runners import GIVEN, GRID, OWN, TUNED, Runner
from glassgrad.lens.racing.surfaces import Place, Surface

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Race", "Races"]

NEVER = "-"


@dataclass(frozen=True, eq=False)
class Race(Exhibit):
    """Optimizers on one surface, from one start.

    Args:
        surface: what they run on.
        start: where they begin.
        steps: how many steps each may make.
        runners: their paths.
    """

    surface: Surface
    start: Place
    steps: int
    runners: tuple[Runner, ...]

    @property
    def title(self) -> str:
        """What it shows, in a few words."""
        return f"Optimizers on the surface {self.surface.name}, {self.steps:,} steps"

    def remarks(self) -> list[str]:
        """The surface, and where the learning rates come from."""
        surface = self.surface
        minima = ", ".join(_shown(place) for place in surface.minima)
        several = "minimum" if len(surface.minima) == 1 else "minima"
        lines = [
            f"f(x, y) = {surface.formula}; {several} {number(surface.lowest)} at {minima}; "
            f"start {_shown(self.start)}.",
            surface.character,
            f"Source: {surface.source}." if surface.source else "",
            *_about_rates(self.runners),
        ]
        return [line for line in lines if line]

    def tables(self) -> list[Table]:
        """A row for each optimizer, in the order in which they were named."""
        columns = (
            "optimizer",
            "learning rate",
            "arrives in step",
            "height at the end",
            "distance",
            "outcome",
        )
        rows = tuple(
            (
                one.name,
                number(one.learning_rate),
                NEVER if one.diverged or one.reached is None else str(one.reached),
                number(one.heights[-1]),
                number(one.distance),
                one.verdict,
            )
            for one in self.runners
        )
        return [Table("Results", columns, rows)]

    def records(self) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
        """Every step of every optimizer."""
        columns = ("surface", "optimizer", "learning_rate", "step", "x", "y", "height")
        rows: list[tuple[Cell, ...]] = []
        for one in self.runners:
            steps = zip(one.points.tolist(), one.losses.tolist(), strict=True)
            rows += [
                (self.surface.name, one.name, one.learning_rate, step, *place, height)
                for step, (place, height) in enumerate(steps)
            ]
        return columns, rows

    def as_dict(self) -> dict[str, Any]:
        """All numbers, for JSON."""
        surface = self.surface
        return {
            "surface": surface.name,
            "formula": surface.formula,
            "minima": [list(place) for place in surface.minima],
            "lowest": surface.lowest,
            "source": surface.source,
            "start": list(self.start),
            "steps": self.steps,
            "grid": list(GRID),
            "arrived_below": ARRIVED,
            "runners": [one.as_dict() for one in self.runners],
        }

    def chart(self) -> Figure:
        """The paths on the contours, and the height step by step.

        Raises:
            ExecutionError: Matplotlib is not installed.
        """
        from glassgrad.lens.racing.charts import race_chart

        return race_chart(self)

    def description(self) -> str:
        """What the picture shows."""
        return f"{self.title}, from {_shown(self.start)}. {in_words(self.runners)}."

    def stepped(self) -> list[Stepped]:
        """The height along each path."""
        return [Stepped(one.name, one.heights.tolist()) for one in self.runners]


@dataclass(frozen=True, eq=False)
class Races(Exhibit):
    """The same optimizers on several surfaces.

    Args:
        races: one for each surface.
    """

    races: tuple[Race, ...]

    @property
    def title(self) -> str:
        """What it shows, in a few words."""
        steps = self.races[0].steps
        return f"Optimizers on {len(self.races)} surfaces, {steps:,} steps"

    def remarks(self) -> list[str]:
        """Where the learning rates come from."""
        return _about_rates([one for race in self.races for one in race.runners])

    def tables(self) -> list[Table]:
        """For each surface and optimizer the step of arrival, then the rates."""
        names = tuple(one.name for one in self.races[0].runners)

        def table(title: str, cell: Any) -> Table:
            rows = tuple(
                (race.surface.name, *(cell(one) for one in race.runners)) for race in self.races
            )
            return Table(title, ("surface", *names), rows)

        return [
            table("Step of arrival", _outcome),
            table("Height above the minimum at the end", lambda one: number(one.heights[-1])),
            table("Learning rate", lambda one: number(one.learning_rate)),
        ]

    def records(self) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
        """Every step of every optimizer on every surface."""
        parts = [race.records() for race in self.races]
        return parts[0][0], [row for _, rows in parts for row in rows]

    def as_dict(self) -> dict[str, Any]:
        """All numbers, for JSON."""
        return {"races": [race.as_dict() for race in self.races]}

    def chart(self) -> Figure:
        """A picture of each surface with the paths on it.

        Raises:
            ExecutionError: Matplotlib is not installed.
        """
        from glassgrad.lens.racing.charts import races_chart

        return races_chart(self)

    def description(self) -> str:
        """What the picture shows."""
        return " ".join(race.description() for race in self.races)


def _outcome(runner: Runner) -> str:
    if runner.diverged:
        return "diverges"
    return NEVER if runner.reached is None else str(runner.reached)


def _shown(place: Place) -> str:
    return f"({number(place[0])}, {number(place[1])})"


def _about_rates(runners: Any) -> list[str]:
    """The rules of the race, as they were for these runners."""
    lines = [
        f"An optimizer has arrived from the step on which its height above the minimum stays, to "
        f"the end of the race, within {ARRIVED:g} of that at the start.",
    ]
    names = {
        origin: ", ".join(dict.fromkeys(one.name for one in runners if one.origin == origin))
        for origin in Counter(one.origin for one in runners)
    }
    if TUNED in names:
        grid = ", ".join(f"{rate:g}" for rate in GRID)
        lines.append(
            f"Learning rates of {names[TUNED]} were tuned for this very race: of {grid} the one "
            "that arrives first or, if none arrives, ends lowest. So it shows what each can do "
            "at its best, not what it does where nobody has tuned it."
        )
    if GIVEN in names:
        lines.append(f"Learning rates of {names[GIVEN]} were given.")
    if OWN in names:
        lines.append(
            f"Learning rates of {names[OWN]} are the defaults, which are meant for networks: on "
            "a surface they may be far too small."
        )
    return lines
