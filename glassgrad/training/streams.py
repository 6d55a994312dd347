"""Batches that come from elsewhere: generators, loaders, and data sets that make them by number."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from copy import copy
from dataclasses import replace
from itertools import chain, islice
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, DataError
from glassgrad.training.data import SHUFFLING, ArrayData, Batch, Data, as_data, unpack

__all__ = ["IterableData", "PyDataset", "data_from", "gives_batches"]


class IterableData(Data):
    """Batches that something gives: a generator, a loader, a ``PyDataset``.

    What can be begun again is begun again with each epoch; an iterator goes on.

    Args:
        source: gives x, (x, y) or (x, y, sample_weight).
        dtype: of all floats; the default float (float32) by default.
        steps: how many batches an epoch has; by default as many as there are.

    Raises:
        DataError: it gives nothing.
    """

    def __init__(
        self, source: Iterable[Any], dtype: np.dtype[Any] | None = None, steps: int | None = None
    ) -> None:
        self.source = source
        self.dtype = dtype
        self.steps = steps
        self._check: Callable[[ArrayData], ArrayData] = _unchanged
        self._is_iterator = isinstance(source, Iterator)
        self._iterator: Iterator[Any] = iter(source)
        try:
            self._first = next(self._iterator)
        except StopIteration as stop:
            raise DataError("The data must give at least one batch. Got none.") from stop
        if self._is_iterator:
            self._iterator = chain([self._first], self._iterator)

    def first(self) -> Batch:
        """The first batch."""
        return self._batch(self._first)

    def batches(
        self, batch_size: int, *, seed: int | None = None, epoch: int = 0, start: int = 0
    ) -> Iterator[Batch]:
        """The batches of an epoch; batch size and order are those of the source."""
        end = self.steps
        for batch in islice(self._epoch(seed, epoch), start, end):
            yield self._batch(batch)
        if isinstance(self.source, PyDataset):
            self.source.on_epoch_end()

    def _epoch(self, seed: int | None, epoch: int) -> Iterator[Any]:
        if self._is_iterator:
            return self._iterator
        if isinstance(self.source, PyDataset):
            return self.source.batches(None if seed is None else (seed, epoch, SHUFFLING))
        return iter(self.source)

    def _batch(self, given: Any) -> Batch:
        x, y, weights = unpack(tuple(given) if isinstance(given, list) else given)
        data = self._check(as_data(x, y, weights, self.dtype))
        return Batch(data.arrays, data.structure)

    def count_batches(self, batch_size: int) -> int | None:
        """As many as the steps, or as the source says."""
        if self.steps is not None or not isinstance(self.source, Sized):
            return self.steps
        try:
            return len(self.source)
        except TypeError:  # loaders of streams have no length, whatever their class says
            return None

    def pass_over(self, epochs: int) -> None:
        """Leave out what some epochs took: an iterator has to make it once more."""
        if self._is_iterator and self.steps is not None:
            deque(islice(self._iterator, epochs * self.steps), maxlen=0)

    def checked_by(self, check: Callable[[ArrayData], ArrayData]) -> IterableData:
        """The same data, each batch checked when it comes."""
        before, checked = self._check, copy(self)
        vars(checked)["_check"] = lambda data: check(before(data))
        return checked


def _unchanged(data: ArrayData) -> ArrayData:
    return data


class PyDataset(ABC):
    """Batches by number, made when they are needed; subclass it for data that do not fit in memory.

    Args:
        kwargs: ``workers``, ``use_multiprocessing`` and ``max_queue_size`` are taken as in Keras;
            batches are made one after the other.

    Example:
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 2
        ...
        ...     def __getitem__(self, index):
        ...         x = np.arange(3.0)[:, None] + 3 * index
        ...         return x, x**2
        >>> x, y = Squares()[1]
        >>> y.ravel()
        array([ 9., 16., 25.])
    """

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    @abstractmethod
    def __len__(self) -> int:
        """How many batches there are."""

    @abstractmethod
    def __getitem__(self, index: int) -> Any:
        """One batch: x, (x, y) or (x, y, sample_weight)."""

    def on_epoch_end(self) -> None:  # noqa: B027 -- not every source has something to do
        """Called after every epoch."""

    def __iter__(self) -> Iterator[Any]:
        return self.batches()

    def batches(self, shuffle_key: tuple[int, ...] | None = None) -> Iterator[Any]:
        """All batches, in an order that a key decides; without one in their own."""
        numbers: Iterable[int] = range(len(self))
        if shuffle_key is not None:
            numbers = np.random.default_rng(list(shuffle_key)).permutation(len(self)).tolist()
        return (self[number] for number in numbers)


def data_from(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    dtype: np.dtype[Any] | None = None,
    steps: int | None = None,
) -> Data:
    """Data of arrays, or of what gives batches.

    Args:
        x: arrays, or a generator, a loader, a ``PyDataset``.
        y: targets, where x holds arrays.
        sample_weight: weights, where x holds arrays.
        dtype: of all floats; the default float (float32) by default.
        steps: how many batches an epoch has; by default as many as there are.

    Raises:
        ArgumentError: targets or weights are given beside batches, which hold their own.
        DataError, ShapeError: as ``as_data``.
    """
    if not gives_batches(x):
        return replace(as_data(x, y, sample_weight, dtype), steps=steps)
    if y is not None or sample_weight is not None:
        raise ArgumentError(
            f"{type(x).__name__} gives batches (x, y) or (x, y, sample_weight), so y and "
            "sample_weight must not be given beside it."
        )
    return IterableData(x, dtype, steps)


def gives_batches(x: Any) -> bool:
    """Whether it is a generator, a loader or another source of batches, and no array."""
    is_arrays = isinstance(x, list | tuple | dict | str | bytes) or hasattr(x, "__array__")
    return not is_arrays and isinstance(x, Iterable)
