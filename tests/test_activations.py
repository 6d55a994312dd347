from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from glassgrad import activations, ops
from glassgrad.errors import ArgumentError, GradientError, ShapeError, UnknownNameError
from glassgrad.graph import Tensor, as_tensor

TABLE: list[tuple[str, Callable[[torch.Tensor], torch.Tensor]]] = [
    ("linear", lambda x: x),
    ("relu", torch.relu),
    ("leaky_relu", partial(functional.leaky_relu, negative_slope=0.2)),
    ("relu6", functional.relu6),
    ("elu", functional.elu),
    ("selu", functional.selu),
    ("softplus", partial(functional.softplus, threshold=1e3)),
    ("softsign", functional.softsign),
    ("silu", functional.silu),
    ("swish", functional.silu),
    ("gelu", functional.gelu),
    ("mish", functional.mish),
    ("exponential", torch.exp),
    # PyTorch's own hardsigmoid multiplies the gradient by 1/6 in float32.
    ("hard_sigmoid", lambda x: functional.relu6(x + 3) / 6),
    ("sigmoid", torch.sigmoid),
    ("tanh", torch.tanh),
    ("softmax", lambda x: torch.softmax(x, -1)),
    ("log_softmax", lambda x: torch.log_softmax(x, -1)),
]


@pytest.mark.parametrize("name, oracle", TABLE, ids=[name for name, _ in TABLE])
def test_values_and_gradients(name: str, oracle: Callable[[torch.Tensor], torch.Tensor]) -> None:
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=(4, 5)) * 3, rng.normal(size=(4, 5))
    ours = Tensor(values, requires_grad=True, dtype="float64")
    (activations.get(name)(ours) * Tensor(weights, dtype="float64")).sum().backward()
    theirs = torch.tensor(values, requires_grad=True)
    (oracle(theirs) * torch.tensor(weights)).sum().backward()
    assert ours.grad is not None
    assert theirs.grad is not None
    expected = oracle(theirs).detach().numpy()
    assert activations.get(name)(ours).numpy() == pytest.approx(expected, rel=1e-14, abs=1e-14)
    assert ours.grad.numpy() == pytest.approx(theirs.grad.numpy(), rel=1e-13, abs=1e-14)


def test_what_get_takes() -> None:
    def own(x: Tensor) -> Tensor:
        return x * x

    assert activations.get(None) is activations.linear
    assert activations.get("ReLU".lower()) is activations.relu
    assert activations.get(own) is own
    assert activations.get(activations.tanh) is activations.tanh
    with pytest.raises(UnknownNameError, match="'softmax'"):
        activations.get("sotfmax")
    with pytest.raises(ArgumentError, match="activation must be"):
        activations.get(1)
    assert activations.serialize(own) == "own"
    with pytest.raises(ArgumentError, match="register"):
        activations.serialize(lambda x: x * x)


def test_a_registered_function_has_a_name() -> None:
    @activations.register()
    def doubled_for_this_test(x: Tensor) -> Tensor:
        return as_tensor(x) * 2.0

    assert activations.get("doubled_for_this_test") is doubled_for_this_test
    assert activations.serialize(doubled_for_this_test) == "doubled_for_this_test"


def test_softmax_needs_an_axis() -> None:
    with pytest.raises(ShapeError, match="last axis"):
        activations.softmax(1.0)


def test_every_activation_is_in_the_table() -> None:
    registered = {
        name
        for name, function in activations._registry.entries.items()
        if function.__module__ == activations.__name__
    }
    assert registered - {"heaviside"} == {name for name, _ in TABLE}


@pytest.mark.parametrize(
    "arguments, expected",
    [
        ({}, [0, 0, 0, 1, 4, 8]),
        ({"negative_slope": 0.5}, [-2, -0.5, 0, 1, 4, 8]),
        ({"max_value": 6}, [0, 0, 0, 1, 4, 6]),
        ({"threshold": 2.0}, [0, 0, 0, 0, 4, 8]),
        ({"negative_slope": 0.5, "max_value": 6, "threshold": 2}, [-3, -1.5, -1, -0.5, 4, 6]),
    ],
)
def test_relu_with_all_its_arguments(arguments: dict[str, Any], expected: list[float]) -> None:
    x = [-4.0, -1.0, 0.0, 1.0, 4.0, 8.0]
    assert activations.relu(x, **arguments).numpy().tolist() == expected


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_over_which_axis(name: str, axis: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    ours = getattr(activations, name)(Tensor(x, dtype="float64"), axis=axis).numpy()
    np.testing.assert_allclose(ours, getattr(torch, name)(torch.tensor(x), axis), rtol=1e-13)


def test_an_axis_that_is_not_there_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"\[-2, 2\). Got 2"):
        activations.softmax([[1.0]], axis=2)


@pytest.mark.parametrize(
    "name, x, expected",
    [
        ("softplus", [-1000.0, 1000.0], [0.0, 1000.0]),
        ("silu", [-1000.0, 1000.0], [0.0, 1000.0]),
        ("gelu", [-1000.0, 1000.0], [0.0, 1000.0]),
        ("mish", [-1000.0, 1000.0], [0.0, 1000.0]),
        ("elu", [-1000.0, 1000.0], [-1.0, 1000.0]),
        ("selu", [-1000.0, 1000.0], [-1.7580993408473766, 1050.7009873554805]),
        ("softsign", [-1e30, 1e30], [-1.0, 1.0]),
        ("log_softmax", [-1000.0, 1000.0], [-2000.0, 0.0]),
    ],
)
def test_the_extremes_are_finite_and_so_are_the_gradients(
    name: str, x: list[float], expected: list[float]
) -> None:
    ours = Tensor(x, requires_grad=True, dtype="float64")
    y = activations.get(name)(ours)
    y.sum().backward()
    assert y.numpy() == pytest.approx(expected, rel=1e-15)
    assert ours.grad is not None
    assert np.isfinite(ours.grad.numpy()).all()


FINITE = [*(name for name, _ in TABLE if name != "exponential"), ops.approximate_gelu]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", FINITE)
def test_what_is_finite_stays_finite_and_so_does_its_gradient(activation: Any, dtype: str) -> None:
    values = [1e30, 1e4, 1000.0, 100.0, 88.0, 10.0, 1e-30, 0.0]
    x = Tensor([*values, *(-value for value in values)], requires_grad=True, dtype=dtype)
    y = activations.get(activation)(x)
    y.sum().backward()
    assert np.isfinite(y.numpy()).all()
    assert x.grad is not None
    assert np.isfinite(x.grad.numpy()).all()


def test_gelu_with_tanh() -> None:
    x = np.linspace(-5, 5, 101)
    ours = activations.gelu(Tensor(x, dtype="float64"), approximate=True).numpy()
    theirs = functional.gelu(torch.tensor(x), approximate="tanh")
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)
    exact = activations.gelu(Tensor(x, dtype="float64")).numpy()
    assert 1e-4 < np.abs(ours - exact).max() < 1e-3


def test_a_threshold_unit_computes_and_refuses_to_be_trained() -> None:
    x = Tensor([-1.0, 0.0, 1.0], requires_grad=True)
    y = activations.heaviside(x)
    assert y.numpy().tolist() == [0.0, 1.0, 1.0]
    with pytest.raises(GradientError, match="Use its smooth form, sigmoid"):
        y.sum().backward()
