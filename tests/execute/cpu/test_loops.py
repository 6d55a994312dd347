"""Scans as loops of a plan: whatever the body does, as the reference does it step by step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgrad.errors import ArgumentError, GlassgradError
from glassgrad.execute.cpu.costs import costs_of
from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.cpu.memory import place_barriers
from glassgrad.execute.cpu.plan import make_plan
from glassgrad.execute.cpu.program import LARGEST_COPIED, CpuExecutor, CpuProgram
from glassgrad.gradients import gradients
from glassgrad.graph import (
    Primitive,
    Tensor,
    TensorSpec,
    Variable,
    placeholder,
    trace_graph,
)
from glassgrad.ops import concatenate, scan, take
from glassgrad.ops.scan import Scan
from tests.execute.cpu.comparison import REFERENCE, Case, assert_agrees, check, cpu, results_of
from tests.gradients.test_scan import STEPS, arrays_for

Step = Callable[[Any, Any, Any], Any]


def scanned(
    step: Step, carries: int, sequences: int, constants: int, length: int, reverse: bool = False
) -> Callable[[str], Case]:
    """A scan over matrices with its gradients, as a case for a dtype."""

    def build(dtype: str) -> Case:
        arrays = [a.astype(dtype) for a in arrays_for(carries, sequences, constants, length)]
        inputs = [placeholder(array.shape, dtype) for array in arrays]
        end = carries + sequences
        last, stacked = scan(
            step, inputs[:carries], inputs[carries:end], inputs[end:], length=length,
            reverse=reverse,
        )  # fmt: skip
        loss = sum(((t * t).sum() for t in (*last, *stacked)), Tensor(0.0).cast(dtype))
        slopes = [slope for slope in gradients(loss, inputs) if slope is not None]
        return Case([*last, *stacked, *slopes], inputs, arrays)

    return build


def loops(program: CpuProgram) -> int:
    return sum(launch.kind is Kind.REPEAT for launch in program.plan.launches)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", STEPS)
def test_values_and_gradients(name: str, reverse: bool, dtype: str) -> None:
    step, *counts = STEPS[name]
    for length in (1, 5):
        check(scanned(step, *counts, length, reverse), dtype, steps=2)


@pytest.mark.parametrize("name", STEPS)
def test_without_steps(name: str) -> None:
    step, *counts = STEPS[name]
    check(scanned(step, *counts, 0))


# ---- where values lie


def swapped(c: Any, e: Any, k: Any) -> Any:
    return (c[1], c[0], e[0]), (c[2], e[0], c[0])


def same_twice(c: Any, e: Any, k: Any) -> Any:
    """One value is two carries, two results, and one of them in another shape."""
    after = (c[0] + e[0]).tanh()
    return (after, after), (after, after.reshape(3, 2), after + c[1])


def constants_as_results(c: Any, e: Any, k: Any) -> Any:
    return (k[0] * 1.0,), (k[0], k[0] @ k[0], c[0])


def through_several_kernels(c: Any, e: Any, k: Any) -> Any:
    rows = (c[0] @ k[0]).sum(axis=1, keepdims=True)
    columns = (e[0] * rows).sum(axis=0)
    after = concatenate([e[0][1:], (e[0] / (1 + rows * rows))[:1]]) + columns
    return (after.tanh(),), (columns, rows)


PLACES: dict[str, tuple[Step, int, int, int]] = {
    "swapped": (swapped, 3, 1, 0),
    "same twice": (same_twice, 2, 1, 0),
    "constants": (constants_as_results, 0, 1, 1),
    "several kernels": (through_several_kernels, 1, 1, 1),
}


@pytest.mark.parametrize("length", [1, 2, 5])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", PLACES)
def test_what_goes_where(name: str, reverse: bool, length: int) -> None:
    step, carries, sequences, constants = PLACES[name]
    if name == "constants":
        carries, step = 1, lambda c, e, k: ((e[0],), constants_as_results([e[0]], e, k)[1])
    check(scanned(step, carries, sequences, constants, length, reverse), steps=2)


@pytest.mark.parametrize("length", [1, 4, 5])
@pytest.mark.parametrize("columns", [3, LARGEST_COPIED // 4])
def test_only_the_end_is_wanted(length: int, columns: int) -> None:
    """Two rows take turns, and a long input is read where the caller has it."""
    x, start = placeholder((length, 2, columns)), placeholder((2, columns))
    (last,), _ = scan(lambda c, e, k: ((c[0] * 0.5 + e[0],), (c[0],)), [start], [x])
    program = cpu([last], [x, start])
    for seed in range(3):
        rng = np.random.default_rng(seed)
        values, state = (rng.normal(size=t.shape).astype(np.float32) for t in (x, start))
        (found,) = program(values, state)
        for row in values:
            state = state * np.float32(0.5) + row
        np.testing.assert_allclose(found, state, rtol=1e-5, atol=1e-6)


def test_what_nobody_needs_is_not_computed() -> None:
    x, start = placeholder((4, 2)), placeholder((2,))
    (_, last), _ = scan(
        lambda c, e, k: ((c[0].exp() + e[0], c[1] + e[1]), (c[0].sin(),)), [start, start], [x, x]
    )
    (loop,) = [launch for launch in cpu([last], [x, start]).plan.launches if launch.source
               and launch.loop]  # fmt: skip
    assert [node.operation.name for node in loop.nodes] == ["Add"]


def test_the_body_may_read_variables() -> None:
    w = Variable(np.full(2, 3.0, np.float32))
    x = placeholder((4, 2))
    body = trace_graph(lambda c, e: [c * w + e], [TensorSpec((2,), x.dtype)] * 2)
    last = Scan(body, 1, 1, 4)(x[0] * 0.0, x)[0]
    ones = np.ones((4, 2), np.float32)
    program = cpu([last], [x], {w: w.tensor * 2.0})
    for factor in (3.0, 6.0):
        np.testing.assert_array_equal(program(ones)[0], [factor**3 + factor**2 + factor + 1] * 2)


# ---- loops in loops


def nested(x: Tensor, w: Tensor, reverse: bool) -> tuple[Tensor, ...]:
    """Rows of matrices: the inner scan starts with what the outer one carries."""

    def outer(c: Any, e: Any, k: Any) -> Any:
        def inner(c: Any, e: Any, k: Any) -> Any:
            after = (c[0] * k[0] + e[0]).tanh()
            return (after, c[1] + after), (after,)

        (last, total), rows = scan(inner, [c[0], c[0] * 0.0], [e[0]], k, reverse=not reverse)
        return (last + total,), (rows[0] * total, total)

    last, results = scan(outer, [w[0]], [x], [w[1]], reverse=reverse)
    return (*last, *results)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_inside_a_scan(reverse: bool) -> None:
    def build(dtype: str) -> Case:
        rng = np.random.default_rng(2)
        arrays = [rng.normal(size=shape).astype(dtype) for shape in ((3, 4, 5), (2, 5))]
        x, w = inputs = [placeholder(array.shape, dtype) for array in arrays]
        results = nested(x, w, reverse)
        loss = sum((t * t).sum() for t in results[1:]) + results[0].sum()
        slopes = [slope for slope in gradients(loss, inputs) if slope is not None]
        return Case([*results, *slopes], inputs, arrays)

    check(build, "float32", steps=2)


# ---- failures


class Doubled(Primitive):
    """Has no kernel, and fails for large numbers."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        return inputs[0]

    def forward(self, xp: Any, x: Any) -> Any:
        if (x > 100).any():
            raise ArgumentError("Too large.")
        return x * 2


def test_an_operation_without_kernel_runs_in_every_step() -> None:
    x = placeholder((3, 4))
    last, rows = scan(lambda c, e, k: ((Doubled()(c[0]) + e[0],), (c[0],)), [x[0] * 0.0], [x])
    program = cpu([*last, *rows], [x])
    ones = np.ones((3, 4), np.float32)
    for _ in range(2):
        found = program(ones)
        np.testing.assert_array_equal(found[0], [7] * 4)
        np.testing.assert_array_equal(found[1][:, 0], [0, 1, 3])
        with pytest.raises(ArgumentError, match="Too large"):
            program(ones * 60)


def test_a_loop_that_was_stopped_begins_anew() -> None:
    table, indices = placeholder((5, 2)), placeholder((4,), "int32")
    last, rows = scan(
        lambda c, e, k: ((c[0] + take(k[0], e[0].reshape(1)).sum(axis=0),), (c[0],)),
        [table[0] * 0.0], [indices], [table],
    )  # fmt: skip
    program = cpu([*last, *rows], [table, indices])
    values = np.arange(10, dtype=np.float32).reshape(5, 2)
    expected = values[[1, 4, 0, 2]].sum(axis=0)
    for _ in range(2):
        np.testing.assert_array_equal(program(values, [1, 4, 0, 2])[0], expected)
        with pytest.raises(GlassgradError, match="5"):
            program(values, [1, 4, 5, 2])


# ---- threads, costs, printing


def large_scan() -> Case:
    def step(c: Any, e: Any, k: Any) -> Any:
        after = (c[0] @ k[0] + e[0]).tanh()
        return (after,), (after * after,)

    rng = np.random.default_rng(0)
    shapes = [(64, 48), (7, 64, 48), (48, 48)]
    arrays = [rng.normal(size=shape).astype(np.float32) * 0.3 for shape in shapes]
    inputs = [placeholder(shape) for shape in shapes]
    last, rows = scan(step, inputs[:1], inputs[1:2], inputs[2:])
    slopes = gradients(last[0].sum() + rows[0].sum(), inputs)
    return Case([*last, *rows, *(s for s in slopes if s is not None)], inputs, arrays)


@pytest.mark.parametrize("threads", [2, 3])
def test_bits_do_not_depend_on_threads(threads: int) -> None:
    case = large_scan()
    alone = results_of(CpuExecutor(threads=1, parts=4), case, steps=2)
    program = CpuExecutor(threads=threads, parts=4).compile(case.outputs, case.inputs)
    program._most_threads = threads
    for _ in range(5):
        for one, other in zip(alone, program(*case.arrays), strict=False):
            np.testing.assert_array_equal(one, other, strict=True)


def test_every_step_costs() -> None:
    x, w = placeholder((6, 4, 8)), placeholder((8, 8))
    (last,), _ = scan(lambda c, e, k: ((c[0] @ k[0] + e[0],), ()), [x[0] * 0.0], [x], [w])
    plan = make_plan([last], [x, w], {}, 4)
    place_barriers(plan.launches)
    (cost,) = [
        cost for launch, cost in zip(plan.launches, costs_of(plan), strict=True)
        if launch.kind is Kind.PRODUCT
    ]  # fmt: skip
    assert cost.flop == 6 * (2 * 4 * 8 * 8 + 4 * 8)
    assert cost.read == 6 * 4 * (2 * 32 + 64)
    assert cost.written == 6 * 4 * 32


def test_loops_are_described_and_measured() -> None:
    case = large_scan()
    program = cpu(case.outputs, case.inputs)
    text = program.describe()
    assert "7 times" in text
    assert "repeat" in text
    profile = program.profile(*case.arrays)
    assert len(profile.timings) == len(program.plan.launches)
    seconds = {timing.kind: timing.seconds for timing in profile.timings}
    assert seconds["repeat"] == 0
    assert seconds["product"] > 0
    for one, other in zip(program(*case.arrays), results_of(REFERENCE, case), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


# ---- random bodies

UNARY = (lambda x: x.tanh(), lambda x: x * 0.5, lambda x: x.sigmoid(), lambda x: x.T.reshape(3, 3),
         lambda x: x.sum(axis=0, keepdims=True) * 0.1 + x, lambda x: -x, lambda x: x.max() - x,
         lambda x: concatenate([x[1:], x[:1]]))  # fmt: skip
BINARY = (lambda x, y: x + y, lambda x, y: x * y, lambda x, y: x @ y * 0.3)


@st.composite
def random_scans(draw: st.DrawFn) -> tuple[Step, int, int, int, int, bool]:
    carries, sequences, constants = (draw(st.integers(0, 2)) for _ in range(3))
    choices = draw(st.lists(st.tuples(*[st.integers(0, 99)] * 3), min_size=1, max_size=8))
    ends = draw(st.lists(st.integers(0, 99), min_size=carries, max_size=carries))
    results = draw(st.lists(st.integers(0, 99), min_size=int(carries == 0), max_size=3))

    def step(c: Any, e: Any, k: Any) -> Any:
        values = [*c, *e, *k] or [Tensor(np.eye(3, dtype=np.float32))]
        for which, first, second in choices:
            x, y = values[first % len(values)], values[second % len(values)]
            which %= len(UNARY) + len(BINARY)
            values.append(
                UNARY[which](x) if which < len(UNARY) else BINARY[which - len(UNARY)](x, y).tanh()
            )
        picked = [values[n % len(values)] for n in (*ends, *results)]
        return tuple(picked[:carries]), tuple(picked[carries:])

    return (
        step, carries, sequences, constants, draw(st.integers(1, 4)), draw(st.booleans())
    )  # fmt: skip


@given(random_scans())
@settings(max_examples=20, deadline=None, derandomize=True)
def test_random_bodies(case: tuple[Step, int, int, int, int, bool]) -> None:
    step, carries, sequences, constants, length, reverse = case
    rng = np.random.default_rng(0)
    shapes = [(3, 3)] * carries + [(length, 3, 3)] * sequences + [(3, 3)] * constants
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    inputs = [placeholder(shape) for shape in shapes]
    end = carries + sequences
    last, rows = scan(
        step, inputs[:carries], inputs[carries:end], inputs[end:], length=length, reverse=reverse
    )
    found = cpu([*last, *rows], inputs)(*arrays)
    expected = REFERENCE.compile([*last, *rows], inputs)(*arrays)
    for one, other in zip(found, expected, strict=True):
        assert_agrees(one, other, other.astype(np.float64))
