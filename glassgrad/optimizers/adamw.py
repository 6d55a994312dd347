"""Adam with decoupled weight decay."""

from __future__ import annotations

from typing import Any

from glassgrad.errors import ArgumentError
from glassgrad.optimizers.adam import Adam
from glassgrad.optimizers.optimizer import Rate, register

__all__ = ["AdamW"]


@register("adamw")
class AdamW(Adam):
    """Adam that shrinks the weights before each step: w <- w - lr weight_decay w.

    With an L2 term in the loss instead, weights with large gradients would shrink less, because
    Adam divides by the size of the gradients. ``Adam(weight_decay=...)`` is the same; here it has
    a default. PyTorch's AdamW differs in its default, 0.01, and in where epsilon is added: see
    ``Adam``.

    Args:
        learning_rate: the size of the steps, or a schedule.
        weight_decay: the part of each weight that is lost at each step, times the learning rate.
        beta_1: how much of the mean gradient is kept, in [0, 1).
        beta_2: how much of the mean square is kept, in [0, 1).
        epsilon: a small number against division by zero.
        amsgrad: whether the largest mean square so far counts.
        common, kwargs: clipnorm and what follows it in ``Optimizer``.

    Raises:
        ArgumentError: a number is outside its range, or there is no weight decay.

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable([1.0, 2.0])
        >>> AdamW(0.1, weight_decay=0.5).apply([[0.0, 3.0]], [w])
        >>> w.numpy().round(4)
        array([0.95, 1.8 ], dtype=float32)

    Source: Loshchilov, Hutter, "Decoupled weight decay regularization", 2019.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        *common: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, *common, **kwargs
        )
        if self.weight_decay is None:
            raise ArgumentError("weight_decay must be a number from 0. Got None; use Adam instead.")
