"""Every constraint on weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import constraints
from tests.keras_parity.comparison import Case, Precision, as_array

CASES = (
    Case("MaxNorm"),
    Case("MaxNorm", {"max_value": 0.7, "axis": 1}),
    Case("MaxNorm", {"max_value": 0.7, "axis": [0, 1]}),
    Case("NonNeg"),
    Case("UnitNorm"),
    Case("UnitNorm", {"axis": 1}),
    Case("MinMaxNorm"),
    Case("MinMaxNorm", {"min_value": 0.5, "max_value": 0.9, "rate": 0.3, "axis": 1}),
)
ARRAYS = {
    "random": np.random.default_rng(0).normal(size=(5, 4)),
    "small": np.random.default_rng(1).normal(size=(5, 4)) * 1e-3,
    "a kernel": np.random.default_rng(2).normal(size=(3, 2, 4, 2)),
    "a zero column": np.array([[0.0, 3.0], [0.0, -4.0]]),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_constraint_is_that_of_keras(case: Case, keras: Any, precision: Precision) -> None:
    ours, theirs = case.make(constraints), case.make(keras.constraints)
    precision = precision.about(f"constraints.{case.name}")
    for what, array in ARRAYS.items():
        x = precision.floats(array)
        precision.require_same(as_array(ours(x)), theirs(keras.ops.array(x)), what)
