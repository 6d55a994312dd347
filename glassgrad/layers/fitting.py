"""What layers need that are fitted on data: the data, batch by batch, and their moments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, DataError
from glassgrad.graph.operation import Array

__all__ = ["Moments", "batches_of", "finite"]

ROWS = 65_536  # of an array that are looked at together, to bound the memory that float64 takes


def batches_of(data: Any) -> Iterator[Array]:
    """Arrays of examples, one after the other.

    Args:
        data: an array, nested lists of numbers, or an iterable of batches; of a batch that is a
            tuple, (inputs, targets), the first entry is taken.

    Raises:
        ArgumentError: the data are nothing of these.
        DataError: there are no examples.

    Example:
        >>> [batch.shape for batch in batches_of([np.ones((3, 2)), np.ones((1, 2))])]
        [(3, 2), (1, 2)]
    """
    count = 0
    for batch in _whole_batches(data):
        if batch.ndim == 0:
            raise ArgumentError(f"Examples lie along the first axis. Got the scalar {batch!r}.")
        for begin in range(0, len(batch), ROWS):
            yield batch[begin : begin + ROWS]
        count += len(batch)
    if not count:
        raise DataError("There is nothing to be fitted on: the data hold no examples.")


def _whole_batches(data: Any) -> Iterator[Array]:
    if hasattr(data, "__array__") or _is_of_numbers(data):
        yield _array(data)
    elif isinstance(data, str | bytes | dict) or not isinstance(data, Iterable):
        raise ArgumentError(
            f"Data must be an array or an iterable of batches. Got {type(data).__name__}."
        )
    else:
        for batch in data:
            yield _array(batch[0] if isinstance(batch, tuple) and batch else batch)


def _is_of_numbers(data: Any) -> bool:
    """Whether nested lists lead to numbers and not to arrays, which would be batches."""
    if not isinstance(data, list | tuple):
        return False
    inner: Any = data
    while isinstance(inner, list | tuple) and inner:
        inner = inner[0]
    return np.ndim(inner) == 0 or not len(inner)


def _array(values: Any) -> Array:
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ArgumentError(f"Examples must have one shape: {error}.") from None


def finite(layer: str, batch: Array) -> Array:
    """The batch as float64.

    Raises:
        DataError: it holds something else than finite numbers.
    """
    if batch.dtype.kind not in "biuf":
        raise DataError(f"Layer {layer!r} is fitted on numbers. Got dtype {batch.dtype}.")
    values = batch.astype(np.float64)
    if not np.isfinite(values).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise DataError(
            f"Layer {layer!r} is fitted on finite numbers. Got {values[place]} at {place}: leave "
            "such examples out, or put a number in place of what is missing."
        )
    return values


@dataclass
class Moments:
    """Number, mean and variance of values that come in batches, as if they had come at once.

    Source: Chan, Golub, LeVeque, "Updating formulae and a pairwise algorithm for computing sample
    variances", 1979.

    Example:
        >>> moments = Moments()
        >>> for batch in ([1.0, 2.0], [6.0]):
        ...     moments.add(np.array(batch), axes=(0,))
        >>> moments.count, float(moments.mean), round(float(moments.variance), 6)
        (3, 3.0, 4.666667)
    """

    count: int = 0
    mean: Array = field(default_factory=lambda: np.zeros(()))
    squares: Array = field(default_factory=lambda: np.zeros(()))  # sum of (x - mean)²

    def add(self, batch: Array, axes: tuple[int, ...]) -> None:
        """Take in a batch, whose values lie along some axes."""
        if not batch.size:
            return
        mean = batch.mean(axis=axes, keepdims=True)
        squares = np.square(batch - mean).sum(axis=axes)
        found = batch.size // max(mean.size, 1)
        total = self.count + found
        step = mean.reshape(squares.shape) - self.mean
        self.squares = self.squares + squares + step**2 * (self.count * found / total)
        self.mean = self.mean + step * (found / total)
        self.count = total

    @property
    def variance(self) -> Array:
        """The biased variance: the mean of (x - mean)²."""
        return self.squares / max(self.count, 1)
