from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import layers
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, mask_of
from glassgrad.layers import EinsumDense

rng = np.random.default_rng(0)


@pytest.mark.parametrize(
    "equation, output_shape, bias_axes, shape, kernel, bias",
    [
        ("ab,bc->ac", 4, "c", (3, 5), (5, 4), (4,)),
        ("abc,cde->abde", (None, 2, 4), "de", (3, 2, 5), (5, 2, 4), (2, 4)),
        ("abc,cde->abde", (7, 2, 4), "e", (3, 7, 5), (5, 2, 4), (4,)),
        ("abc,cde->abde", (None, 2, 4), "d", (3, 2, 5), (5, 2, 4), (2, 1)),
        ("abde,dec->abc", (None, 3), "bc", (2, 3, 4, 5), (4, 5, 3), (3, 3)),
        ("abc,bd->adc", (4, None), None, (2, 3, 5), (3, 4), None),
        ("...b,bc->...c", 4, "c", (2, 3, 6, 5), (5, 4), (4,)),
        ("ab...,bc->ac...", 4, "c", (2, 5, 3, 2), (5, 4), (4, 1, 1)),
        ("ab,bc->ac", 4, "c", (0, 5), (5, 4), (4,)),
    ],
)
def test_values_are_those_of_numpy(
    equation: str,
    output_shape: Any,
    bias_axes: str | None,
    shape: tuple[int, ...],
    kernel: tuple[int, ...],
    bias: tuple[int, ...] | None,
) -> None:
    layer = EinsumDense(
        equation, output_shape, bias_axes=bias_axes, bias_initializer="ones", dtype="float64"
    )
    x = rng.normal(size=shape)
    inputs = Tensor(x, dtype="float64")
    y = layer(inputs)
    assert [weight.shape for weight in layer.weights] == [kernel, *([bias] if bias else [])]
    layer.set_weights([rng.normal(size=weight.shape) for weight in layer.weights])
    expected = np.einsum(equation, x, layer.kernel.numpy())
    expected = expected if layer.bias is None else expected + layer.bias.numpy()
    np.testing.assert_allclose(layer(inputs).numpy(), expected, rtol=1e-12, atol=1e-12)
    assert layer.compute_output_shape(shape) == y.shape
    assert layer.compute_output_shape((None, *shape[1:])) == (None, *y.shape[1:])


def test_the_fans_are_those_of_the_matrix_that_the_kernel_is() -> None:
    layer = EinsumDense("abc,cde->abde", (None, 20, 30))
    layer.build((None, None, 400))
    limit = np.sqrt(6 / (400 + 600))
    assert 0.99 * limit < np.abs(layer.kernel.numpy()).max() <= limit
    back = EinsumDense("abde,dec->abc", (None, 400), kernel_initializer="he_normal")
    back.build((None, None, 20, 30))
    assert back.kernel.numpy().std() == pytest.approx(np.sqrt(2 / 600), rel=0.02)


def test_a_mask_is_handed_on_where_its_axes_are_kept() -> None:
    x = layers.Masking()(np.array([[[1.0, 2.0], [0.0, 0.0]]]))
    kept = mask_of(EinsumDense("abc,cd->abd", (None, 4))(x))
    assert kept is not None
    assert kept.numpy().tolist() == [[True, False]]
    assert mask_of(EinsumDense("...c,cd->...d", 4)(x)) is not None
    assert mask_of(EinsumDense("abc,bd->adc", (4, None))(x)) is None


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("ab,bc", 4), "An equation has the form"),
        (("ab->ac", 4), "An equation has the form"),
        (("...ab,bc->ac", 4), "An equation has the form"),
        (("ab...,bc->ac", 4), "An equation has the form"),
        (("a1,1c->ac", 4), "An equation has the form"),
        (("aab,bc->ac", 4), "once in 'aab'"),
        (("ab,bcd->ac", 4), "Each axis of the kernel"),
        (("ab,bc->acz", 4), "Each axis of the kernel"),
        (("ab,bc->ac", 4, None, "b"), "axes of the output 'ac'. Got 'b'"),
        (("ab,bc->ac", 4, None, "z"), "Got 'z'"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        EinsumDense(*arguments)


@pytest.mark.parametrize(
    "layer, shape, message",
    [
        (EinsumDense("abc,cd->abd", (None, 4)), (2, 5), r"expected 3 axes.*\(2, 5\)"),
        (EinsumDense("...bc,cd->...bd", 4), (5,), "expected 2 axes"),
        (EinsumDense("abc,cd->abd", 4), (2, 3, 5), "an output_shape with an entry for each"),
        (EinsumDense("abc,cd->abd", (7, 4)), (2, 3, 5), "Axis 'b' has one length. Got 3"),
        (EinsumDense("abc,cd->abd", (None, None)), (2, 3, 5), "must be known. Got"),
    ],
)
def test_shapes_that_contradict_the_equation(
    layer: EinsumDense, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ShapeError, match=message):
        layer(np.ones(shape))


def test_another_length_than_that_of_the_first_call() -> None:
    layer = EinsumDense("abc,cd->abd", (None, 4))
    layer(np.ones((2, 3, 5)))
    with pytest.raises(ShapeError):
        layer(np.ones((2, 3, 6)))
    with pytest.raises(ShapeError, match="expected 3 axes, found 2"):
        layer(np.ones((2, 5)))
