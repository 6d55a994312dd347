"""How inputs are scaled, as they enter the first layer that has weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from glassgrad.graph.operation import Array

__all__ = ["Scales", "scales_of"]

ROWS = 1024
NUMBERS = 2**18
"""How many examples, and how many numbers, a median is taken of at most."""

RARE = 0.01
"""A feature that has one value but for this share of the examples tells nothing of its scale:
pixels at the border, rare words."""


@dataclass(frozen=True)
class Scales:
    """The scale of inputs.

    Args:
        rms: root mean square of all numbers.
        deviations: smallest and largest deviation of a feature.
    """

    rms: float
    deviations: tuple[float, float] | None


@np.errstate(all="ignore")  # what is too large for a square shows in the result
def scales_of(inputs: Sequence[Array]) -> Scales | None:
    """The scale of several inputs together; ``None`` where there is no finite number.

    A feature's deviation is taken from its median, over those examples that are away from it: for
    most features it is the standard deviation, and features that are mostly one value, such as
    pixels, counts of words and one-hot vectors, are judged by the rest.

    Args:
        inputs: arrays (examples, …, features): columns of a table, channels of an image.

    Example:
        >>> x = np.array([[0.0, 300.0], [1.0, 100.0], [2.0, 200.0]])
        >>> scales_of([x]).deviations
        (1.0, 100.0)
    """
    tables = [_as_table(array) for array in inputs]
    if not tables or not all(np.isfinite(table).all() for table in tables):
        return None
    numbers = sum(table.size for table in tables)
    squares = sum(float(np.square(table, dtype=np.float64).sum()) for table in tables)
    deviations = np.concatenate([_deviations(_some_of(table)) for table in tables])
    return Scales(
        float(np.sqrt(squares / numbers)),
        (float(deviations.min()), float(deviations.max())) if len(deviations) else None,
    )


def _as_table(array: Array) -> Array:
    """A row for each example, or for each position of it, and a column for each feature."""
    return array.reshape(-1, array.shape[-1] if array.ndim > 1 else 1)


def _some_of(table: Array) -> Array:
    rows = max(2, min(ROWS, NUMBERS // max(table.shape[1], 1)))
    return table if len(table) <= rows else table[:: -(-len(table) // rows)]


def _deviations(table: Array) -> Array:
    columns = np.ascontiguousarray(table.T, dtype=np.float32)  # (features, rows)
    middle = columns.shape[1] // 2
    median = np.partition(columns, middle, axis=1)[:, middle, None]
    away = columns - median
    count = np.count_nonzero(away, axis=1)
    told = count > RARE * columns.shape[1]
    squares = np.square(away[told], dtype=np.float64).sum(axis=1)
    found: Array = np.sqrt(squares / count[told])
    return found
