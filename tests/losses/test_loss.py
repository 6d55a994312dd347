"""The base of losses: the float type, the mask, and functions with further arguments."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from glassgrad import losses
from glassgrad.errors import ArgumentError, UnknownNameError
from glassgrad.graph import Tensor

rng = np.random.default_rng(0)
TRUE, PRED = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))


def test_a_loss_in_float64_keeps_every_digit_of_arrays() -> None:
    loss = losses.MeanSquaredError(dtype="float64")
    weights = rng.random(6)
    value = loss(TRUE, PRED, sample_weight=weights)
    expected = (((TRUE - PRED) ** 2).mean(1) * weights).mean()
    assert value.dtype == np.float64
    assert value.item() == pytest.approx(expected, rel=1e-14)


def test_a_loss_in_float32_takes_float64_predictions() -> None:
    value = losses.MeanSquaredError(dtype="float32")(TRUE, Tensor(PRED, dtype="float64"))
    assert value.dtype == np.float32


def test_by_default_the_float_type_is_that_of_the_predictions() -> None:
    assert losses.LogCosh()(TRUE, Tensor(PRED, dtype="float64")).dtype == np.float64
    assert losses.LogCosh()(TRUE, PRED).dtype == np.float32


def test_labels_stay_labels_whatever_the_float_type() -> None:
    labels, shares = np.array([0, 2]), np.array([[0.2, 0.3, 0.5], [0.2, 0.3, 0.5]])
    loss = losses.SparseCategoricalCrossentropy(dtype="float64")
    assert loss(labels, shares).item() == pytest.approx(-np.log([0.2, 0.5]).mean(), rel=1e-12)


def test_a_mask_of_ones_own() -> None:
    class OfPositives(losses.Loss):
        def call(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
            return (y_true - y_pred).abs()

        def mask(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
            return y_true > 0

    value = OfPositives()([1.0, -1.0, 2.0], [0.0, 5.0, 0.0], sample_weight=[1.0, 1.0, 3.0])
    assert value.item() == pytest.approx((1 + 6) / 2)


def test_arguments_of_the_function_are_attributes_and_configuration() -> None:
    loss = losses.LossFunctionWrapper("huber", delta=0.5, name="narrow")
    assert loss.delta == 0.5  # type: ignore[attr-defined]  # an argument of the function
    written = json.loads(json.dumps(losses.serialize(loss)))
    assert written["config"] == {
        "fn": "huber", "reduction": "sum_over_batch_size", "name": "narrow", "dtype": None,
        "delta": 0.5,
    }  # fmt: skip
    again = losses.deserialize(written)
    assert again(TRUE, PRED).item() == losses.Huber(0.5)(TRUE, PRED).item()


@pytest.mark.parametrize("true_shape, pred_shape", [((6,), (6, 1)), ((6, 1), (6,))])
def test_a_function_of_ones_own_gets_targets_and_predictions_of_one_rank(
    true_shape: tuple[int, ...], pred_shape: tuple[int, ...]
) -> None:
    """Else subtracting a column from a row would compare every example with every other."""
    true, pred = TRUE[:, 0], PRED[:, 0]

    def mean_square(y_true: Tensor, y_pred: Tensor) -> Tensor:
        assert y_true.shape == y_pred.shape == (6, 1)
        return ((y_true - y_pred) ** 2).mean()

    loss = losses.LossFunctionWrapper(mean_square)
    value = loss(true.reshape(true_shape), pred.reshape(pred_shape)).item()
    assert value == pytest.approx(((true - pred) ** 2).mean(), rel=1e-6)


def test_an_attribute_that_changes_changes_the_loss() -> None:
    loss: Any = losses.Huber(1.0)
    loss.delta = 0.5
    assert loss(TRUE, PRED).item() == losses.Huber(0.5)(TRUE, PRED).item()


@pytest.mark.parametrize(
    "config, error",
    [
        ({"class_name": "Huber", "config": {"detla": 1}}, UnknownNameError),
        ({"class_name": "LossFunctionWrapper", "config": {"fn": "mse", "k": 1}}, ArgumentError),
        ({"class_name": "LossFunctionWrapper", "config": {"fn": "msee"}}, UnknownNameError),
    ],
)
def test_a_wrong_configuration_is_refused(config: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        losses.deserialize(config)


def test_public_names_are_no_modules() -> None:
    assert all(callable(getattr(losses, name)) for name in losses.__all__)
