"""The loss along one weight, and what gradient descent does on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError
from glassgrad.graph.operation import Array
from glassgrad.lens.descent import (
    Descent,
    LossSection,
    Valley,
    checked_count,
    checked_numbers,
    checked_rates,
    descents,
    in_words,
    valley_of,
)
from glassgrad.lens.exhibit import Cell, Table, number, or_none
from glassgrad.lens.section import Section, along_weight, strongest_weights
from glassgrad.lens.subject import Subject, subject_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glassgrad.graph import Tensor
    from glassgrad.models import Model

__all__ = ["MOST_STEPS", "LossSlice", "examples_of", "loss_slice"]

MOST_POINTS = 10_001
MOST_STEPS = 10_000
SHOWN_POINTS = 11
CANDIDATES = 20


@dataclass(frozen=True, eq=False)
class LossSlice(LossSection):
    """The loss along one weight, all others fixed, with paths of gradient descent.

    Args:
        weight: the weight, "dense/kernel[0, 3]".
        points: values of the weight.
        losses: the loss at each of them.
        slopes: its derivative there, from the chain rule.
        valley: where the weight is now, and the minimum.
        descents: paths of gradient descent on this weight alone.
        examples: how many examples the loss is taken over, ``None`` for a loss without a model.
        rates_are_given: whether the learning rates were chosen by the caller.
    """

    weight: str
    points: Array
    losses: Array
    slopes: Array
    valley: Valley
    descents: tuple[Descent, ...]
    examples: int | None
    rates_are_given: bool

    @property
    def title(self) -> str:
        """What it shows, in a few words."""
        examples = "" if self.examples is None else f" ({self.examples:,} examples)"
        return f"The loss along {self.weight}, all other weights fixed{examples}"

    @property
    def labels(self) -> tuple[str, ...]:
        """What the coordinate is called."""
        return (self.weight,)

    def remarks(self) -> list[str]:
        """How the learning rates were chosen, or why there are none."""
        if not self.slopes.any():
            return [
                f"The loss does not depend on {self.weight} in these examples: its gradient is 0 "
                "everywhere. So it is with the weight of an input that is always 0, or of a unit "
                "that is always silent."
            ]
        return super().remarks()

    def tables(self) -> list[Table]:
        """Places, descents, and some of the points."""
        chosen = np.linspace(0, len(self.points) - 1, min(SHOWN_POINTS, len(self.points)))
        rows = tuple(
            (number(self.points[n]), number(self.losses[n]), number(self.slopes[n]))
            for n in chosen.round().astype(int)
        )
        curve = Table(
            f"{len(rows)} of {len(self.points)} points", (self.weight, "loss", "gradient"), rows
        )
        return [self._places(), *([self._descents()] if self.descents else []), curve]

    def records(self) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
        """The curve, then each descent."""
        columns = ("path", "step", self.weight, "loss", "gradient")
        curve = zip(self.points, self.losses, self.slopes, strict=True)
        rows: list[tuple[Cell, ...]] = [
            ("curve", None, float(w), float(loss), float(slope)) for w, loss, slope in curve
        ]
        for one in self.descents:
            steps = zip(one.points[:, 0], one.losses, strict=True)
            rows += [
                (one.name, step, float(w), float(loss), None)
                for step, (w, loss) in enumerate(steps)
            ]
        return columns, rows

    def as_dict(self) -> dict[str, Any]:
        """All numbers, for JSON."""
        return {
            "weight": self.weight,
            **self._shared_dict(),
            "points": self.points.tolist(),
            "losses": [or_none(value) for value in self.losses.tolist()],
            "gradients": [or_none(value) for value in self.slopes.tolist()],
        }

    def chart(self) -> Figure:
        """The curve with a panel for each descent, and the loss step by step.

        Raises:
            ExecutionError: Matplotlib is not installed.
        """
        from glassgrad.lens.slice_charts import slice_chart

        return slice_chart(self)

    def description(self) -> str:
        """What the picture shows."""
        return f"{self.title}. Gradient descent: {in_words(self.descents) or 'none'}."


@checked
def loss_slice(
    target: Model | Tensor,
    x: Any = None,
    y: Any = None,
    *,
    weight: str | None = None,
    sample_weight: Any = None,
    training: bool = False,
    limits: Sequence[float] | None = None,
    points: int = 101,
    learning_rates: Sequence[float] | None = None,
    steps: int = 25,
    start: float | None = None,
) -> LossSlice:
    """Follow the loss along one weight, and descend on it with several learning rates.

    Formula: w <- w - η dL/dw. Near a minimum where the second derivative is c, each step
    multiplies the distance to it by 1 - η c: above η = 1 / c descent overshoots, and above 2 / c
    it diverges. The rates are therefore 0.1 / c, 1 / c and 2.1 / c.

    Args:
        target: a compiled model, or a loss, a scalar tensor of variables.
        x: the inputs, for a model.
        y: the targets.
        weight: an entry of a parameter, "dense/kernel[0, 3]"; by default one with a large
            gradient and a minimum within reach.
        sample_weight: how much each example counts.
        training: whether layers behave as in training; by default the loss is what ``evaluate``
            measures, without dropout.
        limits: the lowest and the highest value of the weight; by default the picture is wide
            enough for the loss to double.
        points: how many values between them.
        learning_rates: rates to use instead, from one to six.
        steps: how many steps each descent makes.
        start: where the descents begin; by default 0.45 of the half width left of the minimum.

    Raises:
        UnknownNameError: no parameter has this name.
        ArgumentError: the place is none of the parameter's, or a number is outside its range.
        NotBuiltError: the model is not compiled.
        DataError: the loss is not finite.

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable(3.0, name="w")
        >>> found = loss_slice(2.0 * w * w, weight="w", steps=10)
        >>> found.valley.curvature
        4.0
        >>> for descent in found.descents:
        ...     print(f"{descent.learning_rate:.3f} {descent.verdict}")
        0.025 still on its way
        0.250 arrives in step 1
        0.525 diverges

    Source: Goodfellow, Bengio, Courville, "Deep learning", 2016, section 4.3.
    """
    rates = checked_rates(learning_rates)
    checked_count("points", points, 3, MOST_POINTS)
    checked_count("steps", steps, 1, MOST_STEPS)
    subject = subject_of(target, x, y, sample_weight, training=training)
    section, valley = _chosen(subject, weight)
    begin = valley.start if start is None else checked_numbers("start", start, 1)
    low, high = _limits(limits, valley, begin)
    values = np.linspace(low, high, points)
    places = values[:, np.newaxis]
    return LossSlice(
        section.directions[0].label,
        values,
        np.array([section.value(at) for at in places]),
        np.array([section.slope(at)[0] for at in places]),
        valley,
        descents(section, valley, begin, rates, steps),
        examples_of(subject),
        rates is not None,
    )


def _chosen(subject: Subject, weight: str | None) -> tuple[Section, Valley]:
    """The section along a weight; where none is named, the first that leads to a minimum."""
    names = strongest_weights(subject, CANDIDATES) if weight is None else [weight]
    found = []
    for name in names:
        section = Section(subject, [along_weight(subject, name)])
        found.append((section, valley_of(section)))
        if found[-1][1].has_minimum:
            return found[-1]
    return found[0]


def _limits(limits: Any, valley: Valley, begin: Array) -> tuple[float, float]:
    if limits is None:
        half = max(float(valley.half_width[0]), 1.25 * abs(float(begin[0] - valley.lowest[0])))
        return float(valley.lowest[0]) - half, float(valley.lowest[0]) + half
    low, high = checked_numbers("limits", limits, 2)
    if not low < high:
        raise ArgumentError(f"limits must be a number and a greater one. Got {limits!r}.")
    return float(low), float(high)


def examples_of(subject: Subject) -> int | None:
    """How many examples the loss is taken over."""
    if subject.model is None or "x" not in subject.names:
        return None
    return len(subject.arrays[subject.names.index("x")])
