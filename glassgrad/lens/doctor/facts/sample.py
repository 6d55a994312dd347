"""The examples that are looked at before training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from glassgrad.graph.operation import Array
from glassgrad.graph.trees import flatten, map_tree, rebuild
from glassgrad.layers.layer import holds_numbers
from glassgrad.training.data import ArrayData, Data, as_data, unpack

__all__ = ["AnyData", "Sample", "sample_of"]

AnyData: TypeAlias = Data | tuple[Any, ...]
"""Data as for training, or (x, y), or (x, y, sample_weight)."""

EXAMPLES = 4096
NUMBERS = 2**19
FEWEST = 64
"""How many examples, and how many numbers, are looked at; and how many examples anyway."""

TARGETS = 2**20  # numbers, of targets and weights of all examples


@dataclass(frozen=True, eq=False)
class Sample:
    """Some of the examples.

    Args:
        data: those that are looked at, without NaN and infinities.
        whole: all of them, where they lie in memory.
        examples: how many there are.
        bad_numbers: how many are NaN or infinite.
    """

    data: ArrayData
    whole: ArrayData | None
    examples: int
    bad_numbers: int = 0

    @property
    def has_all_targets(self) -> bool:
        """Whether all targets are looked at: where they lie in memory and are not too many."""
        if self.whole is None:
            return False
        inputs = len(flatten(self.whole.x)[0])
        return sum(array.size for array in self.whole.arrays[inputs:]) <= TARGETS

    @property
    def targets(self) -> ArrayData:
        """Where targets and weights are looked at."""
        return self.whole if self.whole is not None and self.has_all_targets else self.data

    def first(self, count: int) -> Sample:
        """The same with fewer examples."""
        return Sample(self.data.part(slice(0, count)), self.whole, self.examples, self.bad_numbers)


def sample_of(data: AnyData, dtype: np.dtype[Any]) -> Sample:
    """Examples evenly spaced in the data; of data that come in batches, the first batch.

    Args:
        data: the training data.
        dtype: of floats.

    Raises:
        DataError, ShapeError: as ``as_data``.

    Example:
        >>> sample = sample_of((np.zeros((10_000, 3)), np.zeros(10_000)), np.dtype("float32"))
        >>> len(sample.data), sample.examples
        (4096, 10000)
    """
    if isinstance(data, ArrayData):
        return Sample(data.part(_spaced(data)), data, len(data))
    if isinstance(data, Data):
        first = data.first()
        batch = ArrayData(*rebuild(first.structure, first.arrays))
        return Sample(batch, None, data.examples or len(batch))
    parts = unpack(data)
    bad_numbers = sum(
        _count_of_bad(leaf) for part in parts for leaf in flatten(part, is_leaf=holds_numbers)[0]
    )
    x, y, weights = map(_cleared, parts) if bad_numbers else parts
    whole = as_data(x, y, weights, dtype)
    return Sample(whole.part(_spaced(whole)), whole, len(whole), bad_numbers)


def _count_of_bad(value: Any) -> int:
    """How many numbers are NaN or infinite; 0 in what is no array, which ``as_data`` refuses."""
    try:
        array = np.asarray(value)
    except ValueError:
        return 0
    return int(np.count_nonzero(~np.isfinite(array))) if array.dtype.kind == "f" else 0


def _cleared(tree: Any) -> Any:
    """The same numbers, with 0 in the place of what is none."""
    return map_tree(
        lambda leaf: np.nan_to_num(np.asarray(leaf), posinf=0.0, neginf=0.0),
        tree,
        is_leaf=holds_numbers,
    )


def _spaced(data: ArrayData) -> Array:
    width = sum(array[:1].size for array in data.arrays)
    count = min(len(data), EXAMPLES, max(FEWEST, NUMBERS // max(width, 1)))
    return np.linspace(0, len(data) - 1, count).astype(np.int64)
