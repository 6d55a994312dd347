"""Precision and recall in one number."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import DTypeLike

from glassgrad.errors import ArgumentError, NotBuiltError, ShapeError
from glassgrad.graph import Tensor, Variable, as_tensor, default_float, float_type, scope
from glassgrad.losses.loss import taken_in
from glassgrad.losses.matching import require_same_shape
from glassgrad.losses.regression import EPSILON
from glassgrad.losses.weighting import weights_for
from glassgrad.metrics.metric import Metric, register
from glassgrad.ops import logical_and

__all__ = ["F1Score", "FBetaScore"]

AVERAGES = (None, "micro", "macro", "weighted")
SILENT = 1e-9  # predictions up to this size name no class, even where they are the largest


@register()
class FBetaScore(Metric):
    """The weighted harmonic mean of precision P and recall R: (1 + b²) P R / (b² P + R).

    Args:
        average: how the classes become one number: ``None`` (they stay apart, as an array),
            "micro" (all are counted together), "macro" (their mean), "weighted" (their mean,
            weighted by how often each class occurs).
        beta: b: how much more recall counts than precision; above 0.
        threshold: a prediction above it names its class; by default the largest one does.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: the average is unknown, beta is not above 0, or the threshold not in (0, 1].

    Example:
        >>> metric = FBetaScore(beta=2.0, threshold=0.5)
        >>> metric.update_state([[1, 1], [1, 0], [0, 1]], [[0.9, 0.2], [0.8, 0.7], [0.1, 0.9]])
        >>> metric.result().round(4)
        array([1. , 0.5])

    Source: C. J. van Rijsbergen, "Information Retrieval", 1979.
    """

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: DTypeLike | None = None,
    ) -> None:
        if average not in AVERAGES:
            raise ArgumentError(f"The average must be one of {AVERAGES}. Got {average!r}.")
        if not 0 < beta * beta < math.inf:
            raise ArgumentError(f"beta must be above 0, and its square finite. Got {beta}.")
        if threshold is not None and not 0 < threshold <= 1:
            raise ArgumentError(f"The threshold must lie in (0, 1], or be None. Got {threshold}.")
        super().__init__(dtype, name)
        self.average = average
        self.beta = float(beta)
        self.threshold = None if threshold is None else float(threshold)
        self._classes: int | None = None

    def _build(self, classes: int) -> None:
        """States for each class, once their number is known."""
        shape = () if self.average == "micro" else (classes,)
        self.true_positives = self.add_variable(shape, name="true_positives")
        self.false_positives = self.add_variable(shape, name="false_positives")
        self.false_negatives = self.add_variable(shape, name="false_negatives")
        self.intermediate_weights = self.add_variable(shape, name="intermediate_weights")
        self._classes = classes

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in.

        Args:
            y_true: (n, classes), 0 or 1.
            y_pred: (n, classes), probabilities.
            sample_weight: a weight for each example, or for each value.

        Raises:
            ShapeError: the shapes do not fit each other.
        """
        with scope(self.name), float_type(self.dtype or default_float()):
            pred = taken_in(y_pred, self.dtype)
            true = taken_in(y_true, self.dtype).cast(pred.dtype)
            self._require_table(true, pred)
            if self._classes is None:
                self._build(pred.shape[1])
            named = self._named(pred).cast(pred.dtype)
            weights = weights_for(true, as_tensor(1.0 if sample_weight is None else sample_weight))
            self._add(self.true_positives, named * true * weights)
            self._add(self.false_positives, named * (1.0 - true) * weights)
            self._add(self.false_negatives, (1.0 - named) * true * weights)
            self._add(self.intermediate_weights, true * weights)

    def _require_table(self, true: Tensor, pred: Tensor) -> None:
        if pred.ndim != 2:
            raise ShapeError(
                f"{type(self).__name__} wants targets and predictions of shape (batch, classes). "
                f"Got predictions of shape {pred.shape}."
            )
        require_same_shape(true, pred, "; turn integer labels into vectors by one_hot")

    def _named(self, pred: Tensor) -> Tensor:
        if self.threshold is not None:
            return pred > self.threshold
        is_largest = pred >= pred.max(axis=-1, keepdims=True)
        named: Tensor = logical_and(is_largest, pred.abs() > SILENT)
        return named

    def _add(self, state: Variable, values: Tensor) -> None:
        axis = None if self.average == "micro" else 0
        state.assign(state + values.cast("float64").sum(axis=axis))

    def value(self) -> Tensor:
        """The harmonic mean of the counts so far."""
        if self._classes is None:
            raise NotBuiltError(
                f"{self.name} does not know its classes yet: call update_state(y_true, y_pred)."
            )
        hits, squared = self.true_positives, self.beta * self.beta
        precision = hits / (hits + self.false_positives + EPSILON)
        recall = hits / (hits + self.false_negatives + EPSILON)
        scores = precision * recall / (squared * precision + recall + EPSILON) * (1.0 + squared)
        if self.average == "weighted":
            weights = self.intermediate_weights
            return (scores * (weights / (weights.sum() + EPSILON))).sum()
        return scores if self.average is None else scores.mean()


@register()
class F1Score(FBetaScore):
    """The harmonic mean of precision P and recall R: 2 P R / (P + R).

    Args:
        average: how the classes become one number, see ``FBetaScore``.
        threshold: a prediction above it names its class; by default the largest one does.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: the average is unknown, or the threshold not in (0, 1].

    Example:
        >>> metric = F1Score(average="macro")
        >>> metric.update_state([[1, 0], [1, 0], [0, 1]], [[0.9, 0.2], [0.3, 0.7], [0.1, 0.9]])
        >>> round(metric.result(), 4)
        0.6667
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
