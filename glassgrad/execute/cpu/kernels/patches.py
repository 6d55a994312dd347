"""Patches: what windows see, copied side by side, so that a convolution is a matrix product.

There are two ways to lay them out. A *row* for each window holds all that it sees: channels are
copied as they lie. Where there are few channels, a copy would take longer to set up than to make:
then there is a *column* for each window instead, and the copies go along the lines of space.
"""

from __future__ import annotations

from typing import Any

from glassgrad.execute.cpu.compiler import helper
from glassgrad.execute.cpu.kernels.sliding import (
    CHANNELS,
    DILATION,
    GROUPS,
    LINES_OF_WINDOW,
    OUT_WIDTH,
    SHIFT,
    STRIDE,
    WIDTH,
    WINDOW,
    input_line,
    inside,
    shift_of,
)
from glassgrad.execute.cpu.views import part_of_array

__all__ = ["gather_columns", "gather_rows", "scatter_rows"]


@helper()
def gather_rows(words: Any, first: int, last: int, group: int, x: Any, patches: Any) -> None:
    """Patches of the windows first to last, a row for each: lines, places and channels.

    Args:
        words: as `sliding.Sliding.words` gives them.
        first: the number of a window, as all others counted through lines and batch.
        last: the number of the first window that is not wanted.
        group: whose channels are copied.
        x: the input.
        patches: where they are put.
    """
    channels = words[CHANNELS] // words[GROUPS]
    places = words[WINDOW]
    length = words[LINES_OF_WINDOW] * places * channels
    is_whole = words[DILATION] == 1 and words[GROUPS] == 1
    window = first
    while window < last:
        line = window // words[OUT_WIDTH]
        begin = window - line * words[OUT_WIDTH]
        end = min(words[OUT_WIDTH], begin + last - window)
        start = (window - first - begin) * length
        for covered in range(words[LINES_OF_WINDOW]):
            source = input_line(words, line, covered)
            left, right = end, end  # the windows that see the line with all their places
            if source >= 0 and is_whole:
                seen = words[WIDTH] - places + 1
                left, right = inside(begin, end, words[STRIDE], words[SHIFT], seen)
                left, right = min(left, end), min(right, end)
            at = start + covered * places * channels
            run = places * channels
            for i in range(left, right):
                target = part_of_array(patches, at + i * length, run)
                element = source * words[WIDTH] + i * words[STRIDE] + words[SHIFT]
                values = part_of_array(x, element * channels, run)
                for c in range(run):
                    target[c] = values[c]
            for place in range(places):
                gather_place(words, begin, left, source, group, place, x, patches, at, length)
                gather_place(words, right, end, source, group, place, x, patches, at, length)
                at += channels
        window += end - begin


@helper()
def gather_place(
    words: Any, begin: int, end: int, source: int, group: int, place: int,
    x: Any, patches: Any, start: int, length: int,
) -> None:  # fmt: skip
    """What windows on one line see at one place of theirs; zeros in the padding."""
    channels = words[CHANNELS] // words[GROUPS]
    shift = shift_of(words, place)
    for i in range(begin, end):
        at = i * words[STRIDE] + shift
        target = part_of_array(patches, start + i * length, channels)
        if source < 0 or at < 0 or at >= words[WIDTH]:
            for c in range(channels):
                target[c] = 0
        else:
            at = (source * words[WIDTH] + at) * words[CHANNELS] + group * channels
            values = part_of_array(x, at, channels)
            for c in range(channels):
                target[c] = values[c]


@helper()
def gather_columns(words: Any, first: int, last: int, group: int, x: Any, patches: Any) -> None:
    """The same patches, a column for each window."""
    channels, stride = words[CHANNELS] // words[GROUPS], words[STRIDE]
    window = first
    while window < last:
        line = window // words[OUT_WIDTH]
        begin = window - line * words[OUT_WIDTH]
        end = min(words[OUT_WIDTH], begin + last - window)
        row = 0
        for covered in range(words[LINES_OF_WINDOW]):
            source = input_line(words, line, covered)
            for place in range(words[WINDOW]):
                shift = shift_of(words, place)
                left, right = begin, begin
                if source >= 0:
                    left, right = inside(begin, end, stride, shift, words[WIDTH])
                    left, right = min(left, end), min(right, end)
                at = (source * words[WIDTH] + left * stride + shift) * words[CHANNELS]
                at += group * channels
                for c in range(channels):
                    start = row * (last - first) + window - first
                    target = part_of_array(patches, start, end - begin)
                    copy_run(target, left - begin, right - begin, x, at + c, words)
                    row += 1
        window += end - begin


@helper()
def copy_run(target: Any, left: int, right: int, x: Any, start: int, words: Any) -> None:
    """One channel along a line, as the windows from left to right see it; zeros beside them."""
    step = words[STRIDE] * words[CHANNELS]
    for i in range(left):
        target[i] = 0
    for i in range(right, target.size):
        target[i] = 0
    run = part_of_array(target, left, right - left)
    values = part_of_array(x, start, (right - left) * step)
    if step == 1:
        for i in range(right - left):
            run[i] = values[i]
    else:
        for i in range(right - left):
            run[i] = values[i * step]


@helper()
def scatter_rows(
    words: Any, first: int, last: int, origin: int, channel: int, channels: int,
    patches: Any, x: Any,
) -> None:  # fmt: skip
    """Add the patches of windows, a row for each, to what they cover of the input.

    Args:
        words: as `sliding.Sliding.words` gives them.
        first: the number of a window.
        last: the number of the first window that does not matter.
        origin: the number of the element with which ``x`` begins.
        channel: the first of those that are added to.
        channels: how many.
        patches: what is added.
        x: a piece of the input's size that holds all that the windows cover.
    """
    length = words[LINES_OF_WINDOW] * words[WINDOW] * channels
    window = first
    while window < last:
        line = window // words[OUT_WIDTH]
        begin = window - line * words[OUT_WIDTH]
        end = min(words[OUT_WIDTH], begin + last - window)
        for covered in range(words[LINES_OF_WINDOW]):
            target = input_line(words, line, covered)
            if target < 0:
                continue
            for place in range(words[WINDOW]):
                shift, stride = shift_of(words, place), words[STRIDE]
                left, right = inside(begin, end, stride, shift, words[WIDTH])
                at = (covered * words[WINDOW] + place) * channels
                for i in range(left, right):
                    element = target * words[WIDTH] + i * stride + shift - origin
                    total = part_of_array(x, element * words[CHANNELS] + channel, channels)
                    start = (window - first + i - begin) * length + at
                    values = part_of_array(patches, start, channels)
                    for c in range(channels):
                        total[c] += values[c]
        window += end - begin
