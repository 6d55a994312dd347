from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import regularizers
from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor

WEIGHT = np.array([[1.0, -2.0], [0.5, 0.0]])
TABLE: list[tuple[Any, float, Any]] = [
    (regularizers.L1(0.1), 0.1 * 3.5, 0.1 * np.sign(WEIGHT)),
    (regularizers.L2(0.1), 0.1 * 5.25, 0.2 * WEIGHT),
    (regularizers.L1L2(0.1, 0.2), 0.1 * 3.5 + 0.2 * 5.25, 0.1 * np.sign(WEIGHT) + 0.4 * WEIGHT),
    (regularizers.L1L2(), 0.0, 0.0 * WEIGHT),
]


@pytest.mark.parametrize("regularizer, value, slope", TABLE, ids=lambda x: str(x)[:20])
def test_value_and_gradient(regularizer: Any, value: float, slope: Any) -> None:
    weight = Tensor(WEIGHT, requires_grad=True, dtype="float64")
    penalty = regularizer(weight)
    penalty.backward()
    assert penalty.item() == pytest.approx(value)
    assert weight.grad is not None
    assert weight.grad.numpy() == pytest.approx(slope)


@pytest.mark.parametrize(
    "name, kind",
    [("l1", "L1"), ("l2", "L2"), ("l1l2", "L1L2"), ("l1_l2", "L1L2"), ("L2", "L2")],
)
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
