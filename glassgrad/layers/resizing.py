"""Layers that change how many elements space has."""

from __future__ import annotations

from typing import Any

from glassgrad import ops
from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor
from glassgrad.layers.layer import register, require_count
from glassgrad.layers.spatial import Lengths, SpatialLayer
from glassgrad.ops.image import INTERPOLATIONS, resize
from glassgrad.ops.spatial import lengths

__all__ = ["Resizing", "UpSampling1D", "UpSampling2D", "UpSampling3D"]


class UpSampling(SpatialLayer):
    """The base of layers that make several elements of each.

    Args:
        size: how many elements each becomes, for each axis of space or for all.
        data_format: "channels_last", the default, or "channels_first".
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the size is not positive, or the data format is another word.
        ShapeError: on the call, the input has another number of axes.
    """

    def __init__(self, size: Lengths = 2, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        factors = lengths(size, self.rank, "size")
        self.size = factors if self.rank > 1 else factors[0]

    @property
    def _factors(self) -> tuple[int, ...]:
        return lengths(self.size, self.rank, "size")

    def _transformed(self, x: Tensor) -> Tensor:
        for axis, factor in enumerate(self._factors, start=1):
            x = x if factor == 1 else ops.repeat(x, factor, axis)
        return x

    def _length(self, axis: int, length: int) -> int:
        return length * self._factors[axis]


@register()
class UpSampling1D(UpSampling):
    """Each step of a sequence several times.

    Shapes:
        (batch, steps, channels) gives (batch, steps * size, channels).

    Args:
        size: how many times.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the size is not positive.
        ShapeError: on the call, the input has not three axes.

    Example:
        >>> UpSampling1D()([[[1.0], [2.0]]]).numpy().ravel()
        array([1., 1., 2., 2.], dtype=float32)
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(size, **kwargs)


@register()
class UpSampling2D(UpSampling):
    """Larger images: each element several times, or what lies in between.

    Shapes:
        (batch, height, width, channels) gives (batch, height * size, width * size, channels).

    Args:
        size: the factors of height and width, or one for both.
        data_format: "channels_last", the default, or "channels_first".
        interpolation: "nearest" repeats each element; "bilinear" and "bicubic" interpolate
            between the centres of elements, see ``ops.image.resize``.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the size is not positive, or interpolation or data format is another word.
        ShapeError: on the call, the input has not four axes.

    Example:
        >>> UpSampling2D((1, 2), interpolation="bilinear")([[[[0.0], [4.0]]]]).numpy().ravel()
        array([0., 1., 3., 4.], dtype=float32)
    """

    rank = 2

    def __init__(
        self,
        size: Lengths = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(size, data_format, **kwargs)
        self.interpolation = _interpolation(interpolation)

    def _transformed(self, x: Tensor) -> Tensor:
        if self.interpolation == "nearest":
            return super()._transformed(x)
        height, width = (self._length(axis, x.shape[axis + 1]) for axis in (0, 1))
        return resize(x, (height, width), self.interpolation)


@register()
class UpSampling3D(UpSampling):
    """Each element of a volume several times along each axis; arguments: ``UpSampling``.

    Shapes:
        (batch, depth, height, width, channels) with each axis of space longer by its factor.

    Example:
        >>> UpSampling3D((1, 2, 3))([[[[[5.0]]]]]).shape
        (1, 1, 2, 3, 1)
    """

    rank = 3

    def __init__(
        self, size: Lengths = (2, 2, 2), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(size, data_format, **kwargs)


@register()
class Resizing(SpatialLayer):
    """Images of a given height and width.

    Shapes:
        (batch, any height, any width, channels) gives (batch, height, width, channels).

    Args:
        height: the new height.
        width: the new width.
        interpolation: "bilinear", "nearest" or "bicubic", see ``ops.image.resize``.
        crop_to_aspect_ratio: whether the image is cut, to keep its proportions.
        pad_to_aspect_ratio: whether a border is added, to keep them.
        fill_mode: "constant", the only one.
        fill_value: what the border consists of.
        antialias: whether an element of a smaller image takes from all that it covers.
        data_format: "channels_last", the default, or "channels_first".
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: a length is not positive, or an argument is another word.
        ShapeError: on the call, the input has not four axes, or is empty.

    Example:
        >>> Resizing(1, 4)([[[[0.0], [4.0]]]]).numpy().ravel()
        array([0., 1., 3., 4.], dtype=float32)
    """

    rank = 2

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format, **kwargs)
        self.height, self.width = require_count("height", height), require_count("width", width)
        self.interpolation = _interpolation(interpolation)
        self.crop_to_aspect_ratio = bool(crop_to_aspect_ratio)
        self.pad_to_aspect_ratio = bool(pad_to_aspect_ratio)
        if self.crop_to_aspect_ratio and self.pad_to_aspect_ratio:
            raise ArgumentError("An image is cut or gets a border. Got both flags.")
        if fill_mode != "constant":
            raise ArgumentError(f"fill_mode must be 'constant'. Got {fill_mode!r}.")
        self.fill_mode, self.fill_value = fill_mode, float(fill_value)
        self.antialias = bool(antialias)

    def _transformed(self, x: Tensor) -> Tensor:
        return resize(
            x,
            (self.height, self.width),
            self.interpolation,
            self.antialias,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
            self.fill_mode,
            self.fill_value,
        )

    def _length(self, axis: int, length: int) -> int:
        return (self.height, self.width)[axis] if length else 0


def _interpolation(name: str) -> str:
    word = name.lower()
    if word not in INTERPOLATIONS:
        known = ", ".join(INTERPOLATIONS)
        raise ArgumentError(f"interpolation must be one of {known}. Got {name!r}.")
    return word
