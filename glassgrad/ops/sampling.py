"""Images read at places between their pixels: what every shift, turn and zoom is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import product
from types import MappingProxyType

import numpy as np

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, constant
from glassgrad.ops.arrangement import expand_dims
from glassgrad.ops.elementwise import add, cast, clip, greater_equal, less, minimum, where
from glassgrad.ops.indexing import take
from glassgrad.ops.logic import logical_and
from glassgrad.ops.movement import reshape
from glassgrad.ops.rounding import floor, round

__all__ = ["FILL_MODES", "INTERPOLATIONS", "sample_images"]


def _repeated(place: Tensor, length: int) -> Tensor:
    """The whole number within [0, period) that differs by a multiple of the period."""
    return place - length * floor((place + 0.5) / length)  # the half keeps rounding harmless


def _mirrored(place: Tensor, length: int) -> Tensor:
    within = _repeated(place, 2 * length)
    return minimum(within, 2 * length - 1 - within)


def _nearest_pixel(place: Tensor, length: int) -> Tensor:
    return clip(place, 0, length - 1)


#: For a whole number outside an axis of some length the place that is read instead.
_PLACES: Mapping[str, Callable[[Tensor, int], Tensor]] = MappingProxyType(
    {
        "constant": _nearest_pixel,  # and then replaced by the constant
        "nearest": _nearest_pixel,
        "reflect": _mirrored,
        "wrap": _repeated,
    }
)
FILL_MODES = tuple(_PLACES)


def _one_pixel(place: Tensor) -> list[tuple[Tensor, Tensor]]:
    return [(round(place), constant(1.0, place.dtype))]


def _two_pixels(place: Tensor) -> list[tuple[Tensor, Tensor]]:
    before = floor(place)
    share = place - before
    return [(before, 1.0 - share), (before + 1.0, share)]


#: The pixels of one axis that are read for a place, with their weights.
_PIXELS: Mapping[str, Callable[[Tensor], list[tuple[Tensor, Tensor]]]] = MappingProxyType(
    {"nearest": _one_pixel, "bilinear": _two_pixels}
)
INTERPOLATIONS = tuple(_PIXELS)


def sample_images(
    images: Tensor,
    rows: Tensor,
    columns: Tensor,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0.0,
) -> Tensor:
    """Read images at real places: y[b, i, j] = x[b, rows[b, i, j], columns[b, i, j]].

    Gradients flow to the images and, where the interpolation is bilinear, to the places.

    Args:
        images: (batch, height, width, channels), floats.
        rows: the vertical places, 0 being the first row of pixels; floats of a shape that
            broadcasts to (batch, new height, new width).
        columns: the horizontal places, likewise.
        interpolation: "bilinear" weighs the four pixels around a place; "nearest" takes the nearest
            one, the one with the even number where two are equally near.
        fill_mode: what stands beyond the edges of a b c d. "constant": k k | a b c d | k k;
            "nearest": a a | a b c d | d d; "reflect": b a | a b c d | d c;
            "wrap": c d | a b c d | a b.
        fill_value: the k of "constant".

    Raises:
        ArgumentError: the interpolation or the fill mode is unknown.
        ShapeError: the images do not have four axes, or no pixels, or the places do not broadcast.

    Example:
        >>> image = constant([[[[1.0], [2.0], [4.0]]]])
        >>> rows, columns = constant([[[0.0]]]), constant([[[-1.0, 0.5, 2.0]]])
        >>> sample_images(image, rows, columns).numpy().ravel()
        array([0. , 1.5, 4. ], dtype=float32)
        >>> sample_images(image, rows, columns, fill_mode="wrap").numpy().ravel()
        array([4. , 1.5, 4. ], dtype=float32)
    """
    if interpolation not in INTERPOLATIONS:
        raise ArgumentError(
            f"The interpolation must be one of {INTERPOLATIONS}. Got {interpolation!r}."
        )
    if fill_mode not in FILL_MODES:
        raise ArgumentError(f"The fill mode must be one of {FILL_MODES}. Got {fill_mode!r}.")
    batch, height, width, channels = _lengths_of(images)
    pixels = reshape(images, (batch * height * width, channels))
    begins = constant(np.arange(batch, dtype=np.int32).reshape(-1, 1, 1) * (height * width))
    in_rows = _reads(rows, height, interpolation, fill_mode)
    in_columns = _reads(columns, width, interpolation, fill_mode)
    parts = []
    for row, column in product(in_rows, in_columns):
        values = take(pixels, begins + row.place * width + column.place)
        if row.is_inside is not None and column.is_inside is not None:
            is_inside = logical_and(row.is_inside, column.is_inside)
            values = where(expand_dims(is_inside, -1), values, fill_value)
        parts.append(values * expand_dims(row.weight * column.weight, -1))
    return reduce(add, parts)  # (batch, new height, new width, channels)


@dataclass(frozen=True)
class _Read:
    """One pixel of an axis that is read for each place, with its weight."""

    place: Tensor
    weight: Tensor
    is_inside: Tensor | None  # where nobody asks, everything is


def _reads(places: Tensor, length: int, interpolation: str, fill_mode: str) -> list[_Read]:
    return [
        _Read(
            cast(_PLACES[fill_mode](place, length), "int32"),
            weight,
            _is_within(place, length) if fill_mode == "constant" else None,
        )
        for place, weight in _PIXELS[interpolation](places)
    ]


def _is_within(place: Tensor, length: int) -> Tensor:
    return logical_and(greater_equal(place, 0.0), less(place, float(length)))


def _lengths_of(images: Tensor) -> tuple[int, int, int, int]:
    if images.ndim != 4 or 0 in images.shape[1:3]:
        raise ShapeError(
            "Images have four axes, (batch, height, width, channels), and one pixel at least. "
            f"Got shape {images.shape}."
        )
    batch, height, width, channels = images.shape
    return batch, height, width, channels
