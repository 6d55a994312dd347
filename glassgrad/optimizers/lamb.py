"""Adam for large batches: each variable moves by a share of its own size."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.graph import Tensor
from glassgrad.ops import where
from glassgrad.optimizers.adam import one_minus_power
from glassgrad.optimizers.checks import check_epsilon, check_fraction
from glassgrad.optimizers.optimizer import NewValues, Optimizer, Rate, register
from glassgrad.optimizers.pairs import Pairs

__all__ = ["Lamb"]


@register()
class Lamb(Optimizer):
    """LAMB, "layer-wise adaptive moments for batch training".

    m <- m + (1 - beta_1) (g - m); v <- v + (1 - beta_2) (g² - v), and at step t = 1, 2, …
    d = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon);
    w <- w - lr |w| / |d| · d, with Euclidean norms over the whole variable.

    Where a norm is 0, its quotient is 1. In the paper the weight decay is part of d; here, as in
    Keras, it comes before. PyTorch has no such optimizer.

    Args:
        learning_rate: the size of the steps, as a share of the weights.
        beta_1: how much of m is kept, in [0, 1).
        beta_2: how much of v is kept, in [0, 1).
        epsilon: keeps the division defined.
        common, kwargs: weight_decay and what follows it in ``Optimizer``.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable([3.0, 4.0])
        >>> Lamb(0.1).apply([[0.5, -2.0]], [w])
        >>> w.numpy().round(4)
        array([2.6464, 4.3536], dtype=float32)

    Source: You et al., "Large batch optimization for deep learning: training BERT in 76 minutes",
    2020.
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
        """The corrections of the bias of m and of v."""
        first, second = one_minus_power(self.beta_1, step), one_minus_power(self.beta_2, step)
        return (1.0 / first, 1.0 / second)

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: tuple[Tensor, ...],
        shared: tuple[Tensor, ...],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The formula for one element up to d, which takes the place of the new parameter."""
        (of_m, of_v), (m, v) = shared, slots
        m = m + (gradient - m) * (1 - self.beta_1)
        v = v + (gradient.square() - v) * (1 - self.beta_2)
        return m * of_m / ((v * of_v).sqrt() + self.epsilon), (m, v)

    def _updated_group(self, group: Pairs, dtype: np.dtype[Any], decay: float) -> NewValues:
        """The norms are over whole variables, so they come after the formula for elements."""
        new = super()._updated_group(group, dtype, decay)
        learning_rate = self.learning_rate.cast(dtype)
        for _, variable in group:
            weight, direction = variable.tensor, new[variable]
            if decay:
                weight = weight - weight * (learning_rate * decay)
            new[variable] = weight - direction * (learning_rate * _ratio(weight, direction))
        return new


def _ratio(weight: Tensor, direction: Tensor) -> Tensor:
    """The norm of one by the norm of the other; 1 where there is none."""
    above, below = weight.square().sum().sqrt(), direction.square().sum().sqrt()
    defined = where(below > 0.0, above / where(below > 0.0, below, 1.0), 1.0)
    ratio: Tensor = where(above > 0.0, defined, 1.0)
    return ratio
