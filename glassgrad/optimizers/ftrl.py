"""Follow the regularized leader: weights that are exactly zero where they do not help."""

from __future__ import annotations

from typing import Any

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor
from glassgrad.optimizers.checks import check_from_zero
from glassgrad.optimizers.optimizer import Optimizer, Rate, register

__all__ = ["Ftrl"]


@register()
class Ftrl(Optimizer):
    """FTRL, which makes sparse linear models of many features.

    With p = -learning_rate_power:
    n' = n + g²; z <- z + g + 2 shrinkage w - (n'^p - n^p) / lr · w; n <- n';
    w <- (clip(z, -l1, l1) - z) / (n^p / lr + beta / lr + 2 l2).

    PyTorch has no such optimizer. Since z begins with 0, the first step forgets the weights that
    it begins with, but for what (n'^p - n^p) / lr · w puts into z.

    Args:
        learning_rate: the size of the steps, above 0: it is divided by.
        learning_rate_power: how steps become smaller as gradients add up, at most 0; at 0 they
            keep their size.
        initial_accumulator_value: the number with which n begins, at least 0.
        l1_regularization_strength: l1, what a weight must be worth not to be 0.
        l2_regularization_strength: l2, a penalty on the square of weights, fixed over time.
        l2_shrinkage_regularization_strength: shrinkage, a penalty added to the gradient.
        beta: the number that the paper adds to the root of n.
        common, kwargs: weight_decay and what follows it in ``Optimizer``.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable([0.0, 0.0])
        >>> Ftrl(0.5, l1_regularization_strength=1.0).apply([[3.0, 0.5]], [w])
        >>> w.numpy().round(4)
        array([-0.3315,  0.    ], dtype=float32)

    Source: McMahan et al., "Ad click prediction: a view from the trenches", 2013.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        *common: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, *common, **kwargs)
        if not learning_rate_power <= 0:
            raise ArgumentError(
                f"learning_rate_power must be at most 0. Got {learning_rate_power}."
            )
        self.learning_rate_power = float(learning_rate_power)
        self.initial_accumulator_value = check_from_zero(
            "initial_accumulator_value", initial_accumulator_value
        )
        self.l1_regularization_strength = check_from_zero(
            "l1_regularization_strength", l1_regularization_strength
        )
        self.l2_regularization_strength = check_from_zero(
            "l2_regularization_strength", l2_regularization_strength
        )
        self.l2_shrinkage_regularization_strength = check_from_zero(
            "l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength
        )
        self.beta = check_from_zero("beta", beta)

    @property
    def slots(self) -> tuple[str, ...]:
        """The slots n and z, by Keras's names."""
        return ("accumulator", "linear")

    def first_slot(self, slot: str) -> float:
        """The initial value of n; z begins with 0."""
        return self.initial_accumulator_value if slot == "accumulator" else 0.0

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: tuple[Tensor, ...],
        shared: tuple[Tensor, ...],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The formula for one element."""
        (learning_rate,), (n, z) = shared, slots
        limit, power = self.l1_regularization_strength, -self.learning_rate_power
        larger = n + gradient.square()
        growth = (larger**power - n**power) / learning_rate
        shrinking = parameter * (2 * self.l2_shrinkage_regularization_strength)
        z = z + gradient + shrinking - growth * parameter
        curvature = (larger**power + self.beta) / learning_rate
        divisor = curvature + 2 * self.l2_regularization_strength
        return (z.clip(-limit, limit) - z) / divisor, (larger, z)
