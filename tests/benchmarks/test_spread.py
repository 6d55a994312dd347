"""What samples say."""

from __future__ import annotations

import pytest

from benchmarks.spread import geometric_mean, median, quartiles, ratio


@pytest.mark.parametrize(
    "samples, middle, ends",
    [
        ([3.0], 3.0, (3.0, 3.0)),
        ([1.0, 3.0], 2.0, (1.5, 2.5)),
        ([5.0, 1.0, 4.0, 2.0, 3.0], 3.0, (2.0, 4.0)),
    ],
)
def test_median_and_quartiles(
    samples: list[float], middle: float, ends: tuple[float, float]
) -> None:
    assert median(samples) == middle
    assert quartiles(samples) == ends


def test_a_round_in_which_the_machine_was_slow_does_not_count() -> None:
    assert ratio([2.0, 200.0, 2.0], [1.0, 100.0, 1.0]) == 2.0


def test_rounds_belong_together() -> None:
    with pytest.raises(ValueError, match="shorter"):
        ratio([1.0, 2.0], [1.0])


def test_geometric_mean() -> None:
    assert geometric_mean([1.0, 4.0, 16.0]) == pytest.approx(4.0)
