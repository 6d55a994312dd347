"""Recurrence by kernels: the same states and gradients as by the scans that define it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest

from glassgrad.execute.cpu import recurrence
from glassgrad.execute.cpu.costs import costs_of
from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.cpu.plan import make_plan
from glassgrad.execute.cpu.program import CpuExecutor
from glassgrad.execute.cpu.recurrence import Recurrence, RecurrenceGradient, strip_shape
from glassgrad.gradients import gradients
from glassgrad.graph import Operation, Tensor, float_type, placeholder
from glassgrad.graph.operation import Array
from glassgrad.ops import zeros
from glassgrad.ops.recurrent import GatedRecurrentUnit, LongShortTermMemory, SimpleRecurrence
from tests.execute.cpu.comparison import CPU, Case, check, results_of

# the operation, its states, the blocks of its kernel and the first axes of its bias
CELLS: dict[str, tuple[Any, int, int, tuple[int, ...]]] = {
    "lstm": (LongShortTermMemory, 2, 4, ()),
    "gru": (GatedRecurrentUnit, 1, 3, (2,)),
    "simple": (SimpleRecurrence, 1, 1, ()),
}

# batch, time, features, units
SIZES = [
    (1, 1, 1, 1),
    (5, 4, 3, 7),
    (37, 3, 5, 16),
    (70, 9, 2, 33),
    (3, 0, 2, 4),
    (0, 3, 2, 4),
    (9, 35, 1, 2),
]


def arrays_for(
    cell: str, sizes: Sequence[int], dtype: str = "float32", masked: bool = False
) -> list[Array]:
    _, states, gates, bias = CELLS[cell]
    batch, time, features, units = sizes
    width = gates * units
    shapes = [(batch, time, features), *[(batch, units)] * states, (features, width)]
    shapes += [(units, width), (*bias, width)]
    rng = np.random.default_rng(0)
    arrays: list[Array] = [(rng.normal(size=shape) / 2).astype(dtype) for shape in shapes]
    return [*arrays, rng.random((batch, time)) < 0.7] if masked else arrays


def trained(
    cell: str, sizes: Sequence[int], dtype: str, *, masked: bool = False, **fields: Any
) -> Case:
    """States and gradients of everything, from a loss that every state reaches."""
    kind, states, *_ = CELLS[cell]
    arrays = arrays_for(cell, sizes, dtype, masked)
    inputs = [placeholder(array.shape, str(array.dtype)) for array in arrays]
    made = as_tuple(kind(**fields)(*inputs))
    loss = sum((((n + 1) * h * h).sum() + h.sum() for n, h in enumerate(made[:states])), Tensor(0))
    slopes = gradients(loss, inputs[: states + 4])
    return Case([*made, *(s for s in slopes if s is not None)], inputs, arrays)


def as_tuple(made: Any) -> tuple[Tensor, ...]:
    return made if isinstance(made, tuple) else (made,)


def operations_of(case: Case) -> list[Operation]:
    program = CPU.compile(case.outputs, case.inputs, case.updates)
    return [node.operation for launch in program.plan.launches for node in launch.nodes]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_states_and_gradients(cell: str, reverse: bool, masked: bool) -> None:
    for sizes in SIZES:
        check(partial(trained, cell, sizes, masked=masked, reverse=reverse), steps=2)


@pytest.mark.parametrize("cell", CELLS)
def test_in_float64(cell: str) -> None:
    for sizes in SIZES[1:4]:
        check(partial(trained, cell, sizes, masked=True), "float64")


@pytest.mark.parametrize("cell", CELLS)
def test_there_are_kernels_for_it(cell: str) -> None:
    case = trained(cell, (8, 3, 4, 5), "float32")
    kinds = {launch.kind for launch in CPU.compile(case.outputs, case.inputs).plan.launches}
    assert not kinds & {Kind.REPEAT, Kind.REFERENCE}


@pytest.mark.parametrize("cell", CELLS)
def test_other_activations_are_scans(cell: str) -> None:
    build = partial(trained, cell, (4, 3, 2, 5), activation="relu")
    check(build)
    case = build("float32")
    launches = CPU.compile(case.outputs, case.inputs).plan.launches
    assert any(launch.kind is Kind.REPEAT for launch in launches)


# ---- what somebody reads


def from_zero(cell: str, dtype: str, wanted: slice = slice(None)) -> Case:
    """First states that are known to be zero; of the gradients, some."""
    kind, states, *_ = CELLS[cell]
    arrays = arrays_for(cell, (20, 6, 3, 8), dtype)
    with float_type(dtype):
        inputs = [placeholder(a.shape, dtype) for a in (arrays[0], *arrays[1 + states :])]
        made = as_tuple(kind()(inputs[0], *[zeros((20, 8))] * states, *inputs[1:]))
    slopes = gradients((made[0][:, -1] * made[0][:, -1]).sum(), inputs[wanted])
    return Case([made[0], *(s for s in slopes if s is not None)], inputs,
                [arrays[0], *arrays[1 + states :]])  # fmt: skip


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "wanted, sums, keeps",
    [(slice(0, 1), False, True), (slice(1, None), True, False), (slice(None), True, True)],
    ids=["x", "weights", "all"],
)
def test_only_what_is_wanted_is_left_behind(
    cell: str, wanted: slice, sums: bool, keeps: bool
) -> None:
    check(partial(from_zero, cell, wanted=wanted))
    operations = operations_of(from_zero(cell, "float32", wanted))
    (forward,) = [one for one in operations if isinstance(one, Recurrence)]
    (backward,) = [one for one in operations if isinstance(one, RecurrenceGradient)]
    assert forward.from_zero
    assert forward.saves
    assert (backward.sums, backward.keeps, backward.ends) == (sums, keeps, False)


@pytest.mark.parametrize("cell", CELLS)
def test_inference_saves_nothing(cell: str) -> None:
    check(partial(from_zero, cell, wanted=slice(0, 0)))
    (forward,) = [
        one for one in operations_of(from_zero(cell, "float32", slice(0, 0)))
        if isinstance(one, Recurrence)
    ]  # fmt: skip
    assert not forward.saves


@pytest.mark.parametrize("cell", CELLS)
def test_weights_that_are_too_large_for_sums(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recurrence, "LARGEST_SUMS", 0)
    check(partial(trained, cell, (37, 20, 3, 8), masked=True))


def test_the_last_state_of_the_cell_alone() -> None:
    """Of the states of an LSTM, only c has a gradient."""

    def build(dtype: str) -> Case:
        arrays = arrays_for("lstm", (6, 5, 3, 4), dtype)
        inputs = [placeholder(array.shape, dtype) for array in arrays]
        _, c, _ = LongShortTermMemory()(*inputs)
        slopes = gradients((c[:, 2] * c[:, 2]).sum(), inputs)
        return Case([s for s in slopes if s is not None], inputs, arrays)

    check(build)


@pytest.mark.parametrize("cell", ["gru", "simple"])
def test_gradients_of_gradients(cell: str) -> None:
    def build(dtype: str) -> Case:
        _, states, *_ = CELLS[cell]
        first = trained(cell, (3, 4, 2, 3), dtype, masked=True)
        inputs = list(first.inputs[: states + 4])
        slopes = gradients(first.outputs[0].sum(), inputs)
        penalty = sum(((s * s).sum() for s in slopes if s is not None), Tensor(0.0).cast(dtype))
        second = gradients(penalty, inputs)
        return Case([penalty, *(s for s in second if s is not None)], first.inputs, first.arrays)

    check(build)


def test_two_layers() -> None:
    """The gradient of the states comes from a recurrence above, and x is a state of one below."""

    def build(dtype: str) -> Case:
        arrays = arrays_for("gru", (12, 5, 4, 4), dtype)
        inputs = [placeholder(array.shape, dtype) for array in arrays]
        x, h0, *weights = inputs
        h, _ = GatedRecurrentUnit()(x, h0, *weights)
        top, _ = GatedRecurrentUnit(reverse=True)(h, h[:, -1], *weights)
        slopes = gradients((top * top).sum(), inputs)
        return Case([top, *(s for s in slopes if s is not None)], inputs, arrays)

    check(build)


# ---- parts, threads, costs


@pytest.mark.parametrize("cell", CELLS)
def test_bits_do_not_depend_on_threads(cell: str) -> None:
    case = trained(cell, (33, 6, 3, 8), "float32", masked=True)
    alone = results_of(CpuExecutor(threads=1, parts=4), case)
    program = CpuExecutor(threads=2, parts=4).compile(case.outputs, case.inputs)
    program._most_threads = 2
    for _ in range(3):
        for one, other in zip(alone, program(*case.arrays), strict=True):
            np.testing.assert_array_equal(one, other, strict=True)


@pytest.mark.parametrize("parts", [1, 3, 16])
def test_any_number_of_parts(parts: int) -> None:
    case = trained("lstm", (70, 5, 3, 9), "float32")
    expected = results_of(CPU, case)
    found = results_of(CpuExecutor(threads=1, parts=parts), case)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "batch, expected", [(1, (1, 8)), (32, (4, 8)), (64, (4, 16)), (128, (4, 32)), (500, (16, 32))]
)
def test_small_batches_are_cut_small(batch: int, expected: tuple[int, int]) -> None:
    strips, time, examples = strip_shape(batch, 7)
    assert (strips, examples, time) == (*expected, 7)


def test_floating_point_operations() -> None:
    case = from_zero("lstm", "float32", slice(1, None))
    plan = make_plan(case.outputs, case.inputs, {}, 4)
    costs = {
        type(node.operation): cost.flop
        for launch, cost in zip(plan.launches, costs_of(plan), strict=True)
        for node in launch.nodes
    }
    steps, width = 20 * 6, 4 * 8
    assert costs[Recurrence] == 2 * steps * (3 + 1 + 8) * width
    assert costs[RecurrenceGradient] == 2 * steps * (8 + 3 + 1 + 8) * width
