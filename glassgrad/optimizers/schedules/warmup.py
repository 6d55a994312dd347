"""A straight way up to the rate with which another schedule begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from glassgrad.graph import Tensor
from glassgrad.ops import maximum, where
from glassgrad.optimizers.checks import check_count, check_from_zero
from glassgrad.optimizers.schedules.schedule import (
    LearningRateSchedule,
    as_rate,
    register,
    require,
)

__all__ = ["LinearWarmup"]


@register()
class LinearWarmup(LearningRateSchedule):
    """A straight line from a low rate to that of another schedule, which begins when it ends.

    start_learning_rate + (schedule(0) - start_learning_rate) · step / warmup_steps, and from
    step = warmup_steps on schedule(step - warmup_steps).

    Args:
        schedule: what comes after the warm-up: a schedule, or a number that stays.
        warmup_steps: the length of the warm-up, at least 1.
        start_learning_rate: the first rate.
        name: what the schedule is called.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> LinearWarmup(0.5, warmup_steps=4)([0, 1, 2, 4, 9]).numpy()
        array([0.   , 0.125, 0.25 , 0.5  , 0.5  ])

    Source: Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017.
    """

    def __init__(
        self,
        schedule: LearningRateSchedule | Mapping[str, Any] | float,
        warmup_steps: int,
        start_learning_rate: float = 0.0,
        name: str = "LinearWarmup",
    ) -> None:
        self.schedule = (
            require(schedule)
            if isinstance(schedule, LearningRateSchedule | Mapping)
            else check_from_zero("schedule", schedule)
        )
        self.warmup_steps = check_count("warmup_steps", warmup_steps, 1)
        self.start_learning_rate = check_from_zero("start_learning_rate", start_learning_rate)
        self.name = name

    def rate(self, step: Tensor) -> Tensor:
        """The formula."""
        steps = float(self.warmup_steps)
        target, later = self._after(step * 0.0), self._after(maximum(step - steps, 0.0))
        start = self.start_learning_rate
        rising = (target - start) * (step / steps) + start
        rate: Tensor = where(step < steps, rising, later)
        return rate

    def _after(self, step: Tensor) -> Tensor:
        if isinstance(self.schedule, LearningRateSchedule):
            return as_rate(self.schedule(step))
        return step * 0.0 + self.schedule
