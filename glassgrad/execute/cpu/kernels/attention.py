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
    fill_from,
    finite_or_zero,
    hide,
    higher,
    inner_product,
    multiply,
    scale_line,
    strip_of,
    up_to_vectors,
)
from glassgrad.execute.cpu.kernels.work import Argument, Scratch, Work, kernel_for
from glassgrad.execute.cpu.mathematics import exp, log
from glassgrad.execute.cpu.matmul import SCRATCH_ELEMENTS, copy_panel_transposed
from glassgrad.execute.cpu.panels import HAS_SMALL_KERNELS
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
    call = [
        *_sizes(query, key, value),
        int(operation.causal),
        *_mask_steps(operation, rest),
        np.array([operation.scale], query.dtype),
        *(query, key, value, _mask(operation, rest)),
        *node.outputs,
        _scratch(query.shape[-1] + TILE, value.dtype),
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
    """Each query's mean of the values; the parts share blocks of queries."""
    blocks = (queries + TILE - 1) // TILE
    shapes = (heads, key_heads, queries, keys, size, value_size, causal)
    steps = (masked, mask_batch, mask_head, mask_query, mask_key)
    given = (query, key, value, mask)
    share = scratch.size // parts
    best = part_of_array(scratch, part * share, TILE)
    sums = part_of_array(scratch, part * share + TILE, TILE)
    own = part_of_array(scratch, part * share + 2 * TILE, share - 2 * TILE)
    one = y.dtype.type(1)
    first, last, step = dealt(batch * heads * blocks, blocks, part, parts)
    for item in range(first, last, step):
        pair, top = item // blocks, item % blocks * TILE
        member, head = pair // heads, pair % heads
        rows = min(TILE, queries - top)
        for i in range(rows):
            best[i], sums[i] = y.dtype.type(-np.inf), y.dtype.type(0)
        for left in range(0, min(keys, top + rows) if causal != 0 else keys, TILE):
            attend_tile(member, head, top, left, shapes, steps, scale[0], given, y, best, sums, own)
        for i in range(rows):
            place = (member * queries + top + i) * heads + head
            mean = part_of_array(y, place * value_size, value_size)
            scale_line(mean, one / (sums[i] if sums[i] != 0 else one))
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
def attend_tile(
    member: int, head: int, top: int, left: int,
    shapes: Any, steps: Any, scale: Any, given: Any, y: Any, best: Any, sums: Any, own: Any,
) -> None:  # fmt: skip
    """Add the values of a tile of keys, weighted, to the sums of a block of queries."""
    heads, key_heads, queries, keys, size, value_size, causal = shapes
    masked, mask_batch, mask_head, mask_query, mask_key = steps
    query, key, value, mask = given
    rows = min(TILE, queries - top)
    width = min(TILE, (min(keys, top + rows) if causal != 0 else keys) - left)
    step, stride, y_stride = up_to_vectors(width), heads * size, heads * value_size
    q_start = ((member * queries + top) * heads + head) * size
    y_start = ((member * queries + top) * heads + head) * value_size
    key_place = (member * keys + left) * key_heads + head // (heads // key_heads)
    place = member * mask_batch + head * mask_head + top * mask_query + left * mask_key
    turned, scores = part_of_array(own, 0, size * TILE), part_of_array(own, size * TILE, TILE**2)
    rest = part_of_array(own, (size + TILE) * TILE, own.size - (size + TILE) * TILE)
    copy_panel_transposed(turned, key, key_place * size, key_heads * size, size, width, step)
    scale_line(part_of_array(turned, 0, size * step), scale)
    is_edge = causal != 0 and left + width > top
    strip = strip_of(is_edge)
    for row in range(0, rows, strip):
        height = min(strip, rows - row)
        seen = min(width, top + row + height - left) if is_edge else width
        whole = up_to_vectors(seen)
        multiply(
            NORMAL, height, whole, size,
            query, q_start + row * stride, stride, turned, 0, step,
            0.0, scores, row * TILE, TILE, rest,
        )  # fmt: skip
        for i in range(row, row + height):
            count = min(width, top + i + 1 - left) if is_edge else width
            line = part_of_array(scores, i * TILE, whole)
            fill_from(line, count, y.dtype.type(-np.inf))
            if masked != 0:
                hide(line, mask, place + i * mask_query, mask_key, count, y.dtype.type(-np.inf))
            factor = weigh_row(line, best, sums, i)
            if left > 0 and factor != 1:
                scale_line(part_of_array(y, y_start + i * y_stride, value_size), factor)
        multiply(
            NORMAL, height, value_size, seen,
            scores, row * TILE, TILE, value, key_place * value_size, key_heads * value_size,
            0.0 if left == 0 else 1.0, y, y_start + row * y_stride, y_stride, rest,
        )  # fmt: skip


@helper()
def weigh_row(line: Any, best: Any, sums: Any, i: int) -> Any:
    """Exponentials of scores; the factor by which what was summed up before becomes smaller."""
    before = best[i]
    peak = before
    for j in range(line.size):
        peak = higher(peak, line[j])
    shift = finite_or_zero(peak)
    total = line.dtype.type(0)
    for j in range(line.size):
        line[j] = exp(line.dtype.type(line[j] - shift))
    for j in range(line.size):
        total += line[j]
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
    first, step = part, parts
    by_query = batch * heads * row_blocks
    last = by_query + pairs * key_blocks
    if pairs % parts == 0 or pairs >= 4 * parts or row_blocks * key_blocks == 1:
        by_query, key_blocks, step = 0, 1, 1
        first, last = split(pairs, parts, part, 1)
    for item in range(first, last, step):
        member, head, heads_end, top, bottom, left, right = bounds(
            item, by_query, row_blocks, key_blocks, shapes
        )
        with_keys = item >= by_query
        with_queries = by_query == 0 or not with_keys
        for place in range(member * keys + left, member * keys + right if with_keys else 0):
            start = place * key_heads + head // (heads // key_heads)
            part_of_array(to_key, start * size, size)[:] = 0
            part_of_array(to_value, start * value_size, value_size)[:] = 0
        for one in range(head, heads_end):
            for row in range(top, bottom, TILE):
                reach = min(right, min(queries, row + TILE)) if causal != 0 else right
                for column in range(left, reach, TILE):
                    backward_of_tile(
                        member, one, row, column, with_queries, with_keys,
                        shapes, steps, scale[0], given, found, own,
                    )  # fmt: skip


@helper()
def bounds(
    item: int, by_query: int, row_blocks: int, key_blocks: int, shapes: Any
) -> tuple[int, int, int, int, int, int, int]:
    """What an item is about: an example; heads, queries and keys, each from where to where.

    The first items are blocks of queries, each with all keys; the others keys with all queries.
    """
    heads, key_heads, queries, keys, _, _, _ = shapes
    if item < by_query:
        pair, top = item // row_blocks, item % row_blocks * TILE
        head = pair % heads
        return pair // heads, head, head + 1, top, min(queries, top + TILE), 0, keys
    pair, block = (item - by_query) // key_blocks, (item - by_query) % key_blocks
    left, right = block * TILE, keys if key_blocks == 1 else min(keys, (block + 1) * TILE)
    group = heads // key_heads
    head = pair % key_heads * group
    return pair // key_heads, head, head + group, 0, queries, left, right


@helper()
def backward_of_tile(
    member: int, head: int, top: int, left: int, with_queries: bool, with_keys: bool,
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
    scale_line(part_of_array(turned_keys, 0, size * step), scale)
    copy_panel_transposed(turned_values, value, v_start, value_stride, value_size, width, step)
    for i in range(rows):
        shared[i] = inner_product(
            part_of_array(g, y_start + i * y_stride, value_size),
            part_of_array(y, y_start + i * y_stride, value_size),
        )
    logarithms = part_of_array(log_sum_exp, (member * heads + head) * queries + top, rows)
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
            find_weights(line, count, finite_or_zero(logarithms[i]))
            if masked != 0:
                hide(line, mask, place + i * mask_query, mask_key, count, line.dtype.type(0))
            slope = part_of_array(slopes, i * TILE, whole)
            find_slopes(slope, line, shared[i], scale)
            fill_from(slope, count, line.dtype.type(0))
        if with_queries:
            multiply(
                NORMAL, height, size, seen,
                slopes, row * TILE, TILE, key, k_start, key_stride,
                0.0 if left == 0 else 1.0, to_query, q_start + row * stride, stride, rest,
            )  # fmt: skip
    if with_keys:
        add_to_columns(
            rows, width, value_size, is_edge, weights, g, y_start, y_stride,
            to_value, v_start, value_stride, rest,
        )  # fmt: skip
        add_to_columns(
            rows, width, size, is_edge, slopes, query, q_start, stride,
            to_key, k_start, key_stride, rest,
        )  # fmt: skip


@helper()
def find_weights(line: Any, count: int, shift: Any) -> None:
    """Scores become weights, as many as count; the others are 0."""
    for j in range(line.size):
        line[j] = exp(line.dtype.type(line[j] - shift))
    fill_from(line, count, line.dtype.type(0))


@helper()
def find_slopes(line: Any, weights: Any, shared: Any, scale: Any) -> None:
    """The gradients of weights become those of products, before they were scaled."""
    for j in range(line.size):
        line[j] = weights[j] * (line[j] - shared) * scale
