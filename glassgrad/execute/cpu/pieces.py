"""How rows are cut into pieces that stay in cache."""

from __future__ import annotations

from glassgrad.execute.cpu.compiler import helper

__all__ = ["pieces_of_rows", "rows_of_piece"]


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
