"""Steps divided by the size of all gradients so far."""

from __future__ import annotations

from typing import Any

from glassgrad.graph import Tensor
from glassgrad.optimizers.checks import check_epsilon, check_from_zero
from glassgrad.optimizers.optimizer import Optimizer, Rate, register

__all__ = ["Adagrad"]


@register()
class Adagrad(Optimizer):
    """Adagrad, whose steps only get smaller: a <- a + g²; w <- w - lr g / sqrt(a + epsilon).

    The paper's learning rate is 1. PyTorch computes sqrt(a) + epsilon and lets a begin with 0.

    Args:
        learning_rate: the size of the steps, or a schedule.
        initial_accumulator_value: the number with which a begins, at least 0.
        epsilon: keeps the division defined.
        common, kwargs: weight_decay and what follows it in ``Optimizer``.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable([1.0, -1.0])
        >>> Adagrad(0.5, initial_accumulator_value=9.0).apply([[4.0, 0.0]], [w])
        >>> w.numpy()
        array([ 0.6, -1. ], dtype=float32)

    Source: Duchi, Hazan, Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", 2011.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        *common: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, *common, **kwargs)
        self.initial_accumulator_value = check_from_zero(
            "initial_accumulator_value", initial_accumulator_value
        )
        self.epsilon = check_epsilon(epsilon)

    @property
    def slots(self) -> tuple[str, ...]:
        """The sum of squares, a in the formula."""
        return ("accumulator",)

    def first_slot(self, slot: str) -> float:
        """The initial value of a."""
        return self.initial_accumulator_value

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: tuple[Tensor, ...],
        shared: tuple[Tensor, ...],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The formula for one element."""
        (learning_rate,) = shared
        accumulator = slots[0] + gradient.square()
        step = gradient * learning_rate / (accumulator + self.epsilon).sqrt()
        return parameter - step, (accumulator,)
