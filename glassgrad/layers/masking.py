"""The layer that tells padding from data."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassgrad import ops
from glassgrad.errors import ArgumentError, ShapeError, shown
from glassgrad.graph import Tensor, carry_mask
from glassgrad.layers.layer import Layer, Shape, register

__all__ = ["Masking"]


@register()
class Masking(Layer):
    """Leave out the time steps all of whose features have one value; they become 0.

    The output carries a mask, False for these steps: recurrent layers pass them by, attention does
    not look at them, and losses and metrics of a prediction that still carries it do not count
    them.

    Args:
        mask_value: the value that stands for padding.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        (batch, time, …, features) stays, with a mask of shape (batch, time, …).

    Raises:
        ArgumentError: mask_value is no number.
        ShapeError: on the call, the input has no axis of features after that of the batch.

    Example:
        >>> from glassgrad.graph import mask_of
        >>> y = Masking(mask_value=-1.0)([[[5.0, -1.0], [-1.0, -1.0]]])
        >>> y.numpy()
        array([[[ 5., -1.],
                [ 0.,  0.]]], dtype=float32)
        >>> mask_of(y).numpy()
        array([[ True, False]])
    """

    def __init__(self, mask_value: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        given: Any = mask_value  # whatever the type says
        if not isinstance(given, int | float | np.number) or math.isnan(given):
            raise ArgumentError(
                f"mask_value must be a number, which NaN is not. Got {shown(mask_value)}."
            )
        self.mask_value = float(mask_value)

    def call(self, inputs: Tensor) -> Tensor:
        if inputs.ndim < 2:
            raise ShapeError(
                f"Layer {self.name!r} expected shape (batch, …, features). Full shape received: "
                f"{inputs.shape}."
            )
        mask = self.compute_mask(inputs)
        return carry_mask(ops.where(ops.expand_dims(mask, -1), inputs, 0.0), mask)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Tensor:
        """True where a feature has another value."""
        found: Tensor = ops.any(ops.not_equal(inputs, self.mask_value), axis=-1)
        return found

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)
