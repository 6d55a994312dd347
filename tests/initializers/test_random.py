"""What is drawn has the right moments, support and distribution, or is orthogonal."""

from __future__ import annotations

from collections.abc import Callable
from math import prod, sqrt
from typing import Any

import numpy as np
import pytest
from scipy import stats

from glassgrad import initializers
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import float_type
from glassgrad.initializers import (
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)

DENSE, CONVOLUTION = (200, 300), (3, 3, 20, 40)
KEPT = 0.87962566103423978  # of the deviation of a normal distribution that is cut at ±2


def normal(deviation: float) -> Any:
    return stats.norm(scale=deviation)


def uniform(limit: float) -> Any:
    return stats.uniform(-limit, 2 * limit)


def truncated(deviation: float) -> Any:
    """Of this deviation after the cut."""
    return stats.truncnorm(-2, 2, scale=deviation / KEPT)


# initializer, shape, the distribution of a single weight
DRAWN = [
    ("random_normal", DENSE, normal(0.05)),
    ("normal", DENSE, normal(0.05)),
    ("random_uniform", DENSE, uniform(0.05)),
    ("uniform", DENSE, uniform(0.05)),
    ("truncated_normal", DENSE, truncated(0.05 * KEPT)),
    (RandomNormal(3.0, 0.5), DENSE, stats.norm(3.0, 0.5)),
    (RandomUniform(-1.0, 3.0), DENSE, stats.uniform(-1.0, 4.0)),
    (TruncatedNormal(3.0, 0.5), DENSE, stats.truncnorm(-2, 2, loc=3.0, scale=0.5)),
    ("glorot_uniform", DENSE, uniform(sqrt(6 / 500))),
    ("glorot_normal", DENSE, truncated(sqrt(2 / 500))),
    ("he_uniform", DENSE, uniform(sqrt(6 / 200))),
    ("he_normal", DENSE, truncated(sqrt(2 / 200))),
    ("lecun_uniform", DENSE, uniform(sqrt(3 / 200))),
    ("lecun_normal", DENSE, truncated(sqrt(1 / 200))),
    ("glorot_uniform", CONVOLUTION, uniform(sqrt(6 / 540))),
    ("he_normal", CONVOLUTION, truncated(sqrt(2 / 180))),
    ("lecun_normal", (5000,), truncated(sqrt(1 / 5000))),
    ("variance_scaling", DENSE, truncated(sqrt(1 / 200))),
    (VarianceScaling(2.0, "fan_out", "untruncated_normal"), DENSE, normal(sqrt(2 / 300))),
    (VarianceScaling(input_axes=[1], output_axes=[0, 2]), (20, 30, 40), truncated(sqrt(1 / 30))),
]


@pytest.mark.parametrize(
    "initializer, shape, distribution", DRAWN, ids=[f"{row[0]} {row[1]}" for row in DRAWN]
)
def test_distribution(initializer: Any, shape: tuple[int, ...], distribution: Any) -> None:
    with float_type("float64"):
        drawn = initializers.require(initializer)(shape, generator=np.random.default_rng(1))
    assert (drawn.shape, drawn.dtype) == (shape, "float64")
    deviation = distribution.std()
    assert abs(drawn.mean() - distribution.mean()) < 4 * deviation / sqrt(drawn.size)
    assert drawn.std() == pytest.approx(deviation, rel=4 / sqrt(drawn.size))
    low, high = distribution.support()
    assert low <= drawn.min() <= drawn.max() <= high
    if np.isfinite(high):
        reach = 0.99 if drawn.size > 10_000 else 0.95
        assert min(abs(drawn.min() - distribution.mean()), drawn.max() - distribution.mean()) > (
            reach * (high - low) / 2
        )
    assert stats.kstest(drawn.ravel()[:5000], distribution.cdf).pvalue > 0.001


@pytest.mark.parametrize(
    "mode, count", [("fan_in", 200), ("fan_out", 300), ("fan_avg", 250)], ids=str
)
@pytest.mark.parametrize("distribution", VarianceScaling.DISTRIBUTIONS)
def test_variance_scaling(mode: str, count: int, distribution: str) -> None:
    drawn = VarianceScaling(3.0, mode, distribution, seed=2)(DENSE)
    assert drawn.var() == pytest.approx(3.0 / count, rel=0.03)


def test_the_older_name_of_the_truncated_distribution() -> None:
    assert VarianceScaling(distribution="normal").distribution == "truncated_normal"


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


@pytest.mark.parametrize(
    "input_axes, output_axes, fans",
    [([0], [1, 2], (4, 15)), ([-1], [0], (5, 4)), ((0, 2), (), (20, 1))],
)
def test_fans_of_named_axes(input_axes: Any, output_axes: Any, fans: tuple[int, int]) -> None:
    assert initializers.compute_fans((4, 3, 5), input_axes, output_axes) == fans


# ---- orthogonal matrices

SHAPES = [(1, 1), (6, 6), (8, 3), (3, 8), (2, 3, 4), (3, 4, 2), (3, 3, 2, 20), (2, 2, 3, 5), (0, 4)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("gain", [1.0, sqrt(2.0)])
def test_columns_or_rows_are_orthonormal(shape: tuple[int, ...], gain: float) -> None:
    made = Orthogonal(gain, seed=1)(shape, "float64")
    assert made.shape == shape
    matrix = made.reshape(prod(shape[:-1]), shape[-1]) / gain
    products = matrix.T @ matrix if len(matrix) >= shape[-1] else matrix @ matrix.T
    np.testing.assert_allclose(products, np.eye(len(products)), atol=1e-14)


def test_every_rotation_is_equally_likely() -> None:
    """Then the entries of a 4 by 4 matrix follow Beta(1/2, 3/2) in their squares, with any sign."""
    generator = np.random.default_rng(3)
    drawn = np.array([Orthogonal()((4, 4), "float64", generator=generator) for _ in range(500)])
    for entry in ((0, 0), (3, 3), (1, 2)):
        values = drawn[:, entry[0], entry[1]]
        assert stats.kstest(values**2, stats.beta(0.5, 1.5).cdf).pvalue > 0.001
        assert abs((values > 0).mean() - 0.5) < 4 * 0.5 / sqrt(500)
    traces = drawn.trace(axis1=1, axis2=2)  # of mean 0 and variance 1 for such matrices
    assert abs(traces.mean()) < 4 / sqrt(500)
    assert traces.var() == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_vector_is_not_orthogonal(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=r"two axes at least can be orthogonal\. Got shape"):
        Orthogonal()(shape)


# ---- bad arguments


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: RandomNormal(stddev=-1.0), ArgumentError, "stddev=-1"),
        (lambda: RandomNormal(stddev=float("nan")), ArgumentError, "at least 0"),
        (lambda: TruncatedNormal(stddev=-1.0), ArgumentError, "stddev=-1"),
        (lambda: RandomUniform(1.0, 0.0), ArgumentError, "upper one"),
        (lambda: VarianceScaling(0.0), ArgumentError, "must be positive"),
        (lambda: VarianceScaling(float("nan")), ArgumentError, "must be positive"),
        (lambda: VarianceScaling(mode="fan"), ArgumentError, "fan_avg.*'fan'"),
        (lambda: VarianceScaling(distribution="cauchy"), ArgumentError, "'cauchy'"),
        (lambda: VarianceScaling(input_axes=[0]), ArgumentError, "both kinds of axes"),
        (lambda: initializers.HeNormal(output_axes=[0]), ArgumentError, "output_axes=.0."),
        (lambda: initializers.compute_fans((2, 3), [0]), ArgumentError, "both kinds of axes"),
        (lambda: initializers.compute_fans((2, 3), [0], [2]), ShapeError, "no axes .2."),
        (lambda: initializers.HeNormal(seed=-1), ArgumentError, "integer from 0"),
        (lambda: TruncatedNormal(seed=1.5), ArgumentError, "integer from 0"),  # type: ignore[arg-type]
        (lambda: Orthogonal(seed=-1), ArgumentError, "integer from 0"),
        (lambda: initializers.HeNormal()((64, 10**18)), ArgumentError, "choose fewer units"),
    ],
)
def test_bad_arguments_are_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()
