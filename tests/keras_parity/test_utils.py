"""What prepares labels and features, and the random functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import random, utils
from tests.keras_parity.comparison import Case, Precision, as_array

LABELS = np.array([[2], [0], [3]])
FEATURES = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0], [1.0, -1.0, 2.0]])

CASES = (
    Case("to_categorical", {"x": LABELS}),
    Case("to_categorical", {"x": LABELS[:, 0], "num_classes": 6}),
    Case("to_categorical", {"x": np.array([[0, 1], [1, 2]])}, note="of two axes"),
    Case("normalize", {"x": FEATURES}),
    Case("normalize", {"x": FEATURES, "axis": 1, "order": 1}),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {case.note}")
def test_a_preparation_is_that_of_keras(case: Case, keras: Any) -> None:
    ours, theirs = case.make(utils), case.make(keras.utils)
    Precision("float32", 1e-6).require_same(ours, theirs)


SHAPE = (40, 50)
X = np.random.default_rng(0).normal(1.0, 1.0, SHAPE).astype("float32")
DRAWN = (
    Case("normal", {"shape": SHAPE, "mean": 1.0, "stddev": 2.0}),
    Case("truncated_normal", {"shape": SHAPE, "stddev": 2.0}),
    Case("uniform", {"shape": SHAPE, "minval": -1.0, "maxval": 2.0}),
    Case("randint", {"shape": SHAPE, "minval": -3, "maxval": 4}),
    Case("categorical", {"logits": np.log([[0.1, 0.2, 0.7]]), "num_samples": 2000}),
    Case("dropout", {"inputs": X, "rate": 0.4}),
    Case("shuffle", {"x": X}),
)


@pytest.mark.parametrize("case", DRAWN, ids=lambda case: case.name)
def test_a_random_function_is_distributed_as_that_of_keras(case: Case, keras: Any) -> None:
    tensors = {
        name: keras.ops.array(value) if isinstance(value, np.ndarray) else value
        for name, value in case.arguments.items()
    }
    ours = as_array(getattr(random, case.name)(**case.arguments, seed=3))
    theirs = as_array(getattr(keras.random, case.name)(**tensors, seed=3))
    assert ours.shape == theirs.shape
    quantiles = np.linspace(0.05, 0.95, 7)
    scale = theirs.std()
    for a, b in zip(*(np.quantile(one, quantiles) for one in (ours, theirs)), strict=True):
        assert abs(a - b) <= max(0.15 * scale, float(ours.dtype.kind == "i"))
    assert ours.mean() == pytest.approx(theirs.mean(), abs=6 * scale / np.sqrt(ours.size / 2))
    assert ours.std() == pytest.approx(scale, rel=0.1)
