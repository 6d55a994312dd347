"""What is done to one column, so that a network can take it: learned once, then plain data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from glassgrad.errors import DataError
from glassgrad.preprocessing.column import Array, Column, Kind, as_kind, number_name, shortened
from glassgrad.serialization import Configurable, Registry

__all__ = [
    "MOST_CATEGORIES",
    "Feature",
    "LeftOut",
    "Moment",
    "OneHot",
    "Standardized",
    "deserialize",
    "distances",
    "learn_feature",
    "mean_and_deviation",
]

MOST_CATEGORIES = 50
"""A text column with more different values than this is left out."""

_IDENTIFIERS = frozenset(("id", "index", "key", "nr", "no", "number", "row", "uuid"))
_SHOWN_CATEGORIES = 6
_registry: Registry[Feature]


class Feature(Configurable):
    """What becomes of one column: `width` numbers for each row."""

    name: str

    @property
    def kind(self) -> Kind | None:
        """What the column has to be read as."""
        return None

    @property
    def width(self) -> int:
        """How many numbers the column becomes."""
        raise NotImplementedError

    def encode(self, column: Column) -> Array:
        """The numbers of a column, (rows, width) of float64.

        Raises:
            DataError: A value is not of the kind with which the network has learned.
        """
        raise NotImplementedError

    def described(self) -> str:
        """What is done, in a few words."""
        raise NotImplementedError

    def remarks(self, column: Column) -> list[str]:
        """What is unusual about new values."""
        return []


_registry = Registry("column encoding", Feature)


@_registry.register()
class Standardized(Feature):
    """A number as its distance from the mean: z = (x - mean) / deviation.

    A missing value becomes the mean, z = 0. Where values were missing in training, a second
    number says so: 1 for missing, else 0.

    Args:
        name: The column.
        mean: Over the known values of the training part.
        deviation: Their standard deviation, sqrt(mean((x - mean)²)); 1 where all are equal.
        missing: How many values were missing in the training part.
        of: "number" or "truth" (1 and 0).

    Examples:
        >>> from glassgrad.preprocessing.column import column_of
        >>> Standardized("x", 10.0, 2.0, missing=1).encode(column_of("x", [12.0, None]))
        array([[1., 0.],
               [0., 1.]])

    Source: Y. LeCun, L. Bottou, G. Orr and K.-R. Müller, "Efficient BackProp", 1998, section 4.3.
    """

    def __init__(
        self, name: str, mean: float, deviation: float, missing: int = 0, of: Kind = "number"
    ) -> None:
        self.name, self.mean, self.deviation = name, mean, deviation
        self.missing, self.of = missing, of

    @property
    def kind(self) -> Kind:
        """As in training."""
        return self.of

    @property
    def width(self) -> int:
        """One, and one more that tells missing values."""
        return 1 + bool(self.missing)

    def encode(self, column: Column) -> Array:
        """z, and whether the value is missing."""
        column = as_kind(column, self.of)
        return _joined(self._distances(column), column, self.missing)

    def _distances(self, column: Column) -> Array:
        known = np.where(column.missing, self.mean, column.values)
        return _finite(distances(known, self.mean, self.deviation), self, column)

    def described(self) -> str:
        """The mean and the deviation."""
        mean, deviation = f"{self.mean:.4g}", f"{self.deviation:.4g}"
        return f"{self.of}: standardised by mean {mean}, deviation {deviation}" + _of_missing(
            self.missing, "the mean"
        )

    def remarks(self, column: Column) -> list[str]:
        """Missing values where none was missing in training."""
        return _new_missing(column, self.missing, "the mean")


@_registry.register()
class Moment(Feature):
    """A date as its distance from the mean, and as its place in year, week and day.

    A place in a cycle of length T becomes sin(2πt / T) and cos(2πt / T), so that December stands
    next to January.

    Args:
        name: The column.
        mean: Of the seconds since 1970 over the known values of the training part.
        deviation: Their standard deviation.
        cycles: Those of "year", "week" and "day" that count.
        missing: How many values were missing in the training part.

    Examples:
        >>> from glassgrad.preprocessing.column import column_of
        >>> day = column_of("day", ["1970-01-01", "1970-01-02"])
        >>> Moment("day", 43200.0, 43200.0, ["day"]).encode(day)
        array([[-1.,  0.,  1.],
               [ 1.,  0.,  1.]])
    """

    SECONDS: ClassVar[Mapping[str, float]] = {
        "year": 365.2425 * 86_400,
        "week": 7 * 86_400,
        "day": 86_400,
    }

    def __init__(
        self, name: str, mean: float, deviation: float, cycles: list[str], missing: int = 0
    ) -> None:
        self.name, self.mean, self.deviation = name, mean, deviation
        self.cycles, self.missing = list(cycles), missing

    @property
    def kind(self) -> Kind:
        """Dates."""
        return "date"

    @property
    def width(self) -> int:
        """One, two for each cycle, and one that tells missing values."""
        return 1 + 2 * len(self.cycles) + bool(self.missing)

    def encode(self, column: Column) -> Array:
        """z, sine and cosine of each cycle, and whether the value is missing."""
        column = as_kind(column, "date")
        seconds = np.where(column.missing, self.mean, column.values)
        parts = [(seconds - self.mean) / self.deviation]
        for cycle in self.cycles:
            angle = 2 * np.pi * np.mod(seconds / self.SECONDS[cycle], 1.0)
            parts += [np.sin(angle), np.cos(angle)]
        return _joined(np.stack(parts, axis=1), column, self.missing)

    def described(self) -> str:
        """The cycles."""
        cycles = f", and its place in {', '.join(self.cycles)}" if self.cycles else ""
        return f"date: standardised{cycles}" + _of_missing(self.missing, "the mean")

    def remarks(self, column: Column) -> list[str]:
        """Missing values where none was missing in training."""
        return _new_missing(column, self.missing, "the mean")


@_registry.register()
class OneHot(Feature):
    """A text as one number for each category: 1 for its own, 0 for the others.

    A text that was not seen in training becomes zeros. Where values were missing in training, a
    last number says so.

    Args:
        name: The column.
        categories: The values of the training part, in alphabetical order.
        missing: How many values were missing in the training part.

    Examples:
        >>> from glassgrad.preprocessing.column import column_of
        >>> OneHot("colour", ["blue", "red"]).encode(column_of("colour", ["red", "green"]))
        array([[0., 1.],
               [0., 0.]])
    """

    def __init__(self, name: str, categories: list[str], missing: int = 0) -> None:
        self.name, self.categories, self.missing = name, list(categories), missing

    @property
    def kind(self) -> Kind:
        """Text, even where it looks like numbers."""
        return "text"

    @property
    def width(self) -> int:
        """One for each category, and one that tells missing values."""
        return len(self.categories) + bool(self.missing)

    def encode(self, column: Column) -> Array:
        """A row of zeros with a 1 in it."""
        column = as_kind(column, "text")
        places = {category: place for place, category in enumerate(self.categories)}
        place = np.fromiter((places.get(value, -1) for value in column.values), int, len(column))
        hot = place[:, None] == np.arange(len(self.categories))
        return _joined(hot.astype(np.float64), column, self.missing)

    def described(self) -> str:
        """The categories."""
        shown = ", ".join(self.categories[:_SHOWN_CATEGORIES])
        more = len(self.categories) - _SHOWN_CATEGORIES
        names = f"{shown} and {more} more" if more > 0 else shown
        return f"text: one number for each of {names}" + _of_missing(self.missing, "zeros")

    def remarks(self, column: Column) -> list[str]:
        """Categories that were not seen in training, and missing values where there were none."""
        counts = Counter(text for text in as_kind(column, "text").values if text is not None)
        unknown = [text for text in counts if text not in set(self.categories)]
        found = _new_missing(column, self.missing, "zeros")
        if unknown:
            rows = sum(counts[text] for text in unknown)
            found.append(
                f"column {self.name!r}: {_rows_hold(rows)} what was not seen in training, such as "
                f"{shortened(unknown[0])}; they become zeros"
            )
        return found


@_registry.register()
class LeftOut(Feature):
    """A column that the network does not see.

    Args:
        name: The column.
        reason: Why.

    Examples:
        >>> LeftOut("id", "it names the rows").described()
        'left out: it names the rows'
    """

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason

    @property
    def width(self) -> int:
        """None."""
        return 0

    def encode(self, column: Column) -> Array:
        """Nothing."""
        return np.zeros((len(column), 0))

    def described(self) -> str:
        """The reason."""
        return f"left out: {self.reason}"


def deserialize(config: Any) -> Feature:
    """The feature that a configuration describes.

    Raises:
        UnknownNameError, ArgumentError: It describes none.
    """
    return _registry.deserialize(config)


# ---- learning from the training part


def learn_feature(column: Column) -> Feature:
    """What is to be done to a column, from the values of the training part.

    Args:
        column: The training part of it.

    Examples:
        >>> from glassgrad.preprocessing.column import column_of
        >>> learn_feature(column_of("x", [1.0, 3.0]))
        Standardized(name='x', mean=2.0, deviation=1.0, missing=0, of='number')
        >>> learn_feature(column_of("x", [5, 5, 5])).described()
        'left out: every value is 5'
    """
    missing = int(column.missing.sum())
    if missing == len(column):
        return LeftOut(column.name, "it has no value")
    if column.kind == "text":
        return _learn_categories(column, missing)
    return _learn_numbers(column, missing)


def _learn_categories(column: Column, missing: int) -> Feature:
    categories = sorted(set(column.known))
    if len(categories) == 1 and not missing:
        return LeftOut(column.name, f"every value is {shortened(categories[0])}")
    if len(categories) > MOST_CATEGORIES:
        many = f"{len(categories):,} different texts, and {MOST_CATEGORIES} are the most"
        return LeftOut(column.name, column.remark or many)
    if len(categories) == len(column.known) > 2:
        return LeftOut(column.name, "no value comes twice")
    return OneHot(column.name, categories, missing)


def _learn_numbers(column: Column, missing: int) -> Feature:
    known = column.known
    mean, deviation = mean_and_deviation(known)
    if not deviation and not missing:
        if known.min() < known.max():
            return LeftOut(column.name, "its values differ by less than can be computed with")
        value = column.take(np.flatnonzero(~column.missing)[:1]).texts()[0]
        return LeftOut(column.name, f"every value is {value}")
    if column.kind == "number" and _names_the_rows(column.name, known):
        return LeftOut(column.name, "it names the rows")
    if column.kind == "date":
        return Moment(column.name, mean, deviation or 1.0, _cycles(known), missing)
    return Standardized(column.name, mean, deviation or 1.0, missing, column.kind)


def mean_and_deviation(values: Array) -> tuple[float, float]:
    """The mean, and the square root of the mean squared distance from it, whatever the size.

    Args:
        values: One number at least, all finite.

    Examples:
        >>> mean_and_deviation(np.array([1e308, 1.5e308]))
        (1.25e+308, 2.5e+307)
    """
    _, exponent = math.frexp(float(np.abs(values).max()))
    with np.errstate(under="ignore"):
        scaled = np.ldexp(values, -exponent)  # exact, so that nothing else changes
        return math.ldexp(scaled.mean(), exponent), math.ldexp(scaled.std(), exponent)


def distances(values: Array, mean: float, deviation: float) -> Array:
    """(x - mean) / deviation; infinite or NaN where that is beyond all numbers.

    Args:
        values: Finite numbers x.
        mean: Their mean.
        deviation: Their standard deviation, not 0.

    Examples:
        >>> distances(np.array([1.0, 4.0]), 2.0, 0.5)
        array([-2.,  4.])
    """
    # Each quotient by itself: a difference of huge numbers could be infinite.
    with np.errstate(all="ignore"):
        return np.asarray(values / deviation - np.float64(mean) / deviation)


def _cycles(seconds: Array) -> list[str]:
    """The cycles along which the values differ, and that they go through."""
    extent = seconds.max() - seconds.min()
    return [
        name
        for name, length in Moment.SECONDS.items()
        if extent >= length / 2 and np.ptp(np.mod(seconds, length)) > 0
    ]


def _names_the_rows(name: str, values: Array) -> bool:
    """Whether a column is a key: it is called one, and no value comes twice."""
    words = name.lower().replace("-", "_").replace(" ", "_").split("_")
    is_called_one = words[-1] in _IDENTIFIERS or name.lower().startswith("unnamed")
    is_whole = bool((values == np.floor(values)).all())
    return is_called_one and is_whole and len(np.unique(values)) == len(values) > 2


# ---- what features share


def _joined(numbers: Array, column: Column, missing: int) -> Array:
    """The numbers, with one more that tells missing values where training knew some."""
    parts = [numbers if numbers.ndim == 2 else numbers[:, None]]
    if missing:
        parts.append(column.missing[:, None].astype(np.float64))
    return np.concatenate(parts, axis=1)


def _finite(z: Array, feature: Standardized, column: Column) -> Array:
    largest = np.finfo(np.float32).max
    beyond = ~(np.abs(z) <= largest)  # which is right for NaN, the difference of two infinities
    if beyond.any():
        row = int(beyond.argmax())
        raise DataError(
            f"Column {feature.name!r} has {number_name(float(column.values[row]))} in row "
            f"{row + 1}, too far from the mean {feature.mean:.4g} (deviation "
            f"{feature.deviation:.4g}) to be computed with. Correct it, or leave it out."
        )
    return z


def _of_missing(missing: int, become: str) -> str:
    if not missing:
        return ""
    return f"; {missing:,} missing: they become {become}, and one more number tells them"


def _rows_hold(rows: int) -> str:
    return "1 row holds" if rows == 1 else f"{rows:,} rows hold"


def _values_are_missing(values: int) -> str:
    return "1 value is missing" if values == 1 else f"{values:,} values are missing"


def _new_missing(column: Column, missing_before: int, become: str) -> list[str]:
    missing = int(column.missing.sum())
    if not missing or missing_before:
        return []
    return [
        f"column {column.name!r}: {_values_are_missing(missing)}, as none was in training; they "
        f"become {become}"
    ]
