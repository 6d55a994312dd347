"""Layers that prepare raw data, so that a model file takes the data as they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, constant
from glassgrad.layers.layer import Layer, Shape, register

__all__ = ["Rescaling"]


@register()
class Rescaling(Layer):
    """Map stored numbers to another range: y = x · scale + offset.

    Integers, such as the pixels of an image, become floats of the layer's dtype. Pixels from 0 to
    255 come into [0, 1] by ``Rescaling(1 / 255)``, into [-1, 1] by ``Rescaling(1 / 127.5, -1)``.

    Args:
        scale: a number, or one for each channel (the last axis).
        offset: a number, or one for each channel.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: scale or offset is no finite number or list of them.

    Example:
        >>> import numpy as np
        >>> Rescaling(1 / 255)(np.array([0, 255], np.uint8)).numpy()
        array([0., 1.], dtype=float32)
    """

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale, self.offset = _numbers("scale", scale), _numbers("offset", offset)

    def call(self, inputs: Tensor) -> Tensor:
        values = inputs.cast(self.dtype)
        return values * constant(self.scale, self.dtype) + constant(self.offset, self.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


def _numbers(name: str, value: Any) -> float | list[float]:
    """A float, or a list of floats, as a configuration holds them."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if array.ndim > 1 or array.size == 0 or not np.isfinite(array).all():
        raise ArgumentError(
            f"The {name} must be a finite number, or a list with one for each channel. "
            f"Got {value!r}."
        )
    numbers: float | list[float] = array.tolist()
    return numbers
