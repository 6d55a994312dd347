from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest

from glassgrad.preprocessing import Table, TableEncoder
from glassgrad.preprocessing.column import Array, column_of
from glassgrad.preprocessing.extremes import extreme_rows, extremes_in_words


def line(row: int) -> str:
    return f"line {row + 2}"


def bell(count: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(100, 20, count)


TAILS: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "normal": lambda random, n: random.normal(100, 20, n),
    "exponential": lambda random, n: random.exponential(size=n),
    "incomes": lambda random, n: np.exp(random.normal(10, 1, n)),
    "few degrees of freedom": lambda random, n: random.standard_t(3, n),
    "counts": lambda random, n: random.poisson(1.0, n).astype(float),
    "mostly zero": lambda random, n: np.where(random.random(n) < 0.9, 0, random.exponential(9, n)),
    "a second group": lambda random, n: random.normal(np.where(random.random(n) < 0.2, 1e6, 0), 1),
}


@pytest.mark.parametrize("tail", TAILS)
def test_long_tails_are_left_in_peace(tail: str) -> None:
    random = np.random.default_rng(0)
    alarms = sum(bool(len(extreme_rows(TAILS[tail](random, n)))) for n in [30, 200, 1000] * 30)
    assert alarms <= 1


@pytest.mark.parametrize("count", [10, 100, 5_000])
@pytest.mark.parametrize("factor", [10, 1_000, -100, 1e300])
def test_a_slip_is_found(count: int, factor: float) -> None:
    values = bell(count)
    values[7] *= factor
    assert extreme_rows(values).tolist() == [7]


def test_several_slips_are_found_the_farthest_first() -> None:
    values = bell(100)
    values[[5, 50]] *= [1_000, -4_000]
    values[3] = np.nan
    assert extreme_rows(values).tolist() == [50, 5]


def test_slips_of_different_size_do_not_hide_each_other() -> None:
    values = bell(200)
    values[[5, 50]] *= [100, 1e6]
    assert extreme_rows(values).tolist() == [50, 5]


@pytest.mark.parametrize(
    "values",
    [
        [],
        [1.0, 2.0, 3.0, 1e9],
        [5.0] * 20 + [1e9],
        [np.nan] * 20,
        [0.0] * 20,
        [1e308, -1e308] * 10,
        [5e-324, 0.0] * 10,
    ],
)
def test_where_no_scale_is_known_nothing_is_extreme(values: list[float]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(extreme_rows(np.array(values))) == 0


@pytest.mark.parametrize(
    "change, words",
    [
        ({3: 5000.0}, "the value 5000 in line 5 lies 2,"),
        ({3: -5000.0}, "the value -5000 in line 5 lies 2,"),
        ({3: 9000.0, 8: 8000.0}, "2 values lie far from all others: 9000 in line 5"),
    ],
)
def test_it_is_said_in_words(change: dict[int, float], words: str) -> None:
    values = np.arange(40.0) / 10
    values[list(change)] = list(change.values())
    found = extremes_in_words(column_of("price", values), line)
    assert found.startswith(f"column 'price': {words}")
    assert f"range {'below' if -5000.0 in change.values() else 'above'} the middle half" in found
    assert "correct it or leave its row out" in found


def test_only_numbers_that_count_are_spoken_of() -> None:
    values = bell(40)
    values[20] *= 1_000
    columns = {"x": bell(40, 1), "size": values, "kind": ["a", "b"] * 20, "price": values}
    table = Table.of({**columns, "id": [*range(39), 10**9]})
    of_price = TableEncoder.learn(table, "price").extremes(table)
    assert [words.split(":")[0] for words in of_price] == ["column 'price'", "column 'size'"]
    assert "in row 21" in of_price[0]
    of_kind = TableEncoder.learn(table, "kind").extremes(table)
    assert [words.split(":")[0] for words in of_kind] == ["column 'size'", "column 'price'"]
    assert extremes_in_words(column_of("day", ["2024-01-01"] * 9 + ["9024-01-01"]), line) == ""


def test_some_rows_of_a_table_keep_their_place() -> None:
    table = Table.of({"x": [1, 2, 3]}).take([2, 0])
    assert [table.place(row) for row in range(2)] == ["row 3", "row 1"]
