"""The differences in numbers and behaviour are as the table says, on both sides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import (
    constraints,
    initializers,
    layers,
    metrics,
    optimizers,
    regularizers,
    utils,
)
from glassgrad.errors import ArgumentError, DataError, ShapeError
from glassgrad.graph import float_type
from tests.keras_parity.comparison import TOLERANCES, Precision, as_array
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
