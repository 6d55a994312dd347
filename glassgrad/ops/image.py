"""Operations on images under the name that Keras groups them by: ``ops.image.resize``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, as_tensor, constant, default_float
from glassgrad.graph.operation import Array
from glassgrad.graph.symbolic import recordable
from glassgrad.ops.arrangement import expand_dims, pad, squeeze
from glassgrad.ops.linear import MatMul
from glassgrad.ops.movement import reshape
from glassgrad.ops.spatial import channels_last, lengths

__all__ = ["INTERPOLATIONS", "resize"]

INTERPOLATIONS = ("nearest", "bilinear", "bicubic")

# How far, in elements, the kernels of Keys, "Cubic convolution interpolation", 1981, go below 0:
# those of PyTorch, plain and with antialiasing.
CUBIC, CUBIC_WIDE = -0.75, -0.5


def resize(
    images: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Images of another height and width.

    Each element is the centre of a square of its own, so that borders stay where they are. An
    axis is a product with a matrix, (new length, length), of what each element takes from which.

    Args:
        images: (batch, height, width, channels), or one image without the batch.
        size: the new height and width.
        interpolation: "bilinear"; "nearest"; or "bicubic", with PyTorch's kernel.
        antialias: whether an element of a smaller image takes from all that it covers.
        crop_to_aspect_ratio: whether the image is cut, to keep its proportions.
        pad_to_aspect_ratio: whether a border is added, to keep them.
        fill_mode: "constant", the only one.
        fill_value: what the border consists of.
        data_format: "channels_last", the default, or "channels_first".

    Raises:
        ArgumentError: an argument is none of these.
        ShapeError: the images have other axes, or are empty.

    Example:
        >>> resize([[[0.0], [4.0]]], (1, 4)).numpy().ravel()
        array([0., 1., 3., 4.], dtype=float32)

    Source: of the order of the elements, and of antialiasing, PyTorch's ``interpolate``.
    """
    height, width = _checked(size, interpolation, fill_mode)
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ArgumentError("An image is cut or gets a border. Got both flags.")
    x = as_tensor(images)
    x, is_one = (expand_dims(x, 0), True) if x.ndim == 3 else (x, False)
    if x.ndim != 4 or 0 in x.shape[1:]:
        raise ShapeError(
            f"Images are (batch, height, width, channels), or one image. Got shape {x.shape}."
        )

    def resized(x: Tensor) -> Tensor:
        if crop_to_aspect_ratio:
            x = _cut(x, height, width)
        if pad_to_aspect_ratio:
            x = _framed(x, height, width, fill_value)
        return _resized(x, height, width, interpolation, antialias)

    floats = x if x.dtype.kind == "f" else x.cast(default_float())
    batch = channels_last(resized, floats, data_format)
    return squeeze(batch, 0) if is_one else batch


def _checked(size: Sequence[int], interpolation: str, fill_mode: str) -> tuple[int, int]:
    if interpolation not in INTERPOLATIONS:
        known = ", ".join(INTERPOLATIONS)
        raise ArgumentError(f"interpolation must be one of {known}. Got {interpolation!r}.")
    if fill_mode != "constant":
        raise ArgumentError(f"fill_mode must be 'constant'. Got {fill_mode!r}.")
    height, width = lengths(size, 2, "size")
    return height, width


def _cut(x: Tensor, height: int, width: int) -> Tensor:
    """The middle of the image, in the proportions of the new one."""
    _, rows, columns, _ = x.shape
    tall = max(min(rows, columns * height // width), 1)
    wide = max(min(columns, rows * width // height), 1)
    top, left = (rows - tall) // 2, (columns - wide) // 2
    return x[:, top : top + tall, left : left + wide]


def _framed(x: Tensor, height: int, width: int, value: float) -> Tensor:
    """The image with a border, in the proportions of the new one."""
    _, rows, columns, _ = x.shape
    above = (max(rows, columns * height // width) - rows) // 2
    beside = (max(columns, rows * width // height) - columns) // 2
    if not (above or beside):
        return x
    return pad(x, ((0, 0), (above, above), (beside, beside), (0, 0)), constant_values=value)


def _resized(x: Tensor, height: int, width: int, interpolation: str, antialias: bool) -> Tensor:
    batch, rows, columns, channels = x.shape
    down, across = (
        constant(taken(after, before, interpolation, antialias), x.dtype)
        for after, before in ((height, rows), (width, columns))
    )
    lines = MatMul()(down, reshape(x, (batch, rows, columns * channels)))
    return MatMul()(across, reshape(lines, (batch, height, columns, channels)))


def taken(after: int, before: int, interpolation: str, antialias: bool) -> Array:
    """How much each new element of an axis takes from each old one: (after, before).

    Args:
        after: the new length.
        before: the old length.
        interpolation: one of ``INTERPOLATIONS``.
        antialias: whether it takes from all that it covers.
    """
    centers = (np.arange(after) + 0.5) * before / after - 0.5
    if interpolation == "nearest":
        chosen = np.minimum(np.floor(centers + 0.5), before - 1)
        return np.asarray(chosen[:, None] == np.arange(before), np.float64)
    stretch = max(before / after, 1.0) if antialias else 1.0
    reach = 0 if antialias else 2  # a border repeats its last element, or is not there
    places = np.arange(-reach, before + reach)
    distance = np.abs(places - centers[:, None]) / stretch
    cubic = CUBIC_WIDE if antialias else CUBIC
    weights = _tent(distance) if interpolation == "bilinear" else _cubic(distance, cubic)
    elements = np.clip(places, 0, before - 1)[:, None] == np.arange(before)
    matrix = weights @ elements
    return np.asarray(matrix / matrix.sum(1, keepdims=True))


def _tent(distance: Array) -> Array:
    return np.maximum(1 - distance, 0.0)


def _cubic(t: Array, a: float) -> Array:
    near = ((a + 2) * t - (a + 3)) * t * t + 1
    far = ((a * t - 5 * a) * t + 8 * a) * t - 4 * a
    return np.where(t <= 1, near, np.where(t < 2, far, 0.0))


resize = recordable(checked(resize), "ops.image.resize")
