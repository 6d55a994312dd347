"""The record of trials: what is run once, what is refused, and what the budget has no room for."""

from __future__ import annotations

import numpy as np
import pytest

from glassgrad.layers import Dense, Input
from glassgrad.lens.doctor.finding import Remedy
from glassgrad.lens.doctor.repair.candidates import BUNDLES
from glassgrad.lens.doctor.repair.clinic import Clinic
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.trials import Trials
from glassgrad.lens.doctor.repair.ward import ward_for
from glassgrad.models import Sequential
from glassgrad.random_seed import seeded

X = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")


@pytest.fixture
def trials() -> Trials:
    return Trials(clinic(budget=8.0))


def clinic(budget: float) -> Clinic:
    ward = ward_for((X, Y), None, "binary_crossentropy", 8, 0)
    return Clinic(ward, 2 * len(ward.whole), budget)


@pytest.fixture
def regimen() -> Regimen:
    with seeded(1):
        model = Sequential([Input((3,)), Dense(1, "sigmoid")])
    model.compile("adam", "binary_crossentropy", executor="reference")
    return Regimen.of(model, 2, 8, seed=0)


def test_a_run_is_made_once(trials: Trials, regimen: Regimen) -> None:
    rate = Remedy("learning_rate", "", value=3.0)
    first = trials.short(regimen, [rate])
    cost = trials.clinic.cost
    assert cost > 0
    assert trials.short(regimen, [rate]) is first
    assert trials.short(first.regimen) is first
    assert trials.clinic.cost == cost
    assert len(trials.record) == 1


def test_a_remedy_that_does_not_apply_costs_nothing(trials: Trials, regimen: Regimen) -> None:
    found = trials.short(regimen, [Remedy("thaw", "")])
    assert (found.value, trials.clinic.cost) == (-1.0, 0.0)
    assert trials.record[0].refused == "no layer is frozen"
    assert trials.short(regimen).error is None  # it says nothing of the network as it was


def test_of_several_remedies_those_that_apply_are_taken(trials: Trials, regimen: Regimen) -> None:
    trials.short(regimen, BUNDLES[1])
    assert trials.record[0].title == "standardize + initializer + clip 1"


def test_what_is_too_costly_is_not_run(regimen: Regimen) -> None:
    poor = Trials(clinic(budget=1.7))
    assert poor.full(regimen).error == "the budget is spent"
    assert poor.clinic.cost == 0
    assert poor.record == []


def test_what_is_kept_is_marked(trials: Trials, regimen: Regimen) -> None:
    first = trials.keep(trials.short(regimen, [Remedy("clip", "", value=1.0)]))
    trials.short(regimen, [Remedy("decay", "")])
    last = trials.short(first.regimen, [Remedy("warm_up", "")])
    assert trials.kept == {("clip", None)}
    trials.mark_the_way_to(last)
    assert [trial.is_kept for trial in trials.record] == [True, False, True]
