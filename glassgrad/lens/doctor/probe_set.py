"""The examples that the probe looks at: few, always the same, spread over the data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassgrad.graph.operation import Array
from glassgrad.graph.trees import leaves_of, rebuild
from glassgrad.layers.layer import require_count
from glassgrad.training.data import ArrayData, Batch, Data

__all__ = ["Examples", "probe_set"]

EXAMPLES = 64
POSITIONS = 1024  # where every position has its target, so many are enough
FEWEST = 8

Examples = tuple[Any, Any, Any]
"""Inputs, targets and sample weights; the last two may be ``None``."""


def probe_set(data: Data, examples: int | None = None) -> Examples:
    """Choose the examples of the probe set; the same ones whenever it is asked.

    From data in memory they are evenly spaced in the order of their targets, so that every class
    has its share, and there is one example of each class at least, as far as there is room. Of
    data that come as batches it is the first batch, which is not used up by that.

    Args:
        data: what is trained on.
        examples: how many. By default 64: a unit that is silent for all of them is dead in
            earnest, and a visit does not cost more than a few steps. Fewer, but at least 8, where
            each example has a target at each of its positions: 1024 positions are enough.

    Returns:
        Inputs, targets and sample weights, the last two ``None`` where there are none.

    Raises:
        ArgumentError: examples is no positive integer.

    Example:
        >>> from glassgrad.training.data import as_data
        >>> x, y, _ = probe_set(as_data(np.arange(9.0)[:, None], [0, 1, 2] * 3), 3)
        >>> x[:, 0].tolist(), y.tolist()
        ([0.0, 4.0, 8.0], [0, 1, 2])
    """
    whole = data.first()
    y = _targets(whole)
    wanted = _usual(y) if examples is None else require_count("examples", examples)
    rows = np.arange(min(wanted, len(whole)))
    if isinstance(data, ArrayData):
        rows = _spread_rows(len(whole), y, wanted)
    chosen = [array[rows] for array in whole.arrays]
    x, y, weights = rebuild(whole.structure, chosen)
    return x, y, weights


def _targets(batch: Batch) -> Array | None:
    _, y, _ = rebuild(batch.structure, batch.arrays)
    return next(iter(leaves_of(y)), None)


def _usual(y: Array | None) -> int:
    """How many examples are enough."""
    if y is None or y.ndim < 2 or y.dtype.kind == "f":
        return EXAMPLES
    return max(FEWEST, min(EXAMPLES, POSITIONS // max(int(np.prod(y.shape[1:])), 1)))


def _spread_rows(count: int, y: Array | None, wanted: int) -> NDArray[np.int64]:
    """Numbers of examples, evenly spaced in the order of their targets."""
    if wanted >= count:
        return np.arange(count)
    keys = np.arange(count) if y is None else _sorting_keys(y)
    order = np.argsort(keys, kind="stable")
    firsts = np.unique(keys, return_index=True)[1] if _are_classes(y, keys, wanted) else order[:0]
    others = order[~np.isin(order, firsts)]
    places = np.linspace(0, len(others) - 1, wanted - len(firsts)).round().astype(np.int64)
    return np.sort(np.concatenate([firsts, others[places]]))


def _sorting_keys(y: Array) -> Array:
    """One number for each example: its class or target; its place where there are several."""
    if y.size == len(y):
        return y.reshape(-1)
    is_one_hot = y.ndim == 2 and bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())
    return y.argmax(axis=1) if is_one_hot else np.arange(len(y))


def _are_classes(y: Array | None, keys: Array, wanted: int) -> bool:
    """Whether the keys are classes, few enough that each of them has room."""
    if y is None or (y.size > len(y) and y.ndim != 2):
        return False
    return len(np.unique(keys)) <= wanted // 2
