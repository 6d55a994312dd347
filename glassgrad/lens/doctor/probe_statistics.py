"""What becomes of the arrays of a visit: root mean squares, fractions of units, deviations.

Arrays have examples along their first axis and units along their last. NumPy is quick enough for
what is looked at now and then, and needs no kernel to be compiled for it; a module of PyTorch is
measured by the same functions. What is not finite shows in the results, and is no reason to warn.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from glassgrad.graph.operation import Array
from glassgrad.lens.doctor.activity import FLAT, Function

__all__ = [
    "Spread",
    "entropies",
    "means_by_class",
    "rms",
    "rows_of_units",
    "saturated",
    "silent",
    "spread",
    "unit_norms",
    "unit_ratio",
]

SAFE = (1e-15, 1e15)  # sizes whose squares neither under- nor overflow in float32
FLOOR = 1e-3  # under the norm of weights that a gradient is compared with
SMALLEST_WEIGHT = 1e-37  # w ln w is 0 there, in float32 as well
SMALLEST = 1e-300  # so that nothing is divided by 0


@np.errstate(all="ignore")
def rms(x: Array) -> float:
    """The root of the mean square of all elements: sqrt(mean(x²)).

    Squares of very small and very large numbers leave float32, and are taken in float64 then.

    Args:
        x: of any shape; 0 for an empty one, and not finite just where an element is not.

    Example:
        >>> rms(np.array([3.0, -3.0], np.float32)), rms(np.full(9, 1e-30, np.float32)) > 0
        (3.0, True)
    """
    flat = x.reshape(-1) if x.dtype.kind == "f" else x.reshape(-1).astype(np.float64)
    if not flat.size:
        return 0.0
    total = float(np.dot(flat, flat))
    if SAFE[0] ** 2 < total < SAFE[1] ** 2:
        return sqrt(total / flat.size)
    largest = float(np.abs(flat).max())
    if largest == 0 or not np.isfinite(largest):
        return largest
    scaled = flat.astype(np.float64) / largest
    return largest * sqrt(float(np.dot(scaled, scaled)) / flat.size)


@dataclass(frozen=True)
class Spread:
    """How far values differ.

    Args:
        deviation: standard deviation of all elements.
        of_units: standard deviation over examples, at each position and unit, as mean.
    """

    deviation: float
    of_units: float


@np.errstate(all="ignore")
def spread(x: Array) -> Spread:
    """The deviations of (examples, …, units).

    Example:
        >>> spread(np.array([[1.0, 5.0], [1.0, 5.0]]))
        Spread(deviation=2.0, of_units=0.0)
    """
    rows = x.reshape(len(x), -1)
    if not SAFE[0] < rms(rows) < SAFE[1]:
        rows = rows.astype(np.float64)
    means = rows.mean(axis=0)
    rest = rows - means
    variances = np.square(rest, out=rest).mean(axis=0)
    between = float(means.astype(np.float64).var())
    return Spread(sqrt(variances.mean() + between), float(np.sqrt(variances).mean()))


# ---- units


def rows_of_units(x: Array) -> Array:
    """(examples, …, units) as (rows, units)."""
    return x.reshape(-1, x.shape[-1]) if x.ndim else x.reshape(1, 1)


def silent(y: Array) -> float:
    """The fraction of units whose output, at least 0 as in the ReLU family, is 0 in all rows.

    Example:
        >>> silent(np.array([[0.0, 0.0], [0.0, 2.0]]))
        0.5
    """
    return float((rows_of_units(y).max(axis=0) == 0).mean())


@np.errstate(all="ignore")
def saturated(y: Array, function: Function | None) -> float | None:
    """The fraction of units that lie at the ends of their function in more than half of the rows.

    Args:
        y: what the function has given, (examples, …, units).
        function: has an end where its derivative goes to 0; ``None`` for the others.

    Example:
        >>> from glassgrad.lens.doctor.activity import TANH
        >>> saturated(np.tanh([[3.0, 0.1], [-3.0, 3.0], [9.0, 1.0]]), TANH)
        0.5
    """
    if function is None or function.slope is None:
        return None
    flat = function.slope(rows_of_units(y)) < FLAT
    return float((flat.mean(axis=0) > 0.5).mean())


@np.errstate(all="ignore")
def unit_norms(x: Array, axes: tuple[int, ...]) -> Array:
    """The norm of each unit's numbers, a number for each unit.

    Args:
        x: a parameter, or its gradient.
        axes: along which units are counted; all others belong to one of them.
    """
    others = tuple(axis for axis in range(x.ndim) if axis not in axes)
    norms: Array = np.asarray(np.sqrt(np.square(x).sum(axis=others), dtype=np.float64))
    doubtful = ~((norms > SAFE[0]) & (norms < SAFE[1]))
    if doubtful.any():
        of_units = np.moveaxis(x, axes, range(len(axes)))[doubtful].reshape(doubtful.sum(), -1)
        largest = np.abs(of_units).max(axis=1, initial=0.0).astype(np.float64)
        scaled = of_units / np.maximum(largest, SMALLEST)[:, np.newaxis]
        norms[doubtful] = largest * np.sqrt(np.square(scaled).sum(axis=1))
    return norms


@np.errstate(all="ignore")
def unit_ratio(gradient: Array, weights: Array) -> float:
    """The greatest norm of a unit's gradient over the norm of its weights.

    Args:
        gradient: norms of the gradients, a number for each unit.
        weights: norms of the weights; 1e-3 takes the place of smaller ones.

    Source: Brock, De, Smith, Simonyan, "High-performance large-scale image recognition without
    normalization", 2021.
    """
    return float((gradient / np.maximum(weights, FLOOR)).max(initial=0.0))


# ---- classes and attention


@np.errstate(all="ignore")
def means_by_class(values: Array, labels: Array, classes: int) -> tuple[float, ...]:
    """The mean value of the examples of each class; no number where a class has none.

    Example:
        >>> means_by_class(np.array([1.0, 3.0, 8.0]), np.array([0, 0, 2]), 3)
        (2.0, nan, 8.0)
    """
    counts = np.bincount(labels, minlength=classes)[:classes]
    sums = np.bincount(labels, values, minlength=classes)[:classes]
    means = np.divide(sums, counts, where=counts > 0, out=np.full(classes, np.nan))
    return tuple(float(mean) for mean in means)


def entropies(weights: Array, seen: Array) -> tuple[float, ...]:
    """The entropy of the rows over the logarithm of how many keys they see, mean for each head.

    Formula: -Σ_j w_j ln w_j / ln n, for the n keys that a query sees; queries that see one key, or
    none, have no choice and do not count.

    Args:
        weights: (batch, heads, queries, keys), each row of sum 1.
        seen: how many keys each query sees, of a shape that broadcasts to (batch, heads, queries).

    Example:
        >>> even, sure = np.full((1, 1, 1, 4), 0.25), np.array([[[[1.0, 0.0, 0.0, 0.0]]]])
        >>> entropies(np.concatenate([even, sure], 1), np.array([[[4]]]))
        (1.0, 0.0)
    """
    rows = -np.einsum("bhts,bhts->bht", weights, np.log(np.maximum(weights, SMALLEST_WEIGHT)))
    counts = np.broadcast_to(seen, rows.shape)
    has_choice = counts > 1
    shares = np.divide(
        rows, np.log(np.maximum(counts, 2)), where=has_choice, out=np.zeros(rows.shape)
    )
    numbers = np.maximum(has_choice.sum(axis=(0, 2)), 1)
    return tuple(float(share) + 0.0 for share in shares.sum(axis=(0, 2)) / numbers)
