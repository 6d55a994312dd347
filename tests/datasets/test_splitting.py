from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad.datasets import split
from glassgrad.datasets.splitting import scarce_classes, split_rows
from glassgrad.errors import ArgumentError, DataError


def test_both_parts_keep_pairs_and_order() -> None:
    x = np.arange(20).reshape(10, 2)
    y = x[:, 0] * 10
    (x_train, y_train), (x_test, y_test) = split(x, y, 0.3, seed=4)
    assert (len(x_train), len(x_test)) == (7, 3)
    for part, targets in ((x_train, y_train), (x_test, y_test)):
        np.testing.assert_array_equal(part[:, 0] * 10, targets)
        assert (np.diff(targets) > 0).all()
    assert {*y_train, *y_test} == {*y}


def test_the_seed_decides() -> None:
    first, again, other = (split_rows(100, 0.2, seed)[1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


@given(
    st.lists(st.integers(0, 4), min_size=5, max_size=80),
    st.floats(0.15, 0.85),
    st.integers(0, 99),
)
def test_shares_of_labels(labels: list[int], test_size: float, seed: int) -> None:
    y = np.array(labels)
    wanted = round(len(y) * test_size)
    train, test = split_rows(len(y), test_size, seed, y)
    assert sorted([*train, *test]) == list(range(len(y)))
    counts = {label: labels.count(label) for label in labels}
    held = {label: int((y[test] == label).sum()) for label in counts}
    assert all(held[label] < count for label, count in counts.items())
    possible = sum(count - 1 for count in counts.values())
    assert len(test) == min(wanted, possible) or abs(len(test) - wanted) <= len(counts)
    for label, count in counts.items():
        exact = count * wanted / len(y)
        assert held[label] in (
            {int(exact), int(exact) + 1} | ({count - 1} if exact > count - 1 else set())
        )


def test_texts_are_labels() -> None:
    y = np.array(["a", "b"] * 10)
    (_, y_train), (_, y_test) = split(np.arange(20), y, 0.5, stratify=True)
    assert sorted(y_train) == sorted(y_test)


@pytest.mark.parametrize(
    "x, y, options, error, message",
    [
        ([1, 2, 3], [1, 2], {}, DataError, "equal lengths"),
        (1, 2, {}, DataError, "equal lengths"),
        ([1, 2], [0.5, 1.5], {"stratify": True, "test_size": 0.5}, DataError, "Only labels"),
        ([1, 2], [[0], [1]], {"stratify": True, "test_size": 0.5}, DataError, "shape (2, 1)"),
        ([1, 2], [1, 2], {"test_size": 0}, ArgumentError, "between 0 and 1"),
        ([1, 2], [1, 2], {"test_size": 1.0}, ArgumentError, "Got 1.0 of 2"),
        ([1, 2], [1, 2], {"test_size": 0.1}, ArgumentError, "examples on both sides"),
        ([1, 2], [1, 2], {"test_size": True}, ArgumentError, "must be a number"),
        ([1, 2], [1, 2], {"test_size": "half"}, ArgumentError, "Got 'half'"),
        ([1, 2], [1, 2], {"test_size": float("nan")}, ArgumentError, "Got nan"),
        ([1, 2], [1, 2], {"seed": -1, "test_size": 0.5}, ArgumentError, "seed"),
    ],
)
def test_what_cannot_be_divided(
    x: Any, y: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error) as caught:
        split(x, y, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "train, test, remarks",
    [
        ([0] * 5 + [1] * 5, [0, 1], []),
        ([0] * 5 + [1] * 4, [0, 1], ["fewer than 5 examples for training: 'b' (4). "]),
        ([0] * 5 + [1] * 5, [0], ["without an example in the test part: 'b'. "]),
        ([0, 1], [], ["training: 'a' (1), 'b' (1). Bring", "test part: 'a', 'b'. Their"]),
    ],
)
def test_classes_with_too_few_examples_are_named(
    train: list[int], test: list[int], remarks: list[str]
) -> None:
    found = scarce_classes(["a", "b"], np.array(train, int), np.array(test, int))
    assert len(found) == len(remarks)
    assert all(words in remark for words, remark in zip(remarks, found, strict=True))


def test_of_many_such_classes_some_are_named() -> None:
    found = scarce_classes(list("abcdefghij"), np.zeros(0, int), np.zeros(0, int))
    assert all(remark.count("'") == 12 and " and 4 more" in remark for remark in found)
