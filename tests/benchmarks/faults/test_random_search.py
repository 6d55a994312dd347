"""The search at random: it spends what it may, learns nothing of the fault, and can mend."""

from __future__ import annotations

import numpy as np

from benchmarks.faults import random_search as searching
from benchmarks.faults.program import Examples, Fault, Program
from benchmarks.faults.random_search import drawn, random_search
from glassgrad.layers import Dense, Input
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.ward import ward_for
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD


def load(seed: int) -> Examples:
    x = np.random.default_rng(seed).normal(size=(300, 2)).astype("float32")
    y = (x[:, 0] > x[:, 1]).astype("float32")[:, None]
    return Examples(x[:150], y[:150], x[150:], y[150:])


def build(rate: float = 0.5) -> Sequential:
    model = Sequential([Input((2,)), Dense(6, "tanh"), Dense(1, "sigmoid", name="side")])
    model.compile(SGD(rate), "binary_crossentropy", executor="reference")
    return model


PROGRAM = Program(
    name="sides",
    network="mlp",
    task="classification",
    data="tabular",
    half="test",
    load=load,
    build=build,
    epochs=16,
    batch_size=15,
    faults=(Fault("tiny-rate", "learning_rate_too_low", {"rate": 1e-7}),),
)


def test_it_mends_what_settings_can_mend_within_the_cost() -> None:
    found = random_search(PROGRAM, PROGRAM.faults[0], seed=1, cost=3.0)
    assert found.improvement > 0.3
    assert 2.6 < found.cost <= 3.0
    assert found.tried > 8


def test_the_same_seed_finds_the_same() -> None:
    first, second = (random_search(PROGRAM, PROGRAM.faults[0], 2, 1.6) for _ in range(2))
    assert first == second


def test_the_smallest_cost_is_enough_for_one_setting() -> None:
    found = random_search(PROGRAM, PROGRAM.faults[0], seed=0, cost=1.2)
    assert found.tried >= 1
    assert found.cost <= 1.2 + searching.FIRST


def test_settings_are_drawn_from_the_whole_range() -> None:
    training = PROGRAM.prepare(0, PROGRAM.faults[0])
    x, y = training.examples.x, training.examples.y
    ward = ward_for((x, y), None, "binary_crossentropy", 15, 0)
    base = Regimen.of(training.model, 16, 15, 0)
    random = np.random.default_rng(0)
    made = [drawn(base, random, ward) for _ in range(40)]
    assert {one.kind.__name__ for one in made} == {"SGD", "Adam", "AdamW", "RMSprop"}
    assert {one.batch_size for one in made} == {8, 16, 30}
    rates = [rate for one in made if isinstance(rate := one.optimizer["learning_rate"], float)]
    assert min(rates) < 1e-4
    assert max(rates) > 0.1
    assert all(searching.LEAST_RATE <= rate <= searching.GREATEST_RATE for rate in rates)
    assert {len(one.model.layers) for one in made} >= {2, 3}
