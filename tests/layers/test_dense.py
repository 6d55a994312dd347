from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from glassgrad import layers
from glassgrad.errors import ArgumentError, ShapeError, UnknownNameError
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Trace, tracing, verify

rng = np.random.default_rng(0)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (2, 4, 3), (2, 1, 4, 3), (0, 3)], ids=str)
def test_values_and_gradients_are_those_of_pytorch(shape: tuple[int, ...], use_bias: bool) -> None:
    layer = layers.Dense(6, "tanh", use_bias, bias_initializer="random_normal", dtype="float64")
    inputs, weights = rng.normal(size=shape), rng.normal(size=(*shape[:-1], 6))
    x = Tensor(inputs, dtype="float64")
    y = layer(x)
    verify([y])
    slopes = gradients((y * Tensor(weights, dtype="float64")).sum(), [x, *layer.weights])
    theirs = torch.nn.Linear(3, 6, bias=use_bias, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(layer.kernel.numpy().T))
        if layer.bias is not None:
            theirs.bias.copy_(torch.tensor(layer.bias.numpy()))
    tx = torch.tensor(inputs, requires_grad=True)
    ty = torch.tanh(theirs(tx))
    (ty * torch.tensor(weights)).sum().backward()
    expected = [tx.grad, theirs.weight.grad.T, theirs.bias.grad if use_bias else None]
    assert y.numpy() == pytest.approx(ty.detach().numpy(), abs=1e-12)
    for slope, other in zip(slopes, expected, strict=False):
        assert slope is not None
        assert slope.numpy() == pytest.approx(other.numpy(), abs=1e-12)


def test_weights_and_shapes() -> None:
    layer = layers.Dense(4, name="d")
    layer.build((None, 7))
    assert [(w.name, w.shape, str(w.dtype)) for w in layer.weights] == [
        ("d/kernel", (7, 4), "float32"),
        ("d/bias", (4,), "float32"),
    ]
    assert layer.count_params() == 32
    assert layer.bias is not None
    assert not layer.bias.numpy().any()
    assert np.abs(layer.kernel.numpy()).max() <= np.sqrt(6 / 11)
    assert layer.compute_output_shape((None, 7)) == (None, 4)
    assert layers.Dense(4).compute_output_shape((None, None, 7)) == (None, None, 4)


def test_integers_are_taken() -> None:
    layer = layers.Dense(1, kernel_initializer="ones")
    assert layer(np.array([[1, 200]], np.uint8)).numpy().tolist() == [[201.0]]


def test_penalties() -> None:
    layer = layers.Dense(
        2,
        kernel_initializer="ones",
        bias_initializer="ones",
        kernel_regularizer="l2",
        bias_regularizer="l1",
        activity_regularizer=lambda y: y.sum(),
    )
    with tracing(Trace()) as trace:
        layer(np.ones((4, 3)))
    activity, kernel, bias = (loss.item() for loss in trace.losses)
    assert kernel == pytest.approx(0.01 * 6)
    assert bias == pytest.approx(0.01 * 2)
    assert activity == pytest.approx(4 * 2 * 4.0 / 4)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: layers.Dense(-1), ArgumentError, "positive integer. Got -1"),
        (lambda: layers.Dense(0), ArgumentError, "positive integer"),
        (lambda: layers.Dense(2.5), ArgumentError, "Got 2.5"),  # type: ignore[arg-type]
        (lambda: layers.Dense(True), ArgumentError, "Got True"),
        (lambda: layers.Dense("3"), ArgumentError, "Got '3'"),  # type: ignore[arg-type]
        (lambda: layers.Dense(2, "rleu"), UnknownNameError, "'relu'"),
        (lambda: layers.Dense(2, kernel_initializer="zeroes"), UnknownNameError, "'zeros'"),
        (lambda: layers.Dense(2, kernel_regularizer="l3"), UnknownNameError, "regularizer 'l3'"),
        (lambda: layers.Dense(2, colour="red"), TypeError, "colour"),
        (lambda: layers.Dense(2)(np.ones(3)), ShapeError, "at least two axes"),
        (lambda: layers.Dense(2)(1.0), ShapeError, "at least two axes"),
        (lambda: layers.Dense(2).build((3, None)), ShapeError, "a known last one"),
    ],
)
def test_bad_arguments_are_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_wrong_last_axis_is_named() -> None:
    layer = layers.Dense(2, name="dense")
    layer(np.ones((32, 784)))
    with pytest.raises(
        ShapeError,
        match=r"'dense' expected last axis 784, found 64\. Full shape received: \(32, 64\)\.",
    ):
        layer(np.ones((32, 64)))
    with pytest.raises(ShapeError, match="at least two axes, found 1"):
        layer(np.ones(784))


def test_numpy_counts_are_taken() -> None:
    assert layers.Dense(np.int64(3)).units == 3  # type: ignore[arg-type]
