"""Convolution and pooling as Keras calls them: strides as numbers, padding as a word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from glassgrad.errors import ArgumentError, ShapeError, shown
from glassgrad.graph import Tensor, as_tensor
from glassgrad.ops.arrangement import moveaxis
from glassgrad.ops.convolution import Convolution, ConvolutionInputGradient
from glassgrad.ops.movement import reshape
from glassgrad.ops.padding import padding_widths, transposed_space
from glassgrad.ops.pooling import AveragePool, MaxPool
from glassgrad.ops.windows import Windows

__all__ = [
    "average_pool",
    "channels_last",
    "conv",
    "conv_transpose",
    "depthwise_conv",
    "lengths",
    "max_pool",
    "separable_conv",
]

Lengths = int | Sequence[int]


def conv(
    inputs: Any,
    kernel: Any,
    strides: Lengths = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Lengths = 1,
) -> Tensor:
    """Convolution over one to three axes of space.

    Formula: y[b, i, f] = sum over places u and channels c of x[b, s i + d u - p, c] k[u, c, f],
    with stride s, dilation d and padding p.

    Args:
        inputs: (batch, *space, channels).
        kernel: (*window, channels / groups, filters); how many groups there are follows from it.
        strides: how far the next window is, for each axis or for all.
        padding: "valid" for none; "same" for as many windows as strides fit into the length;
            "causal" for zeros before the first alone.
        data_format: "channels_last", the default, or "channels_first", for which axes are moved.
        dilation_rate: the distance of neighbours within a window.

    Raises:
        ArgumentError: an argument is none of these, or channels or filters are not divided evenly.
        ShapeError: the kernel does not fit the inputs, or there is no room for a window.

    Example:
        >>> conv([[[1.0], [2.0], [3.0]]], [[[1.0]], [[10.0]]]).numpy().ravel()
        array([21., 32.], dtype=float32)
    """
    x, weights = as_tensor(inputs), as_tensor(kernel)
    require_kernel_rank("conv", x, weights.ndim, x.ndim)
    channels = x.shape[1 if data_format == "channels_first" else -1]
    share = weights.shape[-2]
    if not share or not channels or channels % share:
        raise ShapeError(
            f"The kernel's channels must divide those of the inputs. Got {share} of "
            f"kernel {weights.shape}, and {channels} of inputs {x.shape}."
        )
    rank = x.ndim - 2
    steps, apart = lengths(strides, rank, "strides"), lengths(dilation_rate, rank, "dilation_rate")

    def convolved(x: Tensor) -> Tensor:
        widths = padding_widths(padding, x.shape[1:-1], weights.shape[:-2], steps, apart)
        return Convolution(steps, widths, apart, channels // share)(x, weights)

    return channels_last(convolved, x, data_format)


def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Lengths = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Lengths = 1,
) -> Tensor:
    """Convolution of each channel by itself.

    Args:
        inputs: (batch, *space, channels).
        kernel: (*window, channels, multiplier): so many filters for each channel, whose results
            lie side by side.
        strides: how far the next window is, for each axis or for all.
        padding: "valid" or "same".
        data_format: "channels_last", the default, or "channels_first".
        dilation_rate: the distance of neighbours within a window.

    Raises:
        ArgumentError: an argument is none of these.
        ShapeError: the kernel does not fit the inputs, or there is no room for a window.

    Example:
        >>> depthwise_conv([[[1.0, 2.0]]], [[[10.0, 1.0], [10.0, 1.0]]]).numpy().ravel()
        array([10.,  1., 20.,  2.], dtype=float32)
    """
    x, weights = as_tensor(inputs), as_tensor(kernel)
    require_kernel_rank("depthwise_conv", x, weights.ndim, x.ndim)
    *window, channels, multiplier = weights.shape
    if channels != x.shape[1 if data_format == "channels_first" else -1]:
        raise ShapeError(
            f"The kernel of a depthwise convolution has the channels of the inputs. Got kernel "
            f"{weights.shape} for inputs {x.shape}."
        )
    grouped = reshape(weights, (*window, 1, channels * multiplier))
    return conv(x, grouped, strides, padding, data_format, dilation_rate)


def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Lengths = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Lengths = 1,
) -> Tensor:
    """Convolution of each channel by itself, then a mixture of the channels at each place.

    Args:
        inputs: (batch, *space, channels).
        depthwise_kernel: (*window, channels, multiplier).
        pointwise_kernel: (1, …, channels * multiplier, filters).
        strides: how far the next window is, for each axis or for all.
        padding: "valid" or "same".
        data_format: "channels_last", the default, or "channels_first".
        dilation_rate: the distance of neighbours within a window.

    Raises:
        ArgumentError: an argument is none of these.
        ShapeError: a kernel does not fit, or there is no room for a window.

    Example:
        >>> separable_conv([[[1.0, 2.0]]], [[[10.0], [100.0]]], [[[1.0], [1.0]]]).item()
        210.0
    """
    apart = depthwise_conv(inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return conv(apart, pointwise_kernel, 1, "valid", data_format, 1)


def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Lengths = 1,
    padding: str = "valid",
    output_padding: Lengths | None = None,
    data_format: str | None = None,
    dilation_rate: Lengths = 1,
) -> Tensor:
    """Transposed convolution: what the gradient of a convolution does with its inputs.

    Args:
        inputs: (batch, *space, channels).
        kernel: (*window, filters, channels): the kernel of the convolution that goes back.
        strides: how many elements come out for each that goes in.
        padding: "valid" keeps all that the windows reach; "same" gives strides times the length.
        output_padding: how many elements more come out at the end, below the stride; by default
            as many as the lengths above need.
        data_format: "channels_last", the default, or "channels_first".
        dilation_rate: the distance of neighbours within a window.

    Raises:
        ArgumentError: an argument is none of these.
        ShapeError: the kernel does not fit the inputs.

    Example:
        >>> conv_transpose([[[1.0], [2.0]]], [[[1.0]], [[10.0]]]).numpy().ravel()
        array([ 1., 12., 20.], dtype=float32)
    """
    x, weights = as_tensor(inputs), as_tensor(kernel)
    require_kernel_rank("conv_transpose", x, weights.ndim, x.ndim)
    rank = x.ndim - 2
    steps, apart = lengths(strides, rank, "strides"), lengths(dilation_rate, rank, "dilation_rate")
    more = None if output_padding is None else lengths(output_padding, rank, "output_padding", 0)

    def convolved(x: Tensor) -> Tensor:
        window = weights.shape[:-2]
        space, widths = transposed_space(padding, x.shape[1:-1], window, steps, apart, more)
        back = ConvolutionInputGradient(space, steps, widths, apart)
        return back(x, weights)

    return channels_last(convolved, x, data_format)


def max_pool(
    inputs: Any,
    pool_size: Lengths,
    strides: Lengths | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The largest element of each window, channel by channel.

    The gradient goes to the first of equal elements. NaN counts as the largest.

    Args:
        inputs: (batch, *space, channels).
        pool_size: the lengths of a window, or one for all axes.
        strides: how far the next window is; its length by default.
        padding: "valid" leaves out what does not fill a window; "same" pads with what never wins.
        data_format: "channels_last", the default, or "channels_first".

    Raises:
        ArgumentError: an argument is none of these.
        ShapeError: there is no room for a window.

    Example:
        >>> max_pool([[[1.0], [3.0], [2.0], [0.0]]], 2).numpy().ravel()
        array([3., 2.], dtype=float32)
    """

    def largest(x: Tensor, windows: Windows) -> Tensor:
        y, _ = MaxPool(windows.window, windows.strides, windows.padding)(x)
        return y

    return _pooled(largest, inputs, pool_size, strides, padding, data_format)


def average_pool(
    inputs: Any,
    pool_size: Lengths,
    strides: Lengths | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """The mean of each window, channel by channel.

    Args:
        inputs: (batch, *space, channels).
        pool_size: the lengths of a window, or one for all axes.
        strides: how far the next window is; its length by default.
        padding: "valid" leaves out what does not fill a window; with "same" a window at the border
            takes the mean of what it sees, padding left out.
        data_format: "channels_last", the default, or "channels_first".

    Raises:
        ArgumentError: an argument is none of these.
        ShapeError: there is no room for a window.

    Example:
        >>> average_pool([[[1.0], [3.0], [2.0]]], 2, padding="same").numpy().ravel()
        array([2., 2.], dtype=float32)
    """

    def mean(x: Tensor, windows: Windows) -> Tensor:
        return AveragePool(windows.window, windows.strides, windows.padding)(x)

    return _pooled(mean, inputs, pool_size, strides, padding, data_format)


# ---- from Keras's arguments to those of operations


def lengths(given: Lengths, rank: int, name: str, least: int = 1) -> tuple[int, ...]:
    """One number for each axis of space.

    Raises:
        ArgumentError: there are more or fewer, or one is too small.
    """
    found = (given,) * rank if isinstance(given, int) else tuple(given)
    if len(found) != rank or any(n != int(n) or n < least for n in found):
        raise ArgumentError(
            f"{name} must be a whole number from {least} on, or {rank} of them. Got {shown(given)}."
        )
    return tuple(map(int, found))


def channels_last(
    function: Callable[[Tensor], Tensor], x: Tensor, data_format: str | None
) -> Tensor:
    """Apply a function of (batch, *space, channels) to a tensor of either format.

    Raises:
        ArgumentError: the format is another.
    """
    if data_format in (None, "channels_last"):
        return function(x)
    if data_format != "channels_first":
        raise ArgumentError(
            f"data_format must be 'channels_last' or 'channels_first'. Got {data_format!r}."
        )
    return moveaxis(function(moveaxis(x, 1, -1)), -1, 1)


def require_kernel_rank(name: str, x: Tensor, found: int, wanted: int) -> None:
    """The inputs have space, and the kernel has as many axes.

    Raises:
        ShapeError: they have not.
    """
    if found != wanted or not 3 <= x.ndim <= 5:
        raise ShapeError(
            f"{name} wants inputs of 3 to 5 axes, (batch, *space, channels), and a kernel of as "
            f"many. Got inputs {x.shape} and a kernel of {found} axes."
        )


def _pooled(
    pool: Callable[[Tensor, Windows], Tensor],
    inputs: Any,
    pool_size: Lengths,
    strides: Lengths | None,
    padding: str,
    data_format: str | None,
) -> Tensor:
    x = as_tensor(inputs)
    rank = x.ndim - 2
    if not 1 <= rank <= 3:
        raise ShapeError(
            f"Pooling wants inputs of 3 to 5 axes, (batch, *space, channels). Got {x.shape}."
        )
    window = lengths(pool_size, rank, "pool_size")
    steps = window if strides is None else lengths(strides, rank, "strides")
    if padding.lower() == "causal":
        raise ArgumentError("padding must be 'valid' or 'same'. Got 'causal'.")

    def pooled(x: Tensor) -> Tensor:
        widths = padding_widths(padding, x.shape[1:-1], window, steps, (1,) * rank)
        return pool(x, Windows(window, steps, widths, (1,) * rank))

    return channels_last(pooled, x, data_format)
