"""Hits and misses: how often a yes is a yes, and a no a no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, Variable, as_tensor, constant, default_float, float_type, scope
from glassgrad.losses.loss import taken_in
from glassgrad.losses.matching import checked_labels, match_ranks, require_same_shape
from glassgrad.losses.weighting import divide_no_nan, weights_for
from glassgrad.metrics.metric import Metric, register
from glassgrad.ops import broadcast_to, not_equal, one_hot, top_k, where

__all__ = [
    "ConfusionMatrix",
    "CountingMetric",
    "FalseNegatives",
    "FalsePositives",
    "Precision",
    "Recall",
    "TrueNegatives",
    "TruePositives",
]

KINDS = ("true_positives", "false_positives", "true_negatives", "false_negatives")
FAR_BELOW = -1e10  # below every score

Thresholds = float | Sequence[float] | None


class CountingMetric(Metric):
    """The base of what counts hits and misses at thresholds.

    A prediction above a threshold is a yes there. Each kind that is counted has a state of the
    kind's name, which is an array over the thresholds.
    """

    true_positives: Variable
    false_positives: Variable
    true_negatives: Variable
    false_negatives: Variable

    def _count_kinds(self, kinds: Sequence[str], shape: tuple[int, ...]) -> None:
        """Make a state for each kind."""
        for kind in kinds:
            setattr(self, kind, self.add_variable(shape, name=kind))

    def _add_counts(self, counts: dict[str, Tensor]) -> None:
        for kind in KINDS:
            if kind in vars(self):
                state: Variable = vars(self)[kind]
                state.assign(state + counts[kind].cast("float64").reshape(state.shape))


def prepared(
    metric: Metric, y_true: Any, y_pred: Any, sample_weight: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """Targets, predictions and weights of one shape.

    Raises:
        ShapeError: they do not fit each other.
    """
    pred = taken_in(y_pred, metric.dtype)
    pred = pred if pred.dtype.kind == "f" else pred.cast(default_float())
    true, pred = match_ranks(as_tensor(y_true).cast(pred.dtype), pred)
    require_same_shape(true, pred, "; turn integer labels into vectors by one_hot")
    given = as_tensor(1.0 if sample_weight is None else sample_weight).cast(pred.dtype)
    return true, pred, broadcast_to(weights_for(true, given), true.shape)


def counts_at(
    thresholds: Sequence[float], true: Tensor, pred: Tensor, weights: Tensor
) -> dict[str, Tensor]:
    """How much is counted of each kind, over all examples.

    Args:
        thresholds: a prediction above one is a yes there.
        true: (labels, examples); what is not 0 is a yes.
        pred: (labels, examples).
        weights: (labels, examples), how much each counts.

    Returns:
        For each kind (thresholds, labels).
    """
    levels = constant(np.array(thresholds).reshape(1, -1, 1), pred.dtype)
    is_yes = _between(pred) > levels  # (labels, thresholds, examples)
    is_positive: Tensor = not_equal(true, 0.0)
    positive = _between(where(is_positive, weights, 0.0))
    negative = _between(where(is_positive, 0.0, weights))
    counted = {
        "true_positives": where(is_yes, positive, 0.0),
        "false_positives": where(is_yes, negative, 0.0),
        "true_negatives": where(is_yes, 0.0, negative),
        "false_negatives": where(is_yes, 0.0, positive),
    }
    return {kind: values.sum(axis=-1).transpose() for kind, values in counted.items()}


def _between(x: Tensor) -> Tensor:
    """An axis for the thresholds."""
    return x.reshape(x.shape[0], 1, x.shape[1])


def checked_thresholds(thresholds: Thresholds, default: float) -> list[float]:
    """One threshold or several, as a list.

    Raises:
        ArgumentError: one is outside [0, 1], or there are none.
    """
    if thresholds is None:
        return [default]
    found = [float(one) for one in np.atleast_1d(np.array(thresholds, dtype=float))]
    if not found or not all(0 <= one <= 1 for one in found):
        raise ArgumentError(f"Thresholds must lie in [0, 1]. Got {thresholds}.")
    return found


def chosen_class(class_id: int | None, *tensors: Tensor) -> tuple[Tensor, ...]:
    """The column of one class; everything where none is chosen.

    Raises:
        ShapeError: there are no columns.
        ArgumentError: there is no such class.
    """
    if class_id is None:
        return tensors
    shape = tensors[0].shape
    if len(shape) < 2:
        raise ShapeError(
            f"class_id wants predictions of shape (batch, classes). Got shape {shape}."
        )
    if not -shape[-1] <= class_id < shape[-1]:
        raise ArgumentError(f"class_id must name one of {shape[-1]} classes. Got {class_id}.")
    column = class_id % shape[-1]
    place = (*(slice(None),) * (len(shape) - 1), slice(column, column + 1))
    return tuple(tensor[place] for tensor in tensors)


class _Count(CountingMetric):
    """The base of what counts one kind."""

    kind: str

    def __init__(
        self,
        thresholds: Thresholds = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(dtype, name)
        self.thresholds = thresholds
        self._thresholds = checked_thresholds(thresholds, 0.5)
        self._count_kinds([self.kind], (len(self._thresholds),))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in.

        Args:
            y_true: 0 or 1.
            y_pred: probabilities, of the same shape.
            sample_weight: a weight for each example, or for each value.

        Raises:
            ShapeError: the shapes do not fit each other.
        """
        with scope(self.name), float_type(self.dtype or default_float()):
            rows = [one.reshape(1, -1) for one in prepared(self, y_true, y_pred, sample_weight)]
            self._add_counts(counts_at(self._thresholds, *rows))

    def value(self) -> Tensor:
        """The count, or one for each threshold."""
        return single_or_all(getattr(self, self.kind).tensor)


def single_or_all(values: Tensor) -> Tensor:
    """One threshold's result is a number, that of several an array."""
    return values[0] if len(values) == 1 else values


class _Ratio(CountingMetric):
    """The base of the share of hits among some of the cases."""

    others: str

    def __init__(
        self,
        thresholds: Thresholds = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(dtype, name)
        self.thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        if top_k is not None and (int(top_k) != top_k or top_k < 1):
            raise ArgumentError(f"top_k must be a whole number from 1 on. Got {top_k!r}.")
        self._thresholds = checked_thresholds(thresholds, 0.5 if top_k is None else FAR_BELOW)
        self._count_kinds(["true_positives", self.others], (len(self._thresholds),))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in.

        Args:
            y_true: 0 or 1.
            y_pred: probabilities, of the same shape.
            sample_weight: a weight for each example, or for each value.

        Raises:
            ShapeError: the shapes do not fit each other.
            ArgumentError: there are no k classes, or not the one that is asked for.
        """
        with scope(self.name), float_type(self.dtype or default_float()):
            true, pred, weights = prepared(self, y_true, y_pred, sample_weight)
            if self.top_k is not None:
                pred = _only_top(pred, self.top_k)
            parts = chosen_class(self.class_id, true, pred, weights)
            rows = [part.reshape(1, -1) for part in parts]
            self._add_counts(counts_at(self._thresholds, *rows))

    def value(self) -> Tensor:
        """The share, or one for each threshold; 0 where there is nothing to share."""
        hits = self.true_positives
        return single_or_all(divide_no_nan(hits, hits + getattr(self, self.others)))


def _only_top(pred: Tensor, k: int) -> Tensor:
    """The k largest predictions of each example; the others far below every threshold."""
    values, _ = top_k(pred, k)
    smallest = values.min(axis=-1, keepdims=True)
    kept: Tensor = where(pred >= smallest, pred, FAR_BELOW)
    return kept


@register()
class TruePositives(_Count):
    """How often a yes is a yes.

    Args:
        thresholds: from where on a prediction is a yes: a number or several in [0, 1]; 0.5 by
            default. Several give an array.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: a threshold is outside [0, 1].

    Example:
        >>> metric = TruePositives()
        >>> metric.update_state([0, 1, 1, 1, 0], [0.1, 0.9, 0.8, 0.2, 0.7])
        >>> metric.result()
        2.0
    """

    kind = "true_positives"


@register()
class TrueNegatives(_Count):
    """How often a no is a no.

    Args:
        thresholds: from where on a prediction is a yes: a number or several in [0, 1]; 0.5 by
            default. Several give an array.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: a threshold is outside [0, 1].

    Example:
        >>> metric = TrueNegatives()
        >>> metric.update_state([0, 1, 1, 1, 0], [0.1, 0.9, 0.8, 0.2, 0.7])
        >>> metric.result()
        1.0
    """

    kind = "true_negatives"


@register()
class FalsePositives(_Count):
    """How often a no is taken for a yes.

    Args:
        thresholds: from where on a prediction is a yes: a number or several in [0, 1]; 0.5 by
            default. Several give an array.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: a threshold is outside [0, 1].

    Example:
        >>> metric = FalsePositives()
        >>> metric.update_state([0, 1, 1, 1, 0], [0.1, 0.9, 0.8, 0.2, 0.7])
        >>> metric.result()
        1.0
    """

    kind = "false_positives"


@register()
class FalseNegatives(_Count):
    """How often a yes is taken for a no.

    Args:
        thresholds: from where on a prediction is a yes: a number or several in [0, 1]; 0.5 by
            default. Several give an array.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: a threshold is outside [0, 1].

    Example:
        >>> metric = FalseNegatives()
        >>> metric.update_state([0, 1, 1, 1, 0], [0.1, 0.9, 0.8, 0.2, 0.7])
        >>> metric.result()
        1.0
    """

    kind = "false_negatives"


@register()
class Precision(_Ratio):
    """How often what is taken for a yes is one: TP / (TP + FP).

    Args:
        thresholds: from where on a prediction is a yes: a number or several in [0, 1]; 0.5 by
            default, and every one of the best k where ``top_k`` is given. Several give an array.
        top_k: only the k largest predictions of an example can be a yes; equal ones share a rank.
        class_id: only this column is looked at.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: a threshold is outside [0, 1], or k below 1.

    Example:
        >>> metric = Precision()
        >>> metric.update_state([0, 1, 1, 1, 0], [0.1, 0.9, 0.8, 0.2, 0.3])
        >>> round(metric.result(), 4)
        1.0
    """

    others = "false_positives"


@register()
class Recall(_Ratio):
    """How many of those that are a yes are found: TP / (TP + FN).

    Args:
        thresholds: from where on a prediction is a yes: a number or several in [0, 1]; 0.5 by
            default, and every one of the best k where ``top_k`` is given. Several give an array.
        top_k: only the k largest predictions of an example can be a yes; equal ones share a rank.
        class_id: only this column is looked at.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: a threshold is outside [0, 1], or k below 1.

    Example:
        >>> metric = Recall()
        >>> metric.update_state([0, 1, 1, 1, 0], [0.1, 0.9, 0.8, 0.2, 0.3])
        >>> round(metric.result(), 4)
        0.6667
    """

    others = "false_negatives"


@register()
class ConfusionMatrix(Metric):
    """How often class i is taken for class j: an array with a row for each true class.

    Args:
        num_classes: how many classes there are; from 2 on.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: there are less than 2 classes.

    Example:
        >>> metric = ConfusionMatrix(2)
        >>> metric.update_state([0, 1, 1], [[0.9, 0.1], [0.3, 0.7], [0.8, 0.2]])
        >>> metric.result()
        array([[1., 0.],
               [1., 1.]])
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = "confusion_matrix",
        dtype: DTypeLike | None = None,
    ) -> None:
        if int(num_classes) != num_classes or num_classes < 2:
            raise ArgumentError(f"num_classes must be a whole number from 2 on. Got {num_classes}.")
        super().__init__(dtype, name)
        self.num_classes = int(num_classes)
        self.matrix = self.add_variable((self.num_classes, self.num_classes), name="matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in.

        Args:
            y_true: labels of shape (…) or (…, 1), or vectors (…, classes) that are largest at
                the class.
            y_pred: scores of shape (…, classes), or labels of shape (…) or (…, 1); for two
                classes also probabilities of class 1 in the place of labels.
            sample_weight: a weight for each example.

        Raises:
            ShapeError: there is not one prediction for each target.
            DataError: a label that is known already is no class.
        """
        with scope(self.name), float_type(self.dtype or default_float()):
            pred = self._labels(taken_in(y_pred, self.dtype), are_predicted=True)
            true = self._labels(taken_in(y_true, self.dtype), are_predicted=False)
            require_same_shape(true, pred)
            given = as_tensor(1.0 if sample_weight is None else sample_weight)
            weights = weights_for(true, given.cast(default_float()))
            weights = broadcast_to(weights, true.shape).reshape(-1, 1)
            counts = (self._vectors(true) * weights).transpose() @ self._vectors(pred)
            self.matrix.assign(self.matrix + counts.cast("float64"))

    def _labels(self, x: Tensor, are_predicted: bool) -> Tensor:
        """One label for each example."""
        if x.ndim > 1 and x.shape[-1] == self.num_classes:
            return x.argmax()
        if x.ndim > 1 and x.shape[-1] == 1:
            x = x.reshape(x.shape[:-1])
        if are_predicted and self.num_classes == 2 and x.dtype.kind == "f":
            return (x > 0.5).cast("int32")
        return checked_labels(x, self.num_classes).cast("int32")

    def _vectors(self, labels: Tensor) -> Tensor:
        vectors: Tensor = one_hot(labels.reshape(-1), self.num_classes)
        return vectors

    def value(self) -> Tensor:
        """The matrix."""
        return self.matrix.tensor
