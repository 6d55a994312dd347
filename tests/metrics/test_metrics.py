from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import losses, metrics
from glassgrad.errors import ArgumentError, DtypeError, ShapeError, UnknownNameError
from glassgrad.graph import placeholder

rng = np.random.default_rng(0)
REAL, OTHER = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
LABELS = np.array([0, 3, 1, 2, 2, 0])
BITS, BETWEEN = (OTHER > 0).astype("int32"), rng.random((6, 4))
WEIGHTS = rng.random(6)
ONE_HOT = np.eye(4)[LABELS]
SHARES = BETWEEN / BETWEEN.sum(1, keepdims=True)
RANKS = (REAL[:, None, :] > REAL[:, :, None]).sum(-1)  # how many are better


def of_loss(name: str, y_true: Any, y_pred: Any, **arguments: Any) -> Any:
    """The values of the loss of the same name, which has oracles of its own."""
    return getattr(losses, name)(y_true, y_pred, **arguments).numpy().astype(float)


TABLE: list[tuple[str, Any, Any, Any, Any]] = [
    ("squares", metrics.MeanSquaredError, OTHER, REAL, (OTHER - REAL) ** 2),
    ("distances", metrics.MeanAbsoluteError, OTHER, REAL, abs(OTHER - REAL)),
    (
        "percentages",
        metrics.MeanAbsolutePercentageError,
        OTHER,
        REAL,
        100 * abs((OTHER - REAL) / OTHER),
    ),
    (
        "logarithms",
        metrics.MeanSquaredLogarithmicError,
        abs(OTHER),
        abs(REAL),
        (np.log1p(abs(OTHER)) - np.log1p(abs(REAL))) ** 2,
    ),
    ("log-cosh", metrics.LogCoshError, OTHER, REAL, np.log(np.cosh(OTHER - REAL))),
    (
        "cosine",
        metrics.CosineSimilarity,
        OTHER,
        REAL,
        (OTHER * REAL).sum(1) / np.linalg.norm(OTHER, axis=1) / np.linalg.norm(REAL, axis=1),
    ),
    (
        "hinge",
        metrics.Hinge,
        BITS,
        REAL,
        np.maximum(1 - (2 * BITS - 1) * REAL, 0),
    ),
    (
        "squared hinge",
        metrics.SquaredHinge,
        BITS,
        REAL,
        np.maximum(1 - (2 * BITS - 1) * REAL, 0) ** 2,
    ),
    (
        "categorical hinge",
        metrics.CategoricalHinge,
        ONE_HOT,
        REAL,
        of_loss("categorical_hinge", ONE_HOT, REAL),
    ),
    (
        "divergence",
        metrics.KLDivergence,
        SHARES[::-1],
        SHARES,
        (SHARES[::-1] * np.log(SHARES[::-1] / SHARES)).sum(1),
    ),
    (
        "Poisson",
        metrics.Poisson,
        abs(OTHER),
        BETWEEN,
        BETWEEN - abs(OTHER) * np.log(BETWEEN + 1e-7),
    ),
    (
        "surprise at bits",
        lambda: metrics.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        BITS,
        REAL,
        of_loss("binary_crossentropy", BITS, REAL, from_logits=True, label_smoothing=0.1),
    ),
    (
        "surprise at vectors",
        metrics.CategoricalCrossentropy,
        ONE_HOT,
        SHARES,
        -np.log(SHARES[np.arange(6), LABELS]),
    ),
    (
        "surprise at labels",
        metrics.SparseCategoricalCrossentropy,
        LABELS,
        SHARES,
        -np.log(SHARES[np.arange(6), LABELS]),
    ),
    (
        "best two",
        lambda: metrics.TopKCategoricalAccuracy(2),
        ONE_HOT,
        REAL,
        (RANKS[np.arange(6), LABELS] < 2) * 1.0,
    ),
    (
        "best two of labels",
        lambda: metrics.SparseTopKCategoricalAccuracy(2),
        LABELS,
        REAL,
        (RANKS[np.arange(6), LABELS] < 2) * 1.0,
    ),
    (
        "best three, sorted",
        lambda: metrics.SparseTopKCategoricalAccuracy(3, from_sorted_ids=True),
        LABELS,
        np.argsort(-REAL, axis=1),
        (RANKS[np.arange(6), LABELS] < 3) * 1.0,
    ),
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
    assert metric.result() == pytest.approx(expected_mean(values, weights), rel=1e-5)
    metric.reset_state()
    assert metric.result() == 0.0
    assert metric(y_true, y_pred, weights) == pytest.approx(
        expected_mean(values, weights), rel=1e-5
    )


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
def test_sum(weights: Any) -> None:
    total = metrics.Sum()
    factors = np.ones(6) if weights is None else weights
    for part in (slice(0, 4), slice(4, 6)):
        total.update_state(REAL[part], None if weights is None else weights[part])
    assert total.result() == pytest.approx((REAL.sum(1) * factors).sum(), rel=1e-5)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
def test_root_of_the_mean_of_squares(weights: Any) -> None:
    metric = metrics.RootMeanSquaredError(dtype="float64")
    for part in (slice(0, 4), slice(4, 6)):
        given = None if weights is None else weights[part]
        metric.update_state(OTHER[part], REAL[part], given)
    expected = expected_mean((OTHER - REAL) ** 2, weights) ** 0.5
    assert metric.result() == pytest.approx(expected, rel=1e-12)
    metric.reset_state()
    metric.update_state(np.zeros(3), np.array([[3.0], [4.0], [5.0]]))
    assert metric.result() == pytest.approx((50 / 3) ** 0.5)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["even", "weighted"])
def test_an_ignored_class_does_not_count_with_weights_or_without(weights: Any) -> None:
    labels = np.where(LABELS == 2, -1, LABELS)
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)
    metric.update_state(labels, SHARES, weights)
    counted = labels >= 0
    factors = (np.ones(6) if weights is None else weights)[counted]
    values = -np.log(SHARES[counted, labels[counted]])
    assert metric.result() == pytest.approx((values * factors).sum() / factors.sum(), rel=1e-5)


def test_best_guesses_where_predictions_are_equal_or_missing() -> None:
    guesses = np.array([[0.5, 0.5, 0.1], [np.nan, 0.2, 0.1], [np.inf, 0.2, 0.1], [0.1, 0.1, 0.1]])
    found = metrics.sparse_top_k_categorical_accuracy([1, 0, 0, 2], guesses, k=1)
    assert found.numpy().tolist() == [1.0, 0.0, 1.0, 1.0]


def test_functions_give_a_value_for_each_example() -> None:
    assert metrics.binary_accuracy(BITS, BETWEEN).shape == (6, 4)
    assert (
        metrics.categorical_accuracy(ONE_HOT, REAL).numpy().tolist()
        == ((REAL.argmax(1) == LABELS) * 1.0).tolist()
    )
    images = np.stack([REAL, OTHER])
    assert metrics.sparse_categorical_accuracy(np.stack([LABELS] * 2), images).shape == (2, 6)
    assert metrics.top_k_categorical_accuracy(images, images, k=1).numpy().all()


def test_a_metric_in_float64_keeps_every_digit_of_arrays() -> None:
    metric = metrics.MeanSquaredError(dtype="float64")
    metric.update_state(OTHER, REAL)
    assert metric.result() == pytest.approx(((OTHER - REAL) ** 2).mean(), rel=1e-14)


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
    for name in ("crossentropy", "ce", "huber"):
        metric = metrics.as_metric(name, *shapes)
        assert (type(metric).__name__, metric.name) == ("MeanMetricWrapper", name)
    assert metrics.as_metric("categorical_crossentropy", *shapes).name == "categorical_crossentropy"
    made = metrics.BinaryAccuracy(threshold=0.1)
    assert metrics.as_metric(made, *shapes) is made
    assert isinstance(metrics.as_metric(metrics.Accuracy, *shapes), metrics.Accuracy)
    with pytest.raises(UnknownNameError, match="'accuracy'"):
        metrics.as_metric("acuracy", *shapes)


@pytest.mark.parametrize(
    "name, kind",
    [
        ("mse", "MeanSquaredError"), ("MAE", "MeanAbsoluteError"),
        ("mape", "MeanAbsolutePercentageError"), ("MSLE", "MeanSquaredLogarithmicError"),
        ("bce", "BinaryCrossentropy"), ("binary_crossentropy", "BinaryCrossentropy"),
        ("AUC", "AUC"), ("auc", "AUC"), ("r2_score", "R2Score"), ("f1_score", "F1Score"),
        ("top_k_categorical_accuracy", "TopKCategoricalAccuracy"), ("precision", "Precision"),
        ("Recall", "Recall"), ("kl_divergence", "KLDivergence"), ("logcosh", "LogCoshError"),
        ("cosine_similarity", "CosineSimilarity"), ("hinge", "Hinge"),
        ("binary_accuracy", "BinaryAccuracy"), ("true_positives", "TruePositives"),
    ],
)  # fmt: skip
def test_names(name: str, kind: str) -> None:
    assert type(metrics.get(name)).__name__ == kind


def test_a_function_is_found_by_its_name_where_a_function_is_meant() -> None:
    for name in ("binary_crossentropy", "mean_squared_error", "binary_accuracy", "hinge"):
        metric = metrics.MeanMetricWrapper(name)
        assert metric.fn is getattr(metrics, name)
        assert metric.get_config()["fn"] == name


def test_public_names_are_no_modules() -> None:
    assert all(callable(getattr(metrics, name)) for name in metrics.__all__)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: metrics.BinaryAccuracy(threshold=2.0), ArgumentError, "threshold"),
        (lambda: metrics.TopKCategoricalAccuracy(0), ArgumentError, "from 1 on. Got 0"),
        (lambda: metrics.SparseTopKCategoricalAccuracy(1.5), ArgumentError, "Got 1.5"),
        (
            lambda: metrics.sparse_top_k_categorical_accuracy([1], [[0, 1]] * 2, 1, True),
            ShapeError,
            "one label each",
        ),
        (lambda: metrics.Mean(dtype="float16"), DtypeError, "float16"),
        (lambda: metrics.MeanMetricWrapper("huber", detla=1.0), ArgumentError, "huber takes other"),
        (lambda: metrics.MeanMetricWrapper("hubr"), UnknownNameError, "huber"),
        (lambda: metrics.CategoricalCrossentropy(label_smoothing=2), ArgumentError, "smoothing"),
        (
            lambda: metrics.SparseCategoricalCrossentropy(ignore_class=0.5),
            ArgumentError,
            "an integer or None",
        ),
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
        (lambda: metrics.Metric().result(), NotImplementedError, "must write value"),
    ],
)
def test_bad_input_is_refused(
    make: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make()
