from __future__ import annotations

import numpy as np
import pytest

from glassgrad.optimizers.schedules import ExponentialDecay, InverseTimeDecay, PolynomialDecay

STEPS = np.arange(100)


@pytest.mark.parametrize("staircase", [False, True])
def test_exponential_and_inverse_time(staircase: bool) -> None:
    periods = STEPS // 7 if staircase else STEPS / 7
    found = ExponentialDecay(0.3, 7, 0.8, staircase)(STEPS).numpy()
    assert found == pytest.approx(0.3 * 0.8**periods, rel=1e-14)
    found = InverseTimeDecay(0.3, 7, 0.8, staircase)(STEPS).numpy()
    assert found == pytest.approx(0.3 / (1 + 0.8 * periods), rel=1e-14)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_a_polynomial_stays_at_its_end(power: float) -> None:
    found = PolynomialDecay(0.3, 40, 0.1, power)(STEPS).numpy()
    left = 1 - np.minimum(STEPS, 40) / 40
    assert found == pytest.approx(0.1 + 0.2 * left**power, rel=1e-13)
    assert (found[40:] == 0.1).all()


def test_a_polynomial_in_cycles() -> None:
    found = PolynomialDecay(0.3, 10, 0.1, cycle=True)(STEPS).numpy()
    for step in STEPS:
        length = 10 * max(1, -(-step // 10))
        assert found[step] == pytest.approx(0.1 + 0.2 * (1 - step / length), rel=1e-13)
    assert found[[0, 10, 11]] == pytest.approx([0.3, 0.1, 0.1 + 0.2 * 9 / 20])


def test_long_runs_keep_their_digits() -> None:
    found = ExponentialDecay(0.1, 10**6, 0.5)([10**8, 10**8 + 10**6]).numpy()
    assert found == pytest.approx([0.1 * 0.5**100, 0.1 * 0.5**101], rel=1e-12)
