"""Where a gradient is wrong: from a direction to the worst entry, and around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from glassgrad.lens.checking.comparing import Comparison, Comparisons, Verdict
from glassgrad.lens.checking.directions import places_of

__all__ = ["entries_around", "worst_entry"]

Place: TypeAlias = tuple[int, ...]

NEIGHBOURS = 6  # that are looked at along each axis


def worst_entry(comparisons: Comparisons, found: Sequence[Comparison]) -> Comparison:
    """Halve the worst of the wrong directions until one entry is left.

    Where neither half of a direction is wrong by itself, the direction is all that can be said.
    """
    wrong = [one for one in found if one.verdict is Verdict.WRONG]
    entries = [one for one in wrong if len(one.numbers) == 1]
    worst = max(entries or wrong, key=_badness)
    while len(worst.numbers) > 1:
        middle = len(worst.numbers) // 2
        halves = [
            comparisons.along(part) for part in (worst.numbers[:middle], worst.numbers[middle:])
        ]
        halves = [half for half in halves if half.verdict is Verdict.WRONG]
        if not halves:
            break
        worst = max(halves, key=_badness)
    return worst


def _badness(comparison: Comparison) -> float:
    """Entries are compared in their own unit, so the distance itself orders them."""
    absolute = comparison.absolute
    return absolute if np.isfinite(absolute) else np.inf


def entries_around(comparisons: Comparisons, worst: int) -> list[Comparison]:
    """Compare some entries on the lines through one, which shows how far a mistake reaches."""
    shape = comparisons.shape
    (place,) = places_of(np.array([worst]), shape)
    found = []
    for axis, length in enumerate(shape):
        others = [index for index in range(length) if index != place[axis]]
        step = max(len(others) // NEIGHBOURS, 1)
        for index in others[::step][:NEIGHBOURS]:
            there = [*place[:axis], index, *place[axis + 1 :]]
            found.append(comparisons.along(np.array([np.ravel_multi_index(there, shape)])))
    return found
