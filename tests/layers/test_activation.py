from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from glassgrad import layers
from glassgrad.errors import ArgumentError, UnknownNameError
from glassgrad.graph import Tensor


def test_a_name_or_a_function() -> None:
    assert layers.Activation("relu")([[1.0, -1.0]]).numpy().tolist() == [[1.0, 0.0]]
    assert layers.Activation(lambda x: x * 2.0)([[1.0]]).numpy().tolist() == [[2.0]]
    assert layers.Activation("softmax").compute_output_shape((None, 3)) == (None, 3)
    assert layers.Activation("relu").weights == []


def test_the_result_is_the_operation_itself() -> None:
    y = layers.Activation("softmax", name="probabilities")(Tensor([[1.0, 2.0]]))
    assert y.node.operation.name == "Softmax"
    assert y.node.scope == "probabilities"


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="'sigmoid'"):
        layers.Activation("sigmoidd")


@pytest.mark.parametrize(
    "layer, oracle",
    [
        (layers.ReLU(), torch.relu),
        (layers.ReLU(6), functional.relu6),
        (layers.ReLU(negative_slope=0.1), lambda x: functional.leaky_relu(x, 0.1)),
        (layers.ReLU(3.0, 0.5, 1.0), lambda x: torch.where(x > 1, x.clamp(max=3), (x - 1) / 2)),
        (layers.LeakyReLU(), lambda x: functional.leaky_relu(x, 0.3)),
        (layers.ELU(), functional.elu),
        (layers.ELU(0.5), lambda x: functional.elu(x, 0.5)),
        (layers.Softmax(), lambda x: torch.softmax(x, -1)),
        (layers.Softmax(axis=1), lambda x: torch.softmax(x, 1)),
    ],
)
def test_a_layer_computes_its_activation(layer: layers.Layer, oracle: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32) * 4
    np.testing.assert_allclose(layer(x).numpy(), oracle(torch.tensor(x)), rtol=1e-6, atol=1e-7)
    assert layer.compute_output_shape((None, 3, 4)) == (None, 3, 4)
    assert layer.weights == []


def test_masked_logits_have_no_part_in_a_softmax() -> None:
    x, mask = [[1.0, 2.0, 3.0]], np.array([[True, False, True]])
    expected = torch.softmax(torch.tensor([[1.0, -torch.inf, 3.0]]), -1)
    np.testing.assert_allclose(layers.Softmax()(x, mask=mask).numpy(), expected, rtol=1e-6)


def test_names_are_those_of_keras() -> None:
    kinds = [layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Softmax]
    names = [kind().name.rstrip("_0123456789") for kind in kinds]
    assert names == ["re_lu", "leaky_re_lu", "elu", "softmax"]


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: layers.ReLU(max_value=-1.0), "max_value .* Got -1.0"),
        (lambda: layers.ReLU(negative_slope=-0.1), "negative_slope .* Got -0.1"),
        (lambda: layers.ReLU(threshold="a"), "threshold .* Got 'a'"),
        (lambda: layers.LeakyReLU(None), "negative_slope .* Got None"),
        (lambda: layers.ELU(float("nan")), "alpha .* Got nan"),
        (lambda: layers.Softmax(axis=(0, 1)), r"one integer. Got \(0, 1\)"),
        (lambda: layers.Softmax(axis=2)([[1.0]]), "Got 2"),
    ],
)
def test_what_no_activation_can_mean_is_refused(build: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        build()
