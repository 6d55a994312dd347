from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from glassgrad import activations
from glassgrad.errors import ArgumentError, ShapeError, UnknownNameError
from glassgrad.graph import Tensor, as_tensor

TABLE: list[tuple[str, Callable[[torch.Tensor], torch.Tensor]]] = [
    ("linear", lambda x: x),
    ("relu", torch.relu),
    ("sigmoid", torch.sigmoid),
    ("tanh", torch.tanh),
    ("softmax", lambda x: torch.softmax(x, -1)),
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
    assert activations.get(name)(ours).numpy() == pytest.approx(expected, abs=1e-14)
    assert ours.grad.numpy() == pytest.approx(theirs.grad.numpy(), abs=1e-14)


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
    with pytest.raises(ArgumentError, match="register"):
        activations.serialize(own)


def test_a_registered_function_has_a_name() -> None:
    @activations.register()
    def doubled_for_this_test(x: Tensor) -> Tensor:
        return as_tensor(x) * 2.0

    assert activations.get("doubled_for_this_test") is doubled_for_this_test
    assert activations.serialize(doubled_for_this_test) == "doubled_for_this_test"


def test_softmax_needs_an_axis() -> None:
    with pytest.raises(ShapeError, match="last axis"):
        activations.softmax(1.0)
