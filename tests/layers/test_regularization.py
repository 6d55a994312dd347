from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import layers
from glassgrad.errors import ArgumentError, GraphError, ShapeError
from glassgrad.execute.executor import executor_named
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Trace, placeholder, tracing
from glassgrad.random_seed import new_random_state, seeded, set_random_seed

ONES = np.ones((100, 100), "float32")


def test_outside_training_nothing_happens() -> None:
    x = Tensor(ONES)
    assert layers.Dropout(0.5)(x) is x
    assert layers.Dropout(0.0)(x, training=True) is x


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_mean_is_kept(rate: float) -> None:
    set_random_seed(1)
    y = layers.Dropout(rate)(ONES, training=True).numpy()
    assert sorted({float(v) for v in y.ravel()}) == pytest.approx([0, 1 / (1 - rate)])
    assert (y == 0).mean() == pytest.approx(rate, abs=0.02)


def test_every_call_has_a_mask_of_its_own() -> None:
    def masks(layer: layers.Layer) -> list[np.ndarray]:
        with seeded(1):
            return [layer(ONES, training=True).numpy() for _ in range(2)]

    for seed in (None, 7):
        a, b = masks(layers.Dropout(0.5, seed=seed)), masks(layers.Dropout(0.5, seed=seed))
        assert not np.array_equal(a[0], a[1])
        assert np.array_equal(a[0], b[0])
        assert np.array_equal(a[1], b[1])


def test_in_a_program_seed_and_step_decide() -> None:
    def run(seed: int, own_seed: int | None) -> list[np.ndarray]:
        random = new_random_state(seed)
        x = placeholder((100, 100))
        with tracing(Trace(training=True, random=random)) as trace:
            first, second = (layers.Dropout(0.5, seed=own_seed)(x) for _ in range(2))
            random.step.assign(random.step + np.uint32(1))
        program = executor_named("reference").compile([first, second], [x], trace.updates)
        return [*program(ONES), *program(ONES)]

    masks = run(1, None)
    assert all(
        not np.array_equal(a, b) for i, a in enumerate(masks) for b in masks[:i]
    )  # layers and steps differ
    assert all(np.array_equal(a, b) for a, b in zip(masks, run(1, None), strict=True))
    assert not np.array_equal(masks[0], run(2, None)[0])
    assert np.array_equal(run(1, 5)[0], run(2, 5)[0])


def test_the_gradient_passes_where_the_input_does() -> None:
    x = Tensor(ONES)
    y = layers.Dropout(0.5)(x, training=True)
    (slope,) = gradients(y.sum(), [x])
    assert slope is not None
    assert np.array_equal(slope.numpy(), y.numpy())


def test_a_training_trace_without_randomness_is_refused() -> None:
    with tracing(Trace(training=True)), pytest.raises(GraphError, match="new_random_state"):
        layers.Dropout(0.5)(ONES)


# ---- masks of another shape


@pytest.mark.parametrize(
    "layer, shape, shared",
    [
        (layers.Dropout(0.5, noise_shape=(None, 1)), (200, 30), (1,)),
        (layers.Dropout(0.5, noise_shape=[1, 200, None]), (30, 200, 2), (0,)),
        (layers.Dropout(0.5, noise_shape=(200, 30)), (200, 30), ()),
        (layers.SpatialDropout1D(0.5), (40, 5, 50), (1,)),
        (layers.SpatialDropout2D(0.5), (40, 3, 4, 50), (1, 2)),
        (layers.SpatialDropout2D(0.5, "channels_first"), (40, 50, 4, 3), (2, 3)),
        (layers.SpatialDropout3D(0.5), (40, 2, 3, 4, 50), (1, 2, 3)),
    ],
)
def test_all_elements_along_an_axis_share_their_fate(
    layer: layers.Layer, shape: tuple[int, ...], shared: tuple[int, ...]
) -> None:
    set_random_seed(1)
    y = layer(np.ones(shape), training=True).numpy()
    assert set(np.unique(y)) == {0, 2}
    assert y.mean() == pytest.approx(1, abs=0.15)
    differs = [bool(np.ptp(y, axis=axis).any()) for axis in range(y.ndim)]
    assert differs == [axis not in shared for axis in range(y.ndim)]
    assert layer.compute_output_shape((None, *shape[1:])) == (None, *shape[1:])
    assert layer(np.ones(shape)).numpy().all()


# ---- other noise


def test_gaussian_noise() -> None:
    set_random_seed(1)
    noise = layers.GaussianNoise(0.3)(ONES, training=True).numpy() - 1
    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert noise.std() == pytest.approx(0.3, rel=0.02)
    assert (np.abs(noise) > 3 * 0.3).mean() == pytest.approx(0.0027, abs=0.002)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_gaussian_dropout_has_the_moments_of_dropout(rate: float) -> None:
    set_random_seed(1)
    x = np.full((100, 100), 2.0, "float32")
    y = layers.GaussianDropout(rate)(x, training=True).numpy()
    spread = 2 * np.sqrt(rate / (1 - rate))
    assert y.mean() == pytest.approx(2, abs=4 * spread / 100)
    assert y.std() == pytest.approx(spread, rel=0.03)


@pytest.mark.parametrize("rate", [0.1, 0.5])
@pytest.mark.parametrize("noise_shape", [None, (None, 1)])
def test_alpha_dropout_keeps_mean_and_variance(rate: float, noise_shape: Any) -> None:
    set_random_seed(1)
    x = np.random.default_rng(0).normal(size=(1000, 50)).astype("float32")
    y = layers.AlphaDropout(rate, noise_shape)(x, training=True).numpy()
    assert y.mean() == pytest.approx(0, abs=0.1)
    assert y.std() == pytest.approx(1, abs=0.05)
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    limit = -scale * alpha
    stretch = ((1 - rate) * (1 + rate * limit**2)) ** -0.5
    kept = stretch * x - stretch * limit * rate
    silenced = stretch * limit * (1 - rate)
    assert np.allclose(y, np.where(np.isclose(y, silenced, atol=1e-5), y, kept), atol=1e-5)
    assert np.isclose(y, silenced, atol=1e-5).mean() == pytest.approx(rate, abs=0.05)


NOISES = [
    layers.Dropout(0.3),
    layers.Dropout(0.3, (None, 1)),
    layers.GaussianNoise(0.3),
    layers.GaussianDropout(0.3),
    layers.AlphaDropout(0.3),
]


@pytest.mark.parametrize("layer", NOISES, ids=repr)
def test_noise_is_the_same_in_every_executor_and_follows_seed_and_step(
    layer: layers.Layer,
) -> None:
    def run(name: str, seed: int) -> list[np.ndarray]:
        random, x = new_random_state(seed), placeholder((8, 6))
        with tracing(Trace(training=True, random=random)) as trace:
            y = layer(x)
            (slope,) = gradients(y.square().sum(), [x])
            random.step.assign(random.step + np.uint32(1))
        assert slope is not None
        program = executor_named(name).compile([y, slope], [x], trace.updates)
        return [*program(ONES[:8, :6]), *program(ONES[:8, :6])]

    reference, cpu, other = run("reference", 1), run("cpu", 1), run("cpu", 2)
    for a, b in zip(reference, cpu, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    assert not np.allclose(cpu[0], cpu[2])
    assert not np.allclose(cpu[0], other[0])


@pytest.mark.parametrize("layer", [type(one)(0.0) for one in NOISES], ids=repr)
def test_no_noise_is_no_operation(layer: layers.Layer) -> None:
    x = Tensor(ONES)
    assert layer(x, training=True) is x
    assert layer(x) is x


def test_activity_regularization() -> None:
    layer = layers.ActivityRegularization(l1=0.1, l2=0.01)
    x = Tensor([[1.0, -2.0], [3.0, 0.0]])
    assert layer(x) is x
    assert [loss.item() for loss in layer.losses] == [pytest.approx((0.6 + 0.14) / 2)]


# ---- bad input


@pytest.mark.parametrize(
    "act, error, message",
    [
        (lambda: layers.Dropout(0.5, "11"), ArgumentError, "noise_shape .* Got '11'"),
        (lambda: layers.Dropout(0.5, (0, 1)), ArgumentError, r"noise_shape .* Got \(0, 1\)"),
        (lambda: layers.AlphaDropout(0.5, (1, 2.5)), ArgumentError, "noise_shape"),
        (lambda: layers.Dropout(0.5, 3), ArgumentError, "noise_shape"),
        (
            lambda: layers.Dropout(0.5, (None, 7))(ONES, training=True),
            ShapeError,
            r"noise_shape \(None, 7\).*received: \(100, 100\)",
        ),
        (lambda: layers.AlphaDropout(0.5, (1,))(ONES, training=True), ShapeError, "noise_shape"),
        (lambda: layers.SpatialDropout1D(0.5)(ONES), ShapeError, "expected 3 axes, found 2"),
        (lambda: layers.SpatialDropout2D(0.5)(ONES), ShapeError, "expected 4 axes, found 2"),
        (
            lambda: layers.SpatialDropout2D(0.5, "channels_second"),
            ArgumentError,
            "'channels_last' or 'channels_first'. Got 'channels_second'",
        ),
        (lambda: layers.GaussianNoise(-0.1), ArgumentError, "stddev .* Got -0.1"),
        (lambda: layers.GaussianNoise(float("inf")), ArgumentError, "stddev .* Got inf"),
        (lambda: layers.GaussianNoise("0.1"), ArgumentError, "stddev .* Got '0.1'"),  # type: ignore[arg-type]
        (lambda: layers.GaussianDropout(1.0), ArgumentError, r"\[0, 1\)"),
        (lambda: layers.AlphaDropout(-1.0), ArgumentError, r"\[0, 1\)"),
        (lambda: layers.SpatialDropout1D(1.0), ArgumentError, r"\[0, 1\)"),
        (lambda: layers.GaussianNoise(0.1, seed=-1), ArgumentError, "seed"),
        (lambda: layers.ActivityRegularization(l1=-1.0), ArgumentError, "l1"),
    ],
)
def test_misuse_is_explained(act: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()


@pytest.mark.parametrize("rate", [1.0, -0.1, 1.5, float("nan"), "0.1", None])
def test_bad_rates_are_refused(rate: Any) -> None:
    with pytest.raises(ArgumentError, match=r"\[0, 1\)"):
        layers.Dropout(rate)


def test_bad_seeds_are_refused() -> None:
    with pytest.raises(ArgumentError, match="seed"):
        layers.Dropout(0.5, seed=-3)
