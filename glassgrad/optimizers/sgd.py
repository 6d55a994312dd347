"""Gradient descent, with momentum if wanted."""

from __future__ import annotations

from typing import Any

from glassgrad.graph import Tensor
from glassgrad.optimizers.checks import check_fraction
from glassgrad.optimizers.optimizer import Optimizer, Rate, register

__all__ = ["SGD"]


@register()
class SGD(Optimizer):
    """Gradient descent: w <- w - lr g.

    With momentum mu: v <- mu v - lr g; w <- w + v. With nesterov: w <- w + mu v - lr g, with the
    new v. PyTorch keeps lr outside of v (v <- mu v + g; w <- w - lr v), which differs when lr
    changes.

    Args:
        learning_rate: the size of the steps, or a schedule.
        momentum: mu, the part of the last step that is repeated, in [0, 1).
        nesterov: whether the step looks ahead along the momentum.
        common, kwargs: weight_decay and what follows it in ``Optimizer``.

    Raises:
        ArgumentError: the learning rate is negative, or the momentum outside [0, 1).

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable([1.0])
        >>> sgd = SGD(0.1, momentum=0.5)
        >>> for _ in range(2):
        ...     sgd.apply([[1.0]], [w])
        >>> w.numpy()
        array([0.75], dtype=float32)

    Source: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964;
    Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in deep
    learning", 2013.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        *common: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, *common, **kwargs)
        self.momentum = check_fraction("momentum", momentum)
        self.nesterov = bool(nesterov)

    @property
    def slots(self) -> tuple[str, ...]:
        """The velocity, if there is momentum."""
        return ("momentum",) if self.momentum else ()

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: tuple[Tensor, ...],
        shared: tuple[Tensor, ...],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The formula for one element."""
        (learning_rate,) = shared
        step = gradient * learning_rate
        if not slots:
            return parameter - step, ()
        velocity = slots[0] * self.momentum - step
        if self.nesterov:
            return parameter + (velocity * self.momentum - step), (velocity,)
        return parameter + velocity, (velocity,)
