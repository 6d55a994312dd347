from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from glassgrad import layers
from glassgrad.errors import ArgumentError, GradientError, ShapeError, UnknownNameError
from glassgrad.gradients import gradients
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


@pytest.mark.parametrize(
    "shared, shape", [(None, (3, 4)), (1, (1, 4)), ([1, 2], (1, 1)), ((2,), (3, 1))]
)
def test_prelu_is_that_of_torch(shared: Any, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    alpha = np.random.default_rng(1).normal(size=shape)
    layer = layers.PReLU(shared_axes=shared, dtype="float64")
    layer.build(x.shape)
    layer.set_weights([alpha])
    inputs = Tensor(x, dtype="float64")
    y = layer(inputs)
    slopes = gradients(y.square().sum(), [inputs, layer.alpha])
    theirs, slope = (torch.tensor(value, requires_grad=True) for value in (x, alpha))
    expected = torch.where(theirs > 0, theirs, slope * theirs)
    wanted = torch.autograd.grad(expected.square().sum(), [theirs, slope])
    np.testing.assert_allclose(y.numpy(), expected.detach(), rtol=1e-12)
    for found, right in zip(slopes, wanted, strict=True):
        assert found is not None
        np.testing.assert_allclose(found.numpy(), right, rtol=1e-12)


def test_prelu_begins_as_relu() -> None:
    assert layers.PReLU()([[1.0, -1.0]]).numpy().tolist() == [[1.0, 0.0]]
    layer = layers.PReLU("ones", alpha_regularizer="l2", alpha_constraint="non_neg")
    layer([[1.0, -1.0]])
    assert [loss.item() for loss in layer.losses] == [pytest.approx(0.02)]
    assert layer.alpha.constraint is not None
    assert layers.PReLU(shared_axes=1).compute_output_shape((None, None, 3)) == (None, None, 3)


def test_a_threshold_unit_has_no_gradient_and_says_so() -> None:
    x = Tensor([0.5, -0.5])
    y = layers.Activation("heaviside")(x)
    assert y.numpy().tolist() == [1.0, 0.0]
    with pytest.raises(GradientError, match="sigmoid"):
        gradients(y.sum(), [x])


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
        (lambda: layers.PReLU(shared_axes=0), "integers from 1.*Got 0"),
        (lambda: layers.PReLU(shared_axes=["a"]), "integers from 1"),
        (lambda: layers.Softmax(axis=(0, 1)), r"one integer. Got \(0, 1\)"),
        (lambda: layers.Softmax(axis=2)([[1.0]]), "Got 2"),
    ],
)
def test_what_no_activation_can_mean_is_refused(build: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        build()


@pytest.mark.parametrize(
    "act, message",
    [
        (lambda: layers.PReLU(shared_axes=2)([[1.0]]), "not all of them exist"),
        (lambda: layers.PReLU().build((None, None)), "share the slopes"),
    ],
)
def test_a_slope_for_each_unit_needs_their_number(act: Any, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        act()


def test_a_slope_belongs_to_its_unit() -> None:
    layer = layers.PReLU()
    layer([[1.0, 2.0]])
    with pytest.raises(ShapeError, match="axis 1 of length 2, found 1"):
        layer([[1.0]])
