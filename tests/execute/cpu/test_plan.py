"""Which launches compute a program, and what they do with variables."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.cpu.memory import place_barriers, plan_memory
from glassgrad.execute.cpu.plan import Launch, Plan, make_plan
from glassgrad.graph import Primitive, Tensor, TensorSpec, Variable, constant, placeholder
from tests.execute.cpu.comparison import Case, check, cpu
from tests.execute.cpu.lists import Descent
from tests.execute.cpu.networks import training_step

SIZES = ((3,), (1,), (17,), (2, 5))


def planned(case: Case) -> Plan:
    return make_plan(case.outputs, case.inputs, case.updates, parts=4)


def update_of(plan: Plan) -> Launch:
    (launch,) = (launch for launch in plan.launches if launch.kind is Kind.UPDATE)
    return launch


def gradients_of(descent: Descent) -> list[Tensor]:
    """Something computed for each parameter."""
    return [(w.tensor * 2.0).tanh() for w in descent.parameters]


def descent_case(dtype: str = "float32", **more: Any) -> Case:
    descent = Descent(*SIZES, dtype=dtype)
    return Case([], updates=descent.updates(gradients_of(descent)), variables=descent.variables)


# ---- in place


def test_what_is_replaced_is_overwritten() -> None:
    plan = planned(descent_case())
    assert update_of(plan).in_place == [0, 2]
    assert Kind.COPY not in [launch.kind for launch in plan.launches]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_in_place(dtype: str) -> None:
    check(lambda wanted: descent_case(wanted), dtype, steps=3)


def old_values_wanted(dtype: str) -> Case:
    """The old parameters are results, as they are and reshaped; the new ones too."""
    descent = Descent(*SIZES, dtype=dtype)
    updates = descent.updates(gradients_of(descent))
    old = [w.tensor for w in descent.parameters]
    new = [updates[w] for w in descent.parameters]
    return Case([*old, old[3].reshape(10), *new], updates=updates, variables=descent.variables)


def test_old_values_are_saved_before() -> None:
    plan = planned(old_values_wanted("float32"))
    assert plan.launches[0].kind is Kind.COPY
    assert update_of(plan).in_place == [0, 2]
    check(old_values_wanted, steps=2)


def read_later(dtype: str) -> Case:
    """How far the parameters moved: they are read after they were computed anew."""
    descent = Descent(*SIZES, dtype=dtype)
    updates = descent.updates(gradients_of(descent))
    distances = [(updates[w] - w).square().sum() for w in descent.parameters]
    return Case(distances, updates=updates, variables=descent.variables)


def test_what_is_read_later_is_not_overwritten() -> None:
    assert update_of(planned(read_later("float32"))).in_place == [None, 2]
    check(read_later, steps=2)


def one_is_another_gradient(dtype: str) -> Case:
    """The first parameter is the second one's gradient, and must be read before it changes."""
    descent = Descent((40,), (40,), dtype=dtype)
    slopes = [constant(np.ones(40), dtype), descent.parameters[0].tensor]
    return Case([], updates=descent.updates(slopes), variables=descent.variables)


def test_a_member_that_another_one_reads_is_not_overwritten() -> None:
    assert update_of(planned(one_is_another_gradient("float32"))).in_place == [None, 2]
    check(one_is_another_gradient, steps=2)


def some_only(dtype: str) -> Case:
    """Of one list not all members get their new values: one is frozen, one gets another's."""
    descent = Descent((4,), (4,), (4,), dtype=dtype)
    updates = descent.updates([constant(np.full(4, n + 1.0), dtype) for n in range(3)])
    w0, w1, w2 = descent.parameters
    del updates[w2]
    updates[w0], updates[w1] = updates[w1], updates[w0]
    return Case([], updates=updates, variables=descent.variables)


def test_lists_whose_members_go_elsewhere() -> None:
    assert update_of(planned(some_only("float32"))).in_place == [None, 2]
    check(some_only, steps=2)


def two_maps(dtype: str) -> Case:
    """Two optimizers on two halves, the second with what the first one makes."""
    first, second = Descent((3,), (5,), dtype=dtype), Descent((5,), (3,), dtype=dtype, seed=1)
    updates = first.updates(gradients_of(first))
    new = [updates[w] for w in first.parameters]
    updates |= second.updates([new[1] + second.parameters[0], new[0] * 1.0])
    return Case(new, updates=updates, variables=[*first.variables, *second.variables])


def test_two_maps() -> None:
    check(two_maps, steps=2)


def shared_gradient(dtype: str) -> Case:
    descent = Descent((5,), (5,), (5,), dtype=dtype)
    slope = (descent.parameters[0] * 2.0).tanh()
    return Case(
        [], updates=descent.updates([slope, slope, slope.exp()]), variables=descent.variables
    )


def test_members_may_share_a_gradient() -> None:
    check(shared_gradient, steps=2)


def broadcast_gradient(dtype: str) -> Case:
    descent = Descent((5,), (2, 3), dtype=dtype)
    slopes = [constant(0.5, dtype), constant([1.0, 2.0, 3.0], dtype)]
    return Case([], updates=descent.updates(slopes), variables=descent.variables)


def test_a_gradient_may_be_repeated() -> None:
    check(broadcast_gradient, steps=2)


class Late(Primitive):
    """An operation without a kernel: it may fail."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        return inputs[0]

    def forward(self, xp: Any, x: Any) -> Any:
        return x * 2


def test_nothing_changes_before_something_that_may_fail() -> None:
    descent = Descent((3,), (4,))
    updates = descent.updates(gradients_of(descent))
    after = Late()(updates[descent.parameters[0]])
    assert update_of(planned(Case([after], updates=updates))).in_place == [None, None]
    before = Late()(descent.parameters[0].tensor)
    assert update_of(planned(Case([before], updates=updates))).in_place == [0, 2]


def test_members_that_lie_side_by_side_are_one_call() -> None:
    case = training_step([7, 5, 3], 4)
    program = cpu(case.outputs, case.inputs, case.updates)
    (launch,) = (one for one in program.plan.launches if one.walked)
    assert len(launch.calls) == 4
    (merged,) = program._merged(launch)
    assert merged[0] == 48 + 16 + 16 + 3  # 35, 5, 15 and 3 elements, on cache lines of 16


def test_members_with_one_gradient_are_not() -> None:
    descent = Descent((16,), (16,))
    slope = descent.parameters[0].tanh()
    program = cpu([], [], descent.updates([slope, slope]))
    (launch,) = (one for one in program.plan.launches if one.walked)
    assert len(program._merged(launch)) == 2


# ---- updates without a map


def swap(dtype: str) -> Case:
    a, b, c = (Variable([n, n + 1.0], dtype=dtype) for n in range(3))
    updates = {a: b.tensor, b: a.tensor, c: c.tensor}
    return Case([a + b, a.tensor, c.tensor], updates=updates, variables=[a, b, c])


def test_variables_swap() -> None:
    check(swap, steps=3)


def test_a_variable_that_stays_is_not_touched() -> None:
    v = Variable([1.0])
    assert planned(Case([v.tensor], updates={v: v.reshape(1, 1).reshape(1)})).launches == []


def one_value_for_two(dtype: str) -> Case:
    a, b, c = (Variable([n, n + 1.0], dtype=dtype) for n in range(3))
    value = a.tanh() + 1.0
    return Case([value], updates={a: value, b: value, c: a.tensor}, variables=[a, b, c])


def test_one_value_for_two_variables() -> None:
    check(one_value_for_two, steps=2)


def value_in_place_for_two(dtype: str) -> Case:
    descent = Descent((4,), (5,), dtype=dtype)
    other = Variable(np.zeros(4), dtype=dtype)
    updates = descent.updates(gradients_of(descent))
    updates[other] = updates[descent.parameters[0]]
    return Case([], updates=updates, variables=[*descent.variables, other])


def test_a_value_made_in_place_may_go_to_another_variable_too() -> None:
    check(value_in_place_for_two, steps=2)


def sources(dtype: str) -> Case:
    """New values that nobody computes: an input, a constant, another variable, reshaped."""
    a, b, c, d = (Variable(np.full((2, 3), n), dtype=dtype) for n in range(4))
    x = placeholder((3, 2), dtype)
    updates = {
        a: x.reshape(2, 3),
        b: constant(np.full((2, 3), 7.0), dtype),
        c: d.reshape(6).reshape(2, 3),
        d: x.exp().reshape(2, 3),
    }
    outputs = [x, x.reshape(6), constant([1.0], dtype), a.tensor, b.reshape(6), x, d.tensor]
    return Case(outputs, [x], [np.arange(6, dtype=dtype).reshape(3, 2) / 4], updates, [a, b, c, d])


def test_new_values_from_everywhere() -> None:
    check(sources, steps=2)


def test_copies_are_one_launch() -> None:
    plan = planned(sources("float32"))
    assert [launch.kind for launch in plan.launches] == [Kind.COPY, Kind.LOOP, Kind.COPY]


def whole_numbers(dtype: str) -> Case:
    found = [Variable([3, 200], dtype=kind) for kind in ("uint8", "uint32", "int64", "int32")]
    flag = Variable([True, False])
    updates = {v: v.tensor + 100 for v in found}
    return Case(
        [],
        updates={**updates, flag: flag.tensor == constant([False, False])},
        variables=[*found, flag],
    )


def test_variables_of_whole_numbers() -> None:
    check(whole_numbers, steps=2)


# ---- a whole step


@pytest.mark.parametrize("frozen", ["", "b"], ids=["all", "frozen biases"])
def test_training_steps(frozen: str) -> None:
    check(lambda dtype: training_step([9, 7, 4], 6, frozen=frozen, dtype=dtype), steps=3)


# ---- deep networks


def deep_plan(layers: int) -> Callable[[], Plan]:
    """What plans a training step of so many layers, memory and barriers included."""
    case = training_step([2] * (layers + 1), 2)

    def planning() -> Plan:
        plan = planned(case)
        place_barriers(plan.launches)
        plan_memory(plan)
        return plan

    return planning


def lines_run(function: Callable[[], object]) -> int:
    """How many lines of Python a call runs: its work, whatever else the machine does."""
    count = 0

    def counting(frame: object, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return counting

    before = sys.gettrace()
    sys.settrace(counting)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def test_a_thousand_layers() -> None:
    kinds = Counter(launch.kind for launch in deep_plan(1000)().launches)
    assert kinds[Kind.PRODUCT] == 3 * 1000 - 1  # the input of the network has no gradient
    assert kinds[Kind.UPDATE] == 1


def test_the_work_of_planning_grows_with_the_layers_and_not_with_their_square() -> None:
    deep_plan(1)()  # what is kept between plans is not counted
    assert lines_run(deep_plan(160)) < 4.1 * lines_run(deep_plan(40))
