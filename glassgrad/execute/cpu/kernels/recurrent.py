"""Recurrence: each part takes a strip of examples through all time steps, and waits for nobody.

What a step reads and makes of a strip stays in the near caches, and the weights in those after.
A product is made for a strip at a time, whatever the number of parts, so that the bits depend
neither on it nor on the size of the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from glassgrad.execute.cpu.blas import NORMAL, TRANSPOSED
from glassgrad.execute.cpu.compiler import EXACT, helper
from glassgrad.execute.cpu.kernels.work import Argument, Scratch, Work, kernel_for
from glassgrad.execute.cpu.mathematics import sigmoid, tanh
from glassgrad.execute.cpu.matmul import SCRATCH_ELEMENTS, tile_of_part, tiled_gemm
from glassgrad.execute.cpu.recurrence import CELLS, ColumnsProduct, Recurrence, RecurrenceDelta
from glassgrad.execute.cpu.views import part_of_array, split
from glassgrad.graph import Node, Tensor

__all__ = [
    "columns_product",
    "gru_delta",
    "gru_states",
    "lstm_delta",
    "lstm_states",
    "simple_delta",
    "simple_states",
]

STRIP = 32
"""Examples that take a step together."""

GRANULARITY = 8

ROWS_AT_ONCE = 384
"""Of a product of two tall matrices: they are read several times, and once from far away."""

EVERYWHERE = np.ones(1, np.uint8)
"""The mask where there is none: one element that is read again and again."""


@kernel_for(Recurrence)
def _recurrence(node: Node) -> Work:
    operation = node.operation
    assert isinstance(operation, Recurrence)
    cell = CELLS[operation.cell]
    x, *rest = node.inputs
    first, weights, mask = rest[: cell.states], rest[cell.states], rest[cell.states + 1 :]
    units = first[0].shape[1]
    sizes = (*x.shape, units, int(operation.reverse), int(operation.from_zero))
    saved: Sequence[Tensor] = node.outputs[cell.states :]
    # What is not saved lies in scratch, of which each part has a strip; the outputs stand in.
    joined = saved[-1] if operation.saves else node.outputs[0]
    gates = [saved[0] if operation.saves else node.outputs[0]] * bool(cell.gates)
    elements = STRIP * (weights.shape[0] + cell.gates * units)
    scratch = Scratch(SCRATCH_ELEMENTS + _padded(elements), str(x.dtype))
    call: tuple[Argument, ...] = (
        *sizes, int(operation.saves), scratch.elements, *_masked(mask),
        x, *first, weights, *node.outputs[: cell.states], *gates, joined, scratch,
    )  # fmt: skip
    return Work(STATES[operation.cell], [call])


@kernel_for(RecurrenceDelta)
def _recurrence_delta(node: Node) -> Work:
    operation = node.operation
    assert isinstance(operation, RecurrenceDelta)
    cell = CELLS[operation.cell]
    count = sum(operation.given)
    present, (back, *saved) = iter(node.inputs[:count]), node.inputs[count:]
    # A flag says of each gradient whether there is one; where there is none, anything stands in.
    incoming: list[Argument] = []
    for is_given in operation.given:
        incoming += [int(is_given), next(present) if is_given else back]
    mask = [saved.pop()] if operation.masked else []
    batch, time, _ = node.inputs[0].shape
    units = back.shape[1]
    ends = node.outputs[cell.deltas :] if operation.ends else [back] * cell.states
    elements = STRIP * units * cell.states + units
    scratch = Scratch(SCRATCH_ELEMENTS + _padded(elements), str(back.dtype))
    call: tuple[Argument, ...] = (
        batch, time, units, int(operation.reverse), int(operation.ends), scratch.elements,
        *_masked(mask), *incoming, back, *saved, *node.outputs[: cell.deltas], *ends, scratch,
    )  # fmt: skip
    return Work(DELTAS[operation.cell], [call])


@kernel_for(ColumnsProduct)
def _columns_product(node: Node) -> Work:
    (a, b), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, ColumnsProduct)
    scratch = Scratch(SCRATCH_ELEMENTS, str(y.dtype))
    sizes = prod(a.shape[:-1]), a.shape[-1], operation.begin, *y.shape
    return Work(columns_product, [(*sizes, scratch.elements, a, b, y, scratch)])


def _masked(mask: Sequence[Tensor]) -> tuple[int, Tensor | np.ndarray[Any, Any]]:
    """How far the next element of a mask lies, and the mask."""
    return (1, mask[0]) if mask else (0, EVERYWHERE)


def _padded(elements: int) -> int:
    """Up to the next cache line, whatever the size of an element."""
    return -(-elements // 16) * 16


# ---- compiled


@helper(EXACT)
def copy_to(target: Any, target_offset: int, source: Any, offset: int, length: int) -> None:
    """Copy consecutive elements."""
    to, from_ = part_of_array(target, target_offset, length), part_of_array(source, offset, length)
    for j in range(length):
        to[j] = from_[j]


@helper(EXACT)
def begin_rows(
    joined: Any, first: int, stride: int, rows: int, x: Any, x_first: int, x_stride: int,
    features: int, ones: int,
) -> None:  # fmt: skip
    """Put x and the ones before h."""
    one = x.dtype.type(1)
    for r in range(rows):
        at = first + r * stride
        copy_to(joined, at, x, x_first + r * x_stride, features)
        for j in range(ones):
            part_of_array(joined, at + features + j, 1)[0] = one


@helper(EXACT)
def apply_sigmoid(values: Any, offset: int, length: int) -> None:
    """In place."""
    row = part_of_array(values, offset, length)
    for j in range(length):
        row[j] = sigmoid(row[j])


@helper(EXACT)
def apply_tanh(values: Any, offset: int, length: int) -> None:
    """In place."""
    row = part_of_array(values, offset, length)
    for j in range(length):
        row[j] = tanh(row[j])


@helper(EXACT)
def lstm_cell(
    gates: Any, at: int, before: Any, before_at: int, c: Any, c_at: int, h: Any, units: int
) -> None:
    """Activate the gates of a row in place, then the states: c = f c + i c~, h = o tanh(c)."""
    apply_sigmoid(gates, at, 2 * units)
    apply_tanh(gates, at + 2 * units, units)
    apply_sigmoid(gates, at + 3 * units, units)
    i, f = part_of_array(gates, at, units), part_of_array(gates, at + units, units)
    candidate = part_of_array(gates, at + 2 * units, units)
    o = part_of_array(gates, at + 3 * units, units)
    held, now = part_of_array(before, before_at, units), part_of_array(c, c_at, units)
    shown = part_of_array(h, c_at, units)
    for j in range(units):
        now[j] = f[j] * held[j] + i[j] * candidate[j]
    for j in range(units):
        shown[j] = o[j] * tanh(now[j])


@helper(EXACT)
def lstm_states(
    part: int, parts: int,
    batch: int, time: int, features: int, units: int, reverse: int, from_zero: int,
    saves: int, share: int, mask_step: int, mask: Any,
    x: Any, h0: Any, c0: Any, weights: Any, h: Any, c: Any, gates: Any, joined: Any, scratch: Any,
) -> None:  # fmt: skip
    """Both states of a part's examples after each step."""
    width, levels = 4 * units, features + 1 + units
    own = part_of_array(scratch, part * share, share)
    workspace = part_of_array(own, 0, SCRATCH_ELEMENTS)
    lines, z = joined, gates
    line, line_step, z_row, z_step = time * levels, levels, time * width, width
    if saves == 0:
        lines = part_of_array(own, SCRATCH_ELEMENTS, STRIP * levels)
        z = part_of_array(own, SCRATCH_ELEMENTS + STRIP * levels, STRIP * width)
        line, line_step, z_row, z_step = levels, 0, width, 0
    begin, end = split(batch, parts, part, GRANULARITY)
    for first in range(begin, end, STRIP):
        rows = min(STRIP, end - first)
        place = 0 if saves == 0 else first
        for count in range(time):
            t = time - 1 - count if reverse != 0 else count
            then = t + 1 if reverse != 0 else t - 1
            later = t - 1 if reverse != 0 else t + 1
            start = place * line + t * line_step
            begin_rows(
                lines, start, line, rows, x, (first * time + t) * features, time * features,
                features, 1,
            )  # fmt: skip
            if count == 0:
                for r in range(rows):
                    target = start + r * line + features + 1
                    copy_to(lines, target, h0, (first + r) * units, units)
            z_start = place * z_row + t * z_step
            tiled_gemm(
                NORMAL, NORMAL, rows, width,
                features + 1 if count == 0 and from_zero != 0 else levels,
                lines, start, line, weights, 0, width, 0.0, z, z_start, z_row, workspace,
            )  # fmt: skip
            for r in range(rows):
                at, past = ((first + r) * time + t) * units, ((first + r) * time + then) * units
                before = c
                if count == 0:
                    before, past = c0, (first + r) * units
                lstm_cell(z, z_start + r * z_row, before, past, c, at, h, units)
                if mask[((first + r) * time + t) * mask_step] == 0:
                    copy_to(c, at, before, past, units)
                    copy_to(h, at, lines, start + r * line + features + 1, units)
                if count + 1 < time:
                    target = place * line + later * line_step + r * line + features + 1
                    copy_to(lines, target, h, at, units)


@helper(EXACT)
def add_to(total: Any, offset: int, source: Any, source_offset: int, length: int) -> None:
    """Add consecutive elements."""
    to = part_of_array(total, offset, length)
    more = part_of_array(source, source_offset, length)
    for j in range(length):
        to[j] += more[j]


@helper(EXACT)
def fill_with_zeros(values: Any, offset: int, length: int) -> None:
    """Zeros in consecutive elements."""
    zero = values.dtype.type(0)
    to = part_of_array(values, offset, length)
    for j in range(length):
        to[j] = zero


@helper(EXACT)
def lstm_cell_delta(
    gates: Any, at: int, before: Any, before_at: int, c: Any, c_at: int,
    to_h: Any, to_c: Any, state_at: int, delta: Any, shown: Any, units: int,
) -> None:  # fmt: skip
    """The deltas of a row, and what goes back in time to c by itself."""
    one = c.dtype.type(1)
    i, f = part_of_array(gates, at, units), part_of_array(gates, at + units, units)
    candidate = part_of_array(gates, at + 2 * units, units)
    o = part_of_array(gates, at + 3 * units, units)
    held, now = part_of_array(before, before_at, units), part_of_array(c, c_at, units)
    g, e = part_of_array(to_h, state_at, units), part_of_array(to_c, state_at, units)
    of_i, of_f = part_of_array(delta, at, units), part_of_array(delta, at + units, units)
    of_candidate = part_of_array(delta, at + 2 * units, units)
    of_o = part_of_array(delta, at + 3 * units, units)
    for j in range(units):
        shown[j] = tanh(now[j])
    for j in range(units):
        e[j] += g[j] * o[j] * (one - shown[j] * shown[j])
    for j in range(units):
        of_i[j] = e[j] * candidate[j] * i[j] * (one - i[j])
    for j in range(units):
        of_f[j] = e[j] * held[j] * f[j] * (one - f[j])
    for j in range(units):
        of_candidate[j] = e[j] * i[j] * (one - candidate[j] * candidate[j])
    for j in range(units):
        of_o[j] = g[j] * shown[j] * o[j] * (one - o[j])
    for j in range(units):
        e[j] *= f[j]


@helper(EXACT)
def lstm_delta(
    part: int, parts: int,
    batch: int, time: int, units: int, reverse: int, ends: int, share: int,
    mask_step: int, mask: Any, has_h: int, of_h: Any, has_c: int, of_c: Any,
    back: Any, c0: Any, c: Any, gates: Any, delta: Any, to_h0: Any, to_c0: Any, scratch: Any,
) -> None:  # fmt: skip
    """The deltas of a part's examples, the last step first."""
    width = 4 * units
    own = part_of_array(scratch, part * share, share)
    workspace = part_of_array(own, 0, SCRATCH_ELEMENTS)
    to_h = part_of_array(own, SCRATCH_ELEMENTS, STRIP * units)
    to_c = part_of_array(own, SCRATCH_ELEMENTS + STRIP * units, STRIP * units)
    shown = part_of_array(own, SCRATCH_ELEMENTS + 2 * STRIP * units, units)
    begin, end = split(batch, parts, part, GRANULARITY)
    for first in range(begin, end, STRIP):
        rows = min(STRIP, end - first)
        fill_with_zeros(to_h, 0, rows * units)
        fill_with_zeros(to_c, 0, rows * units)
        for count in range(time):
            t = count if reverse != 0 else time - 1 - count
            then = t + 1 if reverse != 0 else t - 1
            for r in range(rows):
                at, past = ((first + r) * time + t) * units, ((first + r) * time + then) * units
                before = c
                if count + 1 == time:
                    before, past = c0, (first + r) * units
                if has_h != 0:
                    add_to(to_h, r * units, of_h, at, units)
                if has_c != 0:
                    add_to(to_c, r * units, of_c, at, units)
                if mask[((first + r) * time + t) * mask_step] != 0:
                    lstm_cell_delta(
                        gates, 4 * at, before, past, c, at, to_h, to_c, r * units, delta, shown,
                        units,
                    )  # fmt: skip
                    fill_with_zeros(to_h, r * units, units)
                else:
                    fill_with_zeros(delta, 4 * at, width)
            if count + 1 < time or ends != 0:
                tiled_gemm(
                    NORMAL, NORMAL, rows, units, width,
                    delta, (first * time + t) * width, time * width, back, 0, units,
                    1.0, to_h, 0, units, workspace,
                )  # fmt: skip
        if ends != 0:
            copy_to(to_h0, first * units, to_h, 0, rows * units)
            copy_to(to_c0, first * units, to_c, 0, rows * units)


@helper()
def columns_product(
    part: int, parts: int,
    inner: int, columns: int, begin: int, m: int, n: int, share: int,
    a: Any, b: Any, y: Any, scratch: Any,
) -> None:  # fmt: skip
    """A tile of the product for each part, so many rows of A and B at a time as stay near."""
    own = part_of_array(scratch, part * share, share)
    top, bottom, left, right = tile_of_part(part, parts, m, n)
    for row in range(0, max(inner, 1), ROWS_AT_ONCE):
        tiled_gemm(
            TRANSPOSED, NORMAL, bottom - top, right - left, min(ROWS_AT_ONCE, inner - row),
            a, row * columns + begin + top, columns, b, row * n + left, n,
            0.0 if row == 0 else 1.0, y, top * n + left, n, own,
        )  # fmt: skip


STATES = {"lstm": lstm_states}
DELTAS = {"lstm": lstm_delta}
