from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad.execute.cpu.plan import make_plan
from glassgrad.graph import Placeholder, Tensor, Variable, constant, placeholder, walk
from glassgrad.ops import argmax, argmin, maximum, minimum, sign, softmax, where
from glassgrad.ops.linear import MatMul
from tests.execute.cpu.comparison import Case, check
from tests.execute.cpu.networks import training_step


def texts(case: Case) -> set[str]:
    plan = make_plan(case.outputs, case.inputs, case.updates, parts=4)
    return {launch.source for launch in plan.launches}


def texts_of(*outputs: Tensor) -> set[str]:
    return {launch.source for launch in make_plan(outputs, _leaves(outputs), {}, 4).launches}


def _leaves(outputs: tuple[Tensor, ...]) -> list[Tensor]:
    return [n.outputs[0] for n in walk(outputs) if isinstance(n.operation, Placeholder)]


# ---- one kernel serves many networks


def test_equal_networks_have_equal_kernels() -> None:
    build = lambda: training_step([6, 5, 3], 4, dropout=0.5)  # noqa: E731
    assert texts(build()) == texts(build())


@pytest.mark.parametrize(
    "other",
    [
        {"batch": 32},
        {"sizes": [100, 64, 48, 17]},
        {"dropout": 0.1},
        {"learning_rate": 0.5},
        {"seed": 3},
    ],
    ids=str,
)
def test_kernels_depend_on_no_number(other: dict[str, Any]) -> None:
    usual: dict[str, Any] = {"sizes": [6, 5, 4, 3], "batch": 8, "dropout": 0.5}
    assert texts(training_step(**usual)) == texts(training_step(**{**usual, **other}))


def test_layers_share_kernels() -> None:
    two, five = (texts(training_step([6] * depth + [3], 4)) for depth in (3, 6))
    assert five - two == set()


def test_equal_constants_make_no_other_kernel() -> None:
    x = placeholder((3,))
    assert texts_of((x * 2.0) + 2.0) == texts_of((x * 2.0) + 3.0)


def test_every_kernel_is_python() -> None:
    for text in texts(training_step([6, 5, 3], 4, dropout=0.5)):
        (function,) = (n for n in ast.parse(text).body if isinstance(n, ast.FunctionDef))
        assert function.name == "kernel"


def test_what_a_later_phase_needs_is_computed_there() -> None:
    """Only what the first phase needs itself is kept in a scratch row."""
    x, y = placeholder((5, 3)), placeholder((5, 3))
    (text,) = texts_of(x.exp() / x.exp().sum(1, keepdims=True) + y.tanh())
    assert "s0_row[j] = " in text  # the exponential
    assert "s1_row" not in text
    first, second = text.split("for j in range")[1:]
    assert "tanh(" not in first
    assert "tanh(" in second


# ---- values

ROWS, COLUMNS = 7, 5
SAMPLES = np.array([[0, 1, 2, 3, 250], [255, 0, 0, 7, 1]], np.int64)


def whole(dtype: str) -> Case:
    """What integers and truth values can do, in one kernel."""
    numbers = np.tile(SAMPLES, (4, 1))[:ROWS]
    if dtype in ("int32", "int64"):
        numbers = numbers - 100
        numbers[0, :2] = np.iinfo(dtype).min, np.iinfo(dtype).max
    if dtype == "uint32":
        numbers[0, 0] = 2**32 - 1
    a = placeholder((ROWS, COLUMNS), dtype)
    b = placeholder((COLUMNS,), dtype)
    c = placeholder((ROWS, 1), dtype)
    outputs: list[Tensor] = [
        a + b,
        a * b,
        maximum(a, b),
        minimum(a, c),
        a != c,
        a <= b,
        where(a > b, a, c),
        a.max(1),
        a.min(1),
        argmax(a, 1),
        argmin(a, 1),
        a.cast("bool"),
        a.cast("int64"),
    ]
    if dtype != "bool":
        outputs += [a - b, a.sum(1), -a, a.abs()]
    arrays = [numbers, numbers[1], numbers[:, 2:3]]
    return Case(outputs, [a, b, c], [array.astype(dtype) for array in arrays])


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "uint32", "int64"])
def test_whole_numbers(dtype: str) -> None:
    check(lambda _: whole(dtype))


def edge(dtype: str) -> Case:
    """NaN and infinities in reductions and comparisons, in one kernel."""
    inf, nan = np.inf, np.nan
    rows = [
        [1, nan, 3],
        [nan, nan, nan],
        [-inf, -inf, -inf],
        [inf, 1, nan],
        [-inf, inf, 0],
        [2, 2, 1],
    ]
    x = placeholder((6, 3), dtype)
    y = placeholder((6, 1), dtype)
    outputs = [
        x.max(1),
        x.min(1),
        argmax(x, 1),
        argmin(x, 1),
        maximum(x, y),
        minimum(x, y),
        x.relu(),
        x > y,
        x == x,
        x.cast("bool"),
        sign(x),
        x.abs(),
        where(x > y, x, y),
        x.sum(1),
        softmax(x),
    ]
    return Case(outputs, [x, y], [np.array(rows, dtype), np.ones((6, 1), dtype)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_and_infinity(dtype: str) -> None:
    check(lambda wanted: edge("float64" if dtype == "float64" else wanted), dtype)


def sums(dtype: str) -> Case:
    """Reductions over all kinds of axes, and values of rows that meet again with the whole."""
    rng = np.random.default_rng(0)
    x = placeholder((6, 4, 5), dtype)
    outputs = [
        x.sum((1, 2)),
        x.sum((0, 1)),
        x.sum(),
        x.max((1, 2), keepdims=True),
        x.mean(2),
        (x - x.mean(2, keepdims=True)).square().mean(2),
        softmax(x.reshape(24, 5)),
        x.max(),
    ]
    return Case(outputs, [x], [rng.normal(size=(6, 4, 5)).astype(dtype)])


def test_reductions() -> None:
    check(sums)


def test_sums_of_integers_wrap_as_they_do_in_numpy() -> None:
    x = constant(np.full((2, 3), 2**31 - 1, np.int32))
    v = Variable(np.zeros((2, 3), np.int32), dtype="int32")
    check(lambda _: Case([(x + v).sum(1).cast("int64"), (x + v).sum(0).cast("int64")]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transposes", [(False, False), (True, True)], ids=["plain", "transposed"])
def test_products_and_what_follows(dtype: str, transposes: tuple[bool, bool]) -> None:
    check(lambda wanted: products(wanted, *transposes), dtype)


def products(dtype: str, ta: bool, tb: bool) -> Case:
    """The four patterns in the epilogue; the product itself is used as well; odd sizes."""
    rng = np.random.default_rng(0)
    shapes = [(9, 35), (9, 67)] if ta else [(35, 9), (9, 67)]
    shapes[1] = (67, 9) if tb else (9, 67)
    shapes += [(67,), (35, 1), (35, 67), ()]
    inputs = [placeholder(shape, dtype) for shape in shapes]
    a, b, column, row, full, scalar = inputs
    y = MatMul(ta, tb)(a, b)
    outputs = [(y + column) * row - full * scalar, y, (y + column) > 0, MatMul(ta, tb)(a, b * 2.0)]
    return Case(outputs, inputs, [rng.normal(size=shape).astype(dtype) for shape in shapes])


NAMED: dict[str, Callable[[Any], Any]] = {
    "one row": lambda x: softmax(x.reshape(1, 12)) - x.reshape(1, 12).max(1, keepdims=True),
    "one column": lambda x: softmax(x.reshape(12, 1)) + x.reshape(12, 1).sum(1, keepdims=True),
    "one element": lambda x: softmax(x.sum().reshape(1, 1)) * x.sum().exp(),
    "reshaped between": lambda x: (
        (x.reshape(3, 4).tanh().reshape(4, 3) + x[:3]).reshape(2, 6).sum(1)
    ),
    "a square": lambda x: x[:9].reshape(3, 3) * x[:3].tanh() - x[:9].reshape(3, 3).sum(1).tanh(),
    "a value of rows as a column": lambda x: (
        x[:9].reshape(3, 3)
        + x[:9].reshape(3, 3).sum(1).reshape(3, 1) * x[:9].reshape(3, 3).sum(1).exp()
    ),
    "nothing": lambda x: x[:0].tanh() + x[3],
    "sum of nothing": lambda x: x[:0].sum() + x.sum(),
}


@pytest.mark.parametrize("name", NAMED)
def test_shapes_that_are_easily_confused(name: str) -> None:
    values = np.random.default_rng(1).normal(size=12) / 3

    def build(dtype: str) -> Case:
        x = placeholder((12,), dtype)
        return Case([NAMED[name](x)], [x], [values.astype(np.float32).astype(dtype)])

    check(build)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_batches_of_products(dtype: str, transpose_a: bool, transpose_b: bool) -> None:
    """With more members than parts, fewer, one for all, and tiles that do not come out even."""

    def build(dtype: str) -> Case:
        rng = np.random.default_rng(3)
        inputs, arrays, outputs = [], [], []
        for left, right, (m, k, n) in (
            ((7,), (7,), (3, 4, 5)),
            ((3,), (1,), (17, 150, 70)),
            ((), (2, 3), (1, 9, 2)),
        ):
            sides = (k, m) if transpose_a else (m, k), (n, k) if transpose_b else (k, n)
            pair = [placeholder((*batch, *side), dtype)
                    for batch, side in zip((left, right), sides, strict=True)]  # fmt: skip
            inputs += pair
            arrays += [rng.normal(size=x.shape).astype(dtype) for x in pair]
            outputs.append(MatMul(transpose_a, transpose_b)(*pair))
        return Case(outputs, inputs, arrays)

    check(build, dtype)
