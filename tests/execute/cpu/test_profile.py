"""What a step's time is spent on."""

from __future__ import annotations

import numpy as np
import pytest

from glassgrad.errors import ExecutionError, ShapeError
from glassgrad.execute.cpu.profile import Profile, Timing, measured
from glassgrad.graph import placeholder
from glassgrad.ops import take
from tests.execute.cpu.comparison import cpu
from tests.execute.cpu.networks import training_step


def test_every_launch_is_measured_and_nothing_changes() -> None:
    case = training_step([6, 5, 3], 4, dropout=0.5)
    program = cpu(case.outputs, case.inputs, case.updates)
    before = [variable.numpy() for variable in case.variables]
    profile = program.profile(*case.arrays)
    for variable, value in zip(case.variables, before, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)
    assert len(profile.timings) == len(program.plan.launches)
    assert all(0 < timing.seconds < 1 for timing in profile.timings)
    assert profile.peak > 1e8
    assert {"dense_0", "dense_1 backward", "optimizer/adam"} <= set(profile.layers)
    text = str(profile)
    assert "product" in text
    assert "[dense_0]" in text
    assert text.splitlines()[-1].startswith("all ")


def test_groups_add_up() -> None:
    timings = [Timing("loop", "a", 10, 1e-6), Timing("product", "a", 90, 3e-6)]
    profile = Profile([*timings, Timing("loop", "", 100, 4e-6)], peak=1e8)
    assert profile.seconds == pytest.approx(8e-6)
    assert profile.layers["a"].operations == 100
    assert profile.kinds["loop"].seconds == pytest.approx(5e-6)
    line = next(line for line in str(profile).splitlines() if line.startswith("a "))
    assert line.split() == ["a", "4.00", "50.0", "0.03", "25.0"]


def test_a_program_of_nothing_has_no_time() -> None:
    x = placeholder((3,))
    assert cpu([x], [x]).profile(np.ones(3)).seconds == 0
    assert "all" in str(Profile([], peak=1.0))


def test_what_is_short_is_repeated() -> None:
    asked: list[int] = []
    assert measured(asked.append) >= 0
    assert asked[0] == 1
    assert asked[1:] == [1000] * 3


def test_faults_are_those_of_a_step() -> None:
    x, rows = placeholder((2, 3)), placeholder((1,), "int32")
    program = cpu([take(x, rows)], [x, rows])
    with pytest.raises(ExecutionError, match="Got 2"):
        program.profile(np.ones((2, 3)), [2])
    with pytest.raises(ShapeError, match="2 arrays"):
        program.profile(np.ones((2, 3)))
