"""Steps of one size for every weight: only the sign of the momentum counts."""

from __future__ import annotations

from typing import Any

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor
from glassgrad.ops import sign
from glassgrad.optimizers.checks import check_fraction
from glassgrad.optimizers.optimizer import Optimizer, Rate, register

__all__ = ["Lion"]


@register()
class Lion(Optimizer):
    """Lion, "evolved sign momentum", which a search over programs has found.

    w <- w - lr sign(beta_1 m + (1 - beta_1) g); m <- beta_2 m + (1 - beta_2) g.

    All steps have the size lr, so the learning rate should be 3 to 10 times smaller than Adam's.
    PyTorch has no such optimizer.

    Args:
        learning_rate: the size of the steps, or a schedule.
        beta_1: how much m weighs in the direction of the step, in (0, 1]; at 0 it would be the
            sign of the gradient alone.
        beta_2: how much of m is kept, in [0, 1).
        common, kwargs: weight_decay and what follows it in ``Optimizer``.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable([1.0, 1.0, 1.0])
        >>> Lion(0.5).apply([[5.0, -0.01, 0.0]], [w])
        >>> w.numpy()
        array([0.5, 1.5, 1. ], dtype=float32)

    Source: Chen et al., "Symbolic discovery of optimization algorithms", 2023.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        *common: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, *common, **kwargs)
        if not 0 < beta_1 <= 1:
            raise ArgumentError(f"beta_1 must lie in (0, 1]. Got {beta_1}.")
        self.beta_1 = float(beta_1)
        self.beta_2 = check_fraction("beta_2", beta_2)

    @property
    def slots(self) -> tuple[str, ...]:
        """The slot m, by Keras's name."""
        return ("momentum",)

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: tuple[Tensor, ...],
        shared: tuple[Tensor, ...],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The formula for one element."""
        (learning_rate,), (m,) = shared, slots
        direction = sign(m * self.beta_1 + gradient * (1 - self.beta_1))
        m = m * self.beta_2 + gradient * (1 - self.beta_2)
        return parameter - direction * learning_rate, (m,)
