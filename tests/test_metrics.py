from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import metrics
from glassgrad.errors import ArgumentError, ShapeError, UnknownNameError
from glassgrad.execute.executor import executor_named
from glassgrad.graph import Trace, placeholder, tracing

rng = np.random.default_rng(0)
REAL, OTHER = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
LABELS = np.array([0, 3, 1, 2, 2, 0])
BITS, BETWEEN = (OTHER > 0).astype("int32"), rng.random((6, 4))
WEIGHTS = rng.random(6)

TABLE: list[tuple[str, Any, Any, Any, Any]] = [
    ("squares", metrics.MeanSquaredError, OTHER, REAL, (OTHER - REAL) ** 2),
    ("distances", metrics.MeanAbsoluteError, OTHER, REAL, abs(OTHER - REAL)),
    ("equal labels", metrics.Accuracy, LABELS, LABELS * (LABELS > 1), (LABELS != 1) * 1.0),
    ("binary", metrics.BinaryAccuracy, BITS, BETWEEN, ((BETWEEN > 0.5) == BITS) * 1.0),
    (
        "binary column",
        metrics.BinaryAccuracy,
        BITS[:, 0],
        BETWEEN[:, :1],
        ((BETWEEN > 0.5) == BITS)[:, 0] * 1.0,
    ),
    (
        "other threshold",
        lambda: metrics.BinaryAccuracy(threshold=0.2),
        BITS,
        BETWEEN,
        ((BETWEEN > 0.2) == BITS) * 1.0,
    ),
    (
        "categorical",
        metrics.CategoricalAccuracy,
        OTHER,
        REAL,
        (OTHER.argmax(1) == REAL.argmax(1)) * 1.0,
    ),
    (
        "sparse",
        metrics.SparseCategoricalAccuracy,
        LABELS,
        REAL,
        (REAL.argmax(1) == LABELS) * 1.0,
    ),
    (
        "sparse column of floats",
        metrics.SparseCategoricalAccuracy,
        LABELS[:, None].astype("float32"),
        REAL,
        (REAL.argmax(1) == LABELS) * 1.0,
    ),
]


def expected_mean(values: Any, weights: Any) -> float:
    rows = values.reshape(6, -1).mean(1)
    return float(rows.mean() if weights is None else (rows * weights).sum() / weights.sum())


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
@pytest.mark.parametrize("name, make, y_true, y_pred, values", TABLE, ids=[r[0] for r in TABLE])
def test_mean_over_all_batches(
    name: str, make: Any, y_true: Any, y_pred: Any, values: Any, weights: Any
) -> None:
    metric = make()
    assert metric.result() == 0.0
    for part in (slice(0, 4), slice(4, 6)):
        given = None if weights is None else weights[part]
        metric.update_state(y_true[part], y_pred[part], sample_weight=given)
    assert type(metric.result()) is float
    assert metric.result() == pytest.approx(expected_mean(values, weights), rel=1e-6)
    metric.reset_state()
    assert metric.result() == 0.0
    assert metric(y_true, y_pred, weights) == pytest.approx(
        expected_mean(values, weights), rel=1e-6
    )


def test_inside_a_trace_the_state_is_an_update_of_the_step() -> None:
    accuracy, loss = metrics.SparseCategoricalAccuracy(), metrics.Mean("loss")
    labels, scores = placeholder((6,), "int32"), placeholder((6, 4))
    with tracing(Trace()) as trace:
        accuracy.update_state(labels, scores)
        loss.update_state((scores * scores).mean())
    assert set(trace.updates) == {*accuracy.variables, *loss.variables}
    assert accuracy.result() == 0.0
    program = executor_named("reference").compile([], [labels, scores], trace.updates)
    for _ in range(3):
        program(LABELS, REAL)
    assert accuracy.result() == pytest.approx((REAL.argmax(1) == LABELS).mean())
    assert loss.result() == pytest.approx((REAL**2).mean(), rel=1e-6)
    assert [float(v.numpy()) for v in loss.variables][1] == 3.0


def test_counts_stay_exact_where_float32_stops_counting() -> None:
    accuracy = metrics.Accuracy()
    total, count = accuracy.variables
    total.assign(np.float64(2**30))
    count.assign(np.float64(2**30))
    accuracy.update_state([1, 1, 1], [1, 1, 0])
    assert [int(total.numpy()), int(count.numpy())] == [2**30 + 2, 2**30 + 3]


def test_mean_of_numbers_and_of_several_values_an_example() -> None:
    mean = metrics.Mean()
    mean.update_state(4.0)
    mean.update_state([[1.0, 3.0]])
    assert mean.result() == 3.0
    mean.reset_state()
    mean.update_state([[1.0, 3.0], [5.0, 5.0]], sample_weight=[[1.0, 3.0], [0.0, 2.0]])
    assert mean.result() == pytest.approx((1 + 9 + 10) / 6)
    mean.reset_state()
    mean.update_state([3, 5])
    assert mean.result() == 4.0


@pytest.mark.parametrize(
    "y_true, y_pred, kind",
    [
        ((32,), (32, 1), "BinaryAccuracy"),
        ((32, 1), (32, 1), "BinaryAccuracy"),
        ((32,), (32, 10), "SparseCategoricalAccuracy"),
        ((32, 1), (32, 10), "SparseCategoricalAccuracy"),
        ((32, 10), (32, 10), "CategoricalAccuracy"),
        ((32, 7), (32, 7, 10), "SparseCategoricalAccuracy"),
    ],
)
def test_what_accuracy_means(y_true: Any, y_pred: Any, kind: str) -> None:
    true, pred = np.zeros(y_true), placeholder(y_pred)
    assert metrics.resolve_accuracy(true, pred).__name__ == kind
    for name in ("accuracy", "acc"):
        metric = metrics.as_metric(name, true, pred)
        assert (type(metric).__name__, metric.name) == (kind, name)


def test_as_metric() -> None:
    def largest_error(y_true: Any, y_pred: Any) -> Any:
        return (y_true - y_pred).abs().max(axis=-1)

    shapes = (np.zeros((6, 4)), np.zeros((6, 4)))
    own = metrics.as_metric(largest_error, *shapes)
    own.update_state([[0.0, 1.0]], [[0.0, 4.0]])
    assert (own.name, own.result()) == ("largest_error", 3.0)
    assert metrics.as_metric("mse", *shapes).name == "mse"
    assert metrics.as_metric("categorical_crossentropy", *shapes).name == "categorical_crossentropy"
    made = metrics.BinaryAccuracy(threshold=0.1)
    assert metrics.as_metric(made, *shapes) is made
    assert isinstance(metrics.as_metric(metrics.Accuracy, *shapes), metrics.Accuracy)
    with pytest.raises(UnknownNameError, match="'accuracy'"):
        metrics.as_metric("acuracy", *shapes)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: metrics.BinaryAccuracy(threshold=2.0), ArgumentError, "threshold"),
        (lambda: metrics.MeanMetricWrapper("accuracy"), ArgumentError, "wants a function"),
        (lambda: metrics.get(3), ArgumentError, "metric must be"),
        (lambda: metrics.Accuracy()([1, 2], [1, 2, 3]), ShapeError, r"\(2,\) and \(3,\)"),
        (
            lambda: metrics.SparseCategoricalAccuracy()(REAL, REAL),
            ShapeError,
            "categorical form",
        ),
        (lambda: metrics.Mean()([1.0, 2.0], [1.0, 2.0, 3.0]), ShapeError, "."),
        (lambda: metrics.Metric()(1.0), NotImplementedError, "update_state"),
    ],
)
def test_bad_input_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()
