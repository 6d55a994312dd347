"""Augmentation: fixed transformations against SciPy, random ones in range and in distribution."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import cos, pi, sin
from typing import Any

import numpy as np
import pytest
from scipy import ndimage, stats

from glassgrad import layers
from glassgrad.errors import ArgumentError, GraphError, ShapeError
from glassgrad.execute.executor import executor_named
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Trace, placeholder, tracing, verify
from glassgrad.layers import RandomFlip, RandomRotation, RandomTranslation, RandomZoom
from glassgrad.random_seed import new_random_state, set_random_seed

rng = np.random.default_rng(0)
IMAGES = rng.normal(size=(2, 6, 9, 3))
SCIPY_MODES = {"constant": "grid-constant", "nearest": "nearest", "reflect": "reflect",
               "wrap": "grid-wrap"}  # fmt: skip


def augmented(layer: layers.Layer, images: Any) -> Any:
    return layer(Tensor(images, dtype=layer.dtype), training=True).numpy()


def turned_back(factor: float) -> Any:
    """The matrix from (row, column) of the result to that of the original."""
    angle = 2 * pi * factor
    return np.array([[cos(angle), sin(angle)], [-sin(angle), cos(angle)]])


def by_scipy(matrix: Any, offset: Any, fill_mode: str, order: int) -> Any:
    """Turn and scale around the centre, then shift."""
    centre = (np.array(IMAGES.shape[1:3]) - 1) / 2
    return np.stack(
        [
            np.stack(
                [
                    ndimage.affine_transform(
                        image[..., channel], matrix, centre - matrix @ centre + offset,
                        order=order, mode=SCIPY_MODES[fill_mode], cval=0.5,
                    )
                    for channel in range(3)
                ],
                axis=-1,
            )
            for image in IMAGES
        ]
    )  # fmt: skip


FIXED: list[tuple[Any, tuple[Any, ...], Any, Any]] = [
    (RandomTranslation, ((0.3, 0.3), (-0.45, -0.45)), np.eye(2), (-0.3 * 6, 0.45 * 9)),
    (RandomTranslation, ((1.0, 1.0), 0.0), np.eye(2), (-6, 0)),
    (RandomRotation, ((0.13, 0.13),), turned_back(0.13), (0, 0)),
    (RandomRotation, ([-0.4, -0.4],), turned_back(-0.4), (0, 0)),
    (RandomZoom, ((0.7, 0.7), None), np.diag([1.7, 1.7]), (0, 0)),
    (RandomZoom, ((-0.4, -0.4), (0.9, 0.9)), np.diag([0.6, 1.9]), (0, 0)),
]


@pytest.mark.parametrize("kind, factors, matrix, offset", FIXED, ids=range(len(FIXED)))
@pytest.mark.parametrize("fill_mode", SCIPY_MODES)
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_fixed_transformations_are_those_of_scipy(
    kind: Any, factors: Any, matrix: Any, offset: Any, fill_mode: str, interpolation: str
) -> None:
    layer = kind(*factors, fill_mode, interpolation, fill_value=0.5, dtype="float64")
    expected = by_scipy(matrix, offset, fill_mode, int(interpolation == "bilinear"))
    np.testing.assert_allclose(augmented(layer, IMAGES), expected, rtol=0, atol=1e-12)


ALL: list[Callable[..., Any]] = [
    lambda **kwargs: RandomFlip(**kwargs),
    lambda **kwargs: RandomFlip("horizontal", **kwargs),
    lambda **kwargs: RandomTranslation(0.3, (-0.2, 0.5), **kwargs),
    lambda **kwargs: RandomRotation(0.2, **kwargs),
    lambda **kwargs: RandomZoom(0.5, **kwargs),
    lambda **kwargs: RandomZoom(0.5, (0.0, 0.3), "wrap", "nearest", **kwargs),
]
ZERO = [RandomTranslation(0.0, 0.0), RandomRotation(0.0), RandomZoom(0.0), RandomZoom(0.0, 0.0)]


@pytest.mark.parametrize("layer", ZERO, ids=repr)
def test_zero_factors_change_nothing(layer: layers.Layer) -> None:
    images = IMAGES.astype("float32")
    np.testing.assert_array_equal(augmented(layer, images), images)


@pytest.mark.parametrize("make", ALL, ids=range(len(ALL)))
def test_outside_training_nothing_happens(make: Any) -> None:
    images = rng.integers(0, 256, (2, 4, 4, 1)).astype("uint8")
    layer = make()
    found = layer(images).numpy()
    assert found.dtype == "float32"  # in training and outside
    np.testing.assert_array_equal(found, images)
    assert layer(images, training=True).dtype == "float32"


# ---- random numbers


def ramps(count: int, height: int = 9, width: int = 11) -> Any:
    """Images whose pixels are their own places, as two channels."""
    place = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), -1)
    return np.broadcast_to(place, (count, height, width, 2)).astype("float64")


def test_flips_are_all_or_nothing_and_one_in_two() -> None:
    set_random_seed(2)
    images = ramps(2000)
    ways = {
        "horizontal": images[:1, :, ::-1],
        "vertical": images[:1, ::-1],
        "horizontal_and_vertical": images[:1, ::-1, ::-1],
    }
    for mode, flipped in ways.items():
        found = augmented(RandomFlip(mode, dtype="float64"), images)
        is_flipped = (found == flipped).all((1, 2, 3))
        assert (is_flipped | (found == images).all((1, 2, 3))).all()
        assert abs(is_flipped.mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)


def uniform(low: float, high: float) -> Any:
    return stats.uniform(low, high - low).cdf


def test_shifts_fill_their_ranges() -> None:
    set_random_seed(3)
    layer = RandomTranslation((-0.1, 0.3), 0.2, "nearest", dtype="float64")
    middle = augmented(layer, ramps(3000))[:, 4, 5]
    down, right = (4 - middle[:, 0]) / 9, (5 - middle[:, 1]) / 11
    assert stats.kstest(down, uniform(-0.1, 0.3)).pvalue > 0.001
    assert stats.kstest(right, uniform(-0.2, 0.2)).pvalue > 0.001
    assert abs(stats.pearsonr(down, right).statistic) < 4 / np.sqrt(3000)


def test_turns_fill_their_range() -> None:
    set_random_seed(4)
    found = augmented(RandomRotation((-0.1, 0.2), dtype="float64"), ramps(3000))
    down, right = (found[:, 4, 6] - found[:, 4, 5]).T  # what one step to the right has become
    np.testing.assert_allclose(down**2 + right**2, 1.0)
    assert stats.kstest(np.arctan2(down, right) / (2 * pi), uniform(-0.1, 0.2)).pvalue > 0.001


@pytest.mark.parametrize("width_factor", [None, (-0.3, 0.1)])
def test_zooms_fill_their_ranges(width_factor: Any) -> None:
    set_random_seed(5)
    layer = RandomZoom((0.1, -0.5), width_factor, dtype="float64")  # the ends in any order
    found = augmented(layer, ramps(3000))
    np.testing.assert_allclose(found[:, 4, 5], np.broadcast_to([4, 5], (3000, 2)))
    down, right = (found[:, 5, 6] - found[:, 4, 5]).T - 1
    assert stats.kstest(down, uniform(-0.5, 0.1)).pvalue > 0.001
    if width_factor is None:
        np.testing.assert_allclose(down, right)
    else:
        assert stats.kstest(right, uniform(*width_factor)).pvalue > 0.001
        assert abs(stats.pearsonr(down, right).statistic) < 4 / np.sqrt(3000)


@pytest.mark.parametrize("make", ALL, ids=range(len(ALL)))
def test_seed_and_step_decide_in_every_executor(make: Any) -> None:
    def run(executor: str, seed: int, own: int | None = None) -> list[Any]:
        random = new_random_state(seed)
        x = placeholder((2, 6, 9, 3), "float64")
        with tracing(Trace(training=True, random=random)) as trace:
            outputs = [make(seed=own, dtype="float64")(x) for _ in range(3)]
            random.step.assign(random.step + np.uint32(1))
        verify(outputs)
        program = executor_named(executor).compile(outputs, [x], trace.updates)
        return [one for _ in range(4) for one in program(IMAGES)]

    reference = run("reference", 1)
    for one, other in zip(reference, run("cpu", 1), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    assert len({one.tobytes() for one in reference}) > 2  # layers and steps differ
    assert not np.array_equal(reference, run("reference", 2))
    assert np.array_equal(run("reference", 1, own=7), run("reference", 2, own=7))


@pytest.mark.parametrize("make", ALL, ids=range(len(ALL)))
def test_gradients_flow_to_the_images(make: Any) -> None:
    random = new_random_state(1)
    x = Tensor(IMAGES, dtype="float64")
    weights = Tensor(rng.normal(size=IMAGES.shape), dtype="float64")
    with tracing(Trace(training=True, random=random)):
        layer = make(dtype="float64")
        y = (layer(x) * weights).sum()
    (slope,) = gradients(y, [x])
    assert slope is not None
    # The layer is linear in the images, so the slope times the images is the result.
    assert (slope.numpy() * IMAGES).sum() == pytest.approx(y.item(), rel=1e-10)
    assert slope.numpy().any()


# ---- layout, configuration, refusals


@pytest.mark.parametrize("make", ALL, ids=range(len(ALL)))
def test_channels_first(make: Any) -> None:
    set_random_seed(6)
    last = augmented(make(), IMAGES)
    set_random_seed(6)
    first = augmented(make(data_format="channels_first"), IMAGES.transpose(0, 3, 1, 2))
    np.testing.assert_array_equal(first, last.transpose(0, 3, 1, 2))


@pytest.mark.parametrize("make", ALL, ids=range(len(ALL)))
def test_shapes_and_configuration(make: Any) -> None:
    layer = make(seed=3, name="a")
    assert layer.compute_output_shape((None, 4, 5, 1)) == (None, 4, 5, 1)
    config = json.loads(json.dumps(layer.get_config()))
    again = type(layer).from_config(config)
    assert json.loads(json.dumps(again.get_config())) == config
    assert layer(np.zeros((0, 4, 5, 1)), training=True).shape == (0, 4, 5, 1)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: RandomFlip("sideways"), "mode must be one of 'horizontal', .*Got 'sideways'"),
        (lambda: RandomFlip(seed=-1), "integer from 0"),
        (lambda: RandomFlip(data_format="NHWC"), "data_format must be .*Got 'NHWC'"),
        (lambda: RandomTranslation(1.5, 0), r"height_factor must be a number in \[-1, 1\].*1.5"),
        (lambda: RandomTranslation(0, (0.1, 0.2, 0.3)), "width_factor must be .*or a pair"),
        (lambda: RandomTranslation(0, [0.1]), "width_factor must be .*or a pair"),
        (lambda: RandomTranslation("a", 0), "Got 'a'"),
        (lambda: RandomTranslation(0, float("nan")), "Got nan"),
        (lambda: RandomTranslation(0, None), "Got None"),
        (lambda: RandomRotation((0, 2)), r"factor must be .*Got \(0, 2\)"),
        (lambda: RandomRotation(0.1, "mirror"), "fill_mode must be one of .*Got 'mirror'"),
        (lambda: RandomRotation(0.1, interpolation="cubic"), "interpolation must be .*'cubic'"),
        (lambda: RandomZoom(-1), r"height_factor must be a number in \(-1, 1\].*Got -1"),
        (lambda: RandomZoom(0.1, (-1.0, 0)), "width_factor must be"),
    ],
)
def test_bad_arguments_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 3), (1, 2, 3, 4, 5)])
@pytest.mark.parametrize("training", [False, True])
def test_images_have_four_axes(shape: tuple[int, ...], training: bool) -> None:
    with pytest.raises(ShapeError, match=r"'flip' expected 4 axes.*x\[None\].*Reshape"):
        RandomFlip(name="flip")(np.zeros(shape), training=training)


def test_a_trace_without_random_state_is_refused() -> None:
    with tracing(Trace(training=True)), pytest.raises(GraphError, match="no random state"):
        RandomRotation(0.1)(IMAGES)
