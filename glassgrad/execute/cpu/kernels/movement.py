"""Elements that change their place: one kernel, which walks two pieces of memory by strides.

A *layout* says what is copied: where the walk begins in the source and in the target, then the
length of each axis and how far one step along it leads in the two. A slice, another order of
axes, a piece of a concatenation, a flip, the middle of a padded tensor and a broadcast differ in
nothing else. Axes that lie behind each other in both are walked as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from glassgrad.execute.cpu.compiler import helper
from glassgrad.execute.cpu.kernels.work import Bits, Work, kernel_for
from glassgrad.execute.cpu.views import part_of_array, split
from glassgrad.graph import Node, Tensor
from glassgrad.graph.operation import Array
from glassgrad.ops.movement import BroadcastTo, Concatenate, Flip, Pad, Slice, Transpose

__all__ = ["copy_by_strides", "layout", "row_major"]

Shape = tuple[int, ...]

FIXED_WORDS, AXIS_WORDS = 2, 3


def row_major(shape: Shape) -> Shape:
    """How far one step along each axis leads in a tensor of this shape."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def layout(
    lengths: Shape,
    source: tuple[int, Sequence[int]],
    target: tuple[int, Sequence[int]],
) -> Array:
    """The words that lead `copy_by_strides`.

    Args:
        lengths: of the axes, in the target's order.
        source: where its walk begins, and its stride along each axis.
        target: the same; the strides are those of some row-major memory.
    """
    axes = _joined([a for a in zip(lengths, source[1], target[1], strict=True) if a[0] != 1])
    axes = [(1, 0, 0)] * (2 - len(axes)) + axes
    # The kernel cuts the last two axes into squares: in one of them the source must be contiguous.
    if abs(axes[-1][1]) > 1:
        beside = next((n for n, axis in enumerate(axes) if abs(axis[1]) == 1), len(axes) - 2)
        axes = [*axes[:beside], *axes[beside + 1 : -1], axes[beside], axes[-1]]
    words = [source[0], target[0], *(number for axis in axes for number in axis)]
    return np.array(words, np.int64)


def _joined(axes: list[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    joined: list[tuple[int, int, int]] = []
    for length, *steps in axes:
        if joined and list(joined[-1][1:]) == [length * step for step in steps]:
            length *= joined.pop()[0]
        joined.append((length, steps[0], steps[1]))
    return joined


def _copy(source: Tensor | Array, target: Tensor, words: Array) -> tuple[Bits, Bits, Array]:
    return Bits(source), Bits(target), words


@kernel_for(Transpose)
def _transpose(node: Node) -> Work:
    (x,), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, Transpose)
    steps = row_major(x.shape)
    turned = [steps[axis] for axis in operation.order]
    return Work(
        copy_by_strides, [_copy(x, y, layout(y.shape, (0, turned), (0, row_major(y.shape))))]
    )


@kernel_for(BroadcastTo)
def _broadcast(node: Node) -> Work:
    (x,), (y,) = node.inputs, node.outputs
    padded = (1,) * (y.ndim - x.ndim) + x.shape
    steps = [0 if n == 1 else step for n, step in zip(padded, row_major(padded), strict=True)]
    return Work(
        copy_by_strides, [_copy(x, y, layout(y.shape, (0, steps), (0, row_major(y.shape))))]
    )


@kernel_for(Flip)
def _flip(node: Node) -> Work:
    (x,), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, Flip)
    steps = row_major(x.shape)
    begin = sum((x.shape[axis] - 1) * steps[axis] for axis in operation.axes)
    back = [-step if axis in operation.axes else step for axis, step in enumerate(steps)]
    return Work(copy_by_strides, [_copy(x, y, layout(y.shape, (begin, back), (0, steps)))])


@kernel_for(Slice)
def _slice(node: Node) -> Work:
    (x,), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, Slice)
    steps = row_major(x.shape)
    begin = _place(operation.starts, steps)
    words = layout(y.shape, (begin, steps), (0, row_major(y.shape)))
    return Work(copy_by_strides, [_copy(x, y, words)])


@kernel_for(Concatenate)
def _concatenate(node: Node) -> Work:
    (y,), operation = node.outputs, node.operation
    assert isinstance(operation, Concatenate)
    steps, begin, calls = row_major(y.shape), 0, []
    for x in node.inputs:
        if x.size:
            words = layout(x.shape, (0, row_major(x.shape)), (begin, steps))
            calls.append(_copy(x, y, words))
        begin += x.shape[operation.axis] * steps[operation.axis]
    return Work(copy_by_strides, calls)


@kernel_for(Pad)
def _pad(node: Node) -> Work:
    """The middle, and zeros: two slabs for each axis, as wide as the middle before that axis."""
    (x,), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, Pad)
    steps, zero = row_major(y.shape), np.zeros(1, y.dtype)
    begin = _place(operation.before, steps)
    calls = [_copy(x, y, layout(x.shape, (0, row_major(x.shape)), (begin, steps)))]
    for axis, (first, last) in enumerate(zip(operation.before, operation.after, strict=True)):
        start = _place(operation.before[:axis], steps)
        behind = (y.shape[axis] - last) * steps[axis]
        for width, place in ((first, start), (last, start + behind)):
            lengths = (*x.shape[:axis], width, *y.shape[axis + 1 :])
            words = layout(lengths, (0, [0] * y.ndim), (place, steps))
            calls.append(_copy(zero, y, words))
    return Work(copy_by_strides, [c for c in calls if np.all(c[2][FIXED_WORDS::AXIS_WORDS])])


def _place(index: Sequence[int], steps: Sequence[int]) -> int:
    return sum(n * step for n, step in zip(index, steps, strict=False))


# ---- compiled

SQUARE = 16
"""A cache line of float32: a square of such lines is read and written while all are in cache."""


@helper()
def copy_by_strides(part: int, parts: int, source: Any, target: Any, words: Any) -> None:
    """Copy what a layout says; the parts share the longest of what they can share."""
    outer = (words.size - FIXED_WORDS) // AXIS_WORDS - 2
    blocks = 1
    for axis in range(outer):
        blocks *= words[FIXED_WORDS + AXIS_WORDS * axis]
    place = FIXED_WORDS + AXIS_WORDS * outer
    rows, columns = words[place], words[place + 3]
    first_block, last_block = 0, blocks
    top, bottom, left, right = 0, rows, 0, columns
    if blocks >= parts:
        first_block, last_block = split(blocks, parts, part, 1)
    elif rows >= parts:
        top, bottom = split(rows, parts, part, 1)
    else:
        left, right = split(columns, parts, part, SQUARE)
    if top == bottom or left == right:
        return
    for block in range(first_block, last_block):
        read, write, rest = words[0], words[1], block
        for axis in range(outer - 1, -1, -1):
            at = FIXED_WORDS + AXIS_WORDS * axis
            index = rest % words[at]
            rest //= words[at]
            read += index * words[at + 1]
            write += index * words[at + 2]
        read += top * words[place + 1] + left * words[place + 4]
        write += top * words[place + 2] + left * words[place + 5]
        copy_block(
            source, read, words[place + 1], words[place + 4],
            target, write, words[place + 2], words[place + 5],
            bottom - top, right - left,
        )  # fmt: skip


@helper()
def copy_block(
    source: Any, read: int, read_row: int, read_column: int,
    target: Any, write: int, write_row: int, write_column: int,
    rows: int, columns: int,
) -> None:  # fmt: skip
    """Copy two axes."""
    if write_column == 1 and read_column == 1:
        for i in range(rows):
            from_row = part_of_array(source, read + i * read_row, columns)
            to_row = part_of_array(target, write + i * write_row, columns)
            for j in range(columns):
                to_row[j] = from_row[j]
    elif write_column == 1 and read_column == 0:
        for i in range(rows):
            value = part_of_array(source, read + i * read_row, 1)[0]
            to_row = part_of_array(target, write + i * write_row, columns)
            for j in range(columns):
                to_row[j] = value
    else:
        copy_squares(
            source, read, read_row, read_column,
            target, write, write_row, write_column, rows, columns,
        )  # fmt: skip


@helper()
def copy_squares(
    source: Any, read: int, read_row: int, read_column: int,
    target: Any, write: int, write_row: int, write_column: int,
    rows: int, columns: int,
) -> None:  # fmt: skip
    """Copy two axes where a row is contiguous on one side only, or on none."""
    for top in range(0, rows, SQUARE):
        for left in range(0, columns, SQUARE):
            for i in range(top, min(top + SQUARE, rows)):
                for j in range(left, min(left + SQUARE, columns)):
                    origin = read + i * read_row + j * read_column
                    place = write + i * write_row + j * write_column
                    part_of_array(target, place, 1)[0] = part_of_array(source, origin, 1)[0]
