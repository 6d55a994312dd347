"""Sums of columns where the columns are made: the parts share the rows, nothing is stored."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.cpu.lowered import PartialSums
from glassgrad.execute.cpu.program import CpuExecutor, CpuProgram
from glassgrad.graph import Tensor, placeholder
from glassgrad.ops import exp, relu
from glassgrad.ops.convolution import Convolution
from tests.execute.cpu.comparison import Case, assert_agrees, check, results_of

ROWS, COLUMNS = 64 * 4 + 3, 37


def after_a_product(x: Tensor, w: Tensor) -> list[Tensor]:
    """The gradient of a bias, and of a scale whose product with it nobody else wants."""
    y = relu(x @ w)
    return [y, y.sum(0), (y * x[:, :1]).sum(0)]


def after_a_loop(x: Tensor, w: Tensor) -> list[Tensor]:
    y = exp(x) / exp(x).sum(axis=1, keepdims=True)
    return [y, y.sum(0), (y - x).sum(axis=0, keepdims=True)]


def only_the_sum(x: Tensor, w: Tensor) -> list[Tensor]:
    return [(x @ w).sum(0)]


def over_several_axes(x: Tensor, w: Tensor) -> list[Tensor]:
    y = exp(x[:256].reshape(32, 8, x.shape[1]))
    return [y, y.sum((0, 1))]


BUILDS = [after_a_product, after_a_loop, only_the_sum, over_several_axes]
Build = Callable[[Tensor, Tensor], list[Tensor]]


def case(build: Build, dtype: str, rows: int = ROWS) -> Case:
    random = np.random.default_rng(0)
    arrays = [random.normal(size=s).astype(dtype) for s in ((rows, 29), (29, COLUMNS))]
    inputs = [placeholder(array.shape, dtype) for array in arrays]
    return Case(build(*inputs), inputs, arrays)


def compiled(build: Build, parts: int = 4, rows: int = ROWS) -> CpuProgram:
    made = case(build, "float32", rows)
    return CpuExecutor(1, parts).compile(made.outputs, made.inputs)


def shared_sums(program: CpuProgram) -> list[Kind]:
    """The kinds of launches that sum columns for their parts."""
    return [
        launch.kind
        for launch in program.plan.launches
        for node in launch.nodes
        if type(node.operation) is PartialSums
    ]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("build", BUILDS)
def test_sums_are_those_of_the_reference(build: Build, dtype: str) -> None:
    check(lambda dtype: case(build, dtype), dtype)


@pytest.mark.parametrize(
    "build, expected",
    [
        (after_a_product, [Kind.PRODUCT] * 2),
        (after_a_loop, [Kind.LOOP] * 2),
        (only_the_sum, [Kind.PRODUCT]),
        (over_several_axes, [Kind.LOOP]),
    ],
)
def test_they_are_taken_where_the_rows_are_made(build: Build, expected: list[Kind]) -> None:
    assert shared_sums(compiled(build)) == expected


def test_what_is_only_summed_is_not_stored() -> None:
    def stored(parts: int) -> list[int]:
        launches = compiled(after_a_product, parts, rows=512).plan.launches
        (product,) = (launch for launch in launches if launch.kind is Kind.PRODUCT)
        return sorted(tensor.size for tensor in product.made)

    assert stored(4) == [4 * COLUMNS, 4 * COLUMNS, 512 * COLUMNS]
    assert stored(9) == [512 * COLUMNS] * 2  # too few rows for so many parts


@pytest.mark.parametrize("parts, rows", [(4, 255), (5, ROWS)])
def test_few_rows_are_summed_as_they_were(parts: int, rows: int) -> None:
    assert not shared_sums(compiled(after_a_product, parts, rows))


@pytest.mark.parametrize("build", BUILDS)
def test_the_number_of_threads_changes_no_bit(build: Build) -> None:
    made = case(build, "float32")
    alone = results_of(CpuExecutor(1, parts=4), made)
    for ours, theirs in zip(results_of(CpuExecutor(2, parts=4), made), alone, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("parts", [2, 3, 4])
@pytest.mark.parametrize("build", BUILDS)
def test_any_number_of_parts_agrees(build: Build, parts: int) -> None:
    made, exact = case(build, "float32"), case(build, "float64")
    truth = results_of(CpuExecutor(1, parts=1), exact)
    for ours, theirs in zip(results_of(CpuExecutor(1, parts), made), truth, strict=True):
        assert_agrees(ours, theirs.astype(np.float32), theirs)


def test_a_part_without_rows_adds_nothing() -> None:
    """Of a product with many columns each part may have some of them, of all rows."""

    def build(x: Tensor, w: Tensor) -> list[Tensor]:
        return [(x @ x.T).sum(0), (x @ w[:, :2]).sum(0)]

    program = compiled(build, rows=512)
    assert len(shared_sums(program)) == 2
    check(lambda dtype: case(build, dtype, rows=512))


def test_rows_of_convolutions_are_summed_too() -> None:
    random = np.random.default_rng(0)
    arrays = [random.normal(size=s).astype(np.float32) for s in ((4, 9, 9, 3), (3, 3, 3, 5))]

    def build(dtype: str) -> Case:
        x, kernel = (placeholder(array.shape, dtype) for array in arrays)
        y = relu(Convolution((1, 1), ((1, 1), (1, 1)), (1, 1))(x, kernel))
        return Case([y, y.sum((0, 1, 2))], [x, kernel], [a.astype(dtype) for a in arrays])

    made = build("float32")
    assert shared_sums(CpuExecutor(1, parts=4).compile(made.outputs, made.inputs)) == [Kind.ROWS]
    check(build)
