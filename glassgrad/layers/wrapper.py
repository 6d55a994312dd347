"""Layers around a layer: the base, and one layer at every time step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from glassgrad import ops
from glassgrad.errors import ArgumentError, ShapeError, shown
from glassgrad.graph import Tensor
from glassgrad.graph.trees import leaves_of, map_tree
from glassgrad.layers.layer import Layer, Shape, deserialize, register, takes_mask
from glassgrad.layers.normalization import BatchNormalization
from glassgrad.layers.recurrent import RNN

__all__ = ["TimeDistributed", "Wrapper", "as_layer"]


@register()
class Wrapper(Layer):
    """The base of layers around another one; not to be used by itself.

    Args:
        layer: the layer inside.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: it is no layer.

    Example:
        >>> from glassgrad.layers import Dense
        >>> class Twice(Wrapper):
        ...     def call(self, inputs):
        ...         return self.layer(inputs) * 2.0
        >>> Twice(Dense(1, kernel_initializer="ones"))([[1.0, 2.0]]).numpy()
        array([[6.]], dtype=float32)
    """

    def __init__(self, layer: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.layer = as_layer("layer", layer)

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True


@register()
class TimeDistributed(Wrapper):
    """Apply a layer to every time step, with the same weights: y_t = layer(x_t).

    All steps of all examples are one large batch to the layer. One that looks at the batch as a
    whole, as ``BatchNormalization`` and stateful layers do, meets the steps one after the other.

    Args:
        layer: the layer.
        kwargs: name, trainable and dtype, see ``Layer``.

    Shapes:
        (batch, time, …) gives (batch, time, …), with what the layer makes of the rest. A mask
        begins with (batch, time); the layer is handed its part, if it takes one.

    Raises:
        ArgumentError: the layer is none.
        ShapeError: on the call, the input has fewer than three axes, or a mask does not fit.

    Example:
        >>> import numpy as np
        >>> from glassgrad.layers import Dense
        >>> TimeDistributed(Dense(4))(np.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    supports_masking = True

    def build(self, input_shape: Any) -> None:  # type: ignore[override]  # as in Keras
        super().build(self._of_one_step(input_shape))

    def call(self, inputs: Tensor, training: bool = False, mask: Any = None) -> Any:
        self._of_one_step(inputs.shape)
        mask = next(iter(leaves_of(mask)), None)
        self._require_mask(inputs, mask)
        batch, time = inputs.shape[:2]
        if any(map(_sees_the_batch, _layers_within(self.layer))):
            return self._step_by_step(inputs, mask)
        given = None if mask is None else ops.reshape(mask, (batch * time, *mask.shape[2:]))
        rows = ops.reshape(inputs, (batch * time, *inputs.shape[2:]))
        outputs = self._applied(rows, given)
        return map_tree(lambda y: ops.reshape(y, (batch, time, *y.shape[1:])), outputs)

    def compute_output_shape(self, input_shape: Shape) -> Any:
        batch, *rest = self.layer.compute_output_shape(self._of_one_step(input_shape))
        return (batch, input_shape[1], *rest)

    def _applied(self, inputs: Tensor, mask: Tensor | None) -> Any:
        given: Any = {"mask": mask} if mask is not None and takes_mask(self.layer) else {}
        return self.layer(inputs, **given)

    def _step_by_step(self, inputs: Tensor, mask: Tensor | None) -> Any:
        steps = [
            self._applied(inputs[:, step], None if mask is None else mask[:, step])
            for step in range(inputs.shape[1])
        ]
        return ops.stack(steps, axis=1)

    def _of_one_step(self, shape: Any) -> Shape:
        if len(shape) < 3:
            raise ShapeError(
                f"Layer {self.name!r} expected shape (batch, time, …), found {len(shape)} axes. "
                f"Full shape received: {tuple(shape)}."
            )
        return (shape[0], *shape[2:])

    def _require_mask(self, inputs: Tensor, mask: Tensor | None) -> None:
        if mask is not None and mask.shape[:2] != inputs.shape[:2]:
            raise ShapeError(
                f"Layer {self.name!r} with an input of shape {inputs.shape} wants a mask whose "
                f"shape begins with {inputs.shape[:2]}. Got {mask.shape}."
            )


def as_layer(name: str, value: Any) -> Layer:
    """A layer, or what a configuration describes.

    Raises:
        ArgumentError: it is neither.
    """
    layer = deserialize(value) if isinstance(value, Mapping) else value
    if not isinstance(layer, Layer):
        raise ArgumentError(f"{name} must be a layer, such as LSTM(8). Got {shown(value)}.")
    return layer


def _layers_within(layer: Layer) -> Iterator[Layer]:
    yield layer
    for inner in layer.sublayers:
        yield from _layers_within(inner)


def _sees_the_batch(layer: Layer) -> bool:
    return isinstance(layer, BatchNormalization) or (isinstance(layer, RNN) and layer.stateful)
