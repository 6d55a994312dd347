"""The differences in numbers and behaviour are as the table says, on both sides."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import (
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    utils,
)
from glassgrad.errors import ArgumentError, DataError, ShapeError
from glassgrad.graph import float_type, mask_of
from tests.keras_parity.comparison import (
    TOLERANCES,
    Precision,
    as_array,
    evaluate,
    evaluate_keras,
)
from tests.keras_parity.differences import NUMBERS, Difference
from tests.keras_parity.test_activations import slopes_of

CHECKS: dict[str, Callable[[Any], None]] = {}


def about(where: str) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Name the row that a check is about."""

    def add(check: Callable[[Any], None]) -> Callable[[Any], None]:
        CHECKS[where] = check
        return check

    return add


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row.where)
def test_a_difference_is_as_the_table_says(row: Difference, keras: Any) -> None:
    assert row.where in CHECKS, "Write a check of both sides of the difference"
    CHECKS[row.where](keras)


def test_every_check_has_its_row() -> None:
    assert set(CHECKS) == {row.where for row in NUMBERS}


@about(
    "layers.Attention, layers.AdditiveAttention, layers.MultiHeadAttention, "
    "layers.GroupQueryAttention"
)
def _(keras: Any) -> None:
    rng = np.random.default_rng(0)
    query, value = (rng.normal(size=(1, n, 3)).astype("float32") for n in (2, 4))
    unseen = [None, np.zeros((1, 4), bool)]
    mean = np.broadcast_to(value.mean(axis=1, keepdims=True), (1, 2, 3))
    for name in ("Attention", "AdditiveAttention"):
        ours, theirs = (getattr(family, name)() for family in (layers, keras.layers))
        assert not ours([query, value], mask=unseen).numpy().any()
        found = as_array(theirs([query, value], mask=unseen))
        np.testing.assert_allclose(found, mean, rtol=1e-5, atol=1e-6)
    for name, arguments in (("MultiHeadAttention", (2, 3)), ("GroupQueryAttention", (3, 2, 1))):
        ours, theirs = (getattr(family, name)(*arguments) for family in (layers, keras.layers))
        hidden = {"attention_mask": np.zeros((1, 2, 4), bool)}
        assert not ours(query, value, **hidden).numpy().any()
        assert as_array(theirs(query, value, **hidden)).any()
        alone, _ = theirs(query, value, **hidden, return_attention_scores=True)
        assert not as_array(alone).any()


@about("activations.hard_sigmoid")
def _(keras: Any) -> None:
    with float_type("float64"):
        ours, theirs = slopes_of(keras, "hard_sigmoid", np.array([0.5]))
    assert ours == pytest.approx(1 / 6, abs=1e-15)
    assert theirs == pytest.approx(float(np.float32(1 / 6)), abs=1e-15)


@about("layers.RandomRotation, layers.RandomTranslation, layers.RandomZoom")
def _(keras: Any) -> None:
    image = np.arange(12.0).reshape(1, 4, 3, 1)
    both = [
        as_array(family.RandomZoom((0.3, 0.3), dtype="float64")(image, training=True))
        for family in (layers, keras.layers)
    ]
    assert 1e-10 < np.abs(both[0] - both[1]).max() < 1e-5


@about("layers.AveragePooling1D, layers.AveragePooling2D, layers.AveragePooling3D")
def _(keras: Any) -> None:
    x = np.array([[[1.0], [2.0]]], dtype="float32")
    ours, theirs = (
        as_array(family.AveragePooling1D(3, strides=2, padding="same")(x)).ravel()
        for family in (layers, keras.layers)
    )
    assert ours.tolist() == [1.5]
    assert theirs.tolist() == pytest.approx([5 / 3])


@about(
    "layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Conv1DTranspose, "
    "layers.Conv2DTranspose, layers.Conv3DTranspose"
)
def _(keras: Any) -> None:
    together = {"filters": 2, "kernel_size": 3, "strides": 2, "dilation_rate": 2}
    for name in ("Conv1D", "Conv2DTranspose"):
        assert getattr(layers, name)(**together).strides[0] == 2
        with pytest.raises(ValueError, match="not supported in conjunction"):
            getattr(keras.layers, name)(**together)


@about("layers.Resizing")
def _(keras: Any) -> None:
    image = np.array([[[[0], [3]]]], dtype="uint8")
    ours, theirs = (
        as_array(family.Resizing(1, 4)(image)).ravel() for family in (layers, keras.layers)
    )
    assert ours.tolist() == [0.0, 0.75, 2.25, 3.0]
    assert theirs.tolist() == [0, 1, 2, 3]
    with pytest.raises(ShapeError, match="4 axes, found 3"):
        layers.Resizing(1, 4)(image[0])
    assert as_array(keras.layers.Resizing(1, 4)(image[0])).shape == (1, 4, 1)


@about("layers.SimpleRNN")
def _(keras: Any) -> None:
    x = np.ones((2, 3, 1), dtype="float32")
    penalties = []
    for family in (layers, keras.layers):
        layer = family.SimpleRNN(2, activity_regularizer="l2")
        layer(x)
        penalties.append(len(layer.losses))
    assert penalties == [1, 0]


@about("layers.RNN, layers.LSTM, layers.GRU")
def _(keras: Any) -> None:
    x = np.array([[[1.0], [0.0], [0.0]]], dtype="float32")
    outputs, masks = [], []
    for family, array in ((layers, np.asarray), (keras.layers, keras.ops.array)):
        padded = family.Masking()(array(x))
        ones = {"kernel_initializer": "ones", "recurrent_initializer": "ones"}
        layer = family.GRU(1, return_sequences=True, **ones)
        outputs.append(as_array(layer(padded, initial_state=[array(x[:, 0])])).ravel())
        back = family.GRU(1, return_sequences=True, go_backwards=True)(padded)
        masks.append(mask_of(back) if family is layers else back._keras_mask)
    assert outputs[0][0] == outputs[0][1] == outputs[0][2]
    assert outputs[1][0] != outputs[1][1]
    turned = [as_array(mask).ravel().tolist() for mask in masks]
    assert turned == [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    with pytest.raises(ArgumentError, match="dropout must lie"):
        layers.GRU(1, dropout=2.0)
    assert keras.layers.GRU(1, dropout=2.0).dropout == 1.0


@about("layers.RNN.stateful")
def _(keras: Any) -> None:
    assert layers.LSTM(1, stateful=True)(layers.Input((3, 1))).shape == (None, 1)
    with pytest.raises(ValueError, match="batch size must be static"):
        keras.layers.LSTM(1, stateful=True)(keras.layers.Input((3, 1)))


@about("layers.Masking")
def _(keras: Any) -> None:
    x = np.array([[[1.0], [0.0]], [[2.0], [1.0]], [[2.0], [1.0]]], dtype="float32")
    weights = np.array([1.0, 0.0, 2.0])
    loss = losses.MeanSquaredError()(np.zeros_like(x), layers.Masking()(x), sample_weight=weights)
    assert loss.item() == pytest.approx((1 + 2 * (4 + 1)) / 5)
    with pytest.raises(RuntimeError, match="must match the size"):
        keras.losses.MeanSquaredError()(
            np.zeros_like(x), keras.layers.Masking()(keras.ops.array(x)), sample_weight=weights
        )


@about("models.Model.fit")
def _(keras: Any) -> None:
    x, y = np.array([[np.nan], [1.0]], dtype="float32"), np.zeros((2, 1), dtype="float32")
    ours, theirs = (library.Sequential([library.layers.Dense(1)]) for library in (glassgrad, keras))
    ours.compile("sgd", "mse", executor="reference")
    theirs.compile("sgd", "mse", jit_compile=False)
    with pytest.raises(DataError):
        ours.fit(x, y, verbose=0)
    assert np.isnan(theirs.fit(x, y, verbose=0).history["loss"])


@about(
    "losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy, "
    "losses.BinaryCrossentropy"
)
def _(keras: Any) -> None:
    found = []
    for library, options in ((glassgrad, {"executor": "reference"}), (keras, {})):
        dense = library.layers.Dense(2, "softmax", use_bias=False, kernel_initializer="identity")
        model = library.Sequential([library.layers.Input((2,)), dense])
        model.compile("sgd", "sparse_categorical_crossentropy", **options)
        found.append(model.evaluate(np.array([[100.0, 0.0]]), np.array([1]), verbose=0))
    assert found == pytest.approx([100.0, -np.log(1e-7)], rel=1e-5)


@about("losses.BinaryFocalCrossentropy, losses.CategoricalFocalCrossentropy")
def _(keras: Any) -> None:
    sure = np.array([[100.0]], dtype="float32")
    ours, theirs = (
        as_array(family.BinaryFocalCrossentropy(from_logits=True)(np.zeros((1, 1)), sure))
        for family in (losses, keras.losses)
    )
    assert (ours, theirs) == pytest.approx((100.0, -np.log(1e-7)), rel=0.02)
    for family, refused in ((losses, True), (keras.losses, False)):
        with pytest.raises(ArgumentError) if refused else nullcontext():
            family.CategoricalFocalCrossentropy(gamma=-1.0)


@about("losses.CategoricalGeneralizedCrossEntropy")
def _(keras: Any) -> None:
    shares = np.array([[0.0, 1.0]])
    ours, theirs = (
        family.CategoricalGeneralizedCrossEntropy() for family in (losses, keras.losses)
    )
    true = np.array([0])
    _, (slope,) = evaluate(lambda pred: ours(true, pred), [shares])
    _, (their_slope,) = evaluate_keras(lambda pred: theirs(true, pred), [shares])
    assert np.isfinite(slope).all()
    assert np.isinf(their_slope[0, 0])


@about("losses.Dice, losses.Tversky")
def _(keras: Any) -> None:
    true, weights = np.ones((2, 3), dtype="float32"), np.array([1.0, 2.0], dtype="float32")
    for name in ("Dice", "Tversky"):
        with pytest.raises(ShapeError):
            getattr(losses, name)()(true, true / 2, sample_weight=weights)
        theirs = getattr(keras.losses, name)()
        even, weighted = theirs(true, true / 2), theirs(true, true / 2, sample_weight=weights)
        assert as_array(weighted) == pytest.approx(1.5 * as_array(even), rel=1e-5)


@about("metrics.IoU, metrics.BinaryIoU, metrics.MeanIoU, metrics.OneHotIoU, metrics.OneHotMeanIoU")
def _(keras: Any) -> None:
    true, pred, halves = np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([0.5, 0.5, 1.5])
    ours, theirs = metrics.MeanIoU(2), keras.metrics.MeanIoU(2)
    ours.update_state(true, pred, sample_weight=halves)
    with pytest.warns(UserWarning, match="float"):
        theirs.update_state(true, pred, sample_weight=halves)
    assert as_array(ours.result()) == (1 / 2 + 3 / 4) / 2
    assert as_array(theirs.result()) == pytest.approx(1.0)  # of the weights 0, 0 and 1


@about("initializers, layers")
def _(keras: Any) -> None:
    ours, theirs = (
        as_array(family.RandomUniform(seed=1)((3,)))
        for family in (initializers, keras.initializers)
    )
    assert not np.allclose(ours, theirs)


@about("metrics")
def _(keras: Any) -> None:
    ours, theirs = metrics.Sum(), keras.metrics.Sum()
    for metric in (ours, theirs):
        metric.update_state([2.0**24])
        metric.update_state([1.0])
    assert as_array(ours.result()) == 2**24 + 1
    assert as_array(theirs.result()) == 2**24


@about("layers.RandomFlip, layers.RandomRotation, layers.RandomTranslation, layers.RandomZoom")
def _(keras: Any) -> None:
    image = np.zeros((4, 3, 1), dtype="float32")
    assert keras.layers.RandomFlip()(image).shape == image.shape
    with pytest.raises(ShapeError):
        layers.RandomFlip()(image)


@about("regularizers.OrthogonalRegularizer")
def _(keras: Any) -> None:
    row = np.array([[1.0, 2.0]], dtype="float32")
    assert as_array(regularizers.OrthogonalRegularizer()(row)) == 0
    assert np.isnan(as_array(keras.regularizers.OrthogonalRegularizer()(keras.ops.array(row))))


@about("optimizers")
def _(keras: Any) -> None:
    refused({"learning_rate": -0.1}, optimizers.SGD, keras.optimizers.SGD)
    refused({"learning_rate": lambda: 0.1}, optimizers.SGD, keras.optimizers.SGD)
    refused({"weight_decay": -0.1}, optimizers.SGD, keras.optimizers.SGD)


@about("optimizers.schedules.CosineDecayRestarts")
def _(keras: Any) -> None:
    arguments = {"initial_learning_rate": 0.1, "first_decay_steps": 10, "t_mul": 0.5}
    theirs = keras.optimizers.schedules.CosineDecayRestarts
    refused(arguments, optimizers.schedules.CosineDecayRestarts, theirs)
    assert np.isnan(float(theirs(**arguments)(50)))


@about("initializers.VarianceScaling(input_axes), initializers.VarianceScaling(output_axes)")
def _(keras: Any) -> None:
    refused({"input_axes": 0}, initializers.VarianceScaling, keras.initializers.VarianceScaling)


@about("constraints.MaxNorm, constraints.MinMaxNorm")
def _(keras: Any) -> None:
    refused({"max_value": -1.0}, constraints.MaxNorm, keras.constraints.MaxNorm)
    refused({"rate": 2.0}, constraints.MinMaxNorm, keras.constraints.MinMaxNorm)


@about("utils.normalize")
def _(keras: Any) -> None:
    x = np.array([[3.0, 0.0], [4.0, 2.0]])
    np.testing.assert_allclose(utils.normalize(x, axis=0), [[0.6, 0.0], [0.8, 1.0]])
    np.testing.assert_allclose(keras.utils.normalize(x, axis=0), [[0.6, 0.0], [2.0, 1.0]])


@about("layers.IntegerLookup, layers.StringLookup, layers.Discretization.adapt")
def _(keras: Any) -> None:
    layers.IntegerLookup(vocabulary=[3, 4])
    with pytest.raises(ImportError, match=r"(?i)tensorflow"):
        keras.layers.IntegerLookup(vocabulary=[3, 4])


def refused(arguments: dict[str, Any], ours: Any, theirs: Any) -> None:
    """We do not take what Keras takes."""
    theirs(**arguments)
    with pytest.raises(ArgumentError):
        ours(**arguments)


# ---- the comparison itself


def test_a_deviation_is_found() -> None:
    precision = Precision("float32", TOLERANCES["float32"])
    precision.require_same([1.0, 1e-9], [1.0 + 9e-6, 0.0])
    for ours, theirs in (
        ([1.0], [1.00002]),
        ([1.0], [[1.0]]),
        ([np.nan], [1.0]),
        ([1.0], [np.inf]),
        ([1e-9], [0.0002]),
    ):
        with pytest.raises(AssertionError):
            precision.require_same(ours, theirs)
    precision.require_same([np.nan, np.inf], [np.nan, np.inf])
    assert precision.about("activations.hard_sigmoid") == precision
    exact = Precision("float64", TOLERANCES["float64"])
    assert exact.about("activations.hard_sigmoid").tolerance == 1e-7
    assert exact.about("activations.sigmoid") == exact
