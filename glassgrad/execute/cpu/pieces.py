"""How rows are cut into pieces that stay in cache."""

from __future__ import annotations

from typing import Any

from glassgrad.execute.cpu.compiler import helper
from glassgrad.execute.cpu.views import part_of_array

__all__ = [
    "FOLDED",
    "add_folds",
    "cleared",
    "own_share",
    "pieces_of_rows",
    "repeated",
    "rows_folded",
    "rows_of_piece",
]


@helper()
def pieces_of_rows(rows: int, step: int, block: int) -> int:
    """How many pieces of at most ``step`` rows there are; none reaches over a block's end."""
    if block == 0:
        return (rows + step - 1) // step
    return (rows + block - 1) // block * ((block + step - 1) // step)


@helper()
def rows_of_piece(piece: int, rows: int, step: int, block: int) -> tuple[int, int]:
    """Where a piece begins and ends."""
    if block == 0:
        return piece * step, min(piece * step + step, rows)
    in_block = (block + step - 1) // step
    start = piece // in_block * block
    first = start + piece % in_block * step
    return first, min(first + step, start + block, rows)


FOLDED = 256
"""The elements of several short rows that are walked as one."""


@helper()
def rows_folded(columns: int) -> int:
    """How many rows are walked as one."""
    return max(1, FOLDED // max(columns, 1))


@helper()
def own_share(scratch: Any, part: int, parts: int) -> Any:
    """What belongs to a part of memory for all of them."""
    share = scratch.size // parts
    return part_of_array(scratch, part * share, share)


@helper()
def repeated(row: Any, target: Any, columns: int, times: int) -> Any:
    """The row several times, one behind the other."""
    for time in range(times):
        copy = part_of_array(target, time * columns, columns)
        for j in range(columns):
            copy[j] = row[j]
    return target


@helper()
def cleared(target: Any, length: int) -> Any:
    """The target, which begins with so many zeros now."""
    for j in range(length):
        target[j] = 0
    return target


@helper()
def add_folds(sums: Any, folds: Any, columns: int, times: int) -> None:
    """Of several rows walked as one, the sum of the rows."""
    for j in range(columns):
        sums[j] = folds[j]
    for time in range(1, times):
        fold = part_of_array(folds, time * columns, columns)
        for j in range(columns):
            sums[j] += fold[j]
