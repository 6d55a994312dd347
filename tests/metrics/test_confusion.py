"""Hits and misses, against loops over all examples, and the confusion matrix of scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from glassgrad import metrics
from glassgrad.errors import ArgumentError, DataError, ShapeError
from glassgrad.graph import Tensor

rng = np.random.default_rng(0)
BITS, SCORES = rng.integers(0, 2, (12, 4)), rng.random((12, 4))
WEIGHTS = rng.random(12)
FOR_EACH = rng.random((12, 4))
LABELS, GUESSES = rng.integers(0, 4, 12), rng.integers(0, 4, 12)


def counted(bits: Any, is_yes: Any, weights: Any) -> dict[str, float]:
    """The four kinds, counted one by one."""
    counts = {"TruePositives": 0.0, "TrueNegatives": 0.0}
    counts |= {"FalsePositives": 0.0, "FalseNegatives": 0.0}
    for place in np.ndindex(bits.shape):
        is_right = "True" if bool(bits[place]) == bool(is_yes[place]) else "False"
        kind = "Positives" if is_yes[place] else "Negatives"
        counts[is_right + kind] += weights[place]
    return counts


def spread(weights: Any) -> Any:
    if weights is None:
        return np.ones(SCORES.shape)
    return np.broadcast_to(weights.reshape(12, -1), SCORES.shape)


def fed(metric: Any, weights: Any, bits: Any = BITS, scores: Any = SCORES) -> Any:
    for part in (slice(0, 5), slice(5, 12)):
        given = None if weights is None else weights[part]
        metric.update_state(bits[part], scores[part], given)
    return metric.result()


KINDS = ["TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives"]


@pytest.mark.parametrize("weights", [None, WEIGHTS, WEIGHTS[:, None], FOR_EACH])
@pytest.mark.parametrize("kind", KINDS)
def test_counts(kind: str, weights: Any) -> None:
    found = fed(getattr(metrics, kind)(dtype="float64"), weights)
    assert type(found) is float
    assert found == pytest.approx(counted(BITS, SCORES > 0.5, spread(weights))[kind], rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_counts_at_several_thresholds(kind: str) -> None:
    levels = [0.25, 0.0, 1.0]
    found = fed(getattr(metrics, kind)(levels), None)
    assert found.tolist() == [counted(BITS, t < SCORES, spread(None))[kind] for t in levels]


def test_a_column_meets_a_line() -> None:
    metric = metrics.TruePositives()
    metric.update_state([1, 0, 1], [[0.9], [0.9], [0.9]], sample_weight=[1.0, 1.0, 0.5])
    assert metric.result() == 1.5


def best_two(scores: Any) -> Any:
    return (scores[:, :, None] < scores[:, None, :]).sum(-1) < 2


OPTIONS: list[tuple[str, dict[str, Any], Callable[[Any], Any], Any]] = [
    ("plain", {}, lambda s: s > 0.5, slice(None)),
    ("lower", {"thresholds": 0.2}, lambda s: s > 0.2, slice(None)),
    ("best two", {"top_k": 2}, best_two, slice(None)),
    ("best two above", {"top_k": 2, "thresholds": 0.7}, lambda s: best_two(s) & (s > 0.7),
     slice(None)),
    ("one class", {"class_id": 1}, lambda s: s > 0.5, slice(1, 2)),
    ("the last class", {"class_id": -1}, lambda s: s > 0.5, slice(3, 4)),
    ("one class of the best two", {"class_id": 2, "top_k": 2}, best_two, slice(2, 3)),
]  # fmt: skip


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
@pytest.mark.parametrize("name, options, is_yes, columns", OPTIONS, ids=[row[0] for row in OPTIONS])
def test_precision_and_recall(
    name: str, options: Any, is_yes: Any, columns: Any, weights: Any
) -> None:
    factors = spread(weights)[:, columns]
    counts = counted(BITS[:, columns], is_yes(SCORES)[:, columns], factors)
    hits = counts["TruePositives"]
    expected = {
        "Precision": hits / (hits + counts["FalsePositives"]),
        "Recall": hits / (hits + counts["FalseNegatives"]),
    }
    for kind, value in expected.items():
        found = fed(getattr(metrics, kind)(**options, dtype="float64"), weights)
        assert found == pytest.approx(value, rel=1e-12)


def test_shares_at_several_thresholds_and_of_nothing() -> None:
    precision = metrics.Precision([0.5, 1.0])
    assert precision.result().tolist() == [0.0, 0.0]
    assert precision([1, 0], [0.9, 0.8]).tolist() == [0.5, 0.0]
    assert metrics.Recall()([0, 0], [0.9, 0.8]) == 0.0


def test_predictions_that_are_no_numbers_are_no_yes() -> None:
    assert metrics.TruePositives()([1, 1], [np.nan, np.inf]) == 1.0
    assert metrics.FalseNegatives()([1, 1], [np.nan, -np.inf]) == 2.0


VECTORS, SOFT = np.eye(4)[LABELS], np.eye(4)[GUESSES] * 0.5 + 0.1


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
@pytest.mark.parametrize(
    "y_true, y_pred", [*product((LABELS, LABELS[:, None], VECTORS), (GUESSES, SOFT))]
)
def test_confusion_matrix(y_true: Any, y_pred: Any, weights: Any) -> None:
    found = fed(metrics.ConfusionMatrix(4, dtype="float64"), weights, y_true, y_pred)
    expected = confusion_matrix(LABELS, GUESSES, sample_weight=weights, labels=range(4))
    assert found == pytest.approx(expected, rel=1e-12)


def test_confusion_matrix_of_two_classes_takes_probabilities() -> None:
    for y_pred in ([0.2, 0.8, 0.9, 0.5], [[0.2], [0.8], [0.9], [0.5]], [0, 1, 1, 0]):
        found = metrics.ConfusionMatrix(2)([0, 0, 1, 1], y_pred)
        assert found.tolist() == [[1, 1], [1, 1]]


def test_confusion_matrix_of_sequences() -> None:
    pred = np.stack([SOFT, SOFT], axis=1)
    found = metrics.ConfusionMatrix(4)(np.stack([LABELS, LABELS], axis=1), pred, WEIGHTS)
    expected = confusion_matrix(LABELS, GUESSES, sample_weight=2 * WEIGHTS, labels=range(4))
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: metrics.TruePositives(1.5), ArgumentError, r"in \[0, 1\]. Got 1.5"),
        (lambda: metrics.Precision([0.5, -0.1]), ArgumentError, r"Got \[0.5, -0.1\]"),
        (lambda: metrics.Recall([]), ArgumentError, r"Got \[\]"),
        (lambda: metrics.Recall(np.nan), ArgumentError, "Got nan"),
        (lambda: metrics.Precision(top_k=0), ArgumentError, "top_k must be a whole number"),
        (lambda: metrics.Precision(top_k=5)(BITS, SCORES), ArgumentError, "k must be"),
        (lambda: metrics.Recall(class_id=4)(BITS, SCORES), ArgumentError, "4 classes. Got 4"),
        (lambda: metrics.Recall(class_id=0)([1], [0.5]), ShapeError, r"\(batch, classes\)"),
        (lambda: metrics.Recall()(LABELS, SCORES), ShapeError, "integer labels into vectors"),
        (lambda: metrics.Recall()(BITS, SCORES, np.ones(5)), ShapeError, "sample weights"),
        (lambda: metrics.ConfusionMatrix(1), ArgumentError, "from 2 on. Got 1"),
        (lambda: metrics.ConfusionMatrix(3)(LABELS, SOFT), DataError, r"in \[0, 3\)"),
        (lambda: metrics.ConfusionMatrix(4)(LABELS[:5], SOFT), ShapeError, "one shape"),
    ],
)
def test_bad_input_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()


def test_float64_predictions_are_compared_in_float64() -> None:
    just_above = Tensor([0.5 + 1e-12], dtype="float64")
    assert metrics.TruePositives()([1], just_above) == 1.0
