from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from glassgrad.errors import ArgumentError, DataError, ShapeError, UnknownNameError
from glassgrad.preprocessing import Table, TableEncoder, deserialize
from glassgrad.preprocessing.column import column_from_texts, column_of
from glassgrad.preprocessing.features import (
    MOST_CATEGORIES,
    LeftOut,
    Moment,
    OneHot,
    Standardized,
    learn_feature,
    mean_and_deviation,
)
from glassgrad.preprocessing.targets import ClassTarget, NumberTarget, learn_target
from glassgrad.serialization import serialize

DAYS = [f"2024-{month:02}-15" for month in range(1, 13)]
TABLE = Table.of(
    {
        "id": list(range(12)),
        "size": [1.0, 2.0, 3.0, None] * 3,
        "colour": ["red", "blue", None] * 4,
        "fits": [True, False] * 6,
        "day": DAYS,
        "unit": ["cm"] * 12,
        "kind": ["a", "b"] * 6,
    }
)


# ---- what becomes of a column


@pytest.mark.parametrize(
    "values, expected",
    [
        ([1.0, 3.0], Standardized("c", 2.0, 1.0)),
        ([1.0, None, 3.0], Standardized("c", 2.0, 1.0, missing=1)),
        ([5, None, 5], Standardized("c", 5.0, 1.0, missing=1)),
        ([True, False], Standardized("c", 0.5, 0.5, of="truth")),
        (["b", "a", "b"], OneHot("c", ["a", "b"])),
        (["b", None], OneHot("c", ["b"], missing=1)),
        ([5, 5], LeftOut("c", "every value is 5")),
        (["x", "x"], LeftOut("c", "every value is 'x'")),
        ([True, True], LeftOut("c", "every value is true")),
        ([None, None], LeftOut("c", "it has no value")),
        (["a", "b", "c"], LeftOut("c", "no value comes twice")),
        (
            [str(n) + "x" for n in range(51)] * 2,
            LeftOut("c", "51 different texts, and 50 are the most"),
        ),
    ],
)
def test_what_is_done_to_a_column(values: Any, expected: Any) -> None:
    assert MOST_CATEGORIES == 50
    found = learn_feature(column_of("c", values))
    assert repr(found) == repr(expected)


@pytest.mark.parametrize("name", ["id", "ID", "customer_id", "Customer ID", "Unnamed: 0"])
def test_a_column_that_names_the_rows_is_left_out(name: str) -> None:
    assert isinstance(learn_feature(column_of(name, [3, 1, 2])), LeftOut)
    assert isinstance(learn_feature(column_of(name, [3, 1, 1])), Standardized)
    assert isinstance(learn_feature(column_of("width", [3, 1, 2])), Standardized)


def test_slips_among_numbers_are_the_reason() -> None:
    column = column_from_texts("c", [*map(str, range(100)), "1OO"])
    assert learn_feature(column).described() == (
        "left out: 100 of 101 values are numbers, but row 101 holds '1OO'"
    )


def test_a_place_in_a_cycle_is_a_point_on_a_circle() -> None:
    feature = Moment("t", 0.0, 86_400.0, ["week", "day"])
    seconds = np.array([0, 6 * 3600, 7 * 86_400 // 4], "M8[s]")
    np.testing.assert_allclose(
        feature.encode(column_of("t", seconds)),
        [
            [0, 0, 1, 0, 1],
            [0.25, np.sin(np.pi / 14), np.cos(np.pi / 14), 1, 0],
            [1.75, 1, 0, -1, 0],
        ],
        atol=1e-12,
    )


def test_dates_have_a_place_in_their_cycles() -> None:
    feature = learn_feature(column_of("day", np.array(DAYS, "M8[s]")))
    assert isinstance(feature, Moment)
    assert feature.cycles == ["year", "week"]
    encoded = feature.encode(column_of("day", ["2024-01-15", "2025-01-14", None]))
    assert encoded.shape == (3, 5)
    np.testing.assert_allclose(encoded[0, 1:3], encoded[1, 1:3], atol=0.02)
    np.testing.assert_allclose(encoded[2, 0], 0)
    hours = learn_feature(column_of("t", ["2024-01-15T08:00", "2024-01-15T20:00"]))
    assert isinstance(hours, Moment)
    assert hours.cycles == ["day"]


@given(
    arrays(np.float64, st.integers(1, 20), elements=st.floats(-1e308, 1e308, allow_nan=False)),
)
def test_mean_and_deviation_of_any_numbers(values: np.ndarray) -> None:
    mean, deviation = mean_and_deviation(values)
    exact = math.fsum(value / len(values) for value in values.tolist())
    scale = float(np.abs(values).max())
    assert mean == pytest.approx(exact, abs=1e-12 * scale + 1e-322)  # the last denormal digits
    assert 0 <= deviation <= 1.0001 * scale
    if 1e-150 < scale < 1e150:
        assert deviation == pytest.approx(float(values.std()), abs=1e-12 * scale)


@pytest.mark.parametrize("values", [[1e308, -1e308], [1e-300, 0.0], [1e12, 1e12 + 1], [1e300, 1]])
def test_extreme_numbers_are_standardised(values: list[float]) -> None:
    feature = learn_feature(column_of("c", values))
    if isinstance(feature, LeftOut):
        pytest.fail(feature.reason)
    found = feature.encode(column_of("c", values))
    np.testing.assert_allclose(np.sort(found[:, 0]), [-1, 1], rtol=1e-3)


def test_values_that_differ_by_less_than_can_be_computed_with() -> None:
    reason = "its values differ by less than can be computed with"
    assert repr(learn_feature(column_of("c", [5e-324, 0.0]))) == repr(LeftOut("c", reason))


def test_a_number_beyond_all_bounds_is_refused() -> None:
    feature = Standardized("c", 0.0, 1e-9)
    with pytest.raises(DataError, match=r"Column 'c' has 1e\+300 in row 2, too far from the mean"):
        feature.encode(column_of("c", [1.0, 1e300]))


def test_a_difference_of_two_infinities_is_refused() -> None:
    with pytest.raises(DataError, match="too far from the mean"):
        Standardized("c", 1e300, 1e-300).encode(column_of("c", [1.0, 1e308]))
    with pytest.raises(DataError, match="too far from the mean"):
        NumberTarget("y", 1e300, 1e-300).encode(column_of("y", [1e308]))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_nan_that_announces_itself_is_a_missing_value(dtype: type) -> None:
    size = np.dtype(dtype).itemsize
    signalling = {8: 0x7FF0000000000001, 4: 0x7F800001}[size]
    values = np.array([0, signalling], f"u{size}").view(dtype)
    encoded = Standardized("c", 1.0, 0.5, missing=1).encode(column_of("c", values))
    np.testing.assert_array_equal(encoded, [[-2, 0], [0, 1]])


# ---- the target


@pytest.mark.parametrize(
    "values, expected",
    [
        (["b", "a"] * 2, ClassTarget("y", ["a", "b"])),
        ([True, False] * 2, ClassTarget("y", ["false", "true"])),
        ([10, 9, 2] * 5, ClassTarget("y", ["2", "9", "10"])),
        ([1.0, 2.0] * 5, ClassTarget("y", ["1", "2"])),
        ([1, 2, 3, 4], NumberTarget("y", 2.5, math.sqrt(1.25))),
        ([0.5, 1.5] * 5, NumberTarget("y", 1.0, 0.5)),
    ],
)
def test_what_is_learned_of_a_target(values: Any, expected: Any) -> None:
    found = learn_target(column_of("y", values), np.arange(len(values)))
    assert repr(found) == repr(expected)


def test_the_task_may_be_said() -> None:
    column = column_of("y", [1, 2] * 10)
    assert isinstance(learn_target(column, np.arange(20)), ClassTarget)
    assert isinstance(learn_target(column, np.arange(20), "regression"), NumberTarget)
    many = column_of("y", [0.5, 1.5, 2.5] * 4)
    assert learn_target(many, np.arange(12), "classification").get_config() == {
        "name": "y",
        "classes": ["0.5", "1.5", "2.5"],
    }


def test_mean_and_deviation_come_from_the_training_part() -> None:
    target = learn_target(column_of("y", [1.0, 3.0, 1000.5]), np.array([0, 1]))
    assert repr(target) == "NumberTarget(name='y', mean=2.0, deviation=1.0)"


@pytest.mark.parametrize(
    "values, task, error, message",
    [
        (["a", None, "b"], "auto", DataError, "missing in 1 of 3, first in row 2"),
        ([1.5, None], "auto", DataError, "must be known in every row"),
        (["a", "a"], "auto", DataError, "every row has 'a'"),
        ([2.5, 2.5], "auto", DataError, "every row has '2.5'"),
        ([7] * 9, "auto", DataError, "every row has '7'"),
        (list("abcdef"), "auto", DataError, "6 classes in 6 rows; a class needs two rows"),
        (["a", "b", "b"], "regression", DataError, "must hold numbers. Got 'a' in row 1"),
        ([1.0, 1.0, 2.0], "regression", DataError, "one value in all rows of the training part"),
        ([1, 2], "clasification", ArgumentError, "auto, classification, regression. Got 'clasi"),
        ([*map(str, range(30)), "x"], "auto", DataError, r"\(30 of 31 values are numbers, but r"),
    ],
)
def test_a_target_that_cannot_be_learned(
    values: Any, task: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        learn_target(column_of("y", values), np.array([0, 1]), task)


def test_an_unknown_class_is_refused() -> None:
    target = ClassTarget("y", ["a", "b"])
    with pytest.raises(DataError, match=r"training knew: a, b. Got 'c' in row 2"):
        target.encode(column_of("y", ["a", "c"]))


def test_predictions_are_told_in_the_unit_of_the_target() -> None:
    target = NumberTarget("price", 100.0, 20.0)
    y = target.encode(column_of("price", [90.0, 120.0, 105.0]))
    np.testing.assert_allclose(target.decode(y), [90, 120, 105])
    scores = target.scores(y, y + 0.1)
    assert scores["mean_absolute_error"] == pytest.approx(2.0)
    assert scores["r2"] == pytest.approx(1 - 3 * 0.01 / ((y - y.mean()) ** 2).sum())
    assert math.isnan(target.scores(y[:1], y[:1])["r2"])
    with pytest.raises(ShapeError, match="one output"):
        target.decode(np.zeros((3, 2)))
    with pytest.raises(ShapeError, match="2 outputs, one for each class"):
        ClassTarget("y", ["a", "b"]).decode(np.zeros((3, 3)))


def test_a_target_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(DataError, match="too far from the mean"):
        NumberTarget("y", 0.0, 1e-9).encode(column_of("y", [1e300]))


# ---- the whole table


def test_a_table_becomes_an_array() -> None:
    encoder = TableEncoder.learn(TABLE, "kind")
    x = encoder.inputs(TABLE)
    assert (x.shape, x.dtype, encoder.width) == ((12, 11), np.float32, 11)
    assert np.isfinite(x).all()
    np.testing.assert_array_equal(encoder.targets(TABLE), [0, 1] * 6)
    done = dict(encoder.report())
    assert done["id"] == "left out: it names the rows"
    assert done["size"] == (
        "number: standardised by mean 2, deviation 0.8165; 3 missing: they become the mean, and "
        "one more number tells them"
    )
    assert done["colour"].startswith("text: one number for each of blue, red; 4 missing")
    assert done["unit"] == "left out: every value is 'cm'"
    assert list(done)[-1] == "kind"


def test_only_the_training_part_is_learned_from() -> None:
    table = Table.of({"x": [0.0, 2.0, 1e6], "c": ["a", "b", "z"], "y": [1.0, 2.0, 3.0]})
    encoder = TableEncoder.learn(table, "y", rows=np.array([0, 1]))
    assert repr(encoder.features[0]) == repr(Standardized("x", 1.0, 1.0))
    np.testing.assert_array_equal(encoder.inputs(table)[2, 1:], [0, 0])


def test_an_encoder_survives_json() -> None:
    encoder = TableEncoder.learn(TABLE, "kind")
    again = deserialize(json.loads(json.dumps(serialize(encoder))))
    assert again.get_config() == encoder.get_config()
    np.testing.assert_array_equal(again.inputs(TABLE), encoder.inputs(TABLE))


def test_columns_are_found_by_name() -> None:
    encoder = TableEncoder.learn(TABLE, "kind")
    turned = Table((column_of("extra", ["?"] * 12), *reversed(TABLE.columns)))
    np.testing.assert_array_equal(encoder.inputs(turned), encoder.inputs(TABLE))
    assert encoder.remarks(turned) == ["not used: extra"]


def test_the_target_and_what_was_left_out_may_be_absent() -> None:
    encoder = TableEncoder.learn(TABLE, "kind")
    rest = Table(tuple(c for c in TABLE if c.name not in ("kind", "id", "unit")))
    np.testing.assert_array_equal(encoder.inputs(rest), encoder.inputs(TABLE))
    with pytest.raises(DataError, match="The target 'kind' is needed here"):
        encoder.targets(rest)


def test_a_missing_column_is_named() -> None:
    encoder = TableEncoder.learn(TABLE, "kind")
    rest = Table(tuple(c for c in TABLE if c.name != "size"))
    with pytest.raises(
        DataError, match=r"needs the columns size, colour.* lacks 'size'; it has id"
    ):
        encoder.inputs(rest)


def test_what_is_new_in_a_table_is_said() -> None:
    table = Table.of({"x": [0.0, 2.0], "c": ["a", "b"], "y": [1.0, 2.0]})
    encoder = TableEncoder.learn(table, "y")
    new = Table.of({"x": [None, 1.0, None], "c": ["q", "a", "q"]})
    np.testing.assert_array_equal(encoder.inputs(new), [[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    assert encoder.remarks(new) == [
        "column 'x': 2 values are missing, as none was in training; they become the mean",
        "column 'c': 2 rows hold what was not seen in training, such as 'q'; they become zeros",
    ]


def test_text_where_a_number_was_is_refused() -> None:
    encoder = TableEncoder.learn(Table.of({"x": [0.0, 2.0], "y": [1.0, 2.0]}), "y")
    with pytest.raises(DataError, match=r"Column 'x' must hold numbers. Got 'much' in row 2"):
        encoder.inputs(Table.of({"x": ["1", "much"]}))


def test_numbers_where_text_was_are_names() -> None:
    encoder = TableEncoder.learn(Table.of({"x": ["7", "b", "7"], "y": [1.0, 2.0, 3.0]}), "y")
    np.testing.assert_array_equal(encoder.inputs(Table.of({"x": [7, 8]})), [[1, 0], [0, 0]])
    assert encoder.kinds == {"x": "text", "y": "number"}


@pytest.mark.parametrize(
    "columns, target, error, message",
    [
        ({"x": [1, 2]}, "y", UnknownNameError, "Unknown column"),
        ({"y": [1.5, 2.5]}, "y", DataError, "there is no other"),
        ({"x": [1, 1], "y": [1.5, 2.5]}, "y", DataError, "'x' is left out: every value is 1"),
    ],
)
def test_a_table_that_cannot_be_learned_from(
    columns: Any, target: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        TableEncoder.learn(Table.of(columns), target)


@pytest.mark.parametrize(
    "config",
    [
        {"class_name": "TableEncoder", "config": {"features": [], "target": None}},
        {"class_name": "Nothing", "config": {}},
        {"class_name": "TableEncoder", "config": {"features": [{}], "target": {}}},
        None,
    ],
)
def test_a_senseless_configuration_is_refused(config: Any) -> None:
    with pytest.raises((ArgumentError, UnknownNameError)):
        deserialize(config)
