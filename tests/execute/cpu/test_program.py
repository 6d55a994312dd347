"""What a compiled program promises, whatever it computes."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from glassgrad.errors import DtypeError, ExecutionError, ShapeError
from glassgrad.execute.cpu import costs, team, threads
from glassgrad.execute.cpu.program import LARGEST_COPIED, CpuExecutor
from glassgrad.execute.cpu.threads import set_num_threads
from glassgrad.graph import Primitive, Tensor, TensorSpec, Variable, constant, placeholder
from glassgrad.graph.operation import Array
from glassgrad.ops import take, uniform
from glassgrad.ops.random import RandomUniform
from tests.execute.cpu.comparison import CPU, REFERENCE, Case, cpu, results_of
from tests.execute.cpu.lists import Descent
from tests.execute.cpu.networks import training_step

LARGE = LARGEST_COPIED // 4 + 8  # float32 elements of an input that is not copied


def equal(one: list[Array], other: list[Array]) -> None:
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


# ---- inputs


def misaligned(array: Array) -> Array:
    raw = np.zeros(array.nbytes + 1, np.uint8)[1:]
    moved = raw.view(array.dtype).reshape(array.shape)
    moved[...] = array
    assert not moved.flags.aligned
    return moved


def read_only(array: Array) -> Array:
    fixed = array.copy()
    fixed.flags.writeable = False
    return fixed


INPUTS = {
    "as it is": lambda x: x,
    "every second column": lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    "turned": lambda x: np.asfortranarray(x),
    "backwards": lambda x: x[::-1].copy()[::-1],
    "float64": lambda x: x.astype(np.float64),
    "integers": lambda x: x.astype(np.int64),
    "of the other byte order": lambda x: x.astype(x.dtype.newbyteorder()),
    "read-only": read_only,
    "misaligned": misaligned,
    "a list": lambda x: x.tolist(),
    "a tensor": Tensor,
    "a variable": Variable,
}


@pytest.mark.parametrize("columns", [6, LARGE], ids=["small", "large"])
@pytest.mark.parametrize("kind", INPUTS)
def test_inputs_of_every_kind(kind: str, columns: int) -> None:
    x = placeholder((2, columns))
    array = np.arange(2 * columns, dtype=np.float32).reshape(2, columns) % 100
    program = cpu([x + 1.0, x], [x])
    for _ in range(2):
        equal(program(INPUTS[kind](array)), [array + 1, array])


def test_inputs_are_read_anew_each_time() -> None:
    x, y = placeholder((3,)), placeholder((LARGE,))
    program = cpu([x + 1.0, y + 1.0], [x, y])
    for value in (0.0, 5.0):
        a, b = program(np.full(3, value), np.full(LARGE, value, np.float32))
        assert a[0] == b[0] == value + 1


def test_inputs_must_fit() -> None:
    x = placeholder((3,), "int32")
    program = cpu([x + 1], [x])
    with pytest.raises(ShapeError, match=r"\(3,\). Got \(4,\)"):
        program(np.zeros(4, np.int32))
    with pytest.raises(DtypeError, match=r"int32\. Got float64"):
        program(np.zeros(3))


class Greedy(Primitive):
    """Writes into what it was given."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        return inputs[0]

    def forward(self, xp: Any, x: Any) -> Any:
        x[...] = 0
        return x


@pytest.mark.parametrize("size", [3, LARGE])
def test_nobody_writes_into_an_input(size: int) -> None:
    x = placeholder((size,))
    given = np.ones(size, np.float32)
    with pytest.raises(ValueError, match="read-only"):
        cpu([Greedy()(x)], [x])(given)
    assert given.all()


def test_nobody_writes_into_a_variable_or_a_constant() -> None:
    v, c = Variable([1.0]), constant([1.0])
    for tensor in (v.tensor, c):
        with pytest.raises(ValueError, match="read-only"):
            cpu([Greedy()(tensor)])()
    assert v.numpy() == 1


# ---- results


def test_results_are_the_callers_own() -> None:
    x, large = placeholder((3,)), placeholder((LARGE,))
    v, c = Variable([1.0, 2.0, 3.0]), constant([4.0, 5.0, 6.0])
    y = (x + v).tanh()
    new = v * 2.0
    program = cpu([y, y, x, v.tensor, c, y.reshape(3, 1), new, large], [x, large], {v: new})
    arrays = [np.ones(3, np.float32), np.ones(LARGE, np.float32)]
    first = program(*arrays)
    kept = [result.copy() for result in first]
    for result in first:
        assert result.flags.writeable
        assert result.flags.owndata
        result += 100
    for array in arrays:
        assert (array == 1).all()
    np.testing.assert_array_equal(v.numpy(), [2, 4, 6])
    second = program(*arrays)
    equal([second[2], second[3], second[4], second[6]], [kept[2], kept[6], kept[4], 2 * kept[6]])


def test_shapes_without_elements_and_without_axes() -> None:
    x, nothing = placeholder(()), placeholder((0, 3))
    outputs = [x * 2.0, nothing, nothing.tanh(), nothing.sum(0) + x, nothing.T]
    program = cpu(outputs, [x, nothing])
    results = program(3.0, np.zeros((0, 3)))
    equal(
        results,
        [
            np.array(6, np.float32),
            np.zeros((0, 3), np.float32),
            np.zeros((0, 3), np.float32),
            np.full(3, 3, np.float32),
            np.zeros((3, 0), np.float32),
        ],
    )


def test_an_empty_program() -> None:
    assert cpu([])() == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_random_numbers_are_those_of_the_reference(dtype: str) -> None:
    seed, step = placeholder((), "uint32"), placeholder((), "uint32")
    outputs = [
        RandomUniform((33, 7), 2**32 - 1, dtype)(seed, step),
        RandomUniform((1000,), 0, dtype)(seed, step) * 1.0,
        uniform(seed, step, ()),
    ]
    for key in ((0, 0), (2**32 - 1, 2**31)):
        case = Case(outputs, [seed, step], [np.uint32(number) for number in key])
        equal(results_of(CPU, case), results_of(REFERENCE, case))


# ---- failures


@dataclass(frozen=True)
class Broken(Primitive):
    """Promises one thing and does another."""

    fault: str

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        return inputs[0]

    def forward(self, xp: Any, x: Any) -> Any:
        faults = {
            "shape": lambda: xp.zeros((1,), x.dtype),
            "dtype": lambda: x.astype("float64"),
            "number": lambda: (x, x),
            "none": lambda: (),
            "error": lambda: 1 // 0,
        }
        return faults[self.fault]()


@pytest.mark.parametrize(
    "fault, error, message",
    [
        ("shape", ExecutionError, "Broken.*declared.*computed"),
        ("dtype", ExecutionError, "float64"),
        ("number", ExecutionError, "Broken"),
        ("none", ExecutionError, "Broken"),
        ("error", ZeroDivisionError, "division"),
    ],
)
def test_a_failing_step_changes_nothing(fault: str, error: type[Exception], message: str) -> None:
    descent, other = Descent((3,), (4,)), Variable([1.0, 2.0])
    updates = descent.updates([w.tanh() for w in descent.parameters])
    late = Broken(fault)(updates[descent.parameters[0]])
    early = Broken(fault)(other.tensor)
    for broken in (late, early):
        before = [v.numpy() for v in (*descent.variables, other)]
        program = cpu([broken], [], {**updates, other: other + 1.0})
        for _ in range(2):
            with pytest.raises(error, match=message):
                program()
        equal([v.numpy() for v in (*descent.variables, other)], before)


def test_a_program_works_again_after_a_failure() -> None:
    table, rows, count = constant([1.0, 2.0]), placeholder((1,), "int32"), Variable(0.0)
    program = cpu([take(table, rows)], [rows], {count: count + 1.0})
    assert program([1])[0] == 2
    with pytest.raises(ExecutionError, match="Got 2"):
        program([2])
    assert count.numpy() == 1
    assert program([0])[0] == 1
    assert count.numpy() == 2


class Nested(Primitive):
    """Runs a program of the same executor inside a step."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        return inputs[0]

    def forward(self, xp: Any, x: Any) -> Any:
        return cpu([constant([1.0]) + Variable([1.0])])()[0]


def test_a_step_inside_a_step_is_refused() -> None:
    with pytest.raises(ExecutionError, match="fallback"):
        cpu([Nested()(Variable([1.0]).tensor)])()


# ---- several programs


def test_gradients_are_accumulated_by_two_programs() -> None:
    x, w = placeholder((4, 3)), Variable(np.ones((3, 2)), name="w")
    total = Variable(np.zeros((3, 2)), name="total")
    accumulate = cpu([], [x], {total: total + x.reshape(3, 4) @ x[:, :2]})
    apply = cpu([], [], {w: w - 0.5 * total.tensor, total: total * 0.0})
    batches = np.random.default_rng(0).normal(size=(3, 4, 3)).astype(np.float32)
    expected = np.ones((3, 2))
    for _ in range(2):
        for batch in batches:
            accumulate(batch)
        apply()
        expected -= 0.5 * sum(batch.reshape(3, 4) @ batch[:, :2] for batch in batches)
    np.testing.assert_allclose(w.numpy(), expected, rtol=1e-5, atol=1e-5)
    assert not total.numpy().any()


def test_programs_that_move_each_others_variables() -> None:
    """Each of them wants the same variables in another order."""
    slopes = [constant(np.ones(n)) for n in (3, 1, 17)]
    descent, expected = Descent((3,), (1,), (17,)), Descent((3,), (1,), (17,))
    forwards = cpu([], [], descent.updates(slopes))
    forwards()
    moves = Variable.moves
    turned = Descent((17,), (1,), (3,))
    turned.parameters, turned.speeds = descent.parameters[::-1], descent.speeds[::-1]
    backwards = cpu([], [], turned.updates(slopes[::-1]))
    assert Variable.moves > moves
    for program in (forwards, backwards, backwards, forwards):
        program()
    by_reference = REFERENCE.compile([], [], expected.updates(slopes))
    for _ in range(5):
        by_reference()
    for ours, theirs in zip(descent.variables, expected.variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6, atol=1e-6)


def test_a_variable_that_moves_is_found() -> None:
    v, other = Variable([1.0, 2.0]), Variable([0.0])
    program = cpu([v * 2.0], [], {v: v + 1.0})
    program()
    table = program._table
    other.move(np.zeros(1, np.float32))
    program()
    assert program._table is table  # a stranger's move costs nothing
    v.move(np.zeros(2, np.float32))
    np.testing.assert_array_equal(program()[0], [6, 8])
    np.testing.assert_array_equal(v.numpy(), [4, 5])
    v.assign([10.0, 20.0])
    np.testing.assert_array_equal(program()[0], [20, 40])


def test_python_threads_take_turns() -> None:
    """Programs of one executor, and of another one, from several threads."""
    executors = [CPU, CPU, CpuExecutor(threads=2), CPU]
    counts = [Variable(np.zeros(n), name=f"count{n}") for n in range(2, 6)]
    programs = [
        executor.compile([count.tensor], [], {count: count + 1.0})
        for executor, count in zip(executors, counts, strict=True)
    ]
    seen: list[list[float]] = [[] for _ in programs]

    def work(number: int) -> None:
        for _ in range(50):
            seen[number].append(float(programs[number]()[0][0]))
            if number == 3:  # programs are made meanwhile, and move variables
                cpu([], [], Descent((3,), (4,)).updates([constant(np.ones(n)) for n in (3, 4)]))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(programs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [list(range(50))] * len(programs)


# ---- threads and parts


def test_many_steps_go_at_once_where_those_before_were_short(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count = Variable(0.0, name="count")
    program = CpuExecutor(threads=1).compile([], [], {count: count + 1.0})
    steps: list[int] = []
    run = team._Crew.run

    def counted(crew: Any, job: Any, number: int) -> int:
        steps.append(number)
        return run(crew, job, number)

    monkeypatch.setattr(team.time, "perf_counter", lambda: 0.0)  # every step is short
    monkeypatch.setattr(team._Crew, "run", counted)
    program.run([], 15)
    program.run([], 12)
    assert steps == [1, 2, 4, 8, 12]
    assert count.numpy() == 27


def test_the_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "WORK_OF_A_MEETING", 1)  # all of them take part
    results = [
        results_of(CpuExecutor(threads, parts=4), training_step([40, 35, 20, 5], 33), steps=3)
        for threads in (1, 2, 3)
    ]
    equal(results[0], results[1])
    equal(results[0], results[2])


def test_any_number_of_parts_is_right() -> None:
    results = [
        results_of(CpuExecutor(1, parts), training_step([40, 35, 20, 5], 33), steps=2)
        for parts in (1, 3, 8)
    ]
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("work_of_a_meeting", [1, 10**9])
def test_threads_set_before_and_after_a_program_is_made_change_no_bit(
    work_of_a_meeting: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(costs, "WORK_OF_A_MEETING", work_of_a_meeting)
    monkeypatch.setattr(threads, "_chosen", [])
    x = placeholder((33, 40))
    batch = np.random.default_rng(0).normal(size=x.shape)
    results, parts = [], set()
    for before, after in [(1, 1), (1, 3), (4, 1), (16, 2)]:
        set_num_threads(before)
        executor = CpuExecutor()
        w = Variable(np.ones((40, 7)), name="w")
        y = (x @ w).tanh()
        program = executor.compile([y.sum()], [x], {w: w + x.T @ y * 0.01})
        program(batch)
        set_num_threads(after)
        assert executor.threads == after
        results.append([*program(batch), w.numpy()])
        parts.add(executor.parts)
    assert len(parts) == 1
    for other in results[1:]:
        equal(results[0], other)


def test_settings_say_what_decides_the_bits() -> None:
    executor = CpuExecutor(threads=1)
    assert executor.settings() == {"parts": 4}
    assert CpuExecutor(threads=6).settings() == {"parts": 8}
    assert executor.with_settings({"parts": 4}) is executor
    assert executor.with_settings({}) is executor
    other = executor.with_settings({"parts": 2})
    assert (other.parts, other.threads) == (2, 1)
