"""What a kernel may do to numbers: what is written, whatever a faster order would give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad.graph import placeholder
from glassgrad.ops.indexing import AddAlongAxis, ScatterAdd
from glassgrad.ops.linear import MatMul
from tests.execute.cpu.comparison import CPU, REFERENCE

INF, NAN = np.inf, np.nan
VALUES = [1.0, -2.0, INF, -INF, NAN, 0.0, -0.0, 3.0, 1e30, -1e30, 1e-30, 0.1]
X, Y = (np.ravel(axis) for axis in np.meshgrid(VALUES, VALUES))

# Each of them is something else if sums and products may change their order, if a division may
# become a product, or if the sign of zero does not matter.
FORMULAS: dict[str, Callable[[Any, Any], Any]] = {
    "x - x": lambda x, y: x - x,
    "x 0": lambda x, y: x * 0,
    "x / x": lambda x, y: x / x,
    "x + y - x": lambda x, y: x + y - x,
    "x + y - y": lambda x, y: x + y - y,
    "x + 1e8 - 1e8": lambda x, y: x + 1e8 - 1e8,
    "y - x + x": lambda x, y: y - x + x,
    "-x + x": lambda x, y: -x + x,
    "x y / y": lambda x, y: x * y / y,
    "x / y y": lambda x, y: x / y * y,
    "x y - y x": lambda x, y: x * y - y * x,
    "x 1e30 1e-30": lambda x, y: x * 1e30 * 1e-30,
    "x / 1e30 / 1e30": lambda x, y: x / 1e30 / 1e30,
    "x² / x": lambda x, y: x.square() / x,
    "√x √x": lambda x, y: x.sqrt() * x.sqrt(),
    "1 / (0 - x)": lambda x, y: 1 / (0 - x),
    "1 / (x + 0)": lambda x, y: 1 / (x + 0),
    "1 / -(x - y)": lambda x, y: 1 / -(x - y),
    "1 / (x y)": lambda x, y: 1 / (x * y),
    "1 / |x|": lambda x, y: 1 / abs(x),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_formulas_are_computed_as_they_are_written(dtype: str) -> None:
    inputs = [placeholder(X.shape, dtype, name) for name in "xy"]
    arrays = [X.astype(dtype), Y.astype(dtype)]
    outputs = [formula(*inputs) for formula in FORMULAS.values()]
    found = CPU.compile(outputs, inputs)(*arrays)
    with np.errstate(all="ignore"):
        expected = REFERENCE.compile(outputs, inputs)(*arrays)
    for name, ours, theirs in zip(FORMULAS, found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_number_near_zero_is_itself_or_zero(dtype: str) -> None:
    """Kernels may flush what has no leading digit to zero, and nothing larger."""
    tiny = np.finfo(dtype).tiny
    x = np.array([tiny, -tiny, tiny / 2, -tiny / 4, tiny / 2**20, 0.0], dtype)
    given = placeholder(x.shape, dtype)
    (found,) = CPU.compile([given * 1.0 + 0.0], [given])(x)
    assert np.all((found == x) | ((found == 0) & (np.abs(x) < tiny)))


@pytest.mark.parametrize("place", [0, 1, 7, 31, 36])
@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("name", ["sum", "max", "min"])
def test_a_row_has_the_special_value_that_it_holds(name: str, value: float, place: int) -> None:
    """Wherever it lies in the vectors that the row is read by, or behind the last of them."""
    x = np.random.default_rng(0).normal(size=(3, 37)).astype(np.float32)
    x[1, place] = value
    given = placeholder(x.shape)
    (found,) = CPU.compile([getattr(given, name)(1)], [given])(x)
    np.testing.assert_allclose(found, getattr(np, name)(x, 1), rtol=1e-5)


def test_a_row_of_infinities_keeps_them() -> None:
    x = np.array([[INF, INF], [-INF, -INF], [INF, -INF]], np.float32)
    given = placeholder(x.shape)
    found = CPU.compile([given.max(1), given.min(1), given.sum(1)], [given])(x)
    np.testing.assert_array_equal(found[0], [INF, -INF, INF])
    np.testing.assert_array_equal(found[1], [INF, -INF, -INF])
    np.testing.assert_array_equal(found[2], [INF, -INF, NAN])


# ---- whole numbers and truth values


@pytest.mark.parametrize("dtype", ["uint8", "int32", "uint32", "int64", "bool"])
@pytest.mark.parametrize("a_turned", [False, True])
@pytest.mark.parametrize("b_turned", [False, True])
@pytest.mark.parametrize("batch", [(), (4,), (2, 1)])
def test_products_of_whole_numbers(
    dtype: str, a_turned: bool, b_turned: bool, batch: tuple[int, ...]
) -> None:
    """Sums that are too large wrap around."""
    rng = np.random.default_rng(1)
    high = 2 if dtype == "bool" else np.iinfo(dtype).max
    a = rng.integers(0, high, (*batch, *((3, 5) if a_turned else (5, 3)))).astype(dtype)
    b = rng.integers(0, high, (1, 2, 3) if batch == (2, 1) else (2, 3)).astype(dtype)
    b = b if b_turned else np.ascontiguousarray(np.swapaxes(b, -1, -2))
    inputs = [placeholder(array.shape, dtype) for array in (a, b)]
    product = MatMul(a_turned, b_turned)(*inputs)
    program = CPU.compile([product], inputs)
    (expected,) = REFERENCE.compile([product], inputs)(a, b)
    (found,) = program(a, b)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_truth_values_added_up_are_true_where_any_is() -> None:
    """Also where 256 of them, a byte's worth, meet."""
    x = np.ones((512, 2), bool)
    x[1::2, 1] = False
    rows = np.arange(512, dtype=np.int32) % 2
    lines = np.repeat(rows[:, None], 2, 1)
    inputs = [placeholder(a.shape, a.dtype) for a in (x, rows, lines)]
    outputs = [ScatterAdd(3)(*inputs[:2]), AddAlongAxis(0, 3)(inputs[0], inputs[2])]
    found = CPU.compile(outputs, inputs)(x, rows, lines)
    for result in found:
        assert result.dtype == bool
        np.testing.assert_array_equal(result, [[True, True], [True, False], [False, False]])
