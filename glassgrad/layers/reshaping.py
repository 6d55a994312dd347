"""Layers that change the shape and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import index
from typing import Any

from glassgrad import ops
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor
from glassgrad.layers.input_spec import InputSpec
from glassgrad.layers.layer import Layer, Shape, register, require_count

__all__ = ["Flatten", "Permute", "RepeatVector", "Reshape"]


@register()
class Flatten(Layer):
    """All axes but the batch become one: (batch, a, b, …) gives (batch, a · b · …).

    (batch,) gives (batch, 1).

    Args:
        data_format: "channels_first" puts the first axis after the batch last before that, so
            that the order of the elements is that of "channels_last", the default.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the data format is another one.

    Example:
        >>> Flatten()([[[1.0, 2.0], [3.0, 4.0]]]).numpy()
        array([[1., 2., 3., 4.]], dtype=float32)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if data_format not in (None, "channels_last", "channels_first"):
            raise ArgumentError(
                f"The data format must be 'channels_last' or 'channels_first'. Got {data_format!r}."
            )
        self.data_format = data_format or "channels_last"

    def call(self, inputs: Tensor) -> Tensor:
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = ops.transpose(inputs, (0, *range(2, inputs.ndim), 1))
        return inputs.reshape((*inputs.shape[:1], prod(inputs.shape[1:])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], _size(input_shape[1:]))


@register()
class Reshape(Layer):
    """The same elements in row-major order under another shape; the batch stays.

    Args:
        target_shape: the lengths without the batch; one may be -1 and follows from the rest.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the target is no sequence of positive lengths with at most one -1.
        ShapeError: on the call, the sizes differ.

    Example:
        >>> Reshape((2, -1))([[1.0, 2.0, 3.0, 4.0]]).numpy()
        array([[[1., 2.],
                [3., 4.]]], dtype=float32)
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = _integers("target_shape", target_shape)
        lengths = self.target_shape
        if lengths.count(-1) > 1 or any(length < 1 and length != -1 for length in lengths):
            raise ArgumentError(
                "target_shape must hold positive lengths, one of which may be -1, without the "
                f"batch. Got {target_shape!r}."
            )

    def call(self, inputs: Tensor) -> Tensor:
        return inputs.reshape((inputs.shape[0], *self._lengths(inputs.shape)))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], *self._lengths(input_shape))

    def _lengths(self, input_shape: Shape) -> Shape:
        """The target with its -1 worked out; ``None`` where an open length decides."""
        size = _size(input_shape[1:])
        if size is None:
            return tuple(None if length == -1 else length for length in self.target_shape)
        known = prod(length for length in self.target_shape if length != -1)
        is_open = -1 in self.target_shape
        if size % known or (not is_open and size != known):
            raise ShapeError(
                f"Layer {self.name!r} makes examples of shape {self.target_shape}, and an example "
                f"of shape {tuple(input_shape[1:])} has {size} elements. Full shape received: "
                f"{tuple(input_shape)}."
            )
        return tuple(size // known if length == -1 else length for length in self.target_shape)


@register()
class Permute(Layer):
    """The axes in another order; the batch stays the first.

    Args:
        dims: the axes of the input in their new order, counted from 1: (2, 1) exchanges the two
            after the batch.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: dims does not name each axis from 1 on once.
        ShapeError: on the call, the input has another number of axes.

    Example:
        >>> Permute((2, 1))([[[1.0, 2.0], [3.0, 4.0]]]).numpy()
        array([[[1., 3.],
                [2., 4.]]], dtype=float32)
    """

    input_spec: InputSpec

    def __init__(self, dims: Sequence[int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = _integers("dims", dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ArgumentError(
                f"dims must name each axis after the batch once, counted from 1. Got {dims!r}."
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: Tensor) -> Tensor:
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.input_spec.check(self.name, input_shape)
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))


@register()
class RepeatVector(Layer):
    """Each vector n times: (batch, features) gives (batch, n, features).

    Args:
        n: how many times.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: n is no positive integer.
        ShapeError: on the call, the input has not two axes.

    Example:
        >>> RepeatVector(2)([[1.0, 2.0]]).numpy()
        array([[[1., 2.],
                [1., 2.]]], dtype=float32)
    """

    input_spec: InputSpec

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = require_count("n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: Tensor) -> Tensor:
        batch, features = inputs.shape
        return ops.broadcast_to(inputs.reshape(batch, 1, features), (batch, self.n, features))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.input_spec.check(self.name, input_shape)
        return (input_shape[0], self.n, input_shape[1])


def _size(lengths: Shape) -> int | None:
    """How many elements there are; ``None`` if a length is open."""
    known = [length for length in lengths if length is not None]
    return None if len(known) < len(lengths) else prod(known)


def _integers(name: str, values: Any) -> tuple[int, ...]:
    try:
        return tuple(index(value) for value in values)
    except TypeError:
        raise ArgumentError(
            f"{name} must be a sequence of integers, without the batch. Got {values!r}."
        ) from None
