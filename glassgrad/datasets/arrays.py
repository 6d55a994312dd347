"""Data sets from arrays: rows of numbers are tables, and what has more axes is taken as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from glassgrad.datasets.dataset import Dataset
from glassgrad.datasets.splitting import split_rows
from glassgrad.errors import DataError, UnknownNameError
from glassgrad.preprocessing import Table
from glassgrad.preprocessing.column import Column, Kind, column_of
from glassgrad.preprocessing.table import checked_kinds

__all__ = ["PARTS", "dataset_of_arrays", "is_table", "joined", "table_of_arrays"]

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]

PARTS = ("x_train", "y_train", "x_test", "y_test")
"""The names under which an archive holds a data set that is divided already."""

_MOST_COLUMNS = 100_000


def joined(arrays: Arrays) -> tuple[Arrays, int | None]:
    """The arrays with both parts one after the other, and how many examples are for training.

    Raises:
        DataError: The parts do not fit each other.

    Examples:
        >>> joined({name: np.zeros(2) for name in PARTS})[1]
        2
    """
    if not all(name in arrays for name in PARTS):
        return arrays, None
    found = {}
    for name in ("x", "y"):
        train, test = arrays[f"{name}_train"], arrays[f"{name}_test"]
        if train.shape[1:] != test.shape[1:] or not train.ndim or train.dtype != test.dtype:
            raise DataError(
                f"{name}_train and {name}_test must be of one kind. Got {train.dtype} of shape "
                f"{train.shape} and {test.dtype} of shape {test.shape}."
            )
        found[name] = np.concatenate([train, test])
    return found, len(arrays["x_train"])


def is_table(arrays: Arrays) -> bool:
    """Whether every array is a column, or columns side by side.

    Examples:
        >>> is_table({"x": np.zeros((3, 2)), "y": np.zeros(3)})
        True
        >>> is_table({"x": np.zeros((3, 8, 8))})
        False
    """
    return all(array.ndim <= 2 for array in arrays.values())


def table_of_arrays(arrays: Arrays, source: str, kinds: Mapping[str, Kind] | None = None) -> Table:
    """The table that arrays make: a column each, x1, x2, … for those of an x with two axes.

    The fields of a structured array are columns by their own names.

    Args:
        arrays: By name, the rows along the first axis.
        source: What to call them in messages.
        kinds: For columns by name what they are.

    Raises:
        DataError: An array has more than two axes or none, lengths differ, or the values are of no
            kind that a column may have.
        ArgumentError: A kind is unknown.

    Examples:
        >>> table_of_arrays({"x": np.zeros((3, 2)), "y": np.ones(3)}, "the arrays")
        Table(3 rows: x1 (number), x2 (number), y (number))
    """
    wanted = checked_kinds(kinds)
    columns: list[Column] = []
    for name, array in arrays.items():
        columns += [
            column_of(column, values, wanted.get(column))
            for column, values in _columns(name, array, source)
        ]
    return Table(tuple(columns), source)


def _columns(name: str, array: Array, source: str) -> list[tuple[str, Array]]:
    if not 1 <= array.ndim <= 2 or (array.ndim == 2 and array.shape[1] > _MOST_COLUMNS):
        raise DataError(
            f"The arrays of a table have one axis, or two with {_MOST_COLUMNS:,} columns at the "
            f"most. Got {name!r} of shape {array.shape} in {source}."
        )
    if array.dtype.names:
        flat = array.reshape(-1) if array.ndim == 2 and array.shape[1] == 1 else array
        return [(field, flat[field]) for field in array.dtype.names]
    if array.ndim == 1:
        return [(name, array)]
    if array.shape[1] == 1:
        return [(name, array[:, 0])]
    return [(f"{name}{number + 1}", array[:, number]) for number in range(array.shape[1])]


def dataset_of_arrays(
    arrays: Arrays,
    name: str,
    source: str,
    training: int | None = None,
    test_size: float = 0.2,
    seed: int = 0,
) -> Dataset:
    """A data set from an array x of examples, such as images, and an array y of labels or targets.

    Bytes are taken to be pixels from 0 to 255. Whole numbers from 0 in y are labels, which have
    their share in both parts.

    Args:
        arrays: With x and y.
        name: What the data set is called.
        source: What to call the arrays in messages.
        training: How many examples from the first on are for training; by default the seed
            divides them.
        test_size: Which share of the examples is for testing.
        seed: Decides which examples.

    Raises:
        UnknownNameError: There is no x or no y.
        DataError: Lengths differ, they are no numbers, or labels are negative or all the same.

    Examples:
        >>> arrays = {"x": np.zeros((10, 4, 4), np.uint8), "y": np.arange(10) % 2}
        >>> dataset_of_arrays(arrays, "squares", "the arrays")
        Dataset('squares', x_train (8, 4, 4), x_test (2, 4, 4), classes=2)
    """
    for wanted in ("x", "y"):
        if wanted not in arrays:
            raise UnknownNameError(f"array of {source}", wanted, arrays)
    x, y = arrays["x"], arrays["y"]
    if not x.ndim or not y.ndim or len(x) != len(y) or not len(x):
        raise DataError(
            f"x and y of {source} must have equal lengths from 1. Got shapes {x.shape} and "
            f"{y.shape}."
        )
    if {x.dtype.kind, y.dtype.kind} - set("biuf"):
        raise DataError(
            f"x and y of {source} must hold numbers. Got {x.dtype} and {y.dtype}; number the "
            "classes from 0."
        )
    labels = _labels(y, source)
    if training is None:
        train, test = split_rows(len(x), test_size, seed, labels)
    else:
        train, test = np.split(np.arange(len(x)), [training])
    told = y if labels is None else labels
    return Dataset(
        name,
        x[train],
        told[train],
        x[test],
        told[test],
        classes=None if labels is None else 1 + int(labels.max()),
        scale=1 / 255 if x.dtype == np.uint8 else 1.0,
        description=f"{len(x):,} examples of shape {x.shape[1:]} of {source}",
        attribution="",
    )


def _labels(y: Array, source: str) -> Array | None:
    """The labels of classes, or None if the targets are amounts."""
    if y.dtype.kind == "f" or y.shape not in ((len(y),), (len(y), 1)):
        return None
    labels = y.reshape(-1).astype(np.int64)
    if labels.min() < 0 or labels.max() >= len(labels) or labels.min() == labels.max():
        raise DataError(
            f"The labels y of {source} must be whole numbers from 0, two different ones at least, "
            f"and below the number of examples. Got {labels.min()} to {labels.max()} in "
            f"{len(labels):,} examples; give amounts as floats."
        )
    return labels.astype(np.int32)
