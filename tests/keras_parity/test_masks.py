"""Masks: what layers make of them, and what losses and metrics leave out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import ops
from glassgrad.graph import as_tensor, mask_of
from tests.keras_parity.comparison import Precision, as_array

TOKENS = np.array([[1, 2, 0, 3], [0, 4, 0, 0], [2, 2, 2, 2]], dtype="int32")
STEPS = np.random.default_rng(0).normal(size=(3, 4, 2)) * (TOKENS > 0)[:, :, None]
OTHERS = np.random.default_rng(1).normal(size=(3, 4, 2)) * (TOKENS != 2)[:, :, None]

Build = Callable[[Any, Any], Any]  # from a library's layers and an input to an output


def chain(*makes: Callable[[Any], Any]) -> Build:
    def build(family: Any, x: Any) -> Any:
        for make in makes:
            x = make(family)(x)
        return x

    return build


def masking(family: Any) -> Any:
    return family.Masking()


def embedding(family: Any) -> Any:
    return family.Embedding(5, 3, mask_zero=True, embeddings_initializer="ones")


def merged(name: str, *, plain: bool = False, **arguments: Any) -> Build:
    def build(family: Any, x: Any) -> Any:
        other = x * 2.0 if plain else family.Masking(0.0)(x + OTHERS_AS[family.__name__]())
        return getattr(family, name)(**arguments)([family.Masking()(x), other])

    return build


OTHERS_AS = {
    "glassgrad.layers": lambda: as_tensor(OTHERS),
    "keras.layers": lambda: __import__("keras").ops.array(OTHERS),
}

# name: what is built, and on what
MODELS: dict[str, tuple[Build, Any]] = {
    "masking": (chain(masking), STEPS),
    "another value": (
        chain(lambda f: f.Masking(mask_value=float(STEPS[0, 0, 0]))),
        STEPS[:, :, :1],
    ),
    "embedding": (chain(embedding), TOKENS),
    "of one axis": (chain(embedding), TOKENS[:, 0]),
    "element-wise": (
        chain(
            masking,
            lambda f: f.Activation("tanh"),
            lambda f: f.ReLU(),
            lambda f: f.LeakyReLU(),
            lambda f: f.ELU(),
            lambda f: f.PReLU(),
            lambda f: f.Identity(),
            lambda f: f.Dropout(0.5),
            lambda f: f.SpatialDropout1D(0.5),
            lambda f: f.GaussianNoise(0.5),
            lambda f: f.GaussianDropout(0.5),
            lambda f: f.AlphaDropout(0.5),
            lambda f: f.ActivityRegularization(0.5),
            lambda f: f.Rescaling(2.0),
            lambda f: f.Normalization(mean=1.0, variance=2.0, axis=None),
            lambda f: f.Dense(3, kernel_initializer="ones"),
            lambda f: f.TimeDistributed(f.Dense(2, kernel_initializer="ones")),
        ),
        STEPS,
    ),
    "normalised": (
        chain(
            masking,
            lambda f: f.UnitNormalization(),
            lambda f: f.LayerNormalization(),
            lambda f: f.BatchNormalization(),
        ),
        STEPS,
    ),
    "recurrent": (
        chain(
            masking,
            lambda f: f.LSTM(
                2, return_sequences=True, kernel_initializer="ones", recurrent_initializer="ones"
            ),
            lambda f: f.Bidirectional(
                f.GRU(
                    2,
                    return_sequences=True,
                    kernel_initializer="ones",
                    recurrent_initializer="ones",
                )
            ),
        ),
        STEPS,
    ),
    "last output": (
        chain(
            masking,
            lambda f: f.GRU(2, kernel_initializer="ones", recurrent_initializer="ones"),
        ),
        STEPS,
    ),
    "pooling": (chain(masking, lambda f: f.GlobalAveragePooling1D()), STEPS[[0, 2]]),
    "not handed on by a merge": (merged("Add", plain=True), STEPS),
    **{
        name: (merged(name), STEPS) for name in ("Add", "Multiply", "Average", "Maximum", "Minimum")
    },
    "product with a plain one": (merged("Multiply", plain=True), STEPS),
    "largest with a plain one": (merged("Maximum", plain=True), STEPS),
    "subtract": (merged("Subtract"), STEPS),
    "concatenate": (merged("Concatenate"), STEPS),
    "concatenate in time": (merged("Concatenate", axis=1), STEPS),
    "concatenate with a plain one": (merged("Concatenate", plain=True), STEPS),
    "dot": (merged("Dot", axes=2), STEPS),
}


@pytest.fixture(params=MODELS)
def both(request: pytest.FixtureRequest, keras: Any, precision: Precision) -> Any:
    """The outputs of both libraries."""
    build, data = MODELS[request.param]
    data = precision.floats(data)
    return build(glassgrad.layers, as_tensor(data)), build(keras.layers, keras.ops.array(data))


def test_output_and_mask_are_those_of_keras(both: Any, precision: Precision) -> None:
    ours, theirs = both
    precision.require_same(ours, theirs)
    require_same_mask(ours, theirs)


def require_same_mask(ours: Any, theirs: Any) -> None:
    found, expected = mask_of(ours), getattr(theirs, "_keras_mask", None)
    assert (found is None) == (expected is None)
    if found is not None:
        np.testing.assert_array_equal(as_array(found), as_array(expected))


WEIGHTS = {
    "none": None,
    "of examples": np.array([0.5, 2.0, 1.0]),
    "of steps": np.array([[1.0, 0.0, 2.0, 3.0], [1.0, 1.0, 0.5, 1.0], [0.0, 1.0, 1.0, 1.0]]),
}


def weights_for(name: str, family: Any) -> Any:
    """Weights of examples have to be spread over the steps for Keras."""
    weights = WEIGHTS[name]
    if weights is None or weights.ndim == 2 or family is glassgrad:
        return weights
    return np.repeat(weights[:, None], 4, axis=1)


REDUCTIONS = ("sum_over_batch_size", "sum", "mean_with_sample_weight", "none")


def predictions(keras: Any, precision: Precision) -> tuple[Any, Any, Any]:
    """Targets, and predictions of both libraries that carry a mask."""
    steps = precision.floats(STEPS)
    target = precision.floats(np.random.default_rng(2).uniform(size=STEPS.shape))
    ours = glassgrad.layers.Activation("softmax")(glassgrad.layers.Masking()(steps))
    theirs = keras.layers.Activation("softmax")(keras.layers.Masking()(keras.ops.array(steps)))
    return target, ours, theirs


@pytest.mark.parametrize("name", ["MeanSquaredError", "CategoricalCrossentropy"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_a_loss_leaves_out_what_it_leaves_out_in_keras(
    name: str, reduction: str, weights: str, keras: Any, precision: Precision
) -> None:
    target, ours, theirs = predictions(keras, precision)
    values = [
        getattr(family.losses, name)(reduction=reduction)(
            target, y, sample_weight=weights_for(weights, family)
        )
        for family, y in ((glassgrad, ours), (keras, theirs))
    ]
    precision.require_same(*values)


@pytest.mark.parametrize("name", ["MeanSquaredError", "CategoricalAccuracy", "CosineSimilarity"])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_a_metric_leaves_out_what_it_leaves_out_in_keras(
    name: str, weights: str, keras: Any, precision: Precision
) -> None:
    target, ours, theirs = predictions(keras, precision)
    results = []
    for family, y in ((glassgrad, ours), (keras, theirs)):
        metric = getattr(family.metrics, name)()
        metric.update_state(target, y, sample_weight=weights_for(weights, family))
        results.append(metric.result())
    precision.about(f"metrics.{name}").require_same(*results)


def test_batch_statistics_are_of_what_counts(keras: Any, precision: Precision) -> None:
    steps = precision.floats(STEPS)
    results = []
    for family, array in ((glassgrad.layers, as_tensor), (keras.layers, keras.ops.array)):
        layer = family.BatchNormalization(momentum=0.5)
        y = layer(family.Masking()(array(steps)), training=True)
        results.append([as_array(y), *(as_array(weight) for weight in layer.weights)])
    for ours, theirs in zip(*results, strict=True):
        precision.require_same(ours, theirs)


def test_a_mask_may_be_handed_in(keras: Any, precision: Precision) -> None:
    steps, mask = precision.floats(STEPS), TOKENS > 1
    ours = glassgrad.layers.GlobalAveragePooling1D()(steps, mask=mask | (TOKENS < 9))
    theirs = keras.layers.GlobalAveragePooling1D()(
        keras.ops.array(steps), mask=keras.ops.array(mask | (TOKENS < 9))
    )
    precision.require_same(ours, theirs)


def sequence_model(family: Any) -> Any:
    """A functional model with two inputs, one of them masked."""
    tokens, more = family.layers.Input((4,), dtype="int32"), family.layers.Input((4, 2))
    ones = {"kernel_initializer": "ones", "recurrent_initializer": "ones"}
    x = family.layers.Embedding(5, 3, mask_zero=True, embeddings_initializer="ones")(tokens)
    x, h, c = family.layers.LSTM(2, return_sequences=True, return_state=True, **ones)(x)
    y = family.layers.Concatenate()([x, more])
    y = family.layers.GRU(2, return_sequences=True, **ones)(y, initial_state=h + c)
    return family.Model([tokens, more], family.layers.Dense(1, kernel_initializer="ones")(y))


def test_a_functional_model_hands_masks_on_and_its_loss_counts_what_they_let_pass(
    keras: Any, precision: Precision
) -> None:
    x, y = [TOKENS, precision.floats(STEPS)], precision.floats(OTHERS[:, :, :1])
    results = []
    for family in (glassgrad, keras):
        model = sequence_model(family)
        model.compile(optimizer="sgd", loss="mse", metrics=["mae"], weighted_metrics=["mse"])
        scores = model.evaluate(
            x, y, sample_weight=WEIGHTS["of steps"], verbose=0, return_dict=True
        )
        results.append([model.predict(x, verbose=0), scores])
    (ours, our_scores), (theirs, their_scores) = results
    precision.require_same(ours, theirs)
    assert our_scores.keys() == their_scores.keys()
    for name, value in our_scores.items():
        assert value == pytest.approx(their_scores[name], rel=1e-5)


def test_masks_are_made_of_symbolic_tensors_too() -> None:
    x = glassgrad.layers.Input((4, 2))
    mask = glassgrad.layers.Masking().compute_mask(x)
    y = glassgrad.layers.LSTM(3)(x, mask=mask)
    model = glassgrad.Model(x, y)
    expected = model.layers[-1](glassgrad.layers.Masking()(STEPS))
    np.testing.assert_allclose(model.predict(STEPS, verbose=0), expected.numpy(), rtol=1e-5)
    assert ops.any(mask_of(glassgrad.layers.Masking()(STEPS))).item()
