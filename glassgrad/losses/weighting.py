"""Many values made one: weights, masks, and the mean of what is left."""

from __future__ import annotations

from typing import Any

from glassgrad.errors import ShapeError
from glassgrad.graph import Tensor, as_tensor
from glassgrad.ops import broadcast_to, equal, where

__all__ = ["divide_no_nan", "reduce_values", "weights_for"]


def reduce_values(
    values: Tensor, sample_weight: Any, reduction: str | None, *masks: Tensor | None
) -> Tensor:
    """Weight the values of a batch and make one number of them, see ``Loss``.

    Args:
        values: one for each example, or several.
        sample_weight: a factor for each value, or for each example.
        reduction: see ``Loss``.
        masks: which values count, of the values' shape or its beginning; a mean is taken over
            those alone that all masks let pass.

    Raises:
        ShapeError: the weights or a mask do not fit the values.
    """
    weights = counted = None
    if sample_weight is not None:
        weights = weights_for(values, as_tensor(sample_weight).cast(values.dtype))
    for mask in masks:
        if mask is not None:
            here = weights_for(values, mask.cast(values.dtype), "mask")
            counted = here if counted is None else counted * here
    if counted is not None:
        weights = counted if weights is None else weights * counted
    if weights is not None:
        values = values * weights
    if reduction in (None, "none"):
        return values
    total = values.sum()
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weights is not None:
        return divide_no_nan(total, broadcast_to(weights, values.shape).sum())
    if counted is not None:
        return divide_no_nan(total, broadcast_to(counted, values.shape).sum())
    return total / float(max(values.size, 1))


def divide_no_nan(a: Any, b: Any) -> Tensor:
    """The quotient, and 0 where the divisor is 0.

    Example:
        >>> divide_no_nan([1.0, 1.0], [0.0, 2.0]).numpy()
        array([0. , 0.5], dtype=float32)
    """
    is_zero: Tensor = equal(b, 0.0)
    quotient: Tensor = where(is_zero, 0.0, a / where(is_zero, 1.0, b))
    return quotient


def weights_for(values: Tensor, weights: Tensor, what: str = "sample weights") -> Tensor:
    """Weights with the values' number of axes, so that they broadcast.

    Raises:
        ShapeError: they are neither one for each value nor one for each example.
    """
    values_axes, weights_axes = values.shape, weights.shape
    if weights.ndim == values.ndim + 1 and weights_axes[-1] == 1:
        weights_axes = weights_axes[:-1]
    padded = weights_axes + (1,) * (len(values_axes) - len(weights_axes))
    fits = len(padded) == len(values_axes) and all(
        w in (1, v) for w, v in zip(padded, values_axes, strict=True)
    )
    if not fits:
        raise ShapeError(
            f"The {what} must have the shape of the values {values.shape}, or its "
            f"beginning. Got {weights.shape}."
        )
    return weights.reshape(padded)
