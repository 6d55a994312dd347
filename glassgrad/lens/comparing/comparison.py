"""The result of a comparison: numbers of every contender, and what may be said about them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean, median, stdev
from typing import TYPE_CHECKING, Any

from glassgrad.errors import ArgumentError
from glassgrad.files import write_atomically
from glassgrad.lens.charts import save_chart
from glassgrad.lens.comparing.contenders import Contender, Kind, kind_named
from glassgrad.lens.comparing.differences import Difference, groups_of, paired_differences
from glassgrad.lens.comparing.gradient_flow import flow_ratio
from glassgrad.lens.comparing.plan import Plan
from glassgrad.lens.comparing.trial import DIVERGED, ENDED, FAILED, Outcome, finite

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Comparison", "Measure", "Spread", "Standing", "Tuned"]

VERSION = 1
WRITTEN = (".html", ".json", ".md", ".png", ".svg", ".txt")


@dataclass(frozen=True)
class Spread:
    """Numbers of several seeds.

    Args:
        mean: NaN where there are none.
        deviation: the standard deviation over the seeds; NaN where there are fewer than two.
    """

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Mean and standard deviation, the latter with n - 1 in the denominator.

        Example:
            >>> Spread.of([1.0, 2.0, 3.0])
            Spread(mean=2.0, deviation=1.0)
        """
        known = [value for value in values if math.isfinite(value)]
        mean = fmean(known) if known else math.nan
        return cls(mean, stdev(known) if len(known) > 1 else math.nan)


@dataclass(frozen=True)
class Measure:
    """The number by which contenders are judged; more of it is better.

    Args:
        name: of a score: "val_accuracy" or "val_r2".
        words: as people say it.
        factor: what it is multiplied by where people read it.
        unit: of a difference.
        resolution: its smallest step.
        baseline: what is reached without looking at the inputs.
    """

    name: str
    words: str
    factor: float
    unit: str
    resolution: float
    baseline: float

    def shown(self, value: float) -> str:
        """A value as people read it."""
        return f"{value:.1%}" if self.factor != 1 else f"{value:.3f}"

    def shown_difference(self, value: float) -> str:
        """A difference without its unit."""
        places = 1 if self.factor != 1 else 3
        return f"{round(value * self.factor, places) + 0.0:.{places}f}"  # no minus before a zero


@dataclass(frozen=True)
class Standing:
    """What all trainings of one contender have come to.

    Args:
        contender: who it is.
        outcomes: one for each seed that was done, in their order.
        group: letters; contenders that share one cannot be told apart. "" where some training
            did not end, and the contender is therefore not held against others.
    """

    contender: Contender
    outcomes: tuple[Outcome, ...]
    group: str = ""

    @property
    def name(self) -> str:
        """The contender's."""
        return self.contender.name

    def count(self, status: str) -> int:
        """How many trainings ended, diverged or failed."""
        return sum(one.status == status for one in self.outcomes)

    def score(self, name: str) -> Spread:
        """Mean and spread of a score over the trainings that ended."""
        return Spread.of(self.scores(name))

    def scores(self, name: str) -> list[float]:
        """A score of every training that ended."""
        return [one.scores[name] for one in self.outcomes if one.status == ENDED]

    @property
    def seconds(self) -> float:
        """Of one training, the median."""
        found = [one.seconds for one in self.outcomes if one.status == ENDED]
        return median(found) if found else math.nan

    def flow(self, at: str) -> float:
        """The gradient of the first layer as a multiple of the last one's, the median.

        Args:
            at: "first" step or "last".
        """
        found = [flow_ratio(getattr(one, f"flow_at_{at}")) for one in self.outcomes]
        known = [ratio for ratio in found if math.isfinite(ratio)]
        return median(known) if known else math.nan


@dataclass(frozen=True)
class Tuned:
    """How a contender's learning rate was found.

    Args:
        name: the contender's.
        rates: those tried.
        results: the measure at each; NaN where training did not end.
        chosen: the best.
    """

    name: str
    rates: tuple[float, ...]
    results: tuple[float, ...]
    chosen: float

    @property
    def is_at_the_edge(self) -> bool:
        """Whether a rate beyond those tried might do better."""
        return self.chosen in (min(self.rates), max(self.rates))


@dataclass(frozen=True, eq=False)
class Comparison:
    """Contenders held against each other; ``compare`` makes it.

    Args:
        plan: what was done.
        dataset: the data in a few words.
        measure: by what contenders are judged.
        contenders: those compared, as they were trained.
        outcomes: of every training that counts.
        tuned: how learning rates were found, where that was asked for.
    """

    plan: Plan
    dataset: str
    measure: Measure
    contenders: tuple[Contender, ...]
    outcomes: tuple[Outcome, ...]
    tuned: tuple[Tuned, ...] = ()

    @property
    def kind(self) -> Kind:
        """What varies."""
        return kind_named(self.plan.kind)

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """Every contender with its trainings, in the order of the plan."""
        return tuple(
            Standing(
                contender,
                tuple(one for one in self.outcomes if one.contender == contender.name),
                self._groups.get(contender.name, ""),
            )
            for contender in self.contenders
        )

    @cached_property
    def ranked(self) -> tuple[str, ...]:
        """Those of which every training ended, the highest mean first."""
        means: dict[str, float] = {}
        for contender in self.contenders:
            own = [one for one in self.outcomes if one.contender == contender.name]
            if own and all(one.status == ENDED for one in own):
                means[contender.name] = fmean(one.scores[self.measure.name] for one in own)
        return tuple(sorted(means, key=lambda name: -means[name]))

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """Every pair of those of which every training ended; the first has the higher mean."""
        results: dict[str, list[float]] = {name: [] for name in self.ranked}
        for one in sorted(self.outcomes, key=lambda outcome: outcome.seed):
            if one.contender in results:
                results[one.contender].append(one.scores[self.measure.name])
        return paired_differences(results, self.measure.resolution)

    @cached_property
    def _groups(self) -> dict[str, str]:
        return groups_of(self.ranked, self.differences) if self.differences else {}

    def count(self, status: str) -> int:
        """How many trainings ended, diverged or failed."""
        return sum(one.status == status for one in self.outcomes)

    @property
    def is_whole(self) -> bool:
        """Whether every training was done, and none failed."""
        wanted = len(self.contenders) * self.plan.seeds
        return self.count(ENDED) + self.count(DIVERGED) == wanted

    # ---- forms

    @property
    def columns(self) -> tuple[str, ...]:
        """The header of the table."""
        from glassgrad.lens.comparing.writing import columns_of

        return columns_of(self)

    @property
    def table(self) -> tuple[tuple[str, ...], ...]:
        """The rows of the table, as text; see ``columns``."""
        from glassgrad.lens.comparing.writing import rows_of

        return rows_of(self)

    def setting(self) -> list[str]:
        """Sentences that say what was done."""
        from glassgrad.lens.comparing.statement import setting_of

        return setting_of(self)

    def statement(self) -> list[str]:
        """Sentences that say which differences exceed the spread, and which do not."""
        from glassgrad.lens.comparing.statement import statement_of

        return statement_of(self)

    def __str__(self) -> str:
        from glassgrad.lens.comparing.writing import as_text

        return as_text(self)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values, fit for JSON; numbers that do not exist are ``None``."""
        return {
            "version": VERSION,
            "kind": self.plan.kind,
            "plan": self.plan.as_dict(),
            "data": self.dataset,
            "measure": self.measure.name,
            "contenders": [self._standing(one) for one in self.standings],
            "differences": [finite(asdict(one)) for one in self.differences],
            "tuned": [
                finite({**asdict(one), "is_at_the_edge": one.is_at_the_edge}) for one in self.tuned
            ],
            "setting": self.setting(),
            "statement": self.statement(),
        }

    def _standing(self, standing: Standing) -> dict[str, Any]:
        names = dict.fromkeys(name for one in standing.outcomes for name in one.scores)
        found: dict[str, Any] = finite(
            {
                "name": standing.name,
                "setting": standing.contender.setting.as_dict(),
                "runs": {status: standing.count(status) for status in (ENDED, DIVERGED, FAILED)},
                "scores": {name: asdict(standing.score(name)) for name in names},
                "seconds": standing.seconds,
                "gradient_flow": {at: standing.flow(at) for at in ("first", "last")},
                "group": standing.group,
                "trials": [one.as_dict() for one in standing.outcomes],
            }
        )
        return found

    def json(self) -> str:
        """``as_dict`` as text."""
        return json.dumps(self.as_dict(), indent=1, allow_nan=False)

    def chart(self) -> Figure:
        """Results with their spread, learning curves and gradient flow, drawn by Matplotlib.

        Raises:
            ExecutionError: Matplotlib is not installed.
        """
        from glassgrad.lens.comparing.chart import drawn

        return drawn(self)

    def html(self) -> str:
        """A page that needs nothing from outside, with the picture where Matplotlib is there."""
        from glassgrad.lens.comparing.writing import as_page

        return as_page(self)

    def _repr_html_(self) -> str:
        from glassgrad.lens.comparing.writing import as_html

        return as_html(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it down in the form that the name's end asks for.

        Args:
            path: ends in .html, .json, .md, .txt, .png or .svg.

        Raises:
            ArgumentError: it ends otherwise.
            ExecutionError: Matplotlib is needed, and is not installed.
            FileError: it cannot be written.
        """
        from glassgrad.lens.comparing.writing import as_markdown

        wanted = Path(path)
        form = wanted.suffix.lower()
        if form not in WRITTEN:
            raise ArgumentError(
                f"A comparison is written as {', '.join(WRITTEN)}. Got the name {str(path)!r}."
            )
        if form in (".png", ".svg"):
            return save_chart(self.chart(), wanted)
        made: dict[str, Callable[[], str]] = {
            ".html": self.html,
            ".json": self.json,
            ".md": lambda: as_markdown(self),
            ".txt": lambda: str(self),
        }
        text = made[form]()
        with write_atomically(wanted) as file:
            file.write(text.rstrip("\n").encode() + b"\n")
        return wanted
