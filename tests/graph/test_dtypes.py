from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad.errors import DtypeError
from glassgrad.graph import Tensor, Variable, constant, default_float, float_type, placeholder
from glassgrad.graph.dtypes import SUPPORTED, promote, resolve_dtype, to_array


@pytest.mark.parametrize(
    "value, dtype",
    [
        (1.5, "float32"),
        ([1, 2], "int32"),
        (True, "bool"),
        ([True, False], "bool"),
        (np.zeros(2), "float32"),
        (np.zeros(2, np.float16), "float32"),
        (np.zeros(2, np.float64), "float32"),
        (np.zeros(2, np.int64), "int32"),
        (np.zeros(2, np.int8), "int32"),
        (np.zeros(2, np.uint8), "uint8"),
        (np.zeros(2, np.uint32), "uint32"),
        (np.float64(1), "float32"),
        ([], "float32"),
        (np.zeros((0, 3), np.int64), "int32"),
    ],
)
def test_the_dtype_of_what_enters(value: Any, dtype: str) -> None:
    for entered in (to_array(value), Tensor(value), Variable(value), constant(value)):
        assert entered.dtype == np.dtype(dtype)


def test_a_dtype_that_is_asked_for_is_given() -> None:
    assert Tensor([1, 2], dtype="float64").dtype == np.float64
    assert Variable([1.0], dtype="float64").dtype == np.float64
    assert placeholder((2,), "uint8").dtype == np.uint8


def test_the_float_type_holds_inside_its_block() -> None:
    assert default_float() == np.float32
    with float_type("float64"):
        assert Tensor([1.0]).dtype == np.float64
        assert placeholder((1,)).dtype == np.float64
        with float_type("float32"):
            assert default_float() == np.float32
        assert default_float() == np.float64
    assert default_float() == np.float32


def test_the_float_type_returns_after_an_error() -> None:
    with pytest.raises(RuntimeError, match="inside"), float_type("float64"):
        raise RuntimeError("inside")
    assert default_float() == np.float32


@pytest.mark.parametrize("dtype", ["int32", "bool"])
def test_the_float_type_is_a_float(dtype: str) -> None:
    with pytest.raises(DtypeError, match=dtype), float_type(dtype):
        pass


NONE = ["float16", "complex64", "int8", "text", ",,float32", "O", object, 7]


@pytest.mark.parametrize("dtype", NONE)
def test_other_dtypes_are_refused(dtype: Any) -> None:
    with pytest.raises(DtypeError, match="must be one of bool, uint8"):
        resolve_dtype(dtype)


@pytest.mark.parametrize("value", ["a", None, [1, "a"], 1j, [[1.0], [1.0, 2.0]], object()])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(DtypeError, match="numbers"):
        to_array(value)


@pytest.mark.parametrize("value", [2**31, -(2**31) - 1])
def test_an_integer_that_does_not_fit_is_refused(value: int) -> None:
    with pytest.raises(DtypeError, match=str(value)):
        to_array([value])
    assert to_array([value], "int64")[0] == value


@pytest.mark.parametrize("dtype, scalar", [("uint8", 300), ("uint8", -1), ("int32", 2**40)])
def test_a_scalar_that_does_not_fit_beside_integers_is_refused(dtype: str, scalar: int) -> None:
    with pytest.raises(DtypeError, match=f"{dtype} holds .* {scalar}"):
        placeholder((2,), dtype) + scalar


def test_arrays_are_copied_and_contiguous() -> None:
    source = np.zeros((3, 2), np.float32)
    copy = to_array(source.T)
    assert copy.flags.c_contiguous
    copy += 1
    assert not source.any()


@pytest.mark.parametrize(
    "dtypes, expected",
    [
        (["int64", "float32"], "float32"),
        (["float32", "float64"], "float64"),
        (["bool", "int32"], "int32"),
        (["uint8", "int32"], "int32"),
        (["uint32", "int32"], "int64"),
        (["bool", "float64", "uint8"], "float64"),
        (["bool", "bool"], "bool"),
    ],
)
def test_promotion(dtypes: list[str], expected: str) -> None:
    for order in (dtypes, dtypes[::-1]):
        assert promote(*map(np.dtype, order)) == np.dtype(expected)


def test_promotion_stays_among_the_supported() -> None:
    assert all(promote(a, b) in SUPPORTED for a in SUPPORTED for b in SUPPORTED)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + 1,
        lambda x: 2 * x,
        lambda x: x - 1.5,
        lambda x: 1e30 - x,
        lambda x: x / 3,
        lambda x: 3.0 / x,
        lambda x: x**3,
        lambda x: 2**x,
        lambda x: x * True,
        lambda x: x + np.float64(1.5),  # a Python float by inheritance
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_python_scalars_never_promote(function: Callable[[Tensor], Tensor], dtype: str) -> None:
    x = placeholder((2,), dtype)
    assert function(x).dtype == np.dtype(dtype)
    with float_type("float64"):
        assert function(x).dtype == np.dtype(dtype)


@pytest.mark.parametrize(
    "dtype, scalar, expected",
    [
        ("int32", 1, "int32"),
        ("uint8", 1, "uint8"),
        ("int64", True, "int64"),
        ("int32", 1.5, "float32"),
        ("bool", 1, "int32"),
        ("bool", 1.0, "float32"),
    ],
)
def test_a_scalar_beside_whole_numbers(dtype: str, scalar: Any, expected: str) -> None:
    assert (placeholder((2,), dtype) + scalar).dtype == np.dtype(expected)


def test_comparisons_with_scalars_are_made_in_the_tensors_dtype() -> None:
    comparison = placeholder((2,), "float64") < 0.1
    assert comparison.dtype == bool
    assert all(tensor.dtype == np.float64 for tensor in comparison.node.inputs)
    assert comparison.node.inputs[1].node.operation.value == 0.1
