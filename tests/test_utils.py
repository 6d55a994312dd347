from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad import utils
from glassgrad.errors import ArgumentError, DataError
from glassgrad.layers import Dense


@given(st.lists(st.integers(0, 6), min_size=1, max_size=9), st.integers(7, 9))
def test_one_row_for_each_label(labels: list[int], classes: int) -> None:
    found = utils.to_categorical(labels, classes)
    assert found.dtype == np.float32
    assert found.shape == (len(labels), classes)
    assert (found.sum(axis=-1) == 1).all()
    assert found.argmax(axis=-1).tolist() == labels


@pytest.mark.parametrize(
    "labels, shape", [([[0], [2]], (2, 3)), ([[0, 1], [2, 0]], (2, 2, 3)), (2, (3,)), ([], (0, 0))]
)
def test_shapes_of_labels(labels: Any, shape: tuple[int, ...]) -> None:
    assert utils.to_categorical(labels).shape == shape


@pytest.mark.parametrize(
    "labels, classes, message",
    [
        ([0, 3], 3, r"lie in \[0, 3\). Got 3"),
        ([-1], None, "Got -1"),
        ([0.5], None, "must be integers, from 0"),
        (["a"], None, "must be integers, from 0"),
        ([np.nan], None, "must be integers, from 0"),
    ],
)
def test_labels_that_are_none(labels: Any, classes: int | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        utils.to_categorical(labels, classes)


@pytest.mark.parametrize("axis, order", [(-1, 2), (0, 2), (0, 1), (1, 3)])
def test_normalized_vectors(axis: int, order: int) -> None:
    x = np.random.default_rng(2).normal(size=(3, 4))
    x[0] = 0.0
    found = utils.normalize(x, axis, order)
    expected = (np.abs(x) ** order).sum(axis, keepdims=True) ** (1 / order)
    np.testing.assert_allclose(found * np.where(expected, expected, 1), x)
    with pytest.raises(ArgumentError, match=r"above 0. Got 0"):
        utils.normalize(x, order=0)


@pytest.mark.parametrize("packed", [(1, 2, 3), (1, 2), 1])
def test_packing_and_unpacking(packed: Any) -> None:
    unpacked = utils.unpack_x_y_sample_weight(packed)
    assert utils.pack_x_y_sample_weight(*unpacked) == packed
    assert utils.unpack_x_y_sample_weight([1, 2]) == (1, 2, None)
    with pytest.raises(ArgumentError, match="Got a tuple of 4 elements"):
        utils.unpack_x_y_sample_weight((1, 2, 3, 4))


def test_names_begin_anew() -> None:
    Dense(1)
    utils.clear_session()
    assert Dense(1).name == "dense"
