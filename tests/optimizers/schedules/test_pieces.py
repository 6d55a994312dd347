from __future__ import annotations

import numpy as np
import pytest

from glassgrad.optimizers.schedules import ExponentialDecay, PiecewiseConstantDecay, StepDecay

STEPS = np.arange(40)


def test_a_boundary_belongs_to_the_piece_before_it() -> None:
    found = PiecewiseConstantDecay([5, 6, 30], [0.5, 2.0, 0.25, 0.125])(STEPS).numpy()
    expected = [0.5] * 6 + [2.0] + [0.25] * 24 + [0.125] * 9
    assert found.tolist() == expected


def test_without_boundaries_the_rate_stays() -> None:
    assert PiecewiseConstantDecay([], [0.5])(STEPS).numpy().tolist() == [0.5] * 40


def test_steps_down_are_exponential_stairs() -> None:
    stairs = ExponentialDecay(0.3, 7, 0.8, staircase=True)(STEPS).numpy()
    assert StepDecay(0.3, 7, 0.8)(STEPS).numpy() == pytest.approx(stairs, rel=1e-15)
