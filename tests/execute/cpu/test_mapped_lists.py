"""Formulas on lists: which of them are computed on one walk, and the squares summed on the way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from glassgrad.execute.cpu.kernels.squares import ELEMENTS_OF_A_SUM
from glassgrad.execute.cpu.mapped_lists import join_maps
from glassgrad.execute.cpu.program import CpuExecutor
from glassgrad.execute.executor import Executor
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import Tensor, TensorSpec, placeholder, trace_graph, walk
from glassgrad.ops.mapping import ElementwiseMap
from tests.execute.cpu.lists import Descent

SHAPES = [(3, 5), (70, 300), (), (2 * ELEMENTS_OF_A_SUM + 7,), (0, 4)]


def maps(outputs: Sequence[Tensor]) -> list[ElementwiseMap]:
    operations = [node.operation for node in walk(outputs)]
    return [one for one in operations if isinstance(one, ElementwiseMap)]


def formula(
    body: Callable[..., tuple[Tensor, ...]],
    inputs: int,
    length: int,
    squares: int = 0,
    shared: int = 0,
    dtype: str = "float32",
) -> ElementwiseMap:
    scalar = TensorSpec((), np.dtype(dtype))
    graph = trace_graph(body, [scalar] * inputs)
    return ElementwiseMap(graph, length=length, squares=squares, shared=shared)


def squares_of_changes(length: int, dtype: str = "float32") -> ElementwiseMap:
    return formula(lambda old, g, new: (g, new - old, old), 3, length, squares=3, dtype=dtype)


def arrays(dtype: str = "float32") -> list[np.ndarray]:
    rng = np.random.default_rng(2)
    return [rng.normal(size=shape).astype(dtype) for shape in SHAPES]


def descended(
    executor: Executor, *, is_summed: bool, dtype: str = "float32"
) -> tuple[Descent, list[list[np.ndarray]]]:
    """Parameters after three steps, and the sums of squares of each step."""
    descent = Descent(*SHAPES, dtype=dtype)
    slopes = [placeholder(shape, dtype) for shape in SHAPES]
    updates = descent.updates(slopes)
    outputs: list[Tensor] = []
    if is_summed:
        new = [updates[parameter] for parameter in descent.parameters]
        outputs += squares_of_changes(len(new), dtype)(*descent.parameters, *slopes, *new)
    program = executor.compile(outputs, slopes, updates)
    return descent, [program(*arrays(dtype)) for _ in range(3)]


@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-6), ("float64", 1e-13)])
def test_sums_on_the_way_leave_every_bit_and_are_those_of_the_reference(
    dtype: str, tolerance: float
) -> None:
    plain, _ = descended(CpuExecutor(threads=1), is_summed=False, dtype=dtype)
    summed, sums = descended(CpuExecutor(threads=1), is_summed=True, dtype=dtype)
    for one, other in zip(plain.variables, summed.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    _, expected = descended(ReferenceExecutor(), is_summed=True, dtype=dtype)
    np.testing.assert_allclose(sums, expected, rtol=tolerance)


def test_sums_are_the_same_on_several_threads() -> None:
    _, one = descended(CpuExecutor(threads=1, parts=4), is_summed=True)
    _, other = descended(CpuExecutor(threads=2, parts=4), is_summed=True)
    np.testing.assert_array_equal(one, other)


def test_large_numbers_of_small_squares_are_summed_exactly_enough() -> None:
    x = placeholder((1 << 22,))
    (total,) = CpuExecutor(threads=1, parts=1).compile(
        [formula(lambda x: (x,), 1, 1, squares=1)(x)], [x]
    )(np.full(1 << 22, 0.1, "float32"))
    assert total == pytest.approx((1 << 22) * float(np.float32(0.1)) ** 2, rel=1e-6)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_one_value_that_is_not_finite_is_seen(value: float) -> None:
    x = placeholder((1000,))
    program = CpuExecutor(threads=1).compile([formula(lambda x: (x,), 1, 1, squares=1)(x)], [x])
    given = np.ones(1000, "float32")
    given[777] = value
    (total,) = program(given)
    np.testing.assert_equal(total, value**2)


def test_what_lies_between_members_is_not_summed() -> None:
    """Members are padded to cache lines, with what earlier values have left there."""
    sizes = (3, 5, 7)
    descent, x = Descent(*((size,) for size in sizes)), placeholder((64, 64))
    nothing = ((x @ x) @ x).sum() * 0.0  # of matrices that are forgotten then
    given = [placeholder((size,)) for size in sizes]
    slopes = [nothing + one for one in given]
    updates = descent.updates(slopes)
    new = [updates[parameter] for parameter in descent.parameters]
    total, *_ = squares_of_changes(3)(*descent.parameters, *slopes, *new)
    program = CpuExecutor(threads=1).compile([total], [x, *given], updates)
    assert program(np.ones(x.shape), *(np.ones(size) for size in sizes)) == [sum(sizes)]


# ---- what can be joined


def lists(count: int, length: int = 2) -> list[list[Tensor]]:
    return [[placeholder((3,)) for _ in range(length)] for _ in range(count)]


def step(w: Sequence[Tensor], g: Sequence[Tensor]) -> tuple[Tensor, ...]:
    made: tuple[Tensor, ...] = formula(lambda w, g: (w - g,), 2, len(w))(*w, *g)
    return made


def test_a_map_that_reads_what_another_makes_is_computed_with_it() -> None:
    w, g, other = lists(3)
    new = step(w, g)
    sums = formula(lambda k, new, other, w: (k * new * other, w), 4, 2, squares=2, shared=1)
    rate = placeholder(())
    joined = join_maps([*new, *sums(rate, *new, *other, *w)])
    (one,) = set(maps(joined))
    assert (one.lists, one.shared, one.squares, len(one.mapped)) == (3, 1, 2, 1)
    assert [tensor.shape for tensor in joined] == [(3,), (3,), (), ()]


def test_maps_are_joined_one_after_the_other() -> None:
    w, g = lists(2)
    first = step(w, g)
    second = step(first, g)
    sums = formula(lambda x: (x,), 1, 2, squares=1)(*second)
    assert len(set(maps(join_maps([*first, *second, sums])))) == 1


def no_common_list() -> list[Tensor]:
    w, g, other = lists(3)
    return [*step(w, g), *step(other, g)]


def part_of_a_list() -> list[Tensor]:
    w, g = lists(2)
    new = step(w, g)
    return [*new, formula(lambda x: (x,), 1, 1, squares=1)(new[0])]


def other_order() -> list[Tensor]:
    w, g = lists(2)
    new = step(w, g)
    return [*new, formula(lambda x: (x,), 1, 2, squares=1)(*reversed(new))]


def what_comes_later() -> list[Tensor]:
    w, g = lists(2)
    new = step(w, g)
    later = [(new[0] * new[1]).sum() + tensor for tensor in w]
    return [*new, *formula(lambda x, y: (x, y), 2, 2, squares=2)(*new, *later)]


def a_sum_as_a_number() -> list[Tensor]:
    w, g = lists(2)
    *new, total = formula(lambda w, g: (w - g, g), 2, 2, squares=1)(*w, *g)
    scaled = formula(lambda k, x: (k.cast("float32") * x,), 2, 2, shared=1)
    return [*new, *scaled(total.cast("float32"), *new)]


@pytest.mark.parametrize(
    "build", [no_common_list, part_of_a_list, other_order, what_comes_later, a_sum_as_a_number]
)
def test_other_maps_stay_by_themselves(build: Callable[[], list[Tensor]]) -> None:
    outputs = build()
    joined = join_maps(outputs)
    assert len(set(walk(joined))) == len(set(walk(outputs)))
    assert len(maps(joined)) == 2


def test_joined_maps_compute_what_they_did() -> None:
    w, g = lists(2)
    new = step(w, g)
    outputs = [*new, *formula(lambda a, b: (a * b, b), 2, 2, squares=1)(*new, *w)]
    given = [np.arange(3, dtype="float32") + n for n in range(4)]
    results = [ReferenceExecutor().compile(one, [*w, *g])(*given) for one in
               (outputs, join_maps(outputs))]  # fmt: skip
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
