"""Every metric, batch after batch, with and without weights."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from glassgrad import metrics
from glassgrad.graph import as_tensor
from tests.keras_parity.comparison import Case, Precision
from tests.keras_parity.targets import EXAMPLES, KINDS

LABEL_WEIGHTS = [1.0, 2.0, 0.5, 0.0, 1.0, 3.0]
FRACTIONS = {"dtype": "float64"}  # Keras's intersections drop fractions of weights otherwise

CASES = (
    *(
        Case(name, inputs="real")
        for name in ("MeanSquaredError", "RootMeanSquaredError", "MeanAbsoluteError")
    ),
    Case("MeanAbsolutePercentageError", inputs="real"),
    Case("MeanSquaredLogarithmicError", inputs="positive"),
    Case("LogCoshError", inputs="real"),
    Case("CosineSimilarity", inputs="real"),
    Case("CosineSimilarity", {"axis": 1}, "real"),
    Case("R2Score", inputs="real"),
    Case("R2Score", {"class_aggregation": None}, "real"),
    Case("R2Score", {"class_aggregation": "variance_weighted_average"}, "real"),
    Case("R2Score", {"num_regressors": 2}, "real"),
    Case("Poisson", inputs="positive"),
    Case("KLDivergence", inputs="distributions"),
    *(Case(name, inputs="signs") for name in ("Hinge", "SquaredHinge")),
    Case("CategoricalHinge", inputs="one_hot"),
    Case("BinaryCrossentropy", inputs="binary"),
    Case("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "binary_logits"),
    Case("CategoricalCrossentropy", inputs="one_hot"),
    Case(
        "CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "one_hot_logits"
    ),
    Case("SparseCategoricalCrossentropy", inputs="labels"),
    Case("SparseCategoricalCrossentropy", {"from_logits": True}, "label_logits"),
    Case("Accuracy", inputs="label_pairs"),
    Case("BinaryAccuracy", inputs="binary"),
    Case("BinaryAccuracy", {"threshold": 0.3}, "binary"),
    Case("CategoricalAccuracy", inputs="one_hot"),
    Case("SparseCategoricalAccuracy", inputs="labels"),
    Case("TopKCategoricalAccuracy", {"k": 2}, "one_hot"),
    Case("TopKCategoricalAccuracy", inputs="one_hot"),
    Case("SparseTopKCategoricalAccuracy", {"k": 2}, "labels"),
    *(
        Case(name, arguments, "binary")
        for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")
        for arguments in ({}, {"thresholds": [0.2, 0.7]})
    ),
    *(
        Case(name, arguments, "binary")
        for name in ("Precision", "Recall")
        for arguments in (
            {},
            {"thresholds": 0.3},
            {"thresholds": [0.1, 0.5, 0.9]},
            {"top_k": 2},
            {"class_id": 1},
            {"top_k": 2, "class_id": 2},
        )
    ),
    Case("F1Score", inputs="one_hot"),
    *(
        Case("F1Score", {"average": average, "threshold": threshold}, "binary")
        for average in ("micro", "macro", "weighted", None)
        for threshold in (0.4,)
    ),
    Case("FBetaScore", {"beta": 2.0, "average": "weighted"}, "one_hot"),
    Case("AUC", inputs="binary"),
    Case("AUC", {"num_thresholds": 20}, "binary"),
    Case("AUC", {"curve": "PR"}, "binary"),
    *(
        Case("AUC", {"curve": curve, "summation_method": method, "num_thresholds": 10}, "binary")
        for curve in ("ROC", "PR")
        for method in ("minoring", "majoring")
    ),
    Case("AUC", {"multi_label": True, "num_thresholds": 20}, "binary"),
    Case("AUC", {"multi_label": True, "num_labels": 6, "label_weights": LABEL_WEIGHTS}, "binary"),
    Case("AUC", {"from_logits": True}, "binary_logits"),
    Case("AUC", {"thresholds": [0.2, 0.5, 0.6]}, "binary"),
    Case("PrecisionAtRecall", {"recall": 0.6}, "binary"),
    Case("RecallAtPrecision", {"precision": 0.6}, "binary"),
    Case("SensitivityAtSpecificity", {"specificity": 0.6}, "binary"),
    Case("SpecificityAtSensitivity", {"sensitivity": 0.6, "num_thresholds": 20}, "binary"),
    Case("IoU", {**FRACTIONS, "num_classes": 6, "target_class_ids": [0, 3, 5]}, "label_pairs"),
    Case("IoU", {**FRACTIONS, "num_classes": 9, "target_class_ids": [1, 8]}, "label_pairs"),
    Case("BinaryIoU", FRACTIONS, "bits"),
    Case("BinaryIoU", {**FRACTIONS, "target_class_ids": [1], "threshold": 0.2}, "bits"),
    Case("MeanIoU", {**FRACTIONS, "num_classes": 6}, "label_pairs"),
    Case("MeanIoU", {**FRACTIONS, "num_classes": 4, "ignore_class": 2}, "label_pairs"),
    Case("MeanIoU", {**FRACTIONS, "num_classes": 6, "sparse_y_pred": False}, "labels"),
    Case("OneHotIoU", {**FRACTIONS, "num_classes": 6, "target_class_ids": [2, 4]}, "one_hot"),
    Case("OneHotMeanIoU", {**FRACTIONS, "num_classes": 6}, "one_hot"),
    Case("OneHotMeanIoU", {**FRACTIONS, "num_classes": 6, "ignore_class": 0}, "one_hot"),
)
VALUES = (Case("Mean"), Case("Sum"))
FUNCTIONS = (
    Case("binary_accuracy", {"threshold": 0.3}, "binary"),
    Case("categorical_accuracy", inputs="one_hot"),
    Case("sparse_categorical_accuracy", inputs="labels"),
    Case("top_k_categorical_accuracy", {"k": 2}, "one_hot"),
    Case("sparse_top_k_categorical_accuracy", {"k": 2}, "labels"),
)
EVERY_CASE = (*CASES, *VALUES, *FUNCTIONS)
WEIGHTS = np.array([0.5, 2.0, 0.0, 1.0, 3.0, 0.25, 1.5, 0.75])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_metric_is_that_of_keras(case: Case, keras: Any, precision: Precision) -> None:
    ours, theirs = case.make(metrics), case.make(keras.metrics)
    assert ours.name == re.sub(r"_\d+$", "", theirs.name)  # Keras numbers those of a name
    precision = precision.about(f"metrics.{case.name}")
    rng = np.random.default_rng(1)
    for batch, weights in enumerate((None, WEIGHTS, WEIGHTS[::-1])):
        true, pred = map(precision.floats, KINDS[case.inputs](rng))
        ours.update_state(true, pred, sample_weight=weights)
        theirs.update_state(true, pred, sample_weight=weights)
        precision.require_same(ours.result(), theirs.result(), f"after batch {batch}")
    for metric in (ours, theirs):
        metric.reset_state()
        metric.update_state(true, pred, sample_weight=WEIGHTS)
    precision.require_same(ours.result(), theirs.result(), "after a reset and a batch")


@pytest.mark.parametrize("case", FUNCTIONS, ids=str)
def test_a_function_of_metrics_is_that_of_keras(
    case: Case, keras: Any, precision: Precision
) -> None:
    true, pred = map(precision.floats, KINDS[case.inputs](np.random.default_rng(1)))
    ours, theirs = (
        getattr(family, case.name)(array(true), array(pred), **case.arguments)
        for family, array in ((metrics, as_tensor), (keras.metrics, keras.ops.array))
    )
    precision.require_same(ours, theirs)


@pytest.mark.parametrize("case", VALUES, ids=str)
def test_a_metric_of_values_is_that_of_keras(case: Case, keras: Any, precision: Precision) -> None:
    ours, theirs = case.make(metrics), case.make(keras.metrics)
    rng = np.random.default_rng(1)
    for weights in (None, np.array(2.0), WEIGHTS):
        values = precision.floats(rng.normal(size=EXAMPLES))
        ours.update_state(values, sample_weight=weights)
        theirs.update_state(values, sample_weight=weights)
        precision.require_same(ours.result(), theirs.result())
