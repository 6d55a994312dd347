"""Rules that weights keep: after each step the optimizer moves them back to where they hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, as_tensor
from glassgrad.ops import maximum
from glassgrad.ops.reduction import Axes
from glassgrad.serialization import Configurable, Registry, serialize

__all__ = [
    "Constraint",
    "MaxNorm",
    "MinMaxNorm",
    "NonNeg",
    "UnitNorm",
    "deserialize",
    "get",
    "max_norm",
    "min_max_norm",
    "non_neg",
    "register",
    "serialize",
    "unit_norm",
]

EPSILON = 1e-7  # keeps the division by a norm defined


class Constraint(Configurable):
    """The base: subclass it and write ``__call__``, which gives a tensor of the same shape.

    Example:
        >>> class AtMostOne(Constraint):
        ...     def __call__(self, w):
        ...         return as_tensor(w).clip(-1.0, 1.0)
        >>> AtMostOne()([-3.0, 0.5]).numpy()
        array([-1. ,  0.5], dtype=float32)
    """

    def __call__(self, w: Any) -> Tensor:
        """What becomes of a weight."""
        raise NotImplementedError(f"{type(self).__name__} must write __call__(w).")


ConstraintLike: TypeAlias = Constraint | Callable[[Any], Tensor]

_registry: Registry[ConstraintLike] = Registry("constraint", Constraint, takes_functions=True)
get, deserialize, register = _registry.get, _registry.deserialize, _registry.register


@register()
class NonNeg(Constraint):
    """No weight is negative: max(w, 0).

    Example:
        >>> NonNeg()([-1.0, 2.0]).numpy()
        array([0., 2.], dtype=float32)
    """

    def __call__(self, w: Any) -> Tensor:
        """max(w, 0)."""
        kept: Tensor = maximum(as_tensor(w), 0.0)
        return kept


class _NormConstraint(Constraint):
    """The norm of the weights that enter each unit is moved to one that is allowed.

    w <- w · allowed(‖w‖) / (‖w‖ + 1e-7), so weights that are all zero stay so.
    """

    axis: Axes

    def allowed(self, norm: Tensor) -> Tensor:
        """The norm that is wanted in place of a norm."""
        raise NotImplementedError(f"{type(self).__name__} must write allowed(norm).")

    def __call__(self, w: Any) -> Tensor:
        """The weight, scaled."""
        weight = as_tensor(w)
        norm = weight.square().sum(self.axis, keepdims=True).sqrt()
        return weight * (self.allowed(norm) / (norm + EPSILON))


@register()
class MaxNorm(_NormConstraint):
    """The weights that enter a unit have at most a given norm; longer ones are shortened to it.

    Args:
        max_value: the norm, at least 0.
        axis: the axes over which squares are summed: 0 for the (in, out) kernel of a dense layer,
            [0, 1, 2] for the (height, width, in, out) kernel of a convolution, ``None`` for all.

    Raises:
        ArgumentError: the norm is negative, or, on the call, the weight has no such axis.

    Example:
        >>> MaxNorm(1.0)([[3.0, 0.3], [4.0, 0.4]]).numpy().round(3)
        array([[0.6, 0.3],
               [0.8, 0.4]], dtype=float32)

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout", 2014, section 5.1.
    """

    def __init__(self, max_value: float = 2, axis: Axes = 0) -> None:
        if not max_value >= 0:
            raise ArgumentError(f"A norm must be at least 0. Got max_value={max_value}.")
        self.max_value, self.axis = max_value, axis

    def allowed(self, norm: Tensor) -> Tensor:
        """At most the largest."""
        return norm.clip(0.0, self.max_value)


@register()
class UnitNorm(_NormConstraint):
    """The weights that enter a unit have norm 1.

    Args:
        axis: the axes over which squares are summed, see ``MaxNorm``.

    Raises:
        ArgumentError: on the call, the weight has no such axis.

    Example:
        >>> UnitNorm()([[3.0], [4.0]]).numpy().round(3)
        array([[0.6],
               [0.8]], dtype=float32)
    """

    def __init__(self, axis: Axes = 0) -> None:
        self.axis = axis

    def allowed(self, norm: Tensor) -> Tensor:
        """One."""
        return norm.clip(1.0, 1.0)


@register()
class MinMaxNorm(_NormConstraint):
    """The norm of the weights that enter a unit lies in a range, or moves towards it.

    ‖w‖ becomes rate · clip(‖w‖, min_value, max_value) + (1 - rate) · ‖w‖.

    Args:
        min_value: the lower end, at least 0.
        max_value: the upper end, from the lower one.
        rate: which part of the way to the range is gone in a step, in [0, 1]; at 1 the norm is
            within the range after each step.
        axis: the axes over which squares are summed, see ``MaxNorm``.

    Raises:
        ArgumentError: the ends are negative or in the wrong order, the rate is outside [0, 1], or,
            on the call, the weight has no such axis.

    Example:
        >>> MinMaxNorm(1.0, 2.0)([[0.3, 3.0], [0.4, 4.0]]).numpy().round(3)
        array([[0.6, 1.2],
               [0.8, 1.6]], dtype=float32)
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axis: Axes = 0,
    ) -> None:
        if not 0 <= min_value <= max_value:
            raise ArgumentError(
                "The range of norms must begin at 0 or above and end where it begins or above. "
                f"Got min_value={min_value}, max_value={max_value}."
            )
        if not 0 <= rate <= 1:
            raise ArgumentError(f"The rate must lie in [0, 1]. Got {rate}.")
        self.min_value, self.max_value = min_value, max_value
        self.rate, self.axis = rate, axis

    def allowed(self, norm: Tensor) -> Tensor:
        """Between the norm and the nearest one within the range."""
        within = norm.clip(self.min_value, self.max_value)
        return within * self.rate + norm * (1 - self.rate)


# Keras's lower-case names of the same classes.
max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm
