"""Pooling, window by window and over all space."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from glassgrad import grad, layers, ops
from glassgrad.errors import ArgumentError, GlassgradError, ShapeError
from glassgrad.execute.executor import executor_named
from glassgrad.graph import placeholder
from glassgrad.ops.pooling import MaxPool, MaxPoolGradient

INF, NAN = float("inf"), float("nan")
IMAGE = np.random.default_rng(0).normal(size=(2, 7, 5, 3)).astype("float32")


def column(*values: float) -> np.ndarray:
    return np.array(values, "float32").reshape(1, -1, 1)


def test_the_first_of_equal_elements_gets_the_gradient() -> None:
    x = column(1, 1, 1, 2, 2, 1)
    slope = grad(lambda x: layers.MaxPooling1D(3)(x).sum())(x).numpy().ravel()
    assert slope.tolist() == [1, 0, 0, 1, 0, 0]
    given = torch.tensor(x.transpose(0, 2, 1), requires_grad=True)
    functional.max_pool1d(given, 3).sum().backward()
    assert given.grad is not None
    assert given.grad.numpy().ravel().tolist() == slope.tolist()


def test_overlapping_windows_add_their_gradients_up() -> None:
    slope = grad(lambda x: layers.MaxPooling1D(3, 1)(x).sum())(column(0, 1, 5, 2, 3))
    assert slope.numpy().ravel().tolist() == [0, 0, 3, 0, 0]


@pytest.mark.parametrize(
    "values, expected",
    [
        ((1, NAN, 3, 2), [NAN, 3]),
        ((NAN, NAN, -INF, -INF), [NAN, -INF]),
        ((INF, 1, NAN, INF), [INF, NAN]),
    ],
)
def test_not_a_number_wins(values: tuple[float, ...], expected: list[float]) -> None:
    x = column(*values)
    np.testing.assert_array_equal(layers.MaxPooling1D(2)(x).numpy().ravel(), expected)
    by_torch = functional.max_pool1d(torch.tensor(x.transpose(0, 2, 1)), 2).numpy().ravel()
    np.testing.assert_array_equal(by_torch, expected)


@pytest.mark.parametrize("executor", ["cpu", "reference"])
def test_of_several_that_are_not_numbers_the_first_is_meant(executor: str) -> None:
    x = placeholder((1, 6, 1))
    _, places = MaxPool((3,), (3,), ((0, 0),))(x)
    program = executor_named(executor).compile([places], [x])
    (found,) = program(column(1, NAN, NAN, NAN, 5, NAN))
    assert found.ravel().tolist() == [1, 0]


def test_padding_never_wins() -> None:
    """Not even against minus infinity: the gradient stays in the image."""
    x = np.full((1, 3, 1), -INF, "float32")
    y, places = MaxPool((3,), (2,), ((1, 1),))(x)
    assert y.numpy().ravel().tolist() == [-INF, -INF]
    assert places.numpy().ravel().tolist() == [1, 0]
    back = MaxPoolGradient((3,), (3,), (2,), ((1, 1),))(np.ones((1, 2, 1), "float32"), places)
    assert back.numpy().sum() == 2


@pytest.mark.parametrize("window, dtype", [((15, 17), "uint8"), ((16, 16), "int32")])
def test_places_are_as_small_as_they_can_be(window: tuple[int, ...], dtype: str) -> None:
    x = np.arange(16 * 17.0).reshape(1, 16, 17, 1)
    _, places = MaxPool(window, (1, 1), ((0, 0), (0, 0)))(x)
    assert places.dtype == dtype
    assert places.numpy().ravel()[0] == window[0] * window[1] - 1


def test_whole_numbers_stay_whole_and_their_mean_does_not() -> None:
    x = np.array([[[3], [4], [250], [255]]], "uint8")
    largest, mean = layers.MaxPooling1D(2)(x), layers.AveragePooling1D(2)(x)
    assert (largest.dtype, largest.numpy().ravel().tolist()) == (np.dtype("uint8"), [4, 255])
    assert (mean.dtype, mean.numpy().ravel().tolist()) == (np.dtype("float32"), [3.5, 252.5])
    assert layers.GlobalAveragePooling1D()(x).item() == 128.0


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_a_mean_leaves_padding_out(rank: int, strides: int) -> None:
    """Uneven padding, in which Keras on PyTorch counts the border twice: by plain loops."""
    x = np.random.default_rng(0).normal(size=(2, *(5, 4, 3)[:rank], 2)).astype("float32")
    layer = getattr(layers, f"AveragePooling{rank}D")(2, strides, "same")
    y = layer(x).numpy()
    for index in np.ndindex(y.shape[1:-1]):
        seen = x[(slice(None), *(slice(i * strides, i * strides + 2) for i in index))]
        expected = seen.mean(axis=tuple(range(1, rank + 1)))
        np.testing.assert_allclose(y[(slice(None), *index)], expected, rtol=1e-5, atol=1e-6)


def test_a_mean_over_time_heeds_a_mask() -> None:
    x = np.arange(12.0, dtype="float32").reshape(2, 3, 2)
    mask = np.array([[True, False, True], [False, True, False]])
    expected = [x[0, [0, 2]].mean(0), x[1, 1]]
    for keepdims in (False, True):
        layer = layers.GlobalAveragePooling1D(keepdims=keepdims)
        y = layer(x, mask=mask).numpy().reshape(2, 2)
        np.testing.assert_allclose(y, expected)
    first = layers.GlobalAveragePooling1D("channels_first")
    np.testing.assert_allclose(first(x.transpose(0, 2, 1), mask=mask).numpy(), expected)


@pytest.mark.parametrize("other, name", [
    ("MaxPool2D", "MaxPooling2D"),
    ("AvgPool1D", "AveragePooling1D"),
    ("GlobalMaxPool3D", "GlobalMaxPooling3D"),
    ("GlobalAvgPool2D", "GlobalAveragePooling2D"),
    ("Convolution2D", "Conv2D"),
    ("SeparableConvolution1D", "SeparableConv1D"),
])  # fmt: skip
def test_other_names(other: str, name: str) -> None:
    assert getattr(layers, other) is getattr(layers, name)
    config = layers.serialize(layers.MaxPool2D(3, name="most"))
    assert config["class_name"] == "MaxPooling2D"
    again = layers.deserialize({**config, "class_name": "MaxPool2D"})
    assert again.get_config() == config["config"]


@pytest.mark.parametrize(
    "layer, shape, expected",
    [
        (layers.MaxPooling2D(), (None, None, 5, 3), (None, None, 2, 3)),
        (layers.MaxPooling2D(padding="same"), (None, 3, 5, None), (None, 2, 3, None)),
        (layers.AveragePooling1D(2, 1), (4, None, 3), (4, None, 3)),
        (layers.GlobalMaxPooling2D(), (None, None, None, 3), (None, 3)),
        (layers.GlobalAveragePooling1D("channels_first", True), (2, 3, None), (2, 3, 1)),
    ],
)
def test_open_lengths_stay_open(layer: Any, shape: Any, expected: Any) -> None:
    assert layer.compute_output_shape(shape) == expected


REFUSALS: list[tuple[str, Callable[[], Any], type[GlassgradError], str]] = [
    ("window", lambda: layers.MaxPooling2D(0), ArgumentError, "pool_size .* Got 0"),
    ("axes", lambda: layers.MaxPooling1D((2, 2)), ArgumentError, r"1 of them. Got \(2, 2\)"),
    ("strides", lambda: layers.AveragePooling2D(2, -1), ArgumentError, "strides .* Got -1"),
    ("padding", lambda: layers.MaxPooling1D(padding="causal"), ArgumentError, "Got 'causal'"),
    ("format", lambda: layers.GlobalMaxPooling1D("last"), ArgumentError, "Got 'last'"),
    ("rank", lambda: layers.MaxPooling2D()(IMAGE[0]), ShapeError, "4 axes, found 3"),
    ("short", lambda: layers.MaxPooling2D(6)(IMAGE), ShapeError, "axis 2 of space, of length 5"),
    ("empty", lambda: layers.MaxPooling2D(2, padding="same")(IMAGE[:, :0]), ShapeError, "axis 1"),
    ("none", lambda: layers.GlobalMaxPooling2D()(IMAGE[:, :0]), ShapeError, "length 0"),
    ("function", lambda: ops.max_pool(IMAGE, 2, padding="causal"), ArgumentError, "'causal'"),
    ("vector", lambda: ops.average_pool(IMAGE[0, 0], 2), ShapeError, r"Got \(5, 3\)"),
]


@pytest.mark.parametrize(
    "build, kind, message", [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_is_refused(build: Callable[[], Any], kind: type[GlassgradError], message: str) -> None:
    with pytest.raises(kind, match=message):
        build()
