"""The programs: what they say of themselves is true of them. None of them is trained here."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from benchmarks.faults.program import Examples, Fault, Program, improvement
from benchmarks.faults.programs import HALVES, programs
from glassgrad.layers import Dense, Input
from glassgrad.lens.doctor.finding import FAULTS
from glassgrad.losses import BinaryCrossentropy
from glassgrad.models import Model, Sequential

PROGRAMS = [program for half in HALVES for program in programs(half)]
PAIRS = [(program, fault) for program in PROGRAMS for fault in program.faults]


def name_of(argument: Any) -> str:
    return str(argument.name)


@pytest.mark.parametrize("half", HALVES)
def test_a_half_has_all_faults_and_every_kind_of_network(half: str) -> None:
    mine = [program for program in PROGRAMS if program.half == half]
    faults = [fault for program in mine for fault in program.faults]
    assert {fault.code for fault in faults} == set(FAULTS)
    assert len(mine) >= 14
    assert len(faults) >= 34
    assert sum(fault.why.startswith("Two faults") for fault in faults) >= 4
    assert {program.network for program in mine} == {"mlp", "cnn", "recurrent", "transformer"}
    assert {program.task for program in mine} == {"classification", "regression"}
    assert {program.data for program in mine} == {"image", "tabular", "sequence", "text"}


def test_names_are_those_of_the_files_and_no_two_are_the_same_in_a_half() -> None:
    for program in PROGRAMS:
        module = import_module(f"benchmarks.faults.programs.{program.half}.{program.name}")
        assert module.PROGRAM is program
        assert module.__doc__
    for program in PROGRAMS:
        names = [fault.name for fault in program.faults]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("fault", [fault for _, fault in PAIRS], ids=name_of)
def test_codes_are_those_of_the_catalogue_and_a_second_one_has_its_reason(fault: Fault) -> None:
    assert {fault.code, *fault.also} <= set(FAULTS)
    assert fault.code not in fault.also
    assert fault.choices
    if fault.also or not fault.mendable:
        assert fault.why


@pytest.mark.parametrize("program", PROGRAMS, ids=name_of)
def test_every_program_and_each_of_its_faults_can_be_made(program: Program) -> None:
    healthy = program.prepare(0)
    parameters = [one for f in (program.load, program.build) for one in parameters_of(f)]
    for fault in program.faults:
        sick = program.prepare(0, fault)
        assert sick.model.optimizer is not None
        assert sick.examples.x.shape[1:] == healthy.examples.x.shape[1:]
        assert fault.layer is None or fault.layer in [one.name for one in sick.model.layers]
        assert set(fault.choices) <= {*parameters, "epochs", "batch_size", "fit"}
        for name, value in fault.choices.items():
            assert value is not default(program, name), f"{name} is what a healthy one has"


def parameters_of(function: Any) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(function).parameters)


def default(program: Program, name: str) -> Any:
    both = {**parameters_of(program.build), **parameters_of(program.load)}
    return both[name].default if name in both else getattr(program, name)


@pytest.mark.parametrize("program", PROGRAMS, ids=name_of)
def test_the_seed_decides_the_data_and_the_weights(program: Program) -> None:
    first, second = (program.prepare(1) for _ in range(2))
    for one, two in zip(vars(first.examples).values(), vars(second.examples).values(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first.examples.x, program.load(2).x)
    if not first.model.built:  # a model of one's own, which is built by its first call
        return
    for one, two in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(ValueError, match=r"digits_mlp has no choice of the name colour\."):
        PROGRAMS_BY_NAME["digits_mlp"].prepare(0, Fault("red", "dead_units", {"colour": "red"}))


PROGRAMS_BY_NAME = {program.name: program for program in PROGRAMS}


def test_what_is_made_anew_for_each_training_is_made_anew() -> None:
    program = PROGRAMS_BY_NAME["day_curve"]
    first, second = (program.prepare(0).fit["callbacks"] for _ in range(2))
    assert first[0] is not second[0]
    assert program.prepare(0, program.faults[0]).fit == {"validation_split": 0.25, "callbacks": []}


# ---- above chance


class Says:
    """A network that says what it is told to."""

    def __init__(self, output: Any, loss: Any = "mse") -> None:
        self.output, self.loss = np.array(output, "float32"), loss

    def predict(self, x: Any, verbose: int) -> Any:
        return self.output


@pytest.mark.parametrize(
    "output, target, task, expected",
    [
        ([[0.1], [0.9], [0.8], [0.2]], [0, 1, 1, 0], "classification", 0.5),
        ([[0.1], [0.9], [0.8], [0.2]], [0, 1, 0, 0], "classification", 0.0),
        ([[-1.1], [2.0], [0.4], [-0.2]], [-1, 1, 1, -1], "classification", 0.5),
        ([[0.4], [0.6], [2.2], [7.0]], [0, 1, 2, 2], "classification", 0.5),
        ([[3, 1, 0], [0, 1, 0], [0, 0, 9]], [0, 1, 2], "classification", 2 / 3),
        ([[3, 1], [0, 1]], [[1, 0], [0, 1]], "classification", 0.5),
        ([[[3, 1], [0, 1]]], [[0, 1]], "classification", 0.5),
        ([[3, 1], [0, 1]], [[0], [1]], "classification", 0.5),
        ([[1.0], [2.0], [3.0]], [1, 2, 3], "regression", 1.0),
        ([[2.0], [2.0], [2.0]], [1, 2, 3], "regression", 0.0),
        ([[9.0], [2.0], [2.0]], [1, 2, 3], "regression", 0.0),
        ([[np.nan], [2.0], [2.0]], [1, 2, 3], "regression", 0.0),
        ([[np.nan, 1], [1, 0]], [0, 0], "classification", 0.0),
    ],
)
def test_improvement_over_chance(output: Any, target: Any, task: Any, expected: float) -> None:
    examples = Examples(np.zeros(0), np.zeros(0), np.zeros(0), np.array(target))
    model: Any = Says(output)
    assert improvement(model, examples, task) == pytest.approx(expected)


def test_a_logit_says_yes_from_0_on() -> None:
    model: Any = Says([[-0.2], [0.3]], BinaryCrossentropy(from_logits=True))
    examples = Examples(np.zeros(0), np.zeros(0), np.zeros(0), np.array([0, 1]))
    assert improvement(model, examples, "classification") == 0.5


def test_improvement_of_a_network() -> None:
    model: Model = Sequential([Input((1,)), Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse", executor="reference")
    x = np.linspace(-1, 1, 5, dtype="float32")[:, None]
    assert improvement(model, Examples(x, x, x, x), "regression") == 1.0
