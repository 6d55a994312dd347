"""Rates that fall smoothly: by a factor, by a growing divisor, along a polynomial."""

from __future__ import annotations

from glassgrad.graph import Tensor
from glassgrad.ops import maximum, minimum
from glassgrad.ops.rounding import ceil, floor
from glassgrad.optimizers.checks import check_from_zero, check_positive
from glassgrad.optimizers.schedules.schedule import LearningRateSchedule, register

__all__ = ["ExponentialDecay", "InverseTimeDecay", "PolynomialDecay"]


class _Decay(LearningRateSchedule):
    """What depends on the number of periods that have passed."""

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool,
        name: str,
    ) -> None:
        self.initial_learning_rate = check_from_zero("initial_learning_rate", initial_learning_rate)
        self.decay_steps = check_positive("decay_steps", decay_steps)
        self.decay_rate = check_from_zero("decay_rate", decay_rate)
        self.staircase = bool(staircase)
        self.name = name

    def _periods(self, step: Tensor) -> Tensor:
        periods = step / self.decay_steps
        return floor(periods) if self.staircase else periods


@register()
class ExponentialDecay(_Decay):
    """By one factor in every period: initial_learning_rate · decay_rate^(step / decay_steps).

    Args:
        initial_learning_rate: the first rate.
        decay_steps: the length of a period, above 0.
        decay_rate: the factor.
        staircase: whether the rate changes at the end of a period alone.
        name: what the schedule is called.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> ExponentialDecay(0.5, decay_steps=10, decay_rate=0.25)([0, 5, 10]).numpy()
        array([0.5  , 0.25 , 0.125])
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def rate(self, step: Tensor) -> Tensor:
        """The formula."""
        return self.decay_rate ** self._periods(step) * self.initial_learning_rate


@register()
class InverseTimeDecay(_Decay):
    """As 1 / time: initial_learning_rate / (1 + decay_rate · step / decay_steps).

    Args:
        initial_learning_rate: the first rate.
        decay_steps: the length of a period, above 0.
        decay_rate: by how much the divisor grows in a period.
        staircase: whether the rate changes at the end of a period alone.
        name: what the schedule is called.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> InverseTimeDecay(0.5, decay_steps=10, decay_rate=1.0)([0, 10, 30]).numpy()
        array([0.5  , 0.25 , 0.125])

    Source: Robbins, Monro, "A stochastic approximation method", 1951: such rates converge.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, decay_rate, staircase, name)

    def rate(self, step: Tensor) -> Tensor:
        """The formula."""
        return self.initial_learning_rate / (self._periods(step) * self.decay_rate + 1.0)


@register()
class PolynomialDecay(LearningRateSchedule):
    """Down to the end along a power: end + (initial - end) (1 - step / decay_steps)^power.

    After ``decay_steps`` the rate stays at its end. With ``cycle`` it goes up again instead, less
    high each time, since the period is stretched to the next multiple of ``decay_steps``.

    Args:
        initial_learning_rate: the first rate.
        decay_steps: after how many steps the end is reached, above 0.
        end_learning_rate: the last rate.
        power: 1 makes a straight line.
        cycle: whether to begin again.
        name: what the schedule is called.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> PolynomialDecay(0.5, decay_steps=10, end_learning_rate=0.25)([0, 5, 10, 99]).numpy()
        array([0.5  , 0.375, 0.25 , 0.25 ])
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate = check_from_zero("initial_learning_rate", initial_learning_rate)
        self.decay_steps = check_positive("decay_steps", decay_steps)
        self.end_learning_rate = check_from_zero("end_learning_rate", end_learning_rate)
        self.power = check_from_zero("power", power)
        self.cycle = bool(cycle)
        self.name = name

    def rate(self, step: Tensor) -> Tensor:
        """The formula."""
        drop = self.initial_learning_rate - self.end_learning_rate
        return (1.0 - self._progress(step)) ** self.power * drop + self.end_learning_rate

    def _progress(self, step: Tensor) -> Tensor:
        if not self.cycle:
            progress: Tensor = minimum(step / self.decay_steps, 1.0)
            return progress
        periods = maximum(ceil(step / self.decay_steps), 1.0)
        progress_in_cycles: Tensor = step / (periods * self.decay_steps)
        return progress_in_cycles
