"""Tensors that are made of no others are NumPy's arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import ops
from glassgrad.errors import DtypeError, GlassgradError, GraphError, ShapeError
from glassgrad.graph import Tensor, Variable
from glassgrad.layers import Input
from glassgrad.models import Model

X = np.arange(6.0, dtype="float32").reshape(2, 3)


@pytest.mark.parametrize(
    "made, expected",
    [
        (ops.zeros((2, 1)), np.zeros((2, 1), "float32")),
        (ops.zeros(3, "int32"), np.zeros(3, "int32")),
        (ops.ones(()), np.ones((), "float32")),
        (ops.ones([2, 2], "bool"), np.ones((2, 2), "bool")),
        (ops.full(2, 7), np.full(2, 7, "int32")),
        (ops.full((2, 2), [1.5, 2.5]), np.array([[1.5, 2.5], [1.5, 2.5]], "float32")),
        (ops.full((2,), 3, "float64"), np.full(2, 3.0)),
        (ops.full((0, 2), 1.0), np.ones((0, 2), "float32")),
        (ops.zeros_like(X), np.zeros_like(X)),
        (ops.ones_like(X, "int32"), np.ones_like(X, "int32")),
        (ops.full_like([1, 2], 9), np.array([9, 9], "int32")),
        (ops.arange(4), np.arange(4, dtype="int32")),
        (ops.arange(1, 4), np.arange(1, 4, dtype="int32")),
        (ops.arange(5, 0, -2), np.array([5, 3, 1], "int32")),
        (ops.arange(0.0, 1.0, 0.25), np.arange(0, 1, 0.25, dtype="float32")),
        (ops.arange(3, dtype="float64"), np.arange(3.0)),
        (ops.arange(3, 1), np.zeros(0, "int32")),
        (ops.eye(2), np.eye(2, dtype="float32")),
        (ops.eye(2, 3, -1, "int32"), np.eye(2, 3, -1, dtype="int32")),
        (ops.convert_to_tensor(X, "float64"), X.astype("float64")),
        (ops.convert_to_tensor(Tensor(X), "int32"), X.astype("int32")),
        (ops.convert_to_tensor(Variable(X)), X),
        (ops.convert_to_tensor(2.5), np.float32(2.5)),
    ],
)
def test_values_and_dtypes(made: Tensor, expected: Any) -> None:
    assert isinstance(made, Tensor)
    found = ops.convert_to_numpy(made)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_floats_have_the_default_dtype() -> None:
    with glassgrad.float_type("float64"):
        assert ops.zeros(2).dtype == ops.ones(2).dtype == ops.eye(2).dtype == "float64"


@pytest.mark.parametrize("value", [X, X.tolist(), Tensor(X), Variable(X)], ids=lambda v: type(v))
def test_shape_and_size_are_known_before_the_numbers(value: Any) -> None:
    assert (ops.shape(value), ops.ndim(value), ops.size(value)) == ((2, 3), 2, 6)
    np.testing.assert_array_equal(ops.convert_to_numpy(value), X)


def test_shape_and_size_of_a_symbolic_tensor() -> None:
    x = Input((3,))
    assert (ops.shape(x), ops.ndim(x), ops.size(x)) == ((None, 3), 2, None)
    assert ops.size(Input((3,), batch_size=2)) == 6


def test_likenesses_of_a_symbolic_tensor_are_recorded() -> None:
    x = Input((3,))
    model = Model(x, ops.ones_like(x) + ops.full_like(x, 2.0) + ops.zeros_like(x))
    np.testing.assert_array_equal(model.predict(X, verbose=0), np.full((2, 3), 3.0))


def test_what_is_converted_is_a_copy() -> None:
    array = X.copy()
    tensor, numbers = ops.convert_to_tensor(array), ops.convert_to_numpy(array)
    array[:] = 9
    np.testing.assert_array_equal(tensor.numpy(), X)
    np.testing.assert_array_equal(numbers, X)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: ops.full((2,), [1, 2, 3]), ShapeError, "equal or 1"),
        (lambda: ops.full((2,), "a"), DtypeError, "numbers"),
        (lambda: ops.zeros((2,), "complex64"), DtypeError, "complex64"),
        (lambda: ops.convert_to_tensor(["a"]), DtypeError, "numbers"),
        (lambda: ops.convert_to_tensor([1.5], "int32"), DtypeError, "whole numbers"),
        (lambda: ops.convert_to_numpy(Input((3,))), GraphError, "no numbers"),
    ],
)
def test_refusals(call: Callable[[], object], error: type[GlassgradError], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("name", ops.nn.NAMES)
def test_the_operations_of_networks_are_those_of_the_whole(name: str) -> None:
    assert getattr(ops.nn, name) is getattr(ops, name)
    assert name in dir(ops.nn)


def test_an_unknown_operation_of_networks() -> None:
    with pytest.raises(AttributeError, match=r"glassgrad\.ops\.nn.*'konv'"):
        ops.nn.konv  # noqa: B018
