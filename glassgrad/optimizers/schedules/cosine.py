"""Rates along half a wave of the cosine: slow at both ends, fast between them."""

from __future__ import annotations

from math import log, pi

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor
from glassgrad.ops import maximum, minimum, where
from glassgrad.ops.elementwise import log as logarithm
from glassgrad.ops.rounding import floor
from glassgrad.ops.trigonometry import cos
from glassgrad.optimizers.checks import check_count, check_from_zero, check_positive, check_share
from glassgrad.optimizers.schedules.schedule import LearningRateSchedule, register

__all__ = ["CosineDecay", "CosineDecayRestarts", "OneCycle"]


def fall(progress: Tensor) -> Tensor:
    """From 1 to 0 while the progress goes from 0 to 1: (1 + cos(pi progress)) / 2."""
    height: Tensor = cos(progress * pi) * 0.5 + 0.5
    return height


@register()
class CosineDecay(LearningRateSchedule):
    """Down to a share alpha: rate · (alpha + (1 - alpha) (1 + cos(pi step / decay_steps)) / 2).

    With a target, the rate first rises to it in a straight line, for ``warmup_steps``, and then
    falls from there; ``decay_steps`` do not count these.

    Args:
        initial_learning_rate: the first rate.
        decay_steps: after how many steps the end is reached, above 0.
        alpha: the share of the highest rate that is left at the end, from 0 to 1.
        name: what the schedule is called.
        warmup_target: the rate after the warm-up; ``None`` means no warm-up.
        warmup_steps: the length of the warm-up.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> CosineDecay(0.5, decay_steps=10, alpha=0.5)([0, 5, 10, 99]).numpy()
        array([0.5  , 0.375, 0.25 , 0.25 ])
        >>> CosineDecay(0.0, 10, warmup_target=0.5, warmup_steps=2)([0, 1, 2, 7, 12]).numpy()
        array([0.  , 0.25, 0.5 , 0.25, 0.  ])

    Source: Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: float,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate = check_from_zero("initial_learning_rate", initial_learning_rate)
        self.decay_steps = check_positive("decay_steps", decay_steps)
        self.alpha = check_share("alpha", alpha)
        self.name = name
        self.warmup_target = (
            None if warmup_target is None else check_from_zero("warmup_target", warmup_target)
        )
        self.warmup_steps = check_count("warmup_steps", warmup_steps, 0)

    def rate(self, step: Tensor) -> Tensor:
        """The formula."""
        first, top = self.initial_learning_rate, self.warmup_target
        if top is None:
            return self._falling(step, first)
        falling = self._falling(step - float(self.warmup_steps), top)
        if not self.warmup_steps:
            return falling
        rising = step * ((top - first) / self.warmup_steps) + first
        rate: Tensor = where(step < float(self.warmup_steps), rising, falling)
        return rate

    def _falling(self, step: Tensor, top: float) -> Tensor:
        progress = minimum(step / self.decay_steps, 1.0)
        return (fall(progress) * (1 - self.alpha) + self.alpha) * top


@register()
class CosineDecayRestarts(LearningRateSchedule):
    """Cosine decay that begins again, with longer periods and from a lower rate each time.

    Period i = 0, 1, … has the length first_decay_steps · t_mul^i, and within it the rate is
    initial_learning_rate · (alpha + (1 - alpha) m_mul^i (1 + cos(pi progress)) / 2).

    Args:
        initial_learning_rate: the first rate.
        first_decay_steps: the length of the first period, above 0.
        t_mul: the factor from one length to the next, at least 1.
        m_mul: the factor from one height to the next.
        alpha: the share of the first rate that is left at the end of a period, from 0 to 1.
        name: what the schedule is called.

    Raises:
        ArgumentError: a number is outside its range. (With t_mul below 1 all periods together
            would have an end, after which there is no rate.)

    Example:
        >>> schedule = CosineDecayRestarts(0.5, first_decay_steps=10, m_mul=0.5)
        >>> schedule([0, 5, 10, 20, 30]).numpy()
        array([0.5  , 0.25 , 0.25 , 0.125, 0.125])

    Source: Loshchilov, Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: float,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate = check_from_zero("initial_learning_rate", initial_learning_rate)
        self.first_decay_steps = check_positive("first_decay_steps", first_decay_steps)
        self.t_mul = check_from_zero("t_mul", t_mul)
        self.m_mul = check_from_zero("m_mul", m_mul)
        self.alpha = check_share("alpha", alpha)
        self.name = name
        if self.t_mul < 1:
            raise ArgumentError(f"t_mul must be a number from 1. Got {t_mul}.")

    def rate(self, step: Tensor) -> Tensor:
        """The formula."""
        period, progress = self._position(step / self.first_decay_steps)
        height = fall(progress) * self.m_mul**period
        return (height * (1 - self.alpha) + self.alpha) * self.initial_learning_rate

    def _position(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """The number of the period and the progress within it, at a time in first periods."""
        if self.t_mul == 1:
            return floor(time), time - floor(time)
        guess = floor(logarithm(time * (self.t_mul - 1) + 1.0) / log(self.t_mul))
        # Rounding can put the very beginning of a period at the end of the one before.
        period = where(self._beginning(guess + 1.0) <= time, guess + 1.0, guess)
        return period, (time - self._beginning(period)) / self.t_mul**period

    def _beginning(self, period: Tensor) -> Tensor:
        """When a period begins: the sum of the lengths of those before."""
        return (self.t_mul**period - 1.0) / (self.t_mul - 1)


@register()
class OneCycle(LearningRateSchedule):
    """Up to a high rate and down to a very low one, in one run of training.

    From max_learning_rate / div_factor up to max_learning_rate, and then down to the first rate
    divided by final_div_factor, both along half a cosine. With N = total_steps, the top is at
    step pct_start · N - 1 and the end at step N - 1, as in PyTorch's OneCycleLR; afterwards the
    rate stays. (Momentum is not changed.)

    Args:
        max_learning_rate: the rate at the top.
        total_steps: the length of the run, at least 2.
        pct_start: the share of the steps on which the rate rises, in (0, 1).
        div_factor: the top divided by the first rate.
        final_div_factor: the first rate divided by the last one.
        name: what the schedule is called.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> OneCycle(0.5, total_steps=11, pct_start=3 / 11, div_factor=5.0)([0, 1, 2, 6]).numpy()
        array([0.1     , 0.3     , 0.5     , 0.250005])

    Source: Smith, Topin, "Super-convergence: very fast training of neural networks using large
    learning rates", 2019.
    """

    def __init__(
        self,
        max_learning_rate: float,
        total_steps: int,
        pct_start: float = 0.3,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        name: str = "OneCycle",
    ) -> None:
        self.max_learning_rate = check_from_zero("max_learning_rate", max_learning_rate)
        self.total_steps = check_count("total_steps", total_steps, 2)
        if not 0 < pct_start < 1:
            raise ArgumentError(f"pct_start must lie in (0, 1). Got {pct_start}.")
        self.pct_start = float(pct_start)
        self.div_factor = check_positive("div_factor", div_factor)
        self.final_div_factor = check_positive("final_div_factor", final_div_factor)
        self.name = name

    def rate(self, step: Tensor) -> Tensor:
        """The formula."""
        top, end = self.pct_start * self.total_steps - 1, float(self.total_steps - 1)
        high = self.max_learning_rate
        first = high / self.div_factor
        last = first / self.final_div_factor
        falling = fall(minimum((step - top) / (end - top), 1.0)) * (high - last) + last
        if top <= 0:
            return falling
        rising = fall(1.0 - maximum(step, 0.0) / top) * (high - first) + first
        rate: Tensor = where(step <= top, rising, falling)
        return rate
