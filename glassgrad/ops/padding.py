"""What a word such as "same" means: how many elements are added before and after each axis."""

from __future__ import annotations

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.ops.windows import PaddingWidths, Windows

__all__ = ["padding_widths", "same_padding", "transposed_axis", "transposed_space", "window_count"]


def padding_widths(
    padding: str,
    space: tuple[int, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
) -> PaddingWidths:
    """How many elements are added, for a word.

    Args:
        padding: "valid": none. "same": as many as there must be for a window at each stride.
            "causal": before the first, so that no window sees what follows its own place.
        space: the lengths of the axes.
        window: those of a window.
        strides: how far the next window is.
        dilation: the distance of neighbours within a window.

    Raises:
        ArgumentError: it is another word.
    """
    word = padding.lower()
    if word == "same":
        return same_padding(space, window, strides, dilation)
    if word == "causal":
        return tuple(((w - 1) * d, 0) for w, d in zip(window, dilation, strict=True))
    if word == "valid":
        return ((0, 0),) * len(space)
    raise ArgumentError(f"padding must be 'valid', 'same' or 'causal'. Got {padding!r}.")


def transposed_space(
    padding: str,
    count: tuple[int, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
    output_padding: tuple[int, ...] | None = None,
) -> tuple[tuple[int, ...], PaddingWidths]:
    """The space of which a convolution with this padding would make ``count`` windows.

    Raises:
        ArgumentError: the padding is another word than "valid" or "same", or there are more
            further elements than a stride has room for.
        ShapeError: a count is 0.
    """
    word = padding.lower()
    if word not in ("valid", "same"):
        raise ArgumentError(f"padding must be 'valid' or 'same'. Got {padding!r}.")
    further = output_padding or (None,) * len(count)
    axes = [
        transposed_axis(word, *axis)
        for axis in zip(count, window, strides, dilation, further, strict=True)
    ]
    return tuple(length for length, _ in axes), tuple(widths for _, widths in axes)


def transposed_axis(
    padding: str, count: int, window: int, stride: int, dilation: int, further: int | None
) -> tuple[int, tuple[int, int]]:
    """The length of one axis, and what is cut off what the windows reach, before and after."""
    span = (window - 1) * dilation + 1
    if count < 1:
        raise ShapeError(
            f"A transposed convolution wants one element at least along each axis. Got {count}."
        )
    reached = (count - 1) * stride + span
    if further is not None and further >= stride:
        raise ArgumentError(
            f"output_padding must be below the stride. Got {further} for stride {stride}."
        )
    if padding == "valid":
        more = max(stride - span, 0) if further is None else further
        return reached + more, (0, 0)
    length = count * stride
    if further is not None:
        length = (count - 1) * stride + span % 2 + further
    missing = length + span - 2 - (count - 1) * stride  # zeros around what goes in
    before = span - 1 - min((missing + 1) // 2, span - 1)
    return length, (before, max(reached - length - before, 0))


def same_padding(
    space: tuple[int, ...],
    window: tuple[int, ...],
    strides: tuple[int, ...],
    dilation: tuple[int, ...],
) -> PaddingWidths:
    """The padding with which there is a window for each stride: ceil(length / stride) of them.

    An odd element comes after.

    Example:
        >>> same_padding((5,), (3,), (2,), (1,)), same_padding((4,), (2,), (1,), (1,))
        (((1, 1),), ((0, 1),))
    """
    widths = []
    for n, w, s, d in zip(space, window, strides, dilation, strict=True):
        missing = max((-(-n // s) - 1) * s + (w - 1) * d + 1 - n, 0)
        widths.append((missing // 2, missing - missing // 2))
    return tuple(widths)


def window_count(padding: str, length: int, window: int, stride: int, dilation: int = 1) -> int:
    """How many windows there are along one axis; less than 1 where it is too short.

    Example:
        >>> window_count("valid", 7, 3, 2), window_count("same", 7, 3, 2)
        (3, 4)
    """
    widths = padding_widths(padding, (length,), (window,), (stride,), (dilation,))
    (count,) = Windows((window,), (stride,), widths, (dilation,)).count((length,))
    return count
