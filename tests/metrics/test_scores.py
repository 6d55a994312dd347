"""F-scores and the explained variance, against scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import fbeta_score, r2_score

from glassgrad import metrics
from glassgrad.errors import ArgumentError, ShapeError

rng = np.random.default_rng(0)
SHARES = rng.random((30, 4))
SHARES /= SHARES.sum(1, keepdims=True)
BITS = (rng.random((30, 4)) < SHARES + 0.2).astype(float)
ONE_HOT = np.eye(4)[rng.integers(0, 4, 30)]
TARGETS, GUESSES = rng.normal(size=(30, 3)) * [1, 5, 0.2], rng.normal(size=(30, 3))
WEIGHTS = rng.random(30)


def fed(metric: Any, y_true: Any, y_pred: Any, weights: Any = None) -> Any:
    for part in (slice(0, 12), slice(12, 30)):
        given = None if weights is None else weights[part]
        metric.update_state(y_true[part], y_pred[part], given)
    return metric.result()


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
@pytest.mark.parametrize("average", [None, "micro", "macro", "weighted"])
@pytest.mark.parametrize("beta", [1.0, 0.5, 2.0])
@pytest.mark.parametrize("threshold", [None, 0.3])
def test_f_scores(threshold: float | None, beta: float, average: str | None, weights: Any) -> None:
    is_named = SHARES.max(1, keepdims=True) <= SHARES if threshold is None else threshold < SHARES
    metric = metrics.FBetaScore(average, beta, threshold, dtype="float64")
    expected = fbeta_score(BITS, is_named, beta=beta, average=average, sample_weight=weights)
    assert fed(metric, BITS, SHARES, weights) == pytest.approx(expected, rel=1e-5)
    if beta == 1:
        single = metrics.F1Score(average, threshold, dtype="float64")
        assert fed(single, BITS, SHARES, weights) == pytest.approx(expected, rel=1e-5)


def test_a_silent_prediction_names_no_class() -> None:
    assert metrics.F1Score("micro")([[1, 0]], [[0.0, 0.0]]) == 0.0


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
@pytest.mark.parametrize(
    "aggregation, multioutput",
    [
        (None, "raw_values"),
        ("uniform_average", "uniform_average"),
        ("variance_weighted_average", "variance_weighted"),
    ],
)
def test_explained_variance(aggregation: str | None, multioutput: Any, weights: Any) -> None:
    metric = metrics.R2Score(aggregation, dtype="float64")
    expected = r2_score(TARGETS, GUESSES, multioutput=multioutput, sample_weight=weights)
    assert fed(metric, TARGETS, GUESSES, weights) == pytest.approx(expected, rel=1e-10)


def test_explained_variance_adjusted_for_the_number_of_inputs() -> None:
    plain = r2_score(TARGETS[:, 0], GUESSES[:, 0])
    found = fed(metrics.R2Score(num_regressors=4, dtype="float64"), TARGETS[:, :1], GUESSES[:, :1])
    assert found == pytest.approx(1 - (1 - plain) * 29 / 25, rel=1e-10)
    for too_many in (29, 40):
        metric = metrics.R2Score(num_regressors=too_many, dtype="float64")
        assert fed(metric, TARGETS[:, :1], GUESSES[:, :1]) == pytest.approx(plain, rel=1e-10)


def test_targets_of_one_axis_meet_a_column() -> None:
    metric = metrics.R2Score()
    metric.update_state([1.0, 4.0, 3.0], [[2.0], [4.0], [4.0]])
    assert metric.result() == pytest.approx(4 / 7)


def test_constant_targets() -> None:
    assert metrics.R2Score()([[2.0], [2.0]], [[2.0], [3.0]]) == 0.0
    assert np.isnan(metrics.R2Score()([[2.0], [2.0]], [[2.0], [2.0]]))


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: metrics.F1Score("mean"), ArgumentError, "average must be one of .* Got 'mean'"),
        (lambda: metrics.FBetaScore(beta=0.0), ArgumentError, "beta must be above 0"),
        (lambda: metrics.F1Score(threshold=0.0), ArgumentError, r"in \(0, 1\]"),
        (lambda: metrics.F1Score(threshold=1.5), ArgumentError, "Got 1.5"),
        (lambda: metrics.F1Score()([1, 0], [0.5, 0.5]), ShapeError, r"\(batch, classes\)"),
        (lambda: metrics.F1Score()([1, 0], SHARES[:2]), ShapeError, "into vectors"),
        (lambda: metrics.F1Score()(ONE_HOT, SHARES, np.ones(3)), ShapeError, "sample weights"),
        (lambda: metrics.R2Score("mean"), ArgumentError, "class_aggregation"),
        (lambda: metrics.R2Score(num_regressors=-1), ArgumentError, "not be negative. Got -1"),
        (lambda: metrics.R2Score()([1.0, 2.0], [1.0, 2.0]), ShapeError, r"\(batch, outputs\)"),
        (lambda: metrics.R2Score()(TARGETS, SHARES), ShapeError, "one shape"),
    ],
)
def test_bad_input_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()
