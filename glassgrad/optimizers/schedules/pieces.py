"""Rates that stay the same for a while, and then jump."""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor
from glassgrad.ops import where
from glassgrad.ops.rounding import floor
from glassgrad.optimizers.checks import check_count, check_from_zero
from glassgrad.optimizers.schedules.schedule import LearningRateSchedule, register

__all__ = ["PiecewiseConstantDecay", "StepDecay"]


@register()
class PiecewiseConstantDecay(LearningRateSchedule):
    """The first value up to and with the first boundary, then the second one, and so on.

    Args:
        boundaries: numbers of steps, each above the one before.
        values: the rates; one more than there are boundaries.
        name: what the schedule is called.

    Raises:
        ArgumentError: the numbers of boundaries and values do not fit, the boundaries do not
            rise, or a number is below 0.

    Example:
        >>> PiecewiseConstantDecay([10, 20], [0.5, 0.25, 0.125])([0, 10, 11, 21]).numpy()
        array([0.5  , 0.5  , 0.25 , 0.125])
    """

    def __init__(
        self,
        boundaries: Sequence[float],
        values: Sequence[float],
        name: str = "PiecewiseConstant",
    ) -> None:
        self.boundaries = [check_from_zero("Each of boundaries", one) for one in boundaries]
        self.values = [check_from_zero("Each of values", value) for value in values]
        self.name = name
        if len(self.values) != len(self.boundaries) + 1:
            raise ArgumentError(
                "There must be one value more than boundaries. Got "
                f"{len(self.boundaries)} boundaries and {len(self.values)} values."
            )
        if any(b <= a for a, b in zip(self.boundaries, self.boundaries[1:], strict=False)):
            raise ArgumentError(f"The boundaries must rise. Got {self.boundaries}.")

    def rate(self, step: Tensor) -> Tensor:
        """The value of the piece in which the step is."""
        rate = step * 0.0 + self.values[0]
        for boundary, value in zip(self.boundaries, self.values[1:], strict=True):
            rate = where(step > boundary, value, rate)
        return rate


@register()
class StepDecay(LearningRateSchedule):
    """By a factor after every so many steps: initial_learning_rate · factor^floor(step / every).

    Keras has it as ``ExponentialDecay`` with ``staircase=True``; PyTorch calls it StepLR.

    Args:
        initial_learning_rate: the first rate.
        step_size: how many steps a rate lasts, at least 1.
        factor: by which the rate is multiplied then.
        name: what the schedule is called.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> StepDecay(0.5, step_size=10, factor=0.5)([0, 9, 10, 20]).numpy()
        array([0.5  , 0.5  , 0.25 , 0.125])
    """

    def __init__(
        self,
        initial_learning_rate: float,
        step_size: int,
        factor: float = 0.1,
        name: str = "StepDecay",
    ) -> None:
        self.initial_learning_rate = check_from_zero("initial_learning_rate", initial_learning_rate)
        self.step_size = check_count("step_size", step_size, 1)
        self.factor = check_from_zero("factor", factor)
        self.name = name

    def rate(self, step: Tensor) -> Tensor:
        """The formula."""
        drops: Tensor = floor(step / float(self.step_size))
        return self.factor**drops * self.initial_learning_rate
