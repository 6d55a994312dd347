from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad import activations, layers, ops
from glassgrad.errors import ArgumentError, UnknownNameError
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor
from glassgrad.layers import Lambda
from glassgrad.models import Sequential, load_model

X = np.array([[1.0, -2.0], [0.5, 4.0]], "float32")


@activations.register()
def tripled(x: Any, training: bool = False) -> Tensor:
    return x * (3.0 if training else 1.0)


def test_identity() -> None:
    x = Tensor(X)
    assert layers.Identity()(x) is x
    pair = layers.Identity()([X, X])
    assert [tensor.numpy().tolist() for tensor in pair] == [X.tolist()] * 2


def test_any_function_of_tensors() -> None:
    x = Tensor(X)
    y = Lambda(lambda t: t * t + 1.0)(x)
    assert np.array_equal(y.numpy(), X * X + 1)
    (slope,) = gradients(y.sum(), [x])
    assert slope is not None
    assert np.array_equal(slope.numpy(), 2 * X)
    assert Lambda(lambda t, by: t + by, arguments={"by": 2.0})(X).numpy()[0, 0] == 3.0
    assert Lambda(lambda pair: pair[0] - pair[1])([X, X]).numpy().any() is np.False_


def test_the_function_is_told_whether_it_learns() -> None:
    layer = Lambda(tripled)
    assert np.array_equal(layer(X).numpy(), X)
    assert np.array_equal(layer(X, training=True).numpy(), X * 3)


def test_the_shape_of_the_output() -> None:
    assert Lambda(ops.square).compute_output_shape((None, 3)) == (None, 3)
    assert Lambda(lambda t: t[:, :2]).compute_output_shape((None, 3)) == (None, 2)
    assert Lambda(ops.square, (7,)).compute_output_shape((None, 3)) == (None, 7)
    assert Lambda(ops.square, (7,)).compute_output_shape([(None, 3), (None, 2)]) == (None, 7)
    by_rule = Lambda(ops.square, lambda shape: (shape[0], 9))
    assert by_rule.compute_output_shape((None, 3)) == (None, 9)


@pytest.mark.parametrize(
    "function, name",
    [(tripled, "tripled"), (ops.square, "ops.square"), (activations.tanh, "tanh")],
)
def test_a_registered_function_is_saved_by_its_name(
    function: Any, name: str, tmp_path: Path
) -> None:
    layer = Lambda(function, output_shape=(2,))
    written = json.loads(json.dumps(layers.serialize(layer)))
    assert written["config"]["function"] == name
    again = layers.deserialize(written)
    assert isinstance(again, Lambda)
    assert again.function is layer.function
    model = Sequential([layers.Input((2,)), layer, layers.Dense(1)])
    model.save(tmp_path / "model")
    np.testing.assert_array_equal(load_model(tmp_path / "model").predict(X), model.predict(X))


def test_a_function_without_a_name_runs_and_is_not_saved(tmp_path: Path) -> None:
    model = Sequential([layers.Input((2,)), Lambda(lambda t: t * 2.0), layers.Dense(1)])
    assert model.predict(X).shape == (2, 1)
    with pytest.raises(ArgumentError, match=r"register"):
        model.save(tmp_path / "model")


@pytest.mark.parametrize(
    "act, error, message",
    [
        (lambda: Lambda(None), ArgumentError, "needs a function of tensors"),
        (lambda: Lambda(3), ArgumentError, "Got 3"),
        (lambda: Lambda("trippled"), UnknownNameError, "'tripled'"),
        (lambda: Lambda(ops.square, mask=1.0), ArgumentError, "mask must be booleans, or a f"),
        (lambda: Lambda(ops.square, arguments=[1]), ArgumentError, "must be a dictionary"),
        (lambda: Lambda(ops.square, 3), ArgumentError, "output_shape must be"),
        (lambda: Lambda(ops.square, "squared"), UnknownNameError, "squared"),
    ],
)
def test_misuse_is_explained(act: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()
