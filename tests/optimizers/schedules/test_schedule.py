"""What all schedules have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.errors import ArgumentError, GraphError, ShapeError, UnknownNameError
from glassgrad.execute.cpu.program import CpuExecutor
from glassgrad.graph import Tensor, Trace, Variable, tracing
from glassgrad.optimizers import SGD, Adam, schedules
from glassgrad.optimizers.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    LinearWarmup,
    OneCycle,
    PiecewiseConstantDecay,
    PolynomialDecay,
    StepDecay,
)

SCHEDULES: dict[str, LearningRateSchedule] = {
    "exponential": ExponentialDecay(0.1, 7, 0.5),
    "stairs": ExponentialDecay(0.1, 7, 0.5, staircase=True),
    "inverse time": InverseTimeDecay(0.1, 7, 0.5),
    "inverse stairs": InverseTimeDecay(0.1, 7, 0.5, staircase=True),
    "piecewise": PiecewiseConstantDecay([3, 9], [0.1, 0.05, 0.01]),
    "step": StepDecay(0.1, 5, 0.5),
    "polynomial": PolynomialDecay(0.1, 11, 0.01, 2.0),
    "cycles": PolynomialDecay(0.1, 7, 0.01, cycle=True),
    "cosine": CosineDecay(0.1, 11, 0.1),
    "warm cosine": CosineDecay(0.01, 11, warmup_target=0.1, warmup_steps=4),
    "restarts": CosineDecayRestarts(0.1, 5, m_mul=0.5),
    "even restarts": CosineDecayRestarts(0.1, 5, t_mul=1.0, alpha=0.1),
    "warm-up": LinearWarmup(CosineDecay(0.1, 11), 4, 0.01),
    "warm number": LinearWarmup(0.1, 4),
    "one cycle": OneCycle(0.1, 20),
}


def test_every_schedule_is_tried() -> None:
    known = {getattr(schedules, name) for name in schedules.__all__ if name[0].isupper()}
    assert {type(one) for one in SCHEDULES.values()} == known - {LearningRateSchedule}


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_many_steps_at_once_are_as_one_by_one(schedule: LearningRateSchedule) -> None:
    together = schedule(np.arange(30)).numpy()
    assert together.tolist() == [float(schedule(step)) for step in range(30)]
    assert (together >= 0).all()
    assert (together <= 0.1 + 1e-15).all()
    assert float(schedule(Variable(7, dtype="int64"))) == together[7]


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_a_program_follows_the_schedule_step_by_step(schedule: LearningRateSchedule) -> None:
    w, optimizer = Variable([0.0], dtype="float64"), SGD(schedule)
    with tracing(Trace()) as trace:
        optimizer.apply([[1.0]], [w])
    program = CpuExecutor(threads=1).compile([], [], trace.updates)
    assert "reference" not in program.describe()
    rates = schedule(np.arange(30)).numpy()
    for step in range(30):
        assert float(optimizer.learning_rate) == pytest.approx(rates[step], rel=1e-12, abs=1e-15)
        before = w.item()
        program()
        assert before - w.item() == pytest.approx(rates[step], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES)
def test_configurations(schedule: LearningRateSchedule) -> None:
    optimizer = Adam.from_config(Adam(schedule).get_config())
    made = schedules.deserialize(schedules.serialize(schedule))
    assert type(made) is type(schedule)
    assert made.get_config() == schedule.get_config()
    assert optimizer.get_config() == Adam(made).get_config()
    steps = np.arange(30)
    assert made(steps).numpy().tolist() == schedule(steps).numpy().tolist()
    assert repr(schedule) in repr(optimizer)


class Halving(LearningRateSchedule):
    def __init__(self, first: float) -> None:
        self.first = first

    def __call__(self, step: Any) -> Any:  # as one writes it for Keras
        return self.first / (step + 1.0)


def test_a_schedule_of_ones_own() -> None:
    w, optimizer = Variable([0.0], dtype="float64"), SGD(Halving(1.0))
    for _ in range(3):
        optimizer.apply([[1.0]], [w])
    assert w.numpy() == pytest.approx(-(1 + 1 / 2 + 1 / 3))
    assert optimizer.get_config()["learning_rate"] == {
        "class_name": "Halving",
        "config": {"first": 1.0},
    }
    warm = LinearWarmup(Halving(1.0), 2)
    assert warm([0, 1, 2, 3]).numpy().tolist() == [0.0, 0.5, 1.0, 0.5]


class Constant(LearningRateSchedule):
    def rate(self, step: Tensor) -> Any:
        return 0.25


def test_a_plain_number_is_a_rate() -> None:
    optimizer = SGD(Constant())
    w = Variable([1.0])
    optimizer.apply([[1.0]], [w])
    assert w.numpy() == 0.75
    assert optimizer.learning_rate.dtype == "float64"


class Deciding(LearningRateSchedule):
    def rate(self, step: Tensor) -> Any:
        return 0.1 if step < 10.0 else 0.01


class Forgetful(LearningRateSchedule):
    def rate(self, step: Tensor) -> Any:
        step * 2.0


class Vector(LearningRateSchedule):
    def rate(self, step: Tensor) -> Any:
        return [0.1, 0.2]


@pytest.mark.parametrize(
    "schedule, error, message",
    [
        (Deciding(), GraphError, "ops.where"),
        (Forgetful(), GraphError, "return"),
        (Vector(), ShapeError, r"one number for a step. Got shape \(2,\)"),
        (LearningRateSchedule(), NotImplementedError, "must write rate"),
    ],
)
def test_what_cannot_be_a_rate_is_refused(
    schedule: LearningRateSchedule, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        SGD(schedule).apply([[1.0]], [Variable([1.0])])


def test_a_schedule_decides_alone() -> None:
    optimizer = SGD(StepDecay(0.5, 2, 0.5))
    with pytest.raises(ArgumentError, match=r"follows StepDecay.*Got 0.1; make the optimizer"):
        optimizer.learning_rate = 0.1
    assert [v.name for v in optimizer.variables] == ["iterations"]
    optimizer.learning_rate = Constant()
    assert float(optimizer.learning_rate) == 0.25


def test_a_schedule_can_take_the_place_of_a_number_before_the_first_step() -> None:
    optimizer, w = SGD(0.1), Variable([1.0])
    optimizer.learning_rate = Constant()
    optimizer.apply([[1.0]], [w])
    assert w.numpy() == 0.75
    with pytest.raises(ArgumentError, match="before the first step"):
        optimizer.learning_rate = StepDecay(0.5, 2)


def test_names() -> None:
    assert schedules.get(None) is None
    config = {"class_name": "StepDecay", "config": {"initial_learning_rate": 0.5, "step_size": 2}}
    assert isinstance(SGD(config).get_config()["learning_rate"], dict)
    with pytest.raises(UnknownNameError, match="'CosineDecay'"):
        schedules.deserialize({"class_name": "CosinDecay", "config": {}})
    with pytest.raises(UnknownNameError, match="decay_step"):
        schedules.deserialize({"class_name": "CosineDecay", "config": {"decay_step": 1}})


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: ExponentialDecay(-0.1, 10, 0.5), "initial_learning_rate must be a number from 0"),
        (lambda: ExponentialDecay(0.1, 0, 0.5), "decay_steps must be a number above 0. Got 0"),
        (lambda: ExponentialDecay(0.1, 10, float("nan")), "decay_rate"),
        (lambda: InverseTimeDecay(0.1, -1, 0.5), "decay_steps"),
        (lambda: InverseTimeDecay("fast", 1, 0.5), "Got 'fast'"),  # type: ignore[arg-type]
        (lambda: PolynomialDecay(0.1, 0), "decay_steps"),
        (lambda: PolynomialDecay(0.1, 10, -0.1), "end_learning_rate"),
        (lambda: PolynomialDecay(0.1, 10, power=-1.0), "power"),
        (lambda: PiecewiseConstantDecay([1, 2], [0.1, 0.2]), "Got 2 boundaries and 2 values"),
        (lambda: PiecewiseConstantDecay([2, 2], [0.1, 0.2, 0.3]), r"must rise. Got \[2.0, 2.0\]"),
        (lambda: PiecewiseConstantDecay([2], [0.1, -0.2]), "Each of values"),
        (lambda: PiecewiseConstantDecay(["a"], [0.1, 0.2]), "Each of boundaries"),  # type: ignore[list-item]
        (lambda: StepDecay(0.1, 0), "step_size must be a whole number from 1"),
        (lambda: StepDecay(0.1, 10, -0.5), "factor"),
        (lambda: CosineDecay(0.1, 0), "decay_steps"),
        (lambda: CosineDecay(0.1, 10, 1.5), r"alpha must lie in \[0, 1\]. Got 1.5"),
        (lambda: CosineDecay(0.1, 10, warmup_target=-1.0), "warmup_target"),
        (lambda: CosineDecay(0.1, 10, warmup_steps=1.5), "warmup_steps"),  # type: ignore[arg-type]
        (lambda: CosineDecayRestarts(0.1, 0), "first_decay_steps"),
        (lambda: CosineDecayRestarts(0.1, 10, t_mul=0.5), "t_mul must be a number from 1. Got 0.5"),
        (lambda: CosineDecayRestarts(0.1, 10, m_mul=-1.0), "m_mul"),
        (lambda: OneCycle(0.1, 1), "total_steps must be a whole number from 2"),
        (lambda: OneCycle(0.1, 10, pct_start=1.0), r"pct_start must lie in \(0, 1\)"),
        (lambda: OneCycle(0.1, 10, div_factor=0.0), "div_factor"),
        (lambda: LinearWarmup(0.1, 0), "warmup_steps"),
        (lambda: LinearWarmup(None, 5), "schedule must be a number from 0. Got None"),  # type: ignore[arg-type]
        (lambda: LinearWarmup(0.1, 5, -1.0), "start_learning_rate"),
    ],
)
def test_bad_numbers_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()
