"""Areas and best points, against loops over thresholds, and scikit-learn's exact curves."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from glassgrad import metrics
from glassgrad.errors import ArgumentError, ShapeError

rng = np.random.default_rng(0)
SCORES = rng.random(400)
BITS = (rng.random(400) < SCORES**2).astype(float)
WEIGHTS = rng.random(400)
TABLE_SCORES, TABLE_WEIGHTS = rng.random((90, 3)), rng.random(90)
TABLE_BITS = (rng.random((90, 3)) < TABLE_SCORES).astype(float)
LABEL_WEIGHTS = [1.0, 0.0, 2.5]


def fed(metric: Any, bits: Any, scores: Any, weights: Any) -> Any:
    for part in (slice(0, 50), slice(50, None)):
        given = None if weights is None else weights[part]
        metric.update_state(bits[part], scores[part], given)
    return metric.result()


def counts(bits: Any, scores: Any, weights: Any, levels: Any) -> Any:
    """True and false positives, true and false negatives, at each threshold."""
    weights = np.ones(len(bits)) if weights is None else weights
    rows = []
    for level in levels:
        is_yes = scores > level
        pairs = ((1, is_yes), (0, is_yes), (0, ~is_yes), (1, ~is_yes))
        rows.append([weights[(bits == bit) & side].sum() for bit, side in pairs])
    return np.array(rows).T


def levels_of(number: int) -> list[float]:
    return [-1e-7, *np.linspace(0, 1, number)[1:-1], 1 + 1e-7]


def share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else 0.0


def points(curve: str, table: Any) -> list[tuple[float, float]]:
    found = []
    for tp, fp, tn, fn in table.T:
        if curve == "ROC":
            found.append((share(fp, tn), share(tp, fn)))
        elif curve == "PR":
            found.append((share(tp, fn), share(tp, fp)))
        else:
            odds = (tp + fn) / (tn + fp)
            gain = max(1 - odds * fn / tp, 0.0) if tp else 0.0
            found.append((gain, 1 - odds * fp / tp if tp else 1.0))
    return found


def area(curve: str, summation: str, table: Any) -> float:
    """Rectangles between neighbouring points; under precision-recall hits grow linearly."""
    if (curve, summation) == ("PR", "interpolation"):
        return interpolated(table)
    heights = {"interpolation": np.mean, "minoring": np.min, "majoring": np.max}
    found = points(curve, table)
    return float(
        sum(
            (x - next_x) * heights[summation]([y, next_y])
            for (x, y), (next_x, next_y) in pairwise(found)
        )
    )


def interpolated(table: Any) -> float:
    """The integral of precision over recall, by many small steps between the points."""
    total = 0.0
    for (tp, fp, _, fn), (tp2, fp2, _, _) in pairwise(table.T):
        if tp == tp2:
            continue
        steps = np.linspace(0, 1, 20001)
        hits, taken = tp2 + steps * (tp - tp2), tp2 + fp2 + steps * (tp + fp - tp2 - fp2)
        middle = (hits[1:] + hits[:-1]) / (taken[1:] + taken[:-1])
        total += float(middle.mean() * (tp - tp2) / (tp + fn))
    return total


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
@pytest.mark.parametrize("summation", ["interpolation", "minoring", "majoring"])
@pytest.mark.parametrize("curve", ["ROC", "PR", "PRGAIN"])
def test_area(curve: str, summation: str, weights: Any) -> None:
    found = fed(metrics.AUC(21, curve, summation, dtype="float64"), BITS, SCORES, weights)
    expected = area(curve, summation, counts(BITS, SCORES, weights, levels_of(21)))
    rel = 1e-5 if (curve, summation) == ("PR", "interpolation") else 1e-12
    assert found == pytest.approx(expected, rel=rel)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
def test_the_area_is_close_to_the_exact_one(weights: Any) -> None:
    found = fed(metrics.AUC(), BITS, SCORES, weights)
    assert found == pytest.approx(roc_auc_score(BITS, SCORES, sample_weight=weights), abs=3e-3)
    logits = np.log(SCORES / (1 - SCORES))
    assert fed(metrics.AUC(from_logits=True), BITS, logits, weights) == pytest.approx(found, 1e-4)


@pytest.mark.parametrize("curve", ["ROC", "PR"])
@pytest.mark.parametrize("weighted", [False, True])
def test_area_of_each_label(curve: str, weighted: bool) -> None:
    weights = LABEL_WEIGHTS if weighted else None
    arguments = {"curve": curve, "multi_label": True, "label_weights": weights}
    metric = metrics.AUC(11, **arguments, dtype="float64")
    found = fed(metric, TABLE_BITS, TABLE_SCORES, TABLE_WEIGHTS)
    apart = [
        fed(metrics.AUC(11, curve, dtype="float64"), TABLE_BITS[:, j], TABLE_SCORES[:, j],
            TABLE_WEIGHTS)
        for j in range(3)
    ]  # fmt: skip
    assert found == pytest.approx(np.average(apart, weights=weights), rel=1e-12)
    named = metrics.AUC(11, **arguments, num_labels=3, dtype="float64")
    assert fed(named, TABLE_BITS, TABLE_SCORES, TABLE_WEIGHTS) == found


def test_labels_count_by_their_weights() -> None:
    metric = metrics.AUC(11, label_weights=LABEL_WEIGHTS, dtype="float64")
    found = fed(metric, TABLE_BITS, TABLE_SCORES, TABLE_WEIGHTS)
    weights = (TABLE_WEIGHTS[:, None] * np.array(LABEL_WEIGHTS)).ravel()
    flat = counts(TABLE_BITS.ravel(), TABLE_SCORES.ravel(), weights, levels_of(11))
    assert found == pytest.approx(area("ROC", "interpolation", flat), rel=1e-12)


def test_thresholds_of_ones_own_in_any_order() -> None:
    found = fed(metrics.AUC(thresholds=[0.8, 0.2], dtype="float64"), BITS, SCORES, None)
    expected = counts(BITS, SCORES, None, [-1e-7, 0.2, 0.8, 1 + 1e-7])
    assert found == pytest.approx(area("ROC", "interpolation", expected), rel=1e-12)


@pytest.mark.parametrize("curve, value", [("ROC", 0.0), ("PR", 0.0), ("PRGAIN", 0.0)])
def test_area_of_nothing(curve: str, value: float) -> None:
    assert metrics.AUC(curve=curve).result() == value


def test_certain_and_right_predictions() -> None:
    for curve in ("ROC", "PR"):
        assert metrics.AUC(curve=curve)([0, 0, 1, 1], [0.0, 0.0, 1.0, 1.0]) == pytest.approx(1.0)
        assert metrics.AUC(curve=curve)([0, 1], [-5.0, 7.0]) == pytest.approx(1.0)


# ---- the best point


def shares(table: Any) -> dict[str, list[float]]:
    return {
        "sensitivity": [share(tp, fn) for tp, _, _, fn in table.T],
        "specificity": [share(tn, fp) for _, fp, tn, _ in table.T],
        "precision": [share(tp, fp) for tp, fp, _, _ in table.T],
        "recall": [share(tp, fn) for tp, _, _, fn in table.T],
    }


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
@pytest.mark.parametrize("least", [0.0, 0.35, 0.8, 1.0])
@pytest.mark.parametrize(
    "kind, quantity, kept",
    [
        ("SensitivityAtSpecificity", "sensitivity", "specificity"),
        ("SpecificityAtSensitivity", "specificity", "sensitivity"),
        ("PrecisionAtRecall", "precision", "recall"),
        ("RecallAtPrecision", "recall", "precision"),
    ],
)
def test_best_point(kind: str, quantity: str, kept: str, least: float, weights: Any) -> None:
    metric = getattr(metrics, kind)(least, 25, dtype="float64")
    found = fed(metric, BITS, SCORES, weights)
    values = shares(counts(BITS, SCORES, weights, np.linspace(0, 1, 25)))
    pairs = zip(values[quantity], values[kept], strict=True)
    expected = max((a for a, b in pairs if b >= least), default=0.0)
    assert found == pytest.approx(expected, rel=1e-12)


def test_best_point_of_one_class_and_of_one_threshold() -> None:
    metric = metrics.RecallAtPrecision(0.2, 25, class_id=1)
    alone = metrics.RecallAtPrecision(0.2, 25)
    assert fed(metric, TABLE_BITS, TABLE_SCORES, None) == fed(
        alone, TABLE_BITS[:, 1], TABLE_SCORES[:, 1], None
    )
    single = metrics.SensitivityAtSpecificity(0.0, num_thresholds=1)
    assert single([1, 1, 0], [0.6, 0.4, 0.9]) == 0.5


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: metrics.AUC(1), ArgumentError, "from 2 on. Got 1"),
        (lambda: metrics.AUC(2.5), ArgumentError, "from 2 on. Got 2.5"),
        (lambda: metrics.AUC(curve="ROCK"), ArgumentError, "curve must be one of .* Got 'ROCK'"),
        (lambda: metrics.AUC(summation_method="sum"), ArgumentError, "summation_method"),
        (lambda: metrics.AUC(thresholds=[0.5, 1.5]), ArgumentError, r"in \[0, 1\]"),
        (lambda: metrics.AUC(num_labels=3), ArgumentError, "set multi_label=True"),
        (
            lambda: metrics.AUC(multi_label=True)(BITS, SCORES),
            ShapeError,
            r"\(batch, labels\). Got \(400,\)",
        ),
        (
            lambda: metrics.AUC(multi_label=True, num_labels=2)(TABLE_BITS, TABLE_SCORES),
            ShapeError,
            r"\(batch, 2\). Got \(90, 3\)",
        ),
        (lambda: metrics.PrecisionAtRecall(1.5), ArgumentError, "PrecisionAtRecall.*Got 1.5"),
        (lambda: metrics.RecallAtPrecision(0.5, 0), ArgumentError, "num_thresholds"),
        (lambda: metrics.AUC()(BITS, SCORES[:10]), ShapeError, "one shape"),
        (lambda: metrics.AUC(label_weights=[1.0, 2.0])(TABLE_BITS, TABLE_SCORES), ShapeError, "."),
    ],
)
def test_bad_input_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()
