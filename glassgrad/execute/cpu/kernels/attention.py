"""Attention without its matrix of weights: a tile of them at a time, in the nearest caches.

A tile has at most `TILE` queries and as many keys. Of the weights of a row, the largest score so
far and the sum of the exponentials are kept; where a later tile has a larger score, what was
summed up is made smaller (the running softmax of Milakov and Gimelshein, 2018, with which Dao et
al. built "FlashAttention", 2022). The backward pass finds the weights of a tile again from the
logarithms of those sums. What no query of a tile sees, because it comes later, is not computed:
on the diagonal the rows are taken in strips.

Which part computes what does not change in which order anything is added: the bits are the same
however the work is divided.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from glassgrad.execute.cpu.blas import NORMAL
from glassgrad.execute.cpu.compiler import helper
from glassgrad.execute.cpu.kernels.attention_tiles import (
    TILE,
    add_to_columns,
    finite_or_zero,
    hide,
    multiply,
    strip_of,
    up_to_vectors,
)
from glassgrad.execute.cpu.kernels.work import Argument, Scratch, Work, kernel_for
from glassgrad.execute.cpu.mathematics import exp, log
from glassgrad.execute.cpu.matmul import SCRATCH_ELEMENTS, copy_panel_transposed
from glassgrad.execute.cpu.panels import HAS_SMALL_KERNELS
from glassgrad.execute.cpu.scalars import largest, plus
from glassgrad.execute.cpu.views import part_of_array, split
from glassgrad.graph import Node, Tensor
from glassgrad.graph.operation import Array
from glassgrad.ops.attention import Attention, AttentionGradient, OverKeys

__all__ = ["attend", "attend_backward"]

NOBODY = np.zeros(1, np.bool_)
"""In the place of a mask where there is none."""


@kernel_for(Attention)
def _attention(node: Node) -> Work | None:
    query, key, value, *rest = node.inputs
    operation = node.operation
    assert isinstance(operation, OverKeys)
    if operation.rate:
        return None
    size, value_size = query.shape[-1], value.shape[-1]
    call = [
        *_sizes(query, key, value),
        int(operation.causal),
        *_mask_steps(operation, rest),
        np.array([operation.scale], query.dtype),
        *(query, key, value, _mask(operation, rest)),
        *node.outputs,
        _scratch(size + TILE, value.dtype),
    ]
    return Work(attend, [call])


@kernel_for(AttentionGradient)
def _attention_gradient(node: Node) -> Work | None:
    g, query, key, value, y, log_sum_exp, *rest = node.inputs
    operation = node.operation
    assert isinstance(operation, OverKeys)
    if operation.rate:
        return None
    size, value_size = query.shape[-1], value.shape[-1]
    call = [
        *_sizes(query, key, value),
        int(operation.causal),
        *_mask_steps(operation, rest),
        np.array([operation.scale], query.dtype),
        *(g, query, key, value, _mask(operation, rest), y, log_sum_exp),
        *node.outputs,
        _scratch(size + value_size + 2 * TILE, value.dtype),
    ]
    return Work(attend_backward, [call])


def _sizes(query: Tensor, key: Tensor, value: Tensor) -> tuple[int, ...]:
    batch, queries, heads, size = query.shape
    _, keys, key_heads, value_size = value.shape
    return batch, heads, key_heads, queries, keys, size, value_size


def _mask(operation: OverKeys, rest: list[Tensor]) -> Tensor | Array:
    return rest[0] if operation.masked else NOBODY


def _mask_steps(operation: OverKeys, rest: list[Tensor]) -> list[Argument]:
    """Whether there is a mask, and how far its next element lies along each axis."""
    if not operation.masked:
        return [0] * 5
    shape = rest[0].shape
    return [1, *(prod(shape[n + 1 :]) if shape[n] > 1 else 0 for n in range(4))]


def _scratch(rows: int, dtype: np.dtype[Any]) -> Scratch:
    """Rows of a tile's width, two more for its sums, and what a product may want."""
    own = 0 if HAS_SMALL_KERNELS else SCRATCH_ELEMENTS
    return Scratch((rows + 2) * TILE + own, str(dtype))


# ---- compiled


@helper()
def attend(
    part: int, parts: int,
    batch: int, heads: int, key_heads: int, queries: int, keys: int, size: int, value_size: int,
    causal: int,
    masked: int, mask_batch: int, mask_head: int, mask_query: int, mask_key: int,
    scale: Any, query: Any, key: Any, value: Any, mask: Any, y: Any, log_sum_exp: Any,
    scratch: Any,
) -> None:  # fmt: skip
    """Each query's mean of the values; the parts share tiles of queries."""
    share = scratch.size // parts
    turned = part_of_array(scratch, part * share, size * TILE)
    scores = part_of_array(scratch, part * share + size * TILE, TILE * TILE)
    ends = part * share + (size + TILE) * TILE
    best, sums = part_of_array(scratch, ends, TILE), part_of_array(scratch, ends + TILE, TILE)
    own = part_of_array(scratch, ends + 2 * TILE, share - (size + TILE + 2) * TILE)
    blocks = (queries + TILE - 1) // TILE
    first, last, step = dealt(batch * heads * blocks, blocks, part, parts)
    stride, key_stride = heads * size, key_heads * size
    y_stride, value_stride = heads * value_size, key_heads * value_size
    for item in range(first, last, step):
        pair, top = item // blocks, item % blocks * TILE
        member, head = pair // heads, pair % heads
        key_head = head // (heads // key_heads)
        rows = min(TILE, queries - top)
        reach = min(keys, top + rows) if causal != 0 else keys
        q_start = ((member * queries + top) * heads + head) * size
        y_start = ((member * queries + top) * heads + head) * value_size
        for i in range(TILE):
            best[i], sums[i] = scores.dtype.type(-np.inf), scores.dtype.type(0)
        for left in range(0, reach, TILE):
            width = min(TILE, reach - left)
            step_of_keys = up_to_vectors(width)
            k_start = ((member * keys + left) * key_heads + key_head) * size
            v_start = ((member * keys + left) * key_heads + key_head) * value_size
            copy_panel_transposed(turned, key, k_start, key_stride, size, width, step_of_keys)
            is_edge = causal != 0 and left + width > top
            strip = strip_of(is_edge)
            for row in range(0, rows, strip):
                height = min(strip, rows - row)
                seen = min(width, top + row + height - left) if is_edge else width
                whole = up_to_vectors(seen)
                multiply(
                    NORMAL, height, whole, size,
                    query, q_start + row * stride, stride, turned, 0, step_of_keys,
                    0.0, scores, row * TILE, TILE, own,
                )  # fmt: skip
                for i in range(row, row + height):
                    count = min(width, top + i + 1 - left) if is_edge else width
                    line = part_of_array(scores, i * TILE, whole)
                    scale_row(line, count, scale[0])
                    if masked != 0:
                        place = member * mask_batch + head * mask_head
                        place += (top + i) * mask_query + left * mask_key
                        hide(line, mask, place, mask_key, count, scores.dtype.type(-np.inf))
                    factor = weigh_row(line, best, sums, i)
                    if left > 0 and factor != 1:
                        mean = part_of_array(y, y_start + i * y_stride, value_size)
                        for j in range(value_size):
                            mean[j] *= factor
                multiply(
                    NORMAL, height, value_size, seen,
                    scores, row * TILE, TILE, value, v_start, value_stride,
                    0.0 if left == 0 else 1.0, y, y_start + row * y_stride, y_stride, own,
                )  # fmt: skip
        for i in range(rows):
            mean = part_of_array(y, y_start + i * y_stride, value_size)
            share_of_one = sums.dtype.type(1) / (sums[i] if sums[i] != 0 else sums.dtype.type(1))
            for j in range(value_size):
                mean[j] *= share_of_one
        logarithms = part_of_array(log_sum_exp, pair * queries + top, rows)
        for i in range(rows):
            logarithms[i] = log(sums[i]) + finite_or_zero(best[i])


@helper()
def dealt(items: int, blocks: int, part: int, parts: int) -> tuple[int, int, int]:
    """This part's items, as a range.

    Neighbours lie in the same caches; but later queries see more keys than earlier ones, and
    where a head has several blocks of them they are dealt out one by one.
    """
    if blocks == 1:
        begin, end = split(items, parts, part, 1)
        return begin, end, 1
    return part, items, parts


@helper()
def scale_row(line: Any, count: int, scale: Any) -> None:
    """Scale a row of scores; minus infinity after so many of them."""
    for j in range(line.size):
        line[j] *= scale
    for j in range(count, line.size):
        line[j] = line.dtype.type(-np.inf)


@helper()
def weigh_row(line: Any, best: Any, sums: Any, i: int) -> Any:
    """Exponentials of scores; the factor by which what was summed up before becomes smaller."""
    before = best[i]
    peak = before
    for j in range(line.size):
        peak = largest(peak, line[j])
    shift = finite_or_zero(peak)
    total = line.dtype.type(0)
    for j in range(line.size):
        power = exp(line.dtype.type(line[j] - shift))
        line[j] = power
        total = plus(total, power)
    factor = line.dtype.type(1)
    if peak != before:
        is_first = before == line.dtype.type(-np.inf)
        factor = line.dtype.type(0) if is_first else exp(line.dtype.type(before - shift))
    best[i] = peak
    sums[i] = sums[i] * factor + total
    return factor


@helper()
def attend_backward(
    part: int, parts: int,
    batch: int, heads: int, key_heads: int, queries: int, keys: int, size: int, value_size: int,
    causal: int,
    masked: int, mask_batch: int, mask_head: int, mask_query: int, mask_key: int,
    scale: Any, g: Any, query: Any, key: Any, value: Any, mask: Any, y: Any, log_sum_exp: Any,
    to_query: Any, to_key: Any, to_value: Any, scratch: Any,
) -> None:  # fmt: skip
    """The gradients of queries, keys and values.

    Each part has key heads of its own, with all queries that meet them. Where these are too few
    for all parts, the gradients of blocks of queries and those of blocks of keys are found by
    themselves, and the weights of a tile twice.
    """
    pairs = batch * key_heads
    row_blocks, key_blocks = (queries + TILE - 1) // TILE, (keys + TILE - 1) // TILE
    shapes = (heads, key_heads, queries, keys, size, value_size, causal)
    steps = (masked, mask_batch, mask_head, mask_query, mask_key)
    given = (g, query, key, value, mask, y, log_sum_exp)
    found = (to_query, to_key, to_value)
    share = scratch.size // parts
    own = part_of_array(scratch, part * share, share)
    if pairs % parts == 0 or pairs >= 4 * parts or row_blocks * key_blocks == 1:
        begin, end = split(pairs, parts, part, 1)
        for pair in range(begin, end):
            backward_of_keys(pair, 0, keys, 1, shapes, steps, scale[0], given, found, own)
        return
    by_query = batch * heads * row_blocks
    for item in range(part, by_query + pairs * key_blocks, parts):
        if item < by_query:
            pair, top = item // row_blocks, item % row_blocks * TILE
            backward_of_queries(pair, top, shapes, steps, scale[0], given, found, own)
        else:
            pair, left = (item - by_query) // key_blocks, (item - by_query) % key_blocks * TILE
            right = min(keys, left + TILE)
            backward_of_keys(pair, left, right, 0, shapes, steps, scale[0], given, found, own)


@helper()
def backward_of_queries(
    pair: int, top: int, shapes: Any, steps: Any, scale: Any, given: Any, found: Any, own: Any
) -> None:
    """The gradients of a block of queries."""
    heads, key_heads, queries, keys, _, _, causal = shapes
    reach = min(keys, min(queries, top + TILE)) if causal != 0 else keys
    for left in range(0, reach, TILE):
        backward_of_tile(
            pair // heads, pair % heads, top, left, 1, 0, shapes, steps, scale, given, found, own
        )


@helper()
def backward_of_keys(
    pair: int, begin: int, end: int, with_queries: int,
    shapes: Any, steps: Any, scale: Any, given: Any, found: Any, own: Any,
) -> None:  # fmt: skip
    """The gradients of some keys of a head and of their values, and perhaps of all queries."""
    heads, key_heads, queries, keys, size, value_size, causal = shapes
    member, key_head = pair // key_heads, pair % key_heads
    _, to_key, to_value = found
    for place in range(member * keys + begin, member * keys + end):
        part_of_array(to_key, (place * key_heads + key_head) * size, size)[:] = 0
        part_of_array(to_value, (place * key_heads + key_head) * value_size, value_size)[:] = 0
    group = heads // key_heads
    for head in range(key_head * group, (key_head + 1) * group):
        for top in range(0, queries, TILE):
            reach = min(end, min(queries, top + TILE)) if causal != 0 else end
            for left in range(begin, reach, TILE):
                backward_of_tile(
                    member, head, top, left, with_queries, 1,
                    shapes, steps, scale, given, found, own,
                )  # fmt: skip


@helper()
def backward_of_tile(
    member: int, head: int, top: int, left: int, with_queries: int, with_keys: int,
    shapes: Any, steps: Any, scale: Any, given: Any, found: Any, own: Any,
) -> None:  # fmt: skip
    """What a tile of queries and keys adds to the gradients of both."""
    heads, key_heads, queries, keys, size, value_size, causal = shapes
    masked, mask_batch, mask_head, mask_query, mask_key = steps
    g, query, key, value, mask, y, log_sum_exp = given
    to_query, to_key, to_value = found
    key_head = head // (heads // key_heads)
    rows = min(TILE, queries - top)
    reach = min(keys, top + rows) if causal != 0 else keys
    width = min(TILE, reach - left)
    step = up_to_vectors(width)
    stride, key_stride = heads * size, key_heads * size
    y_stride, value_stride = heads * value_size, key_heads * value_size
    row_start = (member * queries + top) * heads + head
    key_start = (member * keys + left) * key_heads + key_head
    q_start, y_start = row_start * size, row_start * value_size
    k_start, v_start = key_start * size, key_start * value_size
    place = member * mask_batch + head * mask_head + top * mask_query + left * mask_key

    turned_keys = part_of_array(own, 0, size * TILE)
    turned_values = part_of_array(own, size * TILE, value_size * TILE)
    tiles = (size + value_size) * TILE
    weights = part_of_array(own, tiles, TILE * TILE)
    slopes = part_of_array(own, tiles + TILE * TILE, TILE * TILE)
    ends = tiles + 2 * TILE * TILE
    shared = part_of_array(own, ends, TILE)
    rest = part_of_array(own, ends + 2 * TILE, own.size - ends - 2 * TILE)
    copy_panel_transposed(turned_keys, key, k_start, key_stride, size, width, step)
    copy_panel_transposed(turned_values, value, v_start, value_stride, value_size, width, step)
    for i in range(rows):
        shared[i] = inner_product(
            part_of_array(g, y_start + i * y_stride, value_size),
            part_of_array(y, y_start + i * y_stride, value_size),
        )
    logarithms = part_of_array(
        log_sum_exp, (member * heads + head) * queries + top, rows
    )
    is_edge = causal != 0 and left + width > top
    strip = strip_of(is_edge)
    for row in range(0, rows, strip):
        height = min(strip, rows - row)
        seen = min(width, top + row + height - left) if is_edge else width
        whole = up_to_vectors(seen)
        multiply(
            NORMAL, height, whole, size,
            query, q_start + row * stride, stride, turned_keys, 0, step,
            0.0, weights, row * TILE, TILE, rest,
        )  # fmt: skip
        multiply(
            NORMAL, height, whole, value_size,
            g, y_start + row * y_stride, y_stride, turned_values, 0, step,
            0.0, slopes, row * TILE, TILE, rest,
        )  # fmt: skip
        for i in range(row, row + height):
            count = min(width, top + i + 1 - left) if is_edge else width
            line = part_of_array(weights, i * TILE, whole)
            find_weights(line, count, scale, finite_or_zero(logarithms[i]))
            if masked != 0:
                hide(line, mask, place + i * mask_query, mask_key, count, line.dtype.type(0))
            slope = part_of_array(slopes, i * TILE, whole)
            for j in range(whole):
                slope[j] = line[j] * (slope[j] - shared[i]) * scale
            for j in range(count, whole):
                slope[j] = line.dtype.type(0)
        if with_queries != 0:
            multiply(
                NORMAL, height, size, seen,
                slopes, row * TILE, TILE, key, k_start, key_stride,
                0.0 if left == 0 else 1.0, to_query, q_start + row * stride, stride, rest,
            )  # fmt: skip
    if with_keys != 0:
        add_to_columns(
            rows, width, value_size, is_edge, weights, g, y_start, y_stride,
            to_value, v_start, value_stride, rest,
        )  # fmt: skip
        add_to_columns(
            rows, width, size, is_edge, slopes, query, q_start, stride,
            to_key, k_start, key_stride, rest,
        )  # fmt: skip


@helper()
def find_weights(line: Any, count: int, scale: Any, shift: Any) -> None:
    """Scores become weights, as many as count; the others are 0."""
    for j in range(line.size):
        line[j] = exp(line.dtype.type(line[j] * scale - shift))
    for j in range(count, line.size):
        line[j] = line.dtype.type(0)


@helper()
def inner_product(a: Any, b: Any) -> Any:
    """Sum of products."""
    total = a.dtype.type(0)
    for j in range(a.size):
        total += a[j] * b[j]
    return total
