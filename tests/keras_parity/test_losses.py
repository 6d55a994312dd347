"""Every loss, in values, reductions, sample weights and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import losses
from glassgrad.graph import as_tensor
from tests.keras_parity.comparison import Case, Precision, evaluate, evaluate_keras
from tests.keras_parity.targets import KINDS

ALPHAS = [0.1, 0.2, 0.3, 0.5, 0.7, 1.0]  # one for each class

CASES = (
    *(Case(name, inputs="real") for name in ("MeanSquaredError", "MeanAbsoluteError")),
    Case("MeanAbsolutePercentageError", inputs="real"),
    Case("MeanSquaredLogarithmicError", inputs="positive"),
    Case("Huber", inputs="real"),
    Case("Huber", {"delta": 0.3}, "real"),
    Case("LogCosh", inputs="real"),
    Case("KLDivergence", inputs="distributions"),
    Case("Poisson", inputs="positive"),
    Case("CosineSimilarity", inputs="real"),
    Case("CosineSimilarity", {"axis": 0}, "real"),
    *(Case(name, inputs="signs") for name in ("Hinge", "SquaredHinge")),
    *(Case(name, inputs="binary", note="0 or 1") for name in ("Hinge", "SquaredHinge")),
    Case("CategoricalHinge", inputs="one_hot"),
    Case("BinaryCrossentropy", inputs="binary"),
    Case("BinaryCrossentropy", {"label_smoothing": 0.2}, "binary"),
    Case("BinaryCrossentropy", {"from_logits": True}, "binary_logits"),
    Case("CategoricalCrossentropy", inputs="one_hot"),
    Case("CategoricalCrossentropy", inputs="one_hot_unnormalised"),
    Case("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one_hot"),
    Case("CategoricalCrossentropy", {"from_logits": True}, "one_hot_logits"),
    Case("CategoricalCrossentropy", {"from_logits": True, "axis": 0}, "one_hot_logits"),
    Case("SparseCategoricalCrossentropy", inputs="labels"),
    Case("SparseCategoricalCrossentropy", {"from_logits": True}, "label_logits"),
    Case("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, "label_logits"),
    Case("SparseCategoricalCrossentropy", {"ignore_class": 2}, "labels"),
    Case("BinaryFocalCrossentropy", inputs="binary"),
    Case("BinaryFocalCrossentropy", {"gamma": 0.5, "label_smoothing": 0.2}, "binary"),
    Case("BinaryFocalCrossentropy", {"gamma": 0.0}, "binary"),
    Case("BinaryFocalCrossentropy", {"from_logits": True, "gamma": 3.0}, "binary_logits"),
    Case("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.1}, "binary"),
    Case("CategoricalFocalCrossentropy", inputs="one_hot"),
    Case("CategoricalFocalCrossentropy", inputs="one_hot_unnormalised"),
    Case("CategoricalFocalCrossentropy", {"alpha": ALPHAS, "gamma": 1.5}, "one_hot"),
    Case("CategoricalFocalCrossentropy", {"label_smoothing": 0.1}, "distributions"),
    Case("CategoricalFocalCrossentropy", {"from_logits": True}, "one_hot_logits"),
    Case("CategoricalFocalCrossentropy", {"from_logits": True, "axis": 0}, "one_hot_logits"),
    Case("CategoricalGeneralizedCrossEntropy", inputs="labels"),
    Case("CategoricalGeneralizedCrossEntropy", {"q": 0.9}, "labels"),
    Case("Dice", inputs="binary"),
    Case("Dice", {"axis": 1}, "binary"),
    Case("Dice", {"axis": 0}, "distributions"),
    Case("Tversky", {"alpha": 0.3, "beta": 0.9}, "binary"),
    Case("Tversky", {"alpha": 0.7, "beta": 0.2, "axis": -1}, "distributions"),
)
FUNCTIONS = (
    *(Case(name, inputs="real") for name in ("mean_squared_error", "mean_absolute_error")),
    Case("mean_absolute_percentage_error", inputs="real"),
    Case("mean_squared_logarithmic_error", inputs="positive"),
    Case("huber", {"delta": 0.4}, "real"),
    Case("log_cosh", inputs="real"),
    Case("kl_divergence", inputs="distributions"),
    Case("poisson", inputs="positive"),
    Case("cosine_similarity", {"axis": 0}, "real"),
    *(Case(name, inputs="signs") for name in ("hinge", "squared_hinge")),
    Case("categorical_hinge", inputs="one_hot"),
    Case("binary_crossentropy", {"from_logits": True, "label_smoothing": 0.1}, "binary_logits"),
    Case("binary_crossentropy", {"axis": 0}, "binary"),
    Case("categorical_crossentropy", {"label_smoothing": 0.1}, "one_hot"),
    Case("sparse_categorical_crossentropy", {"ignore_class": 1}, "labels"),
    Case("binary_focal_crossentropy", {"apply_class_balancing": True, "axis": 0}, "binary"),
    Case("categorical_focal_crossentropy", {"gamma": 1.0, "label_smoothing": 0.1}, "one_hot"),
    Case("categorical_generalized_cross_entropy", {"q": 0.2}, "labels"),
    Case("dice", {"axis": (0, 1)}, "binary"),
    Case("tversky", {"alpha": 0.2, "axis": 0}, "binary"),
)
EVERY_CASE = (*CASES, *FUNCTIONS)
WEIGHTS = np.array([0.5, 2.0, 0.0, 1.0, 3.0, 0.25, 1.5, 0.75])
REDUCTIONS = (
    ("sum_over_batch_size", None),
    ("sum_over_batch_size", WEIGHTS),
    ("sum", WEIGHTS),
    ("mean_with_sample_weight", WEIGHTS),
    ("none", None),
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_loss_is_that_of_keras(case: Case, keras: Any, precision: Precision) -> None:
    true, pred = map(precision.floats, KINDS[case.inputs](np.random.default_rng(1)))
    precision = precision.about(f"losses.{case.name}")
    for reduction, weights in REDUCTIONS:
        if weights is not None and not _has_values_of_rows(case):
            continue  # there are weights of rows, and no values for them
        arguments = {**case.arguments, "reduction": reduction}
        ours, theirs = (getattr(f, case.name)(**arguments) for f in (losses, keras.losses))
        assert ours.name == theirs.name
        value, slopes = evaluate(_of(ours, true, weights), [pred])
        their_value, their_slopes = evaluate_keras(_of(theirs, true, weights), [pred])
        precision.require_same(value, their_value, reduction)
        precision.require_same(slopes[0], their_slopes[0], f"gradient, {reduction}")


def _has_values_of_rows(case: Case) -> bool:
    of_the_whole_batch = case.name in ("Dice", "Tversky") and "axis" not in case.arguments
    return case.arguments.get("axis") != 0 and not of_the_whole_batch


def _of(loss: Any, true: Any, weights: Any) -> Any:
    return lambda pred: loss(true, pred, sample_weight=weights)


@pytest.mark.parametrize("case", FUNCTIONS, ids=str)
def test_a_function_of_losses_is_that_of_keras(
    case: Case, keras: Any, precision: Precision
) -> None:
    true, pred = map(precision.floats, KINDS[case.inputs](np.random.default_rng(1)))
    ours, theirs = (
        getattr(family, case.name)(array(true), array(pred), **case.arguments)
        for family, array in ((losses, as_tensor), (keras.losses, keras.ops.array))
    )
    precision.about(f"losses.{case.name}").require_same(ours, theirs)
