"""Which results differ by more than chance: the same seeds for all, and pairs judged together.

Two contenders that were trained from the same seeds give a difference for each seed. The mean of
these is held against their spread by Student's t test, and because many pairs are looked at,
by Holm's procedure: the probability that any pair is told apart wrongly is at most 5 %.

Sources:
    Student, "The Probable Error of a Mean", 1908; Holm, "A Simple Sequentially Rejective Multiple
    Test Procedure", 1979; Piepho, "An Algorithm for a Letter-Based Representation of All-Pairwise
    Comparisons", 2004.
"""

from __future__ import annotations

import math
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, stdev

from glassgrad.lens.comparing.student import critical_value, two_sided_probability

__all__ = ["Difference", "groups_of", "holm_levels", "paired_differences", "seeds_needed"]

LEVEL = 0.05  # the probability that any pair is told apart although nothing but chance differs
POWER = 0.8  # how probably a difference is to be found with as many seeds as are called needed
MOST_SEEDS = 1_000
LEAST_SPREAD = 1e-6  # of the size of the values: float32 knows no finer differences


@dataclass(frozen=True)
class Difference:
    """Two contenders held against each other.

    Args:
        first: the one.
        second: the other.
        mean: the result of the first less that of the second, mean over the seeds.
        spread: the standard deviation of that difference over the seeds.
        seeds: how many there are.
        probability: that chance alone makes a mean as far from zero, for this pair alone.
        margin: how large the mean would have had to be for the two to be told apart.
        is_told_apart: whether it is larger.
        seeds_needed: about how many seeds would show a difference of this size; ``None`` where it
            shows already, or where there would have to be more than a thousand.
    """

    first: str
    second: str
    mean: float
    spread: float
    seeds: int
    probability: float
    margin: float
    is_told_apart: bool
    seeds_needed: int | None


def paired_differences(
    results: Mapping[str, Sequence[float]], resolution: float = 0.0
) -> tuple[Difference, ...]:
    """Judge every pair of contenders.

    Args:
        results: for each contender the results of the seeds, finite and in the same order.
        resolution: the smallest step of a result, such as one example of an accuracy; a spread
            that looks smaller is taken to be that.

    Returns:
        The pairs; none where there are fewer than two seeds.

    Example:
        >>> (found,) = paired_differences({"a": [3.0, 3.1, 3.2, 3.0], "b": [1.0, 1.2, 1.1, 1.1]})
        >>> round(found.mean, 3), found.is_told_apart, found.seeds_needed
        (1.975, True, None)
    """
    pairs = [
        (first, second, [a - b for a, b in zip(results[first], results[second], strict=True)])
        for first, second in combinations(results, 2)
    ]
    if not pairs or len(pairs[0][2]) < 2:
        return ()
    sizes = [max(map(abs, (*results[first], *results[second]))) for first, second, _ in pairs]
    means = [fmean(values) for _, _, values in pairs]
    spreads = [
        max(stdev(values), resolution, LEAST_SPREAD * size)
        for (_, _, values), size in zip(pairs, sizes, strict=True)
    ]
    seeds = len(pairs[0][2])
    root, degrees = math.sqrt(seeds), seeds - 1
    probabilities = [
        two_sided_probability(_ratio(mean, spread) * root, degrees)
        for mean, spread in zip(means, spreads, strict=True)
    ]
    found = []
    for (first, second, _), mean, spread, probability, level in zip(
        pairs, means, spreads, probabilities, holm_levels(probabilities), strict=True
    ):
        is_told_apart = probability <= level
        margin = critical_value(level, degrees) * spread / root
        needed = None if is_told_apart else seeds_needed(_ratio(mean, spread), LEVEL / len(pairs))
        found.append(
            Difference(
                first, second, mean, spread, seeds, probability, margin, is_told_apart, needed
            )
        )
    return tuple(found)


def _ratio(mean: float, spread: float) -> float:
    return mean / spread if spread else 0.0  # without any spread all values are zero


def holm_levels(probabilities: Sequence[float], level: float = LEVEL) -> list[float]:
    """The level that each probability has to reach, so that ``level`` holds for all together.

    The smallest is held against level / number, the next against level / (number - 1), until one
    is too large; that one's level holds for all the rest.

    Example:
        >>> [round(one, 4) for one in holm_levels([0.2, 0.001, 0.03])]
        [0.025, 0.0167, 0.025]
    """
    levels = [0.0] * len(probabilities)
    left = len(probabilities)
    for place in sorted(range(len(probabilities)), key=probabilities.__getitem__):
        levels[place] = level / left
        if probabilities[place] <= levels[place] and left > 1:
            left -= 1
    return levels


def seeds_needed(ratio: float, level: float) -> int | None:
    """About how many seeds show a difference in four of five comparisons.

    The least n for which the mean is as many standard errors from zero as the critical value and
    the strength of the test together ask for: ratio √n >= t(level) + t(2 (1 - 0.8)).

    Args:
        ratio: the mean of the difference divided by its spread.
        level: the level at which the pair is judged.

    Example:
        >>> seeds_needed(1.0, 0.05), seeds_needed(0.0, 0.05)
        (10, None)
    """

    def is_enough(seeds: int) -> bool:
        degrees = seeds - 1
        wanted = critical_value(level, degrees) + critical_value(2 * (1 - POWER), degrees)
        return abs(ratio) * math.sqrt(seeds) >= wanted

    if not is_enough(MOST_SEEDS):
        return None
    low, high = 1, MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


def groups_of(names: Sequence[str], differences: Sequence[Difference]) -> dict[str, str]:
    """Letters for a table: contenders that share one cannot be told apart.

    Args:
        names: the contenders, the best first.
        differences: every pair of them.

    Example:
        >>> groups_of(["a", "b"], [])
        {'a': 'a', 'b': 'a'}
    """
    apart = {frozenset((one.first, one.second)) for one in differences if one.is_told_apart}
    alike = {
        name: {other for other in names if other != name and frozenset((name, other)) not in apart}
        for name in names
    }
    places = {name: place for place, name in enumerate(names)}
    cliques = sorted(
        sorted(places[name] for name in clique)
        for clique in _cliques(set(), set(names), set(), alike)
    )
    return {
        name: "".join(
            _letter(number) for number, clique in enumerate(cliques) if places[name] in clique
        )
        for name in names
    }


def _letter(number: int) -> str:
    letters = string.ascii_lowercase
    return letters[number] if number < len(letters) else f"({number + 1})"


def _cliques(
    chosen: set[str], open_: set[str], done: set[str], alike: Mapping[str, set[str]]
) -> Iterator[set[str]]:
    """The largest sets of which no two are told apart, by Bron and Kerbosch, 1973."""
    if not open_ and not done:
        yield chosen
        return
    pivot = max(open_ | done, key=lambda name: len(alike[name] & open_))
    for name in sorted(open_ - alike[pivot]):
        yield from _cliques(chosen | {name}, open_ & alike[name], done & alike[name], alike)
        open_, done = open_ - {name}, done | {name}
