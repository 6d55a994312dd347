"""Second opinions about convolution and pooling: PyTorch, and plain loops for places."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch.nn import functional

from glassgrad.ops import convolution, pooling
from tests.ops.oracles import Array, Oracle, by_torch, torch_gradients
from tests.ops.samples import grid, integers, real

Lengths = tuple[int, ...]
Widths = tuple[tuple[int, int], ...]

CONVOLUTIONS = {1: functional.conv1d, 2: functional.conv2d, 3: functional.conv3d}
MAXIMA = {1: functional.max_pool1d, 2: functional.max_pool2d, 3: functional.max_pool3d}
MEANS = {1: functional.avg_pool1d, 2: functional.avg_pool2d, 3: functional.avg_pool3d}


def channels_second(x: Any) -> Any:
    return torch.movedim(x, -1, 1)


def channels_last(x: Any) -> Any:
    return torch.movedim(x, 1, -1)


def padded(x: Any, widths: Widths, value: float = 0.0) -> Any:
    flat = [width for pair in reversed(widths) for width in pair]
    return functional.pad(x, flat, value=value)


# ---- convolution


def convolve(
    x: Any, kernel: Any, *, strides: Lengths, padding: Widths, dilation: Lengths, groups: int
) -> Any:
    """The convolution of PyTorch, in our layout."""
    weights = kernel.movedim(-1, 0).movedim(-1, 1)
    function = CONVOLUTIONS[len(strides)]
    space = padded(channels_second(x), padding)
    return channels_last(function(space, weights, stride=strides, dilation=dilation, groups=groups))


@dataclass(frozen=True)
class Form:
    """A convolution and the shapes that it is tried on."""

    x: Lengths
    kernel: Lengths
    strides: Lengths
    padding: Widths
    dilation: Lengths
    groups: int = 1

    @property
    def parameters(self) -> tuple[Any, ...]:
        return self.strides, self.padding, self.dilation, self.groups

    @property
    def function(self) -> Callable[[Any, Any], Any]:
        return partial(
            convolve,
            strides=self.strides,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
        )

    @property
    def y(self) -> Lengths:
        return tuple(self.function(torch.zeros(self.x), torch.zeros(self.kernel)).shape)

    def input_gradient(self, g: Any, kernel: Any) -> Any:
        x = torch.zeros(self.x, dtype=g.dtype)
        return torch_gradients(lambda x: self.function(x, kernel), x, g)

    def kernel_gradient(self, x: Any, g: Any) -> Any:
        kernel = torch.zeros(self.kernel, dtype=g.dtype)
        return torch_gradients(lambda kernel: self.function(x, kernel), kernel, g)


NONE, SQUARE = ((0, 0),), ((0, 0), (0, 0))

FORMS = {
    "1d": Form((2, 5, 3), (2, 3, 2), (1,), NONE, (1,)),
    "1d-stride-beyond-window": Form((1, 7, 1), (2, 1, 2), (3,), NONE, (1,)),
    "1d-causal": Form((2, 4, 2), (3, 2, 1), (1,), ((4, 0),), (2,)),
    "2d": Form((2, 3, 4, 2), (2, 2, 2, 3), (1, 1), SQUARE, (1, 1)),
    "2d-same": Form((1, 4, 3, 2), (3, 2, 2, 2), (1, 1), ((1, 1), (0, 1)), (1, 1)),
    "2d-strides-dilation": Form((1, 5, 6, 1), (2, 2, 1, 2), (2, 3), ((1, 0), (0, 2)), (2, 1)),
    "2d-pointwise": Form((2, 2, 3, 2), (1, 1, 2, 3), (1, 1), SQUARE, (1, 1)),
    "2d-pointwise-far-padding": Form((1, 2, 1, 1), (1, 1, 1, 1), (2, 1), ((2, 1), (0, 1)), (1, 1)),
    "2d-of-one": Form((1, 1, 1, 1), (1, 1, 1, 1), (1, 1), SQUARE, (1, 1)),
    "2d-groups": Form((2, 3, 3, 4), (2, 2, 2, 6), (1, 1), SQUARE, (1, 1), 2),
    "2d-depthwise": Form((1, 4, 3, 3), (2, 3, 1, 6), (2, 1), ((0, 1), (1, 1)), (1, 1), 3),
    "2d-empty": Form((0, 3, 3, 2), (2, 2, 2, 3), (1, 1), SQUARE, (1, 1)),
    "2d-empty-groups": Form((0, 3, 3, 2), (2, 2, 1, 2), (1, 1), SQUARE, (1, 1), 2),
    "3d": Form((1, 2, 3, 3, 2), (2, 2, 1, 2, 2), (1, 1, 2), ((0, 0), (1, 0), (0, 0)), (1, 2, 1)),
}  # fmt: skip


def convolution_rows() -> Iterator[tuple[Any, ...]]:
    """Name, operation, samples and oracle of the convolution and its two gradients."""
    for name, form in FORMS.items():
        window, space = form.kernel[:-2], form.x[1:-1]
        x, kernel, g = (real(*shape) for shape in (form.x, form.kernel, form.y))
        yield (
            f"Convolution-{name}",
            convolution.Convolution(*form.parameters),
            (x, kernel),
            by_torch(form.function),
        )
        yield (
            f"ConvolutionInputGradient-{name}",
            convolution.ConvolutionInputGradient(space, *form.parameters),
            (g, kernel),
            by_torch(form.input_gradient),
        )
        yield (
            f"ConvolutionKernelGradient-{name}",
            convolution.ConvolutionKernelGradient(window, *form.parameters),
            (x, g),
            by_torch(form.kernel_gradient),
        )


# ---- pooling


def max_pool(window: Lengths, strides: Lengths, padding: Widths) -> Oracle:
    """The maxima of PyTorch, and its indices counted within each window."""

    def pooled(x: Any) -> Any:
        space = padded(channels_second(x), padding, -np.inf)
        y, indices = MAXIMA[len(window)](space, window, strides, return_indices=True)
        where = np.unravel_index(indices.numpy(), tuple(space.shape[2:]))
        starts = np.meshgrid(*map(np.arange, y.shape[2:]), indexing="ij")
        within = [w - s * n for w, s, n in zip(where, starts, strides, strict=True)]
        places = np.ravel_multi_index(within, window)
        dtype = np.uint8 if prod(window) <= 255 else np.int32
        return channels_last(y), channels_last(torch.tensor(places.astype(dtype)))

    return by_torch(pooled)


def lie(
    shape: Lengths, places: Array, window: Lengths, strides: Lengths, padding: Widths
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """For each window and channel, the index of it and of the element at its place, if any."""
    for index in np.ndindex(places.shape):
        batch, *number, channel = index
        place = np.unravel_index(places[index], window)
        axes = zip(number, strides, place, padding, strict=True)
        where = [int(i * s + u - before) for i, s, u, (before, _) in axes]
        if all(0 <= m < n for m, n in zip(where, shape[1:-1], strict=True)):
            yield index, (batch, *where, channel)


def taken(*windows: Any) -> Oracle:
    def oracle(x: Array, places: Array) -> Array:
        y = np.zeros(places.shape, x.dtype)
        for index, where in lie(x.shape, places, *windows):
            y[index] = x[where]
        return y

    return oracle


def given_back(shape: Lengths, *windows: Any) -> Oracle:
    def oracle(g: Array, places: Array) -> Array:
        x = np.zeros(shape, g.dtype)
        for index, where in lie(shape, places, *windows):
            x[where] += g[index]
        return x

    return oracle


def average_pool(x: Any, *, window: Lengths, strides: Lengths, padding: Widths) -> Any:
    """The means of PyTorch over a padded tensor, divided by the share that is real."""
    pool = MEANS[len(window)]
    sums, shares = (
        pool(padded(channels_second(values), padding), window, strides)
        for values in (x, torch.ones_like(x))
    )
    return channels_last(sums / shares)


def average_pool_gradient(g: Any, *, shape: Lengths, **windows: Any) -> Any:
    x = torch.zeros(shape, dtype=g.dtype)
    return torch_gradients(partial(average_pool, **windows), x, g)


POOLS: dict[str, tuple[Lengths, Lengths, Lengths, Widths]] = {
    "1d": ((2, 5, 2), (2,), (2,), NONE),
    "1d-overlapping": ((1, 7, 2), (3,), (2,), NONE),
    "2d": ((2, 4, 4, 2), (2, 2), (2, 2), SQUARE),
    "2d-padded": ((1, 3, 4, 2), (3, 2), (2, 1), ((1, 1), (0, 1))),
    "2d-gaps": ((1, 5, 4, 1), (1, 2), (3, 2), SQUARE),
    "2d-empty": ((0, 4, 4, 2), (2, 2), (2, 2), SQUARE),
    "2d-large-window": ((1, 16, 17, 1), (16, 16), (1, 1), SQUARE),
    "3d": ((1, 2, 3, 4, 1), (2, 2, 2), (1, 1, 2), ((0, 0), (1, 0), (0, 0))),
}


def pooling_rows() -> Iterator[tuple[Any, ...]]:
    """Name, operation, samples and oracle of every pooling operation."""
    for name, (shape, *windows) in POOLS.items():
        window, strides, padding = windows
        named = {"window": window, "strides": strides, "padding": padding}
        y = tuple(average_pool(torch.zeros(shape), **named).shape)
        places = integers(*y, high=prod(window), dtype="uint8" if prod(window) <= 255 else "int32")
        take, back = taken(*windows), given_back(shape, *windows)
        space = shape[1:-1]
        mean_back = by_torch(partial(average_pool_gradient, shape=shape, **named))
        yield f"MaxPool-{name}", pooling.MaxPool(*windows), (grid(*shape),), max_pool(*windows)
        yield f"MaxPoolTake-{name}", pooling.MaxPoolTake(*windows), (real(*shape), places), take
        yield (
            f"MaxPoolGradient-{name}",
            pooling.MaxPoolGradient(space, *windows),
            (real(*y), places),
            back,
        )
        yield (
            f"AveragePool-{name}",
            pooling.AveragePool(*windows),
            (real(*shape),),
            by_torch(partial(average_pool, **named)),
        )
        yield (
            f"AveragePoolGradient-{name}",
            pooling.AveragePoolGradient(space, *windows),
            (real(*y),),
            mean_back,
        )


def rows() -> Iterator[tuple[Any, ...]]:
    """Name, operation, samples and oracle of each row."""
    return itertools.chain(convolution_rows(), pooling_rows())


# ---- what the plain notation calls


def windows(
    x: Array,
    window: Lengths,
    strides: Lengths | None = None,
    padding: Widths | None = None,
    dilation: Lengths | None = None,
    fill: float = 0.0,
) -> Array:
    """What each window sees: (batch, *count, channels, *window)."""
    rank = len(window)
    steps, apart = strides or (1,) * rank, dilation or (1,) * rank
    space = np.pad(x, ((0, 0), *(padding or SQUARE * rank)[:rank], (0, 0)), constant_values=fill)
    span = [(n - 1) * d + 1 for n, d in zip(window, apart, strict=True)]
    every = sliding_window_view(space, span, axis=tuple(range(1, rank + 1)))
    by = (slice(None), *(slice(None, None, s) for s in steps), slice(None))
    return every[(*by, *(slice(None, None, d) for d in apart))]


def add_windows(
    values: Array,
    space: Lengths,
    strides: Lengths | None = None,
    padding: Widths | None = None,
    dilation: Lengths | None = None,
) -> Array:
    """What windows (batch, *count, channels, *window) hold, added where they lie."""
    rank = len(space)
    window, shape = values.shape[-rank:], (values.shape[0], *space, values.shape[rank + 1])
    size = prod(shape)
    # Which element each of them sees; what lies in the padding goes to one more.
    seen = windows(np.arange(size).reshape(shape), window, strides, padding, dilation, fill=size)
    sums = np.bincount(seen.ravel(), values.ravel(), size + 1)
    return np.asarray(sums[:size].reshape(shape))


def block_diagonal(kernel: Array, groups: int) -> Array:
    """A grouped kernel as one that looks at all channels, with zeros for those of other groups."""
    *window, channels, filters = kernel.shape
    dense = np.zeros((*window, channels * groups, filters), kernel.dtype)
    each = filters // groups
    for n in range(groups):
        part = slice(n * each, (n + 1) * each)
        dense[..., n * channels : (n + 1) * channels, part] = kernel[..., part]
    return dense


def diagonal_blocks(kernel: Array, groups: int) -> Array:
    """The part of a kernel for all channels in which each filter looks at its group's alone."""
    channels, filters = (n // groups for n in kernel.shape[-2:])
    blocks = (
        kernel[..., n * channels : (n + 1) * channels, n * filters : (n + 1) * filters]
        for n in range(groups)
    )
    return np.concatenate(list(blocks), axis=-1)
