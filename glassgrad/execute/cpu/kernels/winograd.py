"""Convolution of three by three places with a quarter of the multiplications.

Tiles of four by four results, which overlapping tiles of six by six elements of the input make,
are computed together. With d such a tile of the input, g the kernel and m = (G g Gᵀ) ∘ (Bᵀ d B),
the tile of results is y = Aᵀ m A: 36 multiplications for 144. For many channels and filters, each
of the 36 places of m is a product of matrices (tiles, channels) (channels, filters).

The gradient of the kernel runs the same way back: from y to A y Aᵀ, whose product with Bᵀ d B over
all tiles is that of G g Gᵀ. The gradient of the input is a convolution with the kernel turned.

All matrices follow from the points 0, 1, -1, 2, -2 and infinity. Rounding errors are some times
those of the plain sum. Source: Lavin, Gray, "Fast algorithms for convolutional neural networks",
2015, with F(4x4, 3x3).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from glassgrad.execute.cpu.blas import NORMAL, TRANSPOSED
from glassgrad.execute.cpu.compiler import helper
from glassgrad.execute.cpu.kernels.work import Rows, Scratch, Work, kernel_for, rows_for
from glassgrad.execute.cpu.linear_maps import apply_with
from glassgrad.execute.cpu.lowered import (
    WinogradConvolution,
    WinogradKernel,
    WinogradKernelSums,
    WinogradWeights,
)
from glassgrad.execute.cpu.matmul import SCRATCH_ELEMENTS, tiled_gemm
from glassgrad.execute.cpu.registers import HOST
from glassgrad.execute.cpu.views import part_of_array, split
from glassgrad.graph import Node, Tensor
from glassgrad.graph.operation import Array

__all__ = [
    "BACK",
    "INPUT",
    "KERNEL",
    "KERNEL_BACK",
    "OUTPUT",
    "correlate_tiles",
    "make_tiles",
    "make_weights",
    "weights_to_kernel",
]

RESULTS, SEEN, PLACES = 4, 6, 3
UNPOOLS = 11  # the word that says whether what comes back went through a max pooling
POINTS = SEEN * SEEN

# Four of the six points are two pairs of opposites: for these, what is even and what is odd in
# the point are summed apart, and then added and subtracted. The other two go through.
PAIRS = (
    (1, 0, 0, 0, 0, 0),
    (0, 1, 1, 0, 0, 0),
    (0, 1, -1, 0, 0, 0),
    (0, 0, 0, 1, 1, 0),
    (0, 0, 0, 1, -1, 0),
    (0, 0, 0, 0, 0, 1),
)  # fmt: skip

INPUT = (
    (
        (4, 0, -5, 0, 1, 0),
        (0, 0, -4, 0, 1, 0),
        (0, -4, 0, 1, 0, 0),
        (0, 0, -1, 0, 1, 0),
        (0, -2, 0, 2, 0, 0),
        (0, 4, 0, -5, 0, 1),
    ),
    PAIRS,
)
KERNEL = (
    (
        (1 / 4, 0, 0),
        (-1 / 6, 0, -1 / 6),
        (0, -1 / 6, 0),
        (1 / 24, 0, 1 / 6),
        (0, 1 / 12, 0),
        (0, 0, 1),
    ),
    PAIRS,
)
BACK = (
    (
        (1, 0, 0, 0),
        (1, 0, 1, 0),
        (0, 1, 0, 1),
        (1, 0, 4, 0),
        (0, 2, 0, 8),
        (0, 0, 0, 1),
    ),
    PAIRS,
)
OUTPUT = (PAIRS, tuple(zip(*BACK[0], strict=True)))
KERNEL_BACK = (PAIRS, tuple(zip(*KERNEL[0], strict=True)))

map_input = apply_with(HOST, *INPUT)
map_kernel = apply_with(HOST, *KERNEL)
map_back = apply_with(HOST, *BACK)
map_output = apply_with(HOST, *OUTPUT)
map_kernel_back = apply_with(HOST, *KERNEL_BACK)

CACHE_ELEMENTS = 192 * 1024
"""Of a piece's tiles in all their forms: three quarters of a second cache of 1 MiB."""

FEWEST_TILES = 48
"""Of a piece: below, products would be too small, and weights would be read too often."""


def lines_at_once(across: int, down: int, channels: int, filters: int) -> int:
    """How many rows of tiles make a piece; rather whole images, where they are small."""
    each = POINTS * (channels + filters) + RESULTS * RESULTS * filters
    tiles = max(FEWEST_TILES, CACHE_ELEMENTS // each)
    lines = max(1, tiles // across)
    return lines // down * down if lines >= down else -(-down // -(-down // lines))


def sizes_of(
    space: tuple[int, ...], count: tuple[int, ...], padding: Any, channels: int, filters: int
) -> tuple[int, ...]:
    """The integers that lead the kernels."""
    (height, width), (out_height, out_width) = space, count
    down, across = -(-out_height // RESULTS), -(-out_width // RESULTS)
    lines = lines_at_once(across, down, channels, filters)
    return (
        height, width, out_height, out_width, -padding[0][0], -padding[1][0], channels, filters,
        down, across, lines,
    )  # fmt: skip


@rows_for(WinogradConvolution)
def _convolution(node: Node) -> Rows:
    (x, weights, *places), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, WinogradConvolution)
    channels, filters = weights.shape[1:]
    space, count = operation.unpooled or x.shape[1:3], y.shape[1:3]
    sizes = sizes_of(space, count, operation.padding, channels, filters)
    down, across, lines = sizes[-3:]
    scratch = (
        Scratch(POINTS * lines * across * channels, "float32"),
        Scratch(POINTS * lines * across * filters, "float32"),
        Scratch(stripe_elements(space[1], across, channels, filters), "float32"),
        Scratch(SCRATCH_ELEMENTS, "float32"),
    )
    words = np.array([*sizes, int(bool(places))], np.int64)
    arguments = (words, x, _places_or_none(places), weights, *scratch)
    if lines >= down:
        return Rows(make_tiles, arguments, lines // down * prod(count))  # whole images
    return Rows(make_tiles, arguments, lines * RESULTS * count[1], block=prod(count))


def _places_or_none(places: Sequence[Tensor]) -> Tensor | Array:
    """The places of a max pooling, or something in their stead that nobody reads."""
    return places[0] if places else np.zeros(1, np.uint8)


def stripe_elements(width: int, across: int, channels: int, filters: int) -> int:
    """Memory for the lines that a row of tiles sees, before and after their first transform."""
    most = max(channels, filters)
    return 2 * SEEN * max(width, SEEN + RESULTS * across) * most


@kernel_for(WinogradKernelSums)
def _kernel_sums(node: Node) -> Work:
    (x, g, *places), (sums,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, WinogradKernelSums)
    channels, filters = sums.shape[2:]
    count = operation.unpooled or g.shape[1:3]
    sizes = sizes_of(x.shape[1:3], count, operation.padding, channels, filters)
    across, lines = sizes[-2:]
    scratch = (
        Scratch(POINTS * lines * across * channels, "float32"),
        Scratch(POINTS * lines * across * filters, "float32"),
        Scratch(stripe_elements(max(x.shape[2], count[1]), across, channels, filters), "float32"),
        Scratch(SCRATCH_ELEMENTS, "float32"),
    )
    words = np.array([*sizes, int(bool(places))], np.int64)
    given = g, _places_or_none(places)
    return Work(correlate_tiles, [(operation.pieces, x.shape[0], words, x, *given, sums, *scratch)])


@kernel_for(WinogradWeights)
def _weights(node: Node) -> Work:
    (kernel,), (weights,) = node.inputs, node.outputs
    size = prod(kernel.shape[2:])
    return Work(make_weights, [(size, kernel, weights, Scratch(SEEN * PLACES * size, "float32"))])


@kernel_for(WinogradKernel)
def _kernel(node: Node) -> Work:
    (weights,), (kernel,) = node.inputs, node.outputs
    size = prod(kernel.shape[2:])
    scratch = Scratch(SEEN * PLACES * size, "float32")
    return Work(weights_to_kernel, [(size, weights, kernel, scratch)])


# ---- compiled


@helper()
def make_weights(part: int, parts: int, size: int, kernel: Any, weights: Any, scratch: Any) -> None:
    """From (3, 3, size) to (6, 6, size): G g Gᵀ."""
    begin, end = split(size, parts, part, 16)
    own, length = part * SEEN * PLACES * size, end - begin
    for q in range(PLACES):
        map_kernel(
            kernel, q * size + begin, PLACES * size,
            scratch, own + q * length, PLACES * length, length,
        )  # fmt: skip
    for r in range(SEEN):
        map_kernel(
            scratch, own + r * PLACES * length, length,
            weights, r * SEEN * size + begin, size, length,
        )  # fmt: skip


@helper()
def weights_to_kernel(
    part: int, parts: int, size: int, weights: Any, kernel: Any, scratch: Any
) -> None:
    """From (6, 6, size) to (3, 3, size): Gᵀ u G."""
    begin, end = split(size, parts, part, 16)
    own, length = part * SEEN * PLACES * size, end - begin
    for q in range(SEEN):
        map_kernel_back(
            weights, q * size + begin, SEEN * size,
            scratch, own + q * length, SEEN * length, length,
        )  # fmt: skip
    for r in range(PLACES):
        map_kernel_back(
            scratch, own + r * SEEN * length, length,
            kernel, r * PLACES * size + begin, size, length,
        )  # fmt: skip


@helper()
def make_tiles(
    first: int, last: int, y: Any, words: Any, x: Any, places: Any, weights: Any,
    seen: Any, made: Any, stripe: Any, scratch: Any,
) -> None:  # fmt: skip
    """The results first to last, which are whole rows of tiles, a row of filters for each."""
    height, width, out_height, out_width = words[0], words[1], words[2], words[3]
    channels, filters, down, across = words[6], words[7], words[8], words[9]
    first_line, last_line = first // out_width, (last + out_width - 1) // out_width
    begin = first_line // out_height * down + first_line % out_height // RESULTS
    end = (last_line - 1) // out_height * down + (last_line - 1) % out_height // RESULTS + 1
    tiles = (end - begin) * across
    clear_margins(words[5], width, channels, SEEN + RESULTS * (across - 1), stripe)
    for line in range(begin, end):
        see_tiles(
            SEEN, line // down, line % down * RESULTS + words[4], words[5],
            height, width, channels, across, tiles, (line - begin) * across,
            words[UNPOOLS], x, places, seen, stripe,
        )  # fmt: skip
    for point in range(POINTS):
        tiled_gemm(
            NORMAL, NORMAL, tiles, filters, channels,
            seen, point * tiles * channels, channels,
            weights, point * channels * filters, filters,
            0.0, made, point * tiles * filters, filters, scratch,
        )  # fmt: skip
    for line in range(begin, end):
        at = line // down * out_height + line % down * RESULTS
        lines = min(RESULTS, out_height - line % down * RESULTS)
        put_tiles(
            lines, out_width, filters, across, tiles, (line - begin) * across,
            made, y, (at - first_line) * out_width * filters, stripe,
        )  # fmt: skip


@helper()
def clear_margins(shift: int, width: int, channels: int, lengths: int, stripe: Any) -> None:
    """Zeros left and right of the lines in the second half of the stripe."""
    second = stripe.size // 2
    for line in range(SEEN):
        start = second + line * lengths * channels
        for i in range(-shift * channels):
            stripe[start + i] = 0
        for i in range((width - shift) * channels, lengths * channels):
            stripe[start + i] = 0


@helper()
def see_tiles(
    size: int, member: int, top: int, left: int, height: int, width: int, channels: int,
    across: int, tiles: int, first: int, unpools: int,
    x: Any, places: Any, seen: Any, stripe: Any,
) -> None:  # fmt: skip
    """Transform a row of tiles of the input (a size of 6) or of what comes back to it (4).

    The lines first, all tiles at once; then each tile along its lines.
    """
    second = stripe.size // 2
    length = (size + RESULTS * (across - 1)) * channels
    target = second - left * channels
    run = min(width, length // channels + left)
    if unpools == 0 and top >= 0 and top + size <= height:
        source = (member * height + top) * width * channels
        map_lines(size, x, source, width * channels, stripe, target, length, run * channels)
    else:
        for line in range(size):
            own = part_of_array(stripe, line * run * channels, run * channels)
            if top + line < 0 or top + line >= height:
                for i in range(own.size):
                    own[i] = 0
            elif unpools != 0:
                unpool_line(member, top + line, height, width, channels, x, places, own)
            else:
                start = (member * height + top + line) * width * channels
                values = part_of_array(x, start, run * channels)
                for i in range(own.size):
                    own[i] = values[i]
        map_lines(size, stripe, 0, run * channels, stripe, target, length, run * channels)
    for line in range(SEEN):
        for tile in range(across):
            map_lines(
                size, stripe, second + line * length + tile * RESULTS * channels, channels,
                seen, (line * SEEN * tiles + first + tile) * channels, tiles * channels, channels,
            )  # fmt: skip


@helper()
def unpool_line(
    member: int, line: int, height: int, width: int, channels: int, x: Any, places: Any, own: Any
) -> None:
    """A line of what a max pooling of two by two gives back: each number at its place."""
    across = width // 2
    first = (member * (height // 2) + line // 2) * across
    is_seen = line < height // 2 * 2  # the last line of an odd number belongs to no window
    for i in range(own.size // channels):
        target = part_of_array(own, i * channels, channels)
        if not is_seen or i // 2 >= across:
            for c in range(channels):
                target[c] = 0
        else:
            number = line % 2 * 2 + i % 2
            given = part_of_array(x, (first + i // 2) * channels, channels)
            chosen = part_of_array(places, (first + i // 2) * channels, channels)
            for c in range(channels):
                target[c] = given[c] if chosen[c] == number else np.float32(0)


@helper()
def map_lines(
    size: int, source: Any, source_offset: int, source_step: int,
    target: Any, target_offset: int, target_step: int, length: int,
) -> None:  # fmt: skip
    """One dimension of Bᵀ d B, or of A y Aᵀ."""
    if size == SEEN:
        map_input(source, source_offset, source_step, target, target_offset, target_step, length)
    else:
        map_back(source, source_offset, source_step, target, target_offset, target_step, length)


@helper()
def put_tiles(
    lines: int, out_width: int, filters: int, across: int, tiles: int, first: int,
    made: Any, y: Any, start: int, stripe: Any,
) -> None:  # fmt: skip
    """Transform a row of tiles back, and put what lies within the result there: Aᵀ m A."""
    run = across * filters
    for point in range(SEEN):
        map_output(
            made, (point * tiles + first) * filters, SEEN * tiles * filters,
            stripe, point * run, SEEN * run, run,
        )  # fmt: skip
    whole = out_width // RESULTS
    rest = RESULTS * SEEN * run
    for line in range(lines):
        at = start + line * out_width * filters
        for tile in range(whole):
            map_output(
                stripe, line * SEEN * run + tile * filters, run,
                y, at + tile * RESULTS * filters, filters, filters,
            )  # fmt: skip
        if whole < across:
            map_output(
                stripe, line * SEEN * run + whole * filters, run, stripe, rest, filters, filters
            )
            own = (out_width - whole * RESULTS) * filters
            target = part_of_array(y, at + whole * RESULTS * filters, own)
            values = part_of_array(stripe, rest, own)
            for i in range(own):
                target[i] = values[i]


@helper()
def correlate_tiles(
    part: int, parts: int, pieces: int, batch: int, words: Any,
    x: Any, g: Any, places: Any, sums: Any,
    seen_by_all: Any, made_by_all: Any, stripes: Any, scratch: Any,
) -> None:  # fmt: skip
    """Bᵀ d B times A y Aᵀ, summed over the tiles of each piece of all rows of tiles."""
    height, width, out_height, out_width = words[0], words[1], words[2], words[3]
    channels, filters, down, across = words[6], words[7], words[8], words[9]
    shares = (
        seen_by_all.size // parts, made_by_all.size // parts,
        stripes.size // parts, scratch.size // parts,
    )  # fmt: skip
    seen = part_of_array(seen_by_all, part * shares[0], shares[0])
    made = part_of_array(made_by_all, part * shares[1], shares[1])
    stripe = part_of_array(stripes, part * shares[2], shares[2])
    free = part_of_array(scratch, part * shares[3], shares[3])
    for piece in range(part, pieces, parts):
        target = piece * POINTS * channels * filters
        result = part_of_array(sums, target, POINTS * channels * filters)
        for i in range(result.size):
            result[i] = 0
        first, last = split(batch * down, pieces, piece, 1)
        for begin in range(first, last, words[10]):
            end = min(begin + words[10], last)
            tiles = (end - begin) * across
            clear_margins(words[5], width, channels, SEEN + RESULTS * (across - 1), stripe)
            for line in range(begin, end):
                see_tiles(
                    SEEN, line // down, line % down * RESULTS + words[4], words[5],
                    height, width, channels, across, tiles, (line - begin) * across,
                    0, x, places, seen, stripe,
                )  # fmt: skip
            clear_margins(0, out_width, filters, RESULTS * across, stripe)
            for line in range(begin, end):
                see_tiles(
                    RESULTS, line // down, line % down * RESULTS, 0,
                    out_height, out_width, filters, across, tiles, (line - begin) * across,
                    words[UNPOOLS], g, places, made, stripe,
                )  # fmt: skip
            for point in range(POINTS):
                tiled_gemm(
                    TRANSPOSED, NORMAL, channels, filters, tiles,
                    seen, point * tiles * channels, channels,
                    made, point * tiles * filters, filters,
                    1.0, sums, target + point * channels * filters, filters, free,
                )  # fmt: skip
