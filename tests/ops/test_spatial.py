"""Operations over space: what does not fit is refused, words become numbers, dtypes meet."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest

from glassgrad import Input, ops
from glassgrad.errors import ArgumentError, DtypeError, GlassgradError, ShapeError
from glassgrad.graph import Tensor, placeholder
from glassgrad.ops import convolution, pooling
from glassgrad.ops.padding import same_padding, transposed_space, window_count

NONE, ONE = ((0, 0), (0, 0)), (1, 1)
PLAIN = (ONE, NONE, ONE)
PAIRS = ((2, 2), (2, 2), NONE)


def floats(*shape: int) -> Tensor:
    return placeholder(shape, "float32")


def bytes_(*shape: int) -> Tensor:
    return placeholder(shape, "uint8")


def convolved(*parameters: Any) -> Any:
    return convolution.Convolution(*parameters)


Refusal = tuple[str, Callable[[], Any], type[GlassgradError], str]

REFUSALS: list[Refusal] = [
    ("rank", lambda: convolved(*PLAIN)(floats(2, 3), floats(2, 3)), ShapeError, r"\(2, 3\)"),
    ("five-axes", lambda: convolved(*PLAIN)(floats(1, 2, 2, 2, 2, 1), floats(1, 1, 1, 1, 1, 1)),
     ShapeError, "1 to 3 axes"),
    ("kernel-rank", lambda: convolved(*PLAIN)(floats(1, 4, 4, 1), floats(2, 1, 1)), ShapeError,
     r"as many axes as x. Got \(2, 1, 1\)"),
    ("strides-rank", lambda: convolved((1,), NONE, ONE)(floats(1, 4, 4, 1), floats(2, 2, 1, 1)),
     ShapeError, r"strides \(1,\)"),
    ("stride", lambda: convolved((0, 1), NONE, ONE)(floats(1, 4, 4, 1), floats(2, 2, 1, 1)),
     ArgumentError, r"1 or more. Got \(2, 2\), \(0, 1\)"),
    ("negative", lambda: convolved(ONE, ((-1, 0), (0, 0)), ONE)(
        floats(1, 4, 4, 1), floats(2, 2, 1, 1)), ArgumentError, "0 elements or more"),
    ("room", lambda: convolved(ONE, NONE, (3, 1))(floats(1, 3, 4, 1), floats(2, 2, 1, 1)),
     ShapeError, r"space \(3, 4\) .* span \(4, 2\)"),
    ("empty-space", lambda: convolved(*PLAIN)(floats(1, 0, 4, 1), floats(1, 1, 1, 1)), ShapeError,
     r"space \(0, 4\)"),
    ("channels", lambda: convolved(*PLAIN)(floats(1, 4, 4, 3), floats(2, 2, 2, 1)), ShapeError,
     r"3 channels in 1 groups, and a kernel \(2, 2, 2, 1\)"),
    ("groups", lambda: convolved(*PLAIN, 2)(floats(1, 4, 4, 4), floats(2, 2, 2, 3)), ArgumentError,
     "2 groups, 4 channels and 3 filters"),
    ("no-groups", lambda: convolved(*PLAIN, 0)(floats(1, 4, 4, 4), floats(2, 2, 2, 3)),
     ArgumentError, "0 groups"),
    ("integers", lambda: convolved(*PLAIN)(bytes_(1, 4, 4, 1), bytes_(2, 2, 1, 1)), DtypeError,
     "uint8"),
    ("back-filters", lambda: convolution.ConvolutionInputGradient((4, 4), *PLAIN)(
        floats(1, 3, 3, 2), floats(2, 2, 1, 3)), ShapeError, r"\(2, 2, 1, 3\) for g"),
    ("back-count", lambda: convolution.ConvolutionInputGradient((5, 4), *PLAIN)(
        floats(1, 3, 3, 2), floats(2, 2, 1, 2)), ShapeError, r"batch, \*\(4, 3\)"),
    ("back-groups", lambda: convolution.ConvolutionInputGradient((4, 4), *PLAIN, 2)(
        floats(1, 3, 3, 3), floats(2, 2, 1, 3)), ArgumentError, "2 groups"),
    ("kernel-batch", lambda: convolution.ConvolutionKernelGradient((2, 2), *PLAIN)(
        floats(1, 4, 4, 1), floats(2, 3, 3, 1)), ShapeError, r"\(2, 3, 3, 1\)"),
    ("kernel-count", lambda: convolution.ConvolutionKernelGradient((2, 2), *PLAIN)(
        floats(2, 4, 4, 1), floats(2, 3, 4, 1)), ShapeError, r"batch, \*\(3, 3\)"),
    ("kernel-groups", lambda: convolution.ConvolutionKernelGradient((2, 2), *PLAIN, 3)(
        floats(2, 4, 4, 4), floats(2, 3, 3, 3)), ArgumentError, "3 groups, 4 channels"),
    ("pool-padding", lambda: pooling.MaxPool((2, 2), ONE, ((2, 0), (0, 0)))(floats(1, 4, 4, 1)),
     ArgumentError, "below the window's length"),
    ("pool-room", lambda: pooling.AveragePool((5, 1), ONE, NONE)(floats(1, 4, 4, 1)), ShapeError,
     r"span \(5, 1\)"),
    ("pool-places", lambda: pooling.MaxPoolTake(*PAIRS)(floats(1, 4, 4, 1), bytes_(1, 2, 1, 1)),
     ShapeError, r"\(1, 2, 2, 1\). Got places \(1, 2, 1, 1\)"),
    ("pool-floats", lambda: pooling.MaxPoolGradient((4, 4), *PAIRS)(
        floats(1, 2, 2, 1), floats(1, 2, 2, 1)), DtypeError, "integer indices. Got float32"),
    ("pool-count", lambda: pooling.AveragePoolGradient((6, 4), *PAIRS)(floats(1, 2, 2, 1)),
     ShapeError, r"\*\(3, 2\)"),
    ("word", lambda: ops.conv(floats(1, 4, 4, 1), floats(2, 2, 1, 1), padding="full"),
     ArgumentError, "Got 'full'"),
    ("format", lambda: ops.conv(floats(1, 4, 4, 1), floats(2, 2, 1, 1), data_format="last"),
     ArgumentError, "Got 'last'"),
    ("kernel-axes", lambda: ops.conv(floats(1, 4, 4, 1), floats(2, 1, 1)), ShapeError, "3 axes"),
    ("uneven", lambda: ops.conv(floats(1, 4, 4, 3), floats(2, 2, 2, 4)), ShapeError, "Got 2 of"),
    ("no-channels", lambda: ops.conv(floats(1, 4, 4, 3), floats(2, 2, 0, 4)), ShapeError, "Got 0"),
    ("each", lambda: ops.depthwise_conv(floats(1, 4, 4, 3), floats(2, 2, 1, 3)), ShapeError,
     r"kernel \(2, 2, 1, 3\)"),
    ("back-word", lambda: ops.conv_transpose(floats(1, 4, 4, 1), floats(2, 2, 1, 1), 1, "causal"),
     ArgumentError, "'valid' or 'same'. Got 'causal'"),
    ("back-more", lambda: ops.conv_transpose(
        floats(1, 4, 4, 1), floats(2, 2, 1, 1), 2, output_padding=2), ArgumentError, "Got 2 for"),
    ("back-negative", lambda: ops.conv_transpose(
        floats(1, 4, 4, 1), floats(2, 2, 1, 1), 2, output_padding=-1), ArgumentError, "from 0 on"),
    ("back-empty", lambda: ops.conv_transpose(floats(1, 0, 4, 1), floats(2, 2, 1, 1)), ShapeError,
     "one element at least"),
]  # fmt: skip


@pytest.mark.parametrize(
    "build, kind, message", [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_is_refused(build: Callable[[], Any], kind: type[GlassgradError], message: str) -> None:
    with pytest.raises(kind, match=message):
        build()


@pytest.mark.parametrize("window", [1, 2, 3, 4, 7])
def test_same_means_a_window_for_each_stride(window: int) -> None:
    for length, stride, dilation in product(range(1, 12), (1, 2, 3, 5), (1, 2)):
        ((before, after),) = same_padding((length,), (window,), (stride,), (dilation,))
        wanted, span = -(-length // stride), (window - 1) * dilation + 1
        assert 0 <= after - before <= 1
        assert window_count("same", length, window, stride, dilation) == wanted
        if before + after:  # no more than is needed
            assert (length + before + after - 1 - span) // stride + 1 < wanted


@pytest.mark.parametrize("window", [1, 2, 3, 4, 7])
def test_a_convolution_over_the_transposed_space_has_as_many_windows(window: int) -> None:
    for stride, further in product((1, 2, 3, 5), (None, 0, 1)):
        if further is not None and further >= stride:
            continue
        more = None if further is None else (further,)
        for padding, count in product(("valid", "same"), (1, 2, 5)):
            (length,), (widths,) = transposed_space(
                padding, (count,), (window,), (stride,), (1,), more
            )
            if length > 0:
                assert (length + sum(widths) - window) // stride + 1 == count
            if further is None and padding == "same":
                assert length == count * stride


def test_bytes_meet_floats() -> None:
    kernel = np.full((1, 1, 1, 1), 0.5, "float32")
    y = ops.conv(np.full((1, 1, 1, 1), 250, "uint8"), kernel)
    assert (y.dtype, y.item()) == (np.dtype("float32"), 125.0)


def test_symbolic_tensors_are_recorded() -> None:
    image = Input((None, 8, 3))
    y = ops.conv(image, np.ones((2, 2, 3, 5), "float32"), strides=2, padding="same")
    assert y.shape == (None, None, 4, 5)
    assert ops.nn.max_pool(y, 2).shape == (None, None, 2, 5)
    assert ops.image.resize(image, (3, 4)).shape == (None, 3, 4, 3)


def test_places_in_the_padding_are_nobodys() -> None:
    take = pooling.MaxPoolTake((2,), (2,), ((1, 1),))
    back = pooling.MaxPoolGradient((2,), (2,), (2,), ((1, 1),))
    places = np.array([[[0], [1]]], "uint8")  # before the first element, and after the last
    x = np.array([[[np.inf], [np.nan]]], "float32")
    assert take(x, places).numpy().ravel().tolist() == [0, 0]
    assert back(np.ones((1, 2, 1), "float32"), places).numpy().ravel().tolist() == [0, 0]
