from __future__ import annotations

import builtins
import io
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from glassgrad import datasets
from glassgrad.datasets.parquet_file import parse_parquet, read_parquet
from glassgrad.errors import DataError, FileError


def packed(columns: Any, **options: Any) -> bytes:
    stream = io.BytesIO()
    parquet.write_table(pa.table(columns), stream, **options)
    return stream.getvalue()


COLUMNS = {
    "count": [1, None, 3],
    "size": [1.5, 2.5, None],
    "kind": ["a", None, "b"],
    "fits": [True, None, False],
    "day": [date(1970, 1, 2), None, date(1970, 1, 1)],
    "moment": [datetime(1970, 1, 1, 0, 1), None, None],
    "price": pa.array([100, 250, None], pa.int64()).cast(pa.decimal128(20, 0)),
    "class": pa.array(["x", "y", "x"]).dictionary_encode(),
    "nothing": pa.array([None, None, None], pa.float64()),
}


def test_every_kind_of_column(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(packed(COLUMNS))
    table = datasets.read_table(path)
    assert {column.name: column.kind for column in table} == {
        "count": "number",
        "size": "number",
        "kind": "text",
        "fits": "truth",
        "day": "date",
        "moment": "date",
        "price": "number",
        "class": "text",
        "nothing": "empty",
    }
    assert table["count"].texts() == ["1", None, "3"]
    assert table["day"].values[0] == 86_400
    assert table["moment"].values[0] == 60
    assert table["fits"].texts() == ["true", None, "false"]


def test_kinds_may_be_said() -> None:
    table = parse_parquet(packed({"zip": [1067, 20095]}), "it", {"zip": "text"})
    assert table["zip"].values.tolist() == ["1067", "20095"]


GOOD = packed({"a": list(range(50))})


@pytest.mark.parametrize(
    "content, error, message",
    [
        (b"", FileError, "'it' is no whole Parquet file"),
        (b"PAR1", FileError, "no whole Parquet file"),
        (b"a,b\n1,2\n", FileError, "no whole Parquet file"),
        (GOOD[:-9], FileError, "no whole Parquet file"),
        (GOOD[:4] + b"\xff" * 40 + GOOD[44:], FileError, "no whole Parquet file"),
        (packed({"a": [[1], [2]]}), DataError, "of type list"),
        (packed({"a": [1.0, float("inf")]}), DataError, "finite numbers"),
        (packed({"a": pa.array([], pa.int64())}), DataError, "one row at least"),
    ],
)
def test_what_is_no_table(content: bytes, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse_parquet(content, "'it'")


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = builtins.__import__

    def refuse(name: str, *arguments: Any) -> Any:
        if name == "pyarrow":
            raise ImportError
        return found(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", refuse)
    (tmp_path / "t.parquet").write_bytes(GOOD)
    with pytest.raises(FileError, match=r"pip install 'glassgrad\[parquet\]'"):
        read_parquet(tmp_path / "t.parquet")
