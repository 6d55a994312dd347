from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import layers
from glassgrad.errors import ArgumentError, ShapeError


def numbered(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype="float32").reshape(shape)


@pytest.mark.parametrize(
    "shape, expected",
    [((4, 2, 3), (4, 6)), ((4, 5), (4, 5)), ((4,), (4, 1)), ((0, 2, 3), (0, 6)), ((2, 0), (2, 0))],
)
def test_flatten(shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    x = numbered(*shape)
    assert np.array_equal(layers.Flatten()(x).numpy(), x.reshape(expected))
    assert layers.Flatten().compute_output_shape((None, *shape[1:])) == (None, *expected[1:])


def test_flattening_puts_channels_last() -> None:
    x = numbered(2, 3, 4, 5)
    first = layers.Flatten("channels_first")(x.transpose(0, 3, 1, 2)).numpy()
    assert np.array_equal(first, layers.Flatten("channels_last")(x).numpy())
    assert layers.Flatten("channels_first").compute_output_shape((None, 2, 3)) == (None, 6)


def test_open_lengths_stay_open() -> None:
    assert layers.Flatten().compute_output_shape((None, None, 3)) == (None, None)
    assert layers.Reshape((2, -1)).compute_output_shape((None, None, 3)) == (None, 2, None)
    assert layers.Permute((2, 1)).compute_output_shape((None, None, 3)) == (None, 3, None)
    assert layers.RepeatVector(2).compute_output_shape((None, None)) == (None, 2, None)


def test_integers_stay_integers() -> None:
    assert layers.Flatten()(np.ones((2, 2, 2), np.uint8)).dtype == "uint8"
    assert layers.Permute((2, 1))(np.ones((2, 2, 2), np.uint8)).dtype == "uint8"


@pytest.mark.parametrize(
    "shape, target, expected",
    [
        ((2, 6), (3, 2), (2, 3, 2)),
        ((2, 3, 4), (12,), (2, 12)),
        ((2, 3, 4), (-1, 6), (2, 2, 6)),
        ((2, 1), (), (2,)),
        ((2,), (1, -1), (2, 1, 1)),
        ((0, 4), (-1, 2), (0, 2, 2)),
    ],
)
def test_reshape(
    shape: tuple[int, ...], target: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    x = numbered(*shape)
    layer = layers.Reshape(target)
    assert np.array_equal(layer(x).numpy(), x.reshape(expected))
    assert layer.compute_output_shape((None, *shape[1:])) == (None, *expected[1:])


@pytest.mark.parametrize("dims", [(1, 2, 3), (3, 1, 2), (2, 3, 1)])
def test_permute(dims: tuple[int, ...]) -> None:
    x = numbered(2, 3, 4, 5)
    assert np.array_equal(layers.Permute(dims)(x).numpy(), x.transpose(0, *dims))
    assert layers.Permute(dims).compute_output_shape((None, 3, 4, 5)) == (
        None, *(x.shape[axis] for axis in dims),
    )  # fmt: skip


def test_repeat_vector() -> None:
    x = numbered(2, 3)
    layer = layers.RepeatVector(4)
    assert np.array_equal(layer(x).numpy(), np.repeat(x[:, None], 4, axis=1))
    assert layer.compute_output_shape((None, 3)) == (None, 4, 3)


@pytest.mark.parametrize(
    "act, error, message",
    [
        (lambda: layers.Flatten("NHWC"), ArgumentError, "'channels_first'. Got 'NHWC'"),
        (lambda: layers.Reshape((-1, -1)), ArgumentError, "may be -1"),
        (lambda: layers.Reshape((0, 2)), ArgumentError, r"positive lengths.*Got \(0, 2\)"),
        (lambda: layers.Reshape((2, -3)), ArgumentError, "positive lengths"),
        (lambda: layers.Reshape(6), ArgumentError, "sequence of integers"),
        (lambda: layers.Reshape((2.5,)), ArgumentError, "sequence of integers"),
        (lambda: layers.Reshape((4,))(numbered(2, 6)), ShapeError, "6 elements"),
        (lambda: layers.Reshape((4, -1))(numbered(2, 6)), ShapeError, "6 elements"),
        (lambda: layers.Reshape((4,)).compute_output_shape((None, 6)), ShapeError, "6 elements"),
        (lambda: layers.Permute((0, 1)), ArgumentError, "counted from 1"),
        (lambda: layers.Permute((1, 1)), ArgumentError, "counted from 1"),
        (lambda: layers.Permute("12"), ArgumentError, "sequence of integers"),
        (lambda: layers.Permute((2, 1))(numbered(2, 6)), ShapeError, "expected 3 axes, found 2"),
        (lambda: layers.RepeatVector(0), ArgumentError, "n must be a positive integer"),
        (lambda: layers.RepeatVector(2)(numbered(2, 3, 4)), ShapeError, "expected 2 axes, found 3"),
    ],
)
def test_misuse_is_explained(act: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()
