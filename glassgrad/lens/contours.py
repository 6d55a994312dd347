"""The loss over a plane: two weights, or two random directions, and what descent does there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, shown
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
from glassgrad.lens.exhibit import Cell, Table, or_none
from glassgrad.lens.section import Section, along_weight, random_directions
from glassgrad.lens.slice import MOST_STEPS, examples_of
from glassgrad.lens.subject import subject_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glassgrad.graph import Tensor
    from glassgrad.models import Model

__all__ = ["LossPlane", "loss_plane"]

MOST_POINTS = 401


@dataclass(frozen=True, eq=False)
class LossPlane(LossSection):
    """The loss along two directions, with paths of gradient descent in their plane.

    Args:
        names: what the two coordinates are called.
        xs: values of the first coordinate.
        ys: values of the second.
        losses: the loss, (ys, xs).
        valley: where the weights are now, and the minimum in the plane.
        descents: paths of gradient descent in the plane.
        examples: how many examples the loss is taken over, ``None`` for a loss without a model.
        rates_are_given: whether the learning rates were chosen by the caller.
    """

    names: tuple[str, str]
    xs: Array
    ys: Array
    losses: Array
    valley: Valley
    descents: tuple[Descent, ...]
    examples: int | None
    rates_are_given: bool

    @property
    def title(self) -> str:
        """What it shows, in a few words."""
        examples = "" if self.examples is None else f" ({self.examples:,} examples)"
        return f"The loss along {self.names[0]} and {self.names[1]}{examples}"

    @property
    def labels(self) -> tuple[str, ...]:
        """What the coordinates are called."""
        return self.names

    def tables(self) -> list[Table]:
        """Places and descents."""
        return [self._places(), *([self._descents()] if self.descents else [])]

    def records(self) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
        """The plane, row by row, then each descent."""
        columns = ("path", "step", *self.names, "loss")
        rows: list[tuple[Cell, ...]] = [
            ("plane", None, float(x), float(y), float(self.losses[row, column]))
            for row, y in enumerate(self.ys)
            for column, x in enumerate(self.xs)
        ]
        for one in self.descents:
            rows += [
                (one.name, step, float(x), float(y), float(loss))
                for step, ((x, y), loss) in enumerate(zip(one.points, one.losses, strict=True))
            ]
        return columns, rows

    def as_dict(self) -> dict[str, Any]:
        """All numbers, for JSON."""
        return {
            **self._shared_dict(),
            "xs": self.xs.tolist(),
            "ys": self.ys.tolist(),
            "losses": [[or_none(value) for value in row] for row in self.losses.tolist()],
        }

    def chart(self) -> Figure:
        """Contours with the descents, and the loss step by step.

        Raises:
            ExecutionError: Matplotlib is not installed.
        """
        from glassgrad.lens.slice_charts import plane_chart

        return plane_chart(self)

    def description(self) -> str:
        """What the picture shows."""
        told = in_words(self.descents) or "none"
        return f"{self.title}, as contours. Gradient descent: {told}."


@checked
def loss_plane(
    target: Model | Tensor,
    x: Any = None,
    y: Any = None,
    *,
    weights: Sequence[str] | None = None,
    seed: int = 0,
    sample_weight: Any = None,
    training: bool = False,
    points: int = 41,
    learning_rates: Sequence[float] | None = None,
    steps: int = 25,
    start: Sequence[float] | None = None,
) -> LossPlane:
    """Look at the loss over a plane of weights, and descend in it with several learning rates.

    Formula: (a, b) <- (a, b) - η (dL/da, dL/db). The largest curvature c at the minimum limits
    the rate: above 2 / c descent does not stay there, and along a direction of much smaller
    curvature it is slow. The rates are 0.1 / c, 1 / c and 2.1 / c.

    Args:
        target: a compiled model, or a loss, a scalar tensor of variables.
        x: the inputs, for a model.
        y: the targets.
        weights: two entries of parameters, ``["dense/kernel[0, 0]", "dense/bias[0]"]``; without
            them two random directions, each filter as long as that of the network.
        seed: of the random directions.
        sample_weight: how much each example counts.
        training: whether layers behave as in training.
        points: how many values of each coordinate.
        learning_rates: rates to use instead, from one to six.
        steps: how many steps each descent makes.
        start: where the descents begin; by default to one side of the minimum.

    Raises:
        UnknownNameError: no parameter has this name.
        ArgumentError: there are not two different weights, or a number is outside its range.
        ShapeError: random directions are wanted, and no parameter has filters.
        NotBuiltError: the model is not compiled.
        DataError: the loss is not finite.

    Example:
        >>> from glassgrad import Variable
        >>> a, b = Variable(1.0, name="a"), Variable(1.0, name="b")
        >>> found = loss_plane(a * a + 10.0 * b * b, weights=["a", "b"], points=5, steps=10)
        >>> found.losses.shape, round(found.valley.curvature, 6)
        ((5, 5), 20.0)
        >>> [descent.verdict for descent in found.descents]
        ['still on its way', 'still on its way', 'diverges']

    Source: Li, Xu, Taylor, Studer, Goldstein, "Visualizing the loss landscape of neural nets",
    2018.
    """
    rates = checked_rates(learning_rates)
    checked_count("points", points, 3, MOST_POINTS)
    checked_count("steps", steps, 1, MOST_STEPS)
    checked_count("seed", seed, 0, 2**63)
    subject = subject_of(target, x, y, sample_weight, training=training)
    if weights is None:
        directions = random_directions(subject, 2, seed)
    else:
        directions = [along_weight(subject, name) for name in _two(weights)]
        if directions[0].label == directions[1].label:
            raise ArgumentError(
                f"A plane needs two different weights. Got {directions[0].label} twice."
            )
    section = Section(subject, directions)
    valley = valley_of(section)
    begin = valley.start if start is None else checked_numbers("start", start, 2)
    half = np.maximum(valley.half_width, 1.25 * np.abs(begin - valley.lowest))
    xs, ys = (
        np.linspace(middle - wide, middle + wide, points)
        for middle, wide in zip(valley.lowest, half, strict=True)
    )
    losses = np.array([[section.value(np.array([a, b])) for a in xs] for b in ys])
    return LossPlane(
        (directions[0].label, directions[1].label),
        xs,
        ys,
        losses,
        valley,
        descents(section, valley, begin, rates, steps),
        examples_of(subject),
        rates is not None,
    )


def _two(weights: Any) -> list[str]:
    names = [weights] if isinstance(weights, str) else list(weights)
    if len(names) != 2 or not all(isinstance(name, str) for name in names):
        raise ArgumentError(f"A plane is spanned by two weights, by name. Got {shown(weights)}.")
    return names
