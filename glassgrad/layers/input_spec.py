"""What a layer expects of the shapes of its inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from glassgrad.errors import ShapeError

__all__ = ["InputSpec", "Shape", "axis_within", "checked_axis"]

Shape: TypeAlias = tuple[int | None, ...]


@dataclass(frozen=True)
class InputSpec:
    """Rank and lengths that an input must have; a layer keeps it in ``input_spec``.

    Args:
        dtype: accepted as in Keras, and not checked: layers cast floats.
        shape: the full shape, with ``None`` for an open length.
        ndim: how many axes there are.
        max_ndim: how many there are at most.
        min_ndim: how many there are at least.
        axes: the lengths of some axes, by number; ``None`` for any length.

    Example:
        >>> InputSpec(min_ndim=2, axes={-1: 3}).check("dense", (5, 4))
        Traceback (most recent call last):
        ...
        glassgrad.errors.ShapeError: Layer 'dense' expected axis -1 of length 3, found 4. Full \
shape received: (5, 4).
    """

    dtype: str | None = None
    shape: Shape | None = None
    ndim: int | None = None
    max_ndim: int | None = None
    min_ndim: int | None = None
    axes: Mapping[int, int | None] | None = None

    def check(self, layer: str, shape: Sequence[int | None]) -> None:
        """Compare the shape of an input.

        Args:
            layer: the name of the layer, for the message.
            shape: the shape that came; open lengths fit everything.

        Raises:
            ShapeError: it does not fit.
        """
        mismatch = self._mismatch(tuple(shape))
        if mismatch:
            raise ShapeError(
                f"Layer {layer!r} expected {mismatch}. Full shape received: {tuple(shape)}."
            )

    def _mismatch(self, shape: Shape) -> str:
        rank = len(shape)
        ndim = self.ndim if self.shape is None else len(self.shape)
        if ndim is not None and rank != ndim:
            return f"{_axes(ndim)}, found {rank}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"at least {_axes(self.min_ndim)}, found {rank}"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"at most {_axes(self.max_ndim)}, found {rank}"
        for axis, length in {**dict(enumerate(self.shape or ())), **(self.axes or {})}.items():
            if not -rank <= axis < rank:
                return f"an axis {axis}, found {_axes(rank)}"
            if length is not None and shape[axis] not in (length, None):
                return f"axis {axis} of length {length}, found {shape[axis]}"
        return ""


def _axes(count: int) -> str:
    return "one axis" if count == 1 else f"{count} axes"


def axis_within(layer: str, axis: int, shape: Sequence[int | None]) -> int:
    """The number of an axis, counted from 0.

    Raises:
        ShapeError: the shape has no such axis.
    """
    rank = len(shape)
    if not -rank <= axis < rank:
        raise ShapeError(
            f"Layer {layer!r} wants axis {axis}, and there are {_axes(rank)}. Full shape "
            f"received: {tuple(shape)}."
        )
    return axis % rank


def checked_axis(layer: str, axis: int, shape: Sequence[int | None]) -> tuple[int, int]:
    """The number of an axis, counted from 0, and its length.

    Raises:
        ShapeError: the shape has no such axis, or its length is open.
    """
    number = axis_within(layer, axis, shape)
    length = shape[number]
    if length is None:
        raise ShapeError(
            f"Layer {layer!r} has a weight for each position of axis {axis}, so its length must "
            f"be known. Full shape received: {tuple(shape)}."
        )
    return number, length
