"""Activations as layers of their own."""

from __future__ import annotations

from operator import index
from typing import Any

import numpy as np

from glassgrad import activations
from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, as_tensor
from glassgrad.layers.layer import Layer, Shape, register

__all__ = ["ELU", "Activation", "LeakyReLU", "ReLU", "Softmax"]

MASKED = -1e9
"""What is added to a logit that shall have no part in a softmax."""


class SameShape(Layer):
    """The base of all: the output has the shape of the input."""

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


@register()
class Activation(SameShape):
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


@register()
class ReLU(SameShape):
    """Rectified linear unit: y = max(x, 0).

    With all arguments: y = min(x, max_value) above the threshold, else
    negative_slope (x - threshold).

    Args:
        max_value: the largest value; ``None`` for no limit.
        negative_slope: the slope below the threshold.
        threshold: up to which the unit counts as off.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: an argument is negative or no number.

    Example:
        >>> ReLU(max_value=6.0)([-1.0, 2.0, 7.0]).numpy()
        array([0., 2., 6.], dtype=float32)
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else require_not_negative("max_value", max_value)
        self.negative_slope = require_not_negative("negative_slope", negative_slope)
        self.threshold = require_not_negative("threshold", threshold)

    def call(self, inputs: Tensor) -> Tensor:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


@register()
class LeakyReLU(SameShape):
    """Relu that lets something through below 0: y = x above 0, else negative_slope x.

    Keras has two defaults, and so have we: the layer's slope is 0.3, and that of the activation
    "leaky_relu" 0.2.

    Args:
        negative_slope: the slope below 0.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the slope is negative or no number.

    Example:
        >>> LeakyReLU(negative_slope=0.5)([1.0, -2.0]).numpy()
        array([ 1., -1.], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.negative_slope = require_not_negative("negative_slope", negative_slope)

    def call(self, inputs: Tensor) -> Tensor:
        return activations.leaky_relu(inputs, self.negative_slope)


@register()
class ELU(SameShape):
    """Exponential linear unit: y = x above 0, else alpha (exp(x) - 1).

    Args:
        alpha: the limit far below 0 is minus this.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: alpha is negative or no number.

    Example:
        >>> ELU()([1.0, -1000.0]).numpy()
        array([ 1., -1.], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = require_not_negative("alpha", alpha)

    def call(self, inputs: Tensor) -> Tensor:
        return activations.elu(inputs, self.alpha)


@register()
class Softmax(SameShape):
    """Probabilities over an axis: y_j = exp(x_j) / sum_k exp(x_k).

    Called with a mask, it gives probability 0 where the mask is false.

    Args:
        axis: over which they sum to 1.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the axis is no integer; on the call, there is no such axis.

    Example:
        >>> Softmax()([[0.0, 0.0]]).numpy()
        array([[0.5, 0.5]], dtype=float32)
        >>> Softmax()([[0.0, 0.0]], mask=[[True, False]]).numpy()
        array([[1., 0.]], dtype=float32)
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        try:
            self.axis = index(axis)
        except TypeError:
            raise ArgumentError(
                f"The axis of a softmax must be one integer. Got {axis!r}."
            ) from None

    def call(self, inputs: Tensor, mask: Any = None) -> Tensor:
        if mask is not None:
            inputs = inputs + (1 - as_tensor(mask).cast(inputs.dtype)) * MASKED
        return activations.softmax(inputs, self.axis)


def require_not_negative(name: str, value: Any) -> float:
    """A slope or limit, as a Python number.

    Raises:
        ArgumentError: it is negative or no number.
    """
    if not isinstance(value, int | float | np.number) or not value >= 0:
        raise ArgumentError(f"{name} must be a number from 0 on. Got {value!r}.")
    return float(value)
