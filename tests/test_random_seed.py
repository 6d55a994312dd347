from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.errors import ArgumentError
from glassgrad.random_seed import (
    SeedStream,
    new_random_state,
    next_generator,
    random_state_of_call,
    seeded,
    set_random_seed,
)


def numbers(count: int) -> list[float]:
    return [next_generator().random() for _ in range(count)]


def test_one_seed_decides_all_generators() -> None:
    set_random_seed(5)
    first = numbers(3)
    set_random_seed(5)
    assert numbers(3) == first
    set_random_seed(6)
    assert set(numbers(3)).isdisjoint(first)
    assert len(set(first)) == 3


def test_the_generator_follows_from_seed_and_place() -> None:
    with seeded(5):
        next_generator()
        assert next_generator().random() == np.random.default_rng([5, 1]).random()


def test_a_block_has_a_seed_of_its_own_and_leaves_the_outer_one_alone() -> None:
    set_random_seed(5)
    expected = numbers(2)
    set_random_seed(5)
    first = numbers(1)
    with seeded(9):
        inside = numbers(2)
    assert first + numbers(1) == expected
    assert inside not in (expected, first)


def test_a_stream_can_be_continued() -> None:
    with seeded(3):
        expected = numbers(4)
    stream = SeedStream(3)
    with seeded(stream):
        first = numbers(2)
    with seeded(stream):
        assert first + numbers(2) == expected


def test_keys_of_masks_do_not_disturb_weights() -> None:
    with seeded(3):
        expected = numbers(2)
    with seeded(3):
        first = numbers(1)
        new_random_state()
        random_state_of_call()
        assert first + numbers(1) == expected


def test_without_a_seed_the_operating_system_gives_one() -> None:
    assert SeedStream().seed != SeedStream().seed
    with seeded(None):
        first = numbers(1)
    with seeded(None):
        assert numbers(1) != first


def test_a_random_state_is_a_key_and_a_step() -> None:
    state = new_random_state(2**32 + 7)
    assert (int(state.seed.numpy()), int(state.step.numpy())) == (7, 0)
    assert state.seed.dtype == state.step.dtype == np.uint32
    assert not state.seed.trainable
    with seeded(1):
        a, b = random_state_of_call(), random_state_of_call()
    assert int(a.seed.numpy()) != int(b.seed.numpy())
    assert int(a.step.numpy()) != int(b.step.numpy())


@pytest.mark.parametrize("seed", [-1, 1.5, "1", True])
def test_what_is_no_seed_is_refused(seed: Any) -> None:
    with pytest.raises(ArgumentError, match="integer from 0"):
        set_random_seed(seed)
