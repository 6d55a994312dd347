"""Layers that add or take away elements at the border of space."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad import ops
from glassgrad.errors import ArgumentError, shown
from glassgrad.graph import Tensor
from glassgrad.layers.layer import register
from glassgrad.layers.spatial import SpatialLayer

__all__ = [
    "Cropping1D",
    "Cropping2D",
    "Cropping3D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
]


class ZeroPadding(SpatialLayer):
    """The base of layers that put zeros around space.

    Args:
        padding: how many come before and after: one number for all, one for each axis, or a pair
            for each axis; with one axis, a number or a pair.
        data_format: "channels_last", the default, or "channels_first".
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the widths are none of these, or negative; the data format is another word.
        ShapeError: on the call, the input has another number of axes.
    """

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        widths = border_widths("padding", padding, self.rank)
        self.padding = widths if self.rank > 1 else widths[0]

    def _transformed(self, x: Tensor) -> Tensor:
        return ops.pad(x, ((0, 0), *self._widths(), (0, 0)))

    def _length(self, axis: int, length: int) -> int:
        return length + sum(self._widths()[axis])

    def _widths(self) -> tuple[tuple[int, int], ...]:
        return border_widths("padding", self.padding, self.rank)


@register()
class ZeroPadding1D(ZeroPadding):
    """Zeros before and after a sequence; arguments are those of ``ZeroPadding``.

    Shapes:
        (batch, steps, channels) gives (batch, before + steps + after, channels).

    Example:
        >>> ZeroPadding1D((2, 0))([[[1.0], [2.0]]]).numpy().ravel()
        array([0., 0., 1., 2.], dtype=float32)
    """

    rank = 1


@register()
class ZeroPadding2D(ZeroPadding):
    """Zeros around an image; arguments are those of ``ZeroPadding``.

    Shapes:
        (batch, height, width, channels) gives (batch, top + height + bottom, left + width + right,
        channels).

    Example:
        >>> ZeroPadding2D(((0, 1), (1, 0)))([[[[5.0]]]]).numpy()[0, :, :, 0]
        array([[0., 5.],
               [0., 0.]], dtype=float32)
    """

    rank = 2

    def __init__(
        self, padding: Any = (1, 1), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(padding, data_format, **kwargs)


@register()
class ZeroPadding3D(ZeroPadding):
    """Zeros around a volume; arguments are those of ``ZeroPadding``.

    Shapes:
        (batch, depth, height, width, channels) with each axis of space longer by its two widths.

    Example:
        >>> ZeroPadding3D((1, 0, 2))([[[[[5.0]]]]]).shape
        (1, 3, 1, 5, 1)
    """

    rank = 3

    def __init__(
        self,
        padding: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(padding, data_format, **kwargs)


class Cropping(SpatialLayer):
    """The base of layers that take away what lies at the border of space.

    Args:
        cropping: how many elements go before and after: one number for all, one for each axis, or
            a pair for each axis; with one axis, a number or a pair.
        data_format: "channels_last", the default, or "channels_first".
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the widths are none of these, or negative; the data format is another word.
        ShapeError: on the call, the input has another number of axes, or nothing would be left.
    """

    def __init__(self, cropping: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        widths = border_widths("cropping", cropping, self.rank)
        self.cropping = widths if self.rank > 1 else widths[0]

    def _transformed(self, x: Tensor) -> Tensor:
        lengths = zip(x.shape[1:-1], self._widths(), strict=True)
        return x[(slice(None), *(slice(a, n - b) for n, (a, b) in lengths))]

    def _length(self, axis: int, length: int) -> int:
        return length - sum(self._widths()[axis])

    def _widths(self) -> tuple[tuple[int, int], ...]:
        return border_widths("cropping", self.cropping, self.rank)


@register()
class Cropping1D(Cropping):
    """A sequence without its ends.

    Shapes:
        (batch, steps, channels) gives (batch, steps - before - after, channels).

    Args:
        cropping: how many steps go at both ends, or a pair: at the beginning and at the end.
        kwargs: name, trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: the widths are none of these, or negative.
        ShapeError: on the call, the input has not three axes, or nothing would be left.

    Example:
        >>> Cropping1D((1, 0))([[[1.0], [2.0], [3.0]]]).numpy().ravel()
        array([2., 3.], dtype=float32)
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(cropping, **kwargs)


@register()
class Cropping2D(Cropping):
    """An image without its border; arguments are those of ``Cropping``.

    Shapes:
        (batch, height, width, channels) gives (batch, height - top - bottom, width - left - right,
        channels).

    Example:
        >>> Cropping2D(((2, 1), (0, 3)))(np.ones((1, 8, 8, 3))).shape
        (1, 5, 5, 3)
    """

    rank = 2

    def __init__(
        self,
        cropping: Any = ((0, 0), (0, 0)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


@register()
class Cropping3D(Cropping):
    """A volume without its border; arguments are those of ``Cropping``.

    Shapes:
        (batch, depth, height, width, channels) with each axis of space shorter by its two widths.

    Example:
        >>> Cropping3D()(np.ones((1, 4, 5, 6, 1))).shape
        (1, 2, 3, 4, 1)
    """

    rank = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


def border_widths(name: str, given: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """A pair for each axis of space.

    Raises:
        ArgumentError: what is given is no number, no number or pair for each axis, or negative.
    """
    entries = [given] * rank if is_width(given) or rank == 1 else given
    if isinstance(entries, list | tuple) and len(entries) == rank:
        pairs = [(entry, entry) if is_width(entry) else entry for entry in entries]
        if all(is_pair(pair) for pair in pairs):
            return tuple((int(before), int(after)) for before, after in pairs)
    each = "a pair" if rank == 1 else f"{rank} numbers, or {rank} pairs"
    raise ArgumentError(
        f"{name} must be a whole number from 0 on, or {each} of them. Got {shown(given)}."
    )


def is_width(value: Any) -> bool:
    """Whether a value is a whole number from 0 on."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and int(value) >= 0


def is_pair(value: Any) -> bool:
    """Whether a value holds two widths."""
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(is_width, value))
