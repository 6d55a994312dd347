"""How often predictions are right."""

from __future__ import annotations

from typing import Any

from numpy.typing import DTypeLike

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, as_tensor, default_float
from glassgrad.losses.matching import labels_of, match_ranks
from glassgrad.metrics.metric import functions, register
from glassgrad.metrics.reduction import MeanMetricWrapper
from glassgrad.ops import equal, less_equal, one_hot, where

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "TopKCategoricalAccuracy",
    "binary_accuracy",
    "categorical_accuracy",
    "equality",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]


@functions.register()
def equality(y_true: Any, y_pred: Any) -> Tensor:
    """1 where a prediction equals its target, else 0.

    Args:
        y_true: labels.
        y_pred: labels.

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> equality([1, 2], [1, 3]).numpy()
        array([1., 0.], dtype=float32)
    """
    return _matches(*match_ranks(as_tensor(y_true), as_tensor(y_pred)))


@functions.register()
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """1 where a probability lies on the side of the threshold where the target does.

    Args:
        y_true: 0 or 1.
        y_pred: probabilities, of the same shape.
        threshold: a prediction above it counts as 1.

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> binary_accuracy([[1], [0]], [[0.9], [0.8]]).numpy()
        array([[1.],
               [0.]], dtype=float32)
    """
    true, pred = match_ranks(as_tensor(y_true), as_tensor(y_pred))
    return _matches(true, (pred > threshold).cast("int32"))


@functions.register()
def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """1 where the largest prediction is at the place of the largest target.

    Args:
        y_true: (…, classes).
        y_pred: (…, classes).

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ.

    Example:
        >>> categorical_accuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.4, 0.6]]).numpy()
        array([1., 0.], dtype=float32)
    """
    return _matches(as_tensor(y_true).argmax(), as_tensor(y_pred).argmax())


@functions.register()
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """1 where the largest prediction is at the place that the label names.

    Args:
        y_true: (…) or (…, 1), labels.
        y_pred: (…, classes).

    Returns:
        (…).

    Raises:
        ShapeError: there is not one label for each prediction.

    Example:
        >>> sparse_categorical_accuracy([1, 0], [[0.1, 0.9], [0.4, 0.6]]).numpy()
        array([1., 0.], dtype=float32)
    """
    pred = as_tensor(y_pred)
    return _matches(labels_of(as_tensor(y_true), pred), pred.argmax())


@functions.register()
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """1 where the largest target is at the place of one of the k largest predictions.

    Args:
        y_true: (…, classes).
        y_pred: (…, classes).
        k: how many guesses there are; equal predictions share a rank, and NaN has none.

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ.
        ArgumentError: k is below 1.

    Example:
        >>> top_k_categorical_accuracy([[0, 0, 1]], [[0.1, 0.5, 0.4]], k=2).numpy()
        array([1.], dtype=float32)
    """
    return sparse_top_k_categorical_accuracy(as_tensor(y_true).argmax(), y_pred, k)


@functions.register()
def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> Tensor:
    """1 where the label names the place of one of the k largest predictions.

    Args:
        y_true: (…) or (…, 1), labels.
        y_pred: (…, classes).
        k: how many guesses there are; equal predictions share a rank, and NaN has none.
        from_sorted_ids: whether ``y_pred`` holds labels, the best guess first, instead of scores.

    Returns:
        (…).

    Raises:
        ShapeError: there is not one label for each prediction.
        ArgumentError: k is below 1.

    Example:
        >>> sparse_top_k_categorical_accuracy([2], [[0.1, 0.5, 0.4]], k=2).numpy()
        array([1.], dtype=float32)
    """
    pred, guesses = as_tensor(y_pred), _checked_k(k)
    if from_sorted_ids:
        return _is_among(as_tensor(y_true), pred, guesses)
    labels = labels_of(as_tensor(y_true), pred)
    classes = pred.shape[-1]
    is_right = one_hot(labels.cast("int32"), classes) > 0.5
    score = where(is_right, pred, 0.0).sum(axis=-1, keepdims=True)
    behind: Tensor = less_equal(pred, score)  # NaN is neither behind nor before
    better = classes - behind.cast("int32").sum(axis=-1)
    return (better < guesses).cast(default_float())


def _is_among(labels: Tensor, ids: Tensor, k: int) -> Tensor:
    if labels.ndim == ids.ndim - 1:
        labels = labels.reshape(*labels.shape, 1)
    if labels.shape != (*ids.shape[:-1], 1):
        raise ShapeError(
            f"Sorted guesses of shape {ids.shape} want one label each, of shape {ids.shape[:-1]}. "
            f"Got {labels.shape}."
        )
    hits: Tensor = equal(labels, ids).cast("int32")
    first = hits[(*(slice(None),) * (hits.ndim - 1), slice(0, min(k, hits.shape[-1])))]
    return (first.sum(axis=-1) > 0).cast(default_float())


def _matches(a: Tensor, b: Tensor) -> Tensor:
    if a.shape != b.shape:
        raise ShapeError(
            f"Targets and predictions must have one shape. Got {a.shape} and {b.shape}."
        )
    matches: Tensor = equal(a, b)
    return matches.cast(default_float())


def _checked_k(k: int) -> int:
    if int(k) != k or k < 1:
        raise ArgumentError(f"k must be a whole number from 1 on. Got {k!r}.")
    return int(k)


# ---- classes: the mean over everything seen


@register()
class Accuracy(MeanMetricWrapper):
    """How often predictions equal targets, both given as labels.

    The name "accuracy" in ``compile`` means one of the three below, see ``resolve_accuracy``.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = Accuracy()
        >>> metric.update_state([1, 2], [1, 3])
        >>> metric.result()
        0.5
    """

    def __init__(self, name: str | None = "accuracy", dtype: DTypeLike | None = None) -> None:
        super().__init__(equality, name, dtype)


@register()
class BinaryAccuracy(MeanMetricWrapper):
    """How often a probability lies on the side of the threshold where the target does.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.
        threshold: a prediction above it counts as 1.

    Raises:
        ArgumentError: the threshold is outside [0, 1].

    Example:
        >>> metric = BinaryAccuracy()
        >>> metric.update_state([[1], [0]], [[0.9], [0.8]])
        >>> metric.result()
        0.5
    """

    def __init__(
        self,
        name: str | None = "binary_accuracy",
        dtype: DTypeLike | None = None,
        threshold: float = 0.5,
    ) -> None:
        if not 0 <= threshold <= 1:
            raise ArgumentError(f"The threshold must lie in [0, 1]. Got {threshold}.")
        super().__init__(binary_accuracy, name, dtype, threshold=float(threshold))


@register()
class CategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction is at the place of the largest target.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = CategoricalAccuracy()
        >>> metric.update_state([[0, 1], [1, 0]], [[0.1, 0.9], [0.4, 0.6]])
        >>> metric.result()
        0.5
    """

    def __init__(
        self, name: str | None = "categorical_accuracy", dtype: DTypeLike | None = None
    ) -> None:
        super().__init__(categorical_accuracy, name, dtype)


@register()
class SparseCategoricalAccuracy(MeanMetricWrapper):
    """How often the largest prediction is at the place that the label names.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = SparseCategoricalAccuracy()
        >>> metric.update_state([1, 0], [[0.1, 0.9], [0.4, 0.6]])
        >>> metric.result()
        0.5
    """

    def __init__(
        self, name: str | None = "sparse_categorical_accuracy", dtype: DTypeLike | None = None
    ) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


@register()
class TopKCategoricalAccuracy(MeanMetricWrapper):
    """How often the class of a vector is among the k best guesses.

    Args:
        k: how many guesses there are.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: k is below 1.

    Example:
        >>> metric = TopKCategoricalAccuracy(k=2)
        >>> metric.update_state([[0, 0, 1], [1, 0, 0]], [[0.1, 0.5, 0.4], [0.2, 0.5, 0.3]])
        >>> metric.result()
        0.5
    """

    def __init__(
        self,
        k: int = 5,
        name: str | None = "top_k_categorical_accuracy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=_checked_k(k))


@register()
class SparseTopKCategoricalAccuracy(MeanMetricWrapper):
    """How often a label is among the k best guesses.

    Args:
        k: how many guesses there are.
        name: what the metric is called.
        dtype: in which float type values are computed.
        from_sorted_ids: whether predictions are labels, the best guess first, instead of scores.

    Raises:
        ArgumentError: k is below 1.

    Example:
        >>> metric = SparseTopKCategoricalAccuracy(k=2)
        >>> metric.update_state([2, 0], [[0.1, 0.5, 0.4], [0.2, 0.5, 0.3]])
        >>> metric.result()
        0.5
    """

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: DTypeLike | None = None,
        from_sorted_ids: bool = False,
    ) -> None:
        super().__init__(
            sparse_top_k_categorical_accuracy,
            name,
            dtype,
            k=_checked_k(k),
            from_sorted_ids=from_sorted_ids,
        )
