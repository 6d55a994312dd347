"""Every regularizer, in values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import regularizers
from tests.keras_parity.comparison import Case, Precision, evaluate, evaluate_keras

CASES = (
    Case("L1"),
    Case("L1", {"l1": 0.3}),
    Case("L2"),
    Case("L2", {"l2": 0.3}),
    Case("L1L2"),
    Case("L1L2", {"l1": 0.2, "l2": 0.1}),
    Case("OrthogonalRegularizer"),
    Case("OrthogonalRegularizer", {"factor": 0.5, "mode": "columns"}),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_regularizer_is_that_of_keras(case: Case, keras: Any, precision: Precision) -> None:
    x = precision.floats(np.random.default_rng(0).normal(size=(5, 4)))
    ours, our_slopes = evaluate(case.make(regularizers), [x])
    theirs, their_slopes = evaluate_keras(case.make(keras.regularizers), [x])
    precision = precision.about(f"regularizers.{case.name}")
    precision.require_same(ours, theirs, "value")
    precision.require_same(our_slopes[0], their_slopes[0], "gradient")
