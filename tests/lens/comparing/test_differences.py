"""What counts as a difference: t tests of SciPy, Holm's procedure by hand, and random data."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from glassgrad.lens.comparing.differences import (
    Difference,
    groups_of,
    holm_levels,
    paired_differences,
    seeds_needed,
)


def some_results(seed: int, contenders: int = 4, seeds: int = 5) -> dict[str, list[float]]:
    generator = np.random.default_rng(seed)
    ability = generator.normal(size=(contenders, 1))
    luck = generator.normal(size=(1, seeds))  # shared, as by the same first weights
    values = ability + luck + 0.2 * generator.normal(size=(contenders, seeds))
    return {f"c{n}": list(map(float, row)) for n, row in enumerate(values)}


@pytest.mark.parametrize("seed", range(3))
def test_probabilities_are_those_of_paired_t_tests(seed: int) -> None:
    results = some_results(seed)
    for one in paired_differences(results):
        expected = stats.ttest_rel(results[one.first], results[one.second])
        assert one.probability == pytest.approx(expected.pvalue, rel=1e-8)
        low, high = expected.confidence_interval(0.95)
        assert one.mean == pytest.approx((low + high) / 2)
        assert one.seeds == 5


@pytest.mark.parametrize("seed", range(5))
def test_a_difference_counts_exactly_where_it_exceeds_its_margin(seed: int) -> None:
    found = paired_differences(some_results(seed))
    assert len(found) == 6
    for one in found:
        assert one.is_told_apart == (abs(one.mean) > one.margin)


def holm_by_the_book(probabilities: list[float]) -> set[int]:
    """Reject in ascending order, and stop at the first that is too large."""
    rejected: set[int] = set()
    order = sorted(range(len(probabilities)), key=lambda place: probabilities[place])
    for rank, place in enumerate(order):
        if probabilities[place] > 0.05 / (len(probabilities) - rank):
            break
        rejected.add(place)
    return rejected


@pytest.mark.parametrize(
    "probabilities",
    [
        [0.2, 0.001, 0.03],
        [0.01, 0.02, 0.03, 0.04],
        [0.001, 0.012, 0.03, 0.02],
        [0.05],
        [0.06],
        [0.025, 0.05],
        [0.001, 0.9, 0.049],  # the last would pass at its own level, but Holm has stopped
        [0.0, 0.0, 0.0],
    ],
)
def test_levels_decide_as_holm_does(probabilities: list[float]) -> None:
    levels = holm_levels(probabilities)
    rejected = {
        n for n, (p, level) in enumerate(zip(probabilities, levels, strict=True)) if p <= level
    }
    assert rejected == holm_by_the_book(probabilities)


def test_equal_contenders_are_rarely_told_apart() -> None:
    generator = np.random.default_rng(0)
    wrong = 0
    for _ in range(40):
        luck = generator.normal(size=(3, 5))
        found = paired_differences({str(n): list(map(float, row)) for n, row in enumerate(luck)})
        wrong += any(one.is_told_apart for one in found)
    assert wrong <= 7  # at most 5 % of 40, and what chance adds to it


def test_a_large_difference_shows_with_five_seeds() -> None:
    noise = [0.01, -0.02, 0.0, 0.015, -0.01]
    (found,) = paired_differences({"a": [1 + n for n in noise], "b": [0.5 - n for n in noise]})
    assert found.is_told_apart
    assert found.seeds_needed is None
    assert found.mean == pytest.approx(0.5 - 2 * np.mean([-n for n in noise]))


def test_one_seed_says_nothing() -> None:
    assert paired_differences({"a": [1.0], "b": [0.0]}) == ()
    assert paired_differences({"a": [1.0, 2.0]}) == ()


def test_a_spread_is_at_least_the_resolution() -> None:
    results = {"a": [0.90, 0.91], "b": [0.89, 0.90]}  # one example of a hundred, twice
    (careless,) = paired_differences(results)
    (careful,) = paired_differences(results, resolution=0.01)
    assert careless.is_told_apart
    assert not careful.is_told_apart
    assert careful.spread == 0.01


def test_identical_results_are_no_difference() -> None:
    for same in ([0.1, 0.1, 0.1], [0.0, 0.0, 0.0]):
        (found,) = paired_differences({"zeros": same, "ones": same})
        assert (found.mean, found.is_told_apart, found.seeds_needed) == (0.0, False, None)
        assert found.probability == 1.0


@pytest.mark.parametrize("ratio, level", [(0.3, 0.05), (1.0, 0.05), (1.0, 0.05 / 66), (5.0, 0.01)])
def test_as_many_seeds_as_are_needed_find_four_of_five(ratio: float, level: float) -> None:
    seeds = seeds_needed(ratio, level)
    assert seeds is not None

    def power(n: int) -> float:
        critical = stats.t.isf(level / 2, n - 1)
        return float(stats.nct.sf(critical, n - 1, ratio * math.sqrt(n)))

    assert 0.7 < power(seeds) < 0.97
    assert power(max(seeds - 2, 2)) < 0.83


def test_more_than_a_thousand_seeds_are_not_counted() -> None:
    assert seeds_needed(0.01, 0.05) is None
    assert seeds_needed(-1.0, 0.05) == seeds_needed(1.0, 0.05)


def pairs_with(names: str, apart: set[tuple[str, str]]) -> list[Difference]:
    return [
        Difference(a, b, 1.0, 1.0, 5, 0.5, 1.0, (a, b) in apart, None)
        for a, b in combinations(names, 2)
    ]


@pytest.mark.parametrize(
    "apart, expected",
    [
        (set(), {"a": "a", "b": "a", "c": "a"}),
        ({("a", "b"), ("a", "c"), ("b", "c")}, {"a": "a", "b": "b", "c": "c"}),
        ({("a", "c")}, {"a": "a", "b": "ab", "c": "b"}),
        ({("a", "b")}, {"a": "a", "b": "b", "c": "ab"}),
    ],
)
def test_letters(apart: set[tuple[str, str]], expected: dict[str, str]) -> None:
    assert groups_of("abc", pairs_with("abc", apart)) == expected


@pytest.mark.parametrize("seed", range(4))
def test_two_share_a_letter_exactly_where_they_cannot_be_told_apart(seed: int) -> None:
    generator, names = np.random.default_rng(seed), "abcdefg"
    apart = {pair for pair in combinations(names, 2) if generator.random() < 0.4}
    letters = groups_of(names, pairs_with(names, apart))
    for a, b in combinations(names, 2):
        assert bool(set(letters[a]) & set(letters[b])) == ((a, b) not in apart)
