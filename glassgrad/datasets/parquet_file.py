"""Tables from Parquet files, read by PyArrow: `pip install glassgrad[parquet]`."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from glassgrad.errors import DataError, FileError
from glassgrad.files import read_bytes
from glassgrad.preprocessing import Table
from glassgrad.preprocessing.column import Column, Kind, column_of
from glassgrad.preprocessing.table import checked_kinds, require_names

__all__ = ["parse_parquet", "read_parquet"]

_MOST_BYTES_EACH = 2_000  # of an unpacked table, for each byte of the file


def read_parquet(path: str | os.PathLike[str], kinds: Mapping[str, Kind] | None = None) -> Table:
    """Read a table from a Parquet file.

    Args:
        path: The file.
        kinds: For columns by name what they are: "number", "truth", "date" or "text"; by default
            what the file says.

    Raises:
        FileError: The file cannot be read or is damaged, or PyArrow is not installed.
        DataError: There is no row, two columns have one name, or a column holds lists or the like.
        ArgumentError: A kind is unknown.

    Examples:
        >>> read_parquet("no such file.parquet")
        Traceback (most recent call last):
        glassgrad.errors.FileError: Cannot read 'no such file.parquet': No such file ...
    """
    return parse_parquet(read_bytes(path), repr(os.fspath(path)), kinds)


def parse_parquet(content: bytes, source: str, kinds: Mapping[str, Kind] | None = None) -> Table:
    """The table that the bytes of a Parquet file hold; see `read_parquet`.

    Args:
        content: The bytes.
        source: What to call the file in messages.
        kinds: As for `read_parquet`.

    Raises:
        FileError, DataError, ArgumentError: As `read_parquet`.

    Examples:
        >>> parse_parquet(b"PAR1", "the file")
        Traceback (most recent call last):
        glassgrad.errors.FileError: ...
    """
    wanted = checked_kinds(kinds)
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise FileError(
            f"Reading {source} needs PyArrow. Install it: pip install 'glassgrad[parquet]'"
        ) from error
    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        _require_a_table(file.metadata, len(content), source)
        found = file.read(use_threads=False)
    except _broken_by(pa) as error:
        raise FileError(
            f"{source} is no whole Parquet file: {error}. It may be truncated; write it anew."
        ) from error
    require_names(found.column_names, source)
    columns = zip(found.column_names, found.columns, strict=True)
    return Table(
        tuple(_column(name, chunks, wanted.get(name), source) for name, chunks in columns), source
    )


def _broken_by(pa: Any) -> tuple[type[Exception], ...]:
    """What PyArrow raises for a file that is none."""
    return (pa.ArrowException, OSError, ValueError, TypeError, LookupError, OverflowError,
            MemoryError, NotImplementedError)  # fmt: skip


def _require_a_table(metadata: Any, length: int, source: str) -> None:
    """Refuse sizes that the file cannot hold, before memory is taken for them."""
    unpacked = sum(metadata.row_group(group).total_byte_size
                   for group in range(metadata.num_row_groups))  # fmt: skip
    cells = metadata.num_rows * metadata.num_columns
    if not 0 <= unpacked <= length * _MOST_BYTES_EACH or not 0 <= cells <= length * 10_000:
        raise FileError(
            f"{source} announces {metadata.num_rows:,} rows of {metadata.num_columns:,} columns in "
            f"{length:,} bytes, which is hardly true. Write it anew."
        )


def _column(name: str, chunks: Any, kind: Kind | None, source: str) -> Column:
    """One column: numbers, truths and dates as NumPy has them, all else as Python does."""
    import pyarrow as pa

    is_simple = (
        pa.types.is_integer(chunks.type)
        or pa.types.is_floating(chunks.type)
        or pa.types.is_boolean(chunks.type)
    )
    try:
        if is_simple and not chunks.null_count:
            return column_of(name, np.asarray(chunks.to_numpy()), kind)
        return column_of(name, chunks.to_pylist(), kind)
    except (pa.ArrowException, ValueError, TypeError, OverflowError, LookupError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"Column {name!r} of {source} cannot be read: {error}.") from error
