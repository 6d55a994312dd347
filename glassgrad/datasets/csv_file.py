"""Tables from CSV files, whatever their delimiter and encoding.

The format: Y. Shafranovich, "Common Format and MIME Type for Comma-Separated Values (CSV) Files",
RFC 4180, 2005.
"""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import os
import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from glassgrad.errors import DataError, FileError
from glassgrad.files import read_bytes
from glassgrad.preprocessing import Table
from glassgrad.preprocessing.column import MISSING, Kind, column_from_texts, shortened
from glassgrad.preprocessing.table import checked_kinds, require_names

__all__ = ["parse_csv", "read_csv"]

DELIMITERS = (",", ";", "\t", "|")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?([eE][+-]?\d+)?", re.ASCII)
_RECORDS_LOOKED_AT = 20  # enough to tell the delimiter
_CHARACTERS_LOOKED_AT = 100_000
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16's mark does, so it is looked for first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_csv(path: str | os.PathLike[str], kinds: Mapping[str, Kind] | None = None) -> Table:
    r"""Read a table whose first line names the columns.

    The delimiter (comma, semicolon, tab or bar) is the one that cuts the first lines into equal
    numbers of fields. The encoding is UTF-8, or UTF-16 or UTF-32 with a byte order mark, or else
    Latin-1, which the table's remarks then mention. Empty lines are passed over. Where the comma
    is not the delimiter, a column of numbers such as 1,5 is read with decimal commas.

    Args:
        path: The file.
        kinds: For columns by name what they are: "number", "truth", "date" or "text"; by default
            what all their values look like.

    Raises:
        FileError: The file cannot be read, is empty, is no text, or its lines have unequal
            numbers of fields.
        DataError: There is no row below the header, two columns have one name, or a value is not
            of the kind asked for.
        ArgumentError: A kind is unknown.

    Examples:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name, "flowers.csv")
        >>> _ = path.write_text("length;kind\n5.1;setosa\n6.3;virginica\n")
        >>> read_csv(path)
        Table(2 rows: length (number), kind (text))
        >>> folder.cleanup()
    """
    return parse_csv(read_bytes(path), repr(os.fspath(path)), kinds)


def parse_csv(content: bytes, source: str, kinds: Mapping[str, Kind] | None = None) -> Table:
    r"""The table that the bytes of a CSV file hold; see `read_csv`.

    Args:
        content: The bytes.
        source: What to call the file in messages.
        kinds: As for `read_csv`.

    Raises:
        FileError, DataError, ArgumentError: As `read_csv`.

    Examples:
        >>> parse_csv(b"x,y\n1,2\n", "the file")["y"].values
        array([2.])
    """
    wanted = checked_kinds(kinds)
    text, remarks = _decoded(content, source)
    delimiter = _delimiter_of(text)
    names, fields, lines = _records(text, delimiter, source)

    def place(row: int) -> str:
        return f"line {lines[row]} of {source}"

    columns = []
    for name, texts in zip(names, map(list, zip(*fields, strict=True)), strict=True):
        kind = wanted.get(name)
        if delimiter != "," and kind in (None, "number") and _have_decimal_commas(texts):
            texts = [text.replace(",", ".") for text in texts]
            remarks.append(f"column {name!r}: its commas were read as decimal points")
        column = column_from_texts(name, texts, kind, place)
        columns.append(column)
        if column.remark:
            remarks.append(f"column {name!r}: {column.remark}")
    return Table(tuple(columns), source, tuple(remarks), place)


def _have_decimal_commas(values: Sequence[str]) -> bool:
    """Whether all are numbers as they are written where the point separates thousands."""
    known = [value for raw in values if (value := raw.strip()) not in MISSING]
    return any("," in value for value in known) and all(map(_DECIMAL_COMMA.fullmatch, known))


# ---- bytes to text


def _decoded(content: bytes, source: str) -> tuple[str, list[str]]:
    if not content.strip():
        raise FileError(f"{source} must be a table with a header, and it is empty.")
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)), "utf-8")
    remarks = []
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise FileError(
                f"{source} begins as {encoding} text and does not go on so: {error.reason} at byte "
                f"{error.start:,}. It may be truncated; write it anew."
            ) from error
        text = content.decode("latin-1")
        remarks = ["it is no UTF-8, so it was read as Latin-1: look at letters with accents"]
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise FileError(
            f"{source} must be text, and has a zero byte in line {line}. Is it another kind of "
            "file, or UTF-16 without a byte order mark? Save it as UTF-8."
        )
    return text, remarks


# ---- text to records


def _delimiter_of(text: str) -> str:
    """The delimiter that cuts the first records into equal numbers of fields, and into most."""
    sample = text[:_CHARACTERS_LOOKED_AT]
    used = [one for one in DELIMITERS if one in sample]
    return max(used, key=lambda one: _evidence(sample, one), default=DELIMITERS[0])


def _evidence(sample: str, delimiter: str) -> tuple[bool, int]:
    """Whether all records have as many fields as the first, more than one, and how many."""
    counts: list[int] = []
    with contextlib.suppress(csv.Error):  # at the end of the sample a quotation may be open
        for fields, _ in islice(_split(sample, delimiter), _RECORDS_LOOKED_AT):
            counts.append(len(fields))
    is_cut = len(counts) < _RECORDS_LOOKED_AT and len(sample) == _CHARACTERS_LOOKED_AT
    whole = counts[:-1] if is_cut and len(counts) > 1 else counts
    return len(set(whole)) == 1 and whole[0] > 1, whole[0] if whole else 0


def _split(text: str, delimiter: str) -> Iterator[tuple[list[str], int]]:
    """The fields of each record, and the line in which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    for fields in reader:
        if fields:
            yield fields, line
        line = reader.line_num + 1


def _records(
    text: str, delimiter: str, source: str
) -> tuple[list[str], list[list[str]], Sequence[int]]:
    """The header, the fields of each row, and the line of each row."""
    rows: list[list[str]] = []
    lines = array("l")
    names: list[str] = []
    line = 1
    try:
        for fields, line in _split(text, delimiter):
            if not names:
                names = _header(fields, source)
                continue
            if len(fields) != len(names):
                raise _ragged(len(names), len(fields), line, delimiter, source)
            rows.append(fields)
            lines.append(line)
    except csv.Error as error:
        raise FileError(
            f"{source} is no whole CSV file: {error}, in the record after line {line}. A quotation "
            "mark may be missing, or the file is truncated."
        ) from error
    if not rows:
        raise DataError(f"There must be one row at least: {source} has a header alone.")
    return names, rows, lines


def _header(fields: list[str], source: str) -> list[str]:
    names = [name.strip() or f"column {number}" for number, name in enumerate(fields, start=1)]
    if all(map(_is_number, names)):
        raise FileError(
            f"The first line of {source} must name the columns, and holds numbers alone: "
            f"{', '.join(map(shortened, names[:3]))}. Put a line with names before it."
        )
    require_names(names, source)
    return names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _ragged(expected: int, found: int, line: int, delimiter: str, source: str) -> FileError:
    name = {"\t": "a tab", " ": "a space"}.get(delimiter, repr(delimiter))
    return FileError(
        f"Every line of {source} must have {expected} fields, as the header has. Line {line} has "
        f"{found}, with {name} between fields. Correct that line; a field that holds the "
        "delimiter needs quotation marks."
    )
