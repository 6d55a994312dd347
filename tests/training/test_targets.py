"""Targets that mean nothing to the loss are told before the first step."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.errors import ArgumentError, DataError, DtypeError
from glassgrad.losses import SparseCategoricalCrossentropy, as_loss
from glassgrad.training.data import as_data
from glassgrad.training.targets import checked_targets, with_class_weights

X = np.zeros((4, 2), "float32")


def check(y: Any, loss: Any, outputs: int = 3) -> Any:
    return checked_targets(as_data(X, y), as_loss(loss), (4, outputs)).y


SPARSE = ["sparse_categorical_crossentropy", "SparseCategoricalCrossentropy"]
VECTORS = [
    "categorical_crossentropy", "binary_crossentropy", "bce", "BinaryCrossentropy", "kld",
    "KLDivergence", "categorical_hinge", "CategoricalHinge", "crossentropy",
]  # fmt: skip
COUNTS = ["poisson", "Poisson", "msle", "MeanSquaredLogarithmicError"]
MARGINS = ["hinge", "Hinge", "squared_hinge", "SquaredHinge"]


@pytest.mark.parametrize("loss", SPARSE)
@pytest.mark.parametrize(
    "y, error, message",
    [
        ([0, 1, 2, 3], DataError, r"in \[0, 3\), since the model has 3 outputs. Got 3, first in r"),
        ([0, 1, -1, -1], DataError, r"Got -1, first in row 2\.$"),
        ([1, 2, 3, 3], DataError, "labels begin at 0, so subtract 1"),
        ([0.5, 1, 2, 2], DtypeError, "whole numbers. Got 0.5; for targets as vectors use categ"),
    ],
)
def test_labels(loss: str, y: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check(y, loss)


def test_a_function_is_known_as_well_as_its_class() -> None:
    from glassgrad.losses import sparse_categorical_crossentropy

    with pytest.raises(DataError, match="Labels must lie"):
        check([0, 1, 2, 3], sparse_categorical_crossentropy)


def test_one_output_has_no_labels() -> None:
    with pytest.raises(DataError, match="for yes or no use binary_crossentropy"):
        check([0, 1, 0, 1], SPARSE[0], outputs=1)


@pytest.mark.parametrize("y", [[0, 1, 2, 0], [[0], [1], [2], [0]], [0.0, 1.0, 2.0, 0.0]])
def test_whole_numbers_become_integers(y: Any) -> None:
    assert check(y, SPARSE[0]).dtype == np.int32


@pytest.mark.parametrize("loss", VECTORS)
@pytest.mark.parametrize("y", [[[0, 2, 0]] * 4, [[-0.1, 0, 0]] * 4])
def test_probabilities(loss: str, y: Any) -> None:
    with pytest.raises(DataError, match=r"must lie in \[0, 1\]. Got .* to .*; for integer labels"):
        check(y, loss)


@pytest.mark.parametrize("loss", VECTORS)
@pytest.mark.parametrize("y", [[[0, 1, 0]] * 4, [[0.25, 0.5, 0.25]] * 4, [[True, False, True]] * 4])
def test_right_probabilities(loss: str, y: Any) -> None:
    assert check(y, loss).shape == (4, 3)


@pytest.mark.parametrize("loss", COUNTS)
def test_counts(loss: str) -> None:
    assert check([[0.0], [1.0], [2.5], [300.0]], loss, outputs=1).max() == 300
    with pytest.raises(DataError, match=r"must not be negative. Got -2; for numbers of both"):
        check([[0.0], [1.0], [-2.0], [3.0]], loss, outputs=1)


@pytest.mark.parametrize("loss", MARGINS)
@pytest.mark.parametrize(
    "y, wrong", [([-1, 0, 1, 1], "0"), ([0, 1, 2, 1], "0"), ([1, 3, 1, 1], "3")]
)
def test_margins(loss: str, y: Any, wrong: str) -> None:
    for right in ([-1, 1, 1, -1], [0, 1, 1, 0], [1, 1, 1, 1], [-1.0, -1.0, -1.0, -1.0]):
        assert check(right, loss, outputs=1).tolist() == right
    with pytest.raises(DataError, match=f"-1 and 1, or 0 and 1. Got {wrong}; for one class"):
        check(y, loss, outputs=1)


def test_an_ignored_label_is_no_class() -> None:
    loss = SparseCategoricalCrossentropy(ignore_class=-1)
    assert check([0, -1, 2, -1], loss).tolist() == [0, -1, 2, -1]
    assert check([-1, -1, -1, -1], loss).tolist() == [-1] * 4
    with pytest.raises(DataError, match=r"in \[0, 3\).*Got 3, first in row 3"):
        check([0, -1, 2, 3], loss)


def test_labels_count_along_the_axis_of_the_classes() -> None:
    loss = SparseCategoricalCrossentropy(axis=1)
    images = checked_targets(as_data(X, np.full((4, 2), 4)), loss, (4, 5, 2)).y
    assert images.max() == 4
    with pytest.raises(DataError, match=r"\[0, 5\)"):
        checked_targets(as_data(X, np.full((4, 2), 5)), loss, (4, 5, 2))


def test_crossentropy_is_checked_as_what_it_means() -> None:
    assert check([0.0, 1.0, 2.0, 0.0], "crossentropy").dtype == np.int32
    with pytest.raises(DataError, match="Labels must lie"):
        check([0, 1, 2, 3], "ce")
    with pytest.raises(DataError, match=r"must lie in \[0, 1\]"):
        check([[0], [1], [2], [0]], "crossentropy", outputs=1)


def test_other_losses_take_any_number() -> None:
    assert check([[-5.0, 7.0, 1e9]] * 4, "mse").max() == 1e9


def test_targets_are_needed() -> None:
    with pytest.raises(DataError, match=r"pass y\. Got x alone"):
        check(None, "mse")


@pytest.mark.parametrize("y", [[0, 1, 2, 1], [[0], [1], [2], [1]], np.eye(3)[[0, 1, 2, 1]]])
def test_class_weights(y: Any) -> None:
    weights = with_class_weights(as_data(X, y), {0: 2.0, 1: 0.5}).weights
    assert weights is not None
    assert weights.reshape(-1).tolist() == [2.0, 0.5, 1.0, 0.5]


@pytest.mark.parametrize("class_weight, message", [
    ([1, 2], r"a dictionary, such as \{0: 1.0"),
    ({0: "a"}, "weight of class 0 must be a number from 0. Got 'a'"),
    ({0: -1.0}, "must be a number from 0. Got -1.0"),
    ({"0": 1.0}, "integer labels. Got '0'"),
    ({1: np.nan}, "weight of class 1"),
])  # fmt: skip
def test_bad_class_weights(class_weight: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        with_class_weights(as_data(X, [0, 1, 2, 1]), class_weight)


def test_class_weights_and_sample_weights_exclude_each_other() -> None:
    with pytest.raises(ArgumentError, match="cannot be given together"):
        with_class_weights(as_data(X, [0, 1, 2, 1], np.ones(4)), {0: 1.0})


def test_class_weights_need_targets() -> None:
    with pytest.raises(DataError, match="class_weight needs targets"):
        with_class_weights(as_data(X), {0: 1.0})
