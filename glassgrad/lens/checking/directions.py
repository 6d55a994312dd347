"""Along which directions a gradient is measured: every entry, or every slice of a large array."""

from __future__ import annotations

from math import prod

import numpy as np

from glassgrad.graph.operation import Array

__all__ = ["places_of", "samples", "slices"]


def slices(shape: tuple[int, ...], most: int) -> list[Array]:
    """Every row, every column and so on of an array, each as the flat numbers of its entries.

    So an error in a single row, or at a border only, has a direction of its own, in which nothing
    outweighs it. Where an axis is longer than ``most``, neighbours share a direction; the first
    and the last never do.

    Args:
        shape: of the array.
        most: into how many parts an axis is cut.

    Example:
        >>> slices((2, 3), 64)[:3]
        [array([0, 1, 2]), array([3, 4, 5]), array([0, 3])]
        >>> [part.tolist() for part in slices((1, 7), 4)]
        [[0], [1, 2, 3], [4, 5], [6]]
    """
    numbers = np.arange(prod(shape)).reshape(shape)
    found = []
    for axis, length in enumerate(shape):
        if length > 1:
            found += [np.take(numbers, part, axis).ravel() for part in _parts(length, most)]
    return found


def _parts(length: int, most: int) -> list[Array]:
    if length <= most:
        return [np.array([index]) for index in range(length)]
    inner = np.array_split(np.arange(1, length - 1), max(most - 2, 1)) if length > 2 else []
    return [np.array([0]), *inner, np.array([length - 1])]


def samples(gradient: Array, count: int, rng: np.random.Generator) -> list[Array]:
    """Single entries of a large array: its corners, the steepest, and some by chance."""
    shape, size = gradient.shape, gradient.size
    corners = np.unique(
        [
            np.ravel_multi_index(
                [(n - 1) * ((bits >> axis) & 1) for axis, n in enumerate(shape)], shape
            )
            for bits in range(2 ** len(shape))
        ]
    )
    steepest = np.argsort(-np.abs(gradient), axis=None, stable=True)
    third = max(count // 3, 1)
    chosen = [
        *corners[:third],
        *steepest[:third],
        *rng.choice(size, min(count, size), replace=False),
    ]
    return [np.array([number]) for number in list(dict.fromkeys(map(int, chosen)))[:count]]


def places_of(numbers: Array, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Flat numbers of entries as places."""
    return [tuple(map(int, np.unravel_index(number, shape))) for number in numbers]
