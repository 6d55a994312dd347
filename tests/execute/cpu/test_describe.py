"""A plan can be read."""

from __future__ import annotations

import numpy as np
import pytest

from glassgrad.execute.cpu.describe import describe
from glassgrad.execute.cpu.plan import make_plan
from glassgrad.graph import Variable, constant, placeholder, scope
from glassgrad.ops import softmax
from glassgrad.ops.movement import Transpose
from tests.execute.cpu.comparison import Case, cpu
from tests.execute.cpu.lists import Descent
from tests.execute.cpu.networks import training_step


def described(case: Case) -> str:
    return cpu(case.outputs, case.inputs, case.updates).describe()


def test_a_training_step_can_be_read() -> None:
    text = described(training_step([6, 5, 3], 4))
    assert "maximum(x @ w0 + b0, 0)   float32[4, 5]" in text
    assert "[dense_0]" in text
    assert "[dense_1 backward]" in text
    assert "new momentum = momentum + (gradient - momentum) * 0.1" in text
    assert "new parameter = parameter - new momentum * rate / (sqrt(new velocity) + 1e-07)" in text
    assert "for each of 53 elements of 4 tensors:" in text
    assert "step ← t" in text


def test_the_heading_counts() -> None:
    x = placeholder((128, 784), label="x")
    w = Variable(np.zeros((784, 10)), name="w")
    lines = described(Case([x @ w], [x])).splitlines()
    assert lines[0] == (
        "1 launch in 4 parts, 1 barrier, 2.0 MFLOP, 437.9 kB moved, 1.3 MB of workspace"
    )
    assert lines[2].startswith("  product    a matrix product; what follows is applied")
    assert lines[3].startswith("  barrier    all threads wait")
    assert lines[5:] == [
        "  1  product    reads 432.8 kB, writes 5.1 kB, 2.0 MFLOP, barrier",
        "        t1 = x @ w   float32[128, 10]",
    ]


def test_what_is_used_once_is_written_where_it_is_used() -> None:
    x = placeholder((4, 3), label="x")
    with scope("head"):
        y = softmax(x)
    lines = described(Case([y], [x])).splitlines()[5:]
    assert lines == [
        "  1  loop       reads 48 B, writes 48 B, 60 FLOP, barrier   [head]",
        "        t2 = exp(x - max(x, axis=1, keepdims=True))   float32[4, 3]",
        "        t1 = t2 / sum(t2, axis=1, keepdims=True)   float32[4, 3]",
    ]


def test_new_values_that_are_copied() -> None:
    a, b = Variable([1.0, 2.0], name="a"), Variable([3.0, 4.0], name="b")
    lines = described(Case([], updates={a: b.tensor, b: a + 1.0})).splitlines()
    assert "        a copy ← b" in lines
    assert "        a ← b" in lines
    assert "        b ← t1" in lines


def test_a_formula_that_overwrites_nothing() -> None:
    descent = Descent((3,), (4,))
    parameters, speeds = descent.results([constant(np.ones(n)) for n in (3, 4)])
    text = described(Case([*parameters, *speeds]))
    assert "for each of 7 elements of 2 tensors:" in text
    assert "t1 = 0.5 * speed + gradient" in text
    assert "t2 = parameter - rate * t1" in text


class Turned(Transpose):
    """A user's operation; it has no kernel, whatever it inherits from."""


def test_what_has_no_kernel_says_so() -> None:
    x = placeholder((4, 3), label="x")
    text = described(Case([Turned((1, 0))(x)], [x]))
    assert "  reference  no kernel of its own: NumPy, called from the plan" in text


def test_long_formulas_are_cut() -> None:
    x = placeholder((3,), label="input_of_the_network")
    y = x
    for _ in range(20):
        y = y * 2.0 + x
    line = described(Case([y], [x])).splitlines()[-1]
    assert " …   float32[3]" in line
    assert len(line) < 200


def test_nothing_to_do() -> None:
    assert described(Case([])) == (
        "0 launches in 4 parts, 0 barriers, 0 FLOP, 0 B moved, 0 B of workspace"
    )


@pytest.mark.parametrize("parts", [1, 2])
def test_parts_are_counted(parts: int) -> None:
    x = placeholder((3,))
    expected = {1: "in 1 part,", 2: "in 2 parts,"}[parts]
    assert expected in describe(make_plan([x + 1.0], [x], {}, parts))
