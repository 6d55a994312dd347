"""The few functions that a plain notation uses beyond NumPy's, each complete in itself.

Their source stands in the program that `numpy_program` writes.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np

__all__ = [
    "add_windows",
    "block_diagonal",
    "diagonal_blocks",
    "erf",
    "erfinv",
    "uniform",
    "windows",
]


def windows(
    x: Any,
    window: Any,
    strides: Any = None,
    padding: Any = None,
    dilation: Any = None,
    fill: Any = 0,
) -> Any:
    """What each window sees: (batch, *count, channels, *window)."""
    rank = len(window)
    strides, dilation = strides or (1,) * rank, dilation or (1,) * rank
    padding = padding or ((0, 0),) * rank
    space = np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=fill)
    span = [(n - 1) * d + 1 for n, d in zip(window, dilation, strict=True)]
    seen = np.lib.stride_tricks.sliding_window_view(space, span, axis=tuple(range(1, rank + 1)))
    apart = tuple(slice(None, None, n) for n in strides)
    inside = tuple(slice(None, None, n) for n in dilation)
    return seen[(slice(None), *apart, slice(None), *inside)]


def add_windows(
    values: Any, space: Any, strides: Any = None, padding: Any = None, dilation: Any = None
) -> Any:
    """What windows (batch, *count, channels, *window) hold, added up where they lie."""
    rank = len(space)
    batch, *count, channels = values.shape[: rank + 2]
    window = values.shape[-rank:]
    strides, dilation = strides or (1,) * rank, dilation or (1,) * rank
    padding = padding or ((0, 0),) * rank
    total = np.zeros(
        (batch, *(n + a + b for n, (a, b) in zip(space, padding, strict=True)), channels)
    )
    for place in np.ndindex(*window):
        at = tuple(
            slice(u * d, u * d + (n - 1) * s + 1, s)
            for u, d, n, s in zip(place, dilation, count, strides, strict=True)
        )
        total[(slice(None), *at)] += values[(..., *place)]
    inner = tuple(slice(a, a + n) for n, (a, b) in zip(space, padding, strict=True))
    return total[(slice(None), *inner)]


def block_diagonal(kernel: Any, groups: Any) -> Any:
    """A grouped kernel as one that looks at all channels, with zeros for those of other groups."""
    *window, channels, filters = kernel.shape
    dense = np.zeros((*window, channels * groups, filters))
    for n in range(groups):
        share = slice(n * filters // groups, (n + 1) * filters // groups)
        dense[..., n * channels : (n + 1) * channels, share] = kernel[..., share]
    return dense


def diagonal_blocks(kernel: Any, groups: Any) -> Any:
    """The part of a kernel for all channels in which each filter looks at its group's alone."""
    channels, filters = kernel.shape[-2] // groups, kernel.shape[-1] // groups
    blocks = [
        kernel[..., n * channels : (n + 1) * channels, n * filters : (n + 1) * filters]
        for n in range(groups)
    ]
    return np.concatenate(blocks, axis=-1)


def uniform(seed: Any, step: Any, stream: Any, shape: Any, dtype: Any = "float32") -> Any:
    """Random numbers from [0, 1) by the generator Threefry-2x32, a function of its arguments."""
    mask = 2**32 - 1
    keys = [int(seed), stream, int(seed) ^ stream ^ 0x1BD11BDA]
    numbers = []
    for index in range(math.prod(shape)):
        a, b = int(step) + keys[0] & mask, index + keys[1] & mask
        for group in range(5):
            for turn in ((13, 15, 26, 6), (17, 29, 16, 24))[group % 2]:
                a = a + b & mask
                b = ((b << turn | b >> 32 - turn) & mask) ^ a
            a = a + keys[(group + 1) % 3] & mask
            b = b + keys[(group + 2) % 3] + group + 1 & mask
        exact = ((a >> 5) * 2**26 + (b >> 6)) / 2**53
        numbers.append((a >> 8) / 2**24 if dtype == "float32" else exact)
    return np.array(numbers, dtype).reshape(shape)


def erf(x: Any) -> Any:
    """The error function of each element."""
    return np.vectorize(math.erf, otypes=[float])(x)


def erfinv(x: Any) -> Any:
    """The inverse of the error function, by the quantiles of the normal distribution."""
    quantile = NormalDist().inv_cdf
    return np.vectorize(lambda v: quantile((v + 1) / 2) / math.sqrt(2), otypes=[float])(x)
