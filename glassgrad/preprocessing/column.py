"""One column of a table: values of one kind, some of which may be missing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from glassgrad.errors import ArgumentError, DataError

__all__ = [
    "KINDS",
    "MISSING",
    "Column",
    "Kind",
    "Place",
    "as_kind",
    "column_from_texts",
    "column_of",
    "number_name",
    "row_place",
    "shortened",
]

Kind: TypeAlias = Literal["number", "truth", "date", "text", "empty"]
Array: TypeAlias = npt.NDArray[Any]
Place: TypeAlias = Callable[[int], str]

KINDS: tuple[Kind, ...] = ("number", "truth", "date", "text")
"""What a user may say that a column is; a column without any value is "empty"."""

MISSING = frozenset(
    ("", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NAN", "null", "NULL", "None")
)
"""The texts that stand for a value that is not there."""

_TRUTHS = {"true": 1.0, "false": 0.0}
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?", re.ASCII)
_NUMBER = re.compile(
    r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.I | re.ASCII
)
_MISSING_IN_PANDAS = {"NAType", "NaTType"}  # known by name, since pandas is not needed here
_SHOWN = 40  # characters of a value in a message


@dataclass(frozen=True, eq=False)
class Column:
    """Values of one kind.

    Args:
        name: What the column is called.
        kind: "number", "truth" (1 and 0), "date" (seconds since 1970 in UTC), "text", or "empty".
        values: One for each row: float64 with NaN where a value is missing, or for text an array
            of strings and None.
        remark: What reading it has brought to light, or "".

    Examples:
        >>> column_from_texts("age", ["31", "?", "18.5"]).values
        array([31. ,  nan, 18.5])
    """

    name: str
    kind: Kind
    values: Array
    remark: str = ""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def missing(self) -> Array:
        """Which values are not there, (rows,) of bool."""
        if self.values.dtype == object:
            return np.fromiter((value is None for value in self.values), bool, len(self))
        return np.isnan(self.values)

    @property
    def known(self) -> Array:
        """The values that are there."""
        return self.values[~self.missing]

    def take(self, rows: Array) -> Column:
        """The same column with some of its rows."""
        return Column(self.name, self.kind, self.values[rows], self.remark)

    def texts(self) -> list[str | None]:
        """Every value as text: 3.0 as "3", a truth as "true" or "false".

        Examples:
            >>> column_of("n", [1, None, 2.5]).texts()
            ['1', None, '2.5']
        """
        if self.values.dtype == object:
            return cast("list[str | None]", self.values.tolist())
        name = _truth_name if self.kind == "truth" else number_name
        return [None if math.isnan(value) else name(value) for value in self.values.tolist()]


def number_name(value: float) -> str:
    """A number as a person writes it.

    Examples:
        >>> number_name(3.0), number_name(0.25)
        ('3', '0.25')
    """
    return str(int(value)) if value == int(value) and abs(value) < 1e16 else repr(value)


def _truth_name(value: float) -> str:
    return "true" if value else "false"


# ---- from texts, as files hold them


def column_from_texts(
    name: str, texts: Sequence[str], kind: Kind | None = None, place: Place | None = None
) -> Column:
    """A column from the texts of a file, of the kind that all of them fit.

    A column is numbers, truths or ISO dates where every value is one, and else text.

    Args:
        name: What it is called.
        texts: One for each row; those of `MISSING` mean that there is no value.
        kind: What it has to be; by default what it looks like.
        place: Where a row stands, for messages; "row 1", "row 2", … by default.

    Raises:
        DataError: A value is infinite, or not of the kind asked for.

    Examples:
        >>> column_from_texts("fits", ["true", "False", ""]).kind
        'truth'
        >>> column_from_texts("day", ["2024-02-29"], kind="number")
        Traceback (most recent call last):
        glassgrad.errors.DataError: Column 'day' must hold numbers. Got '2024-02-29' in row 1. ...
    """
    place = place or row_place
    values = [None if (text := raw.strip()) in MISSING else text for raw in texts]
    known = [value for value in values if value is not None]
    if kind == "text" or (kind is None and not known):
        return Column(name, "text" if known else "empty", _as_objects(values))
    for candidate, parse in _PARSERS.items():
        if kind in (None, candidate) and (numbers := parse(known)) is not None:
            return _filled(name, candidate, values, numbers, place)
    if kind is None:
        return Column(name, "text", _as_objects(values), _what_spoils_numbers(values, place))
    raise _of_another_kind(name, kind, values, place)


def row_place(index: int) -> str:
    """Where a row stands, if nothing better is known."""
    return f"row {index + 1}"


def _as_objects(values: Sequence[object]) -> Array:
    objects = np.empty(len(values), object)
    objects[:] = values
    return objects


def _numbers(texts: Sequence[str]) -> list[float] | None:
    joined = "".join(texts)
    if not joined.isascii() or "_" in joined:  # float() takes 1_000 and ١٢
        return None
    try:
        return list(map(float, texts))
    except ValueError:
        return None


def _truths(texts: Sequence[str]) -> list[float] | None:
    found = [_TRUTHS.get(text.lower()) for text in texts]
    return None if None in found else cast("list[float]", found)


def _dates(texts: Sequence[str]) -> list[float] | None:
    if not all(map(_ISO_DATE.fullmatch, texts)):
        return None
    try:
        return [_seconds(datetime.fromisoformat(text)) for text in texts]
    except ValueError:
        return None


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_PARSERS: dict[Kind, Callable[[Sequence[str]], list[float] | None]] = {
    "number": _numbers,
    "truth": _truths,
    "date": _dates,
}
_WORDS: dict[Kind, str] = {
    "number": "numbers",
    "truth": "true or false",
    "date": "ISO dates such as 2024-02-29",
}


def _filled(
    name: str, kind: Kind, values: Sequence[str | None], known: Sequence[float], place: Place
) -> Column:
    found = np.full(len(values), np.nan)
    found[np.fromiter((value is not None for value in values), bool, len(values))] = known
    require_no_infinity(name, found, place)
    return Column(name, kind, found)


def require_no_infinity(name: str, values: Array, place: Place = row_place) -> None:
    """Refuse a number that no float64 holds, or that is infinite as it stands."""
    infinite = np.isinf(values)
    if infinite.any():
        row = int(infinite.argmax())
        raise DataError(
            f"Column {name!r} must hold finite numbers. Got infinity, or a number beyond "
            f"1.8e308, in {place(row)}. Correct it, or leave the value out."
        )


def _of_another_kind(
    name: str, kind: Kind, values: Sequence[str | None], place: Place
) -> DataError:
    parse = _PARSERS[kind]
    row, wrong = next(
        ((row, value) for row, value in enumerate(values) if value and parse([value]) is None),
        (0, values[0]),
    )
    return DataError(
        f"Column {name!r} must hold {_WORDS[kind]}. Got {shortened(wrong)} in {place(row)}. "
        "Correct the value, or leave it out."
    )


def shortened(value: str | None) -> str:
    """A value as a message quotes it."""
    text = value or ""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _what_spoils_numbers(values: Sequence[str | None], place: Place) -> str:
    """A column of numbers with a few slips of the pen would be taken as text without a word."""
    known = sum(value is not None for value in values)
    others = [row for row, value in enumerate(values) if value and not _NUMBER.fullmatch(value)]
    if not others or len(others) * 10 > known:
        return ""
    first = others[0]
    return (
        f"{known - len(others):,} of {known:,} values are numbers, but {place(first)} holds "
        f"{shortened(values[first])}"
    )


# ---- from values of Python, NumPy or Parquet


def column_of(name: str, values: Any, kind: Kind | None = None) -> Column:
    """A column from values in memory.

    Args:
        name: What it is called.
        values: A one-dimensional array, or a list; None and NaN mean that there is no value.
        kind: What it has to be; by default what it looks like.

    Raises:
        ArgumentError: The values are no one-dimensional list.
        DataError: They are neither numbers, truths, dates nor text, or not of the kind asked for.

    Examples:
        >>> column_of("size", np.array([1, 2], np.int8)).kind
        'number'
        >>> column_of("colour", ["red", None]).kind
        'text'
    """
    array = _one_dimensional(name, values)
    if array.dtype.kind == "M":
        return as_kind(_from_moments(name, array), kind)
    if array.dtype.kind == "b":
        return as_kind(Column(name, "truth", array.astype(np.float64)), kind)
    if array.dtype.kind in "iuf":
        with np.errstate(invalid="ignore"):  # of the NaN that there are, some announce themselves
            numbers = array.astype(np.float64)
        require_no_infinity(name, numbers)
        return as_kind(Column(name, "number", numbers), kind)
    if array.dtype.kind in "US":
        return column_from_texts(name, [_text(name, value) for value in array.tolist()], kind)
    if array.dtype.kind == "O":
        return _from_objects(name, array.tolist(), kind)
    raise DataError(
        f"Column {name!r} must hold numbers, truths, dates or text. Got dtype {array.dtype}."
    )


def _one_dimensional(name: str, values: Any) -> Array:
    if not isinstance(values, np.ndarray):
        values = _as_objects(list(values)) if isinstance(values, Sequence) else np.asarray(values)
    if values.ndim != 1:
        raise ArgumentError(
            f"Column {name!r} must be one-dimensional: one value for each row. Got shape "
            f"{values.shape}."
        )
    return cast("Array", values)


def _from_moments(name: str, array: Array) -> Column:
    missing = np.isnat(array)
    microseconds = np.where(missing, 0, array.astype("M8[us]").astype(np.int64))
    return Column(name, "date", np.where(missing, np.nan, microseconds / 1e6))


def _from_objects(name: str, values: list[Any], kind: Kind | None) -> Column:
    known = [value for value in values if not _is_missing(value)]
    if known and all(isinstance(value, bool | np.bool_) for value in known):
        return as_kind(Column(name, "truth", _as_floats(name, values)), kind)
    if known and all(isinstance(value, int | float | Decimal | np.number) for value in known):
        numbers = _as_floats(name, values)
        require_no_infinity(name, numbers)
        return as_kind(Column(name, "number", numbers), kind)
    texts = ["" if _is_missing(value) else _text(name, value) for value in values]
    return column_from_texts(name, texts, kind)


def _is_missing(value: Any) -> bool:
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    return value is None or type(value).__name__ in _MISSING_IN_PANDAS


def _as_floats(name: str, values: list[Any]) -> Array:
    try:
        return np.array([np.nan if _is_missing(value) else float(value) for value in values])
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"Column {name!r} must hold numbers that fit into 64 bits. {error}."
        ) from error


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, int | float | bool | np.generic):
        return str(value)
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    raise DataError(
        f"Column {name!r} must hold numbers, truths, dates or text. Got "
        f"{shortened(repr(value))} of type {type(value).__name__}."
    )


def as_kind(column: Column, kind: Kind | None) -> Column:
    """The column as the kind that was asked for; None asks for none.

    Raises:
        DataError: A value is not of that kind.

    Examples:
        >>> as_kind(column_of("code", [7, 12]), "text").values
        array(['7', '12'], dtype=object)
    """
    if kind is None or kind == column.kind:
        return column
    if kind == "number" and column.kind == "truth":
        return Column(column.name, "number", column.values)
    return column_from_texts(column.name, [text or "" for text in column.texts()], kind)
