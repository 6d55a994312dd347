"""Tables from files: which reader a file's name asks for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from glassgrad.datasets.arrays import table_of_arrays
from glassgrad.datasets.csv_file import read_csv
from glassgrad.datasets.numpy_file import ARRAY_FILES, read_arrays
from glassgrad.datasets.parquet_file import read_parquet
from glassgrad.errors import FileError
from glassgrad.files import exists
from glassgrad.preprocessing import Table
from glassgrad.preprocessing.column import Kind

__all__ = ["TABLE_FILES", "is_table_file", "read_table"]

Reader = Callable[[str | os.PathLike[str], Mapping[str, Kind] | None], Table]


def _read_numpy(path: str | os.PathLike[str], kinds: Mapping[str, Kind] | None = None) -> Table:
    return table_of_arrays(read_arrays(path), repr(os.fspath(path)), kinds)


_READERS: Mapping[str, Reader] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".txt": read_csv,
    ".parquet": read_parquet,
    **dict.fromkeys(ARRAY_FILES, _read_numpy),
}
TABLE_FILES = tuple(_READERS)
"""The endings of files that hold tables."""


def is_table_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file's name says that it holds a table.

    Examples:
        >>> is_table_file("flowers.CSV"), is_table_file("flowers.xlsx")
        (True, False)
    """
    return Path(path).suffix.lower() in _READERS


def read_table(path: str | os.PathLike[str], kinds: Mapping[str, Kind] | None = None) -> Table:
    """Read a table from a file, by the reader that its name asks for.

    Args:
        path: A file that ends in one of `TABLE_FILES`.
        kinds: For columns by name what they are: "number", "truth", "date" or "text"; by default
            what all their values look like.

    Raises:
        FileError: There is no such file, it ends otherwise, or it does not hold what its format
            promises.
        DataError: There is no row, two columns have one name, or a value is not of the kind asked
            for.

    Examples:
        >>> read_table("table.xlsx")
        Traceback (most recent call last):
        glassgrad.errors.FileError: A table is a file that ends in .csv, ... Got 'table.xlsx'. ...
    """
    reader = _READERS.get(Path(path).suffix.lower())
    if reader is None:
        raise FileError(
            f"A table is a file that ends in {', '.join(TABLE_FILES)}. Got {os.fspath(path)!r}. "
            f"{'Export it as CSV.' if exists(path) else 'It does not exist either.'}"
        )
    return reader(path, kinds)
