from __future__ import annotations

import contextlib
import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad.datasets.csv_file import parse_csv, read_csv
from glassgrad.errors import ArgumentError, DataError, FileError, GlassgradError
from glassgrad.preprocessing import Table


def parse(text: str | bytes, **options: Any) -> Table:
    content = text.encode() if isinstance(text, str) else text
    return parse_csv(content, "'t.csv'", **options)


def values(table: Table) -> dict[str, list[Any]]:
    return {column.name: column.texts() for column in table}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(delimiter: str, end: str) -> None:
    lines = [["name", "size"], ["a b", "1.5"], ["c:d", "2"]]
    table = parse(end.join(delimiter.join(line) for line in lines) + end)
    assert values(table) == {"name": ["a b", "c:d"], "size": ["1.5", "2"]}


@pytest.mark.parametrize(
    "text, expected",
    [
        ("x\n1\n2\n", {"x": ["1", "2"]}),
        ("x,y\n1,2", {"x": ["1"], "y": ["2"]}),
        ('x,y\n"a,b","say ""hi"""\n', {"x": ["a,b"], "y": ['say "hi"']}),
        ('x;y\n"two\nlines";1\n', {"x": ["two\nlines"], "y": ["1"]}),
        ('"a, or b";n\nx, y;1\nz, w;2\n', {"a, or b": ["x, y", "z, w"], "n": ["1", "2"]}),
        ("x;y\n1,5;-2,25\nNA;3\n", {"x": ["1.5", None], "y": ["-2.25", "3"]}),
        ("x;y\n1,5;2,5\n1.000,5;2,5 m\n", {"x": ["1,5", "1.000,5"], "y": ["2,5", "2,5 m"]}),
        ("\n\nx,y\n\n1,2\n\n", {"x": ["1"], "y": ["2"]}),
        (" x , y \n 1 , a \n", {"x": ["1"], "y": ["a"]}),
        (",y\n0,5\n1,6\n", {"column 1": ["0", "1"], "y": ["5", "6"]}),
        ("größe,名\n1,東京\n", {"größe": ["1"], "名": ["東京"]}),
    ],
)
def test_what_is_read(text: str, expected: dict[str, list[Any]]) -> None:
    assert values(parse(text)) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings(encoding: str) -> None:
    table = parse("größe,c\n1,ä\n".encode(encoding))
    assert values(table) == {"größe": ["1"], "c": ["ä"]}
    assert table.remarks == ()


def test_decimal_commas_are_mentioned_and_may_be_forbidden() -> None:
    text = "x;y\n1,5;1\n2,5;2\n"
    assert parse(text).remarks == ("column 'x': its commas were read as decimal points",)
    assert parse(text, kinds={"x": "number"})["x"].values.tolist() == [1.5, 2.5]
    assert values(parse(text, kinds={"x": "text"}))["x"] == ["1,5", "2,5"]


def test_latin_1_is_read_and_mentioned() -> None:
    table = parse("größe,c\n1,ä\n".encode("latin-1"))
    assert values(table) == {"größe": ["1"], "c": ["ä"]}
    assert "read as Latin-1" in table.remarks[0]


def test_slips_among_numbers_are_mentioned_with_their_line() -> None:
    rows = [f"{number},x" for number in range(30)]
    rows[20] = "2O,x"
    (remark,) = parse("n,c\n" + "\n".join(rows)).remarks
    assert remark == "column 'n': 29 of 30 values are numbers, but line 22 of 't.csv' holds '2O'"


BROKEN = {
    "empty": (b"", FileError, "it is empty"),
    "blank": (b" \n\n", FileError, "it is empty"),
    "header alone": (b"x,y\n", DataError, "has a header alone"),
    "too few fields": (b"x,y\n1,2\n3\n", FileError, "2 fields, as the header has. Line 3 has 1"),
    "too many": (b"x,y\n1,2\n\n3,4,5\n", FileError, "Line 4 has 3, with ',' between"),
    "too many, tabs": (b"x\ty\n1\t2\t3\n", FileError, "Line 2 has 3, with a tab between"),
    "after a long field": (b'x,y\n"\n\n",2\n3\n', FileError, "Line 5 has 1"),
    "open quotation": (b'x,y\n1,"2\n', FileError, "after line 1. A quotation mark"),
    "after a quotation": (b'x,y\n1,"2"3\n', FileError, "after line 1. A quotation mark"),
    "zero byte": (b"x,y\n1,2\n3,\0\n", FileError, "a zero byte in line 3"),
    "utf-16 without mark": ("x,y\n1,2\n".encode("utf-16-le"), FileError, "UTF-16 without a byte"),
    "utf-16 cut": ("x,y\n1,2\n".encode("utf-16")[:-1], FileError, "begins as utf-16 text"),
    "a zip archive": (b"PK\x03\x04\x14\0\0\0", FileError, "another kind of file"),
    "numbers as header": (b"5.1,3.5\n4.9,3.0\n", FileError, "holds numbers alone: '5.1', '3.5'"),
    "one name twice": (b"x,y,x\n1,2,3\n", DataError, "Got 'x' 2 times in 't.csv'"),
    "infinity": (b"x,y\n1,2\ninf,3\n", DataError, "infinity.* in line 3 of 't.csv'"),
    "a huge number": (b"x\n1e999\n", DataError, "beyond 1.8e308, in line 2"),
    "a huge field": (b'x\n"' + b"a" * 200_000 + b'"\n', FileError, "field larger than"),
}


@pytest.mark.parametrize("content, error, message", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_explained(content: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        parse(content)
    assert "'t.csv'" in str(caught.value)


def test_kinds_may_be_said() -> None:
    text = "zip,n\n01067,1\n20095,2\n"
    assert values(parse(text, kinds={"zip": "text"}))["zip"] == ["01067", "20095"]
    with pytest.raises(
        DataError, match=r"Column 'n' must hold true or false. Got '1' in line 2 of"
    ):
        parse(text, kinds={"n": "truth"})
    with pytest.raises(ArgumentError, match="Got 'int' for 'n'"):
        parse(text, kinds={"n": "int"})


def test_a_file_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x\n1\n")
    assert values(read_csv(path)) == {"x": ["1"]}
    with pytest.raises(FileError, match="No such file"):
        read_csv(tmp_path / "missing.csv")


def test_a_wide_table_with_long_fields_keeps_its_delimiter() -> None:
    """The first records are cut before they end, in the middle of a quotation."""
    row = ",".join(['"' + "a;b" * 3000 + '"'] * 9)
    table = parse(",".join(f"c{number}" for number in range(9)) + f"\n{row}\n" * 9)
    assert len(table.names) == 9


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
TABLES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=5)
)


@given(TABLES, st.sampled_from(",;\t|"))
def test_what_a_writer_wrote_is_read_back(rows: list[list[str]], delimiter: str) -> None:
    """With two named columns in front, so that the delimiter shows and no line is empty."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    width = len(rows[0])
    writer.writerow(["first", "second", *(f"c{number}" for number in range(width))])
    writer.writerows([["x", "y", *row] for row in rows])
    kinds = {f"c{number}": "text" for number in range(width)}
    table = parse(file.getvalue(), kinds=kinds)
    for number in range(width):
        found = table[f"c{number}"].texts()
        for text, row in zip(found, rows, strict=True):
            assert text in (None, row[number].strip())


@given(st.binary(max_size=60))
def test_any_bytes_are_a_table_or_an_error(content: bytes) -> None:
    with contextlib.suppress(GlassgradError):
        assert len(parse(content)) > 0


def test_many_rows_are_numbers_at_once() -> None:
    x = np.random.default_rng(0).normal(size=(2_000, 3))
    text = "a,b,c\n" + "\n".join(",".join(map(repr, row)) for row in x.tolist())
    np.testing.assert_array_equal(np.stack([c.values for c in parse(text)], axis=1), x)
