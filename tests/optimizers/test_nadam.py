from __future__ import annotations

import numpy as np
import pytest
import torch

from glassgrad.errors import ArgumentError
from glassgrad.execute.executor import executor_named
from glassgrad.graph import Variable, constant, placeholder
from glassgrad.optimizers import Nadam
from glassgrad.optimizers.nadam import one_minus_product

SETTINGS = [(0.001, 0.9, 0.999, 1e-7), (0.1, 0.5, 0.9, 1e-3), (0.01, 0.0, 0.9, 1e-7)]


@pytest.mark.parametrize("rate, beta_1, beta_2, epsilon", SETTINGS)
def test_a_hundred_steps_as_a_plain_loop(
    rate: float, beta_1: float, beta_2: float, epsilon: float
) -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=(3, 4))
    w = Variable(start, dtype="float64")
    optimizer = Nadam(rate, beta_1, beta_2, epsilon)
    x, m, v, lr = start.copy(), *np.zeros((2, 3, 4)), rate
    product = 1.0
    for t in range(1, 101):
        g = rng.normal(size=start.shape)
        optimizer.apply([constant(g, "float64")], [w])
        mu = beta_1 * (1 - 0.5 * 0.96**t)
        following = beta_1 * (1 - 0.5 * 0.96 ** (t + 1))
        product *= mu
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g * g
        ahead = following * m / (1 - product * following) + (1 - mu) * g / (1 - product)
        x = x - lr * ahead / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
    assert w.numpy() == pytest.approx(x, rel=1e-12, abs=1e-12)


def test_pytorch_agrees_with_another_decay_of_momentum() -> None:
    rng = np.random.default_rng(1)
    start = rng.normal(size=5)
    w, theirs = Variable(start, dtype="float64"), torch.tensor(start, requires_grad=True)
    ours = Nadam(0.25, epsilon=1e-4)
    other = torch.optim.NAdam([theirs], 0.25, eps=1e-4, momentum_decay=1.0)
    for _ in range(100):
        g = rng.normal(size=5)
        ours.apply([constant(g, "float64")], [w])
        theirs.grad = torch.tensor(g)
        other.step()
    # PyTorch keeps the product of the momenta in float32.
    assert w.numpy() == pytest.approx(theirs.detach().numpy(), rel=1e-6, abs=1e-6)


STEPS = (1, 2, 3, 10, 100, 999, 1000, 1001, 12345, 1_000_000)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.999, 0.999999])
@pytest.mark.parametrize("dtype, tolerance", [("float32", 5e-7), ("float64", 1e-14)])
def test_products_stay_accurate_over_a_million_steps(
    beta: float, dtype: str, tolerance: float
) -> None:
    step = placeholder((), dtype)
    program = executor_named("reference").compile([one_minus_product(beta, step)], [step])
    decay = np.longdouble(96) / 100
    products = np.cumprod(beta * (1 - decay ** np.arange(1, max(STEPS) + 1) / 2))
    for t in STEPS:
        (found,) = program(np.asarray(t, dtype))
        assert found == pytest.approx(float(1 - products[t - 1]), rel=tolerance)


@pytest.mark.parametrize("beta", [0.9, 0.999])
def test_the_factors_stay_accurate_in_float32(beta: float) -> None:
    rate, step = placeholder((), "float32"), placeholder((), "float32")
    factors = Nadam(beta_1=beta).shared(rate, step)
    program = executor_named("reference").compile(list(factors), [rate, step])
    decay = np.longdouble(96) / 100
    mu = beta * (1 - decay ** np.arange(1, max(STEPS) + 2) / 2)
    products = np.cumprod(mu)
    for t in STEPS:
        expected = [
            mu[t] / (1 - products[t]),
            (1 - mu[t - 1]) / (1 - products[t - 1]),
            -1 / np.expm1(t * np.log(np.longdouble(0.999))),
        ]
        found = program(np.float32(1.0), np.float32(t))
        assert np.array(found) == pytest.approx(np.array(expected, float), rel=2e-6)


@pytest.mark.parametrize("name, value", [("beta_1", 1.0), ("beta_2", -0.5), ("epsilon", -1.0)])
def test_bad_numbers_are_refused(name: str, value: float) -> None:
    with pytest.raises(ArgumentError, match=name):
        Nadam(**{name: value})
