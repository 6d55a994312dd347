"""Floating-point operations and bytes are those that a person would count."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from glassgrad.execute.cpu.costs import Cost, costs_of, flop_of, threads_worth_meeting
from glassgrad.execute.cpu.memory import place_barriers
from glassgrad.execute.cpu.plan import make_plan
from glassgrad.graph import Tensor, Variable, placeholder
from glassgrad.ops import cumsum, take
from tests.execute.cpu.networks import training_step

X = placeholder((4, 3))
INDICES = placeholder((5,), "int32")


@pytest.mark.parametrize(
    "make, expected",
    [
        (lambda x: x + 1.0, 12),
        (lambda x: x.exp(), 12),
        (lambda x: x[:, :1] * x[:1], 12),
        (lambda x: x.T, 0),
        (lambda x: x.cast("float64"), 0),
        (lambda x: take(x, INDICES), 0),
        (lambda x: x.sum(axis=0), 12),
        (lambda x: x.max(), 12),
        (lambda x: cumsum(x), 12),
        (lambda x: x @ placeholder((3, 5)), 2 * 4 * 3 * 5),
        (lambda x: x @ placeholder((2, 3, 5)), 2 * 2 * 4 * 3 * 5),
        (lambda x: x, 0),
    ],
)  # fmt: skip
def test_operations_of_a_node(make: Callable[[Tensor], Tensor], expected: int) -> None:
    assert flop_of(make(X).node) == expected


@pytest.mark.parametrize("transposed", [False, True])
def test_a_transposed_product_has_as_many(transposed: bool) -> None:
    a, b = placeholder((4, 3)), placeholder((5, 3) if transposed else (3, 5))
    plan = make_plan([a @ (b.T if transposed else b)], [a, b], {}, 1)
    assert sum(cost.flop for cost in costs_of(plan)) == 120


def test_fused_operations_add_up_and_scratch_does_not_count() -> None:
    x, w = placeholder((8, 4)), Variable(np.zeros((4, 2)), name="w")
    (cost,) = costs_of(make_plan([(x @ w + 1.0).exp()], [x], {}, 4))
    assert cost == Cost(flop=2 * 8 * 4 * 2 + 2 * 16, read=4 * (32 + 8 + 1), written=4 * 16)
    assert cost.moved == 228


def test_an_update_counts_each_element_and_copies_count_nothing() -> None:
    case = training_step([6, 5, 3], 4)
    plan = make_plan(case.outputs, case.inputs, case.updates, 4)
    costs = dict(zip((launch.kind.value for launch in plan.launches), costs_of(plan), strict=True))
    elements = 6 * 5 + 5 + 5 * 3 + 3
    assert costs["update"].flop % elements < 10  # what is shared is computed once
    assert 10 * elements < costs["update"].flop < 20 * elements
    assert costs["update"].written == 3 * 4 * elements
    assert costs["copy"].flop == 0


@pytest.mark.parametrize(
    "units, batch, parts, expected",
    [
        ([2, 2, 1], 1, 4, 1),
        ([8, 8, 10], 32, 4, 1),
        ([8] * 60, 1, 4, 1),  # much to do, and little of it from one barrier to the next
        ([784, 256, 128, 10], 128, 4, 4),
        ([784, 256, 128, 10], 128, 16, 16),
    ],
)
def test_threads_meet_only_where_there_is_work_for_them(
    units: list[int], batch: int, parts: int, expected: int
) -> None:
    case = training_step(units, batch)
    plan = make_plan(case.outputs, case.inputs, case.updates, parts)
    place_barriers(plan.launches)
    assert threads_worth_meeting(plan) == expected


def test_a_plan_without_launches_is_for_one_thread() -> None:
    assert threads_worth_meeting(make_plan([], [], {}, 4)) == 1
