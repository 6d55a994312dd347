"""Layers that make one number of all space, channel by channel."""

from __future__ import annotations

from typing import Any

from glassgrad import ops
from glassgrad.graph import Tensor
from glassgrad.layers.layer import Shape, register
from glassgrad.layers.spatial import SpatialLayer

__all__ = [
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAveragePooling3D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalAvgPool3D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPool3D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "GlobalMaxPooling3D",
]


class GlobalPooling(SpatialLayer):
    """The base of layers that make one number of all space, for each channel.

    Args:
        data_format: "channels_last", the default, or "channels_first".
        keepdims: whether the axes of space stay, with the length 1.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the data format is another.
        ShapeError: on the call, the input has another number of axes, or an empty one.
    """

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.keepdims = bool(keepdims)

    def call(self, inputs: Tensor) -> Tensor:
        self.compute_output_shape(inputs.shape)  # or say, by the layer's name, what does not fit
        return self._pooled(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self.input_spec.check(self.name, input_shape)
        for axis, length in enumerate(self._space(input_shape)):
            self._checked_length(axis, 1 if length is None else length, input_shape)
        kept = (1,) * self.rank if self.keepdims else ()
        return self._arranged(input_shape[0], kept, input_shape[self.channel_axis])

    def _pooled(self, inputs: Tensor) -> Tensor:
        raise NotImplementedError

    def _length(self, axis: int, length: int) -> int:
        return length

    @property
    def _axes(self) -> list[int]:
        """Those of space."""
        first = 1 if self.data_format == "channels_last" else 2
        return list(range(first, first + self.rank))


class GlobalMaxPooling(GlobalPooling):
    """The base of global max pooling: the largest element; equal ones share the gradient."""

    def _pooled(self, inputs: Tensor) -> Tensor:
        return ops.max(inputs, self._axes, keepdims=self.keepdims)


class GlobalAveragePooling(GlobalPooling):
    """The base of global average pooling: the mean over all space."""

    def _pooled(self, inputs: Tensor) -> Tensor:
        return ops.mean(inputs, self._axes, keepdims=self.keepdims)


@register("GlobalMaxPool1D")
class GlobalMaxPooling1D(GlobalMaxPooling):
    """The largest element over a whole sequence; arguments: ``GlobalPooling``.

    Shapes:
        (batch, steps, channels) gives (batch, channels), or all axes with ``keepdims``.

    Example:
        >>> GlobalMaxPooling1D()([[[1.0, 4.0], [3.0, 2.0]]]).numpy()
        array([[3., 4.]], dtype=float32)
    """

    rank = 1


@register("GlobalMaxPool2D")
class GlobalMaxPooling2D(GlobalMaxPooling):
    """The largest element over a whole image; arguments: ``GlobalPooling``.

    Shapes:
        (batch, height, width, channels) gives (batch, channels), or all axes with ``keepdims``.

    Example:
        >>> import numpy as np
        >>> GlobalMaxPooling2D(keepdims=True)(np.ones((2, 4, 4, 3))).shape
        (2, 1, 1, 3)
    """

    rank = 2


@register("GlobalMaxPool3D")
class GlobalMaxPooling3D(GlobalMaxPooling):
    """The largest element over a whole volume; arguments: ``GlobalPooling``.

    Shapes:
        (batch, depth, height, width, channels) gives (batch, channels), or all axes with
        ``keepdims``.

    Example:
        >>> import numpy as np
        >>> GlobalMaxPooling3D(keepdims=True)(np.ones((2, 4, 4, 4, 3))).shape
        (2, 1, 1, 1, 3)
    """

    rank = 3


@register("GlobalAvgPool1D")
class GlobalAveragePooling1D(GlobalAveragePooling):
    """The mean over a whole sequence; arguments: ``GlobalPooling``.

    Where the input carries a mask, only the steps that it keeps count.

    Shapes:
        (batch, steps, channels) gives (batch, channels), or all axes with ``keepdims``.

    Example:
        >>> GlobalAveragePooling1D()([[[1.0, 4.0], [3.0, 2.0]]]).numpy()
        array([[2., 3.]], dtype=float32)
    """

    rank = 1

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        if mask is None:
            return super().call(inputs)
        (steps,) = self._axes
        counts = ops.expand_dims(mask.cast(self.dtype), self.channel_axis)
        sums = ops.sum(inputs.cast(self.dtype) * counts, steps, keepdims=self.keepdims)
        return sums / ops.sum(counts, steps, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """No steps are left that a mask could be about."""


@register("GlobalAvgPool2D")
class GlobalAveragePooling2D(GlobalAveragePooling):
    """The mean over a whole image; arguments: ``GlobalPooling``.

    Shapes:
        (batch, height, width, channels) gives (batch, channels), or all axes with ``keepdims``.

    Example:
        >>> import numpy as np
        >>> GlobalAveragePooling2D(keepdims=True)(np.ones((2, 4, 4, 3))).shape
        (2, 1, 1, 3)
    """

    rank = 2


@register("GlobalAvgPool3D")
class GlobalAveragePooling3D(GlobalAveragePooling):
    """The mean over a whole volume; arguments: ``GlobalPooling``.

    Shapes:
        (batch, depth, height, width, channels) gives (batch, channels), or all axes with
        ``keepdims``.

    Example:
        >>> import numpy as np
        >>> GlobalAveragePooling3D(keepdims=True)(np.ones((2, 4, 4, 4, 3))).shape
        (2, 1, 1, 1, 3)
    """

    rank = 3


GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalMaxPool3D = GlobalMaxPooling3D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
