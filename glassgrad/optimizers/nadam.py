"""Adam that looks ahead along its momentum."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np

from glassgrad.graph import Tensor, constant
from glassgrad.ops import exp, expm1, where
from glassgrad.optimizers.adam import one_minus_power
from glassgrad.optimizers.checks import check_epsilon, check_fraction
from glassgrad.optimizers.optimizer import Optimizer, Rate, register

__all__ = ["Nadam", "one_minus_product"]

DECAY = 0.96
# log(1 - DECAY^i / 2) for i = 1, 2, …; from 1000 on it is 0 to the last digit.
LOGARITHMS = np.log1p(-0.5 * DECAY ** np.arange(1.0, 1000.0))


@register()
class Nadam(Optimizer):
    """Adam with Nesterov's momentum, which grows to beta_1 over the first hundred steps.

    m <- m + (1 - beta_1) (g - m); v <- v + (1 - beta_2) (g² - v), and at step t = 1, 2, …
    with mu_t = beta_1 (1 - 0.96^t / 2) and the product p_t = mu_1 · mu_2 · … · mu_t
    w <- w - lr (mu_{t+1} m / (1 - p_{t+1}) + (1 - mu_t) g / (1 - p_t))
    / (sqrt(v / (1 - beta_2^t)) + epsilon).

    PyTorch's NAdam computes this with ``momentum_decay=1``; its default is 0.004, with which mu_t
    takes thousands of steps to grow.

    Args:
        learning_rate: the size of the steps, or a schedule.
        beta_1: how much of m is kept, in [0, 1).
        beta_2: how much of v is kept, in [0, 1).
        epsilon: keeps the division defined.
        common, kwargs: weight_decay and what follows it in ``Optimizer``.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable([1.0, 1.0])
        >>> Nadam(0.1).apply([[5.0, -0.01]], [w])
        >>> w.numpy().round(4)
        array([0.8937, 1.1063], dtype=float32)

    Source: Dozat, "Incorporating Nesterov momentum into Adam", 2016.
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
        """The slots m and v, by Keras's names."""
        return ("momentum", "velocity")

    def shared(self, learning_rate: Tensor, step: Tensor) -> tuple[Tensor, ...]:
        """The factors of m and of g, and the correction of the bias of v."""
        half = exp(step * log(DECAY)) * 0.5
        following = (1.0 - half * DECAY) * self.beta_1  # mu_{t+1}
        rest = half * self.beta_1 + (1 - self.beta_1)  # 1 - mu_t, which does not cancel
        return (
            learning_rate * following / one_minus_product(self.beta_1, step + 1.0),
            learning_rate * rest / one_minus_product(self.beta_1, step),
            1.0 / one_minus_power(self.beta_2, step),
        )

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: tuple[Tensor, ...],
        shared: tuple[Tensor, ...],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The formula for one element."""
        (of_mean, of_gradient, correction), (m, v) = shared, slots
        m = m + (gradient - m) * (1 - self.beta_1)
        v = v + (gradient.square() - v) * (1 - self.beta_2)
        step = m * of_mean + gradient * of_gradient
        return parameter - step / ((v * correction).sqrt() + self.epsilon), (m, v)


def one_minus_product(beta: float, step: Tensor) -> Tensor:
    """1 - mu_1 · mu_2 · … · mu_t with mu_i = beta (1 - 0.96^i / 2), as a sum of logarithms.

    It follows from t alone, so that no product has to be kept between steps.
    """
    if beta == 0:
        return step * 0.0 + 1.0
    numbers = constant(np.arange(1.0, 1.0 + len(LOGARITHMS)), step.dtype)
    logarithms = where(numbers <= step, constant(LOGARITHMS, step.dtype), 0.0)
    product_minus_one: Tensor = expm1(step * log(beta) + logarithms.sum())
    return -product_minus_one
