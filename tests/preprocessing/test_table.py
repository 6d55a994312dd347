from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.errors import ArgumentError, DataError, UnknownNameError
from glassgrad.preprocessing import Table
from glassgrad.preprocessing.column import column_of
from tests.preprocessing.data_frame import NA, DataFrame, Series, frame

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


# ---- data frames

MORNING = np.datetime64("2024-01-01T06:00")


@pytest.mark.parametrize(
    "dtype, values, kind, expected",
    [
        ("int64", [1, 2], "number", [1, 2]),
        ("Int64", [1, NA], "number", [1, np.nan]),
        ("Float64", [NA, 2.5], "number", [np.nan, 2.5]),
        ("float64", [np.nan, 2.5], "number", [np.nan, 2.5]),
        ("boolean", [True, NA], "truth", [1, np.nan]),
        ("string", ["a", NA], "text", ["a", None]),
        ("category", ["a", np.nan], "text", ["a", None]),
        ("category", [7.0, np.nan], "text", ["7", None]),
        ("datetime64[ns]", [MORNING, np.datetime64("NaT")], "date", [1704088800, np.nan]),
    ],
)
def test_columns_of_a_data_frame(dtype: str, values: Any, kind: str, expected: Any) -> None:
    column = Table.of(frame(x=(dtype, values)))["x"]
    assert column.kind == kind
    np.testing.assert_array_equal(column.values, np.array(expected, column.values.dtype))


def test_names_of_a_data_frame_are_texts() -> None:
    series = Series([1, 2], "int64")
    assert Table.of(DataFrame([(0, series), (("a", "b"), series)])).names == ("0", "('a', 'b')")


def test_a_name_that_stands_twice_in_a_data_frame() -> None:
    series = Series([1, 2], "int64")
    with pytest.raises(DataError, match=r"different names. Got 'x' 2 times"):
        Table.of(DataFrame([("x", series), ("x", series)]))


@pytest.mark.parametrize("data", [[1, 2], 5, None, np.zeros((3, 2))])
def test_what_is_neither_a_data_frame_nor_a_dictionary(data: Any) -> None:
    with pytest.raises(ArgumentError, match=type(data).__name__):
        Table.of(data)
