"""Data for training: checked once, then handed out batch by batch in an order that a seed fixes."""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from glassgrad.errors import ArgumentError, DataError, ShapeError
from glassgrad.graph import Tensor, Variable, default_float
from glassgrad.graph.operation import Array
from glassgrad.graph.trees import Structure, flatten, leaves_of, map_tree, rebuild
from glassgrad.layers.layer import holds_numbers

__all__ = [
    "ArrayData",
    "Batch",
    "Data",
    "Stretch",
    "as_data",
    "pack",
    "split_validation",
    "unpack",
]

SHUFFLING = 2  # tells the generators of shuffling apart from those of weights and masks


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Arrays for one step, and the structure (x, y, sample_weight) in which they belong."""

    arrays: list[Array]
    structure: Structure
    batches: ClassVar[int] = 1

    def __len__(self) -> int:
        return len(self.arrays[0])


@dataclass(frozen=True, eq=False, slots=True)
class Stretch:
    """Batches of one size, side by side in an order of examples that lie in memory.

    A step takes them out of the data by itself, so that many of them are run in one call.

    Args:
        data: the examples.
        order: the numbers of all examples as they come, int32; ``None`` keeps their order.
        begin: the place of the first one in that order.
        size: examples in a batch.
        batches: how many batches.
    """

    data: ArrayData
    order: Array | None
    begin: int
    size: int
    batches: int

    def part(self, first: int, batches: int) -> Stretch:
        """Some of the batches, from number ``first`` on."""
        return replace(self, begin=self.begin + first * self.size, batches=batches)

    def __iter__(self) -> Iterator[Batch]:
        for begin in range(self.begin, self.begin + self.batches * self.size, self.size):
            rows = slice(begin, begin + self.size)
            yield self.data.take(rows if self.order is None else self.order[rows])


class Data(ABC):
    """Examples that are handed out batch by batch, epoch after epoch."""

    examples: int | None = None  # how many there are, where that is known
    checksum: int = 0  # tells other data of the same size apart

    @abstractmethod
    def first(self) -> Batch:
        """A batch, to see the shapes; it is not used up by that."""

    @abstractmethod
    def batches(
        self, batch_size: int, *, seed: int | None = None, epoch: int = 0, start: int = 0
    ) -> Iterator[Batch]:
        """The batches of an epoch, from number ``start`` on.

        Args:
            batch_size: examples in a batch, where the data do not come in batches already.
            seed: decides, with the epoch, the order; without it the order is kept.
            epoch: its number.
            start: how many batches are left out at the beginning.
        """

    def stretches(
        self, batch_size: int, *, seed: int | None = None, epoch: int = 0, start: int = 0
    ) -> Iterator[Batch | Stretch]:
        """The same batches, as many as possible at a time."""
        return self.batches(batch_size, seed=seed, epoch=epoch, start=start)

    @abstractmethod
    def count_batches(self, batch_size: int) -> int | None:
        """How many batches an epoch has; ``None`` where nobody knows."""

    def pass_over(self, epochs: int) -> None:  # noqa: B027 -- most data can be begun again
        """Leave out what some epochs took before an interruption."""

    @abstractmethod
    def checked_by(self, check: Callable[[ArrayData], ArrayData]) -> Data:
        """The same data, with what is handed out changed by ``check``, or refused."""


@dataclass(frozen=True, eq=False)
class ArrayData(Data):
    """Examples in memory: inputs, targets and weights, along the first axis of every array.

    Args:
        x: an array, or a list or dictionary of them.
        y: the same, or ``None``.
        weights: the same, or ``None``.
        steps: how many batches an epoch has; by default as many as there are. The next epoch
            goes on where one ended, and the data are gone through again and again.
    """

    x: Any
    y: Any = None
    weights: Any = None
    steps: int | None = None

    def __len__(self) -> int:
        return len(self.arrays[0])

    @cached_property
    def _flat(self) -> tuple[list[Array], Structure]:
        return flatten((self.x, self.y, self.weights))

    @property
    def arrays(self) -> list[Array]:
        """Inputs, and targets and weights where there are some."""
        return self._flat[0]

    @property
    def structure(self) -> Structure:
        """How the arrays belong together."""
        return self._flat[1]

    @property
    def examples(self) -> int:  # type: ignore[override]
        """How many there are."""
        return len(self)

    @cached_property
    def checksum(self) -> int:  # type: ignore[override]
        """Tells other data of the same size apart."""
        checksum = 0
        for array in self.arrays:
            checksum = zlib.crc32(array.tobytes(), checksum)
        return checksum

    @cached_property
    def contiguous(self) -> list[Array]:
        """The arrays, row by row in memory, where kernels find examples by their number."""
        return [np.ascontiguousarray(array) for array in self.arrays]

    def take(self, rows: Any) -> Batch:
        """The chosen examples of each array."""
        return Batch([array[rows] for array in self.arrays], self.structure)

    def part(self, rows: Any) -> ArrayData:
        """The chosen examples, as data."""
        x, y, weights = rebuild(self.structure, self.take(rows).arrays)
        return ArrayData(x, y, weights, self.steps)

    def first(self) -> Batch:
        """All of them."""
        return self.take(slice(None))

    def batches(
        self, batch_size: int, *, seed: int | None = None, epoch: int = 0, start: int = 0
    ) -> Iterator[Batch]:
        """The batches of an epoch, from number ``start`` on; the last one may be smaller.

        Args:
            batch_size: examples in a batch; as many as there are make it batch descent, one
                makes it stochastic descent.
            seed: decides, with the epoch, the order; without it the order is kept.
            epoch: its number.
            start: how many batches are left out at the beginning.
        """
        for stretch in self.stretches(batch_size, seed=seed, epoch=epoch, start=start):
            yield from stretch

    def stretches(
        self, batch_size: int, *, seed: int | None = None, epoch: int = 0, start: int = 0
    ) -> Iterator[Stretch]:
        """The same batches: all whole ones of a time through the examples, then the smaller one."""
        whole = -(-len(self) // batch_size)
        steps = self.steps or whole
        number, end = epoch * steps + start, (epoch + 1) * steps
        while number < end:
            round_, first = divmod(number, whole)
            last = min(whole, first + end - number)
            yield from self._round(
                batch_size, None if seed is None else (seed, round_), first, last
            )
            number += last - first

    def _round(
        self, size: int, key: tuple[int, int] | None, first: int, last: int
    ) -> Iterator[Stretch]:
        """Some of the batches of one time through all examples."""
        order = None
        if key is not None:
            order = np.random.default_rng([*key, SHUFFLING]).permutation(len(self))
            order = order.astype(np.int32)
        full = min(last, len(self) // size)
        if first < full:
            yield Stretch(self, order, first * size, size, full - first)
        if full < last:
            yield Stretch(self, order, full * size, len(self) % size, 1)

    def count_batches(self, batch_size: int) -> int:
        """How many batches an epoch has."""
        return self.steps or -(-len(self) // batch_size)

    def checked_by(self, check: Callable[[ArrayData], ArrayData]) -> ArrayData:
        """The same data as ``check`` gives them back."""
        return replace(check(self), steps=self.steps)


def pack(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """What is handed to a step: x, (x, y) or (x, y, sample_weight)."""
    if sample_weight is not None:
        return x, y, sample_weight
    if y is not None:
        return x, y
    return (x,) if isinstance(x, tuple) else x


def unpack(tree: Any) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights of what is handed to a step: x, (x,), (x, y) or (x, y, weights).

    Raises:
        ArgumentError: there are more than three.
    """
    if not isinstance(tree, tuple):
        return tree, None, None
    if not 1 <= len(tree) <= 3:
        raise ArgumentError(
            "A batch must be x, (x, y) or (x, y, sample_weight). Got a tuple of "
            f"{len(tree)} elements."
        )
    x, y, weights = (*tree, None, None)[:3]
    return x, y, weights


def as_data(
    x: Any, y: Any = None, sample_weight: Any = None, dtype: np.dtype[Any] | None = None
) -> ArrayData:
    """Check arrays and put them together.

    Args:
        x: inputs, (examples, …); several in a list, tuple or dictionary.
        y: targets, (examples, …); the same.
        sample_weight: how much each example counts, (examples,); the same.
        dtype: of all floats; the default float (float32) by default.

    Raises:
        DataError: they are empty, of different lengths, no numbers, or hold NaN or infinity.
        ShapeError: an array has no axis of examples.
    """
    chosen = default_float() if dtype is None else dtype
    if x is None:
        raise DataError("x, the inputs, must be given. Got none.")
    data = ArrayData(
        _as_arrays(x, "x", chosen),
        _as_arrays(y, "y", chosen),
        _as_arrays(sample_weight, "sample_weight", chosen),
    )
    if not leaves_of(data.x):
        raise DataError("x, the inputs, must hold at least one array. Got an empty list.")
    if len({len(array) for array in data.arrays}) > 1:
        parts = {"x": data.x, "y": data.y, "sample_weight": data.weights}
        shapes = ", ".join(
            f"{name} of shape {array.shape}"
            for name, tree in parts.items()
            for array in leaves_of(tree)
        )
        raise DataError(f"x, y and sample_weight must have equal lengths. Got {shapes}.")
    return data


def _as_arrays(tree: Any, name: str, dtype: np.dtype[Any]) -> Any:
    """One array, or a list, tuple or dictionary of arrays."""
    return map_tree(lambda leaf: _as_array(leaf, name, dtype), tree, is_leaf=holds_numbers)


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
        raise DataError(
            f"{name} must be made of real numbers. Got {_kind(array)}{_way_out(array, name)}."
        )
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


def _way_out(array: Array, name: str) -> str:
    """What to do with an array that is not made of numbers."""
    others = [one for one in array.flat if not isinstance(one, Real | np.bool_)]
    if array.dtype.kind == "O" and not others:  # a table with columns of several kinds
        return f"; convert them with {name}.astype('float32')"
    if name == "y" and others and isinstance(others[0], str | bytes):
        return f", such as {others[0]!r}; number the classes, from 0"
    return f", such as {others[0]!r}" if others and array.ndim else ""


def _as_float(array: Array, name: str, dtype: np.dtype[Any]) -> Array:
    _require_finite(array, name)
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(dtype, copy=False)
    if converted is not array and not _has_finite_sum(converted):
        largest = np.abs(array).max()
        if largest > np.finfo(dtype).max:
            raise DataError(f"{name} must fit into {dtype}. Got {largest:g}; scale it down.")
    return converted


def _require_finite(array: Array, name: str) -> None:
    # One sum tells for almost all data; only what it cannot clear is searched.
    if _has_finite_sum(array):
        return
    bad = ~np.isfinite(array)
    if bad.any():
        first = tuple(int(index) for index in np.argwhere(bad)[0])
        raise DataError(
            f"{name} must be finite. Got {array[first]} at index {first}, {_others(bad)}. Drop "
            "such rows, or fill them in."
        )


def _has_finite_sum(array: Array) -> bool:
    with np.errstate(all="ignore"):
        return bool(np.isfinite(array.sum()))


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
    if not isinstance(given, int | float | np.floating) or not 0 < given < 1:
        raise ArgumentError(f"validation_split must lie in [0, 1). Got {fraction!r}.")
    cut = int(len(data) * (1 - fraction))
    if cut == 0 or cut == len(data):
        raise ArgumentError(
            f"validation_split {fraction} of {len(data)} examples leaves one side "
            "empty. Choose another fraction."
        )
    return data.part(slice(None, cut)), data.part(slice(cut, None))
