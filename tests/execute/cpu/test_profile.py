"""What a step's time is spent on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from glassgrad.errors import ExecutionError, ShapeError, UnknownNameError
from glassgrad.execute.cpu.profile import Profile, Timing, measured
from glassgrad.execute.reference import ReferenceExecutor
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
    assert " dense_0 " in text
    assert text.splitlines()[-1].startswith("the step ")
    assert max(map(len, text.splitlines())) <= 100
    assert 0 < profile.step_seconds < 1
    assert 0 < profile.call_seconds < 1


TIMINGS = (
    Timing("loop", "a", 10, 100, 1e-6),
    Timing("product", "a backward", 90, 300, 3e-6),
    Timing("loop", "", 100, 0, 4e-6),
)
PROFILE = Profile(TIMINGS, step_seconds=1e-5, call_seconds=1.5e-5, peak=1e8)


def test_groups_add_up() -> None:
    assert PROFILE.launches.seconds == pytest.approx(8e-6)
    assert PROFILE.step.flop_per_second == pytest.approx(2e7)
    assert PROFILE.kinds["loop"].seconds == pytest.approx(5e-6)
    assert (PROFILE.kinds["loop"].flop, PROFILE.kinds["loop"].moved) == (110, 100)
    assert list(PROFILE.layers) == ["a", "a backward", ""]
    line = next(line for line in str(PROFILE).splitlines() if line.startswith("a backward "))
    assert line.split() == ["a", "backward", "3.00", "30.0", "0.03", "30.0", "0.10"]
    totals = [line.split()[-5:] for line in str(PROFILE).splitlines()[-2:]]
    assert totals[0] == ["8.00", "80.0", "0.03", "25.0", "0.05"]
    assert totals[1] == ["10.00", "100.0", "0.02", "20.0", "0.04"]


def test_the_heading_says_how_fast_the_step_is() -> None:
    assert str(PROFILE).splitlines()[:2] == [
        "a step: 10.00 us, called from Python 15.00 us; 3 launches",
        "200 FLOP, 20.0 MFLOP/s: 20.0 % of the peak, 100.0 MFLOP/s by a float32 matrix product",
    ]


@pytest.mark.parametrize(
    "sort, first", [("order", "1"), ("time", "3"), ("flop", "3"), ("bytes", "2")]
)
def test_rows_are_sorted(sort: str, first: str) -> None:
    lines = PROFILE.table(sort=sort).splitlines()
    assert lines[lines.index("") + 2].split()[0] == first


def test_an_unknown_order_is_named() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'time'"):
        PROFILE.table(sort="times")


@pytest.mark.parametrize(
    "width, name", [(40, "…er_with_a_long_name "), (120, " the_network/the_layer")]
)
def test_long_names_keep_their_end(width: int, name: str) -> None:
    timing = Timing("loop", "the_network/the_layer_with_a_long_name", 1, 1, 1e-6)
    table = Profile([timing], 1e-6, 1e-6, 1e9).table(width)
    assert name in table
    assert max(map(len, table.splitlines()[3:])) <= max(80, width)


def test_a_profile_as_plain_data() -> None:
    document = json.loads(json.dumps(PROFILE.as_dict()))
    assert document["launches"][1]["layer"] == "a backward"
    assert document["kinds"]["loop"]["moved"] == 100
    assert document["share_of_peak"] == pytest.approx(0.2)


def test_a_program_of_nothing_has_no_time() -> None:
    x = placeholder((3,))
    assert cpu([x], [x]).profile(np.ones(3)).launches.seconds == 0
    assert "the step" in str(Profile([], 0.0, 0.0, peak=1.0))


def test_what_is_short_is_repeated() -> None:
    asked: list[int] = []
    assert measured(asked.append) >= 0
    assert asked == [1, 4, 16, 64, 256, 1024, *[1024] * 4]


def test_other_executors_have_nothing_to_measure() -> None:
    x = placeholder((3,))
    program = ReferenceExecutor().compile([x + 1.0], [x])
    with pytest.raises(ExecutionError, match="Only programs of the cpu executor"):
        program.profile(np.ones(3))


def test_faults_are_those_of_a_step() -> None:
    x, rows = placeholder((2, 3)), placeholder((1,), "int32")
    program = cpu([take(x, rows)], [x, rows])
    with pytest.raises(ExecutionError, match="Got 2"):
        program.profile(np.ones((2, 3)), [2])
    with pytest.raises(ShapeError, match="2 arrays"):
        program.profile(np.ones((2, 3)))
