from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad import layers
from glassgrad.errors import ArgumentError, DataError, NotBuiltError, ShapeError
from glassgrad.execute.executor import executor_named
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Trace, placeholder, tracing
from glassgrad.models import Sequential, load_model

PIXELS = np.array([[0, 51, 255], [1, 2, 3]], np.uint8)


@pytest.mark.parametrize(
    "scale, offset",
    [(1 / 255, 0.0), (1 / 127.5, -1), (2, 3), ([1.0, 2.0, 3.0], 0.5), (-1.0, [1, 2, 3])],
)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32", "float64"])
def test_the_formula(scale: Any, offset: Any, dtype: str) -> None:
    layer = layers.Rescaling(scale, offset)
    y = layer(PIXELS.astype(dtype)).numpy()
    assert y.dtype == "float32"
    assert y == pytest.approx(PIXELS * np.asarray(scale) + np.asarray(offset), rel=1e-6)
    assert layer.compute_output_shape((None, 3)) == (None, 3)
    assert layer.weights == []


def test_the_layer_has_the_last_word_on_the_dtype() -> None:
    assert layers.Rescaling(0.1, dtype="float64")(PIXELS).dtype == "float64"


@pytest.mark.parametrize("name", ["cpu", "reference"])
def test_executors_take_stored_pixels(name: str) -> None:
    x = placeholder(PIXELS.shape, "uint8")
    with tracing(Trace()):
        y = layers.Rescaling(1 / 255, -0.5)(x)
    (found,) = executor_named(name).compile([y], [x])(PIXELS)
    assert found == pytest.approx(PIXELS / 255 - 0.5, abs=1e-6)


def test_the_gradient_of_floats_is_the_scale() -> None:
    x = Tensor(np.ones((2, 3), "float32"))
    (slope,) = gradients(layers.Rescaling([1.0, 2.0, 3.0])(x).sum(), [x])
    assert slope is not None
    assert np.array_equal(slope.numpy(), [[1, 2, 3], [1, 2, 3]])


@pytest.mark.parametrize(
    "scale", [float("nan"), float("inf"), "a", None, [], [[1.0]], [1.0, float("nan")]]
)
def test_what_is_no_number_is_refused(scale: Any) -> None:
    with pytest.raises(ArgumentError, match="scale must be a finite number"):
        layers.Rescaling(scale)
    with pytest.raises(ArgumentError, match="offset must be a finite number"):
        layers.Rescaling(1.0, scale)


# ---- Normalization

TABLE = np.random.default_rng(0).normal([1.0, -50.0, 0.001], [2.0, 30.0, 0.01], (200, 3))
IMAGES = np.random.default_rng(1).normal(3.0, 2.0, (6, 4, 5, 2))


def expected(x: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    mean, spread = x.mean(axes, keepdims=True), x.std(axes, keepdims=True)
    return np.asarray((x - mean) / np.maximum(spread, 1e-7))


@pytest.mark.parametrize(
    "x, axis, others",
    [
        (TABLE, -1, (0,)),
        (TABLE, None, (0, 1)),
        (TABLE, 1, (0,)),
        (IMAGES, -1, (0, 1, 2)),
        (IMAGES, (1, -1), (0, 2)),
        (IMAGES, (3, 2, 1), (0,)),
        (IMAGES, None, (0, 1, 2, 3)),
        (TABLE[:, 0], None, (0,)),
    ],
)
def test_adapted_data_have_mean_0_and_variance_1(
    x: np.ndarray, axis: Any, others: tuple[int, ...]
) -> None:
    layer = layers.Normalization(axis, dtype="float64")
    layer.adapt(x)
    np.testing.assert_allclose(layer(as_float64(x)).numpy(), expected(x, others), atol=1e-12)
    assert layer.count.numpy() == x.size // layer.mean.size
    assert layer.compute_output_shape((None, *x.shape[1:])) == (None, *x.shape[1:])
    back = layers.Normalization(axis, invert=True, dtype="float64")
    back.adapt(x)
    np.testing.assert_allclose(back(layer(as_float64(x))).numpy(), x, atol=1e-10)


def as_float64(x: np.ndarray) -> Tensor:
    return Tensor(x, dtype="float64")


def test_it_does_not_matter_how_the_data_are_cut() -> None:
    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(TABLE)
    parts.adapt((TABLE[begin : begin + 7], "targets") for begin in range(0, 200, 7))
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_adapting_again_forgets() -> None:
    layer = layers.Normalization()
    layer.adapt(TABLE * 100 + 3)
    layer.adapt(TABLE)
    assert layer.count.numpy() == 200
    assert layer.get_weights()[0] == pytest.approx(TABLE.mean(0), rel=1e-6)


def test_a_constant_column_becomes_0() -> None:
    layer = layers.Normalization()
    layer.adapt(np.full((1000, 1), 0.1))
    assert layer([[0.1]]).numpy().tolist() == [[0.0]]


def test_given_statistics_are_no_weights() -> None:
    layer = layers.Normalization(mean=[1.0, 2.0], variance=[4.0, 0.0])
    assert layer([[3.0, 2.0]]).numpy().tolist() == [[1.0, 0.0]]
    assert layer.weights == []
    number = layers.Normalization(axis=None, mean=2, variance=4.0)
    assert number([[4.0, 0.0]]).numpy().tolist() == [[1.0, -1.0]]
    both = layers.Normalization((1, 2), mean=[1.0, 2.0], variance=[1.0, 1.0])
    assert both([[[1.0, 2.0], [2.0, 3.0]]]).numpy().tolist() == [[[0.0, 0.0], [1.0, 1.0]]]


def test_nothing_of_it_is_trained() -> None:
    layer = layers.Normalization()
    model = Sequential([layer, layers.Dense(1)])
    layer.adapt(TABLE)
    before = layer.get_weights()
    model.compile("adam", "mse")
    model.fit(TABLE, TABLE[:, 0], verbose=0)
    assert layer.trainable_weights == []
    assert all(map(np.array_equal, before, layer.get_weights()))


def test_statistics_are_saved_in_the_model_file(tmp_path: Path) -> None:
    layer = layers.Normalization(name="norm")
    layer.adapt(TABLE)
    model = Sequential([layers.Input((3,)), layer, layers.Dense(2)])
    model.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    np.testing.assert_array_equal(again.predict(TABLE), model.predict(TABLE))
    nested = Sequential([layers.Input((3,)), Sequential([layers.Input((3,)), layer])])
    nested.save(tmp_path / "nested")
    np.testing.assert_array_equal(
        load_model(tmp_path / "nested").predict(TABLE), nested.predict(TABLE)
    )


def test_what_is_learnt_after_the_first_run_counts() -> None:
    layer = layers.Normalization()
    model = Sequential([layers.Input((3,)), layer])
    layer.adapt(TABLE)
    model.predict(TABLE)
    layer.adapt(TABLE + 100.0)
    np.testing.assert_allclose(model.predict(TABLE + 100.0), expected(TABLE, (0,)), atol=1e-3)


def test_use_before_adapting_is_refused() -> None:
    with pytest.raises(NotBuiltError, match="adapt"):
        layers.Normalization()(TABLE)
    model = Sequential([layers.Input((3,)), layers.Normalization(), layers.Dense(1)])
    assert model.output_shape == (None, 1)
    with pytest.raises(NotBuiltError, match="call adapt"):
        model.predict(TABLE)
    model.compile("sgd", "mse")
    with pytest.raises(NotBuiltError, match="call adapt"):
        model.fit(TABLE, TABLE[:, 0], verbose=0)
    unbuilt = Sequential([layers.Normalization(), layers.Dense(1)])
    with pytest.raises(NotBuiltError, match="call adapt"):
        unbuilt.predict(TABLE)


def test_weights_that_were_set_count_as_learnt() -> None:
    layer = layers.Normalization()
    layer.build((None, 1))
    layer.set_weights([[2.0], [4.0], 0])
    assert layer([[4.0]]).numpy().tolist() == [[1.0]]


@pytest.mark.parametrize(
    "act, error, message",
    [
        (lambda: layers.Normalization("last"), ArgumentError, "Got 'last'"),
        (lambda: layers.Normalization(mean=1.0), ArgumentError, "must both be given"),
        (lambda: layers.Normalization(variance=1.0), ArgumentError, "must both be given"),
        (lambda: layers.Normalization(mean=[1.0], variance=1.0), ArgumentError, "of one shape"),
        (lambda: layers.Normalization(mean=1.0, variance=-1.0), ArgumentError, "below 0"),
        (lambda: layers.Normalization(mean="a", variance=1.0), ArgumentError, "Got mean='a'"),
        (lambda: layers.Normalization(mean=float("nan"), variance=1.0), ArgumentError, "finite"),
        (lambda: layers.Normalization(mean=[[1.0]], variance=[[1.0]]), ArgumentError, "one axis"),
        (lambda: layers.Normalization(mean=0.0, variance=1.0).adapt(TABLE), ArgumentError, "given"),
        (
            lambda: layers.Normalization(mean=[0.0] * 2, variance=[1.0] * 2)(TABLE),
            ShapeError,
            r"shape \(2,\).*lengths \(3,\)",
        ),
        (lambda: layers.Normalization().adapt(TABLE[:, 0]), ShapeError, "axis=None"),
        (lambda: layers.Normalization(2).adapt(TABLE), ShapeError, "wants axis 2"),
        (lambda: layers.Normalization().adapt([]), DataError, "no examples"),
        (lambda: layers.Normalization().adapt([[1.0, np.nan]]), DataError, r"Got nan at \(0, 1\)"),
        (lambda: layers.Normalization().adapt([["a"]]), DataError, "fitted on numbers"),
        (
            lambda: layers.Normalization().adapt([np.ones((2, 3)), np.ones((2, 4))]),
            ShapeError,
            "length 3, found 4",
        ),
        (lambda: layers.Normalization().build((None, None)), ShapeError, "must be known"),
    ],
)
def test_misuse_of_normalization_is_explained(
    act: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        act()
