from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import regularizers
from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Variable
from glassgrad.optimizers import SGD

WEIGHT = np.array([[1.0, -2.0], [0.5, 0.0]])
TABLE: list[tuple[Any, float, Any]] = [
    (regularizers.L1(0.1), 0.1 * 3.5, 0.1 * np.sign(WEIGHT)),
    (regularizers.L2(0.1), 0.1 * 5.25, 0.2 * WEIGHT),
    (regularizers.L1L2(0.1, 0.2), 0.1 * 3.5 + 0.2 * 5.25, 0.1 * np.sign(WEIGHT) + 0.4 * WEIGHT),
    (regularizers.L1L2(), 0.0, 0.0 * WEIGHT),
    (regularizers.OrthogonalRegularizer(0.1), 0.1 / 5**0.5, None),
    (regularizers.OrthogonalRegularizer(0.1, "columns"), 0.1 / 1.25**0.5, None),
]


@pytest.mark.parametrize("regularizer, value, slope", TABLE, ids=lambda x: str(x)[:20])
def test_value_and_gradient(regularizer: Any, value: float, slope: Any) -> None:
    weight = Tensor(WEIGHT, requires_grad=True, dtype="float64")
    penalty = regularizer(weight)
    penalty.backward()
    assert penalty.item() == pytest.approx(value)
    assert weight.grad is not None
    if slope is None:
        slope = slope_by_differences(regularizer)
    assert weight.grad.numpy() == pytest.approx(slope, abs=1e-8)


def slope_by_differences(regularizer: Any, step: float = 1e-6) -> Any:
    nudges = step * np.eye(WEIGHT.size).reshape(WEIGHT.size, *WEIGHT.shape)
    values = [
        regularizer(Tensor(WEIGHT + sign * nudge, dtype="float64")).item()
        for nudge in nudges
        for sign in (1, -1)
    ]
    return ((np.array(values[::2]) - values[1::2]) / (2 * step)).reshape(WEIGHT.shape)


@pytest.mark.parametrize(
    "name, kind",
    [("l1", "L1"), ("l2", "L2"), ("l1l2", "L1L2"), ("l1_l2", "L1L2"), ("L2", "L2"),
     ("orthogonal_regularizer", "OrthogonalRegularizer")],
)  # fmt: skip
def test_names(name: str, kind: str) -> None:
    assert type(regularizers.get(name)).__name__ == kind


def test_keras_lower_case_names() -> None:
    assert regularizers.l2(0.3).l2 == 0.3
    assert regularizers.l1_l2(l1=0.1).l1 == 0.1
    assert regularizers.get(None) is None


@pytest.mark.parametrize("factor", [-0.1, float("nan"), float("inf"), "0.1", None])
def test_bad_factors_are_refused(factor: Any) -> None:
    for kind in (regularizers.L1, regularizers.L2):
        with pytest.raises(ArgumentError, match="a number from 0"):
            kind(factor)
    with pytest.raises(ArgumentError, match="l2="):
        regularizers.L1L2(l2=factor)


# ---- orthogonal rows and columns


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_the_mean_over_pairs_of_the_cosine(mode: str) -> None:
    matrix = np.random.default_rng(1).normal(size=(5, 3))
    vectors = matrix if mode == "rows" else matrix.T
    cosines = [
        abs(a @ b) / np.sqrt((a @ a) * (b @ b))
        for number, a in enumerate(vectors)
        for b in vectors[:number]
    ]
    penalty = regularizers.OrthogonalRegularizer(0.3, mode)(Tensor(matrix, dtype="float64"))
    assert penalty.item() == pytest.approx(0.3 * np.mean(cosines), rel=1e-12)


def test_orthogonal_rows_cost_nothing_and_a_single_one_neither() -> None:
    penalty = regularizers.OrthogonalRegularizer(1.0)
    assert penalty(3.0 * np.eye(4)).item() == 0
    assert penalty([[1.0, 2.0]]).item() == 0
    assert penalty(np.zeros((0, 2))).item() == 0


def test_a_row_of_zeros_has_a_finite_slope() -> None:
    weight = Tensor([[0.0, 0.0], [1.0, 2.0]], requires_grad=True)
    regularizers.OrthogonalRegularizer(1.0)(weight).backward()
    assert weight.grad is not None
    assert np.isfinite(weight.grad.numpy()).all()


def test_what_cannot_be_orthogonal_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"rows or columns of a matrix.*\(2, 2, 2\)"):
        regularizers.OrthogonalRegularizer()(np.ones((2, 2, 2)))
    with pytest.raises(ArgumentError, match=r"'rows' or 'columns'\. Got 'row'"):
        regularizers.OrthogonalRegularizer(mode="row")
    with pytest.raises(ArgumentError, match="factor=-1"):
        regularizers.OrthogonalRegularizer(-1.0)


def test_training_with_it_makes_units_orthogonal() -> None:
    penalty = regularizers.OrthogonalRegularizer(1.0, "columns")
    weight = Variable(np.random.default_rng(2).normal(size=(6, 3)))
    optimizer = SGD(0.1)
    before = penalty(weight).item()
    for _ in range(100):
        (slope,) = gradients(penalty(weight), [weight])
        optimizer.apply([slope], [weight])
    assert before > 0.2
    assert penalty(weight).item() < 0.2 * before
