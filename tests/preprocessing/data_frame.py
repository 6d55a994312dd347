"""A data frame as pandas makes them, as far as tables know of them: nothing here is installed."""

from __future__ import annotations

from typing import Any

import numpy as np


class NAType:
    """A missing value in a nullable column of pandas: it has no truth and equals nothing."""

    def __bool__(self) -> bool:
        raise TypeError("boolean value of NA is ambiguous")

    def __eq__(self, other: object) -> Any:
        return self

    __hash__ = object.__hash__


NA = NAType()


class Series:
    """Values that are no sequence, and become an array of objects."""

    def __init__(self, values: list[Any], dtype: str) -> None:
        self.values, self.dtype = values, dtype

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        kind = self.dtype if self.dtype.startswith(("datetime", "float", "int")) else object
        return np.array(self.values, kind)


class DataFrame:
    """Columns by name; it is no mapping, and has no truth."""

    def __init__(self, columns: list[tuple[Any, Series]]) -> None:
        self.columns = [name for name, _ in columns]
        self._columns = columns

    def __getitem__(self, name: Any) -> Any:
        found = [series for known, series in self._columns if known == name]
        return found[0] if len(found) == 1 else DataFrame([(name, series) for series in found])

    def __bool__(self) -> bool:
        raise ValueError("The truth value of a DataFrame is ambiguous")


def frame(**columns: tuple[str, list[Any]]) -> DataFrame:
    """A frame of columns, each with its dtype and its values."""
    return DataFrame([(name, Series(v, dtype)) for name, (dtype, v) in columns.items()])
