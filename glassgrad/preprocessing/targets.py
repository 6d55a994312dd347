"""The column that a network learns to tell: classes by name, or a number in its own unit."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, Literal, TypeAlias

import numpy as np

from glassgrad.errors import ArgumentError, DataError, ShapeError
from glassgrad.preprocessing.column import Array, Column, Kind, as_kind, number_name, shortened
from glassgrad.preprocessing.features import distances, mean_and_deviation
from glassgrad.serialization import Configurable, Registry

__all__ = [
    "MOST_NUMBERED_CLASSES",
    "TASKS",
    "ClassTarget",
    "NumberTarget",
    "Target",
    "Task",
    "deserialize",
    "learn_target",
]

Task: TypeAlias = Literal["auto", "classification", "regression"]
TASKS: tuple[Task, ...] = ("auto", "classification", "regression")

MOST_NUMBERED_CLASSES = 20
"""Whole numbers with more different values than this are amounts, and no classes."""

_ROWS_OF_A_CLASS = 5  # of whole numbers, on average, so that they count as classes
_registry: Registry[Target]


class Target(Configurable):
    """What a network learns to tell from the other columns."""

    name: str
    kind: Kind

    def encode(self, column: Column) -> Array:
        """The column as the loss takes it.

        Raises:
            DataError: A value is missing, of another kind, or of no known class.
        """
        raise NotImplementedError

    def decode(self, outputs: Array) -> Array:
        """What the network's outputs say, (rows,): names of classes, or numbers in their unit.

        Raises:
            ShapeError: The outputs are not those of a network for this target.
        """
        raise NotImplementedError

    def described(self) -> str:
        """What is learned, in a few words."""
        raise NotImplementedError


_registry = Registry("target", Target)


@_registry.register()
class ClassTarget(Target):
    """Classes, numbered from 0 in the order of their names.

    Args:
        name: The column.
        classes: The names, as the column has them.

    Examples:
        >>> from glassgrad.preprocessing.column import column_of
        >>> target = ClassTarget("colour", ["blue", "red"])
        >>> target.encode(column_of("colour", ["red", "blue"]))
        array([1, 0], dtype=int32)
        >>> target.decode(np.array([[0.2, 0.8]])).tolist()
        ['red']
    """

    kind = "text"

    def __init__(self, name: str, classes: list[str]) -> None:
        self.name, self.classes = name, list(classes)

    def encode(self, column: Column) -> Array:
        """The number of each class, int32."""
        texts = as_kind(column, "text").values
        _require_no_missing(column)
        numbers = {label: number for number, label in enumerate(self.classes)}
        unknown = next((text for text in texts if text not in numbers), None)
        if unknown is not None:
            raise DataError(
                f"Column {self.name!r} must hold classes that training knew: "
                f"{', '.join(self.classes[:MOST_NUMBERED_CLASSES])}. Got {shortened(unknown)} in "
                f"row {texts.tolist().index(unknown) + 1}. Leave such rows out."
            )
        return np.fromiter((numbers[text] for text in texts), np.int32, len(column))

    def decode(self, outputs: Array) -> Array:
        """The name of the most probable class."""
        if outputs.ndim != 2 or outputs.shape[1] != len(self.classes):
            raise ShapeError(
                f"A network for column {self.name!r} must have {len(self.classes)} outputs, one "
                f"for each class. Got the shape {outputs.shape}."
            )
        names: Array = np.array(self.classes, object)
        chosen: Array = names[outputs.argmax(axis=1)]
        return chosen

    def described(self) -> str:
        """The classes."""
        shown = ", ".join(self.classes[:MOST_NUMBERED_CLASSES])
        more = len(self.classes) - MOST_NUMBERED_CLASSES
        return f"target: the classes {shown}" + (f" and {more} more" if more > 0 else "")


@_registry.register()
class NumberTarget(Target):
    """A number, learned as (y - mean) / deviation and told in its own unit.

    Args:
        name: The column.
        mean: Over the training part.
        deviation: The standard deviation, over the training part.

    Examples:
        >>> from glassgrad.preprocessing.column import column_of
        >>> target = NumberTarget("price", 100.0, 20.0)
        >>> target.encode(column_of("price", [120, 90]))
        array([[ 1. ],
               [-0.5]])
        >>> target.decode(np.array([[1.0], [-0.5]]))
        array([120.,  90.])
    """

    kind = "number"

    def __init__(self, name: str, mean: float, deviation: float) -> None:
        self.name, self.mean, self.deviation = name, mean, deviation

    def encode(self, column: Column) -> Array:
        """The standardised numbers, (rows, 1)."""
        column = as_kind(column, "number")
        _require_no_missing(column)
        z = distances(column.values, self.mean, self.deviation)
        if not (np.abs(z) <= np.finfo(np.float32).max).all():
            raise DataError(
                f"Column {self.name!r} has a number too far from the mean {self.mean:.4g} "
                f"(deviation {self.deviation:.4g}) to be computed with. Leave such rows out."
            )
        return z[:, None]

    def decode(self, outputs: Array) -> Array:
        """The numbers in their own unit."""
        if outputs.shape != (len(outputs), 1):
            raise ShapeError(
                f"A network for column {self.name!r} must have one output. Got the shape "
                f"{outputs.shape}."
            )
        return np.asarray(outputs[:, 0], np.float64) * self.deviation + self.mean

    def scores(self, encoded: Array, outputs: Array) -> dict[str, float]:
        """How good predictions are, in words that need no knowledge of the encoding.

        R² = 1 - sum((y - p)²) / sum((y - mean(y))²) is 1 for perfect predictions p and 0 for the
        mean of the targets y; it is not defined (NaN) where all targets are equal. The mean
        absolute error is in the unit of the target.

        Args:
            encoded: The targets, (rows, 1), as `encode` gives them.
            outputs: Those of the network, (rows, 1).

        Examples:
            >>> target = NumberTarget("price", 100.0, 20.0)
            >>> scores = target.scores(np.array([[1.0], [-1.0]]), np.array([[1.0], [0.0]]))
            >>> {name: round(value, 6) for name, value in scores.items()}
            {'r2': 0.5, 'mean_absolute_error': 10.0}
        """
        y, p = encoded[:, 0].astype(np.float64), outputs[:, 0].astype(np.float64)
        spread = float(((y - y.mean()) ** 2).sum())
        return {
            "r2": 1 - float(((y - p) ** 2).sum()) / spread if spread else math.nan,
            "mean_absolute_error": float(np.abs(y - p).mean()) * self.deviation,
        }

    def described(self) -> str:
        """The mean and the deviation."""
        return (
            f"target: a number, standardised by mean {self.mean:.4g}, deviation "
            f"{self.deviation:.4g}; predictions are in its own unit"
        )


def deserialize(config: Any) -> Target:
    """The target that a configuration describes.

    Raises:
        UnknownNameError, ArgumentError: It describes none.
    """
    return _registry.deserialize(config)


# ---- learning


def learn_target(column: Column, rows: Array, task: Task = "auto") -> Target:
    """Classes or a number, from the whole column; mean and deviation from the training part.

    Text and truths are classes. Whole numbers are, where there are few different ones (20 at the
    most, with five rows each on average).

    Args:
        column: The target.
        rows: Which rows are the training part.
        task: "classification" or "regression" decides instead of that rule.

    Raises:
        DataError: A value is missing, all are equal, there are too many classes for the rows, or
            a number was asked for where there is text.
        ArgumentError: The task is unknown.

    Examples:
        >>> from glassgrad.preprocessing.column import column_of
        >>> learn_target(column_of("fits", ["yes", "no"] * 3), np.arange(4))
        ClassTarget(name='fits', classes=['no', 'yes'])
        >>> learn_target(column_of("size", [1.5, 2.5, 9.5]), np.arange(2))
        NumberTarget(name='size', mean=2.0, deviation=0.5)
    """
    if task not in TASKS:
        raise ArgumentError(f"The task must be one of {', '.join(TASKS)}. Got {task!r}.")
    _require_no_missing(column)
    if task == "classification" or (task == "auto" and _holds_classes(column)):
        return _learn_classes(column)
    return _learn_number(as_kind(column, "number"), rows)


def _require_no_missing(column: Column) -> None:
    missing = column.missing
    if missing.any():
        raise DataError(
            f"The target {column.name!r} must be known in every row. It is missing in "
            f"{int(missing.sum()):,} of {len(column):,}, first in row {int(missing.argmax()) + 1}. "
            "Fill it in, or leave such rows out."
        )


def _holds_classes(column: Column) -> bool:
    if column.kind in ("text", "truth"):
        return True
    if column.kind == "date" or (column.values != np.floor(column.values)).any():
        return False
    different = len(np.unique(column.values))
    return different <= MOST_NUMBERED_CLASSES and different * _ROWS_OF_A_CLASS <= len(column)


def _learn_classes(column: Column) -> ClassTarget:
    counts = Counter(as_kind(column, "text").values.tolist())
    _require_two(column, len(counts))
    if len(counts) * 2 > len(column):
        slips = f" ({column.remark})" if column.remark else ""
        raise DataError(
            f"The target {column.name!r} has {len(counts):,} classes in {len(column):,} rows"
            f"{slips}; a class needs two rows at least on average. Choose another target, "
            "or correct the values."
        )
    if column.kind == "number":  # 10 comes after 9
        return ClassTarget(column.name, list(map(number_name, np.unique(column.values).tolist())))
    return ClassTarget(column.name, sorted(counts))


def _learn_number(column: Column, rows: Array) -> NumberTarget:
    _require_two(column, len(np.unique(column.values)))
    mean, deviation = mean_and_deviation(column.values[rows])
    if not deviation:
        raise DataError(
            f"The target {column.name!r} has one value in all rows of the training part, "
            f"{mean:g}. Bring more rows, or choose another seed."
        )
    return NumberTarget(column.name, mean, deviation)


def _require_two(column: Column, different: int) -> None:
    if different < 2:
        value = column.texts()[0] or ""
        raise DataError(
            f"The target {column.name!r} must have two different values at least: every row has "
            f"{shortened(value)}. Choose another column."
        )
