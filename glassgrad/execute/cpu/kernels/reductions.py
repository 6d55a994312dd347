"""Reductions over other than the last axes: a row of results takes in one row after the other.

Seen as (outer, length, inner), the middle axis goes. The loop over the inner axis vectorises, and
each result is made by one part, in the order of the axis.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from glassgrad.execute.cpu.compiler import helper
from glassgrad.execute.cpu.kernels.work import Work, kernel_for
from glassgrad.execute.cpu.views import part_of_array, split
from glassgrad.graph import Node
from glassgrad.ops.reduction import (
    Argmax,
    Argmin,
    Max,
    Min,
    Place,
    Reduction,
    Sum,
    normalize_axes,
)

__all__ = ["argmax_middle", "argmin_middle", "max_middle", "min_middle", "share", "sum_middle"]


@kernel_for(Sum, Max, Min, Argmax, Argmin)
def _reduction(node: Node) -> Work | None:
    """A kernel where the reduced axes lie side by side; `simplify` sees to it that they do."""
    (x,), (y,), operation = node.inputs, node.outputs, node.operation
    if isinstance(operation, Place):
        axes = normalize_axes(operation.axis, x.ndim)
    else:
        assert isinstance(operation, Reduction)
        axes = operation.axes
    if not axes or any(x.shape[n] != 1 for n in range(axes[0], axes[-1]) if n not in axes):
        return None
    length = prod(x.shape[n] for n in axes)
    sizes = prod(x.shape[: axes[0]]), length, prod(x.shape[axes[-1] + 1 :])
    return Work(FUNCTIONS[type(operation)], [(*sizes, x, y)])


# ---- compiled


@helper()
def share(outer: int, inner: int, parts: int, part: int) -> tuple[int, int, int, int]:
    """This part's range of the outer axis and of the inner one: the longer is divided."""
    if outer >= parts or outer >= inner:
        begin, end = split(outer, parts, part, 1)
        return begin, end, 0, inner
    begin, end = split(inner, parts, part, 16)
    return 0, outer, begin, end


@helper()
def sum_middle(part: int, parts: int, outer: int, length: int, inner: int, x: Any, y: Any) -> None:
    """Sum over the middle axis."""
    begin, end, left, right = share(outer, inner, parts, part)
    for block in range(begin, end):
        result = part_of_array(y, block * inner + left, right - left)
        result[:] = y.dtype.type(0)
        for level in range(length):
            row = part_of_array(x, (block * length + level) * inner + left, right - left)
            for j in range(right - left):
                result[j] += row[j]


@helper()
def max_middle(part: int, parts: int, outer: int, length: int, inner: int, x: Any, y: Any) -> None:
    """Largest element along the middle axis; NaN is kept."""
    begin, end, left, right = share(outer, inner, parts, part)
    for block in range(begin, end):
        result = part_of_array(y, block * inner + left, right - left)
        first = part_of_array(x, block * length * inner + left, right - left)
        for j in range(right - left):
            result[j] = first[j]
        for level in range(1, length):
            row = part_of_array(x, (block * length + level) * inner + left, right - left)
            for j in range(right - left):
                best, value = result[j], row[j]
                result[j] = best if best >= value or best != best else value


@helper()
def min_middle(part: int, parts: int, outer: int, length: int, inner: int, x: Any, y: Any) -> None:
    """Least element along the middle axis; NaN is kept."""
    begin, end, left, right = share(outer, inner, parts, part)
    for block in range(begin, end):
        result = part_of_array(y, block * inner + left, right - left)
        first = part_of_array(x, block * length * inner + left, right - left)
        for j in range(right - left):
            result[j] = first[j]
        for level in range(1, length):
            row = part_of_array(x, (block * length + level) * inner + left, right - left)
            for j in range(right - left):
                best, value = result[j], row[j]
                result[j] = best if best <= value or best != best else value


@helper()
def argmax_middle(
    part: int, parts: int, outer: int, length: int, inner: int, x: Any, y: Any
) -> None:
    """Index of the first largest element along the middle axis, or of the first NaN."""
    begin, end, left, right = share(outer, inner, parts, part)
    for block in range(begin, end):
        start = block * length * inner
        result = part_of_array(y, block * inner, inner)
        for j in range(left, right):
            result[j] = 0
        for level in range(1, length):
            row = part_of_array(x, start + level * inner, inner)
            for j in range(left, right):
                best = part_of_array(x, start + np.int64(result[j]) * inner + j, 1)[0]
                value = row[j]
                if best == best and (value > best or value != value):
                    result[j] = level


@helper()
def argmin_middle(
    part: int, parts: int, outer: int, length: int, inner: int, x: Any, y: Any
) -> None:
    """Index of the first least element along the middle axis, or of the first NaN."""
    begin, end, left, right = share(outer, inner, parts, part)
    for block in range(begin, end):
        start = block * length * inner
        result = part_of_array(y, block * inner, inner)
        for j in range(left, right):
            result[j] = 0
        for level in range(1, length):
            row = part_of_array(x, start + level * inner, inner)
            for j in range(left, right):
                best = part_of_array(x, start + np.int64(result[j]) * inner + j, 1)[0]
                value = row[j]
                if best == best and (value < best or value != value):
                    result[j] = level


FUNCTIONS = {
    Sum: sum_middle,
    Max: max_middle,
    Min: min_middle,
    Argmax: argmax_middle,
    Argmin: argmin_middle,
}
