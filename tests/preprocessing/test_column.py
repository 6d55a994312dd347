from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad.errors import ArgumentError, DataError
from glassgrad.preprocessing.column import (
    MISSING,
    as_kind,
    column_from_texts,
    column_of,
    number_name,
)

NAN = math.nan


class NAType:
    """As the missing value of pandas is called."""


@pytest.mark.parametrize(
    "texts, kind, values",
    [
        (["1", " 2.5 ", "-3e2"], "number", [1, 2.5, -300]),
        (["1", "", "?"], "number", [1, NAN, NAN]),
        (["NaN", "2", "nan"], "number", [NAN, 2, NAN]),
        (["true", "FALSE", "NA"], "truth", [1, 0, NAN]),
        (["1970-01-01", "1970-01-02T00:00:01"], "date", [0, 86_401]),
        (["1970-01-01T01:00+01:00", "1970-01-01 00:00:00.5"], "date", [0, 0.5]),
        (["red", "", " blue "], "text", ["red", None, "blue"]),
        (["1", "two"], "text", ["1", "two"]),
        (["1_000", "2"], "text", ["1_000", "2"]),
        (["١٢", "2"], "text", ["١٢", "2"]),
        (["2024-02-30"], "text", ["2024-02-30"]),
        (["1,5", "2"], "text", ["1,5", "2"]),
        (["", "NA"], "empty", [None, None]),
    ],
)
def test_texts_become_what_all_of_them_are(texts: list[str], kind: str, values: list[Any]) -> None:
    column = column_from_texts("c", texts)
    assert column.kind == kind
    np.testing.assert_array_equal(column.values, np.array(values, column.values.dtype))


@pytest.mark.parametrize("text", sorted(MISSING))
def test_every_sign_for_missing_is_known(text: str) -> None:
    assert column_from_texts("c", ["1", text]).missing.tolist() == [False, True]


@pytest.mark.parametrize("text", ["inf", "-Infinity", "1e999", "9" * 400])
def test_infinite_numbers_are_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"Column 'c' must hold finite numbers.* in row 2\."):
        column_from_texts("c", ["1", text])


def test_a_few_slips_among_numbers_are_mentioned() -> None:
    texts = [str(number) for number in range(100)]
    texts[41] = "4l"
    column = column_from_texts("c", texts, place=lambda row: f"line {row + 2}")
    assert column.kind == "text"
    assert column.remark == "99 of 100 values are numbers, but line 43 holds '4l'"
    assert column_from_texts("c", ["a", "b", "3"]).remark == ""


@pytest.mark.parametrize(
    "kind, texts, message",
    [
        ("number", ["1", "", "x" * 99], "must hold numbers. Got 'xxxx.*…' in row 3"),
        ("truth", ["true", "yes"], "must hold true or false. Got 'yes' in row 2"),
        ("date", ["1.2.2024"], "must hold ISO dates such as .* Got '1.2.2024' in row 1"),
    ],
)
def test_another_kind_than_asked_for(kind: Any, texts: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        column_from_texts("c", texts, kind)


def test_what_looks_like_numbers_may_be_text() -> None:
    assert column_from_texts("c", ["01", "", "1"], "text").values.tolist() == ["01", None, "1"]


@pytest.mark.parametrize(
    "values, kind, expected",
    [
        (np.array([1, 2], np.uint8), "number", [1, 2]),
        (np.array([0.5, NAN], np.float32), "number", [0.5, NAN]),
        (np.array([True, False]), "truth", [1, 0]),
        (np.array(["1970-01-02", "NaT"], "M8[D]"), "date", [86_400, NAN]),
        (np.array(["a", ""]), "text", ["a", None]),
        (np.array([b"a", b"\xff"]), "text", ["a", "\ufffd"]),
        ([1, None, 2.5], "number", [1, NAN, 2.5]),
        ([True, None], "truth", [1, NAN]),
        (["x", None, NAN], "text", ["x", None, None]),
        ([date(1970, 1, 2), None], "date", [86_400, NAN]),
        ([datetime(1970, 1, 1, tzinfo=UTC)], "date", [0]),
        ([None, None], "empty", [None, None]),
        ((1, 2), "number", [1, 2]),
    ],
)
def test_values_in_memory(values: Any, kind: str, expected: list[Any]) -> None:
    column = column_of("c", values)
    assert column.kind == kind
    np.testing.assert_array_equal(column.values, np.array(expected, column.values.dtype))


@pytest.mark.parametrize(
    "values, error, message",
    [
        (np.zeros((2, 2)), ArgumentError, "one-dimensional"),
        (3, ArgumentError, "one-dimensional"),
        (np.array([1j]), DataError, "dtype complex128"),
        (np.array([1.0, np.inf]), DataError, "finite numbers.* in row 2"),
        ([1, 10**400], DataError, "fit into 64 bits"),
        ([{}, 1], DataError, "of type dict"),
        ([[1], [2]], DataError, "of type list"),
    ],
)
def test_values_that_are_no_column(values: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        column_of("c", values)


@pytest.mark.parametrize(
    "values, kind, expected",
    [
        ([1, None], "text", ["1", None]),
        (["red", NAType()], "text", ["red", None]),
        ([1, NAType()], "number", [1, NAN]),
        ([True, False], "number", [1, 0]),
        ([True, None], "text", ["true", None]),
        (["1", "2"], "number", [1, 2]),
        ([None, None], "number", [NAN, NAN]),
        ([None], "text", [None]),
        (["2024-01-01"], "date", [1_704_067_200]),
    ],
)
def test_a_column_as_another_kind(values: Any, kind: Any, expected: list[Any]) -> None:
    found = as_kind(column_of("c", values), kind).values
    np.testing.assert_array_equal(found, np.array(expected, found.dtype))


def test_a_column_that_cannot_be_of_a_kind() -> None:
    with pytest.raises(DataError, match=r"must hold numbers. Got 'red' in row 2"):
        as_kind(column_of("c", [None, "red"]), "number")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_name_of_a_number_is_the_number(value: float) -> None:
    assert float(number_name(value)) == value


@given(st.lists(st.text(max_size=12), min_size=1, max_size=8))
def test_any_texts_are_a_column_or_a_data_error(texts: list[str]) -> None:
    try:
        column = column_from_texts("c", texts)
    except DataError:
        return
    assert len(column) == len(texts)
    assert len(column.known) + column.missing.sum() == len(texts)
