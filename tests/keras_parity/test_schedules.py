"""Every schedule of the learning rate, over hundreds of steps and inside an optimizer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import optimizers
from glassgrad.optimizers import schedules
from tests.keras_parity.comparison import Case, Precision
from tests.keras_parity.test_optimizers import require_same_steps

STEPS = (*range(100), *range(100, 500, 7))
DECAY = {"initial_learning_rate": 0.3, "decay_steps": 40, "decay_rate": 0.7}
POLYNOMIAL = {"initial_learning_rate": 0.3, "decay_steps": 70, "end_learning_rate": 0.01}
COSINE = {"initial_learning_rate": 0.3, "decay_steps": 90}
# Restarts between two steps: at a step, rounding would decide on which side of it they fall.
RESTARTS = {"initial_learning_rate": 0.3, "first_decay_steps": 30.1}

CASES = (
    Case("ExponentialDecay", DECAY),
    Case("ExponentialDecay", {**DECAY, "staircase": True}),
    Case("InverseTimeDecay", DECAY),
    Case("InverseTimeDecay", {**DECAY, "staircase": True}),
    Case("PiecewiseConstantDecay", {"boundaries": [5, 60, 61], "values": [0.3, 0.2, 0.5, 0.1]}),
    Case("PolynomialDecay", POLYNOMIAL),
    Case("PolynomialDecay", {**POLYNOMIAL, "power": 2.5}),
    Case("PolynomialDecay", {**POLYNOMIAL, "power": 0.5, "cycle": True}),
    Case("CosineDecay", COSINE),
    Case("CosineDecay", {**COSINE, "alpha": 0.1}),
    Case("CosineDecay", {**COSINE, "warmup_target": 0.8, "warmup_steps": 25}),
    Case("CosineDecayRestarts", RESTARTS),
    Case("CosineDecayRestarts", {**RESTARTS, "t_mul": 1.5, "m_mul": 0.8, "alpha": 0.05}),
    Case("CosineDecayRestarts", {**RESTARTS, "t_mul": 1.0}),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_schedule_is_that_of_keras(case: Case, keras: Any, precision: Precision) -> None:
    ours, theirs = case.make(schedules), case.make(keras.optimizers.schedules)
    precision = precision.about(f"schedules.{case.name}")
    precision.require_same(
        np.array([float(ours(step)) for step in STEPS]),
        np.array([float(theirs(step)) for step in STEPS]),
    )


@pytest.mark.parametrize("precision", ["float64"], indirect=True)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_schedule_in_an_optimizer_is_that_of_keras(
    case: Case, keras: Any, precision: Precision
) -> None:
    ours = optimizers.SGD(case.make(schedules), momentum=0.5)
    theirs = keras.optimizers.SGD(case.make(keras.optimizers.schedules), momentum=0.5)
    require_same_steps(ours, theirs, keras, precision.about(f"schedules.{case.name}"))
    precision.require_same(float(ours.learning_rate), float(theirs.learning_rate), "reading")
