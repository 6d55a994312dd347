"""What simple methods make of data: near nothing of what can be learnt, all of what cannot."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.layers import Dense, Input
from glassgrad.lens.doctor.case import Case, Course, DataFacts, Facts
from glassgrad.lens.doctor.reference import reference_loss, reference_share, with_reference
from glassgrad.models import Sequential
from glassgrad.training.data import as_data

SPARSE, BINARY = "sparse_categorical_crossentropy", "binary_crossentropy"


def noise(count: int = 300, features: int = 4, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(count, features))


def ring(x: Any) -> Any:
    return (np.square(x[:, :2]).sum(axis=1) > 1.4).astype(int)


LEARNABLE = {
    "a line": (noise(), noise() @ [1.0, 2.0, 0.0, 0.0], "mean_squared_error", 0.01),
    "a line, by absolute errors": (noise(), noise() @ [1, 2, 0, 0], "mean_absolute_error", 0.1),
    "halves": (noise(), (noise()[:, 0] > 0).astype(int), BINARY, 0.5),
    "inside or outside": (noise(features=2), ring(noise(features=2)), SPARSE, 0.5),
    "one-hot": (noise(), np.eye(2)[(noise()[:, 0] > 0) * 1], "categorical_crossentropy", 0.5),
    "a drowned feature": (noise() * [1, 1e6, 1, 1], (noise()[:, 0] > 0) * 1, SPARSE, 0.5),
}


@pytest.mark.parametrize("name", LEARNABLE)
def test_what_can_be_learnt_leaves_little_of_a_constants_loss(name: str) -> None:
    x, y, loss, share = LEARNABLE[name]
    found = reference_share(x, y, loss)
    assert found is not None
    assert 0 <= found < share


@pytest.mark.parametrize(
    "y, loss",
    [
        (noise(seed=1)[:, 0], "mean_squared_error"),
        ((noise(seed=1)[:, 0] > 0) * 1, BINARY),
        (np.arange(300) % 5, SPARSE),
    ],
)
def test_of_noise_nothing_is_learnt(y: Any, loss: str) -> None:
    found = reference_share(noise(), y, loss)
    assert found is not None
    assert 0.95 < found < 1.2


def test_indices_are_names_and_no_quantities() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 8, (300, 5))
    y = np.isin(x[:, 2], [0, 3, 5, 6]).astype(int)
    as_names, as_numbers = (reference_share(x, y, SPARSE, one) for one in (True, False))
    assert as_names is not None
    assert as_numbers is not None
    assert as_names < 0.5 < as_numbers


def test_targets_for_each_place_are_told_from_what_stands_there() -> None:
    x = np.random.default_rng(0).integers(0, 6, (60, 10))
    share = reference_share(x, (x + 1) % 6, SPARSE, True)
    assert share is not None
    assert share < 0.3


def test_the_loss_itself_is_that_of_the_best_method() -> None:
    x = noise()
    assert reference_loss(x, x @ [1.0, 2.0, 0.0, 0.0], "mean_squared_error") == pytest.approx(
        0.0, abs=0.02
    )


@pytest.mark.parametrize(
    "x, y, loss",
    [
        (noise(40), noise(40)[:, 0], "mean_squared_error"),  # too few examples
        (noise(), noise()[:, 0], "log_cosh"),  # a loss that is not known
        (noise(), np.tile(noise(), 5), "mean_squared_error"),  # a picture as target
        (noise(), np.arange(300), SPARSE),  # a class for each example
        (noise(), np.zeros(300, int), SPARSE),  # one class
        (noise(), np.eye(3)[np.arange(1200).reshape(300, 4) % 3], "categorical_crossentropy"),
        (noise(), np.full(300, np.nan), "mean_squared_error"),
        (noise(), np.zeros(300), "mean_squared_error"),  # nothing to be learnt
    ],
)
def test_where_nothing_is_known_nothing_is_said(x: Any, y: Any, loss: str) -> None:
    assert reference_share(x, y, loss) is None


def ended(now: float, **changes: Any) -> Case:
    data = DataFacts(300, (4,))
    known = {"loss": "mean_squared_error", "trivial_loss": 5.0, **changes}
    course = Course()
    course.extend(range(50), [now] * 50, [1.0] * 50, [1e-3] * 50)
    return Case(Facts("model", (), (), data, **known), course, ended=True)


def trained(loss: Any = "mse") -> Sequential:
    model = Sequential([Input((4,)), Dense(1)])
    model.compile("sgd", loss, executor="reference")
    return model


def test_the_reference_is_looked_up_for_a_network_that_has_something_to_learn() -> None:
    model = trained()
    data = as_data(noise(), noise() @ [1.0, 2.0, 0.0, 0.0], None, model.dtype)
    found = with_reference(ended(4.0), model, data).reference_loss
    assert found is not None
    assert found < 0.1
    assert with_reference(ended(0.01), model, data).reference_loss is None
    assert with_reference(ended(4.0, loss=None), model, data).reference_loss is None


def test_weighted_examples_are_no_plain_loss() -> None:
    model = trained()
    data = as_data(noise(), noise()[:, 0], np.ones(300), model.dtype)
    assert with_reference(ended(4.0), model, data).reference_loss is None
