"""Convolution where each group has one channel: no matrix product, but loops along the channels.

Each channel has the same number of filters, side by side; mostly it is one.
"""

from __future__ import annotations

from typing import Any

from glassgrad.execute.cpu.compiler import helper
from glassgrad.execute.cpu.kernels.sliding import (
    CHANNELS,
    FILTERS,
    LINES_OF_WINDOW,
    OUT_WIDTH,
    STRIDE,
    WIDTH,
    WINDOW,
    input_line,
    inside,
    output_line,
    shift_of,
)
from glassgrad.execute.cpu.views import part_of_array, split

__all__ = ["convolve_by_channels", "correlate_by_channels", "spread_by_channels"]


@helper()
def convolve_by_channels(first: int, last: int, y: Any, words: Any, x: Any, kernel: Any) -> None:
    """What the windows first to last make, a row of filters for each."""
    channels, filters, width = words[CHANNELS], words[FILTERS], words[WIDTH]
    for i in range((last - first) * filters):
        y[i] = 0
    window = first
    while window < last:
        line = window // words[OUT_WIDTH]
        begin = window - line * words[OUT_WIDTH]
        end = min(words[OUT_WIDTH], begin + last - window)
        for covered in range(words[LINES_OF_WINDOW]):
            source = input_line(words, line, covered)
            if source < 0:
                continue
            for place in range(words[WINDOW]):
                shift = shift_of(words, place)
                weights = part_of_array(
                    kernel, (covered * words[WINDOW] + place) * filters, filters
                )
                left, right = inside(begin, end, words[STRIDE], shift, width)
                for i in range(left, right):
                    at = (source * width + i * words[STRIDE] + shift) * channels
                    seen = part_of_array(x, at, channels)
                    made = part_of_array(y, (window - first + i - begin) * filters, filters)
                    add_scaled(made, weights, seen)
        window += end - begin


@helper()
def add_scaled(made: Any, weights: Any, seen: Any) -> None:
    """Add to the filters of each channel their weights times the channel."""
    each = made.size // seen.size
    if each == 1:
        for c in range(seen.size):
            made[c] += weights[c] * seen[c]
    else:
        for c in range(seen.size):
            for f in range(c * each, c * each + each):
                made[f] += weights[f] * seen[c]


@helper()
def spread_by_channels(first: int, last: int, x: Any, words: Any, g: Any, kernel: Any) -> None:
    """What comes back to the elements first to last of the input, a row of channels for each."""
    channels, filters, across = words[CHANNELS], words[FILTERS], words[OUT_WIDTH]
    for i in range((last - first) * channels):
        x[i] = 0
    element = first
    while element < last:
        line = element // words[WIDTH]
        begin = element - line * words[WIDTH]
        end = min(words[WIDTH], begin + last - element)
        for covered in range(words[LINES_OF_WINDOW]):
            source = output_line(words, line, covered)
            if source < 0:
                continue
            for place in range(words[WINDOW]):
                shift = shift_of(words, place) - begin
                weights = part_of_array(
                    kernel, (covered * words[WINDOW] + place) * filters, filters
                )
                left, right = inside(0, across, words[STRIDE], shift, end - begin)
                for i in range(left, right):
                    given = part_of_array(g, (source * across + i) * filters, filters)
                    at = (element - first + i * words[STRIDE] + shift) * channels
                    add_joined(part_of_array(x, at, channels), weights, given)
        element += end - begin


@helper()
def add_joined(made: Any, weights: Any, given: Any) -> None:
    """Add to each channel what its filters give, each times its weight."""
    each = given.size // made.size
    if each == 1:
        for c in range(made.size):
            made[c] += weights[c] * given[c]
    else:
        for c in range(made.size):
            for f in range(c * each, c * each + each):
                made[c] += weights[f] * given[f]


@helper()
def correlate_by_channels(
    part: int, parts: int, pieces: int, windows: int, words: Any, x: Any, g: Any, sums: Any
) -> None:
    """What each weight meets in each piece of all windows."""
    channels, filters, width = words[CHANNELS], words[FILTERS], words[WIDTH]
    length = words[LINES_OF_WINDOW] * words[WINDOW] * filters
    for piece in range(part, pieces, parts):
        result = part_of_array(sums, piece * length, length)
        for i in range(length):
            result[i] = 0
        first, last = split(windows, pieces, piece, 1)
        window = first
        while window < last:
            line = window // words[OUT_WIDTH]
            begin = window - line * words[OUT_WIDTH]
            end = min(words[OUT_WIDTH], begin + last - window)
            for covered in range(words[LINES_OF_WINDOW]):
                source = input_line(words, line, covered)
                if source < 0:
                    continue
                for place in range(words[WINDOW]):
                    shift = shift_of(words, place)
                    met = part_of_array(
                        result, (covered * words[WINDOW] + place) * filters, filters
                    )
                    left, right = inside(begin, end, words[STRIDE], shift, width)
                    for i in range(left, right):
                        at = (source * width + i * words[STRIDE] + shift) * channels
                        seen = part_of_array(x, at, channels)
                        given = part_of_array(g, (window + i - begin) * filters, filters)
                        add_scaled(met, given, seen)
            window += end - begin
