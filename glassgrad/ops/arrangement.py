"""Arrangements of tensors that are made of slices, reshapes and joins."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, as_tensor, constant
from glassgrad.ops.elementwise import where
from glassgrad.ops.movement import (
    Pad,
    Slice,
    broadcast_to,
    concatenate,
    flip,
    normal_axis,
    ravel,
    reshape,
    transpose,
)
from glassgrad.ops.reduction import normalize_axes

__all__ = [
    "expand_dims",
    "moveaxis",
    "pad",
    "repeat",
    "roll",
    "split",
    "squeeze",
    "stack",
    "swapaxes",
    "tile",
    "unstack",
]


def piece(x: Tensor, axis: int, start: int, stop: int) -> Tensor:
    """The part of a tensor between two places of one axis, which is a number from 0."""
    starts, stops = [0] * x.ndim, list(x.shape)
    starts[axis], stops[axis] = start, stop
    return Slice(tuple(starts), tuple(stops))(x)


def expand_dims(x: Any, axis: int | Sequence[int]) -> Tensor:
    """A tensor with new axes of length 1.

    Args:
        x: any tensor.
        axis: where they lie in the result, or where one does.

    Raises:
        ArgumentError: a place lies outside the result, or is named twice.

    Example:
        >>> expand_dims([1.0, 2.0], -1).shape
        (2, 1)
    """
    x = as_tensor(x)
    count = 1 if isinstance(axis, int) else len(axis)
    new = normalize_axes(axis, x.ndim + count)
    lengths = iter(x.shape)
    return reshape(x, [1 if n in new else next(lengths) for n in range(x.ndim + count)])


def squeeze(x: Any, axis: int | Sequence[int] | None = None) -> Tensor:
    """A tensor without axes of length 1.

    Args:
        x: any tensor.
        axis: which axes go; all of length 1 by default.

    Raises:
        ArgumentError: there is no such axis.
        ShapeError: its length is not 1.

    Example:
        >>> squeeze([[1.0, 2.0]], 0).shape
        (2,)
    """
    x = as_tensor(x)
    single = [n for n, length in enumerate(x.shape) if length == 1]
    gone = single if axis is None else normalize_axes(axis, x.ndim)
    if not set(gone) <= set(single):
        raise ShapeError(f"Only axes of length 1 can go. Got axis {axis} of shape {x.shape}.")
    return reshape(x, [length for n, length in enumerate(x.shape) if n not in gone])


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Two axes exchanged.

    Raises:
        ArgumentError: there is no such axis.

    Example:
        >>> swapaxes([[1.0, 2.0, 3.0]], 0, 1).shape
        (3, 1)
    """
    x = as_tensor(x)
    order = list(range(x.ndim))
    first, second = normal_axis(axis1, x.ndim), normal_axis(axis2, x.ndim)
    order[first], order[second] = second, first
    return transpose(x, order)


def moveaxis(x: Any, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """Axes moved to other places; the others keep their order.

    Args:
        x: any tensor.
        source: which axis, or axes.
        destination: where each lies in the result.

    Raises:
        ArgumentError: there is no such axis, one is named twice, or the numbers of axes differ.

    Example:
        >>> moveaxis([[[1.0, 2.0, 3.0]]], 2, 0).shape
        (3, 1, 1)
    """
    x = as_tensor(x)
    sources, places = ([n] if isinstance(n, int) else list(n) for n in (source, destination))
    for axes in (sources, places):
        normalize_axes(axes, x.ndim)
    if len(sources) != len(places):
        raise ArgumentError(
            f"Each axis needs one destination. Got {len(sources)} axes and {len(places)} places."
        )
    moved = {to % x.ndim: axis % x.ndim for axis, to in zip(sources, places, strict=True)}
    rest = iter(n for n in range(x.ndim) if n not in moved.values())
    return transpose(x, [moved[n] if n in moved else next(rest) for n in range(x.ndim)])


def stack(x: Sequence[Any], axis: int = 0) -> Tensor:
    """Join tensors of one shape along a new axis.

    Args:
        x: the tensors.
        axis: where the new axis lies in the result.

    Raises:
        ArgumentError: there is no tensor, or no such place.
        DtypeError: their dtypes differ.
        ShapeError: their shapes differ.

    Example:
        >>> stack([[1.0, 2.0], [3.0, 4.0]], axis=1).numpy()
        array([[1., 3.],
               [2., 4.]], dtype=float32)
    """
    tensors = [as_tensor(tensor) for tensor in x]
    if not tensors:
        raise ArgumentError("At least one tensor is needed to stack. Got none.")
    if len({tensor.shape for tensor in tensors}) > 1:
        shapes = ", ".join(str(tensor.shape) for tensor in tensors)
        raise ShapeError(f"Tensors to be stacked must have one shape. Got {shapes}.")
    number = normal_axis(axis, tensors[0].ndim + 1)
    return concatenate([expand_dims(tensor, number) for tensor in tensors], number)


def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Tensor]:
    """The slices of a tensor along an axis, which goes: what ``stack`` would join again.

    Args:
        x: any tensor.
        num: how many there are; it follows from the shape.
        axis: along which axis.

    Raises:
        ArgumentError: there is no such axis, or it has another length.

    Example:
        >>> [row.numpy().tolist() for row in unstack([[1.0, 2.0], [3.0, 4.0]])]
        [[1.0, 2.0], [3.0, 4.0]]
    """
    x = as_tensor(x)
    number = normal_axis(axis, x.ndim)
    length = x.shape[number]
    if num not in (None, length):
        raise ArgumentError(f"Axis {axis} of shape {x.shape} has {length} slices. Got num={num}.")
    return [squeeze(piece(x, number, n, n + 1), number) for n in range(length)]


def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Cut a tensor into pieces along an axis.

    Args:
        x: any tensor.
        indices_or_sections: how many equal pieces; or the places at which to cut.
        axis: along which axis.

    Raises:
        ArgumentError: there is no such axis, the pieces would not be equal, or the places are
            not in order.

    Example:
        >>> [part.numpy().tolist() for part in split([1.0, 2.0, 3.0], [1])]
        [[1.0], [2.0, 3.0]]
    """
    x = as_tensor(x)
    number = normal_axis(axis, x.ndim)
    cuts = _cuts(indices_or_sections, x.shape[number])
    return [piece(x, number, start, stop) for start, stop in pairwise(cuts)]


def _cuts(wanted: int | Sequence[int], length: int) -> list[int]:
    """The places at which an axis is cut, with both of its ends."""
    if isinstance(wanted, int):
        if wanted < 1 or length % wanted:
            raise ArgumentError(
                f"An axis of length {length} is cut into a number of equal pieces. Got {wanted}; "
                "give a list of the places at which to cut for others."
            )
        return list(range(0, length + 1, length // wanted)) if length else [0] * (wanted + 1)
    inner = [slice(place).indices(length)[1] for place in wanted]  # as Python's slices count
    if inner != sorted(inner):
        raise ArgumentError(f"The places at which to cut must be in order. Got {list(wanted)}.")
    return [0, *inner, length]


def roll(x: Any, shift: int | Sequence[int], axis: int | Sequence[int] | None = None) -> Tensor:
    """Move elements along axes; what leaves at one end comes in at the other.

    Args:
        x: any tensor.
        shift: by how many places, for each axis or for all.
        axis: along which axis, or axes; by default all elements are taken as one line.

    Raises:
        ArgumentError: there is no such axis, or the numbers of shifts and axes differ.

    Example:
        >>> roll([1.0, 2.0, 3.0], 1).numpy()
        array([3., 1., 2.], dtype=float32)
    """
    x = as_tensor(x)
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), x.shape)
    axes = [axis] if isinstance(axis, int) else list(axis)
    shifts = [shift] * len(axes) if isinstance(shift, int) else list(shift)
    if len(shifts) != len(axes):
        raise ArgumentError(f"Each axis needs one shift. Got {len(shifts)} for {len(axes)} axes.")
    for number, places in zip((normal_axis(one, x.ndim) for one in axes), shifts, strict=True):
        length = x.shape[number]
        cut = -places % length if length else 0
        if cut:
            ends = piece(x, number, cut, length), piece(x, number, 0, cut)
            x = concatenate(ends, number)
    return x


def repeat(x: Any, repeats: int, axis: int | None = None) -> Tensor:
    """Each slice along an axis several times, one after the other.

    Args:
        x: any tensor.
        repeats: how many times.
        axis: along which axis; by default all elements are taken as one line.

    Raises:
        ArgumentError: there is no such axis, or the number is negative.

    Example:
        >>> repeat([1.0, 2.0], 2).numpy()
        array([1., 1., 2., 2.], dtype=float32)
    """
    x = as_tensor(x)
    if repeats != int(repeats) or repeats < 0:
        raise ArgumentError(f"repeats must be a whole number from 0 on. Got {repeats!r}.")
    if axis is None:
        return repeat(ravel(x), repeats, 0)
    number = normal_axis(axis, x.ndim)
    before, length, after = x.shape[:number], x.shape[number], x.shape[number + 1 :]
    copies = broadcast_to(expand_dims(x, number + 1), (*before, length, repeats, *after))
    return reshape(copies, (*before, length * repeats, *after))


def tile(x: Any, repeats: int | Sequence[int]) -> Tensor:
    """The whole tensor several times side by side.

    Args:
        x: any tensor.
        repeats: how many times along each axis, counted from the last.

    Raises:
        ArgumentError: a number is negative.

    Example:
        >>> tile([1.0, 2.0], 2).numpy()
        array([1., 2., 1., 2.], dtype=float32)
    """
    x = as_tensor(x)
    counts = [repeats] if isinstance(repeats, int) else list(repeats)
    if any(count < 0 for count in counts):
        raise ArgumentError(f"repeats must be whole numbers from 0 on. Got {repeats}.")
    rank = max(len(counts), x.ndim)
    counts = [1] * (rank - len(counts)) + counts
    lengths = (1,) * (rank - x.ndim) + x.shape
    single = [n for length in lengths for n in (1, length)]
    spread = [n for pair in zip(counts, lengths, strict=True) for n in pair]
    copies = broadcast_to(reshape(x, single), spread)
    return reshape(copies, [a * b for a, b in zip(counts, lengths, strict=True)])


PadWidth = int | Sequence[int] | Sequence[Sequence[int]]


def pad(
    x: Any, pad_width: PadWidth, mode: str = "constant", constant_values: float | None = None
) -> Tensor:
    """A tensor with a border.

    Args:
        x: any tensor.
        pad_width: how many elements come before and after: a pair for each axis, one pair or one
            number for all.
        mode: "constant"; "reflect" mirrors at the outermost elements, "symmetric" at the border,
            so that they are repeated.
        constant_values: what a constant border consists of; 0 by default.

    Raises:
        ArgumentError: there is no such mode, or the widths do not fit; a reflection is longer
            than what is there.
        ShapeError: a width is negative.

    Example:
        >>> pad([1.0, 2.0, 3.0], 1).numpy()
        array([0., 1., 2., 3., 0.], dtype=float32)
        >>> pad([1.0, 2.0, 3.0], 2, "reflect").numpy()
        array([3., 2., 1., 2., 3., 2., 1.], dtype=float32)
    """
    x = as_tensor(x)
    widths = _widths(pad_width, x)
    if mode not in ("constant", "reflect", "symmetric"):
        raise ArgumentError(f"mode must be 'constant', 'reflect' or 'symmetric'. Got {mode!r}.")
    if mode == "constant":
        return _bordered(x, widths, constant_values or 0)
    if constant_values is not None:
        raise ArgumentError(f"constant_values belong to the mode 'constant'. Got mode {mode!r}.")
    for axis, (before, after) in enumerate(widths):
        x = _mirrored(x, axis, before, after, skipped=1 if mode == "reflect" else 0)
    return x


def _widths(given: PadWidth, x: Tensor) -> list[tuple[int, int]]:
    """A pair for each axis."""
    try:
        pairs = np.broadcast_to(np.asarray(given), (x.ndim, 2))
    except ValueError:
        pairs = np.asarray(None)
    if pairs.dtype.kind not in "iu" or not x.ndim:
        raise ArgumentError(
            "pad_width must be a number, a pair, or a pair of whole numbers for each axis, of "
            f"which there must be one. Got {given!r} for shape {x.shape}."
        )
    return [(int(before), int(after)) for before, after in pairs]


def _bordered(x: Tensor, widths: list[tuple[int, int]], value: float) -> Tensor:
    frame = Pad(tuple(a for a, _ in widths), tuple(b for _, b in widths))
    if value == 0:
        return frame(x)
    inside = frame(broadcast_to(constant(True), x.shape))
    return where(inside, frame(x), constant(value, x.dtype))


def _mirrored(x: Tensor, axis: int, before: int, after: int, skipped: int) -> Tensor:
    length = x.shape[axis]
    if not 0 <= max(before, after) <= length - skipped or min(before, after) < 0:
        raise ArgumentError(
            f"An axis of length {length} can be mirrored by up to {max(length - skipped, 0)} "
            f"elements. Got {before} and {after}."
        )
    left = piece(x, axis, skipped, skipped + before)
    right = piece(x, axis, length - skipped - after, length - skipped)
    return concatenate([flip(left, axis), x, flip(right, axis)], axis)
