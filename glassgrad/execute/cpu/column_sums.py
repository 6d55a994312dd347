"""A pass: the sums of long columns become sums over the rows of each part, and their sum.

Threads that each took some of the columns would have nothing to do where there are few; and a sum
over some rows can be computed by the kernel that makes them.
"""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.execute.cpu.fuse import is_made_in_rows, source_of
from glassgrad.execute.cpu.lowered import PartialSums
from glassgrad.graph import Node, Tensor, rewrite
from glassgrad.ops.movement import Reshape
from glassgrad.ops.reduction import Sum

__all__ = ["divide_column_sums"]

ENOUGH_ROWS = 1024
"""Fewer are summed sooner than threads have met a second time."""

ENOUGH_ROWS_OF_A_PART = 64
"""Where the kernel that makes them can sum them, and what is only summed need not be stored."""


def divide_column_sums(outputs: Sequence[Tensor], parts: int) -> tuple[Tensor, ...]:
    """Divide the sums over all axes but the last among the parts."""

    def divide(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        if type(node.operation) is not Sum:
            return None
        (x,) = inputs
        is_column_sum = x.ndim > 1 and node.operation.axes == tuple(range(x.ndim - 1))
        columns = x.shape[-1] if x.ndim else 0
        if not is_column_sum or x.dtype.kind != "f" or columns < 2:
            return None
        is_made_here = is_made_in_rows(source_of(x).node)
        enough = ENOUGH_ROWS_OF_A_PART * parts if is_made_here else ENOUGH_ROWS
        if x.size // columns < enough:
            return None
        sums = PartialSums(parts)(x)
        total = Sum((0,))(sums)
        result: Tensor = Reshape(node.specs[0].shape)(total)
        for made in (sums, total, result):
            made.node.scope = node.scope
        return result.node.outputs

    return rewrite(outputs, divide)
