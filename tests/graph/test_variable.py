from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.errors import DtypeError, GraphError, ShapeError
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import Tensor, Trace, Variable, constant, tracing, walk


def test_a_value_is_copied_in_and_out() -> None:
    source = np.array([1.0, 2.0], np.float32)
    v = Variable(source)
    source[:] = 9
    v.numpy()[:] = 9
    np.asarray(v)[:] = 9
    np.testing.assert_array_equal(v.numpy(), [1, 2])


def test_a_variable_is_looked_at_like_a_tensor() -> None:
    v = Variable([[2.5]])
    assert (v.shape, v.ndim, v.size, v.dtype) == ((1, 1), 2, 1, np.dtype("float32"))
    assert v.item() == float(v) == 2.5
    with pytest.raises(ShapeError, match="single element"):
        Variable([1.0, 2.0]).item()


def test_assign_copies() -> None:
    v, source = Variable([1.0, 2.0]), np.array([3.0, 4.0], np.float32)
    v.assign(source)
    source[:] = 9
    np.testing.assert_array_equal(v.numpy(), [3, 4])


@pytest.mark.parametrize(
    "value",
    [[5, 6], np.array([5.0, 6.0]), Tensor([5.0, 6.0]), Variable([5.0, 6.0]), (5.0, 6.0)],
)
def test_assign_takes_numbers_of_every_kind(value: Any) -> None:
    v = Variable([1.0, 2.0])
    v.assign(value)
    np.testing.assert_array_equal(v.numpy(), np.array([5, 6], np.float32), strict=True)


@pytest.mark.parametrize("value", [1.0, [1.0], [[1.0, 2.0]], [1.0, 2.0, 3.0]])
def test_assign_keeps_the_shape(value: Any) -> None:
    v = Variable([1.0, 2.0], name="w")
    with pytest.raises(ShapeError, match=r"'w' has shape \(2,\)"):
        v.assign(value)
    np.testing.assert_array_equal(v.numpy(), [1, 2])


@pytest.mark.parametrize("value", [2**40, 2.5, float("nan"), 1j, "a"])
def test_assign_refuses_what_the_dtype_cannot_hold(value: Any) -> None:
    v = Variable(1, name="count")
    with pytest.raises(DtypeError, match="Got"):
        v.assign(value)
    assert v.item() == 1


def test_it_tells_what_it_is() -> None:
    v = Variable([1.0, 2.0], name="w", trainable=False)
    assert (v.shape, v.dtype, v.trainable) == ((2,), np.dtype("float32"), False)
    assert repr(v) == "<Variable 'w' float32[2], not trainable>"
    assert str(v) == str(v.numpy())


def test_variables_are_compared_by_identity() -> None:
    v, w = Variable([1.0]), Variable([1.0])
    assert v != w
    assert v in [w, v]
    assert len({v, w, v}) == 2


def test_reading_twice_is_one_node() -> None:
    v = Variable([1.0, 2.0])
    assert len(walk([v * v])) == 2
    assert v.tensor is v.tensor


def test_a_variable_is_read_when_the_graph_runs() -> None:
    v = Variable([1.0, 2.0])
    program = ReferenceExecutor().compile([v * 2])
    v.assign([3.0, 4.0])
    np.testing.assert_array_equal(program()[0], [6, 8])


def test_operators_work_on_variables() -> None:
    v = Variable([[1.0, -2.0]])
    for result, expected in [
        (v + 1, [[2, -1]]),
        (1 - v, [[0, 3]]),
        (v @ [[1.0], [1.0]], [[-1]]),
        (-v, [[-1, 2]]),
        (v.T, [[1], [-2]]),
        (v.relu(), [[1, 0]]),
        (v[0, 1:], [-2]),
        (v.sum(), -1),
        (v > 0, [[True, False]]),
    ]:
        np.testing.assert_array_equal(result.numpy(), expected)


def test_moving_keeps_the_value() -> None:
    v, moves = Variable([1.0, 2.0]), Variable.moves
    memory = np.zeros(2, np.float32)
    v.move(memory)
    v.assign([3.0, 4.0])
    np.testing.assert_array_equal(memory, [3, 4])
    assert Variable.moves == moves + 1


# ---- in a trace


def test_an_update_is_seen_by_what_comes_after_it() -> None:
    v = Variable([1.0])
    with tracing(Trace()) as trace:
        before = v.tensor
        v.assign(v + 1)
        after = v * 10
        v.assign(v * 2)
    assert v.tensor is before
    (program,) = [ReferenceExecutor().compile([before, after], updates=trace.updates)]
    assert [array.item() for array in program()] == [1, 20]
    assert v.numpy() == 4
    assert [array.item() for array in program()] == [4, 50]
    assert v.numpy() == 10


def test_nothing_changes_while_tracing() -> None:
    v, w = Variable([1.0]), Variable([5.0])
    with tracing(Trace()) as trace:
        v.assign(constant([7.0]))
        w.assign(v)  # what v will be
    assert v.numpy() == 1
    assert w.numpy() == 5
    assert set(trace.updates) == {v, w}
    ReferenceExecutor().compile([], updates=trace.updates)()
    assert (v.numpy(), w.numpy()) == (7, 7)


@pytest.mark.parametrize(
    "value, message",
    [
        (constant([1.0]), r"'w' must be float32\[2\]. Got float32\[1\]"),
        (constant([1.0, 2.0], "float64"), r"Got float64\[2\]"),
    ],
)
def test_an_update_has_the_variables_form(value: Tensor, message: str) -> None:
    v = Variable([1.0, 2.0], name="w")
    with tracing(Trace()), pytest.raises(GraphError, match=message):
        v.assign(value)


def test_numbers_are_assigned_at_once_even_in_a_trace() -> None:
    v = Variable([1.0])
    with tracing(Trace()) as trace:
        v.assign([2.0])
    assert not trace.updates
    assert v.numpy() == 2


def test_adding_and_subtracting_at_once_and_in_a_trace() -> None:
    v = Variable([1.0, 2.0])
    v.assign_add([1.0, 1.0])
    v.assign_sub(0.5)
    np.testing.assert_array_equal(v.numpy(), [1.5, 2.5])
    with tracing(Trace()) as trace:
        v.assign_add(constant([1.0, 1.0]))
        v.assign_add(1.0)
    np.testing.assert_array_equal(v.numpy(), [1.5, 2.5])
    ReferenceExecutor().compile([], updates=trace.updates)()
    np.testing.assert_array_equal(v.numpy(), [3.5, 4.5])


def test_what_is_added_has_the_variables_form() -> None:
    with pytest.raises(ShapeError, match=r"has shape \(2,\)"):
        Variable([1.0, 2.0]).assign_add(np.ones((3, 2), "float32"))
