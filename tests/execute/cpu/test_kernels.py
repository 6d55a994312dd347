"""Kernels of single operations: against the reference, over shapes that are hard to divide."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from glassgrad.errors import ExecutionError
from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.cpu.kernels.movement import layout, row_major
from glassgrad.execute.cpu.program import CpuExecutor
from glassgrad.graph import Primitive, Tensor, TensorSpec, Variable, placeholder
from glassgrad.graph.operation import Array
from glassgrad.ops import argmax, argmin, cumsum, flip, segment_sum, take, take_along_axis
from glassgrad.ops.indexing import AddAlongAxis
from glassgrad.ops.linear import MatMul
from glassgrad.ops.movement import (
    BroadcastTo,
    Concatenate,
    Pad,
    Slice,
    Transpose,
)
from glassgrad.ops.ordering import Argsort, argsort, sort
from tests.differences import placeholders
from tests.execute.cpu.comparison import REFERENCE, assert_agrees, cpu
from tests.execute.cpu.lists import Descent

DTYPES = ("float32", "float64", "int32", "uint8", "uint32", "int64", "bool")

# Divisible by nothing, of one row, of one column, with axes of 1, and longer than several squares.
SHAPES = [(1, 1), (7, 5), (1, 13), (13, 1), (3, 1, 5), (2, 3, 4), (5, 7, 3), (37, 53), (2, 3, 5, 7)]


def numbers(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Array:
    """Whole numbers, so that a sum is the same in every order; in floats NaN too."""
    found = np.random.default_rng(seed).integers(0, 4, shape)
    return found.astype(dtype)


def with_nan(x: Array) -> Array:
    if x.dtype.kind == "f" and x.size:
        x.flat[x.size // 2] = np.nan
    return x


Build = Callable[[Tensor], Tensor]


def moves(shape: tuple[int, ...]) -> list[Build]:
    """What can be done to a tensor of this shape without arithmetic."""
    rank = len(shape)
    zeros, ones = (0,) * rank, (1,) * rank
    inner = tuple(min(1, n - 1) for n in shape)
    return [
        Transpose(tuple(range(rank))[::-1]),
        Transpose((*range(1, rank), 0)),
        Transpose((0, *range(2, rank), 1)) if rank > 1 else Transpose((0,)),
        lambda x: flip(x, 0),
        lambda x: flip(x, -1),
        flip,
        Slice(inner, shape),
        Slice(zeros, tuple(max(1, n - 1) for n in shape)),
        Slice((*zeros[:-1], inner[-1]), shape),
        Pad(ones, zeros),
        Pad((0,) * (rank - 1) + (3,), (2,) + (0,) * (rank - 1)),
        BroadcastTo((3, *shape)),
        lambda x: Concatenate(0)(x, x, x),
        lambda x: Concatenate(rank - 1)(x, x),
        lambda x: BroadcastTo((*shape[:-1], 6, shape[-1]))(x.reshape(*shape[:-1], 1, shape[-1])),
    ]


def sums(shape: tuple[int, ...]) -> list[Build]:
    rank = len(shape)
    return [
        *(lambda x, axis=axis: x.max(axis) for axis in range(rank)),
        *(lambda x, axis=axis: x.min(axis, keepdims=True) for axis in range(rank)),
        *(lambda x, axis=axis: argmax(x, axis) for axis in range(rank)),
        *(lambda x, axis=axis: argmin(x, axis) for axis in range(rank)),
        *(lambda x, axis=axis: sort(x, axis) for axis in range(rank)),
        *(lambda x, axis=axis: argsort(x, axis) for axis in range(rank)),
        lambda x: x.max(tuple(range(0, rank, 2))),
        lambda x: x.sum(tuple(range(0, rank, 2)), keepdims=True),
        *(lambda x, axis=axis: x.sum(axis) for axis in range(rank)),
        *(lambda x, axis=axis: cumsum(x, axis) for axis in range(rank)),
        *(lambda x, axis=axis: cumsum(x, axis, reverse=True) for axis in range(rank)),
    ]


def agree(
    executor: CpuExecutor, outputs: list[Tensor], inputs: list[Tensor], *arrays: Array
) -> None:
    program = executor.compile(outputs, inputs)
    kinds = {launch.kind for launch in program.plan.launches}
    assert Kind.REFERENCE not in kinds
    found = program(*arrays)
    expected = REFERENCE.compile(outputs, inputs)(*arrays)
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        np.testing.assert_array_equal(ours, theirs, err_msg=str(number), strict=True)


TEAMS = [CpuExecutor(1, parts=1), CpuExecutor(2, parts=2), CpuExecutor(1, parts=3), CpuExecutor(2)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_kernels_agree_with_the_reference(dtype: str) -> None:
    for number, shape in enumerate(SHAPES):
        x = placeholder(shape, dtype)
        outputs = [build(x) for build in (*moves(shape), *sums(shape))]
        executor = TEAMS[number % len(TEAMS)]
        agree(executor, outputs, [x], with_nan(numbers(shape, dtype, seed=number)))


@pytest.mark.parametrize("parts", [1, 2, 3, 4])
@pytest.mark.parametrize("threads", [1, 2])
def test_any_division_gives_the_same(threads: int, parts: int) -> None:
    for shape in [(7, 5), (37, 53), (1, 40), (5, 7, 3)]:
        x = placeholder(shape)
        outputs = [build(x) for build in (*moves(shape), *sums(shape))]
        agree(CpuExecutor(threads, parts), outputs, [x], numbers(shape, "float32"))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 3)])
def test_of_nothing_comes_nothing(shape: tuple[int, ...]) -> None:
    x = placeholder(shape)
    rank = len(shape)
    outputs = [
        Transpose(tuple(range(rank))[::-1])(x),
        flip(x),
        Pad((1,) * rank, (2,) * rank)(x),
        Concatenate(0)(x, x),
        Concatenate(0)(x, placeholder((0, *shape[1:])), x),
        x.sum(1),
        cumsum(x, 0),
        sort(x, 0),
    ]
    inputs = [x, *(t.node.inputs[1] for t in outputs if len(t.node.inputs) == 3)]
    agree(TEAMS[0], outputs, inputs, np.zeros(shape, np.float32), np.zeros((0, *shape[1:]), "f"))


# ---- indices


def rows_by_index(dtype: str, indices: str, shape: tuple[int, ...], count: tuple[int, ...]):
    rng = np.random.default_rng(3)
    x, i = numbers(shape, dtype), rng.integers(0, shape[0], count).astype(indices)
    a, b = placeholders([x, i])
    taken = take(a, b)
    outputs = [taken]
    if dtype != "bool":
        outputs.append(segment_sum(taken.reshape(i.size, *shape[1:]), b.reshape(-1), shape[0] + 1))
    return outputs, [a, b], [x, i]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("indices", ["int32", "uint8", "int64"])
def test_rows_by_index(dtype: str, indices: str) -> None:
    for number, (shape, count) in enumerate(
        [((5, 3), (7,)), ((1, 17), (3,)), ((13,), (2, 5)), ((3, 2, 5), (1,)), ((4, 3), (0,))]
    ):
        outputs, inputs, arrays = rows_by_index(dtype, indices, shape, count)
        agree(TEAMS[number % len(TEAMS)], outputs, inputs, *arrays)


def test_what_has_no_place_is_left_out_of_a_sum() -> None:
    x, i = placeholder((4, 3)), placeholder((4,), "int32")
    outputs = [segment_sum(x, i, 2), AddAlongAxis(0, 2)(x, i.reshape(4, 1) + i[:3])]
    places = np.array([1, -1, 2, 0], np.int32)
    agree(TEAMS[1], outputs[:1], [x, i], numbers((4, 3), "float32"), places)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "uint8"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_elements_by_index_along_an_axis(dtype: str, axis: int) -> None:
    x = numbers((4, 5, 3), dtype)
    shape = list(x.shape)
    shape[axis] = 7
    i = np.random.default_rng(1).integers(0, x.shape[axis], shape).astype(np.int32)
    a, b = placeholders([x, i])
    taken = take_along_axis(a, b, axis)
    for executor in TEAMS:
        agree(executor, [taken, AddAlongAxis(axis, 6)(taken, b)], [a, b], x, i)


@pytest.mark.parametrize(
    "wrong, told",
    [([0, 5, 9], 9), ([-1, -3, 7], -3), ([5, 0, 0], 5), ([-(2**31), 0, 0], -(2**31))],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_wrong_indices_are_named_and_change_nothing(
    wrong: list[int], told: int, threads: int
) -> None:
    rows, x = placeholder((3,), "int32"), placeholder((5, 2))
    descent = Descent((3,), (4,))
    counted = Variable(0.0)
    updates = descent.updates([w.tanh() for w in descent.parameters])
    program = CpuExecutor(threads).compile(
        [take(x, [4]), take(x, rows)], [x, rows], {**updates, counted: counted + 1.0}
    )
    table = numbers((5, 2), "float32")
    before = [v.numpy() for v in descent.variables]
    for _ in range(2):
        with pytest.raises(ExecutionError, match=rf"Take wants indices in \[0, 5\). Got {told}\."):
            program(table, wrong)
        assert counted.numpy() == 0
        for variable, value in zip(descent.variables, before, strict=True):
            np.testing.assert_array_equal(variable.numpy(), value)
    np.testing.assert_array_equal(program(table, [0, 4, 1])[1], table[[0, 4, 1]])
    assert counted.numpy() == 1


def test_wrong_indices_into_a_new_value_change_nothing() -> None:
    """The update may not happen in place, since a step may still end after it."""
    rows, descent = placeholder((1,), "int32"), Descent((3,), (4,))
    updates = descent.updates([w.tanh() for w in descent.parameters])
    program = cpu([take(updates[descent.parameters[0]], rows)], [rows], updates)
    before = [v.numpy() for v in descent.variables]
    with pytest.raises(ExecutionError, match="Got 3"):
        program([3])
    for variable, value in zip(descent.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    found = program([2])[0]
    np.testing.assert_array_equal(found, descent.parameters[0].numpy()[[2]])


def test_the_complaint_is_that_of_the_operation() -> None:
    i, x = placeholder((1, 1), "int32"), placeholder((1, 3))
    table = np.zeros((1, 3))
    both = cpu([take(x, i[0]), take_along_axis(x, i, 1)], [i, x])
    with pytest.raises(ExecutionError, match=r"^Take wants indices in \[0, 1\). Got 3\."):
        both([[3]], table)
    one = cpu([take_along_axis(x, i, 1)], [i, x])
    with pytest.raises(ExecutionError, match=r"^TakeAlongAxis wants indices in \[0, 3\). Got 3\."):
        one([[3]], table)


def test_there_is_no_row_in_an_empty_table() -> None:
    i, x = placeholder((1,), "int32"), placeholder((0, 3))
    with pytest.raises(ExecutionError, match=r"\[0, 0\). Got 0\."):
        cpu([take(x, i)], [i, x])([0], np.zeros((0, 3)))


# ---- order


def test_equal_elements_keep_their_order() -> None:
    x = placeholder((2, 100))
    array = with_nan(np.random.default_rng(0).integers(0, 5, (2, 100)).astype(np.float32))
    agree(TEAMS[0], [Argsort(1)(x), Argsort(1, descending=True)(x), sort(x, 1)], [x], array)


# ---- plans


def test_kernels_depend_on_no_shape() -> None:
    def texts(shape: tuple[int, ...]) -> set[str]:
        x = placeholder(shape)
        outputs = [build(x) for build in moves(shape)]
        launches = cpu(outputs, [x]).plan.launches
        return {launch.source for launch in launches if launch.kind is Kind.KERNEL}

    assert len(texts((4, 5)) | texts((2, 3, 4))) == 1


def test_axes_that_lie_behind_each_other_are_one() -> None:
    shape = (2, 3, 4, 5)
    steps = row_major(shape)
    whole = layout(shape, (0, steps), (0, steps))
    np.testing.assert_array_equal(whole, [0, 0, 1, 0, 0, 120, 1, 1])
    turned = [steps[axis] for axis in (2, 3, 0, 1)]
    swapped = layout((4, 5, 2, 3), (0, turned), (0, row_major((4, 5, 2, 3))))
    np.testing.assert_array_equal(swapped, [0, 0, 20, 1, 6, 6, 20, 1])


class Turned(Transpose):
    """A user's operation that inherits from one with a kernel."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        return inputs[0]

    def forward(self, xp, x):
        return -x


def test_what_inherits_from_an_operation_has_not_its_kernel() -> None:
    x = placeholder((2, 3))
    program = cpu([Turned((1, 0))(x)], [x])
    assert [launch.kind for launch in program.plan.launches] == [Kind.REFERENCE]
    np.testing.assert_array_equal(program(np.ones((2, 3)))[0], -np.ones((2, 3)))
    assert issubclass(Turned, Primitive)


def test_batches_that_broadcast_along_some_axes() -> None:
    rng = np.random.default_rng(0)
    arrays = [
        rng.normal(size=s).astype(np.float32) for s in [(2, 1, 5, 3), (4, 3, 6), (2, 1, 4, 6)]
    ]
    a, b, c = placeholders(arrays)
    outputs = [a @ b, MatMul(transpose_b=True)(b, c)]
    found = cpu(outputs, [a, b, c])(*arrays)
    expected = REFERENCE.compile(outputs, [a, b, c])(*arrays)
    for ours, theirs in zip(found, expected, strict=True):
        assert_agrees(ours, theirs, theirs.astype(np.float64))
