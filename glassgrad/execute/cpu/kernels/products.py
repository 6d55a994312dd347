"""Matrix products of whole numbers, which no library computes."""

from __future__ import annotations

from math import prod
from typing import Any

from glassgrad.execute.cpu.compiler import helper
from glassgrad.execute.cpu.kernels.work import Work, kernel_for
from glassgrad.execute.cpu.views import part_of_array, split
from glassgrad.graph import Node, Tensor
from glassgrad.ops.linear import MatMul

__all__ = ["multiply_integers"]


@kernel_for(MatMul)
def _product(node: Node) -> Work | None:
    """Of each side, there is a matrix for every product or one for all; `simplify` sees to it."""
    (a, b), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, MatMul)
    if y.dtype.kind not in "iu":
        return None
    rows, columns = y.shape[-2:]
    inner = a.shape[-2] if operation.transpose_a else a.shape[-1]
    steps_a = (1, rows) if operation.transpose_a else (inner, 1)
    steps_b = (1, inner) if operation.transpose_b else (columns, 1)
    steps = (_step(a), *steps_a, _step(b), *steps_b)
    return Work(multiply_integers, [(rows, columns, inner, *steps, a, b, y)])


def _step(x: Tensor) -> int:
    """How far the next matrix lies from the last."""
    return prod(x.shape[-2:]) if prod(x.shape[:-2]) > 1 else 0


# ---- compiled


@helper()
def multiply_integers(
    part: int, parts: int, rows: int, columns: int, inner: int,
    member_a: int, row_a: int, inner_a: int, member_b: int, inner_b: int, column_b: int,
    a: Any, b: Any, y: Any,
) -> None:  # fmt: skip
    """Each row of the product takes in one row of B after the other; sums wrap around."""
    begin, end = split(y.size // columns, parts, part, 1)
    for line in range(begin, end):
        member, i = line // rows, line % rows
        result = part_of_array(y, line * columns, columns)
        result[:] = y.dtype.type(0)
        for k in range(inner):
            factor = part_of_array(a, member * member_a + i * row_a + k * inner_a, 1)[0]
            start = member * member_b + k * inner_b
            for j in range(columns):
                result[j] += factor * part_of_array(b, start + j * column_b, 1)[0]
