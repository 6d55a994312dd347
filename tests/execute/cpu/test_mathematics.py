from __future__ import annotations

import numpy as np
import pytest
import scipy.special

from glassgrad.execute.cpu.compilation import optimised
from glassgrad.execute.cpu.compiler import EXACT, KERNEL_ARGUMENTS, kernel
from glassgrad.execute.cpu.mathematics import erf, erfinv, exp, expm1, log, log1p, sigmoid, tanh
from glassgrad.execute.cpu.views import (
    float32_matrix,
    float32_vector,
    float64_matrix,
    float64_vector,
    part_of_array,
)

REFERENCES = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "sigmoid": scipy.special.expit,
    "tanh": np.tanh,
    "erf": scipy.special.erf,
    "erfinv": scipy.special.erfinv,
}
SMALLEST_NORMAL = 2.0**-126
INFINITY, NAN = float("inf"), float("nan")


def _all_float32(part, parts, arguments):
    x, table = float32_vector(arguments, 0), float32_matrix(arguments, 1)
    n = x.size
    row = part_of_array(table, 0, n)
    for i in range(n):
        row[i] = exp(x[i])
    row = part_of_array(table, n, n)
    for i in range(n):
        row[i] = expm1(x[i])
    row = part_of_array(table, 2 * n, n)
    for i in range(n):
        row[i] = log(x[i])
    row = part_of_array(table, 3 * n, n)
    for i in range(n):
        row[i] = log1p(x[i])
    row = part_of_array(table, 4 * n, n)
    for i in range(n):
        row[i] = sigmoid(x[i])
    row = part_of_array(table, 5 * n, n)
    for i in range(n):
        row[i] = tanh(x[i])
    row = part_of_array(table, 6 * n, n)
    for i in range(n):
        row[i] = erf(x[i])
    row = part_of_array(table, 7 * n, n)
    for i in range(n):
        row[i] = erfinv(x[i])


def _all_float64(part, parts, arguments):
    x, table = float64_vector(arguments, 0), float64_matrix(arguments, 1)
    for i in range(x.size):
        table[0, i] = exp(x[i])
        table[1, i] = expm1(x[i])
        table[2, i] = log(x[i])
        table[3, i] = log1p(x[i])
        table[4, i] = sigmoid(x[i])
        table[5, i] = tanh(x[i])
        table[6, i] = erf(x[i])
        table[7, i] = erfinv(x[i])


def _erf_float32(part, parts, arguments):
    x, y = float32_vector(arguments, 0), float32_vector(arguments, 1)
    for i in range(x.size):
        y[i] = erf(x[i])


def _erfinv_float32(part, parts, arguments):
    x, y = float32_vector(arguments, 0), float32_vector(arguments, 1)
    for i in range(x.size):
        y[i] = erfinv(x[i])


@pytest.fixture(scope="module")
def all_float32():
    return kernel(_all_float32)


def evaluate(compiled, call, x):
    table = np.empty((len(REFERENCES), x.size), x.dtype)
    call(compiled, x, table)
    return dict(zip(REFERENCES, table, strict=True))


def reference(name, x):
    with np.errstate(all="ignore"):
        return REFERENCES[name](x.astype(np.float64))


@pytest.fixture(scope="module")
def whole_range():
    """Every 4099th float32, with infinities, NaN and denormals."""
    return np.arange(0, 2**32, 4099, dtype=np.uint32).view(np.float32)


@pytest.fixture(scope="module")
def usual_range():
    return np.random.default_rng(0).normal(0, 4, 100_000).astype(np.float32)


@pytest.mark.parametrize("values", ["whole_range", "usual_range"])
def test_float32_error_is_at_most_3e_7(all_float32, call, values, request):
    x = request.getfixturevalue(values)
    for name, result in evaluate(all_float32, call, x).items():
        expected = reference(name, x)
        with np.errstate(over="ignore"):
            is_finite = np.isfinite(expected.astype(np.float32))
        normal = is_finite & (np.abs(expected) >= SMALLEST_NORMAL)
        error = np.abs(result[normal] / expected[normal] - 1)
        assert error.max() <= (3e-7 if name == "erfinv" else 2e-7), name
        tiny = np.abs(expected) < SMALLEST_NORMAL
        assert np.abs(result[tiny] - expected[tiny]).max(initial=0) < SMALLEST_NORMAL, name
        others = ~normal & ~tiny
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(result[others], expected[others].astype(np.float32))


@pytest.mark.parametrize(
    "x, expected",
    [
        (INFINITY, {"exp": INFINITY, "expm1": INFINITY, "log": INFINITY, "log1p": INFINITY}),
        (INFINITY, {"sigmoid": 1, "tanh": 1, "erf": 1}),
        (-INFINITY, {"exp": 0, "expm1": -1, "sigmoid": 0, "tanh": -1, "log": NAN, "log1p": NAN}),
        (-INFINITY, {"erf": -1}),
        (NAN, dict.fromkeys(REFERENCES, NAN)),
        (0.0, {"exp": 1, "expm1": 0, "log": -INFINITY, "log1p": 0, "sigmoid": 0.5, "tanh": 0}),
        (0.0, {"erf": 0}),
        (-1.0, {"log": NAN, "log1p": -INFINITY, "erfinv": -INFINITY}),
        (1.0, {"erfinv": INFINITY}),
        (1.5, {"erfinv": NAN}),
    ],
)
def test_special_values(all_float32, call, x, expected):
    # A whole vector of them, and a remainder: the vectorised loop and the scalar one.
    results = evaluate(all_float32, call, np.full(67, x, np.float32))
    for name, value in expected.items():
        np.testing.assert_array_equal(results[name], np.full(67, value, np.float32), name)


def test_float64_is_as_accurate_as_numpy(call):
    x = np.random.default_rng(1).normal(0, 5, 5000)
    for name, result in evaluate(kernel(_all_float64), call, x).items():
        np.testing.assert_allclose(result, reference(name, x), rtol=1e-14, atol=0, err_msg=name)


def llvm_of(function):
    """What LLVM made of a kernel, before it became machine code."""
    _, library = optimised(function, "void", KERNEL_ARGUMENTS, EXACT)
    return library.get_llvm_str()


def test_loops_over_float32_are_vectorised():
    """No call to the C library remains, which would compute one element at a time."""
    code = llvm_of(_all_float32)
    for name in ("erff", "expf", "logf", "tanhf", "expm1f", "log1pf", "llvm.exp", "llvm.log"):
        assert f"@{name}" not in code
    assert "<4 x float>" in code or "<8 x float>" in code or "<16 x float>" in code


@pytest.mark.parametrize("function", [_erf_float32, _erfinv_float32])
def test_the_error_functions_are_vectorised_by_themselves(function):
    """Its two formulas are both computed and one is chosen: a branch would cost ten times that."""
    assert " x float> @llvm.fabs" in llvm_of(function)
