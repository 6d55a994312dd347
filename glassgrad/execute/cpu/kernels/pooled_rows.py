"""Max pooling of rows while they are in cache: what is pooled need not be stored."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from glassgrad.execute.cpu.compiler import EXACT, helper
from glassgrad.execute.cpu.kernels.work import Rows
from glassgrad.execute.cpu.views import part_of_array
from glassgrad.graph import Node
from glassgrad.ops.pooling import MaxPool

__all__ = ["in_pairs_of_lines", "is_pooling_by_two", "pool_piece"]


def is_pooling_by_two(node: Node) -> bool:
    """Whether the node takes the largest of two by two floats, each of which one window sees."""
    operation = node.operation
    return (
        type(operation) is MaxPool
        and operation.window == operation.strides == (2, 2)
        and not any(width for pair in operation.padding for width in pair)
        and node.inputs[0].dtype.kind == "f"
    )


def in_pairs_of_lines(rows: Rows, shape: tuple[int, ...]) -> Rows | None:
    """The rows of images of this shape in pieces that hold whole pairs of lines."""
    width, image = shape[2], prod(shape[1:3])
    if image == 0:
        return None
    if rows.block == 0 and rows.step % image == 0:
        return rows
    pair = 2 * width
    return replace(rows, step=max(1, rows.step // pair) * pair, block=image)


# ---- compiled


@helper(EXACT)
def pool_piece(
    first: int, last: int, piece: Any, height: int, width: int, columns: int, y: Any, places: Any
) -> None:
    """The largest of each two by two among the rows first to last of images, and its place."""
    down, across = height // 2, width // 2
    for line in range(first // width, last // width):
        member, above = line // height, line % height
        if above % 2 != 0 or above // 2 >= down:
            continue
        for i in range(across):
            at = (line * width + 2 * i - first) * columns
            to = ((member * down + above // 2) * across + i) * columns
            take_largest(
                part_of_array(piece, at, columns),
                part_of_array(piece, at + columns, columns),
                part_of_array(piece, at + width * columns, columns),
                part_of_array(piece, at + (width + 1) * columns, columns),
                part_of_array(y, to, columns),
                part_of_array(places, to, columns),
            )


@helper(EXACT)
def take_largest(a: Any, b: Any, c: Any, d: Any, largest: Any, places: Any) -> None:
    """Of equal numbers the first, and NaN before all others."""
    for j in range(largest.size):
        best, place = a[j], 0
        wins = b[j] > best or (b[j] != b[j] and best == best)
        best, place = b[j] if wins else best, 1 if wins else place
        wins = c[j] > best or (c[j] != c[j] and best == best)
        best, place = c[j] if wins else best, 2 if wins else place
        wins = d[j] > best or (d[j] != d[j] and best == best)
        largest[j], places[j] = d[j] if wins else best, 3 if wins else place
