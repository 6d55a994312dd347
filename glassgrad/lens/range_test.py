"""The learning-rate range test: one short training in which the rate grows step by step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, NotBuiltError, shown
from glassgrad.graph import Variable
from glassgrad.graph.operation import Array
from glassgrad.layers.layer import require_count
from glassgrad.lens.exhibit import Cell, Exhibit, Table, number, or_none
from glassgrad.lens.range_sweep import DIVERGED, LEAST_FALL, sweep, with_free_rate
from glassgrad.models import Model
from glassgrad.optimizers import Optimizer
from glassgrad.random_seed import check_seed
from glassgrad.training.data import ArrayData, as_data

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["RangeTest", "lr_find"]

FEWEST_STEPS, MOST_STEPS = 10, 100_000
LARGEST_RATE = 1e6
SHOWN_POINTS = 11
SAFETY = 10.0  # what the rate of the lowest loss is divided by


@dataclass(frozen=True, eq=False)
class RangeTest(Exhibit):
    """Losses of a training whose learning rate has grown from step to step.

    Args:
        model: the name of the model.
        optimizer: its optimizer, by Keras's name.
        rates: the learning rate of each step.
        losses: the loss of its batch, before the step.
        smoothed: a moving average of the losses, without what batches differ in from the start.
        suggestion: the learning rate to begin with; ``None`` where the test does not tell.
        reason: how the suggestion was found, or why there is none.
        steepest: the rate at which the smoothed loss falls fastest for each tenfold of the rate.
        lowest: the rate at which it is lowest.
        now: the learning rate that the optimizer has.
        batch_size: examples a step.
        ending: why there are no further steps.
    """

    model: str
    optimizer: str
    rates: Array
    losses: Array
    smoothed: Array
    suggestion: float | None
    reason: str
    steepest: float | None
    lowest: float | None
    now: float | None
    batch_size: int
    ending: str

    @property
    def title(self) -> str:
        """What it shows, in a few words."""
        return (
            f"Learning-rate range test of {self.model} with {self.optimizer}, "
            f"{len(self.rates)} steps of {self.batch_size} examples"
        )

    def remarks(self) -> list[str]:
        """The suggestion, and how the test ended."""
        advice = (
            f"No suggestion: {self.reason}"
            if self.suggestion is None
            else f"Suggested learning rate: {self.suggestion:.2g}. {self.reason}"
        )
        return [advice, self.ending]

    def tables(self) -> list[Table]:
        """The rates that stand out, and some of the points."""
        return [self._rates(), self._points()]

    def _rates(self) -> Table:
        named = {
            "suggested": self.suggestion,
            "steepest fall": self.steepest,
            "lowest loss": self.lowest,
            "the optimizer's now": self.now,
        }
        rows = tuple(
            (name, number(rate), number(self._loss_at(rate)))
            for name, rate in named.items()
            if rate is not None
        )
        return Table("Learning rates", ("", "rate", "smoothed loss"), rows)

    def _loss_at(self, rate: float) -> float | None:
        if not len(self.rates) or not self.rates[0] <= rate <= self.rates[-1]:
            return None
        return float(np.interp(math.log(rate), np.log(self.rates), self.smoothed))

    def _points(self) -> Table:
        chosen = np.linspace(0, len(self.rates) - 1, min(SHOWN_POINTS, len(self.rates)))
        rows = tuple(
            (str(n), number(self.rates[n]), number(self.losses[n]), number(self.smoothed[n]))
            for n in chosen.round().astype(int)
        )
        title = f"{len(rows)} of {len(self.rates)} steps"
        return Table(title, ("step", "rate", "loss", "smoothed"), rows)

    def records(self) -> tuple[tuple[str, ...], list[tuple[Cell, ...]]]:
        """A row for each step."""
        columns = ("step", "learning_rate", "loss", "smoothed_loss")
        found = zip(self.rates, self.losses, self.smoothed, strict=True)
        return columns, [
            (step, float(rate), or_none(loss), or_none(smoothed))
            for step, (rate, loss, smoothed) in enumerate(found)
        ]

    def as_dict(self) -> dict[str, Any]:
        """All numbers, for JSON."""
        return {
            "model": self.model,
            "optimizer": self.optimizer,
            "suggestion": self.suggestion,
            "reason": self.reason,
            "steepest": self.steepest,
            "lowest": self.lowest,
            "now": self.now,
            "batch_size": self.batch_size,
            "ending": self.ending,
            "learning_rates": self.rates.tolist(),
            "losses": [or_none(loss) for loss in self.losses.tolist()],
            "smoothed_losses": [or_none(loss) for loss in self.smoothed.tolist()],
        }

    def chart(self) -> Figure:
        """The loss over the learning rate, with what stands out.

        Raises:
            ExecutionError: Matplotlib is not installed.
        """
        from glassgrad.lens.range_test_chart import range_test_chart

        return range_test_chart(self)

    def description(self) -> str:
        """What the picture shows."""
        return f"{self.title}: the loss over the learning rate. {' '.join(self.remarks())}"


@checked
def lr_find(
    model: Model,
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    batch_size: int = 32,
    lowest: float = 1e-7,
    highest: float = 10.0,
    steps: int = 100,
    seed: int | None = 0,
) -> RangeTest:
    """Look for a learning rate by a short training in which it grows exponentially.

    Formula: η_t = lowest (highest / lowest)^(t / (steps - 1)). While the rate is too small the
    loss stays; then it falls, and where the rate is too large it rises. The test ends where the
    smoothed loss is 4 times its best, or not finite. Suggested is the geometric mean of two
    rates: that at which the smoothed loss falls fastest over log η, and a tenth of that at which
    it is lowest. The one alone is at times too bold, the other too careful.

    The model is afterwards as it was: weights, optimizer, metrics, random state.

    Args:
        model: a compiled model, as it is now; the test is meant for the beginning of a training.
        x: inputs, (examples, …).
        y: targets.
        sample_weight: how much each example counts.
        batch_size: examples a step; the suggestion holds for it.
        lowest: the learning rate of the first step, above 0.
        highest: that of the last step.
        steps: how many, from 10 on.
        seed: decides the order of the examples; ``None`` keeps their order.

    Raises:
        NotBuiltError: the model is not compiled.
        ArgumentError: a number is outside its range.
        DataError, ShapeError: the data do not fit the model or the loss.

    Example:
        >>> from glassgrad.layers import Dense, Input
        >>> from glassgrad.models import Sequential
        >>> model = Sequential([Input((1,)), Dense(1, kernel_initializer="zeros")])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> x = np.linspace(-1, 1, 64).reshape(-1, 1)
        >>> found = lr_find(model, x, 3 * x, lowest=1e-4)
        >>> 0.01 < found.suggestion < 1
        True
        >>> model.weights[0].numpy().item()
        0.0

    Source: Smith, "Cyclical learning rates for training neural networks", 2017.
    """
    _require_compiled(model)
    size, count = require_count("batch_size", batch_size), _checked_steps(steps)
    low, high = _checked_rates(lowest, highest)
    order = check_seed(seed)
    given = as_data(x, y, sample_weight, model.dtype)
    now = _rate_of(model.optimizer)
    with with_free_rate(model) as subject:
        data = subject.steps.checked(given, training=True)
        assert isinstance(data, ArrayData)
        rates = np.geomspace(low, high, count)
        losses, smoothed = sweep(subject, data, size, rates, order)
    return _judged(model, rates, np.array(losses), np.array(smoothed), now, min(size, len(data)))


# ---- what it says


def _judged(
    model: Model, rates: Array, losses: Array, smoothed: Array, now: float | None, size: int
) -> RangeTest:
    taken = rates[: len(losses)]
    finite = np.isfinite(smoothed)
    ending = _ending(taken, losses, smoothed, len(rates))
    steepest, lowest, suggestion, reason = _suggested(taken[finite], smoothed[finite])
    return RangeTest(
        model.name,
        type(model.optimizer).__name__,
        taken,
        losses,
        smoothed,
        suggestion,
        reason,
        steepest,
        lowest,
        now,
        size,
        ending,
    )


def _suggested(
    rates: Array, smoothed: Array
) -> tuple[float | None, float | None, float | None, str]:
    """Where the loss falls fastest, where it is lowest, the suggestion, and its reason."""
    if not len(rates):
        return None, None, None, "the loss is not finite before the first step."
    begin, place = float(smoothed[0]), int(smoothed.argmin())
    fall = begin - float(smoothed[place])
    if place == 0 or not fall > LEAST_FALL * abs(begin):
        share = fall / abs(begin) if begin else 0.0
        return (
            None,
            None,
            None,
            f"the loss falls by {share:.1%} at most, and {LEAST_FALL:.0%} would show that "
            "something is learned. Try more steps, or look for other faults first.",
        )
    slopes = np.gradient(smoothed[: place + 1], np.log10(rates[: place + 1]))
    steepest, lowest = float(rates[slopes.argmin()]), float(rates[place])
    reason = (
        f"It lies between the rate at which the loss falls fastest, {steepest:.2g}, and a tenth of "
        f"that at which it is lowest, {lowest:.2g}."
    )
    return steepest, lowest, math.sqrt(steepest * lowest / SAFETY), reason


def _ending(rates: Array, losses: Array, smoothed: Array, planned: int) -> str:
    """Why there are no further steps."""
    if not math.isfinite(losses[-1]):
        return f"The test ended at the rate {rates[-1]:.2g}, where the loss is {losses[-1]}."
    if len(losses) < planned:
        return (
            f"The test ended at the rate {rates[-1]:.2g}, where the smoothed loss is more than "
            f"{DIVERGED:g} times its best."
        )
    if smoothed.argmin() == len(smoothed) - 1:
        return (
            f"The loss still falls at the highest rate, {rates[-1]:.2g}: a higher one may be "
            "better."
        )
    return f"The test went through to the highest rate, {rates[-1]:.2g}."


# ---- checks


def _require_compiled(model: Any) -> None:
    if not isinstance(model, Model):
        raise ArgumentError(f"A learning rate is looked for with a model. Got {shown(model)}.")
    if not model.is_compiled:
        raise NotBuiltError(
            f"Model {model.name!r} has no optimizer yet. First: model.compile(optimizer, loss)."
        )


def _rate_of(optimizer: Optimizer) -> float | None:
    rate = optimizer.learning_rate
    return float(rate.numpy()) if isinstance(rate, Variable) else None


def _checked_steps(steps: Any) -> int:
    count = require_count("steps", steps, FEWEST_STEPS)
    if count > MOST_STEPS:
        raise ArgumentError(f"steps must be at most {MOST_STEPS:,}. Got {count:,}.")
    return count


def _checked_rates(lowest: Any, highest: Any) -> tuple[float, float]:
    for name, value in (("lowest", lowest), ("highest", highest)):
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        if not is_number or not 0 < value <= LARGEST_RATE:
            raise ArgumentError(
                f"{name} must be a learning rate above 0, at most {LARGEST_RATE:g}. "
                f"Got {shown(value)}."
            )
    if not lowest < highest:
        raise ArgumentError(f"lowest must be smaller than highest. Got {lowest:g} and {highest:g}.")
    return float(lowest), float(highest)
