"""Reading and adding up by index.

An index that lies outside is reported and not followed. Sums are shared by rows of the result,
each of which one part adds up in the order of the indices: the same bits whatever the threads.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from glassgrad.execute.cpu import atomics
from glassgrad.execute.cpu.compiler import EXACT, helper
from glassgrad.execute.cpu.kernels.work import INDEX_BITS, Bits, Complaint, Work, kernel_for
from glassgrad.execute.cpu.views import part_of_array, split
from glassgrad.graph import Node
from glassgrad.ops.indexing import AddAlongAxis, ScatterAdd, Take, TakeAlongAxis

__all__ = ["add_along_axis", "add_rows", "complain", "gather_rows", "take_along_axis"]


@kernel_for(Take)
def _take(node: Node) -> Work:
    (x, indices), (y,) = node.inputs, node.outputs
    rows, width = x.shape[0], prod(x.shape[1:])
    call = (rows, width, indices, Bits(x), Bits(y))
    return Work(gather_rows, [call], Complaint(node.operation.name, rows))


@kernel_for(ScatterAdd)
def _scatter_add(node: Node) -> Work:
    (x, indices), (y,) = node.inputs, node.outputs
    rows = y.shape[0]
    return Work(add_rows, [(rows, prod(y.shape[1:]), indices, x, y)])


@kernel_for(TakeAlongAxis)
def _take_along_axis(node: Node) -> Work:
    (x, indices), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, TakeAlongAxis)
    axis = operation.axis
    sizes = prod(x.shape[:axis]), x.shape[axis], y.shape[axis], prod(x.shape[axis + 1 :])
    call = (*sizes, indices, Bits(x), Bits(y))
    return Work(take_along_axis, [call], Complaint(operation.name, x.shape[axis]))


@kernel_for(AddAlongAxis)
def _add_along_axis(node: Node) -> Work:
    (x, indices), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, AddAlongAxis)
    axis = operation.axis
    sizes = prod(x.shape[:axis]), x.shape[axis], y.shape[axis], prod(x.shape[axis + 1 :])
    return Work(add_along_axis, [(*sizes, indices, x, y)])


# ---- compiled


@helper()
def wrong_index(index: Any) -> Any:
    """An index that lies outside as a number above 0; the worst has the largest.

    That is the least of those below 0, or else the largest, as the reference reports it.
    """
    half = 1 << (INDEX_BITS - 1)
    return min(index + 1, half - 1) if index >= 0 else min(half - 1 - index, 2 * half - 1)


@helper()
def complain(status: int, number: int, worst: int) -> None:
    """Report the worst wrong index, if there is one above 0, under a complaint's number."""
    if worst > 0:
        atomics.raise_to(atomics.pointer(status), 0, (number << INDEX_BITS) + worst)


@helper()
def gather_rows(
    part: int, parts: int, rows: int, width: int,
    indices: Any, x: Any, y: Any, status: int, number: int,
) -> None:  # fmt: skip
    """Rows by index."""
    begin, end = split(indices.size, parts, part, 1)
    own = part_of_array(indices, begin, end - begin)
    worst = 0
    for i in range(end - begin):
        index = np.int64(own[i])
        if index < 0 or index >= rows:
            worst = max(worst, wrong_index(index))
        elif width == 1:
            part_of_array(y, begin + i, 1)[0] = part_of_array(x, index, 1)[0]
        else:
            from_row = part_of_array(x, index * width, width)
            to_row = part_of_array(y, (begin + i) * width, width)
            for j in range(width):
                to_row[j] = from_row[j]
    complain(status, number, worst)


@helper(EXACT)
def add_rows(part: int, parts: int, rows: int, width: int, indices: Any, x: Any, y: Any) -> None:
    """Sums of rows by index; a row whose index lies outside is left out."""
    begin, end = split(rows, parts, part, 1)
    own = part_of_array(y, begin * width, (end - begin) * width)
    own[:] = y.dtype.type(0)
    for i in range(indices.size):
        index = np.int64(part_of_array(indices, i, 1)[0])
        if index >= begin and index < end:
            from_row = part_of_array(x, i * width, width)
            to_row = part_of_array(y, index * width, width)
            for j in range(width):
                to_row[j] += from_row[j]


@helper()
def take_along_axis(
    part: int, parts: int, outer: int, length: int, count: int, inner: int,
    indices: Any, x: Any, y: Any, status: int, number: int,
) -> None:  # fmt: skip
    """Elements by index within each line: (outer, length, inner) gives (outer, count, inner)."""
    begin, end = split(outer * count, parts, part, 1)
    worst = 0
    for line in range(begin, end):
        start = line // count * length * inner
        own = part_of_array(indices, line * inner, inner)
        to_row = part_of_array(y, line * inner, inner)
        for j in range(inner):
            index = np.int64(own[j])
            if index < 0 or index >= length:
                worst = max(worst, wrong_index(index))
            else:
                to_row[j] = part_of_array(x, start + index * inner + j, 1)[0]
    complain(status, number, worst)


@helper(EXACT)
def add_along_axis(
    part: int, parts: int, outer: int, length: int, count: int, inner: int,
    indices: Any, x: Any, y: Any,
) -> None:  # fmt: skip
    """Sums by index within each line: (outer, length, inner) gives (outer, count, inner)."""
    begin, end = split(outer, parts, part, 1)
    own = part_of_array(y, begin * count * inner, (end - begin) * count * inner)
    own[:] = y.dtype.type(0)
    for block in range(begin, end):
        for i in range(length):
            line = (block * length + i) * inner
            for j in range(inner):
                index = np.int64(part_of_array(indices, line + j, 1)[0])
                if index >= 0 and index < count:
                    place = (block * count + index) * inner + j
                    value = part_of_array(x, line + j, 1)[0]
                    part_of_array(y, place, 1)[0] += value
