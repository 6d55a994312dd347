"""Statistics of a visit's arrays, at the ends of what floats hold."""

from __future__ import annotations

import numpy as np
import pytest

from glassgrad.lens.doctor.activity import BY_NAME, FLAT
from glassgrad.lens.doctor.probe_statistics import (
    means_by_class,
    rms,
    saturated,
    silent,
    spread,
    unit_norms,
    unit_ratio,
)


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-35, 1e-20, 1e-3, 1.0, 1e12, 1e25, 1e37])
def test_sizes_that_float32_can_hold_are_found(scale: float) -> None:
    x = drawn(30, 4)
    expected = scale * float(np.sqrt(np.mean(x.astype(np.float64) ** 2)))
    assert rms(x * np.float32(scale)) == pytest.approx(expected, rel=1e-5)
    assert spread(x * np.float32(scale)).deviation == pytest.approx(scale * x.std(), rel=1e-4)
    norms = unit_norms(x * np.float32(scale), (1,))
    assert norms == pytest.approx(scale * np.linalg.norm(x, axis=0), rel=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_shows(value: float) -> None:
    x = drawn(5, 3)
    x[2, 1] = value
    assert not np.isfinite(rms(x))


def test_nothing_and_zeros_have_the_size_0() -> None:
    assert rms(np.zeros((0, 3), np.float32)) == rms(np.zeros((2, 3), np.float32)) == 0
    assert unit_norms(np.zeros((2, 3), np.float32), (1,)).tolist() == [0, 0, 0]


def test_deviations_of_units_are_over_examples_alone() -> None:
    positions = np.broadcast_to(np.arange(12.0).reshape(1, 3, 4), (5, 3, 4))
    found = spread(positions)
    assert found.of_units == 0
    assert found.deviation == pytest.approx(positions.std())


def test_units_may_be_counted_along_several_axes() -> None:
    x = drawn(3, 2, 4)
    expected = np.linalg.norm(x, axis=0)
    assert unit_norms(x, (1, 2)) == pytest.approx(expected)
    assert unit_norms(x * np.float32(1e-30), (1, 2)) == pytest.approx(expected * 1e-30)
    assert unit_norms(x, ()) == pytest.approx(np.linalg.norm(x))


def test_small_weights_do_not_make_the_ratio_large() -> None:
    assert unit_ratio(np.array([2.0, 1.0]), np.array([4.0, 0.0])) == pytest.approx(1000.0)


@pytest.mark.parametrize(
    "name,limit", [("tanh", 2.18), ("sigmoid", 4.36), ("softsign", 3.47), ("hard_sigmoid", 3.0)]
)
def test_units_count_as_stuck_from_the_limits_of_their_function(name: str, limit: float) -> None:
    z = np.array([[-limit - 0.02], [limit + 0.02], [0.0]])
    inside = np.array([[-limit + 0.02], [limit - 0.02], [99.0]])
    values = {
        "tanh": np.tanh,
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "softsign": lambda x: x / (1 + np.abs(x)),
        "hard_sigmoid": lambda x: np.clip(x / 6 + 0.5, 0, 1),
    }
    function = BY_NAME[name]
    assert function.slope is not None
    assert saturated(values[name](z), function) == 1
    assert saturated(values[name](inside), function) == 0
    assert FLAT == 0.05
    assert saturated(z, BY_NAME["relu"]) is None


def test_a_unit_that_fires_once_is_not_silent() -> None:
    y = np.zeros((50, 2, 4), np.float32)
    y[49, 1, 2] = 1e-30
    y[3, 0, 1] = np.nan
    assert silent(y) == 0.5


def test_classes_without_an_example_have_no_mean() -> None:
    found = means_by_class(np.array([1.0, 2.0]), np.array([1, 1]), 3)
    assert np.isnan(found[0])
    assert found[1] == 1.5
    assert np.isnan(found[2])
