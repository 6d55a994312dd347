from __future__ import annotations

import numpy as np
import pytest
import torch

from glassgrad.errors import ArgumentError
from glassgrad.graph import Variable, constant
from glassgrad.optimizers import Adam, AdamW

SETTINGS = [(0.001, 0.004, 0.9, 0.999, 1e-7), (0.1, 0.5, 0.5, 0.9, 1e-3)]


@pytest.mark.parametrize("rate, decay, beta_1, beta_2, epsilon", SETTINGS)
def test_a_hundred_steps_as_a_plain_loop(
    rate: float, decay: float, beta_1: float, beta_2: float, epsilon: float
) -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4))
    w = Variable(start, dtype="float64")
    optimizer = AdamW(rate, decay, beta_1, beta_2, epsilon)
    x, m, v, lr = start.copy(), *np.zeros((2, 3, 4)), rate
    for t in range(1, 101):
        g = rng.normal(size=start.shape)
        optimizer.apply([constant(g, "float64")], [w])
        x = x - lr * decay * x
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g * g
        corrected = lr * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        x = x - corrected * m / (np.sqrt(v) + epsilon)
    assert w.numpy() == pytest.approx(x, rel=1e-12, abs=1e-12)


def test_pytorch_agrees_without_epsilon() -> None:
    rng = np.random.default_rng(1)
    start = rng.normal(size=5)
    w, theirs = Variable(start, dtype="float64"), torch.tensor(start, requires_grad=True)
    ours = AdamW(0.25, 0.125, epsilon=0.0)
    other = torch.optim.AdamW([theirs], 0.25, weight_decay=0.125, eps=0.0)
    for _ in range(100):
        g = rng.normal(size=5)
        ours.apply([constant(g, "float64")], [w])
        theirs.grad = torch.tensor(g)
        other.step()
    assert w.numpy() == pytest.approx(theirs.detach().numpy(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.25])
def test_it_is_adam_with_weight_decay(decay: float) -> None:
    ours, other = Variable([1.0, -2.0]), Variable([1.0, -2.0])
    for optimizer, w in ((AdamW(0.5, decay), ours), (Adam(0.5, weight_decay=decay), other)):
        for _ in range(3):
            optimizer.apply([[0.5, 0.25]], [w])
    assert np.array_equal(ours.numpy(), other.numpy())


@pytest.mark.parametrize(
    "name, value",
    [("weight_decay", None), ("weight_decay", -0.1), ("beta_1", 1.0), ("beta_2", 1.0)],
)
def test_bad_numbers_are_refused(name: str, value: float | None) -> None:
    with pytest.raises(ArgumentError, match=name):
        AdamW(**{name: value})
