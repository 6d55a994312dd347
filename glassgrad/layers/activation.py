"""Activations as layers of their own."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np

from glassgrad import activations, constraints, initializers, regularizers
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, Variable, as_tensor
from glassgrad.layers.input_spec import InputSpec
from glassgrad.layers.layer import Layer, Shape, register

__all__ = ["ELU", "Activation", "LeakyReLU", "PReLU", "ReLU", "Softmax"]

MASKED = -1e9
"""What is added to a logit that shall have no part in a softmax."""


class SameShape(Layer):
    """The base of all: the output has the shape of the input."""

    supports_masking = True

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


@register()
class PReLU(SameShape):
    """Relu whose slope below 0 is learnt: y = x above 0, else alpha x.

    Each unit has an alpha of its own, but for the axes that share one. The gradient of both x and
    alpha is 0 at 0, as in Keras; PyTorch's is alpha there.

    Args:
        alpha_initializer: how the slopes begin.
        alpha_regularizer: a penalty on the slopes.
        alpha_constraint: a rule that the slopes keep after each step.
        shared_axes: one axis or several, counted from 1 after the batch, along which all units
            share a slope: (1, 2) for one slope for each channel of (batch, height, width,
            channels).
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: shared_axes holds something else than integers from 1.
        ShapeError: on the call, there is no such axis, or a length is not that of the first call.

    Example:
        >>> PReLU(alpha_initializer="ones")([[1.0, -2.0]]).numpy()
        array([[ 1., -2.]], dtype=float32)

    Source: He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015.
    """

    alpha: Variable

    def __init__(
        self,
        alpha_initializer: Any = "Zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.require(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        self.shared_axes = _shared_axes(shared_axes)

    def build(self, input_shape: Shape) -> None:
        shared = self.shared_axes or []
        if any(axis >= len(input_shape) for axis in shared):
            raise ShapeError(
                f"Layer {self.name!r} shares its slopes along axes {shared}, and not all of them "
                f"exist. Full shape received: {tuple(input_shape)}."
            )
        own = {a: n for a, n in enumerate(input_shape) if a and a not in shared}
        if None in own.values():
            raise ShapeError(
                f"Layer {self.name!r} has a slope for each unit, so their number must be known: "
                "share the slopes along axes of open length by shared_axes. Full shape received: "
                f"{tuple(input_shape)}."
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes=own)
        self.alpha = self.add_weight(
            [own.get(axis) or 1 for axis in range(1, len(input_shape))],
            self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )

    def call(self, inputs: Tensor) -> Tensor:
        return inputs.relu() - self.alpha * (-inputs).relu()


def _shared_axes(axes: Any) -> list[int] | None:
    if axes is None:
        return None
    given = list(axes) if isinstance(axes, list | tuple) else [axes]
    if any(not isinstance(axis, int) or axis < 1 for axis in given):
        raise ArgumentError(
            "shared_axes must be made of integers from 1, the first axis after the batch. "
            f"Got {axes!r}."
        )
    return given


def require_not_negative(name: str, value: Any) -> float:
    """A slope or limit, as a Python number.

    Raises:
        ArgumentError: it is negative or no number.
    """
    if not isinstance(value, int | float | np.number) or not value >= 0:
        raise ArgumentError(f"{name} must be a number from 0 on. Got {value!r}.")
    return float(value)
