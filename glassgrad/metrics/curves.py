"""What holds over all thresholds: areas under curves, and the best point of a curve."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from glassgrad.errors import ArgumentError, NotBuiltError, ShapeError
from glassgrad.graph import Tensor, Variable, constant, default_float, float_type, scope
from glassgrad.losses.regression import EPSILON
from glassgrad.losses.weighting import divide_no_nan
from glassgrad.metrics.confusion import (
    KINDS,
    CountingMetric,
    checked_thresholds,
    chosen_class,
    counts_at,
    prepared,
)
from glassgrad.metrics.metric import register
from glassgrad.ops import clip, equal, log, logical_and, maximum, minimum, sigmoid, where

__all__ = [
    "AUC",
    "PrecisionAtRecall",
    "RecallAtPrecision",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
]

CURVES = ("ROC", "PR", "PRGAIN")
SUMMATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "interpolation": lambda left, right: (left + right) / 2.0,
    "minoring": minimum,
    "majoring": maximum,
}


class _OverThresholds(CountingMetric):
    """The base of what counts all four kinds at many thresholds."""

    def recall_at_each(self) -> Tensor:
        """How many of those that are a yes are found; the other name is sensitivity."""
        hits = self.true_positives
        return divide_no_nan(hits, hits + self.false_negatives)

    def precision_at_each(self) -> Tensor:
        """How often what is taken for a yes is one."""
        hits = self.true_positives
        return divide_no_nan(hits, hits + self.false_positives)

    def specificity_at_each(self) -> Tensor:
        """How many of those that are a no are found."""
        hits = self.true_negatives
        return divide_no_nan(hits, hits + self.false_positives)

    def false_positive_rate(self) -> Tensor:
        """How many of those that are a no are taken for a yes."""
        alarms = self.false_positives
        return divide_no_nan(alarms, alarms + self.true_negatives)


@register("auc")
class AUC(_OverThresholds):
    """The area under a curve whose points belong to thresholds, from the counts at each.

    For "ROC" the curve is recall over false positive rate, and the area the probability that a
    yes gets a higher prediction than a no; for "PR" precision over recall; for "PRGAIN" the gains
    of both. Fixed thresholds make it an approximation, which is good where predictions spread over
    [0, 1]: with 200 of them within about 0.005.

    Args:
        num_thresholds: how many there are, evenly spaced; from 2 on.
        curve: "ROC", "PR" or "PRGAIN".
        summation_method: "interpolation" (between two points the mean height, for "PR" the
            interpolation of Davis and Goadrich), "minoring" or "majoring" (the lower or higher).
        name: what the metric is called.
        dtype: in which float type values are computed.
        thresholds: those between 0 and 1, instead of ``num_thresholds`` of them.
        multi_label: whether columns are labels of their own, whose areas are averaged; otherwise
            all values are counted together.
        num_labels: how many columns there are, for ``multi_label``; known with the first data.
        label_weights: how much each column counts.
        from_logits: whether predictions are what goes into the sigmoid.

    Raises:
        ArgumentError: there are too few thresholds, one is outside [0, 1], or the curve or the
            summation is unknown; ``num_labels`` is given without ``multi_label``.

    Example:
        >>> metric = AUC()
        >>> metric.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])
        >>> round(metric.result(), 4)
        0.75

    Source: J. Davis and M. Goadrich, "The Relationship Between Precision-Recall and ROC Curves",
    2006; P. Flach and M. Kull, "Precision-Recall-Gain Curves: PR Analysis Done Right", 2015.
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: DTypeLike | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(dtype, name)
        self.num_thresholds = num_thresholds
        self.curve = _one_of("curve", str(curve).upper(), CURVES)
        self.summation_method = _one_of(
            "summation_method", str(summation_method).lower(), tuple(SUMMATIONS)
        )
        self.thresholds = thresholds
        self.multi_label = multi_label
        self.num_labels = num_labels
        self.label_weights = label_weights
        self.from_logits = from_logits
        inner = (
            _inner_levels(num_thresholds)
            if thresholds is None
            else sorted(checked_thresholds(list(thresholds), 0.5))
        )
        # Beyond 0 and 1, so that the curve begins where all are a yes and ends where none is.
        self._levels = [-EPSILON, *inner, 1.0 + EPSILON]
        self._labels: int | None = None
        if num_labels and not multi_label:
            raise ArgumentError("num_labels says how many labels there are: set multi_label=True.")
        if num_labels or not multi_label:
            self._build(num_labels or 1)

    def _build(self, labels: int) -> None:
        """States for each label, once their number is known."""
        levels = (len(self._levels),)
        self._count_kinds(KINDS, (*levels, labels) if self.multi_label else levels)
        self._labels = labels

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in.

        Args:
            y_true: 0 or 1; (batch, labels) for ``multi_label``.
            y_pred: probabilities or logits, of the same shape.
            sample_weight: a weight for each example, or for each value.

        Raises:
            ShapeError: the shapes do not fit each other.
        """
        with scope(self.name), float_type(self.dtype or default_float()):
            true, pred, weights = prepared(self, y_true, y_pred, sample_weight)
            pred = clip(sigmoid(pred) if self.from_logits else pred, 0.0, 1.0)
            if self.multi_label:
                self._require_labels(pred)
                rows = [part.transpose() for part in (true, pred, weights)]
            else:
                if self.label_weights is not None:
                    weights = weights * constant(self.label_weights, pred.dtype)
                rows = [part.reshape(1, -1) for part in (true, pred, weights)]
            self._add_counts(counts_at(self._levels, *rows))

    def _require_labels(self, pred: Tensor) -> None:
        if pred.ndim != 2 or self._labels not in (None, pred.shape[1]):
            raise ShapeError(
                f"multi_label wants predictions of shape (batch, {self._labels or 'labels'}). "
                f"Got {pred.shape}."
            )
        if self._labels is None:
            self._build(pred.shape[1])

    def value(self) -> Tensor:
        """The area under the curve."""
        if self._labels is None:
            raise NotBuiltError(
                f"{self.name} does not know its labels yet: call update_state(y_true, y_pred), or "
                "give num_labels."
            )
        pieces = self._pieces().sum(axis=0)
        if not self.multi_label:
            return pieces
        if self.label_weights is None:
            return pieces.mean()
        weights = constant(self.label_weights, pieces.dtype)
        return divide_no_nan((pieces * weights).sum(), weights.sum())

    def _pieces(self) -> Tensor:
        """The areas between neighbouring thresholds."""
        if (self.curve, self.summation_method) == ("PR", "interpolation"):
            return self._interpolated_pieces()
        x, y = self._points()
        height = SUMMATIONS[self.summation_method](_left(y), _right(y))
        return (_left(x) - _right(x)) * height

    def _points(self) -> tuple[Tensor, Tensor]:
        if self.curve == "ROC":
            return self.false_positive_rate(), self.recall_at_each()
        if self.curve == "PR":
            return self.recall_at_each(), self.precision_at_each()
        return self._gains()

    def _gains(self) -> tuple[Tensor, Tensor]:
        """Recall gain and precision gain: 1 - odds of the classes times odds of an error."""
        hits = self.true_positives
        odds = divide_no_nan(
            hits + self.false_negatives, self.true_negatives + self.false_positives
        )
        none_found = equal(hits, 0.0)
        recall_gain = where(none_found, 0.0, 1.0 - odds * divide_no_nan(self.false_negatives, hits))
        precision_gain: Tensor = where(
            none_found, 1.0, 1.0 - odds * divide_no_nan(self.false_positives, hits)
        )
        return maximum(recall_gain, 0.0), precision_gain

    def _interpolated_pieces(self) -> Tensor:
        """Precision between two points, where hits grow linearly with what is taken for a yes.

        With TP = a + b P the piece is b (ΔTP + a ln(P₁ / P₂)) / positives.
        """
        hits = self.true_positives
        taken = hits + self.false_positives
        more_hits = _left(hits) - _right(hits)
        slope = divide_no_nan(more_hits, maximum(_left(taken) - _right(taken), 0.0))
        intercept = _right(hits) - slope * _right(taken)
        both = logical_and(_left(taken) > 0.0, _right(taken) > 0.0)
        ratio = where(both, divide_no_nan(_left(taken), maximum(_right(taken), 0.0)), 1.0)
        positives = maximum(_right(hits) + _right(self.false_negatives), 0.0)
        return divide_no_nan(slope * (more_hits + intercept * log(ratio)), positives)


def _inner_levels(count: int) -> list[float]:
    """Evenly spaced thresholds between 0 and 1, which with these are as many as asked for."""
    if int(count) != count or count < 2:
        raise ArgumentError(f"num_thresholds must be a whole number from 2 on. Got {count!r}.")
    return [float(level) for level in np.linspace(0.0, 1.0, int(count))[1:-1]]


def _one_of(argument: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise ArgumentError(f"{argument} must be one of {tuple(allowed)}. Got {value!r}.")
    return value


def _left(values: Tensor | Variable) -> Tensor:
    """For each pair of neighbouring thresholds, what belongs to the lower one."""
    return values[: values.shape[0] - 1]


def _right(values: Tensor | Variable) -> Tensor:
    """For each pair of neighbouring thresholds, what belongs to the higher one."""
    return values[1:]


class _BestPoint(_OverThresholds):
    """The base of the best of one quantity, where another one is at least so large."""

    def __init__(
        self,
        least: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        if not 0 <= least <= 1:
            raise ArgumentError(
                f"The value that {type(self).__name__} keeps must lie in [0, 1]. Got {least}."
            )
        super().__init__(dtype, name)
        self.num_thresholds = num_thresholds
        self.class_id = class_id
        self._least = float(least)
        self._levels = [0.5] if num_thresholds == 1 else [0.0, *_inner_levels(num_thresholds), 1.0]
        self._count_kinds(KINDS, (len(self._levels),))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in.

        Args:
            y_true: 0 or 1.
            y_pred: probabilities, of the same shape.
            sample_weight: a weight for each example, or for each value.

        Raises:
            ShapeError: the shapes do not fit each other.
            ArgumentError: there is no class such as ``class_id``.
        """
        with scope(self.name), float_type(self.dtype or default_float()):
            parts = prepared(self, y_true, y_pred, sample_weight)
            rows = [part.reshape(1, -1) for part in chosen_class(self.class_id, *parts)]
            self._add_counts(counts_at(self._levels, *rows))

    def _best(self, quantity: Tensor, kept: Tensor) -> Tensor:
        """The largest of one quantity, 0 where the other one is nowhere large enough."""
        best: Tensor = where(kept >= self._least, quantity, 0.0)
        return best.max()


@register()
class SensitivityAtSpecificity(_BestPoint):
    """The best sensitivity TP / (TP + FN) of all thresholds that keep a specificity.

    Args:
        specificity: what must be kept, in [0, 1].
        num_thresholds: how many thresholds are tried, evenly spaced from 0 to 1.
        class_id: only this column is looked at.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: the specificity is outside [0, 1], or there is no threshold.

    Example:
        >>> metric = SensitivityAtSpecificity(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
        >>> round(metric.result(), 4)
        0.5
    """

    def __init__(
        self,
        specificity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(specificity, num_thresholds, class_id, name, dtype)
        self.specificity = float(specificity)

    def value(self) -> Tensor:
        """The best sensitivity."""
        return self._best(self.recall_at_each(), self.specificity_at_each())


@register()
class SpecificityAtSensitivity(_BestPoint):
    """The best specificity TN / (TN + FP) of all thresholds that keep a sensitivity.

    Args:
        sensitivity: what must be kept, in [0, 1].
        num_thresholds: how many thresholds are tried, evenly spaced from 0 to 1.
        class_id: only this column is looked at.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: the sensitivity is outside [0, 1], or there is no threshold.

    Example:
        >>> metric = SpecificityAtSensitivity(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
        >>> round(metric.result(), 4)
        0.6667
    """

    def __init__(
        self,
        sensitivity: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)
        self.sensitivity = float(sensitivity)

    def value(self) -> Tensor:
        """The best specificity."""
        return self._best(self.specificity_at_each(), self.recall_at_each())


@register()
class PrecisionAtRecall(_BestPoint):
    """The best precision TP / (TP + FP) of all thresholds that keep a recall.

    Args:
        recall: what must be kept, in [0, 1].
        num_thresholds: how many thresholds are tried, evenly spaced from 0 to 1.
        class_id: only this column is looked at.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: the recall is outside [0, 1], or there is no threshold.

    Example:
        >>> metric = PrecisionAtRecall(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
        >>> round(metric.result(), 4)
        0.5
    """

    def __init__(
        self,
        recall: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(recall, num_thresholds, class_id, name, dtype)
        self.recall = float(recall)

    def value(self) -> Tensor:
        """The best precision."""
        return self._best(self.precision_at_each(), self.recall_at_each())


@register()
class RecallAtPrecision(_BestPoint):
    """The best recall TP / (TP + FN) of all thresholds that keep a precision.

    Args:
        precision: what must be kept, in [0, 1].
        num_thresholds: how many thresholds are tried, evenly spaced from 0 to 1.
        class_id: only this column is looked at.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: the precision is outside [0, 1], or there is no threshold.

    Example:
        >>> metric = RecallAtPrecision(0.5)
        >>> metric.update_state([0, 0, 0, 1, 1], [0.0, 0.3, 0.8, 0.3, 0.8])
        >>> round(metric.result(), 4)
        1.0
    """

    def __init__(
        self,
        precision: float,
        num_thresholds: int = 200,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(precision, num_thresholds, class_id, name, dtype)
        self.precision = float(precision)

    def value(self) -> Tensor:
        """The best sensitivity."""
        return self._best(self.recall_at_each(), self.precision_at_each())
