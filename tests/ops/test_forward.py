"""Every operation computes what somebody else's code computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.special

from glassgrad import ops
from glassgrad.graph import Composite, float_type
from glassgrad.ops.elementwise import Erf
from tests.differences import placeholders, run
from tests.ops.cases import CASES, INF, NAN, Case, as_float
from tests.ops.samples import Array

DTYPES = ["float32", "float64"]
RELATIVE = {"float32": 1e-6, "float64": 1e-12}
EXTREMES = [(case, number) for case in CASES for number in range(len(case.extremes))]


def apply(case: Case, arrays: list[Array], dtype: str) -> list[Array]:
    inputs = placeholders(arrays)
    result = case.build(dtype)(*inputs)
    return run(result if isinstance(result, tuple) else (result,), inputs, arrays)


def assert_agrees(computed: list[Array], expected: Any, dtype: str) -> None:
    expected = expected if isinstance(expected, tuple) else (expected,)
    for ours, theirs in zip(computed, expected, strict=True):
        finite = np.asarray(theirs)[np.isfinite(theirs)]
        # A sum is as exact as its largest term allows.
        scale = max(1.0, float(np.max(np.abs(finite), initial=0))) if finite.size else 1.0
        tolerance = RELATIVE[dtype]
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * min(scale, 10))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_agrees_with_the_oracle(case: Case, dtype: str) -> None:
    arrays = case.arrays(dtype)
    assert_agrees(apply(case, arrays, dtype), case.oracle(*arrays), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case, number", EXTREMES, ids=str)
def test_agrees_at_the_edge_of_the_domain(case: Case, number: int, dtype: str) -> None:
    arrays = [as_float(values, dtype) for values in case.extremes[number]]
    assert_agrees(apply(case, arrays, dtype), case.oracle(*arrays), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case, number", [row for row in EXTREMES if row[0].is_stable], ids=str)
def test_stable_forms_raise_no_flag(case: Case, number: int, dtype: str) -> None:
    arrays = [as_float(values, dtype) for values in case.extremes[number]]
    with np.errstate(all="raise", under="ignore"):
        case.build(dtype).evaluate(np, *arrays)


@pytest.mark.parametrize(
    "case", [case for case in CASES if isinstance(case.build("float64"), Composite)], ids=str
)
def test_a_composite_is_its_definition(case: Case) -> None:
    arrays = case.arrays("float64")
    inputs = placeholders(arrays)
    defined = case.build("float64").definition(*inputs)
    outputs = defined if isinstance(defined, tuple) else (defined,)
    for written_out, whole in zip(
        run(outputs, inputs, arrays), apply(case, arrays, "float64"), strict=True
    ):
        np.testing.assert_array_equal(whole, written_out, strict=True)


@pytest.mark.parametrize("values", [[True, True, False, True], [200, 100, 0, 255]])
def test_whole_numbers_are_counted(values: list[Any]) -> None:
    x = np.array(values) if isinstance(values[0], bool) else np.array(values, np.uint8)
    inputs = placeholders([x])
    total, mean = run([inputs[0].sum(), inputs[0].mean()], inputs, [x])
    assert total == sum(values)
    assert total.dtype == np.int32
    assert mean == pytest.approx(sum(values) / 4)
    assert mean.dtype == np.float32


def test_the_mean_of_whole_numbers_has_the_float_type_of_its_graph() -> None:
    x = np.array([1, 2], np.int32)
    inputs = placeholders([x])
    with float_type("float64"):
        wide = inputs[0].mean()
    narrow, wide = run([inputs[0].mean(), wide], inputs, [x])
    assert (narrow.dtype, wide.dtype) == (np.float32, np.float64)


@pytest.mark.parametrize(
    "operation, x, expected",
    [
        ("sigmoid", [-1000.0, 0.0, 1000.0], [0.0, 0.5, 1.0]),
        ("tanh", [-INF, 0.0, INF], [-1.0, 0.0, 1.0]),
        ("log", [0.0, -1.0, INF], [-INF, NAN, INF]),
        ("softmax", [1e30, 1e30, -1e30], [0.5, 0.5, 0.0]),
        ("log_softmax", [1000.0, 0.0], [0.0, -1000.0]),
        ("relu", [-INF, NAN, INF], [0.0, NAN, INF]),
    ],
)
def test_values_known_by_heart(operation: str, x: list[float], expected: list[float]) -> None:
    inputs = placeholders([np.array(x, np.float32)])
    (y,) = run([getattr(inputs[0], operation)()], inputs, [np.array(x, np.float32)])
    np.testing.assert_allclose(y, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype, bound", [("float64", 1e-15), ("float32", 1e-7)])
def test_the_error_function_is_exact_to_the_last_digits(dtype: str, bound: float) -> None:
    edge = np.array([0.46875, 6.0])
    parts = [np.linspace(-7, 7, 100_001), np.logspace(-300, 300, 2001), edge, np.nextafter(edge, 9)]
    with np.errstate(over="ignore"):
        x = np.concatenate(parts).astype(dtype)
    with np.errstate(all="raise", under="ignore"):
        (y,) = Erf().evaluate(np, x)
    assert y.dtype == x.dtype
    assert np.abs(y - scipy.special.erf(x.astype("float64"))).max() <= bound


@pytest.mark.parametrize("label, expected", [(0, INF), (1, np.log(2.0)), (2, np.log(2.0))])
def test_what_cannot_happen_costs_nothing(label: int, expected: float) -> None:
    """A logit of minus infinity matters to its own class alone, as in PyTorch."""
    logits = np.array([-INF, 0.0, 0.0])
    inputs = placeholders([logits])
    whole = ops.softmax_cross_entropy(np.eye(3)[label], *inputs)
    sparse = ops.sparse_softmax_cross_entropy(np.array(label), *inputs)
    for found in run([whole, sparse], inputs, [logits]):
        np.testing.assert_allclose(found, expected, rtol=1e-7)
