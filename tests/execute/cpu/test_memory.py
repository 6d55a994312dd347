from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
import pytest

from glassgrad.execute.cpu.addresses import ALIGNMENT, address_of, aligned_bytes, is_side_by_side
from glassgrad.execute.cpu.launches import Buffer, Launch, Loop, Operand, Plan, Section
from glassgrad.execute.cpu.memory import lay_out, place_barriers, plan_memory
from glassgrad.execute.cpu.plan import make_plan
from glassgrad.graph import Variable
from tests.execute.cpu.comparison import Case
from tests.execute.cpu.networks import training_step
from tests.execute.cpu.random_graphs import RandomGraph, large_graph


def planned(case: Case | RandomGraph) -> Plan:
    plan = make_plan(case.outputs, case.inputs, case.updates, parts=4)
    place_barriers(plan.launches)
    plan_memory(plan)
    return plan


PLANS = {
    "a network": lambda: planned(training_step([20, 16, 12, 3], 8, dropout=0.3)),
    **{f"random graph {seed}": lambda seed=seed: planned(large_graph(seed)) for seed in range(60)},
}


# ---- what is alive together

Life = tuple[int, int]


def lives(plan: Plan) -> dict[Buffer, Life]:
    """The first and the last launch that touch each piece of the workspace.

    What a loop shares with others, and what moves with it, matters in all of its launches.
    """
    found: dict[Buffer, Life] = {}
    for number, launch in enumerate(plan.launches):
        for buffer in roots(launch):
            if buffer.is_workspace:
                found[buffer] = (found.get(buffer, (number, 0))[0], number)
    for loop in {launch.loop for launch in plan.launches if launch.loop is not None}:
        inside = [n for n, one in enumerate(plan.launches) if one.loop and one.loop.is_inside(loop)]
        for buffer, (first, last) in found.items():
            touching = {n for n in inside if buffer in roots(plan.launches[n])}
            is_outside = first < inside[0] or last > inside[-1]
            if touching and (is_outside or buffer in rows_of(plan, loop)):
                found[buffer] = (min(first, inside[0]), max(last, inside[-1]))
    for operand in plan.outputs:
        buffer = operand.buffer.root
        if buffer.is_workspace and operand.buffer.bytes:
            found[buffer] = (found[buffer][0], len(plan.launches))
    return found


def rows_of(plan: Plan, loop: Loop) -> set[Buffer]:
    """What is another row in each step of the loop."""
    found = set()
    for launch in plan.launches:
        for buffer in (*launch.reads, *launch.writes):
            piece = buffer
            while isinstance(piece.owner, Section):
                if piece.owner.loop is loop:
                    found.add(buffer.root)
                piece = piece.owner.of
    return found


def roots(launch: Launch) -> set[Buffer]:
    return {buffer.root for buffer in (*launch.reads, *launch.writes)}


def share_bytes(a: Buffer, b: Buffer) -> bool:
    return a.offset < b.offset + b.bytes and b.offset < a.offset + a.bytes


@pytest.mark.parametrize("name", PLANS)
def test_nothing_alive_shares_memory(name: str) -> None:
    plan = PLANS[name]()
    found = lives(plan)
    for (a, (a_first, a_last)), (b, (b_first, b_last)) in combinations(found.items(), 2):
        if a_first <= b_last and b_first <= a_last:
            assert not share_bytes(a, b)
    for buffer in found:
        assert 0 <= buffer.offset <= plan.workspace_bytes - buffer.padded_bytes
        assert buffer.offset % ALIGNMENT == 0


def test_memory_is_used_again() -> None:
    deep, shallow = (planned(training_step([16] * depth + [3], 64)) for depth in (12, 4))
    forward = 64 * 16 * 4
    # What a layer more needs: its activations, and its gradients for the update.
    assert deep.workspace_bytes - shallow.workspace_bytes <= 8 * (forward + 2048)
    assert deep.workspace_bytes < sum(b.padded_bytes for b in deep.buffers if b.is_workspace)


def test_gradients_of_a_list_lie_side_by_side() -> None:
    plan = planned(training_step([20, 16, 3], 8))
    assert len(plan.blocks) == 1
    for block in plan.blocks:
        for before, after in pairwise(block):
            assert after.offset == before.offset + before.padded_bytes


# ---- barriers


def races(launches: Sequence[Launch]) -> list[tuple[int, int]]:
    """Pairs of launches without a barrier between them, of which one writes what both touch.

    Memory is compared by its addresses: buffers that share bytes are the same memory.
    """
    found = []
    since_barrier: list[int] = []
    for number, launch in enumerate(launches):
        found += [(other, number) for other in since_barrier if conflict(launches[other], launch)]
        since_barrier.append(number)
        if launch.barrier:
            since_barrier = []
    return found


def conflict(a: Launch, b: Launch) -> bool:
    return any(
        same_memory(x, y)
        for xs, ys in ((a.writes, (*b.reads, *b.writes)), (a.reads, b.writes))
        for x in xs
        for y in ys
    )


def same_memory(a: Buffer, b: Buffer) -> bool:
    a, b = a.root, b.root
    if a is b:
        return not a.is_private
    if a.owner is not None or b.owner is not None:
        return a.owner is b.owner
    return share_bytes(a, b)


@pytest.mark.parametrize("name", PLANS)
def test_no_launch_touches_what_was_written_since_the_last_barrier(name: str) -> None:
    plan = PLANS[name]()
    assert races(plan.launches) == []
    assert not plan.launches or plan.launches[-1].barrier


def test_every_barrier_is_needed() -> None:
    plan = planned(training_step([20, 16, 3], 8))
    for launch in plan.launches[:-1]:
        if launch.barrier:
            launch.barrier = False
            assert races(plan.launches) != []
            launch.barrier = True


def test_independent_launches_do_not_wait() -> None:
    """Of one layer: three gradients that are made of the same one."""
    plan = planned(training_step([20, 16, 12, 3], 8))
    assert sum(launch.barrier for launch in plan.launches) <= 9
    assert len(plan.launches) > 14


@pytest.mark.parametrize("name", PLANS)
def test_launches_say_what_they_touch(name: str) -> None:
    """Lifetimes and barriers are right only if no operand is forgotten."""
    for launch in PLANS[name]().launches:
        operands = [a.buffer for call in launch.calls for a in call if isinstance(a, Operand)]
        assert set(operands) == {*launch.reads, *launch.writes}


# ---- variables


def variables(*shapes: tuple[int, ...]) -> list[Variable]:
    rng = np.random.default_rng(0)
    return [Variable(rng.normal(size=shape)) for shape in shapes]


def test_variables_are_laid_out_in_order() -> None:
    found = variables((1,), (3,), (17,), (4, 4), ())
    before = [variable.numpy() for variable in found]
    lay_out(found)
    for one, other in pairwise(found):
        assert is_side_by_side(one.storage, other.storage)
    assert all(address_of(variable.storage) % ALIGNMENT == 0 for variable in found)
    for variable, values in zip(found, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), values)


def test_variables_that_lie_right_stay() -> None:
    found = variables((5,), (6,), (7,))
    lay_out(found)
    moves = Variable.moves
    lay_out(found)
    lay_out(found[1:])
    assert Variable.moves == moves
    lay_out(found[::-1])
    assert Variable.moves == moves + 3


def test_a_variable_that_comes_twice_stays() -> None:
    (v,) = variables((3,))
    storage = v.storage
    lay_out([v, v])
    assert v.storage is storage


def test_neighbours_by_chance_are_no_neighbours() -> None:
    """Between two allocations lie the allocator's own data: nobody may walk across."""
    memory = aligned_bytes(2 * ALIGNMENT)
    one, other = memory[:48].view(np.float32), memory[ALIGNMENT : ALIGNMENT + 48].view(np.float32)
    assert is_side_by_side(one, other)
    assert not is_side_by_side(other, one)
    stranger = np.zeros(12, np.float32)
    assert not is_side_by_side(stranger, stranger)


def test_addresses() -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    fixed = array.copy()
    fixed.flags.writeable = False
    for each in (array, array[1:], array[:, 1], fixed, np.zeros(0), np.zeros((), np.int8)):
        assert address_of(each) == each.ctypes.data
