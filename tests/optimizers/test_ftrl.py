from __future__ import annotations

import numpy as np
import pytest

from glassgrad.errors import ArgumentError
from glassgrad.graph import Variable, constant
from glassgrad.optimizers import Ftrl

# Learning rate, its power, first accumulator, l1, l2, shrinkage, beta.
SETTINGS = [
    (0.001, -0.5, 0.1, 0.0, 0.0, 0.0, 0.0),
    (0.1, -0.5, 0.0, 0.1, 0.2, 0.3, 0.4),
    (0.1, -0.25, 0.1, 0.5, 0.0, 0.0, 0.0),
    (0.1, 0.0, 0.1, 0.0, 0.0, 0.0, 1.0),
]


@pytest.mark.parametrize("rate, power, initial, l1, l2, shrinkage, beta", SETTINGS)
def test_a_hundred_steps_as_a_plain_loop(
    rate: float, power: float, initial: float, l1: float, l2: float, shrinkage: float, beta: float
) -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4))
    w = Variable(start, dtype="float64")
    optimizer = Ftrl(rate, power, initial, l1, l2, shrinkage, beta)
    x, n, z = start.copy(), np.full_like(start, initial), np.zeros_like(start)
    for _ in range(100):
        g = rng.normal(size=start.shape)
        optimizer.apply([constant(g, "float64")], [w])
        before, n = n, n + g * g
        z = z + g + 2 * shrinkage * x - (n**-power - before**-power) / rate * x
        x = (np.clip(z, -l1, l1) - z) / (n**-power / rate + 2 * (l2 + beta / (2 * rate)))
    assert w.numpy() == pytest.approx(x, rel=1e-11, abs=1e-12)


def test_weights_that_are_worth_little_are_exactly_zero() -> None:
    w = Variable([1.0, 1.0, 1.0])
    optimizer = Ftrl(0.5, l1_regularization_strength=2.0)
    for _ in range(10):
        optimizer.apply([[1.0, 0.01, -0.01]], [w])
    assert w.numpy()[0] < 0
    assert w.numpy()[1:].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "name, value",
    [
        ("learning_rate_power", 0.5),
        ("learning_rate_power", float("nan")),
        ("initial_accumulator_value", -0.1),
        ("l1_regularization_strength", -0.1),
        ("l2_regularization_strength", float("inf")),
        ("l2_shrinkage_regularization_strength", None),
        ("beta", -1.0),
    ],
)
def test_bad_numbers_are_refused(name: str, value: float) -> None:
    with pytest.raises(ArgumentError, match=name):
        Ftrl(**{name: value})
