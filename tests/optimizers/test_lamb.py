from __future__ import annotations

import numpy as np
import pytest

from glassgrad.errors import ArgumentError
from glassgrad.graph import Variable, constant
from glassgrad.optimizers import Lamb

SETTINGS = [(0.001, 0.9, 0.999, 1e-7, 0.0), (0.1, 0.5, 0.9, 1e-3, 0.25), (0.1, 0.0, 0.9, 1e-7, 0.0)]


@pytest.mark.parametrize("rate, beta_1, beta_2, epsilon, decay", SETTINGS)
def test_a_hundred_steps_as_a_plain_loop(
    rate: float, beta_1: float, beta_2: float, epsilon: float, decay: float
) -> None:
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=(3, 4)), rng.normal(size=5), np.array(2.0)]
    variables = [Variable(start, dtype="float64") for start in starts]
    optimizer = Lamb(rate, beta_1, beta_2, epsilon, decay)
    xs = [start.copy() for start in starts]
    ms, vs = [np.zeros_like(x) for x in xs], [np.zeros_like(x) for x in xs]
    for t in range(1, 101):
        gradients = [rng.normal(size=x.shape) for x in xs]
        optimizer.apply([constant(g, "float64") for g in gradients], variables)
        for k, g in enumerate(gradients):
            x = xs[k] * (1 - rate * decay)
            ms[k] = beta_1 * ms[k] + (1 - beta_1) * g
            vs[k] = beta_2 * vs[k] + (1 - beta_2) * g * g
            d = ms[k] / (1 - beta_1**t) / (np.sqrt(vs[k] / (1 - beta_2**t)) + epsilon)
            xs[k] = x - rate * np.sqrt((x * x).sum() / (d * d).sum()) * d
    for variable, x in zip(variables, xs, strict=True):
        assert variable.numpy() == pytest.approx(x, rel=1e-11, abs=1e-12)


def test_where_there_is_no_norm_the_step_is_that_of_adam() -> None:
    nothing, still = Variable([0.0, 0.0]), Variable([3.0, 4.0])
    Lamb(0.5).apply([[0.25, -2.0], [0.0, 0.0]], [nothing, still])
    assert nothing.numpy() == pytest.approx([-0.5, 0.5], rel=1e-5)
    assert still.numpy().tolist() == [3.0, 4.0]


def test_the_step_is_a_share_of_the_weights() -> None:
    small, large = Variable([0.003, 0.004]), Variable([30.0, 40.0])
    Lamb(0.1).apply([[5.0, 1.0], [1e-3, 1e-3]], [small, large])
    assert np.linalg.norm(small.numpy() - [0.003, 0.004]) == pytest.approx(0.1 * 0.005, rel=1e-3)
    assert np.linalg.norm(large.numpy() - [30.0, 40.0]) == pytest.approx(0.1 * 50.0, rel=1e-3)


@pytest.mark.parametrize("name, value", [("beta_1", 1.0), ("beta_2", -0.5), ("epsilon", -1.0)])
def test_bad_numbers_are_refused(name: str, value: float) -> None:
    with pytest.raises(ArgumentError, match=name):
        Lamb(**{name: value})
