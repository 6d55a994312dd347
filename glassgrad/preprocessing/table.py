"""A table: named columns of equal length, each with values of one kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, DataError, UnknownNameError
from glassgrad.preprocessing.column import (
    KINDS,
    Array,
    Column,
    Kind,
    Place,
    column_of,
    row_place,
)

__all__ = ["Table", "checked_kinds", "require_names"]


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of equal length.

    Args:
        columns: The columns, in order.
        source: Where they come from, for messages.
        remarks: What reading has brought to light.
        place: Where a row stands, for messages.

    Raises:
        DataError: There is no column or no row, two have one name, or lengths differ.

    Examples:
        >>> table = Table.of({"size": [1.5, 2.0], "colour": ["red", None]})
        >>> table
        Table(2 rows: size (number), colour (text))
        >>> table["colour"].missing
        array([False,  True])
    """

    columns: tuple[Column, ...]
    source: str = "the table"
    remarks: tuple[str, ...] = ()
    place: Place = row_place

    def __post_init__(self) -> None:
        require_names(self.names, self.source)
        lengths = {column.name: len(column) for column in self.columns}
        if len(set(lengths.values())) > 1:
            raise DataError(f"The columns of {self.source} must be of equal length. Got {lengths}.")
        if not len(self):
            raise DataError(f"There must be one row at least: {self.source} has none.")

    @classmethod
    def of(cls, columns: Any, kinds: Mapping[str, Kind] | None = None) -> Table:
        """A table from lists, arrays or a data frame in memory.

        Args:
            columns: The values of each column by its name; None, NaN and pandas.NA are missing
                values. A dictionary, or a data frame, such as those of pandas and Polars: whatever
                has `columns`, the names, and gives the values of one by `frame[name]`. A column of
                dtype "category" is text.
            kinds: For columns by name what they are: "number", "truth", "date" or "text".

        Raises:
            DataError: As for `Table`, or values are not of the kind asked for.
            ArgumentError: They are neither, a column is not one-dimensional, or a kind is unknown.

        Examples:
            >>> Table.of({"code": [7, 12]}, kinds={"code": "text"})["code"].values
            array(['7', '12'], dtype=object)
        """
        wanted = checked_kinds(kinds)
        return cls(
            tuple(
                column_of(str(name), values, wanted.get(str(name), _declared(values)))
                for name, values in _named(columns)
            )
        )

    @property
    def names(self) -> tuple[str, ...]:
        """What the columns are called."""
        return tuple(column.name for column in self.columns)

    def __len__(self) -> int:
        return len(self.columns[0])

    def __iter__(self) -> Iterator[Column]:
        return iter(self.columns)

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __getitem__(self, name: str) -> Column:
        """The column of a name.

        Raises:
            UnknownNameError: There is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownNameError(f"column of {self.source}", name, self.names)

    def take(self, rows: Array | Sequence[int]) -> Table:
        """The same table with some of its rows."""
        chosen = np.asarray(rows)
        taken = tuple(column.take(chosen) for column in self.columns)
        return Table(taken, self.source, self.remarks, lambda row: self.place(int(chosen[row])))

    def __repr__(self) -> str:
        columns = ", ".join(f"{column.name} ({column.kind})" for column in self.columns)
        return f"Table({len(self):,} rows: {columns})"


def _declared(values: Any) -> Kind | None:
    """Text where a data frame says that values are categories, also if they look like numbers."""
    return "text" if str(getattr(values, "dtype", "")) == "category" else None


def _named(columns: Any) -> Iterable[tuple[Any, Any]]:
    """The names of columns with their values."""
    if isinstance(columns, Mapping):
        return columns.items()
    if not (hasattr(columns, "columns") and hasattr(columns, "__getitem__")):
        raise ArgumentError(
            "A table is made of a data frame, or of a dictionary with a list or an array for each "
            f"column. Got {type(columns).__name__}."
        )
    require_names(list(map(str, columns.columns)), "the table")  # frame[name] may give several
    return ((name, columns[name]) for name in columns.columns)


def require_names(names: Sequence[str], source: str) -> None:
    """Make sure that there are columns, and that a name means one of them.

    Raises:
        DataError: There is no column, or a name stands twice.
    """
    if not names:
        raise DataError(f"There must be one column at least: {source} has none.")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"Columns must have different names. Got {twice[0]!r} {names.count(twice[0])} times in "
            f"{source}; rename all but one."
        )


def checked_kinds(kinds: Mapping[str, Kind] | None) -> Mapping[str, Kind]:
    """What was said about columns, once it is known to make sense.

    Raises:
        ArgumentError: A kind is unknown.
    """
    for name, kind in (kinds or {}).items():
        if kind not in KINDS:
            raise ArgumentError(
                f"The kind of a column must be one of {', '.join(KINDS)}. Got {kind!r} for "
                f"{name!r}."
            )
    return kinds or {}
