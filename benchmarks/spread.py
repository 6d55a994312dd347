"""Samples and what they say: medians, quartiles, ratios, geometric means."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

__all__ = ["geometric_mean", "median", "quartiles", "ratio"]


def median(samples: Sequence[float]) -> float:
    """The sample in the middle."""
    return statistics.median(samples)


def quartiles(samples: Sequence[float]) -> tuple[float, float]:
    """Between which values half of the samples lie.

    Example:
        >>> quartiles([1.0, 2.0, 3.0, 4.0, 5.0])
        (2.0, 4.0)
    """
    if len(samples) == 1:
        return samples[0], samples[0]
    first, _, last = statistics.quantiles(samples, method="inclusive")
    return first, last


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    """How many times as long as ours theirs take: the median over rounds.

    The two samples of a round were measured one right after the other, so that what slows the
    machine for a while slows both.

    Example:
        >>> ratio([2.0, 20.0, 4.0], [1.0, 10.0, 1.0])
        2.0
    """
    return median([one / other for one, other in zip(theirs, ours, strict=True)])


def geometric_mean(ratios: Iterable[float]) -> float:
    """The mean of ratios: of 2 and 1/2 it is 1.

    Example:
        >>> geometric_mean([2.0, 0.5])
        1.0
    """
    logarithms = [math.log(value) for value in ratios]
    return math.exp(math.fsum(logarithms) / len(logarithms))
