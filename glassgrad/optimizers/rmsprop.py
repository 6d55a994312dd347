"""Steps divided by the size that gradients have had lately."""

from __future__ import annotations

from typing import Any

from glassgrad.graph import Tensor
from glassgrad.optimizers.checks import check_epsilon, check_fraction
from glassgrad.optimizers.optimizer import Optimizer, Rate, register

__all__ = ["RMSprop"]


@register("rmsprop")
class RMSprop(Optimizer):
    """RMSprop: v <- rho v + (1 - rho) g²; w <- w - lr g / sqrt(v + epsilon).

    Centered, the square of the mean gradient is taken from v. With momentum mu the step is added
    to mu times the last one. PyTorch computes sqrt(v) + epsilon instead.

    Args:
        learning_rate: the size of the steps, or a schedule.
        rho: how slowly the mean of squares forgets, in [0, 1).
        momentum: mu, the part of the last step that is repeated, in [0, 1).
        epsilon: keeps the division defined.
        centered: whether gradients are measured from their mean.
        common, kwargs: weight_decay and what follows it in ``Optimizer``.

    Raises:
        ArgumentError: the learning rate or epsilon is negative, rho or momentum outside [0, 1).

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable([1.0, -1.0])
        >>> RMSprop(0.1, rho=0.75).apply([[4.0, -0.25]], [w])
        >>> w.numpy()
        array([ 0.8       , -0.80000067], dtype=float32)

    Source: Tieleman, Hinton, "Lecture 6.5: RMSProp", Neural Networks for Machine Learning, 2012.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        *common: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, *common, **kwargs)
        self.rho = check_fraction("rho", rho)
        self.momentum = check_fraction("momentum", momentum)
        self.epsilon = check_epsilon(epsilon)
        self.centered = bool(centered)

    @property
    def slots(self) -> tuple[str, ...]:
        """The mean of squares; the last step and the mean gradient if they are used."""
        return (
            "velocity",
            *(["momentum"] if self.momentum else []),
            *(["average_gradient"] if self.centered else []),
        )

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: tuple[Tensor, ...],
        shared: tuple[Tensor, ...],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The formula for one element."""
        (learning_rate,) = shared
        state = dict(zip(self.slots, slots, strict=True))
        velocity = self._mean(state["velocity"], gradient.square())
        new = {"velocity": velocity}
        if self.centered:
            new["average_gradient"] = self._mean(state["average_gradient"], gradient)
            velocity = velocity - new["average_gradient"].square()
        step = gradient * learning_rate / (velocity + self.epsilon).sqrt()
        if self.momentum:
            step = new["momentum"] = state["momentum"] * self.momentum + step
        return parameter - step, tuple(new[slot] for slot in self.slots)

    def _mean(self, mean: Tensor, value: Tensor) -> Tensor:
        return mean * self.rho + value * (1 - self.rho)
