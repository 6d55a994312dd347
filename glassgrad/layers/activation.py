"""An activation as a layer of its own."""

from __future__ import annotations

from typing import Any

from glassgrad import activations
from glassgrad.graph import Tensor
from glassgrad.layers.layer import Layer, Shape, register

__all__ = ["Activation"]


@register()
class Activation(Layer):
    """Apply a function to the input: y = f(x).

    Args:
        activation: a name such as "relu", or a function of a tensor.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        UnknownNameError: there is no activation of that name.

    Example:
        >>> Activation("relu")([1.0, -2.0]).numpy()
        array([1., 0.], dtype=float32)
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: Tensor) -> Tensor:
        return self.activation(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)
