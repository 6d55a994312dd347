"""Order along an axis: indices are merged, line by line, from short runs to long ones."""

from __future__ import annotations

from math import prod
from typing import Any

from glassgrad.execute.cpu.compiler import EXACT, helper
from glassgrad.execute.cpu.kernels.work import Scratch, Work, kernel_for
from glassgrad.execute.cpu.views import part_of_array, split
from glassgrad.graph import Node
from glassgrad.ops.ordering import Argsort, Sort

__all__ = ["sort_indices", "sort_values"]


@kernel_for(Argsort)
def _argsort(node: Node) -> Work:
    (x,), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, Argsort)
    sizes = _sizes(x.shape, operation.axis)
    scratch = Scratch(2 * sizes[1])
    return Work(sort_indices, [(*sizes, int(operation.descending), x, y, scratch)])


@kernel_for(Sort)
def _sort(node: Node) -> Work:
    (x,), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, Sort)
    sizes = _sizes(x.shape, operation.axis)
    return Work(sort_values, [(*sizes, x, y, Scratch(2 * sizes[1]))])


def _sizes(shape: tuple[int, ...], axis: int) -> tuple[int, int, int]:
    axis %= len(shape)
    return prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])


# ---- compiled


@helper(EXACT)
def sort_indices(
    part: int, parts: int, outer: int, length: int, inner: int, descending: int,
    x: Any, y: Any, scratch: Any,
) -> None:  # fmt: skip
    """The indices that sort each line along the middle axis."""
    begin, end = split(outer * inner, parts, part, 1)
    own = part_of_array(scratch, part * 2 * length, 2 * length)
    for line in range(begin, end):
        start = line // inner * length * inner + line % inner
        order = sorted_line(x, start, inner, length, descending, own)
        for i in range(length):
            part_of_array(y, start + i * inner, 1)[0] = order[i]


@helper(EXACT)
def sort_values(
    part: int, parts: int, outer: int, length: int, inner: int, x: Any, y: Any, scratch: Any
) -> None:
    """Each line along the middle axis in ascending order."""
    begin, end = split(outer * inner, parts, part, 1)
    own = part_of_array(scratch, part * 2 * length, 2 * length)
    for line in range(begin, end):
        start = line // inner * length * inner + line % inner
        order = sorted_line(x, start, inner, length, 0, own)
        for i in range(length):
            value = part_of_array(x, start + order[i] * inner, 1)[0]
            part_of_array(y, start + i * inner, 1)[0] = value


@helper(EXACT)
def sorted_line(x: Any, start: int, step: int, length: int, descending: int, scratch: Any) -> Any:
    """The indices of one line in order; equal elements keep theirs. They lie in the scratch."""
    order, other = part_of_array(scratch, 0, length), part_of_array(scratch, length, length)
    for i in range(length):
        order[i] = i
    run = 1
    while run < length:
        for begin in range(0, length, 2 * run):
            middle, end = min(begin + run, length), min(begin + 2 * run, length)
            left, right = begin, middle
            for place in range(begin, end):
                takes_right = left == middle
                if left < middle and right < end:
                    a = part_of_array(x, start + order[left] * step, 1)[0]
                    b = part_of_array(x, start + order[right] * step, 1)[0]
                    takes_right = is_before(a, b) if descending else is_before(b, a)
                if takes_right:
                    other[place] = order[right]
                    right += 1
                else:
                    other[place] = order[left]
                    left += 1
        order, other = other, order
        run *= 2
    return order


@helper(EXACT)
def is_before(a: Any, b: Any) -> bool:
    """Whether a is less than b, where NaN is the largest."""
    return bool(a < b or (a == a and b != b))
