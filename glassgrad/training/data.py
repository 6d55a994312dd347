"""Data for training: checked once, then handed out batch by batch in an order that a seed fixes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, DataError, ShapeError
from glassgrad.graph import Tensor, Variable, default_float
from glassgrad.graph.operation import Array

__all__ = ["ArrayData", "as_data", "split_validation"]

_SHUFFLING = 2  # tells the generators of shuffling apart from those of weights and masks


@dataclass(frozen=True, eq=False)
class ArrayData:
    """Examples in memory: inputs, targets and weights, along the first axis."""

    x: Array
    y: Array | None = None
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def arrays(self) -> list[Array]:
        """Inputs, and targets and weights where there are some."""
        return [array for array in (self.x, self.y, self.weights) if array is not None]

    def take(self, rows: Any) -> list[Array]:
        """The chosen examples of each array."""
        return [array[rows] for array in self.arrays]

    def batches(
        self, batch_size: int, *, shuffle_key: tuple[int, int] | None = None, start: int = 0
    ) -> Iterator[list[Array]]:
        """Batches from number ``start`` on; the last one may be smaller.

        Args:
            batch_size: examples in a batch; as many as there are make it batch descent, one
                makes it stochastic descent.
            shuffle_key: seed and epoch, which fix the order; without them the order is kept.
            start: how many batches are left out at the beginning.
        """
        order = None
        if shuffle_key is not None:
            generator = np.random.default_rng([*shuffle_key, _SHUFFLING])
            order = generator.permutation(len(self))
        for begin in range(start * batch_size, len(self), batch_size):
            rows = slice(begin, begin + batch_size)
            yield self.take(rows if order is None else order[rows])

    def count_batches(self, batch_size: int) -> int:
        """How many batches an epoch has."""
        return -(-len(self) // batch_size)


def as_data(
    x: Any, y: Any = None, sample_weight: Any = None, dtype: np.dtype[Any] | None = None
) -> ArrayData:
    """Check arrays and put them together.

    Args:
        x: inputs, (examples, …).
        y: targets, (examples, …).
        sample_weight: how much each example counts, (examples,).
        dtype: of all floats; the default float (float32) by default.

    Raises:
        DataError: they are empty, of different lengths, no numbers, or hold NaN or infinity.
        ShapeError: an array has no axis of examples.
    """
    chosen = default_float() if dtype is None else dtype
    if x is None:
        raise DataError("x, the inputs, must be given. Got none.")
    data = ArrayData(
        _as_array(x, "x", chosen),
        None if y is None else _as_array(y, "y", chosen),
        None if sample_weight is None else _as_array(sample_weight, "sample_weight", chosen),
    )
    if len({len(array) for array in data.arrays}) > 1:
        names = ("x", "y", "sample_weight") if y is not None else ("x", "sample_weight")
        shapes = ", ".join(
            f"{name} of shape {array.shape}"
            for name, array in zip(names, data.arrays, strict=False)
        )
        raise DataError(f"x, y and sample_weight must have equal lengths. Got {shapes}.")
    return data


def _as_array(value: Any, name: str, dtype: np.dtype[Any]) -> Array:
    if isinstance(value, Tensor | Variable):
        value = value.numpy()
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(
            f"{name} must be a rectangular array. Got rows of different lengths; pad or cut them."
        ) from error
    if array.dtype.kind not in "biuf":
        hint = "; number the classes, from 0" if name == "y" and array.dtype.kind in "US" else ""
        raise DataError(f"{name} must be made of real numbers. Got {_kind(array)}{hint}.")
    if array.ndim == 0:
        raise ShapeError(f"{name} must have an axis of examples. Got the single number {array}.")
    if array.size == 0:
        raise DataError(f"{name} must hold at least one number. Got the shape {array.shape}.")
    if array.dtype.kind == "f":
        return _as_float(array, name, dtype)
    return array if array.dtype in (bool, np.uint8, np.int32) else _as_int32(array, name)


def _kind(array: Array) -> str:
    names = {"c": "complex numbers", "O": "Python objects", "U": "text", "S": "bytes"}
    return f"{names.get(array.dtype.kind, 'something else')}, dtype {array.dtype}"


def _as_float(array: Array, name: str, dtype: np.dtype[Any]) -> Array:
    _require_finite(array, name)
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(dtype, copy=False)
        total = converted.sum(dtype=np.float64)
    if converted is not array and not np.isfinite(total):
        largest = np.abs(array).max()
        if largest > np.finfo(dtype).max:
            raise DataError(f"{name} must fit into {dtype}. Got {largest:g}; scale it down.")
    return converted


def _require_finite(array: Array, name: str) -> None:
    # One sum tells for almost all data; only what it cannot clear is searched.
    with np.errstate(all="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return
    bad = ~np.isfinite(array)
    if bad.any():
        first = tuple(int(index) for index in np.argwhere(bad)[0])
        raise DataError(
            f"{name} must be finite. Got {array[first]} at index {first}, {_others(bad)}. Drop "
            "such rows, or fill them in."
        )


def _others(bad: Array) -> str:
    count = int(bad.sum()) - 1
    return f"and {count:,} others" if count else "and no other"


def _as_int32(array: Array, name: str) -> Array:
    limits = np.iinfo(np.int32)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise DataError(
            f"Integers in {name} must fit in 32 bits. Got {array.min()} to "
            f"{array.max()}; pass them as floats."
        )
    return array.astype(np.int32)


def split_validation(data: ArrayData, fraction: float) -> tuple[ArrayData, ArrayData]:
    """Set the last part of the data aside, as Keras does, before any shuffling.

    Raises:
        ArgumentError: the fraction is not in (0, 1), or leaves one side empty.
    """
    given: Any = fraction  # whatever the type says
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < 1:
        raise ArgumentError(f"validation_split must lie in [0, 1). Got {fraction!r}.")
    cut = int(len(data) * (1 - fraction))
    if cut == 0 or cut == len(data):
        raise ArgumentError(
            f"validation_split {fraction} of {len(data)} examples leaves one side "
            "empty. Choose another fraction."
        )
    return ArrayData(*_pieces(data, slice(None, cut))), ArrayData(*_pieces(data, slice(cut, None)))


def _pieces(data: ArrayData, rows: slice) -> list[Any]:
    return [None if a is None else a[rows] for a in (data.x, data.y, data.weights)]
