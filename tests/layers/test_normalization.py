from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from glassgrad import layers
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.execute.executor import executor_named
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Trace, placeholder, tracing
from glassgrad.layers import (
    BatchNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
from glassgrad.models import Sequential, load_model
from glassgrad.random_seed import seeded

TABLE = np.random.default_rng(0).normal(2.0, 3.0, (8, 5))
IMAGES = np.random.default_rng(1).normal(-1.0, 2.0, (3, 4, 5, 2))


def made(layer: layers.Layer, x: np.ndarray) -> layers.Layer:
    """Built in float64, with weights that are no longer what they began as."""
    layer.build(x.shape)
    rng = np.random.default_rng(2)
    layer.set_weights([rng.uniform(0.5, 2.0, weight.shape) for weight in layer.weights])
    return layer


def value_and_slopes(
    layer: layers.Layer, x: np.ndarray, training: bool = False
) -> tuple[np.ndarray, list[np.ndarray]]:
    """The output, and the gradients of a loss that treats every element differently."""
    inputs = Tensor(x, dtype="float64")
    with tracing(Trace(training=training)):
        y = layer(inputs)
        loss = (y.square() * Tensor(weights_of(x), dtype="float64")).sum()
        slopes = gradients(loss, [inputs, *layer.trainable_weights])
    return y.numpy(), [slope.numpy() for slope in slopes if slope is not None]


def weights_of(x: np.ndarray) -> np.ndarray:
    return np.linspace(-1.0, 2.0, x.size).reshape(x.shape)


def require_torch_agrees(
    found: tuple[np.ndarray, list[np.ndarray]], y: torch.Tensor, *tensors: torch.Tensor
) -> None:
    loss = (y.square() * torch.tensor(weights_of(found[0]))).sum()
    expected = torch.autograd.grad(loss, tensors)
    np.testing.assert_allclose(found[0], y.detach(), rtol=1e-10, atol=1e-12)
    for ours, theirs in zip(found[1], expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


def leaf(value: Any) -> torch.Tensor:
    return torch.tensor(value, requires_grad=True)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("x", [TABLE, IMAGES], ids=["table", "images"])
def test_batch_normalization_is_that_of_torch(x: np.ndarray, training: bool) -> None:
    layer = made(BatchNormalization(momentum=0.9, epsilon=0.01, dtype="float64"), x)
    gamma, beta, mean, variance = map(leaf, layer.get_weights())
    found = value_and_slopes(layer, x, training)
    inputs = leaf(x)
    y = functional.batch_norm(
        inputs.movedim(-1, 1), mean.detach(), variance.detach(), gamma, beta, training, 0.1, 0.01
    ).movedim(1, -1)
    require_torch_agrees(found, y, inputs, gamma, beta)


@pytest.mark.parametrize("axis", [1, -1, 2])
def test_moving_statistics_follow_those_of_the_batch(axis: int) -> None:
    layer = made(BatchNormalization(axis, momentum=0.75, dtype="float64"), IMAGES)
    mean, variance = (weight.numpy() for weight in layer.non_trainable_weights)
    others = tuple(a for a in range(4) if a != axis % 4)
    for _ in range(2):
        layer(Tensor(IMAGES, dtype="float64"), training=True)
        mean = 0.75 * mean + 0.25 * IMAGES.mean(others)
        variance = 0.75 * variance + 0.25 * IMAGES.var(others)
    np.testing.assert_allclose(layer.non_trainable_weights[0].numpy(), mean, rtol=1e-12)
    np.testing.assert_allclose(layer.non_trainable_weights[1].numpy(), variance, rtol=1e-12)
    before = layer.get_weights()
    layer(IMAGES)
    assert all(map(np.array_equal, before, layer.get_weights()))


def test_a_frozen_layer_uses_its_moving_statistics() -> None:
    layer = made(BatchNormalization(), TABLE)
    as_in_inference = layer(TABLE).numpy()
    assert not np.allclose(layer(TABLE, training=True).numpy(), as_in_inference)
    layer = made(BatchNormalization(), TABLE)
    layer.trainable = False
    before = layer.get_weights()
    np.testing.assert_array_equal(layer(TABLE, training=True).numpy(), as_in_inference)
    assert all(map(np.array_equal, before, layer.get_weights()))
    assert layer.trainable_weights == []


def test_freezing_makes_a_program_of_its_own() -> None:
    layer = BatchNormalization(center=False, scale=False)
    model = Sequential([layers.Input((5,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(TABLE, TABLE[:, 0], verbose=0)
    moved = layer.moving_mean.numpy()
    assert moved.any()
    layer.trainable = False
    model.fit(TABLE, TABLE[:, 0], verbose=0)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), moved)
    layer.trainable = True
    model.fit(TABLE, TABLE[:, 0], verbose=0)
    assert not np.array_equal(layer.moving_mean.numpy(), moved)


def test_a_shared_layer_sees_both_calls() -> None:
    layer = BatchNormalization(momentum=0.5, center=False, scale=False)
    layer.build((None, 1))
    x = placeholder((2, 1))
    with tracing(Trace(training=True)) as trace:
        y = layer(x) + layer(x + 4.0)
    executor_named("reference").compile([y], [x], trace.updates)(np.array([[1.0], [3.0]], "f4"))
    assert layer.moving_mean.numpy() == pytest.approx([0.5 * (0.5 * 2.0) + 0.5 * 6.0])


def test_statistics_are_saved_and_training_goes_on_from_them(tmp_path: Path) -> None:
    def new() -> Sequential:
        with seeded(1):
            model = Sequential([layers.Input((5,)), layers.Dense(4), BatchNormalization()])
        model.compile("adam", "mse")
        return model

    def trained(model: Any, epochs: int) -> Any:
        model.fit(TABLE, TABLE[:, :4], epochs=epochs, shuffle=False, verbose=0)
        return model

    trained(new(), 2).save(tmp_path / "model")
    continued = trained(load_model(tmp_path / "model"), 2).get_weights()
    for ours, whole in zip(continued, trained(new(), 4).get_weights(), strict=True):
        np.testing.assert_array_equal(ours, whole)


@pytest.mark.parametrize("axis, trailing", [(-1, 1), ([1, 2, 3], 3), ((2, -1), 2)])
def test_layer_normalization_is_that_of_torch(axis: Any, trailing: int) -> None:
    layer = made(LayerNormalization(axis, epsilon=0.01, dtype="float64"), IMAGES)
    gamma, beta = map(leaf, layer.get_weights())
    inputs = leaf(IMAGES)
    y = functional.layer_norm(inputs, IMAGES.shape[-trailing:], gamma, beta, 0.01)
    require_torch_agrees(value_and_slopes(layer, IMAGES), y, inputs, gamma, beta)


def test_layer_normalization_over_an_axis_in_the_middle() -> None:
    layer = made(LayerNormalization(1, epsilon=0.01, dtype="float64"), IMAGES)
    gamma, beta = map(leaf, layer.get_weights())
    inputs = leaf(IMAGES)
    y = functional.layer_norm(inputs.movedim(1, -1), (4,), gamma, beta, 0.01).movedim(-1, 1)
    require_torch_agrees(value_and_slopes(layer, IMAGES), y, inputs, gamma, beta)


def test_root_mean_square_normalization_is_that_of_torch() -> None:
    layer = made(RMSNormalization([2, 3], epsilon=0.01, dtype="float64"), IMAGES)
    (scale,) = map(leaf, layer.get_weights())
    inputs = leaf(IMAGES)
    y = functional.rms_norm(inputs, (5, 2), scale, 0.01)
    require_torch_agrees(value_and_slopes(layer, IMAGES), y, inputs, scale)


@pytest.mark.parametrize("axis", [-1, 1, (1, 2)])
def test_unit_normalization(axis: Any) -> None:
    layer = UnitNormalization(axis, dtype="float64")
    inputs = leaf(IMAGES)
    y = inputs / torch.linalg.vector_norm(inputs, dim=axis, keepdim=True)
    require_torch_agrees(value_and_slopes(layer, IMAGES), y, inputs)


@pytest.mark.parametrize("kind", [BatchNormalization, LayerNormalization, RMSNormalization])
def test_constant_and_huge_values_stay_finite(kind: Any) -> None:
    for x in (np.full((4, 3), 5.0), np.full((4, 3), 1e15), np.zeros((4, 3))):
        layer = kind()
        inputs = Tensor(x)
        y = layer(inputs, training=True)
        (slope,) = gradients(y.sum(), [inputs])
        assert np.isfinite(y.numpy()).all()
        assert slope is not None
        assert np.isfinite(slope.numpy()).all()


@pytest.mark.parametrize("kind", [BatchNormalization, LayerNormalization])
@pytest.mark.parametrize(
    "center, scale, names",
    [(True, True, ["gamma", "beta"]), (False, True, ["gamma"]), (True, False, ["beta"])],
)
def test_what_is_learnt(kind: Any, center: bool, scale: bool, names: list[str]) -> None:
    layer = kind(center=center, scale=scale, gamma_regularizer="l2", beta_initializer="ones")
    layer.build((None, 3))
    assert [weight.name.split("/")[1] for weight in layer.trainable_weights] == names
    layer(TABLE[:, :3])
    assert len(layer.losses) == int(scale)
    assert layer.compute_output_shape((None, 3)) == (None, 3)


def test_integers_become_floats() -> None:
    pixels = np.arange(12, dtype="uint8").reshape(4, 3)
    for kind in (BatchNormalization, LayerNormalization, RMSNormalization, UnitNormalization):
        assert kind()(pixels, training=True).dtype == "float32"


@pytest.mark.parametrize(
    "act, error, message",
    [
        (lambda: BatchNormalization("last"), ArgumentError, "axis must be .* Got 'last'"),
        (lambda: BatchNormalization(momentum=1.5), ArgumentError, r"in \[0, 1\]. Got 1.5"),
        (lambda: BatchNormalization(epsilon=-1.0), ArgumentError, "from 0 on. Got -1.0"),
        (lambda: BatchNormalization(momentum="a"), ArgumentError, "Got 'a'"),
        (lambda: BatchNormalization(2)(TABLE), ShapeError, "wants axis 2, and there are 2"),
        (lambda: BatchNormalization().build((None, None)), ShapeError, "must be known"),
        (lambda: made(BatchNormalization(), TABLE)(TABLE[:, :3]), ShapeError, "length 5, found 3"),
        (lambda: made(BatchNormalization(), TABLE)(TABLE[:, :1]), ShapeError, "length 5, found 1"),
        (lambda: LayerNormalization(epsilon=float("nan")), ArgumentError, "Got nan"),
        (lambda: LayerNormalization([0.5]), ArgumentError, "Got 0.5"),
        (lambda: LayerNormalization(3)(TABLE), ShapeError, "wants axis 3"),
        (lambda: made(LayerNormalization(), TABLE)(IMAGES), ShapeError, "expected 2 axes"),
        (lambda: RMSNormalization(None), ArgumentError, "Got None"),  # type: ignore[arg-type]
        (lambda: UnitNormalization(2)(TABLE), ShapeError, "wants axis 2"),
    ],
)
def test_misuse_is_explained(act: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()
