from __future__ import annotations

import numpy as np
import pytest
import torch

from glassgrad.errors import ArgumentError
from glassgrad.graph import Variable, constant
from glassgrad.optimizers import Adagrad


@pytest.mark.parametrize("initial, epsilon", [(0.1, 1e-7), (0.0, 1e-3), (2.0, 0.0)])
def test_a_hundred_steps_as_a_plain_loop(initial: float, epsilon: float) -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4))
    w = Variable(start, dtype="float64")
    optimizer = Adagrad(0.1, initial, epsilon)
    x, a, rate = start.copy(), np.full_like(start, initial), 0.1
    for _ in range(100):
        g = rng.normal(size=start.shape)
        optimizer.apply([constant(g, "float64")], [w])
        a = a + g * g
        x = x - rate * g / np.sqrt(a + epsilon)
    assert w.numpy() == pytest.approx(x, rel=1e-12, abs=1e-12)


def test_pytorch_agrees_without_epsilon() -> None:
    rng = np.random.default_rng(1)
    start = rng.normal(size=5)
    w, theirs = Variable(start, dtype="float64"), torch.tensor(start, requires_grad=True)
    ours = Adagrad(0.25, 0.1, 0.0)
    other = torch.optim.Adagrad([theirs], 0.25, initial_accumulator_value=0.1, eps=0.0)
    for _ in range(100):
        g = rng.normal(size=5)
        ours.apply([constant(g, "float64")], [w])
        theirs.grad = torch.tensor(g)
        other.step()
    assert w.numpy() == pytest.approx(theirs.detach().numpy(), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"initial_accumulator_value": -0.1}, "initial_accumulator_value"),
        ({"initial_accumulator_value": float("nan")}, "initial_accumulator_value"),
        ({"epsilon": -1.0}, "epsilon"),
    ],
)
def test_bad_numbers_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Adagrad(**arguments)
