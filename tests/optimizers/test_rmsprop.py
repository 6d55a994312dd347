from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from glassgrad.errors import ArgumentError
from glassgrad.graph import Variable, constant
from glassgrad.optimizers import RMSprop

SETTINGS = list(itertools.product((0.0, 0.8), (False, True)))


@pytest.mark.parametrize("momentum, centered", SETTINGS)
def test_a_hundred_steps_as_a_plain_loop(momentum: float, centered: bool) -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4))
    w = Variable(start, dtype="float64")
    optimizer = RMSprop(0.01, 0.85, momentum, 1e-5, centered)
    x, v, a, m = start.copy(), *(np.zeros_like(start) for _ in range(3))
    rate = 0.01
    for _ in range(100):
        g = rng.normal(size=start.shape)
        optimizer.apply([constant(g, "float64")], [w])
        v = 0.85 * v + 0.15 * g * g
        a = 0.85 * a + 0.15 * g
        m = momentum * m + rate * g / np.sqrt((v - a * a if centered else v) + 1e-5)
        x = x - m
    assert w.numpy() == pytest.approx(x, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("momentum, centered", SETTINGS)
def test_pytorch_agrees_without_epsilon(momentum: float, centered: bool) -> None:
    rng = np.random.default_rng(1)
    start = rng.normal(size=5)
    w, theirs = Variable(start, dtype="float64"), torch.tensor(start, requires_grad=True)
    ours = RMSprop(0.25, 0.9, momentum, 0.0, centered)
    other = torch.optim.RMSprop(
        [theirs], 0.25, alpha=0.9, eps=0.0, momentum=momentum, centered=centered
    )
    for _ in range(30):
        g = rng.normal(size=5)
        ours.apply([constant(g, "float64")], [w])
        theirs.grad = torch.tensor(g)
        other.step()
    assert w.numpy() == pytest.approx(theirs.detach().numpy(), rel=1e-10, abs=1e-10)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"rho": 1.0}, "rho"),
        ({"momentum": -0.1}, "momentum"),
        ({"epsilon": -1.0}, "epsilon"),
        ({"epsilon": float("nan")}, "epsilon"),
    ],
)
def test_bad_numbers_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        RMSprop(**arguments)  # type: ignore[arg-type]
