"""Convolution by matrix products, and its gradients; for any strides, dilation and groups.

Forward, the windows' patches are copied side by side, a few hundred at a time, and multiplied by
the kernel while they are in cache. Back to the kernel, they are multiplied by what comes back.
Back to the input nothing has to be copied: for each line and each place of a window there is a
product of what comes back, as it lies, with the weights of that place, added where it belongs.
"""

from __future__ import annotations

from math import prod
from typing import Any

from glassgrad.execute.cpu.blas import NORMAL, TRANSPOSED
from glassgrad.execute.cpu.compiler import helper
from glassgrad.execute.cpu.kernels.depthwise import (
    convolve_by_channels,
    correlate_by_channels,
    spread_by_channels,
)
from glassgrad.execute.cpu.kernels.patches import gather_columns, gather_rows, scatter_rows
from glassgrad.execute.cpu.kernels.sliding import (
    CHANNELS,
    FILTERS,
    GROUPS,
    LINES_IN,
    LINES_OF_WINDOW,
    LINES_OUT,
    OUT_WIDTH,
    STEP,
    STRIDE,
    WIDTH,
    WINDOW,
    Sliding,
    inside,
    output_line,
    shift_of,
)
from glassgrad.execute.cpu.kernels.work import Rows, Scratch, Work, kernel_for, rows_for
from glassgrad.execute.cpu.lowered import ConvolutionKernelSums, ConvolutionSpread
from glassgrad.execute.cpu.matmul import SCRATCH_ELEMENTS, tiled_gemm
from glassgrad.execute.cpu.views import part_of_array, split
from glassgrad.graph import Node
from glassgrad.ops.convolution import Convolution

__all__ = [
    "convolve_by_columns",
    "convolve_by_rows",
    "correlate_by_columns",
    "correlate_by_rows",
    "correlate_plainly",
    "scatter_products",
    "spread_products",
]

PATCH_ELEMENTS = 64 * 1024
"""Patches at a time: 256 KiB of float32, a quarter or half of a second cache."""

MOST_PATCHES = 1024
SHORT_RUN = 16
"""Of numbers that lie side by side: shorter ones are copied along the lines of space."""

ROWS_AT_ONCE = 512
"""Of the input's gradient, between two looks at whether other threads need work."""

ENOUGH_MEMBERS = 4
"""Of a batch, for each part to have one."""


@rows_for(Convolution)
def _convolution(node: Node) -> Rows:
    (x, kernel), (y,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, Convolution)
    window = kernel.shape[:-2]
    sliding = Sliding(
        x.shape[0], x.shape[1:-1], y.shape[1:-1],
        window, operation.strides, operation.padding, operation.dilation,
    )  # fmt: skip
    if is_depthwise(x.shape[-1], operation.groups):
        words = sliding.words(x.shape[-1], kernel.shape[-1])
        return Rows(convolve_by_channels, (words, x, kernel), ROWS_AT_ONCE)
    length = prod(kernel.shape[:-1])
    step = patches_at_once(length, sliding.windows)
    words = sliding.words(x.shape[-1], kernel.shape[-1], operation.groups, step)
    is_short = kernel.shape[-2] * window[-1] <= SHORT_RUN
    dtype = str(x.dtype)
    scratch = Scratch(length * step, dtype), Scratch(SCRATCH_ELEMENTS, dtype)
    function = convolve_by_columns if is_short else convolve_by_rows
    return Rows(function, (words, x, kernel, *scratch), step)


@rows_for(ConvolutionSpread)
def _spread(node: Node) -> Rows:
    (g, turned), (x,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, ConvolutionSpread)
    sliding = Sliding(
        x.shape[0], x.shape[1:-1], g.shape[1:-1],
        operation.window, operation.strides, operation.padding, operation.dilation,
    )  # fmt: skip
    words = sliding.words(x.shape[-1], g.shape[-1], operation.groups)
    if is_depthwise(x.shape[-1], operation.groups):
        return Rows(spread_by_channels, (words, g, turned), ROWS_AT_ONCE)
    scratch = Scratch(SCRATCH_ELEMENTS, str(g.dtype))
    if x.shape[0] < ENOUGH_MEMBERS:
        return Rows(spread_products, (words, g, turned, scratch), ROWS_AT_ONCE)
    length = sliding.places * turned.shape[-1]
    step = patches_at_once(length, prod(g.shape[1:-1]))
    words = sliding.words(x.shape[-1], g.shape[-1], operation.groups, step)
    patches = Scratch(length * step, str(g.dtype))
    whole = prod(x.shape[1:-1])
    return Rows(scatter_products, (words, g, turned, patches, scratch), whole)


@kernel_for(ConvolutionKernelSums)
def _kernel_sums(node: Node) -> Work:
    (x, g), (sums,), operation = node.inputs, node.outputs, node.operation
    assert isinstance(operation, ConvolutionKernelSums)
    sliding = Sliding(
        x.shape[0], x.shape[1:-1], g.shape[1:-1],
        operation.window, operation.strides, operation.padding, operation.dilation,
    )  # fmt: skip
    channels = x.shape[-1] // operation.groups
    length = sliding.places * channels
    step = patches_at_once(length, sliding.windows)
    words = sliding.words(x.shape[-1], g.shape[-1], operation.groups, step)
    sizes = operation.pieces, sliding.windows
    if is_depthwise(x.shape[-1], operation.groups):
        return Work(correlate_by_channels, [(*sizes, words, x, g, sums)])
    own = Scratch(SCRATCH_ELEMENTS, str(x.dtype))
    if operation.is_plain:
        return Work(correlate_plainly, [(*sizes, words, x, g, sums, own)])
    is_short = channels * operation.window[-1] <= SHORT_RUN
    function = correlate_by_columns if is_short else correlate_by_rows
    patches = Scratch(length * step, str(x.dtype))
    return Work(function, [(*sizes, words, x, g, sums, patches, own)])


def is_depthwise(channels: int, groups: int) -> bool:
    """Whether each group has one channel."""
    return channels == groups > 1


def patches_at_once(length: int, windows: int) -> int:
    """How many patches of a length are copied before they are multiplied."""
    return max(1, min(windows, MOST_PATCHES, PATCH_ELEMENTS // max(length, 1)))


# ---- compiled


@helper()
def convolve_by_rows(
    first: int, last: int, y: Any, words: Any, x: Any, kernel: Any, patches: Any, scratch: Any
) -> None:
    """What the windows first to last make, a row of filters for each."""
    filters, groups = words[FILTERS], words[GROUPS]
    own, length = filters // groups, length_of_patch(words)
    for begin in range(first, last, words[STEP]):
        end = min(begin + words[STEP], last)
        for group in range(groups):
            gather_rows(words, begin, end, group, x, patches)
            tiled_gemm(
                NORMAL, NORMAL, end - begin, own, length,
                patches, 0, length, kernel, group * own, filters,
                0.0, y, (begin - first) * filters + group * own, filters, scratch,
            )  # fmt: skip


@helper()
def convolve_by_columns(
    first: int, last: int, y: Any, words: Any, x: Any, kernel: Any, patches: Any, scratch: Any
) -> None:
    """The same, where each patch is a column."""
    filters, groups = words[FILTERS], words[GROUPS]
    own, length = filters // groups, length_of_patch(words)
    for begin in range(first, last, words[STEP]):
        end = min(begin + words[STEP], last)
        for group in range(groups):
            gather_columns(words, begin, end, group, x, patches)
            tiled_gemm(
                TRANSPOSED, NORMAL, end - begin, own, length,
                patches, 0, end - begin, kernel, group * own, filters,
                0.0, y, (begin - first) * filters + group * own, filters, scratch,
            )  # fmt: skip


@helper()
def length_of_patch(words: Any) -> int:
    """How many numbers of a group's channels a window sees."""
    places = words[LINES_OF_WINDOW] * words[WINDOW]
    return int(places * (words[CHANNELS] // words[GROUPS]))


@helper()
def spread_products(
    first: int, last: int, x: Any, words: Any, g: Any, turned: Any, scratch: Any
) -> None:
    """What comes back to the elements first to last of the input, a row of channels for each."""
    channels, filters, groups = words[CHANNELS], words[FILTERS], words[GROUPS]
    own, others = channels // groups, filters // groups
    places = words[LINES_OF_WINDOW] * words[WINDOW]
    for i in range((last - first) * channels):
        x[i] = 0
    place = first
    while place < last:
        line = place // words[WIDTH]
        begin = place - line * words[WIDTH]
        end = min(words[WIDTH], begin + last - place)
        for covered in range(words[LINES_OF_WINDOW]):
            source = output_line(words, line, covered)
            if source < 0:
                continue
            for across in range(words[WINDOW]):
                shift, stride = shift_of(words, across) - begin, words[STRIDE]
                left, right = inside(0, words[OUT_WIDTH], stride, shift, end - begin)
                target = place - first + left * stride + shift
                for group in range(groups):
                    weights = (group * others * places + covered * words[WINDOW] + across) * own
                    if right > left:
                        tiled_gemm(
                            NORMAL, NORMAL, right - left, own, others,
                            g, (source * words[OUT_WIDTH] + left) * filters + group * others,
                            filters, turned, weights, places * own,
                            1.0, x, target * channels + group * own, stride * channels, scratch,
                        )  # fmt: skip
        place += end - begin


@helper()
def scatter_products(
    first: int, last: int, x: Any, words: Any, g: Any, turned: Any, patches: Any, scratch: Any
) -> None:
    """The same for one member of the batch: what comes back to whole patches, added in place."""
    channels, filters, groups = words[CHANNELS], words[FILTERS], words[GROUPS]
    own, others, length = channels // groups, filters // groups, length_of_patch(words)
    size = last - first
    for i in range(size * channels):
        x[i] = 0
    windows = words[LINES_OUT] * words[OUT_WIDTH] // (words[LINES_IN] * words[WIDTH] // size)
    start = first // size * windows
    for begin in range(start, start + windows, words[STEP]):
        end = min(begin + words[STEP], start + windows)
        for group in range(groups):
            tiled_gemm(
                NORMAL, NORMAL, end - begin, length, others,
                g, begin * filters + group * others, filters,
                turned, group * others * length, length,
                0.0, patches, 0, length, scratch,
            )  # fmt: skip
            scatter_rows(words, begin, end, first, group * own, own, patches, x)


@helper()
def correlate_by_rows(
    part: int, parts: int, pieces: int, windows: int,
    words: Any, x: Any, g: Any, sums: Any, patches: Any, scratch: Any,
) -> None:  # fmt: skip
    """What each weight meets in each piece of all windows."""
    filters, groups = words[FILTERS], words[GROUPS]
    others, length = filters // groups, length_of_patch(words)
    share, panel = patches.size // parts, scratch.size // parts
    own = part_of_array(patches, part * share, share)
    free = part_of_array(scratch, part * panel, panel)
    for piece in range(part, pieces, parts):
        target = piece * length * filters
        result = part_of_array(sums, target, length * filters)
        for i in range(length * filters):
            result[i] = 0
        first, last = split(windows, pieces, piece, 1)
        for begin in range(first, last, words[STEP]):
            end = min(begin + words[STEP], last)
            for group in range(groups):
                gather_rows(words, begin, end, group, x, own)
                tiled_gemm(
                    TRANSPOSED, NORMAL, length, others, end - begin,
                    own, 0, length, g, begin * filters + group * others, filters,
                    1.0, sums, target + group * others, filters, free,
                )  # fmt: skip


@helper()
def correlate_by_columns(
    part: int, parts: int, pieces: int, windows: int,
    words: Any, x: Any, g: Any, sums: Any, patches: Any, scratch: Any,
) -> None:  # fmt: skip
    """The same, where each patch is a column."""
    filters, groups = words[FILTERS], words[GROUPS]
    others, length = filters // groups, length_of_patch(words)
    share, panel = patches.size // parts, scratch.size // parts
    own = part_of_array(patches, part * share, share)
    free = part_of_array(scratch, part * panel, panel)
    for piece in range(part, pieces, parts):
        target = piece * length * filters
        result = part_of_array(sums, target, length * filters)
        for i in range(length * filters):
            result[i] = 0
        first, last = split(windows, pieces, piece, 1)
        for begin in range(first, last, words[STEP]):
            end = min(begin + words[STEP], last)
            for group in range(groups):
                gather_columns(words, begin, end, group, x, own)
                tiled_gemm(
                    NORMAL, NORMAL, length, others, end - begin,
                    own, 0, end - begin, g, begin * filters + group * others, filters,
                    1.0, sums, target + group * others, filters, free,
                )  # fmt: skip


@helper()
def correlate_plainly(
    part: int, parts: int, pieces: int, windows: int,
    words: Any, x: Any, g: Any, sums: Any, scratch: Any,
) -> None:  # fmt: skip
    """The same for windows that see one element each, all of them in turn: the patches are x."""
    channels, filters = words[CHANNELS], words[FILTERS]
    panel = scratch.size // parts
    free = part_of_array(scratch, part * panel, panel)
    for piece in range(part, pieces, parts):
        first, last = split(windows, pieces, piece, 1)
        tiled_gemm(
            TRANSPOSED, NORMAL, channels, filters, last - first,
            x, first * channels, channels, g, first * filters, filters,
            0.0, sums, piece * channels * filters, filters, free,
        )  # fmt: skip
