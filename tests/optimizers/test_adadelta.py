from __future__ import annotations

import numpy as np
import pytest
import torch

from glassgrad.errors import ArgumentError
from glassgrad.graph import Variable, constant
from glassgrad.optimizers import Adadelta


@pytest.mark.parametrize("rate, rho, epsilon", [(0.001, 0.95, 1e-7), (1.0, 0.8, 1e-3)])
def test_a_hundred_steps_as_a_plain_loop(rate: float, rho: float, epsilon: float) -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4))
    w = Variable(start, dtype="float64")
    optimizer = Adadelta(rate, rho, epsilon)
    x, v, s, lr = start.copy(), *np.zeros((2, 3, 4)), rate
    for _ in range(100):
        g = rng.normal(size=start.shape)
        optimizer.apply([constant(g, "float64")], [w])
        v = rho * v + (1 - rho) * g * g
        d = np.sqrt(s + epsilon) * g / np.sqrt(v + epsilon)
        s = rho * s + (1 - rho) * d * d
        x = x - lr * d
    assert w.numpy() == pytest.approx(x, rel=1e-12, abs=1e-12)


def test_pytorch_agrees() -> None:
    rng = np.random.default_rng(1)
    start = rng.normal(size=5)
    w, theirs = Variable(start, dtype="float64"), torch.tensor(start, requires_grad=True)
    ours = Adadelta(0.5, 0.9, 1e-5)
    other = torch.optim.Adadelta([theirs], 0.5, rho=0.9, eps=1e-5)
    for _ in range(100):
        g = rng.normal(size=5)
        ours.apply([constant(g, "float64")], [w])
        theirs.grad = torch.tensor(g)
        other.step()
    assert w.numpy() == pytest.approx(theirs.detach().numpy(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("name, value", [("rho", 1.0), ("rho", -0.1), ("epsilon", -1.0)])
def test_bad_numbers_are_refused(name: str, value: float) -> None:
    with pytest.raises(ArgumentError, match=name):
        Adadelta(**{name: value})
