"""Layers that change the shape and nothing else."""

from __future__ import annotations

from math import prod

from glassgrad.graph import Tensor
from glassgrad.layers.layer import Layer, Shape, register

__all__ = ["Flatten"]


@register()
class Flatten(Layer):
    """All axes but the batch become one: (batch, a, b, …) gives (batch, a · b · …).

    (batch,) gives (batch, 1).

    Args:
        kwargs: name, trainable and dtype, see ``Layer``.

    Example:
        >>> Flatten()([[[1.0, 2.0], [3.0, 4.0]]]).numpy()
        array([[1., 2., 3., 4.]], dtype=float32)
    """

    def call(self, inputs: Tensor) -> Tensor:
        return inputs.reshape((*inputs.shape[:1], prod(inputs.shape[1:])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        known = [length for length in input_shape[1:] if length is not None]
        is_open = len(known) < len(input_shape) - 1
        return (input_shape[0], None if is_open else prod(known))
