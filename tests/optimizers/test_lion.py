from __future__ import annotations

import numpy as np
import pytest

from glassgrad.errors import ArgumentError
from glassgrad.graph import Variable, constant
from glassgrad.optimizers import Lion


@pytest.mark.parametrize("rate, beta_1, beta_2", [(0.001, 0.9, 0.99), (0.1, 1.0, 0.5)])
def test_a_hundred_steps_as_a_plain_loop(rate: float, beta_1: float, beta_2: float) -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4))
    w = Variable(start, dtype="float64")
    optimizer = Lion(rate, beta_1, beta_2)
    x, m, lr = start.copy(), np.zeros_like(start), rate
    for _ in range(100):
        g = rng.normal(size=start.shape)
        optimizer.apply([constant(g, "float64")], [w])
        x = x - lr * np.sign(beta_1 * m + (1 - beta_1) * g)
        m = beta_2 * m + (1 - beta_2) * g
    assert w.numpy() == pytest.approx(x, rel=1e-12, abs=1e-12)


def test_only_the_sign_of_the_momentum_counts() -> None:
    w = Variable([1.0, 1.0, 1.0])
    optimizer = Lion(0.25, beta_2=0.0, beta_1=0.25)
    for gradient in ([4.0, -1e-3, 0.0], [1.0, 1.0, 0.0]):
        optimizer.apply([gradient], [w])
    assert w.numpy().tolist() == [0.5, 1.0, 1.0]


@pytest.mark.parametrize("name, value", [("beta_1", 0.0), ("beta_1", 1.5), ("beta_2", 1.0)])
def test_bad_numbers_are_refused(name: str, value: float) -> None:
    with pytest.raises(ArgumentError, match=name):
        Lion(**{name: value})
