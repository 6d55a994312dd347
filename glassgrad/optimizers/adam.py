"""Adaptive moment estimation."""

from __future__ import annotations

from math import log
from typing import Any

from glassgrad.graph import Tensor
from glassgrad.ops import expm1, maximum
from glassgrad.optimizers.checks import check_epsilon, check_fraction
from glassgrad.optimizers.optimizer import Optimizer, Rate, register

__all__ = ["Adam", "one_minus_power"]


@register()
class Adam(Optimizer):
    """Steps of about one size for every weight: mean gradient by root mean square.

    m <- m + (1 - beta_1) (g - m); v <- v + (1 - beta_2) (g² - v);
    w <- w - lr sqrt(1 - beta_2^t) / (1 - beta_1^t) · m / (sqrt(v) + epsilon), at step t = 1, 2, …

    As in Keras, epsilon is added before the bias of v is corrected (the paper's "epsilon hat");
    PyTorch adds it afterwards. With amsgrad the largest v so far takes the place of v, so that
    steps do not grow again when gradients become small.

    Args:
        learning_rate: the size of the steps, or a schedule.
        beta_1: how much of m is kept, in [0, 1).
        beta_2: how much of v is kept, in [0, 1).
        epsilon: a small number against division by zero.
        amsgrad: whether the largest v so far counts.
        common, kwargs: weight_decay and what follows it in ``Optimizer``.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable([1.0, 1.0])
        >>> Adam(0.1).apply([[5.0, -0.01]], [w])
        >>> w.numpy().round(4)
        array([0.9, 1.1], dtype=float32)

    Source: Kingma, Ba, "Adam: a method for stochastic optimization", 2015; Reddi, Kale, Kumar,
    "On the convergence of Adam and beyond", 2018, for amsgrad.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *common: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, *common, **kwargs)
        self.beta_1 = check_fraction("beta_1", beta_1)
        self.beta_2 = check_fraction("beta_2", beta_2)
        self.epsilon = check_epsilon(epsilon)
        self.amsgrad = bool(amsgrad)

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots m and v, by Keras's names; with amsgrad the largest v as well."""
        return ("momentum", "velocity", *(["velocity_hat"] if self.amsgrad else []))

    def shared(self, learning_rate: Tensor, step: Tensor) -> tuple[Tensor, ...]:
        """The learning rate with both corrections of bias."""
        corrected = one_minus_power(self.beta_2, step).sqrt() / one_minus_power(self.beta_1, step)
        return (learning_rate * corrected,)

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: tuple[Tensor, ...],
        shared: tuple[Tensor, ...],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The formula for one element."""
        (rate,), (m, v, *largest) = shared, slots
        m = m + (gradient - m) * (1 - self.beta_1)
        v = v + (gradient.square() - v) * (1 - self.beta_2)
        largest = [maximum(one, v) for one in largest]
        (scale,) = largest or [v]
        return parameter - m * rate / (scale.sqrt() + self.epsilon), (m, v, *largest)


def one_minus_power(beta: float, step: Tensor) -> Tensor:
    """1 - beta^t, to the last digits also where beta^t is near 1.

    beta and 1 - beta have no exact float32, so that 1 - 0.999f ** 1 is wrong in the fifth digit;
    the logarithm is taken in double precision, and expm1 does not cancel.
    """
    if beta == 0:
        return step * 0.0 + 1.0
    power_minus_one: Tensor = expm1(step * log(beta))
    return -power_minus_one
