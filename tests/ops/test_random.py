"""Random numbers are those that the paper's algorithm gives, wherever they are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats

from glassgrad.errors import DtypeError
from glassgrad.execute.cpu.program import CpuExecutor
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import Tensor, constant
from glassgrad.ops.elementwise import erfinv
from glassgrad.ops.random import (
    Dropout,
    RandomNormal,
    RandomUniform,
    random_normal,
    random_truncated_normal,
    threefry,
)
from tests.ops.oracles import threefry_words

# Published with the Random123 library: key, counter, result.
KNOWN = [
    ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
]


def words(pair: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([pair[0]], np.uint32), np.array([pair[1]], np.uint32)


@pytest.mark.parametrize("key, counter, expected", KNOWN)
def test_known_answers(
    key: tuple[int, int], counter: tuple[int, int], expected: tuple[int, int]
) -> None:
    high, low = threefry(np, words(key), words(counter))
    assert (int(high[0]), int(low[0])) == expected
    assert high.dtype == low.dtype == np.uint32


@pytest.mark.parametrize("key, counter, expected", KNOWN)
def test_the_oracle_knows_the_answers_too(
    key: tuple[int, int], counter: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert threefry_words(key, counter) == expected


def draw(seed: int, step: int, stream: int = 0, count: int = 20_000) -> np.ndarray:
    scalars = constant(seed, "uint32"), constant(step, "uint32")
    return ReferenceExecutor().compile([RandomUniform((count,), stream)(*scalars)])()[0]


def test_numbers_are_uniform() -> None:
    numbers = draw(1, 2)
    assert numbers.dtype == np.float32
    assert 0 <= numbers.min() < 1e-3
    assert 0.999 < numbers.max() < 1
    counts, _ = np.histogram(numbers, bins=10, range=(0, 1))
    assert np.all(np.abs(counts - 2000) < 200)  # 4.7 standard deviations


@pytest.mark.parametrize("other", [(2, 2, 0), (1, 3, 0), (1, 2, 1)])
def test_seed_step_and_stream_each_change_all(other: tuple[int, int, int]) -> None:
    assert np.mean(draw(1, 2) == draw(*other)) < 1e-3
    assert abs(np.corrcoef(draw(1, 2), draw(*other))[0, 1]) < 0.04


def test_dropout_keeps_the_mean() -> None:
    ones = Tensor(np.ones(20_000))
    dropped = Dropout(0.25)(ones, constant(1, "uint32"), constant(2, "uint32"))
    (values,) = ReferenceExecutor().compile([dropped])()
    assert set(np.unique(values)) == {np.float32(0), np.float32(4 / 3)}
    assert values.mean() == pytest.approx(1, abs=0.02)


def draw_normal(count: int = 200_000, **options: Any) -> np.ndarray:
    scalars = constant(5, "uint32"), constant(3, "uint32")
    return ReferenceExecutor().compile([random_normal(*scalars, (count,), **options)])()[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_are_normal(dtype: str) -> None:
    numbers = draw_normal(dtype=dtype)
    assert numbers.dtype == dtype
    assert scipy.stats.kstest(numbers, "norm").pvalue > 0.01
    size = numbers.size
    assert abs(numbers.mean()) < 4 / size**0.5
    assert abs(numbers.var() - 1) < 4 * (2 / size) ** 0.5
    assert abs(scipy.stats.skew(numbers)) < 4 * (6 / size) ** 0.5
    assert abs(scipy.stats.kurtosis(numbers)) < 4 * (24 / size) ** 0.5


def test_the_tails_are_as_heavy_as_they_should_be() -> None:
    numbers = draw_normal(1_000_000)
    for limit in (3.0, 4.0):
        expected = 2 * scipy.stats.norm.sf(limit) * numbers.size
        assert abs((np.abs(numbers) > limit).sum() - expected) < 4 * expected**0.5 + 1
    assert np.all(np.isfinite(numbers))


def test_neighbours_and_steps_are_independent() -> None:
    numbers = draw_normal()
    for lag in (1, 2, 7):
        assert abs(np.corrcoef(numbers[:-lag], numbers[lag:])[0, 1]) < 4 / numbers.size**0.5
    seed = constant(5, "uint32")
    other = random_normal(seed, constant(4, "uint32"), (numbers.size,))
    (later,) = ReferenceExecutor().compile([other])()
    assert abs(np.corrcoef(numbers, later)[0, 1]) < 4 / numbers.size**0.5


@pytest.mark.parametrize("dtype, farthest", [("float32", 5.5), ("float64", 8.4)])
def test_the_farthest_numbers_are_finite_and_symmetric(dtype: str, farthest: float) -> None:
    """Those of the first and the last of all uniform numbers."""
    operation = RandomNormal((1,), 0, dtype)
    least, greatest = 0.0, 1 - operation.middle
    numbers = erfinv(operation.centred(constant([least, greatest], dtype))) * 2**0.5
    (low, high) = ReferenceExecutor().compile([numbers])()[0]
    assert low == -high
    assert farthest - 0.5 < high < farthest


def test_a_mean_and_a_deviation_are_given() -> None:
    numbers = draw_normal(mean=3.0, stddev=0.5)
    np.testing.assert_allclose(numbers, 3 + 0.5 * draw_normal(), rtol=1e-6)


def test_truncated_numbers_stay_within_two_deviations() -> None:
    scalars = constant(5, "uint32"), constant(3, "uint32")
    drawn = random_truncated_normal(*scalars, (200_000,), dtype="float64")
    (numbers,) = ReferenceExecutor().compile([drawn])()
    assert np.abs(numbers).max() < 2
    assert scipy.stats.kstest(numbers, scipy.stats.truncnorm(-2, 2).cdf).pvalue > 0.01


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_executor_draws_the_same(dtype: str) -> None:
    scalars = constant(5, "uint32"), constant(3, "uint32")
    drawn = [
        random_normal(*scalars, (5000,), dtype=dtype),
        random_truncated_normal(*scalars, (5000,), stream=1, dtype=dtype),
    ]
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    for ours, theirs in zip(
        CpuExecutor(threads=1).compile(drawn)(), ReferenceExecutor().compile(drawn)(), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


def test_a_dtype_that_is_none_of_a_random_number() -> None:
    with pytest.raises(DtypeError, match=r"float32 or float64\. Got int32"):
        draw_normal(dtype="int32")
