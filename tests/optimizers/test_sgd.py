from __future__ import annotations

import numpy as np
import pytest
import torch

from glassgrad.graph import Variable, constant
from glassgrad.optimizers import SGD

SETTINGS = [(0.0, False), (0.9, False), (0.9, True)]
ids = ["plain", "momentum", "nesterov"]


@pytest.mark.parametrize("momentum, nesterov", SETTINGS, ids=ids)
def test_a_hundred_steps_as_a_plain_loop(momentum: float, nesterov: bool) -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4))
    w = Variable(start, dtype="float64")
    optimizer = SGD(0.1, momentum=momentum, nesterov=nesterov)
    x, v, rate = start.copy(), np.zeros_like(start), 0.1
    for step in range(100):
        if step == 50:
            rate = 0.0625
            optimizer.learning_rate = rate
        g = rng.normal(size=start.shape)
        optimizer.apply([constant(g, "float64")], [w])
        v = momentum * v - rate * g
        x = x + (momentum * v - rate * g if nesterov else v)
    assert w.numpy() == pytest.approx(x, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("momentum, nesterov", SETTINGS, ids=ids)
def test_pytorch_agrees_while_the_learning_rate_is_constant(
    momentum: float, nesterov: bool
) -> None:
    rng = np.random.default_rng(1)
    start = rng.normal(size=(5,)).astype("float32")
    w = Variable(start)
    theirs = torch.tensor(start, requires_grad=True)
    ours = SGD(0.05, momentum=momentum, nesterov=nesterov)
    other = torch.optim.SGD([theirs], lr=0.05, momentum=momentum, nesterov=nesterov)
    for _ in range(100):
        g = rng.normal(size=start.shape).astype("float32")
        ours.apply([g], [w])
        theirs.grad = torch.tensor(g)
        other.step()
    assert w.numpy() == pytest.approx(theirs.detach().numpy(), rel=1e-5, abs=1e-6)


def test_without_momentum_nothing_is_kept() -> None:
    optimizer = SGD()
    optimizer.build([Variable(1.0)])
    assert len(optimizer.variables) == 2
