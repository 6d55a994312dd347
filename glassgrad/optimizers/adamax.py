"""Adam with the largest gradient in place of the root mean square."""

from __future__ import annotations

from typing import Any

from glassgrad.graph import Tensor
from glassgrad.ops import maximum
from glassgrad.optimizers.adam import one_minus_power
from glassgrad.optimizers.checks import check_epsilon, check_fraction
from glassgrad.optimizers.optimizer import Optimizer, Rate, register

__all__ = ["Adamax"]


@register()
class Adamax(Optimizer):
    """Adamax: mean gradient by the largest one, which is forgotten slowly.

    m <- m + (1 - beta_1) (g - m); u <- max(beta_2 u, |g|);
    w <- w - lr / (1 - beta_1^t) · m / (u + epsilon), at step t = 1, 2, …

    PyTorch adds epsilon inside of the maximum: u <- max(beta_2 u, |g| + epsilon).

    Args:
        learning_rate: the size of the steps, or a schedule.
        beta_1: how much of m is kept, in [0, 1).
        beta_2: how much of u is kept, in [0, 1).
        epsilon: keeps the division defined.
        common, kwargs: weight_decay and what follows it in ``Optimizer``.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable([1.0, 1.0])
        >>> Adamax(0.1).apply([[5.0, -0.01]], [w])
        >>> w.numpy().round(4)
        array([0.9, 1.1], dtype=float32)

    Source: Kingma, Ba, "Adam: a method for stochastic optimization", 2015, section 7.1.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        *common: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, *common, **kwargs)
        self.beta_1 = check_fraction("beta_1", beta_1)
        self.beta_2 = check_fraction("beta_2", beta_2)
        self.epsilon = check_epsilon(epsilon)

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots m and u, by Keras's names."""
        return ("momentum", "norm")

    def shared(self, learning_rate: Tensor, step: Tensor) -> tuple[Tensor, ...]:
        """The learning rate with the correction of the bias of m."""
        return (learning_rate / one_minus_power(self.beta_1, step),)

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: tuple[Tensor, ...],
        shared: tuple[Tensor, ...],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The formula for one element."""
        (rate,), (m, u) = shared, slots
        m = m + (gradient - m) * (1 - self.beta_1)
        u = maximum(u * self.beta_2, gradient.abs())
        return parameter - m * rate / (u + self.epsilon), (m, u)
