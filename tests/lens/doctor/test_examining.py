"""Examination of a model and its data by one call."""

from __future__ import annotations

import numpy as np
import pytest

from glassgrad.errors import ArgumentError, DataError, NotBuiltError, ShapeError
from glassgrad.layers import Dense, Input
from glassgrad.lens.doctor import examine
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam

X = np.random.default_rng(0).normal(size=(100, 4))
Y = X[:, 0] > 0


def model(last: str = "sigmoid", rate: float = 1e-3) -> Sequential:
    made = Sequential([Dense(8, activation="relu"), Dense(1, activation=last)])
    made.compile(Adam(rate), "binary_crossentropy", executor="reference")
    return made


def test_a_healthy_network_has_no_findings() -> None:
    assert examine(model(), X, Y) == []


def test_a_fault_is_found_before_training() -> None:
    (finding,) = examine(model("tanh"), X, Y)
    assert (finding.code, finding.began) == ("wrong_output_or_loss", None)


def test_bad_numbers_are_found_and_not_refused() -> None:
    assert [one.code for one in examine(model(), np.where(X > 2, np.nan, X), Y)] == ["non_finite"]


def test_what_is_planned_counts() -> None:
    assert examine(model(rate=1e-7), X, Y, batch_size=10, epochs=1000) == []
    assert [one.code for one in examine(model(rate=1e-7), X, Y)] == ["learning_rate_too_low"]


def test_batches_are_examined_as_well() -> None:
    batches = [(X[:50], Y[:50]), (X[50:], Y[50:])]
    assert [one.code for one in examine(model("relu"), iter(batches))] == ["wrong_output_or_loss"]


def test_weights_of_examples_are_taken() -> None:
    assert examine(model(), X, Y, np.ones(100)) == []


@pytest.mark.parametrize("argument", ["batch_size", "epochs"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "3"])
def test_counts_must_be_positive(argument: str, value: object) -> None:
    with pytest.raises(ArgumentError, match=argument):
        examine(model(), X, Y, **{argument: value})  # type: ignore[arg-type]


def test_a_model_must_be_compiled() -> None:
    with pytest.raises(NotBuiltError, match="compile"):
        examine(Sequential([Dense(1)]), X, Y)


def test_data_must_fit() -> None:
    narrow = Sequential([Input((3,)), Dense(1)])
    narrow.compile("adam", "mse", executor="reference")
    with pytest.raises(ShapeError, match="examples of shape"):
        examine(narrow, X, Y)
    with pytest.raises(DataError, match="equal lengths"):
        examine(model(), X, Y[:5])
