from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import numpy as np
import pytest
from scipy import stats

from glassgrad import initializers
from glassgrad.errors import ArgumentError, ShapeError, UnknownNameError
from glassgrad.graph import float_type
from glassgrad.random_seed import seeded

DENSE, CONVOLUTION = (200, 300), (3, 3, 20, 40)

# name, shape, standard deviation, largest possible distance from the mean, distribution
SCALED = [
    ("glorot_uniform", DENSE, sqrt(2 / 500), sqrt(6 / 500), "uniform"),
    ("glorot_normal", DENSE, sqrt(2 / 500), 2 * sqrt(2 / 500) / 0.8796, "truncated"),
    ("he_uniform", DENSE, sqrt(2 / 200), sqrt(6 / 200), "uniform"),
    ("he_normal", DENSE, sqrt(2 / 200), 2 * sqrt(2 / 200) / 0.8796, "truncated"),
    ("glorot_uniform", CONVOLUTION, sqrt(2 / 540), sqrt(6 / 540), "uniform"),
    ("he_normal", CONVOLUTION, sqrt(2 / 180), 2 * sqrt(2 / 180) / 0.8796, "truncated"),
    ("random_normal", DENSE, 0.05, np.inf, "normal"),
    ("random_uniform", DENSE, 0.1 / sqrt(12), 0.05, "uniform"),
    ("variance_scaling", DENSE, sqrt(1 / 200), 2 * sqrt(1 / 200) / 0.8796, "truncated"),
]


@pytest.mark.parametrize("name, shape, deviation, limit, kind", SCALED)
def test_moments_and_support(
    name: str, shape: tuple[int, ...], deviation: float, limit: float, kind: str
) -> None:
    with float_type("float64"):
        drawn = initializers.require(name)(shape, generator=np.random.default_rng(1))
    assert drawn.shape == shape
    error = deviation / sqrt(drawn.size)
    assert abs(drawn.mean()) < 4 * error
    assert drawn.std() == pytest.approx(deviation, rel=0.02)
    assert np.abs(drawn).max() <= limit
    if np.isfinite(limit):
        assert np.abs(drawn).max() > 0.99 * limit
    distributions: dict[str, Any] = {
        "uniform": stats.uniform(-limit, 2 * limit),
        "normal": stats.norm(scale=deviation),
        "truncated": stats.truncnorm(-2, 2, scale=deviation / 0.87962566103423978),
    }
    assert stats.kstest(drawn.ravel()[:5000], distributions[kind].cdf).pvalue > 0.001


@pytest.mark.parametrize(
    "mode, count", [("fan_in", 200), ("fan_out", 300), ("fan_avg", 250)], ids=str
)
@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal"])
def test_variance_scaling(mode: str, count: int, distribution: str) -> None:
    drawn = initializers.VarianceScaling(3.0, mode, distribution, seed=2)(DENSE)
    assert drawn.var() == pytest.approx(3.0 / count, rel=0.03)


def test_constants() -> None:
    assert initializers.Zeros()((2, 3)).tolist() == [[0, 0, 0]] * 2
    assert initializers.Ones()((3,)).tolist() == [1, 1, 1]
    assert initializers.Constant(0.5)((2,)).tolist() == [0.5, 0.5]
    assert initializers.Constant([1, 2])((2, 2)).tolist() == [[1, 2], [1, 2]]
    with pytest.raises(ShapeError, match=r"\(3,\).*\(2, 2\)"):
        initializers.Constant([1, 2, 3])((2, 2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_the_one_asked_for(dtype: str) -> None:
    assert initializers.HeNormal(seed=1)((2, 2), dtype).dtype == dtype
    assert initializers.HeNormal(seed=1)((2, 2)).dtype == "float32"


@pytest.mark.parametrize(
    "shape, fans",
    [
        ((), (1, 1)),
        ((7,), (7, 7)),
        ((3, 5), (3, 5)),
        ((4, 3, 5), (12, 20)),
        ((3, 3, 16, 32), (144, 288)),
        ((0, 5), (0, 5)),
    ],
)
def test_fans(shape: tuple[int, ...], fans: tuple[int, int]) -> None:
    assert initializers.compute_fans(shape) == fans


def test_who_decides_the_numbers() -> None:
    own = initializers.GlorotUniform(seed=3)
    free = initializers.GlorotUniform()
    a, b = np.random.default_rng(1), np.random.default_rng(2)
    assert np.array_equal(own((2, 2), generator=a), own((2, 2), generator=b))
    assert not np.array_equal(free((2, 2), generator=a), free((2, 2), generator=b))
    with seeded(1):
        first = free((2, 2))
    with seeded(1):
        assert np.array_equal(free((2, 2)), first)
        assert not np.array_equal(free((2, 2)), first)


def test_a_function_is_an_initializer() -> None:
    def counting(shape: tuple[int, ...], dtype: Any = None) -> Any:
        return np.arange(np.prod(shape)).reshape(shape).astype(dtype)

    generator = np.random.default_rng(1)
    assert initializers.get(counting) is counting
    made = initializers.initialize(counting, (2, 2), "float32", generator)
    assert made.tolist() == [[0, 1], [2, 3]]
    with pytest.raises(ShapeError, match=r"must give shape \(2,\)"):
        initializers.initialize(lambda shape, dtype: 0.0, (2,), "float32", generator)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: initializers.RandomNormal(stddev=-1.0), "stddev=-1"),
        (lambda: initializers.RandomNormal(stddev=float("nan")), "at least 0"),
        (lambda: initializers.RandomUniform(1.0, 0.0), "upper one"),
        (lambda: initializers.VarianceScaling(0.0), "must be positive"),
        (lambda: initializers.VarianceScaling(mode="fan"), "fan_avg.*'fan'"),
        (lambda: initializers.VarianceScaling(distribution="cauchy"), "'cauchy'"),
        (lambda: initializers.HeNormal(seed=-1), "integer from 0"),
        (lambda: initializers.get(3), "initializer must be"),
        (lambda: initializers.Zeros()((64, 10**20)), "must fit into memory"),
        (lambda: initializers.HeNormal()((64, 10**18)), "choose fewer units"),
    ],
)
def test_bad_arguments_are_refused(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="'he_normal'"):
        initializers.get("he_norml")
