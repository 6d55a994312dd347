"""Pooling: windows that slide over space, channel by channel.

The innermost loops run over the channels of one place, side by side in memory. The gradients
gather: each element of the input asks the windows that see it, so that no two parts add to the
same one.
"""

from __future__ import annotations

from typing import Any

from glassgrad.execute.cpu.compiler import EXACT, helper
from glassgrad.execute.cpu.kernels.sliding import (
    CHANNELS,
    LINES_IN,
    LINES_OF_WINDOW,
    LINES_OUT,
    OUT_WIDTH,
    SHIFT,
    STRIDE,
    WIDTH,
    WINDOW,
    Sliding,
    input_line,
    inside,
    output_line,
    shift_of,
)
from glassgrad.execute.cpu.kernels.work import Work, kernel_for
from glassgrad.execute.cpu.views import part_of_array, split
from glassgrad.graph import Node
from glassgrad.graph.operation import Array
from glassgrad.ops.pooling import (
    AveragePool,
    AveragePoolGradient,
    MaxPool,
    MaxPoolGradient,
    MaxPoolTake,
    Pooling,
    PoolingGradient,
)

__all__ = [
    "average_of_windows",
    "largest_of_windows",
    "share_of_windows",
    "spread_to_places",
    "taken_from_places",
]


@kernel_for(MaxPool, AveragePool, MaxPoolTake)
def _pooling(node: Node) -> Work:
    operation = node.operation
    assert isinstance(operation, Pooling)
    x, y = node.inputs[0], node.outputs[0]
    words = _sliding(operation, x.shape, y.shape)
    return Work(FUNCTIONS[type(operation)], [[words, *node.inputs, *node.outputs]])


@kernel_for(MaxPoolGradient, AveragePoolGradient)
def _pooling_gradient(node: Node) -> Work:
    operation = node.operation
    assert isinstance(operation, PoolingGradient)
    g, x = node.inputs[0], node.outputs[0]
    words = _sliding(operation, x.shape, g.shape)
    return Work(FUNCTIONS[type(operation)], [[words, *node.inputs, *node.outputs]])


def _sliding(
    operation: Pooling | PoolingGradient, inner: tuple[int, ...], outer: tuple[int, ...]
) -> Array:
    sliding = Sliding(
        inner[0], inner[1:-1], outer[1:-1],
        operation.window, operation.strides, operation.padding, (1,) * len(operation.window),
    )  # fmt: skip
    return sliding.words(inner[-1])


# ---- compiled


@helper(EXACT)
def largest_of_windows(part: int, parts: int, words: Any, x: Any, y: Any, places: Any) -> None:
    """The largest element that each window sees, and its place; NaN is the largest of all."""
    channels, width, across = words[CHANNELS], words[WIDTH], words[OUT_WIDTH]
    begin, end = split(words[LINES_OUT], parts, part, 1)
    for line in range(begin, end):
        is_first_line = True
        for covered in range(words[LINES_OF_WINDOW]):
            source = input_line(words, line, covered)
            if source < 0:
                continue
            for i in range(across):
                best = part_of_array(y, (line * across + i) * channels, channels)
                winner = part_of_array(places, (line * across + i) * channels, channels)
                for place in range(words[WINDOW]):
                    at = i * words[STRIDE] + shift_of(words, place)
                    if at < 0 or at >= width:
                        continue
                    seen = part_of_array(x, (source * width + at) * channels, channels)
                    number = places.dtype.type(covered * words[WINDOW] + place)
                    if is_first_line and (place == 0 or at == 0):
                        for c in range(channels):
                            best[c] = seen[c]
                            winner[c] = number
                    else:
                        take_larger(seen, number, best, winner)
            is_first_line = False


@helper(EXACT)
def take_larger(seen: Any, number: Any, best: Any, winner: Any) -> None:
    """Put what is larger than the best so far in its place."""
    for c in range(seen.size):
        value, so_far = seen[c], best[c]
        wins = value > so_far or (value != value and so_far == so_far)
        best[c] = value if wins else so_far
        winner[c] = number if wins else winner[c]


@helper(EXACT)
def taken_from_places(part: int, parts: int, words: Any, x: Any, places: Any, y: Any) -> None:
    """From each window the element at a given place; 0 in the padding."""
    channels, width, across = words[CHANNELS], words[WIDTH], words[OUT_WIDTH]
    begin, end = split(words[LINES_OUT], parts, part, 1)
    for line in range(begin, end):
        whole = part_of_array(y, line * across * channels, across * channels)
        whole[:] = y.dtype.type(0)
        for covered in range(words[LINES_OF_WINDOW]):
            source = input_line(words, line, covered)
            if source < 0:
                continue
            for place in range(words[WINDOW]):
                shift, number = shift_of(words, place), covered * words[WINDOW] + place
                left, right = inside(0, across, words[STRIDE], shift, width)
                for i in range(left, right):
                    at = source * width + i * words[STRIDE] + shift
                    seen = part_of_array(x, at * channels, channels)
                    chosen = part_of_array(places, (line * across + i) * channels, channels)
                    taken = part_of_array(y, (line * across + i) * channels, channels)
                    for c in range(channels):
                        taken[c] = seen[c] if chosen[c] == number else taken[c]


@helper(EXACT)
def spread_to_places(part: int, parts: int, words: Any, g: Any, places: Any, x: Any) -> None:
    """Each window's number added to the element at its place."""
    channels, width, across = words[CHANNELS], words[WIDTH], words[OUT_WIDTH]
    begin, end = split(words[LINES_IN], parts, part, 1)
    for line in range(begin, end):
        whole = part_of_array(x, line * width * channels, width * channels)
        whole[:] = x.dtype.type(0)
        for covered in range(words[LINES_OF_WINDOW]):
            source = output_line(words, line, covered)
            if source < 0:
                continue
            for place in range(words[WINDOW]):
                shift, number = shift_of(words, place), covered * words[WINDOW] + place
                left, right = inside(0, across, words[STRIDE], shift, width)
                for i in range(left, right):
                    at = (line * width + i * words[STRIDE] + shift) * channels
                    total = part_of_array(x, at, channels)
                    given = part_of_array(g, (source * across + i) * channels, channels)
                    chosen = part_of_array(places, (source * across + i) * channels, channels)
                    for c in range(channels):
                        total[c] += given[c] if chosen[c] == number else g.dtype.type(0)


@helper()
def average_of_windows(part: int, parts: int, words: Any, x: Any, y: Any) -> None:
    """The mean of what each window sees."""
    channels, width, across = words[CHANNELS], words[WIDTH], words[OUT_WIDTH]
    begin, end = split(words[LINES_OUT], parts, part, 1)
    for line in range(begin, end):
        whole = part_of_array(y, line * across * channels, across * channels)
        whole[:] = y.dtype.type(0)
        lines = lines_seen(words, line)
        for covered in range(words[LINES_OF_WINDOW]):
            source = input_line(words, line, covered)
            if source < 0:
                continue
            for place in range(words[WINDOW]):
                shift = shift_of(words, place)
                left, right = inside(0, across, words[STRIDE], shift, width)
                for i in range(left, right):
                    at = source * width + i * words[STRIDE] + shift
                    seen = part_of_array(x, at * channels, channels)
                    total = part_of_array(whole, i * channels, channels)
                    for c in range(channels):
                        total[c] += seen[c]
        for i in range(across):
            share = y.dtype.type(1) / y.dtype.type(lines * places_seen(words, i))
            total = part_of_array(whole, i * channels, channels)
            for c in range(channels):
                total[c] *= share


@helper()
def share_of_windows(part: int, parts: int, words: Any, g: Any, x: Any) -> None:
    """Each window's number, shared evenly by the elements that it sees."""
    channels, width, across = words[CHANNELS], words[WIDTH], words[OUT_WIDTH]
    begin, end = split(words[LINES_IN], parts, part, 1)
    for line in range(begin, end):
        whole = part_of_array(x, line * width * channels, width * channels)
        whole[:] = x.dtype.type(0)
        for covered in range(words[LINES_OF_WINDOW]):
            source = output_line(words, line, covered)
            if source < 0:
                continue
            lines = lines_seen(words, source)
            for place in range(words[WINDOW]):
                shift = shift_of(words, place)
                left, right = inside(0, across, words[STRIDE], shift, width)
                for i in range(left, right):
                    share = x.dtype.type(1) / x.dtype.type(lines * places_seen(words, i))
                    total = part_of_array(whole, (i * words[STRIDE] + shift) * channels, channels)
                    given = part_of_array(g, (source * across + i) * channels, channels)
                    for c in range(channels):
                        total[c] += given[c] * share


@helper()
def lines_seen(words: Any, line: int) -> int:
    """How many of the lines that a window covers are no padding."""
    count = 0
    for covered in range(words[LINES_OF_WINDOW]):
        count += input_line(words, line, covered) >= 0
    return count


@helper()
def places_seen(words: Any, i: int) -> int:
    """How many places of a line of a window are no padding."""
    first = i * words[STRIDE] + words[SHIFT]
    return int(min(first + words[WINDOW], words[WIDTH]) - max(first, 0))


FUNCTIONS = {
    MaxPool: largest_of_windows,
    MaxPoolTake: taken_from_places,
    MaxPoolGradient: spread_to_places,
    AveragePool: average_of_windows,
    AveragePoolGradient: share_of_windows,
}
