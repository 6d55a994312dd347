"""Masks: how they come along, who is handed them, and what is said where they are lost."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

from glassgrad import Model, Sequential, layers, losses, metrics, ops
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, Trace, carry_mask, constant, mask_of, placeholder, tracing
from glassgrad.graph import masks as notes

STEPS = np.array([[[1.0, 2.0], [0.0, 0.0]], [[0.0, 3.0], [4.0, 0.0]]], "float32")
MASK = np.array([[True, False], [True, True]])


def masked(mask: Any = MASK) -> Tensor:
    return carry_mask(constant(STEPS), constant(mask))


def numbers(mask: Tensor | None) -> Any:
    return None if mask is None else mask.numpy().tolist()


class Listening(layers.Layer):
    """Keeps what it is told."""

    supports_masking = True

    def call(self, inputs: Any, other: Any = None, mask: Any = None, other_mask: Any = None) -> Any:
        self.heard = (mask, other_mask)
        return inputs[0] * 1.0 if isinstance(inputs, list) else inputs * 1.0


def test_an_argument_is_handed_the_mask_that_its_tensor_carries() -> None:
    layer, other = Listening(), masked([[False, False], [True, True]])
    y = layer(masked(), other)
    assert [numbers(mask) for mask in layer.heard] == [
        MASK.tolist(),
        [[False, False], [True, True]],
    ]
    assert numbers(mask_of(y)) == MASK.tolist()
    layer(masked(), other=other)
    assert numbers(layer.heard[1]) == [[False, False], [True, True]]
    layer(STEPS)
    assert layer.heard == (None, None)


def test_what_is_given_by_name_is_handed_on() -> None:
    layer = Listening()
    y = layer(masked(), mask=[[0, 1], [1, 0]])
    assert numbers(layer.heard[0]) == numbers(mask_of(y)) == [[False, True], [True, False]]
    z = layer(STEPS, None, constant(MASK))
    assert numbers(mask_of(z)) == MASK.tolist()


def test_several_inputs_have_a_mask_each() -> None:
    layer = Listening()
    layer([masked(), STEPS])
    assert numbers(layer.heard[0][0]) == MASK.tolist()
    assert layer.heard[0][1] is None


def test_a_mask_survives_a_cast_to_the_layers_dtype() -> None:
    y = layers.Dense(1, dtype="float64")(masked())
    assert y.dtype == "float64"
    assert numbers(mask_of(y)) == MASK.tolist()


def test_a_layer_that_loses_a_mask_says_so() -> None:
    with pytest.warns(UserWarning, match=r"'flat', a Flatten, does not hand on the mask"):
        y = layers.Flatten(name="flat")(masked())
    assert mask_of(y) is None


def test_a_layer_that_says_what_the_mask_is_supports_masking() -> None:
    class EveryOther(layers.Layer):
        def call(self, inputs: Tensor) -> Tensor:
            return inputs[:, ::1] * 1.0

        def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
            return None if previous_mask is None else ops.logical_not(previous_mask)

    layer = EveryOther()
    assert layer.supports_masking
    assert numbers(mask_of(layer(masked()))) == [[False, True], [False, False]]
    assert mask_of(layer(STEPS)) is None


def test_masks_are_forgotten_with_their_tensors() -> None:
    y = layers.Masking()(STEPS)
    del y
    gc.collect()
    before = len(notes._masks)
    for _ in range(5):
        layers.Masking()(STEPS)
    gc.collect()
    assert len(notes._masks) <= before + 1


def test_a_lambda_gives_a_mask() -> None:
    always = layers.Lambda(lambda x: x * 2.0, mask=MASK.tolist())
    assert numbers(mask_of(always(STEPS))) == MASK.tolist()
    turned = layers.Lambda(lambda x: x * 2.0, mask=lambda x, mask: ops.logical_not(mask))
    assert numbers(mask_of(turned(masked()))) == np.logical_not(MASK).tolist()
    told = layers.Lambda(lambda x, mask: ops.where(ops.expand_dims(mask, -1), x, -1.0), mask=MASK)
    assert told(masked()).numpy()[0, 1].tolist() == [-1.0, -1.0]
    saved = layers.Lambda("ops.square", mask=MASK)
    assert numbers(mask_of(layers.Lambda.from_config(saved.get_config())(STEPS))) == MASK.tolist()


@pytest.mark.parametrize("value", ["0", None, float("nan")])
def test_a_value_for_padding_is_a_number(value: Any) -> None:
    with pytest.raises(ArgumentError, match="mask_value must be a number"):
        layers.Masking(value)


def test_padding_is_a_matter_of_features() -> None:
    with pytest.raises(ShapeError, match="Full shape received"):
        layers.Masking()(np.ones(3))


def test_merging_wants_as_many_masks_as_inputs() -> None:
    with pytest.raises(ArgumentError, match="one or None for each of 2 inputs"):
        layers.Add().compute_mask([STEPS, STEPS], [constant(MASK)])


def test_batch_statistics_want_a_mask_of_their_shape() -> None:
    with pytest.raises(ShapeError, match=r"wants a mask of shape \(2, 2\). Got \(2, 1\)"):
        layers.BatchNormalization()(STEPS, mask=np.ones((2, 1), bool), training=True)


# ---- in models


def test_a_model_within_a_model_is_handed_the_mask() -> None:
    inner = Sequential([layers.Input((2, 2)), layers.Dense(2), layers.LSTM(3)])
    x = layers.Input((2, 2))
    model = Model(x, inner(layers.Masking()(x)))
    alone = inner.layers[1](inner.layers[0](layers.Masking()(STEPS)))
    np.testing.assert_allclose(model.predict(STEPS, verbose=0), alone.numpy(), rtol=1e-5)
    np.testing.assert_allclose(inner(STEPS, mask=MASK).numpy(), alone.numpy(), rtol=1e-5)
    plain = inner(STEPS).numpy()
    assert not np.allclose(plain[0], alone.numpy()[0])


def test_a_models_caller_keeps_its_tensor_as_it_was() -> None:
    model, x = Sequential([layers.Input((2, 2)), layers.Dense(2)]), constant(STEPS)
    y = model(x, mask=MASK)
    assert mask_of(x) is None
    assert numbers(mask_of(y)) == MASK.tolist()


def test_the_loss_of_a_model_counts_what_its_mask_lets_pass() -> None:
    model = Sequential([layers.Input((2, 2)), layers.Masking(), layers.Dense(1)])
    model.compile("sgd", "mse", executor="reference")
    y = np.zeros((2, 2, 1), "float32")
    kept = (model.predict(STEPS, verbose=0)[MASK] ** 2).mean()
    assert model.evaluate(STEPS, y, verbose=0) == pytest.approx(float(kept), rel=1e-6)
    y[0, 1] = 1e6  # where nobody looks
    assert model.evaluate(STEPS, y, verbose=0) == pytest.approx(float(kept), rel=1e-6)


def test_nothing_that_counts_is_no_loss() -> None:
    y = masked(np.zeros((2, 2), bool))
    assert losses.MeanSquaredError()(np.ones((2, 2, 2)), y).item() == 0.0
    metric = metrics.MeanSquaredError()
    metric.update_state(np.ones((2, 2, 2)), y)
    assert metric.result() == 0.0


def test_a_mask_that_does_not_fit_the_values_is_refused() -> None:
    y = carry_mask(constant(STEPS), constant(np.ones((2, 3), bool)))
    with pytest.raises(ShapeError, match=r"The mask must have the shape of the values \(2, 2\)"):
        losses.MeanSquaredError()(STEPS, y)


def test_masks_come_along_while_a_graph_is_traced() -> None:
    with tracing(Trace()):
        x = placeholder((2, 2, 2))
        y = layers.Dense(1)(layers.Masking()(x))
        mask = mask_of(y)
    assert mask is not None
    assert mask.spec.shape == (2, 2)
    assert mask_of("no tensor") is None
