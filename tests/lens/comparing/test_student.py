"""Student's distribution, against SciPy."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from glassgrad.lens.comparing.student import critical_value, two_sided_probability

DEGREES = (1, 2, 4, 9, 29.5, 999)


@pytest.mark.parametrize("degrees", DEGREES)
@pytest.mark.parametrize("t", [0.0, 1e-4, 0.3, 1.0, -2.5, 8.6, 40.0, 1e6])
def test_the_probability_is_that_of_scipy(t: float, degrees: float) -> None:
    expected = 2 * stats.t.sf(abs(t), degrees)
    assert two_sided_probability(t, degrees) == pytest.approx(expected, rel=1e-10, abs=1e-300)


@pytest.mark.parametrize("degrees", DEGREES)
@pytest.mark.parametrize("probability", [0.9, 0.4, 0.05, 0.05 / 66, 1e-8])
def test_the_critical_value_is_that_of_scipy(probability: float, degrees: float) -> None:
    expected = stats.t.isf(probability / 2, degrees)
    assert critical_value(probability, degrees) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("t", [1e-12, 1e-9, 0.5, 1.0, 100.0])
def test_one_degree_of_freedom_is_an_arc_tangent(t: float) -> None:
    expected = 1 - 2 / math.pi * math.atan(t)
    assert two_sided_probability(t, 1) == pytest.approx(expected, rel=1e-14)


def test_infinity_is_never_exceeded() -> None:
    assert two_sided_probability(math.inf, 3) == 0.0
