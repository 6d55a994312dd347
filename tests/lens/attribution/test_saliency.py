"""What an output looks at: four forms, any output, and what a picture of it shows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import layers, ops
from glassgrad.errors import (
    ArgumentError,
    DataError,
    DtypeError,
    GradientError,
    ShapeError,
    UnknownNameError,
)
from glassgrad.layers import Dense, Input
from glassgrad.lens import saliency_picture
from glassgrad.models import Model, Sequential
from glassgrad.random_seed import seeded

METHODS = ("gradient", "gradient_times_input", "integrated", "smooth")
X = np.random.default_rng(2).normal(size=(3, 5)).astype("float32")


@pytest.fixture(autouse=True)
def _reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSGRAD_EXECUTOR", "reference")


def network() -> Sequential:
    """Not compiled."""
    with seeded(3):
        return Sequential(
            [Input((5,)), Dense(6, "tanh", name="hidden"), Dense(4, "softmax", name="out")]
        )


def by_hand(x: np.ndarray, model: Model) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hidden values, logits and probabilities in float64."""
    kernel, bias, out, shift = (one.astype("float64") for one in model.get_weights())
    hidden = np.tanh(x @ kernel + bias)
    logits = hidden @ out + shift
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return hidden, logits, powers / powers.sum(-1, keepdims=True)


def slopes_of_logits(x: np.ndarray, model: Model) -> np.ndarray:
    """The gradient of every logit by the input, (examples, inputs, classes)."""
    kernel, _, out, _ = (one.astype("float64") for one in model.get_weights())
    hidden, _, _ = by_hand(x, model)
    return np.einsum("iu,nu,uc->nic", kernel, 1 - hidden**2, out)


# ---- which output


def test_logits_of_a_class() -> None:
    model = network()
    expected = slopes_of_logits(X, model)
    for number in range(-4, 4):
        found = model.saliency(X, number, logits=True)
        np.testing.assert_allclose(found, expected[..., number], rtol=1e-4, atol=1e-6)
    assert found.dtype == np.float32


def test_probabilities_of_a_class() -> None:
    model = network()
    _, _, p = by_hand(X, model)
    slopes = slopes_of_logits(X, model)
    expected = p[:, None, 1] * (slopes[..., 1] - (slopes * p[:, None]).sum(-1))
    np.testing.assert_allclose(model.saliency(X, 1), expected, rtol=1e-4, atol=1e-6)


def test_the_largest_by_default_and_classes_of_examples() -> None:
    model = network()
    expected = slopes_of_logits(X, model)
    largest = by_hand(X, model)[1].argmax(1)
    rows = np.arange(3)
    for output, classes in ((None, largest), ([0, 3, 1], [0, 3, 1]), (largest, largest)):
        found = model.saliency(X, output, logits=True)
        np.testing.assert_allclose(found, expected[rows, :, classes], rtol=1e-4, atol=1e-6)


def test_a_unit_of_a_layer() -> None:
    model = network()
    kernel = model.get_weights()[0]
    hidden, _, _ = by_hand(X, model)
    expected = (1 - hidden[:, 2:3] ** 2) * kernel[:, 2]
    for output in (("hidden", 2), ("hidden", np.int64(-4))):
        np.testing.assert_allclose(model.saliency(X, output), expected, rtol=1e-4, atol=1e-6)
    everything = model.saliency(X, ("hidden",))
    singly = [model.saliency(X, ("hidden", unit)) for unit in range(6)]
    np.testing.assert_allclose(everything, np.sum(singly, 0), rtol=1e-4, atol=1e-6)


def test_a_function_of_the_outputs() -> None:
    model = network()
    expected = slopes_of_logits(X, model)
    found = model.saliency(X, lambda y: y[:, 0] - y[:, 3], logits=True)
    np.testing.assert_allclose(found, expected[..., 0] - expected[..., 3], rtol=1e-4, atol=1e-6)
    assert model.saliency(X, ops.sum).shape == X.shape  # to a single number


def test_places_in_outputs_with_several_axes() -> None:
    model = Sequential([Input((4, 4, 1)), layers.Conv2D(2, 3, name="conv")])
    images = np.ones((2, 4, 4, 1), "float32")
    kernel = model.get_weights()[0]
    found = model.saliency(images, (0, 1, 1))
    np.testing.assert_allclose(found[0, :3, 1:, 0], kernel[:, :, 0, 1], rtol=1e-6)
    assert not found[:, 3].any()
    assert not found[:, :, 0].any()
    whole = model.saliency(images, (0,))  # the first row, all places and filters
    np.testing.assert_allclose(whole[0, 0, 0, 0], kernel[0, 0, 0].sum(), rtol=1e-5)


def test_several_inputs() -> None:
    a, b = Input((2,)), Input((3,))
    model = Model([a, b], layers.Concatenate()([a, Dense(2, name="only")(b)]))
    x = [X[:, :2], X[:, 2:]]
    found = model.saliency(x, 0)
    np.testing.assert_array_equal(found[0], [[1.0, 0.0]] * 3)
    np.testing.assert_array_equal(
        found[1], np.zeros((3, 3))
    )  # on which this output does not depend


def test_integers_are_taken_as_floats() -> None:
    model = Sequential([Input((5,)), layers.Rescaling(1 / 255), Dense(1)])
    found = model.saliency((X * 40 + 100).astype("uint8"), 0)
    np.testing.assert_allclose(found[0], model.get_weights()[0][:, 0] / 255, rtol=1e-5)


# ---- the methods


def test_gradient_times_input() -> None:
    model = network()
    product = model.saliency(X, 1, method="gradient_times_input")
    np.testing.assert_allclose(product, X * model.saliency(X, 1), rtol=1e-5)


@pytest.mark.parametrize("baseline", [0.0, X.mean(0), X[::-1]])
@pytest.mark.parametrize("logits", [False, True])
def test_integrated_gradients_are_complete(baseline: Any, logits: bool) -> None:
    model = network()
    found = model.saliency(X, 2, method="integrated", baseline=baseline, logits=logits, steps=200)
    start = np.broadcast_to(baseline, X.shape)
    kind = 1 if logits else 2
    difference = by_hand(X, model)[kind][:, 2] - by_hand(start, model)[kind][:, 2]
    np.testing.assert_allclose(found.sum(1), difference, atol=1e-5)


def test_integrated_gradients_of_a_linear_model_are_exact() -> None:
    model = Sequential([Input((5,)), Dense(1)])
    found = model.saliency(X, 0, method="integrated", steps=1)
    np.testing.assert_allclose(found, X * model.get_weights()[0][:, 0], rtol=1e-5)


def test_smooth_gradients() -> None:
    model = network()
    plain = model.saliency(X, 1)
    same = model.saliency(X, 1, method="smooth", noise=0.0, samples=2)
    np.testing.assert_allclose(same, plain, rtol=1e-6)
    first, again, other = (model.saliency(X, 1, method="smooth", seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    many = model.saliency(X, 1, method="smooth", samples=400, noise=0.01)
    np.testing.assert_allclose(many, plain, atol=0.01)


@pytest.mark.parametrize("method", METHODS)
def test_each_example_is_by_itself(method: str) -> None:
    model = network()
    if method != "smooth":  # which draws one noise for all
        together = model.saliency(X, 1, method=method)
        alone = [model.saliency(X[n : n + 1], 1, method=method)[0] for n in range(3)]
        np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-7)
    assert model.saliency(X, 1, method=method).shape == X.shape


def test_one_program_serves_all_steps() -> None:
    model = network()
    for method in METHODS:
        model.saliency(X, 1, method=method)
    assert len(model.steps_of_lens) == 1


# ---- mistakes


@pytest.mark.parametrize(
    "output, message",
    [
        (4, r"shape \(3, 4\) has no unit at the place \(4,\)"),
        ((0, 0), r"has no unit at the place \(0, 0\)"),
        (("hidden", 6), r"shape \(3, 6\) has no unit"),
        (("hidden", "a"), "An output is a number"),
        ("hidden", "An output is a number"),
        (0.5, "An output is a number"),
        (True, "An output is a number"),
        ([0, 1], r"integers of shape \(3,\)"),
        ([0, -1, 2], r"from 0 to 3\. Got -1 to 2"),
        ([0, 1, 4], r"from 0 to 3\. Got 0 to 4"),
        ([[1], [2, 3]], "An output is a number"),
        (lambda y: 3.0, "must give a tensor"),
    ],
)
def test_outputs_that_there_are_not(output: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        network().saliency(X, output)


def test_unknown_layers_and_methods() -> None:
    with pytest.raises(UnknownNameError, match=r"'nothing'.*Known are: hidden, out"):
        network().saliency(X, ("nothing", 0))
    with pytest.raises(UnknownNameError, match="method 'grad'"):
        network().saliency(X, 0, method="grad")


@pytest.mark.parametrize(
    "how", [{"steps": 0}, {"samples": 0}, {"noise": -1.0}, {"noise": np.inf}, {"seed": -1}]
)
def test_numbers_out_of_range(how: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=next(iter(how))):
        network().saliency(X, 0, **how)


@pytest.mark.parametrize(
    "baseline, error", [(np.ones(3), ShapeError), ("zero", ShapeError), (np.nan, DataError)]
)
def test_baselines_that_do_not_fit(baseline: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="baseline"):
        network().saliency(X, 0, method="integrated", baseline=baseline)


def test_logits_where_there_are_none() -> None:
    with pytest.raises(ArgumentError, match="before a softmax or sigmoid"):
        network().saliency(X, ("hidden", 0), logits=True)


def test_which_output_is_not_clear() -> None:
    two = Model(x := Input((5,)), [Dense(1, name="a")(x), Dense(2, name="b")(x)])
    with pytest.raises(ArgumentError, match=r"shape \(3, 1\) and shape \(3, 2\); say output="):
        two.saliency(X)
    with pytest.raises(ArgumentError, match="The model has 2 outputs"):
        two.saliency(X, 0)
    assert two.saliency(X, ("b", 1)).shape == X.shape


def test_what_has_no_gradient() -> None:
    words = Sequential([Input((4,), dtype="int32"), layers.Embedding(5, 2), layers.Flatten()])
    with pytest.raises(GradientError, match=r"of=\['embedding'\]"):
        words.saliency(np.ones((2, 4), "int32"), 0)
    with pytest.raises((DtypeError, GradientError)):
        network().saliency(X, lambda y: ops.argmax(y, axis=1))


def test_data_that_do_not_fit() -> None:
    with pytest.raises(ShapeError):
        network().saliency(X[:, :3], 0)
    with pytest.raises(DataError):
        network().saliency(X * np.nan, 0)


# ---- the picture


def test_a_picture_of_several_images() -> None:
    pytest.importorskip("matplotlib")
    images = np.random.default_rng(0).random((2, 4, 4, 3))
    chart = saliency_picture(images, -images, titles=["a cat", "a dog"])
    assert len(chart.axes) == 6
    assert [axis.get_title() for axis in chart.axes[::3]] == ["a cat", "a dog"]
    amount = chart.axes[1].images[0].get_array()
    np.testing.assert_allclose(amount, images[0].max(-1))  # the largest magnitude over channels


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (4, 4, 3), (2, 4, 4), (2, 4, 4, 4)])
def test_pictures_of_other_shapes(shape: tuple[int, ...]) -> None:
    pytest.importorskip("matplotlib")
    assert saliency_picture(np.ones(shape), np.ones(shape)).axes


@pytest.mark.parametrize(
    "image, saliency, error",
    [
        (np.ones((4, 4)), np.ones((4, 5)), ShapeError),
        (np.ones(4), np.ones(4), ShapeError),
        (np.ones((4, 4)), np.full((4, 4), np.nan), DataError),
        (np.ones((0, 4)), np.ones((0, 4)), ShapeError),
        ("image", np.ones((4, 4)), DataError),
        ([[1], [2, 3]], np.ones((4, 4)), DataError),
        (np.ones((4, 4)), np.ones((4, 4)) * 1j, DataError),
    ],
)
def test_what_is_no_image(image: Any, saliency: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        saliency_picture(image, saliency)


def test_titles_belong_to_images() -> None:
    with pytest.raises(ArgumentError, match=r"Each image has a title\. Got 2 for 1"):
        saliency_picture(np.ones((4, 4)), np.ones((4, 4)), titles=["a", "b"])
