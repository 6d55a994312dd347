"""Running sums."""

from __future__ import annotations

from math import prod
from typing import Any

from glassgrad.execute.cpu.compiler import EXACT, helper
from glassgrad.execute.cpu.kernels.reductions import share
from glassgrad.execute.cpu.kernels.work import Work, kernel_for
from glassgrad.execute.cpu.views import part_of_array
from glassgrad.graph import Node
from glassgrad.ops.cumulative import CumulativeSum

__all__ = ["running_sum"]


@kernel_for(CumulativeSum)
def _cumulative_sum(node: Node) -> Work:
    (x,), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, CumulativeSum)
    axis = operation.axis % x.ndim
    sizes = prod(x.shape[:axis]), x.shape[axis], prod(x.shape[axis + 1 :])
    return Work(running_sum, [(*sizes, int(operation.reverse), x, y)])


@helper(EXACT)
def running_sum(
    part: int, parts: int, outer: int, length: int, inner: int, reverse: int, x: Any, y: Any
) -> None:
    """Running sums along the middle axis of (outer, length, inner), or from its end."""
    begin, end, left, right = share(outer, inner, parts, part)
    first, step = (length - 1, -1) if reverse else (0, 1)
    for block in range(begin, end):
        for count in range(length):
            level = first + step * count
            at = (block * length + level) * inner + left
            row, sums = part_of_array(x, at, right - left), part_of_array(y, at, right - left)
            if count == 0:
                for j in range(right - left):
                    sums[j] = row[j]
            else:
                before = part_of_array(y, at - step * inner, right - left)
                for j in range(right - left):
                    sums[j] = before[j] + row[j]
