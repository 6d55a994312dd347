"""Layers that make one number of what each window sees, channel by channel."""

from __future__ import annotations

from typing import Any

from glassgrad import ops
from glassgrad.graph import Tensor
from glassgrad.layers.layer import register
from glassgrad.layers.spatial import Lengths, SpatialLayer, padding_word
from glassgrad.ops.padding import window_count
from glassgrad.ops.spatial import lengths

__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
]


class Pooling(SpatialLayer):
    """The base of layers that pool window by window, channel by channel.

    Args:
        pool_size: the lengths of a window, or one for all axes.
        strides: how far the next window is; its length by default.
        padding: "valid" leaves out what does not fill a window; "same" keeps what is left over,
            in windows that see less.
        data_format: "channels_last", the default, or "channels_first".
        name: what it is called.
        kwargs: trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: a length is not positive, or padding or data format is another word.
        ShapeError: on the call, the input has another number of axes, or is too short for a window.
    """

    def __init__(
        self,
        pool_size: Lengths,
        strides: Lengths | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, name=name, **kwargs)
        self.pool_size = lengths(pool_size, self.rank, "pool_size")
        given = self.pool_size if strides is None else strides
        self.strides = lengths(given, self.rank, "strides")
        self.padding = padding_word(padding, "valid", "same")

    def _length(self, axis: int, length: int) -> int:
        return window_count(self.padding, length, self.pool_size[axis], self.strides[axis])


class MaxPooling(Pooling):
    """The base of max pooling: the largest element of each window.

    The gradient goes to the first of equal elements, as in PyTorch. NaN counts as the largest.
    """

    def __init__(
        self,
        pool_size: Lengths = 2,
        strides: Lengths | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pool_size, strides, padding, data_format, name, **kwargs)

    def _transformed(self, x: Tensor) -> Tensor:
        return ops.max_pool(x, self.pool_size, self.strides, self.padding)


class AveragePooling(Pooling):
    """The base of average pooling: the mean of what each window sees; padding does not count."""

    def _transformed(self, x: Tensor) -> Tensor:
        return ops.average_pool(x, self.pool_size, self.strides, self.padding)


@register("MaxPool1D")
class MaxPooling1D(MaxPooling):
    """The largest element of each window of a sequence; arguments: ``Pooling``.

    Shapes:
        (batch, steps, channels) gives (batch, new steps, channels).

    Example:
        >>> MaxPooling1D(2)([[[1.0], [3.0], [2.0], [0.0]]]).numpy().ravel()
        array([3., 2.], dtype=float32)
    """

    rank = 1


@register("MaxPool2D")
class MaxPooling2D(MaxPooling):
    """The largest element of each window of an image; arguments: ``Pooling``.

    Shapes:
        (batch, height, width, channels) gives (batch, new height, new width, channels).

    Example:
        >>> import numpy as np
        >>> MaxPooling2D()(np.ones((1, 28, 28, 3))).shape
        (1, 14, 14, 3)
    """

    rank = 2


@register("MaxPool3D")
class MaxPooling3D(MaxPooling):
    """The largest element of each window of a volume; arguments: ``Pooling``.

    Shapes:
        (batch, depth, height, width, channels) gives (batch, new depth, new height, new width,
        channels).

    Example:
        >>> import numpy as np
        >>> MaxPooling3D((1, 2, 2))(np.ones((1, 4, 4, 6, 3))).shape
        (1, 4, 2, 3, 3)
    """

    rank = 3


@register("AvgPool1D")
class AveragePooling1D(AveragePooling):
    """The mean of each window of a sequence; arguments: ``Pooling``.

    Shapes:
        (batch, steps, channels) gives (batch, new steps, channels).

    Example:
        >>> AveragePooling1D(2, padding="same")([[[1.0], [3.0], [2.0]]]).numpy().ravel()
        array([2., 2.], dtype=float32)
    """

    rank = 1


@register("AvgPool2D")
class AveragePooling2D(AveragePooling):
    """The mean of each window of an image; arguments: ``Pooling``.

    Shapes:
        (batch, height, width, channels) gives (batch, new height, new width, channels).

    Example:
        >>> import numpy as np
        >>> AveragePooling2D(2)(np.ones((1, 28, 28, 3))).shape
        (1, 14, 14, 3)
    """

    rank = 2


@register("AvgPool3D")
class AveragePooling3D(AveragePooling):
    """The mean of each window of a volume; arguments: ``Pooling``.

    Shapes:
        (batch, depth, height, width, channels) gives (batch, new depth, new height, new width,
        channels).

    Example:
        >>> import numpy as np
        >>> AveragePooling3D(2, strides=1)(np.ones((1, 4, 4, 6, 3))).shape
        (1, 3, 3, 5, 3)
    """

    rank = 3


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
