from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import layers
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, mask_of
from glassgrad.layers import (
    PositionEmbedding,
    RotaryEmbedding,
    SinePositionEncoding,
    TokenAndPositionEmbedding,
)

rng = np.random.default_rng(0)
X = rng.normal(size=(2, 5, 6))


def placed(layer: Any, x: Any, **options: Any) -> np.ndarray[Any, Any]:
    return np.asarray(layer(Tensor(x, dtype="float64"), **options).numpy())


def wave(t: float, j: int, features: int, longest: float) -> float:
    angle = t / longest ** (2 * (j // 2) / features)
    return float(np.cos(angle) if j % 2 else np.sin(angle))


@pytest.mark.parametrize("features", [6, 5, 1])
@pytest.mark.parametrize("start", [0, 3])
def test_waves_are_those_of_the_paper(features: int, start: int) -> None:
    found = placed(SinePositionEncoding(50, dtype="float64"), X[..., :features], start_index=start)
    for t, j in np.ndindex(5, features):
        assert found[1, t, j] == pytest.approx(wave(t + start, j, features, 50), abs=1e-14)


def turned(x: Any, t: float, longest: float) -> np.ndarray[Any, Any]:
    """Pairs of features as complex numbers, times exp(i φ)."""
    half = len(x) // 2
    angles = t * longest ** (-np.arange(half) / half)
    pairs = (x[:half] + 1j * x[half:]) * np.exp(1j * angles)
    return np.concatenate([pairs.real, pairs.imag])


@pytest.mark.parametrize("scaling", [1.0, 4.0])
def test_pairs_are_turned_as_complex_numbers_are(scaling: float) -> None:
    found = placed(RotaryEmbedding(100, scaling, dtype="float64"), X, start_index=2)
    for b, t in np.ndindex(2, 5):
        np.testing.assert_allclose(found[b, t], turned(X[b, t], (t + 2) / scaling, 100), atol=1e-14)


def test_products_of_turned_vectors_depend_on_their_distance() -> None:
    layer = RotaryEmbedding(dtype="float64")
    near, far = (placed(layer, X, start_index=start) for start in (0, 11))
    np.testing.assert_allclose(near @ near.swapaxes(1, 2), far @ far.swapaxes(1, 2), atol=1e-12)


def test_turning_keeps_lengths_and_so_do_gradients() -> None:
    x = Tensor(X, dtype="float64")
    y = RotaryEmbedding(dtype="float64")(x)
    (slope,) = gradients((y * y).sum(), [x])
    assert slope is not None
    np.testing.assert_allclose(slope.numpy(), 2 * X, atol=1e-12)


@pytest.mark.parametrize("sequence_axis, feature_axis", [(1, -1), (1, 2), (2, 1), (3, 2), (-2, 3)])
def test_axes_may_lie_anywhere(sequence_axis: int, feature_axis: int) -> None:
    layer = RotaryEmbedding(sequence_axis=sequence_axis, feature_axis=feature_axis, dtype="float64")
    x = rng.normal(size=(2, 4, 6, 8))
    moved = np.moveaxis(x, (sequence_axis % 4, feature_axis % 4), (1, 3))
    plain = placed(RotaryEmbedding(dtype="float64"), moved)
    expected = np.moveaxis(plain, (1, 3), (sequence_axis % 4, feature_axis % 4))
    np.testing.assert_allclose(placed(layer, x), expected, atol=1e-14)


LAYERS = {
    "sine": lambda: SinePositionEncoding(dtype="float64"),
    "rotary": lambda: RotaryEmbedding(dtype="float64"),
    "learned": lambda: PositionEmbedding(20, dtype="float64"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_positions_may_be_tensors(name: str) -> None:
    layer = LAYERS[name]()
    plain = placed(layer, X, start_index=3)
    steps = np.arange(3, 8, dtype=np.int32)
    for positions in (steps, np.stack([steps, steps])):
        np.testing.assert_allclose(placed(layer, X, positions=positions), plain, atol=1e-12)
    start = Tensor(np.array(3, np.int32))
    np.testing.assert_allclose(placed(layer, X, start_index=start), plain, atol=1e-12)
    other = np.stack([steps, steps[::-1]])
    mixed = placed(layer, X, positions=other)
    np.testing.assert_allclose(mixed[0], plain[0], atol=1e-12)
    back = placed(layer, X[:, ::-1], start_index=3)
    np.testing.assert_allclose(mixed[1], back[1, ::-1], atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_shapes_dtypes_and_masks_stay(name: str) -> None:
    layer = LAYERS[name]()
    x = layers.Masking(dtype="float64")(np.array([[[1.0, 2.0], [0.0, 0.0]]]))
    y = layer(x)
    assert (y.shape, str(y.dtype)) == ((1, 2, 2), "float64")
    handed_on = mask_of(y)
    assert handed_on is not None
    assert handed_on.numpy().tolist() == [[True, False]]
    assert layer.compute_output_shape((None, 7, 2)) == (None, 7, 2)
    assert layer(np.ones((0, 3, 2))).shape == (0, 3, 2)


def test_learned_positions_learn_as_often_as_they_are_read() -> None:
    layer = PositionEmbedding(7)
    y = layer(X, start_index=1)
    assert layer.position_embeddings.name.endswith("embeddings")
    np.testing.assert_array_equal(y.numpy()[0], layer.position_embeddings.numpy()[1:6])
    (slope,) = gradients(y.sum(), [layer.position_embeddings])
    assert slope is not None
    assert slope.numpy()[:, 0].tolist() == [0, 2, 2, 2, 2, 2, 0]


def test_tokens_and_positions_are_added() -> None:
    layer = TokenAndPositionEmbedding(7, 5, 4, mask_zero=True)
    tokens = np.array([[1, 3, 0]], np.int32)
    y = layer(tokens)
    table, places = (weight.numpy() for weight in layer.weights)
    np.testing.assert_allclose(y.numpy()[0], table[tokens[0]] + places[:3], rtol=1e-6)
    handed_on = mask_of(y)
    assert handed_on is not None
    assert handed_on.numpy().tolist() == [[True, True, False]]
    assert layer.compute_output_shape((None, 3)) == (None, 3, 4)
    logits = layer.token_embedding(y, reverse=True)
    np.testing.assert_allclose(logits.numpy(), y.numpy() @ table.T, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: PositionEmbedding(0), "sequence_length must be a positive integer. Got 0"),
        (lambda: SinePositionEncoding(0), "max_wavelength must be positive. Got 0"),
        (lambda: RotaryEmbedding(-1.0), "max_wavelength must be positive. Got -1.0"),
        (lambda: RotaryEmbedding(scaling_factor=0.0), "scaling_factor must be positive. Got 0.0"),
        (lambda: TokenAndPositionEmbedding(0, 1, 1), "vocabulary_size must be a positive integer"),
    ],
)
def test_arguments_are_checked(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize(
    "layer, shape, options, message",
    [
        (PositionEmbedding(4), (1, 5, 2), {}, "has 4 positions. Got those from 0 to 4"),
        (PositionEmbedding(4), (1, 2, 2), {"start_index": 3}, "from 3 to 4"),
        (PositionEmbedding(4), (1, 2, 2), {"start_index": -1}, "from -1 to 0"),
        (PositionEmbedding(4), (3,), {}, r"expected \(…, length, features\)"),
        (SinePositionEncoding(), (3,), {}, r"expected \(…, length, features\)"),
        (RotaryEmbedding(), (1, 2, 3), {}, "must be even"),
        (RotaryEmbedding(sequence_axis=2), (1, 2, 4), {}, "another axis"),
        (RotaryEmbedding(sequence_axis=5), (1, 2, 4), {}, "wants axis 5"),
    ],
)
def test_shapes_that_do_not_fit(
    layer: Any, shape: tuple[int, ...], options: Any, message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        layer(np.ones(shape), **options)
