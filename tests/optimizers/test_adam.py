from __future__ import annotations

import numpy as np
import pytest
import torch

from glassgrad.execute.executor import executor_named
from glassgrad.graph import Variable, constant, placeholder
from glassgrad.optimizers import Adam
from glassgrad.optimizers.adam import one_minus_power

SETTINGS = [(0.001, 0.9, 0.999, 1e-7), (0.1, 0.5, 0.9, 1e-3), (0.01, 0.0, 0.9, 1e-7)]


@pytest.mark.parametrize("rate, beta_1, beta_2, epsilon", SETTINGS)
@pytest.mark.parametrize("dtype, tolerance", [("float64", 1e-9), ("float32", 2e-5)])
def test_a_hundred_steps_as_a_plain_loop(
    rate: float, beta_1: float, beta_2: float, epsilon: float, dtype: str, tolerance: float
) -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4)).astype("float32").astype("float64")
    w = Variable(start, dtype=dtype)
    optimizer = Adam(rate, beta_1, beta_2, epsilon)
    x, m, v = start.copy(), np.zeros_like(start), np.zeros_like(start)
    lr = rate
    for t in range(1, 101):
        g = rng.normal(size=start.shape).astype("float32").astype("float64")
        optimizer.apply([constant(g, dtype)], [w])
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g * g
        corrected = lr * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
        x = x - corrected * m / (np.sqrt(v) + epsilon)
    assert w.numpy() == pytest.approx(x, rel=tolerance, abs=tolerance)


def test_pytorch_agrees_where_epsilon_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    start = rng.normal(size=(5,)).astype("float32")
    w = Variable(start)
    theirs = torch.tensor(start, requires_grad=True)
    ours, other = Adam(0.05, epsilon=0.0), torch.optim.Adam([theirs], lr=0.05, eps=0.0)
    for _ in range(100):
        g = rng.normal(size=start.shape).astype("float32")
        ours.apply([g], [w])
        theirs.grad = torch.tensor(g)
        other.step()
    assert w.numpy() == pytest.approx(theirs.detach().numpy(), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.999999])
@pytest.mark.parametrize("dtype, tolerance", [("float32", 3e-7), ("float64", 1e-14)])
def test_powers_stay_accurate_over_a_million_steps(
    beta: float, dtype: str, tolerance: float
) -> None:
    step = placeholder((), dtype)
    program = executor_named("reference").compile([one_minus_power(beta, step)], [step])
    for t in (1, 2, 3, 7, 10, 100, 999, 1000, 12345, 100_000, 999_999, 1_000_000):
        (found,) = program(np.asarray(t, dtype))
        expected = -np.expm1(t * np.log(np.longdouble(beta))) if beta else 1.0
        assert found == pytest.approx(float(expected), rel=tolerance)


def test_the_first_step_has_the_size_of_the_learning_rate() -> None:
    w = Variable([0.0, 0.0, 0.0])
    Adam(0.001).apply([[1e-3, -1.0, 1e3]], [w])
    assert w.numpy() == pytest.approx([-0.001, 0.001, -0.001], rel=4e-3)


def test_with_amsgrad_steps_do_not_grow_when_gradients_become_small() -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4))
    ours, theirs = Variable(start, dtype="float64"), torch.tensor(start, requires_grad=True)
    largest, x, m, v = np.zeros((4, 3, 4))
    x = start.copy()
    optimizer = Adam(0.1, epsilon=0.0, amsgrad=True)
    other = torch.optim.Adam([theirs], lr=0.1, eps=0.0, amsgrad=True)
    for t in range(1, 101):
        g = rng.normal(size=start.shape) / t
        optimizer.apply([constant(g, "float64")], [ours])
        theirs.grad = torch.tensor(g)
        other.step()
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        largest = np.maximum(largest, v)
        x = x - 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t) * m / np.sqrt(largest)
    assert ours.numpy() == pytest.approx(x, rel=1e-11, abs=1e-12)
    assert ours.numpy() == pytest.approx(theirs.detach().numpy(), rel=1e-9)
