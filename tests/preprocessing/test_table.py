from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.errors import ArgumentError, DataError, UnknownNameError
from glassgrad.preprocessing import Table
from glassgrad.preprocessing.column import column_of

TABLE = Table.of({"size": [1.0, 2.0, 3.0], "colour": ["red", None, "blue"]})


def test_a_table_knows_its_columns() -> None:
    assert (len(TABLE), TABLE.names) == (3, ("size", "colour"))
    assert [column.kind for column in TABLE] == ["number", "text"]
    assert "size" in TABLE
    assert "weight" not in TABLE


def test_some_rows_of_it() -> None:
    some = TABLE.take([2, 0])
    assert some["colour"].values.tolist() == ["blue", "red"]
    assert some["size"].values.tolist() == [3.0, 1.0]


def test_an_unknown_column_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"Unknown column of the table 'color'.*'colour'"):
        TABLE["color"]


@pytest.mark.parametrize(
    "columns, message",
    [
        ((), "one column at least"),
        ((column_of("a", []),), "one row at least"),
        ((column_of("a", [1]), column_of("a", [2])), "Got 'a' 2 times in the table"),
        ((column_of("a", [1]), column_of("b", [1, 2])), "equal length. Got {'a': 1, 'b': 2}"),
    ],
)
def test_what_is_no_table(columns: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Table(columns)


def test_kinds_may_be_said() -> None:
    table = Table.of({"zip": np.array([10115, 20095])}, kinds={"zip": "text"})
    assert table["zip"].values.tolist() == ["10115", "20095"]
    with pytest.raises(ArgumentError, match=r"number, truth, date, text. Got 'string' for 'zip'"):
        Table.of({"zip": [1]}, kinds={"zip": "string"})  # type: ignore[dict-item]  # on purpose
