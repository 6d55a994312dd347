"""Values far beyond all others: slips of the pen that would decide a training alone."""

from __future__ import annotations

import numpy as np

from glassgrad.preprocessing.column import Array, Column, Place, number_name

__all__ = ["FAR", "extreme_rows", "extremes_in_words"]

FAR = 10
"""How many times as far out as the next value, and as the interquartile range, is extreme."""

_MOST = 0.05  # of the values: more are a group of their own
_FEWEST_VALUES = 8  # below that the quartiles say little


def extreme_rows(values: Array) -> Array:
    """The rows whose values lie far beyond all others, the farthest first.

    With the quartiles Q1 and Q3, the distance of a value is max(Q1 - x, x - Q3, 0). Sorted by it,
    values are extreme down to the last one that is ten times as far out as the one after it, and
    at least ten times Q3 - Q1 away. The long tail of incomes or of waiting times has no such gap
    and is left in peace, however long it is. Where more than one value in twenty would be extreme,
    or half of the values are equal, none is.

    Args:
        values: Numbers, (rows,); NaN where one is missing.

    Examples:
        >>> extreme_rows(np.array([1.0, 2.0, 3.0, 4.0, 5000.0, 6.0, 7.0, 8.0, 9.0]))
        array([4])
        >>> extreme_rows(np.exp(np.linspace(0, 20, 100)))
        array([], dtype=int64)

    Source: J. W. Tukey, "Exploratory Data Analysis", 1977, section 2D, for distances from the
    quartiles; the gap is our addition.
    """
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) < _FEWEST_VALUES:
        return rows[:0]
    distances, spread = _distances(values[rows])
    if not spread:
        return rows[:0]
    order = np.argsort(-distances, kind="stable")
    sorted_distances = distances[order]
    many = max(1, int(_MOST * len(rows)))
    nearer = np.maximum(sorted_distances[1 : many + 1], spread)
    gaps = np.flatnonzero(sorted_distances[:many] >= FAR * nearer)
    return rows[order[: gaps[-1] + 1]] if len(gaps) else rows[:0]


def _distances(values: Array) -> tuple[Array, float]:
    """How far each value is outside of the quartiles, and how far these are apart."""
    scaled = values / (4 * max(float(np.abs(values).max()), np.finfo(np.float64).tiny))
    low, high = np.quantile(scaled, [0.25, 0.75])
    outside = np.maximum(np.maximum(low - scaled, scaled - high), 0)
    return outside, float(high - low)


def extremes_in_words(column: Column, place: Place) -> str:
    """What is to be said of the extreme values of a column of numbers, or "".

    Args:
        column: Any; only numbers have extreme values.
        place: Where a row stands.

    Examples:
        >>> from glassgrad.preprocessing.column import column_of
        >>> prices = column_of("price", [1, 2, 3, 4, 5000, 6, 7, 8, 9])
        >>> extremes_in_words(prices, lambda row: f"line {row + 2}")
        "column 'price': the value 5000 in line 6 lies 998 times the interquartile range above ...
    """
    if column.kind != "number":
        return ""
    rows = extreme_rows(column.values)
    if not len(rows):
        return ""
    row = int(rows[0])
    value = float(column.values[row])
    distances, spread = _distances(column.known)
    side = "above" if value > np.median(column.known) else "below"
    what = f"the value {number_name(value)} in {place(row)} lies"
    if len(rows) > 1:
        what = f"{len(rows):,} values lie far from all others: {number_name(value)} in {place(row)}"
    return (
        f"column {column.name!r}: {what} {distances.max() / spread:,.0f} times the interquartile "
        f"range {side} the middle half of all. If that is a slip, correct it or leave its row out: "
        "in training it outweighs the others"
    )
