"""Recurrence: each part takes strips of examples through all time steps, and waits for nobody.

What a step reads and makes of a strip stays in the near caches, and the weights in those after.
How the examples are cut into strips depends on the batch alone, and with it the bits of all that
the forward pass makes; only the sums of the weights' gradients depend on the parts.
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
from glassgrad.execute.cpu.recurrence import (
    CELLS,
    Recurrence,
    RecurrenceGradient,
    RowsProduct,
    strip_shape,
)
from glassgrad.execute.cpu.views import part_of_array, split
from glassgrad.graph import Node, Tensor

__all__ = [
    "gru_gradient",
    "gru_states",
    "lstm_gradient",
    "lstm_states",
    "rows_product",
    "simple_gradient",
    "simple_states",
]

ROWS_OF_SUMS = 128
"""Rows whose product with the deltas is added to the gradients of the weights at once."""

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
    batch, time, features = x.shape
    units = first[0].shape[1]
    strips, _, examples = strip_shape(batch, time)
    sizes = (batch, time, features, units, strips, examples)
    elements = examples * (weights.shape[0] + cell.gates * units)
    scratch = _scratch(elements, x)
    saved: Sequence[Tensor] = node.outputs[cell.states :]
    if not operation.saves:  # it lies in scratch, of which each part has a strip
        saved = [x] * (bool(cell.gates) + 1)
    call: tuple[Argument, ...] = (
        *sizes, int(operation.reverse), int(operation.from_zero), int(operation.saves),
        scratch.elements, *_masked(mask),
        x, *first, weights, *node.outputs[: cell.states], *saved, scratch,
    )  # fmt: skip
    return Work(STATES[operation.cell], [call])


@kernel_for(RecurrenceGradient)
def _recurrence_gradient(node: Node) -> Work:
    operation = node.operation
    assert isinstance(operation, RecurrenceGradient)
    cell = CELLS[operation.cell]
    count = sum(operation.given)
    present, (back, joined, *saved) = iter(node.inputs[:count]), node.inputs[count:]
    # A flag says of each gradient whether there is one; where there is none, anything stands in.
    incoming: list[Argument] = []
    for is_given in operation.given:
        incoming += [int(is_given), next(present) if is_given else back]
    mask = [saved.pop()] if operation.masked else []
    batch, _, units = node.inputs[0].shape
    strips, time, examples, rows = joined.shape
    steps = max(1, ROWS_OF_SUMS // examples)
    sizes = (batch, time, rows - cell.ones - units, units, strips, examples, steps)
    made = iter(node.outputs)
    flags = (int(operation.sums), int(operation.keeps), int(operation.ends))
    results = [next(made) if flag else back for flag in flags[:2]]
    ends = list(made) if operation.ends else [back] * cell.states
    elements = examples * units * cell.states + units + steps * examples * cell.deltas * units
    scratch = _scratch(elements, back)
    call: tuple[Argument, ...] = (
        *sizes, int(operation.reverse), *flags, scratch.elements, *_masked(mask),
        *incoming, back, joined, *saved, *results, *ends, scratch,
    )  # fmt: skip
    return Work(GRADIENTS[operation.cell], [call])


@kernel_for(RowsProduct)
def _rows_product(node: Node) -> Work:
    (a, b), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, RowsProduct)
    scratch = _scratch(0, y)
    sizes = prod(a.shape[:-1]), a.shape[-1], b.shape[-1], operation.of_a[0], operation.of_b[0]
    return Work(rows_product, [(*sizes, *y.shape, scratch.elements, a, b, y, scratch)])


def _masked(mask: Sequence[Tensor]) -> tuple[int, Tensor | np.ndarray[Any, Any]]:
    """How far the next element of a mask lies, and the mask."""
    return (1, mask[0]) if mask else (0, EVERYWHERE)


def _scratch(elements: int, like: Tensor) -> Scratch:
    """Memory of each part, behind that for products, up to the end of a cache line."""
    return Scratch(SCRATCH_ELEMENTS + -(-elements // 16) * 16, str(like.dtype))


# ---- compiled: rows


@helper(EXACT)
def copy_to(target: Any, target_offset: int, source: Any, offset: int, length: int) -> None:
    """Copy consecutive elements."""
    to, from_ = part_of_array(target, target_offset, length), part_of_array(source, offset, length)
    for j in range(length):
        to[j] = from_[j]


@helper(EXACT)
def add_to(total: Any, offset: int, source: Any, source_offset: int, length: int) -> None:
    """Add consecutive elements."""
    to = part_of_array(total, offset, length)
    more = part_of_array(source, source_offset, length)
    for j in range(length):
        to[j] += more[j]


@helper(EXACT)
def clear(values: Any, offset: int, length: int) -> None:
    """Set consecutive elements to zero."""
    zero = values.dtype.type(0)
    to = part_of_array(values, offset, length)
    for j in range(length):
        to[j] = zero


@helper(EXACT)
def clear_unless(added: float, values: Any, offset: int, length: int) -> None:
    """What nothing was added to is zero: a part without examples has sums, too."""
    if added == 0.0:
        clear(values, offset, length)


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
def begin_lines(
    lines: Any, start: int, levels: int, rows: int, examples: int,
    x: Any, x_start: int, x_step: int, features: int, ones: int,
) -> None:  # fmt: skip
    """Put x and the ones before h; examples that the last strip lacks are zeros."""
    one = x.dtype.type(1)
    for r in range(rows):
        at = start + r * levels
        copy_to(lines, at, x, x_start + r * x_step, features)
        for j in range(ones):
            part_of_array(lines, at + features + j, 1)[0] = one
    clear(lines, start + rows * levels, (examples - rows) * levels)


@helper(EXACT)
def put_states(
    lines: Any, start: int, levels: int, rows: int,
    states: Any, state: int, state_step: int, units: int,
) -> None:  # fmt: skip
    """Put h behind x and the ones."""
    for r in range(rows):
        at = start + (r + 1) * levels - units
        copy_to(lines, at, states, state + r * state_step, units)


@helper(EXACT)
def time_of(count: int, time: int, reverse: int) -> int:
    """The time of the step that comes after so many."""
    return time - 1 - count if reverse != 0 else count


# ---- compiled: long short-term memory


@helper(EXACT)
def lstm_cell(
    gates: Any, at: int, before: Any, past: int, c: Any, now: int, h: Any, units: int
) -> None:
    """Activate the gates of a row in place, then the states: c = f c + i c~, h = o tanh(c)."""
    apply_sigmoid(gates, at, 2 * units)
    apply_tanh(gates, at + 2 * units, units)
    apply_sigmoid(gates, at + 3 * units, units)
    i, f = part_of_array(gates, at, units), part_of_array(gates, at + units, units)
    candidate = part_of_array(gates, at + 2 * units, units)
    o = part_of_array(gates, at + 3 * units, units)
    held, kept = part_of_array(before, past, units), part_of_array(c, now, units)
    shown = part_of_array(h, now, units)
    for j in range(units):
        kept[j] = f[j] * held[j] + i[j] * candidate[j]
    for j in range(units):
        shown[j] = o[j] * tanh(kept[j])


@helper(EXACT)
def lstm_states(
    part: int, parts: int,
    batch: int, time: int, features: int, units: int, strips: int, examples: int,
    reverse: int, from_zero: int, saves: int, share: int, mask_step: int, mask: Any,
    x: Any, h0: Any, c0: Any, weights: Any, h: Any, c: Any, gates: Any, joined: Any, scratch: Any,
) -> None:  # fmt: skip
    """Both states of a part's examples after each step."""
    width, levels = 4 * units, features + 1 + units
    own = part_of_array(scratch, part * share, share)
    workspace = part_of_array(own, 0, SCRATCH_ELEMENTS)
    lines, z = joined, gates
    if saves == 0:
        lines = part_of_array(own, SCRATCH_ELEMENTS, examples * levels)
        z = part_of_array(own, SCRATCH_ELEMENTS + examples * levels, examples * width)
    begin, end = split(strips, parts, part, 1)
    for strip in range(begin, end):
        first = strip * examples
        rows = min(examples, batch - first)
        for count in range(time):
            t = time_of(count, time, reverse)
            then = time_of(count - 1, time, reverse)
            line = saves * (strip * time + t) * examples
            begin_lines(
                lines, line * levels, levels, rows, examples,
                x, (first * time + t) * features, time * features, features, 1,
            )  # fmt: skip
            if count == 0:
                put_states(lines, line * levels, levels, rows, h0, first * units, units, units)
            else:
                place = (first * time + then) * units
                put_states(lines, line * levels, levels, rows, h, place, time * units, units)
            tiled_gemm(
                NORMAL, NORMAL, rows, width,
                features + 1 if count == 0 and from_zero != 0 else levels,
                lines, line * levels, levels, weights, 0, width, 0.0, z, line * width, width,
                workspace,
            )  # fmt: skip
            for r in range(rows):
                now, past = ((first + r) * time + t) * units, ((first + r) * time + then) * units
                before = c
                if count == 0:
                    before, past = c0, (first + r) * units
                lstm_cell(z, (line + r) * width, before, past, c, now, h, units)
                if mask[((first + r) * time + t) * mask_step] == 0:
                    copy_to(c, now, before, past, units)
                    copy_to(h, now, lines, (line + r + 1) * levels - units, units)


@helper(EXACT)
def lstm_cell_delta(
    gates: Any, at: int, before: Any, past: int, c: Any, now: int,
    to_h: Any, to_c: Any, state: int, delta: Any, delta_at: int, shown: Any, units: int,
) -> None:  # fmt: skip
    """The deltas of a row, and what goes back in time to c by itself."""
    one = c.dtype.type(1)
    i, f = part_of_array(gates, at, units), part_of_array(gates, at + units, units)
    candidate = part_of_array(gates, at + 2 * units, units)
    o = part_of_array(gates, at + 3 * units, units)
    held, kept = part_of_array(before, past, units), part_of_array(c, now, units)
    g, e = part_of_array(to_h, state, units), part_of_array(to_c, state, units)
    of_i, of_f = (
        part_of_array(delta, delta_at, units), part_of_array(delta, delta_at + units, units)
    )  # fmt: skip
    of_candidate = part_of_array(delta, delta_at + 2 * units, units)
    of_o = part_of_array(delta, delta_at + 3 * units, units)
    for j in range(units):
        shown[j] = tanh(kept[j])
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
def lstm_gradient(
    part: int, parts: int,
    batch: int, time: int, features: int, units: int, strips: int, examples: int, steps: int,
    reverse: int, sums: int, keeps: int, ends: int, share: int, mask_step: int, mask: Any,
    has_h: int, of_h: Any, has_c: int, of_c: Any,
    back: Any, joined: Any, gates: Any, c0: Any, c: Any,
    of_weights: Any, deltas: Any, to_h0: Any, to_c0: Any, scratch: Any,
) -> None:  # fmt: skip
    """Deltas of a part's examples, the last step first, and what they make of the weights."""
    width, levels = 4 * units, features + 1 + units
    own = part_of_array(scratch, part * share, share)
    workspace = part_of_array(own, 0, SCRATCH_ELEMENTS)
    at = SCRATCH_ELEMENTS
    to_h = part_of_array(own, at, examples * units)
    to_c = part_of_array(own, at + examples * units, examples * units)
    shown = part_of_array(own, at + 2 * examples * units, units)
    delta = deltas
    if keeps == 0:
        at += (2 * examples + 1) * units
        delta = part_of_array(own, at, steps * examples * width)
    added = 0.0
    begin, end = split(strips, parts, part, 1)
    for strip in range(begin, end):
        first = strip * examples
        rows = min(examples, batch - first)
        clear(to_h, 0, rows * units)
        clear(to_c, 0, rows * units)
        for count in range(time):
            t = time_of(time - 1 - count, time, reverse)
            then = time_of(time - 2 - count, time, reverse)
            line = (strip * time + t) * examples
            block = line if keeps != 0 else t % steps * examples
            add_rows(to_h, has_h, of_h, (first * time + t) * units, time * units, rows, units)
            add_rows(to_c, has_c, of_c, (first * time + t) * units, time * units, rows, units)
            before, past, past_step = c, (first * time + then) * units, time * units
            if count + 1 == time:
                before, past, past_step = c0, first * units, units
            for r in range(rows):
                place = (first + r) * time + t
                if mask[place * mask_step] != 0:
                    lstm_cell_delta(
                        gates, (line + r) * width, before, past + r * past_step, c, place * units,
                        to_h, to_c, r * units, delta, (block + r) * width, shown, units,
                    )  # fmt: skip
                    clear(to_h, r * units, units)
                else:
                    clear(delta, (block + r) * width, width)
            clear(delta, (block + rows) * width, (examples - rows) * width)
            if count + 1 < time or ends != 0:
                tiled_gemm(
                    NORMAL, NORMAL, rows, units, width,
                    delta, block * width, width, back, 0, units, 1.0, to_h, 0, units, workspace,
                )  # fmt: skip
            low, high = complete_block(t, time, steps, reverse)
            if sums * high > 0:
                tiled_gemm(
                    TRANSPOSED, NORMAL, levels, width, (high - low) * examples,
                    joined, (strip * time + low) * examples * levels, levels,
                    delta, (block + (low - t) * examples) * width, width,
                    added, of_weights, part * levels * width, width, workspace,
                )  # fmt: skip
                added = 1.0
        if ends != 0:
            copy_to(to_h0, first * units, to_h, 0, rows * units)
            copy_to(to_c0, first * units, to_c, 0, rows * units)
    clear_unless(added, of_weights, part * levels * width, sums * levels * width)


@helper(EXACT)
def complete_block(t: int, time: int, steps: int, reverse: int) -> tuple[int, int]:
    """The block of steps that a walk back in time leaves with this one; (0, 0) within a block."""
    low = t // steps * steps
    high = min(low + steps, time)
    last = high - 1 if reverse != 0 else low
    return (low, high) if t == last else (0, 0)


@helper(EXACT)
def add_rows(
    total: Any, is_given: int, gradient: Any, start: int, step: int, rows: int, units: int
) -> None:
    """Add the gradient of the states of a step, if there is one."""
    if is_given != 0:
        for r in range(rows):
            add_to(total, r * units, gradient, start + r * step, units)


# ---- compiled: gated recurrent unit


@helper(EXACT)
def gru_cell(gates: Any, at: int, lines: Any, past: int, h: Any, now: int, units: int) -> None:
    """Activate the gates of a row in place, then the state: h = z h + (1 - z) h~."""
    apply_sigmoid(gates, at, 2 * units)
    z, r = part_of_array(gates, at, units), part_of_array(gates, at + units, units)
    candidate = part_of_array(gates, at + 2 * units, units)
    inner = part_of_array(gates, at + 3 * units, units)
    held, shown = part_of_array(lines, past, units), part_of_array(h, now, units)
    for j in range(units):
        candidate[j] = tanh(candidate[j] + r[j] * inner[j])
    for j in range(units):
        shown[j] = candidate[j] + z[j] * (held[j] - candidate[j])


@helper(EXACT)
def gru_states(
    part: int, parts: int,
    batch: int, time: int, features: int, units: int, strips: int, examples: int,
    reverse: int, from_zero: int, saves: int, share: int, mask_step: int, mask: Any,
    x: Any, h0: Any, weights: Any, h: Any, gates: Any, joined: Any, scratch: Any,
) -> None:  # fmt: skip
    """The state of a part's examples after each step."""
    width, levels, both = 4 * units, features + 2 + units, features + 1
    own = part_of_array(scratch, part * share, share)
    workspace = part_of_array(own, 0, SCRATCH_ELEMENTS)
    lines, z = joined, gates
    if saves == 0:
        lines = part_of_array(own, SCRATCH_ELEMENTS, examples * levels)
        z = part_of_array(own, SCRATCH_ELEMENTS + examples * levels, examples * width)
    begin, end = split(strips, parts, part, 1)
    for strip in range(begin, end):
        first = strip * examples
        rows = min(examples, batch - first)
        for count in range(time):
            t = time_of(count, time, reverse)
            then = time_of(count - 1, time, reverse)
            line = saves * (strip * time + t) * examples
            begin_lines(
                lines, line * levels, levels, rows, examples,
                x, (first * time + t) * features, time * features, features, 2,
            )  # fmt: skip
            if count == 0:
                put_states(lines, line * levels, levels, rows, h0, first * units, units, units)
            else:
                place = (first * time + then) * units
                put_states(lines, line * levels, levels, rows, h, place, time * units, units)
            recurrent = 0 if count == 0 and from_zero != 0 else units
            tiled_gemm(
                NORMAL, NORMAL, rows, 2 * units, both + 1 + recurrent,
                lines, line * levels, levels, weights, 0, 3 * units,
                0.0, z, line * width, width, workspace,
            )  # fmt: skip
            tiled_gemm(
                NORMAL, NORMAL, rows, units, both,
                lines, line * levels, levels, weights, 2 * units, 3 * units,
                0.0, z, line * width + 2 * units, width, workspace,
            )  # fmt: skip
            tiled_gemm(
                NORMAL, NORMAL, rows, units, 1 + recurrent,
                lines, line * levels + both, levels, weights, (3 * both + 2) * units, 3 * units,
                0.0, z, line * width + 3 * units, width, workspace,
            )  # fmt: skip
            for r in range(rows):
                now, past = ((first + r) * time + t) * units, (line + r + 1) * levels - units
                gru_cell(z, (line + r) * width, lines, past, h, now, units)
                if mask[((first + r) * time + t) * mask_step] == 0:
                    copy_to(h, now, lines, past, units)


@helper(EXACT)
def gru_cell_delta(
    gates: Any, at: int, joined: Any, past: int,
    to_h: Any, state: int, delta: Any, delta_at: int, units: int,
) -> None:  # fmt: skip
    """The deltas of a row, and what goes back in time to h by itself."""
    one = gates.dtype.type(1)
    z, r = part_of_array(gates, at, units), part_of_array(gates, at + units, units)
    candidate = part_of_array(gates, at + 2 * units, units)
    inner = part_of_array(gates, at + 3 * units, units)
    held, g = part_of_array(joined, past, units), part_of_array(to_h, state, units)
    of_z, of_r = (
        part_of_array(delta, delta_at, units), part_of_array(delta, delta_at + units, units)
    )  # fmt: skip
    of_candidate = part_of_array(delta, delta_at + 2 * units, units)
    of_inner = part_of_array(delta, delta_at + 3 * units, units)
    for j in range(units):
        of_candidate[j] = g[j] * (one - z[j]) * (one - candidate[j] * candidate[j])
    for j in range(units):
        of_z[j] = g[j] * (held[j] - candidate[j]) * z[j] * (one - z[j])
    for j in range(units):
        of_r[j] = of_candidate[j] * inner[j] * r[j] * (one - r[j])
    for j in range(units):
        of_inner[j] = of_candidate[j] * r[j]
    for j in range(units):
        g[j] *= z[j]


@helper(EXACT)
def gru_gradient(
    part: int, parts: int,
    batch: int, time: int, features: int, units: int, strips: int, examples: int, steps: int,
    reverse: int, sums: int, keeps: int, ends: int, share: int, mask_step: int, mask: Any,
    has_h: int, of_h: Any, back: Any, joined: Any, gates: Any,
    of_weights: Any, deltas: Any, to_h0: Any, scratch: Any,
) -> None:  # fmt: skip
    """Deltas of a part's examples, the last step first, and what they make of the weights."""
    width, levels = 4 * units, features + 2 + units
    own = part_of_array(scratch, part * share, share)
    workspace = part_of_array(own, 0, SCRATCH_ELEMENTS)
    at = SCRATCH_ELEMENTS
    to_h = part_of_array(own, at, examples * units)
    delta = deltas
    if keeps == 0:
        delta = part_of_array(own, at + examples * units, steps * examples * width)
    added = 0.0
    begin, end = split(strips, parts, part, 1)
    for strip in range(begin, end):
        first = strip * examples
        rows = min(examples, batch - first)
        clear(to_h, 0, rows * units)
        for count in range(time):
            t = time_of(time - 1 - count, time, reverse)
            line = (strip * time + t) * examples
            block = line if keeps != 0 else t % steps * examples
            add_rows(to_h, has_h, of_h, (first * time + t) * units, time * units, rows, units)
            for r in range(rows):
                if mask[((first + r) * time + t) * mask_step] != 0:
                    gru_cell_delta(
                        gates, (line + r) * width, joined, (line + r + 1) * levels - units,
                        to_h, r * units, delta, (block + r) * width, units,
                    )  # fmt: skip
                else:
                    clear(delta, (block + r) * width, width)
            clear(delta, (block + rows) * width, (examples - rows) * width)
            if count + 1 < time or ends != 0:
                tiled_gemm(
                    NORMAL, NORMAL, rows, units, 2 * units,
                    delta, block * width, width, back, 0, units, 1.0, to_h, 0, units, workspace,
                )  # fmt: skip
                tiled_gemm(
                    NORMAL, NORMAL, rows, units, units,
                    delta, block * width + 3 * units, width, back, 2 * units * units, units,
                    1.0, to_h, 0, units, workspace,
                )  # fmt: skip
            low, high = complete_block(t, time, steps, reverse)
            if sums * high > 0:
                add_gru_sums(
                    added, (high - low) * examples, features, units,
                    joined, (strip * time + low) * examples * levels,
                    delta, (block + (low - t) * examples) * width,
                    of_weights, part * levels * 3 * units, workspace,
                )  # fmt: skip
                added = 1.0
        if ends != 0:
            copy_to(to_h0, first * units, to_h, 0, rows * units)
    clear_unless(added, of_weights, part * levels * 3 * units, sums * levels * 3 * units)


@helper(EXACT)
def add_gru_sums(
    added: float, rows: int, features: int, units: int, joined: Any, line: int,
    delta: Any, block: int, of_weights: Any, place: int, workspace: Any,
) -> None:  # fmt: skip
    """Of z and r, all rows of the weights; of h~, those of x by one delta, of h by the other."""
    width, levels, both = 4 * units, features + 2 + units, features + 1
    tiled_gemm(
        TRANSPOSED, NORMAL, levels, 2 * units, rows, joined, line, levels, delta, block, width,
        added, of_weights, place, 3 * units, workspace,
    )  # fmt: skip
    tiled_gemm(
        TRANSPOSED, NORMAL, both, units, rows,
        joined, line, levels, delta, block + 2 * units, width,
        added, of_weights, place + 2 * units, 3 * units, workspace,
    )  # fmt: skip
    tiled_gemm(
        TRANSPOSED, NORMAL, levels - both, units, rows,
        joined, line + both, levels, delta, block + 3 * units, width,
        added, of_weights, place + (3 * both + 2) * units, 3 * units, workspace,
    )  # fmt: skip


# ---- compiled: plain recurrence


@helper(EXACT)
def simple_states(
    part: int, parts: int,
    batch: int, time: int, features: int, units: int, strips: int, examples: int,
    reverse: int, from_zero: int, saves: int, share: int, mask_step: int, mask: Any,
    x: Any, h0: Any, weights: Any, h: Any, joined: Any, scratch: Any,
) -> None:  # fmt: skip
    """The state of a part's examples after each step."""
    levels = features + 1 + units
    own = part_of_array(scratch, part * share, share)
    workspace = part_of_array(own, 0, SCRATCH_ELEMENTS)
    lines = joined
    if saves == 0:
        lines = part_of_array(own, SCRATCH_ELEMENTS, examples * levels)
    begin, end = split(strips, parts, part, 1)
    for strip in range(begin, end):
        first = strip * examples
        rows = min(examples, batch - first)
        for count in range(time):
            t = time_of(count, time, reverse)
            then = time_of(count - 1, time, reverse)
            line = saves * (strip * time + t) * examples
            begin_lines(
                lines, line * levels, levels, rows, examples,
                x, (first * time + t) * features, time * features, features, 1,
            )  # fmt: skip
            if count == 0:
                put_states(lines, line * levels, levels, rows, h0, first * units, units, units)
            else:
                place = (first * time + then) * units
                put_states(lines, line * levels, levels, rows, h, place, time * units, units)
            tiled_gemm(
                NORMAL, NORMAL, rows, units,
                features + 1 if count == 0 and from_zero != 0 else levels,
                lines, line * levels, levels, weights, 0, units,
                0.0, h, (first * time + t) * units, time * units, workspace,
            )  # fmt: skip
            for r in range(rows):
                now = ((first + r) * time + t) * units
                apply_tanh(h, now, units)
                if mask[((first + r) * time + t) * mask_step] == 0:
                    copy_to(h, now, lines, (line + r + 1) * levels - units, units)


@helper(EXACT)
def simple_cell_delta(
    h: Any, now: int, to_h: Any, state: int, delta: Any, delta_at: int, units: int
) -> None:
    """The deltas of a row."""
    one = h.dtype.type(1)
    shown, g = part_of_array(h, now, units), part_of_array(to_h, state, units)
    own = part_of_array(delta, delta_at, units)
    for j in range(units):
        own[j] = g[j] * (one - shown[j] * shown[j])
    clear(to_h, state, units)


@helper(EXACT)
def simple_gradient(
    part: int, parts: int,
    batch: int, time: int, features: int, units: int, strips: int, examples: int, steps: int,
    reverse: int, sums: int, keeps: int, ends: int, share: int, mask_step: int, mask: Any,
    has_h: int, of_h: Any, back: Any, joined: Any, h: Any,
    of_weights: Any, deltas: Any, to_h0: Any, scratch: Any,
) -> None:  # fmt: skip
    """Deltas of a part's examples, the last step first, and what they make of the weights."""
    levels = features + 1 + units
    own = part_of_array(scratch, part * share, share)
    workspace = part_of_array(own, 0, SCRATCH_ELEMENTS)
    at = SCRATCH_ELEMENTS
    to_h = part_of_array(own, at, examples * units)
    delta = deltas
    if keeps == 0:
        delta = part_of_array(own, at + examples * units, steps * examples * units)
    added = 0.0
    begin, end = split(strips, parts, part, 1)
    for strip in range(begin, end):
        first = strip * examples
        rows = min(examples, batch - first)
        clear(to_h, 0, rows * units)
        for count in range(time):
            t = time_of(time - 1 - count, time, reverse)
            line = (strip * time + t) * examples
            block = line if keeps != 0 else t % steps * examples
            add_rows(to_h, has_h, of_h, (first * time + t) * units, time * units, rows, units)
            for r in range(rows):
                now = ((first + r) * time + t) * units
                if mask[((first + r) * time + t) * mask_step] != 0:
                    simple_cell_delta(h, now, to_h, r * units, delta, (block + r) * units, units)
                else:
                    clear(delta, (block + r) * units, units)
            clear(delta, (block + rows) * units, (examples - rows) * units)
            if count + 1 < time or ends != 0:
                tiled_gemm(
                    NORMAL, NORMAL, rows, units, units,
                    delta, block * units, units, back, 0, units, 1.0, to_h, 0, units, workspace,
                )  # fmt: skip
            low, high = complete_block(t, time, steps, reverse)
            if sums * high > 0:
                tiled_gemm(
                    TRANSPOSED, NORMAL, levels, units, (high - low) * examples,
                    joined, (strip * time + low) * examples * levels, levels,
                    delta, (block + (low - t) * examples) * units, units,
                    added, of_weights, part * levels * units, units, workspace,
                )  # fmt: skip
                added = 1.0
        if ends != 0:
            copy_to(to_h0, first * units, to_h, 0, rows * units)
    clear_unless(added, of_weights, part * levels * units, sums * levels * units)


# ---- compiled: gradients of weights that are too large for sums


@helper()
def rows_product(
    part: int, parts: int,
    inner: int, a_columns: int, b_columns: int, a_begin: int, b_begin: int, m: int, n: int,
    share: int, a: Any, b: Any, y: Any, scratch: Any,
) -> None:  # fmt: skip
    """A tile of the product for each part, so many rows of A and B at a time as stay near."""
    own = part_of_array(scratch, part * share, share)
    top, bottom, left, right = tile_of_part(part, parts, m, n)
    for row in range(0, max(inner, 1), ROWS_AT_ONCE):
        tiled_gemm(
            TRANSPOSED, NORMAL, bottom - top, right - left, min(ROWS_AT_ONCE, inner - row),
            a, row * a_columns + a_begin + top, a_columns,
            b, row * b_columns + b_begin + left, b_columns,
            0.0 if row == 0 else 1.0, y, top * n + left, n, own,
        )  # fmt: skip


STATES = {"lstm": lstm_states, "gru": gru_states, "simple": simple_states}
GRADIENTS = {"lstm": lstm_gradient, "gru": gru_gradient, "simple": simple_gradient}
