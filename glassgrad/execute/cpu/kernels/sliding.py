"""How windows slide over lines: all that the kernels of convolution and pooling know of space.

Up to three axes of space are seen as three, and all but the last of them, with the batch, as one
axis of *lines*. A window then covers some lines, and along each the same places: what has three
axes becomes a question about lines, and a loop over one axis.

What a kernel has to know stands in a vector of words, which Python writes and kernels read by the
constants below.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from glassgrad.execute.cpu.compiler import helper
from glassgrad.graph.operation import Array

__all__ = [
    "CHANNELS",
    "FILTERS",
    "GROUPS",
    "LINES_IN",
    "LINES_OF_WINDOW",
    "LINES_OUT",
    "OUT_WIDTH",
    "SHIFT",
    "STEP",
    "STRIDE",
    "WIDTH",
    "WINDOW",
    "Sliding",
    "input_line",
    "inside",
    "output_line",
    "shift_of",
]

# The words: lengths of the three axes, in pairs of threes, then what belongs to the last axis.
(
    _D, _H, WIDTH,
    _OUT_D, _OUT_H, OUT_WIDTH,
    _WINDOW_D, _WINDOW_H, WINDOW,
    _STRIDE_D, _STRIDE_H, STRIDE,
    _SHIFT_D, _SHIFT_H, SHIFT,
    _DILATION_D, _DILATION_H, DILATION,
    LINES_IN, LINES_OUT, LINES_OF_WINDOW,
    CHANNELS, FILTERS, GROUPS, STEP,
) = range(25)  # fmt: skip

AXES = 3


class Sliding:
    """Windows over the space of a tensor (batch, *space, channels), as kernels are told of them.

    Args:
        batch: how many tensors of that space there are.
        space: the lengths of its axes.
        count: how many windows there are along each.
        window: the lengths of a window.
        strides: how far the next window is.
        padding: the elements before and after each axis.
        dilation: the distance of neighbours within a window; 1 by default.
    """

    def __init__(
        self,
        batch: int,
        space: Sequence[int],
        count: Sequence[int],
        window: Sequence[int],
        strides: Sequence[int],
        padding: Sequence[tuple[int, int]],
        dilation: Sequence[int] = (),
    ) -> None:
        self.batch = batch
        self.space, self.count, self.window = map(_as_three, (space, count, window))
        self.strides, self.dilation = _as_three(strides), _as_three(dilation)
        before = (0,) * (AXES - len(padding)) + tuple(pair[0] for pair in padding)
        self.shifts = tuple(-width for width in before)

    @property
    def windows(self) -> int:
        """How many windows there are in all."""
        return self.batch * prod(self.count)

    @property
    def places(self) -> int:
        """How many places a window has."""
        return prod(self.window)

    def words(self, channels: int, filters: int = 0, groups: int = 1, step: int = 0) -> Array:
        """What a kernel reads."""
        axes = (self.space, self.count, self.window, self.strides, self.shifts, self.dilation)
        lines = (
            self.batch * prod(self.space[:-1]),
            self.batch * prod(self.count[:-1]),
            prod(self.window[:-1]),
        )
        flat = [number for triple in axes for number in triple]
        return np.array([*flat, *lines, channels, filters, groups, step], np.int64)


def _as_three(lengths: Sequence[int]) -> tuple[int, ...]:
    return (1,) * (AXES - len(lengths)) + tuple(lengths)


# ---- compiled


@helper()
def input_line(words: Any, line: int, covered: int) -> int:
    """The line of the input that windows on a line of the output cover; -1 if it is padding.

    Args:
        words: as `Sliding.words` gives them.
        line: of the output.
        covered: which of the lines of a window.
    """
    height, depth = words[_OUT_H], words[_OUT_D]
    h, d, member = line % height, line // height % depth, line // (height * depth)
    below, behind = covered % words[_WINDOW_H], covered // words[_WINDOW_H]
    h = h * words[_STRIDE_H] + words[_SHIFT_H] + below * words[_DILATION_H]
    d = d * words[_STRIDE_D] + words[_SHIFT_D] + behind * words[_DILATION_D]
    if h < 0 or h >= words[_H] or d < 0 or d >= words[_D]:
        return -1
    return int((member * words[_D] + d) * words[_H] + h)


@helper()
def output_line(words: Any, line: int, covered: int) -> int:
    """The line of the output whose windows cover a line of the input with that line of theirs."""
    height, depth = words[_H], words[_D]
    h, d, member = line % height, line // height % depth, line // (height * depth)
    below, behind = covered % words[_WINDOW_H], covered // words[_WINDOW_H]
    h -= words[_SHIFT_H] + below * words[_DILATION_H]
    d -= words[_SHIFT_D] + behind * words[_DILATION_D]
    if h < 0 or d < 0 or h % words[_STRIDE_H] != 0 or d % words[_STRIDE_D] != 0:
        return -1
    h, d = h // words[_STRIDE_H], d // words[_STRIDE_D]
    if h >= words[_OUT_H] or d >= words[_OUT_D]:
        return -1
    return int((member * words[_OUT_D] + d) * words[_OUT_H] + h)


@helper()
def shift_of(words: Any, place: int) -> int:
    """Where the place of a line of the first window lies."""
    return int(words[SHIFT] + place * words[DILATION])


@helper()
def inside(begin: int, end: int, stride: int, shift: int, length: int) -> tuple[int, int]:
    """The range of those i from begin to end for which 0 <= i stride + shift < length."""
    first = max(begin, -(shift // stride))
    last = min(end, (length - 1 - shift) // stride + 1)
    return first, max(first, last)
