from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.errors import ExecutionError, GraphError
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import Primitive, TensorSpec, Variable, constant, placeholder
from glassgrad.ops import take

COMPILE = ReferenceExecutor().compile


def test_outputs_come_in_their_order() -> None:
    x, y = placeholder((2,)), placeholder((), "float64")
    program = COMPILE([x * 2, y, x], [y, x])
    doubled, number, given = program(5.0, [1, 2])
    np.testing.assert_array_equal(doubled, np.array([2, 4], np.float32), strict=True)
    np.testing.assert_array_equal(number, np.array(5.0), strict=True)
    np.testing.assert_array_equal(given, [1, 2])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_float_type(dtype: str) -> None:
    x = placeholder((3,), dtype)
    (y,) = COMPILE([x.exp().sum()], [x])(np.zeros(3))
    assert y.dtype == dtype
    assert y == 3


def test_every_value_is_kept() -> None:
    x, w = placeholder((2,)), Variable([3.0, 4.0])
    hidden = x * w
    program = COMPILE([hidden.sum()], [x], {w: w + 1})
    program([1.0, 2.0])
    np.testing.assert_array_equal(program.values[hidden.node][0], [3, 8])
    np.testing.assert_array_equal(program.values[x.node][0], [1, 2])
    np.testing.assert_array_equal(program.values[w.tensor.node][0], [3, 4])  # as it was read
    np.testing.assert_array_equal(w.numpy(), [4, 5])


def test_results_are_the_callers_own() -> None:
    w, x = Variable([1.0, 2.0]), placeholder((2,))
    program = COMPILE([w.tensor, x, w.reshape(1, 2)], [x])
    given = np.zeros(2, np.float32)
    for result in program(given):
        result += 9
    np.testing.assert_array_equal(w.numpy(), [1, 2])
    np.testing.assert_array_equal(given, [0, 0])


def test_infinities_and_nan_are_results() -> None:
    x = placeholder((3,))
    logarithm, quotient, power = COMPILE([x.log(), 1 / x, (x * 1e3).exp()], [x])([-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(logarithm, [np.nan, -np.inf, 0])
    np.testing.assert_array_equal(quotient, [-1, np.inf, 1])
    np.testing.assert_array_equal(power, [0, 1, np.inf])


def test_updates_apply_after_all_reads() -> None:
    a, b = Variable([1.0]), Variable([10.0])
    swap = COMPILE([a + b], updates={a: b.tensor, b: a.tensor})
    assert swap()[0] == 11
    assert (a.numpy(), b.numpy()) == (10, 1)
    swap()
    assert (a.numpy(), b.numpy()) == (1, 10)


def test_an_update_may_be_a_view_of_another_variable() -> None:
    a, b = Variable([1.0, 2.0]), Variable([3.0, 4.0])
    COMPILE([], updates={a: b.reshape(2, 1).reshape(2) * 1, b: a.T})()
    np.testing.assert_array_equal(a.numpy(), [3, 4])
    np.testing.assert_array_equal(b.numpy(), [1, 2])


class Failing(Primitive):
    """Promises what it does not keep."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        return inputs[0]

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.zeros((7,), "float32")


def test_a_failing_step_changes_nothing() -> None:
    a, b = Variable([1.0]), Variable([2.0])
    program = COMPILE([], updates={a: a + 1, b: Failing()(b)})
    with pytest.raises(ExecutionError, match="Failing"):
        program()
    assert (a.numpy(), b.numpy()) == (1, 2)


def test_an_index_outside_fails_the_step() -> None:
    a, rows = Variable([1.0]), placeholder((1,), "int32")
    program = COMPILE([take(constant([1.0, 2.0]), rows)], [rows], {a: a + 1})
    with pytest.raises(ExecutionError, match="2"):
        program([2])
    assert a.numpy() == 1


def test_a_program_can_be_read() -> None:
    x, w = placeholder((2,), label="x"), Variable([1.0, 2.0], name="w")
    text = COMPILE([x * w], [x], {w: w - x}).describe()
    assert "t1 = x * w" in text
    assert "t2 = w - x" in text
    assert text.endswith("return t1, t2")


def test_a_missing_placeholder_is_named() -> None:
    x, y = placeholder((2,), label="x"), placeholder((2,), label="labels")
    with pytest.raises(GraphError, match=r"needs Placeholder\(label=labels\)"):
        COMPILE([x + y], [x])
    with pytest.raises(GraphError, match="labels"):  # in an update as well
        COMPILE([x], [x], {Variable([1.0, 2.0]): y})


def test_a_step_runs_several_times_in_one_call() -> None:
    a, x = Variable([1.0]), placeholder((1,))
    program = COMPILE([a * 2], [x], {a: a + x})
    (before,) = program.run([np.array([3.0], np.float32)], 4)
    assert (a.numpy(), before) == (13, 20)
