"""Steps of the size that steps have had lately, divided by that of the gradients."""

from __future__ import annotations

from typing import Any

from glassgrad.graph import Tensor
from glassgrad.optimizers.checks import check_epsilon, check_fraction
from glassgrad.optimizers.optimizer import Optimizer, Rate, register

__all__ = ["Adadelta"]


@register()
class Adadelta(Optimizer):
    """Adadelta, whose steps have the unit of the weights.

    v <- rho v + (1 - rho) g²; d = g sqrt(s + epsilon) / sqrt(v + epsilon);
    s <- rho s + (1 - rho) d²; w <- w - lr d.

    The paper has no learning rate, which is lr = 1. PyTorch computes the same, with other
    defaults: 1 for the learning rate, 0.9 for rho and 1e-6 for epsilon.

    Args:
        learning_rate: a factor for all steps; the default of 0.001 makes them very small.
        rho: how slowly both means of squares forget, in [0, 1).
        epsilon: keeps the division defined, and makes the first steps: s begins with 0.
        common, kwargs: weight_decay and what follows it in ``Optimizer``.

    Raises:
        ArgumentError: a number is outside its range.

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable([1.0])
        >>> Adadelta(1.0, rho=0.75, epsilon=0.01).apply([[0.1]], [w])
        >>> w.numpy().round(4)
        array([0.9106], dtype=float32)

    Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012.
    """

    def __init__(
        self,
        learning_rate: Rate = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        *common: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(learning_rate, *common, **kwargs)
        self.rho = check_fraction("rho", rho)
        self.epsilon = check_epsilon(epsilon)

    @property
    def slots(self) -> tuple[str, ...]:
        """The means of squares of gradients and of steps, v and s in the formula."""
        return ("accumulated_grad", "accumulated_delta_var")

    def update(
        self,
        parameter: Tensor,
        gradient: Tensor,
        slots: tuple[Tensor, ...],
        shared: tuple[Tensor, ...],
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """The formula for one element."""
        (learning_rate,), (of_gradients, of_steps) = shared, slots
        of_gradients = self._mean(of_gradients, gradient.square())
        step = gradient * (of_steps + self.epsilon).sqrt() / (of_gradients + self.epsilon).sqrt()
        of_steps = self._mean(of_steps, step.square())
        return parameter - step * learning_rate, (of_gradients, of_steps)

    def _mean(self, mean: Tensor, value: Tensor) -> Tensor:
        return mean * self.rho + value * (1 - self.rho)
