from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import layers
from glassgrad.constraints import UnitNorm
from glassgrad.errors import ArgumentError, ExecutionError, ShapeError
from glassgrad.execute.executor import executor_named
from glassgrad.gradients import gradients
from glassgrad.graph import Trace, placeholder, tracing
from glassgrad.layers import Embedding
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD
from glassgrad.random_seed import seeded

TABLE = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize("shape", [(), (5,), (2, 3), (2, 0), (2, 3, 2)])
@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "float32"])
def test_rows_are_looked_up(shape: tuple[int, ...], dtype: str) -> None:
    indices = np.random.default_rng(0).integers(0, 4, shape).astype(dtype)
    layer = Embedding(4, 3, weights=TABLE)
    y = layer(indices).numpy()
    assert y.dtype == "float32"
    assert np.array_equal(y, TABLE[indices.astype(int)])
    assert layer.compute_output_shape((None, 7)) == (None, 7, 3)


def test_rows_that_were_read_learn_as_often_as_they_were() -> None:
    layer = Embedding(4, 3)
    y = layer(np.array([[1, 1], [3, 1]]))
    (slope,) = gradients(y.sum(), [layer.embeddings])
    assert slope is not None
    assert slope.numpy()[:, 0].tolist() == [0, 3, 0, 1]


def test_it_begins_between_minus_and_plus_one_twentieth() -> None:
    with seeded(1):
        layer = Embedding(1000, 50)
        layer.build((None,))
    values = layer.get_weights()[0]
    assert np.abs(values).max() <= 0.05
    assert values.std() == pytest.approx(0.1 / 12**0.5, rel=0.02)


def test_penalty_and_constraint() -> None:
    layer = Embedding(4, 3, "ones", "l2", UnitNorm(axis=1))
    layer(np.array([0]))
    assert [loss.item() for loss in layer.losses] == [pytest.approx(0.12)]
    model = Sequential([layer])
    model.compile(SGD(0.1), "mse", executor="reference")
    model.fit(np.array([0, 1]), np.zeros((2, 3)), verbose=0)
    assert np.linalg.norm(layer.get_weights()[0], axis=1) == pytest.approx(np.ones(4), rel=1e-6)


@pytest.mark.parametrize("name", ["cpu", "reference"])
@pytest.mark.parametrize("wrong", [-1, 4])
def test_a_number_outside_is_refused(name: str, wrong: int) -> None:
    x = placeholder((2,), "int32")
    with tracing(Trace()):
        y = Embedding(4, 3)(x)
    program = executor_named(name).compile([y], [x])
    assert program(np.array([0, 3], "int32"))[0].shape == (2, 3)
    with pytest.raises(ExecutionError):
        program(np.array([0, wrong], "int32"))


@pytest.mark.parametrize(
    "act, error, message",
    [
        (lambda: Embedding(0, 3), ArgumentError, "input_dim must be a positive integer. Got 0"),
        (lambda: Embedding(3, 2.5), ArgumentError, "output_dim must be .* Got 2.5"),  # type: ignore[arg-type]
        (lambda: Embedding(3, 2, weights=TABLE), ShapeError, r"\(3, 2\)"),
    ],
)
def test_misuse_is_explained(act: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        act()


def test_weights_are_state_and_no_configuration() -> None:
    layer = Embedding(4, 3, weights=[TABLE], name="table")
    assert layer.get_config()["weights"] is None
    assert layers.deserialize(layers.serialize(layer)).built is False
