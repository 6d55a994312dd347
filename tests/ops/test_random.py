"""Random numbers are those that the paper's algorithm gives, wherever they are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import Tensor, constant
from glassgrad.ops.random import Dropout, RandomUniform, threefry
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
