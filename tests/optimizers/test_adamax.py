from __future__ import annotations

import numpy as np
import pytest
import torch

from glassgrad.errors import ArgumentError
from glassgrad.graph import Variable, constant
from glassgrad.optimizers import Adamax

SETTINGS = [(0.001, 0.9, 0.999, 1e-7), (0.1, 0.5, 0.9, 1e-3), (0.01, 0.0, 0.0, 1e-7)]


@pytest.mark.parametrize("rate, beta_1, beta_2, epsilon", SETTINGS)
def test_a_hundred_steps_as_a_plain_loop(
    rate: float, beta_1: float, beta_2: float, epsilon: float
) -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4))
    w = Variable(start, dtype="float64")
    optimizer = Adamax(rate, beta_1, beta_2, epsilon)
    x, m, u, lr = start.copy(), *np.zeros((2, 3, 4)), rate
    for t in range(1, 101):
        g = rng.normal(size=start.shape)
        optimizer.apply([constant(g, "float64")], [w])
        m = beta_1 * m + (1 - beta_1) * g
        u = np.maximum(beta_2 * u, np.abs(g))
        x = x - lr / (1 - beta_1**t) * m / (u + epsilon)
    assert w.numpy() == pytest.approx(x, rel=1e-12, abs=1e-12)


def test_pytorch_agrees_without_epsilon() -> None:
    rng = np.random.default_rng(1)
    start = rng.normal(size=5)
    w, theirs = Variable(start, dtype="float64"), torch.tensor(start, requires_grad=True)
    ours = Adamax(0.25, epsilon=0.0)
    other = torch.optim.Adamax([theirs], 0.25, eps=0.0)
    for _ in range(100):
        g = rng.normal(size=5)
        ours.apply([constant(g, "float64")], [w])
        theirs.grad = torch.tensor(g)
        other.step()
    assert w.numpy() == pytest.approx(theirs.detach().numpy(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name, value", [("beta_1", 1.0), ("beta_2", -0.5), ("epsilon", -1.0)])
def test_bad_numbers_are_refused(name: str, value: float) -> None:
    with pytest.raises(ArgumentError, match=name):
        Adamax(**{name: value})
