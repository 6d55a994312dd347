"""Data for training: checked once, then handed out batch by batch in an order that a seed fixes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, DataError, ShapeError
from glassgrad.graph import Tensor, Variable
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

    def take(self, rows: Any) -> list[Array]:
        """The chosen examples of each array."""
        return [array[rows] for array in (self.x, self.y, self.weights) if array is not None]

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


def as_data(x: Any, y: Any = None, sample_weight: Any = None) -> ArrayData:
    """Check arrays and put them together.

    Raises:
        DataError: they are empty, of different lengths, no numbers, or hold NaN or infinity.
        ShapeError: an array has no axis of examples.
    """
    arrays = [_as_array(x, "x")]
    arrays += [_as_array(value, name) for value, name in ((y, "y"), (sample_weight, "sample_weight"))
               if value is not None]  # fmt: skip
    lengths = {len(array) for array in arrays}
    if len(lengths) > 1:
        shapes = ", ".join(str(array.shape) for array in arrays)
        raise DataError(f"x, y and sample_weight must have equal lengths. Got shapes {shapes}.")
    if lengths == {0}:
        raise DataError("At least one example is needed. Got none.")
    rest = iter(arrays[1:])
    return ArrayData(
        arrays[0],
        next(rest) if y is not None else None,
        next(rest) if sample_weight is not None else None,
    )


def _as_array(value: Any, name: str) -> Array:
    if isinstance(value, Tensor | Variable):
        value = value.numpy()
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DataError(f"{name} must be a rectangular array of numbers: {error}.") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} must be made of numbers. Got dtype {array.dtype}.")
    if array.ndim == 0:
        raise ShapeError(f"{name} must have an axis of examples. Got the single number {array}.")
    if array.dtype.kind == "f":
        _require_finite(array, name)
        array = array.astype(np.float32) if array.dtype == np.float16 else array
    elif array.dtype.kind in "iu" and array.dtype not in (np.uint8, np.int32):
        array = _as_int32(array, name)
    return array


def _require_finite(array: Array, name: str) -> None:
    # One sum tells for almost all data; only what it cannot clear is searched.
    with np.errstate(all="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return
    bad = ~np.isfinite(array)
    if bad.any():
        first = tuple(int(index) for index in np.argwhere(bad)[0])
        raise DataError(
            f"{name} must be finite. Got {int(bad.sum())} values that are NaN or infinite, the "
            f"first at index {first}: {array[first]}. Drop these rows or fill them in."
        )


def _as_int32(array: Array, name: str) -> Array:
    limits = np.iinfo(np.int32)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise DataError(f"Integers in {name} must fit in 32 bits. Got {array.min()} to "
                        f"{array.max()}; pass them as floats.")  # fmt: skip
    return array.astype(np.int32)


def split_validation(data: ArrayData, fraction: float) -> tuple[ArrayData, ArrayData]:
    """Set the last part of the data aside, as Keras does, before any shuffling.

    Raises:
        ArgumentError: the fraction is not in (0, 1), or leaves one side empty.
    """
    if not 0 < fraction < 1:
        raise ArgumentError(f"validation_split must lie in (0, 1). Got {fraction}.")
    cut = int(len(data) * (1 - fraction))
    if cut == 0 or cut == len(data):
        raise ArgumentError(f"validation_split {fraction} of {len(data)} examples leaves one side "
                            "empty. Choose another fraction.")  # fmt: skip
    return ArrayData(*_pieces(data, slice(None, cut))), ArrayData(*_pieces(data, slice(cut, None)))


def _pieces(data: ArrayData, rows: slice) -> list[Any]:
    return [None if a is None else a[rows] for a in (data.x, data.y, data.weights)]
