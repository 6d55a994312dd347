"""Intersection over union: how well the areas of each class lie on those of the truth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, as_tensor, constant, default_float, float_type, scope
from glassgrad.losses.loss import taken_in
from glassgrad.losses.matching import match_ranks, require_same_shape
from glassgrad.losses.weighting import divide_no_nan, weights_for
from glassgrad.metrics.metric import Metric, register
from glassgrad.ops import broadcast_to, logical_and, not_equal, segment_sum, take, where

__all__ = ["BinaryIoU", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU"]

NO_PAIR = -1  # a row that the sum leaves out


@register()
class IoU(Metric):
    """Intersection over union of some classes: for each TP / (TP + FP + FN), and their mean.

    All pixels of all batches are counted in one matrix of classes. A class that neither occurs
    nor is predicted is left out of the mean. Labels outside the classes count for nothing, on
    either side.

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes whose mean is taken.
        name: what the metric is called.
        dtype: in which float type values are computed; counts are float64 in any case.
        ignore_class: a label whose pixels do not count.
        sparse_y_true: whether targets are labels; else they are largest at the class, along
            ``axis``.
        sparse_y_pred: the same for predictions.
        axis: that of the classes, where they have one.

    Raises:
        ArgumentError: there are no classes, or not those whose mean is asked for.

    Example:
        >>> metric = IoU(num_classes=2, target_class_ids=[0])
        >>> metric.update_state([0, 0, 1, 1], [0, 1, 0, 1])
        >>> round(metric.result(), 4)
        0.3333
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: DTypeLike | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        if num_classes < 1:
            raise ArgumentError(f"num_classes must be a whole number from 1 on. Got {num_classes}.")
        super().__init__(dtype, name)
        self.num_classes = num_classes
        self.target_class_ids = _classes_of(target_class_ids, num_classes)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable((num_classes, num_classes), name="total_confusion_matrix")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in.

        Args:
            y_true: labels, or with an axis of classes where ``sparse_y_true`` is False.
            y_pred: the same for the predictions.
            sample_weight: a weight for each label, or for each example.

        Raises:
            ShapeError: there is not one prediction for each target, or not one weight.
            ArgumentError: there is no such axis.
        """
        with scope(self.name), float_type(self.dtype or default_float()):
            true = self._labels(taken_in(y_true, self.dtype), self.sparse_y_true)
            pred = self._labels(self._decided(taken_in(y_pred, self.dtype)), self.sparse_y_pred)
            true, pred = match_ranks(true, pred)
            require_same_shape(true, pred)
            given = as_tensor(1.0 if sample_weight is None else sample_weight).cast("float64")
            weights = broadcast_to(weights_for(true, given), true.shape)
            self.total_cm.assign(self.total_cm + self._counted(true, pred, weights))

    def _decided(self, pred: Tensor) -> Tensor:
        """Labels, or scores of all classes, from what a model gives."""
        return pred

    def _labels(self, x: Tensor, are_labels: bool) -> Tensor:
        return (x if are_labels else x.argmax(axis=self.axis)).cast("int32")

    def _counted(self, true: Tensor, pred: Tensor, weights: Tensor) -> Tensor:
        """The weight of each pair of a true and a predicted class."""
        counts = logical_and(self._are_classes(true), self._are_classes(pred))
        if self.ignore_class is not None:
            counts = logical_and(counts, not_equal(true, self.ignore_class))
        pairs = where(counts, true * self.num_classes + pred, NO_PAIR)
        total = segment_sum(weights.reshape(-1), pairs.reshape(-1), self.num_classes**2)
        return total.reshape(self.num_classes, self.num_classes)

    def _are_classes(self, labels: Tensor) -> Tensor:
        within: Tensor = logical_and(labels >= 0, labels < self.num_classes)
        return within

    def value(self) -> Tensor:
        """The mean over the classes that occur, 0 where none does."""
        matrix = self.total_cm.tensor
        hits = (matrix * constant(np.eye(self.num_classes), "float64")).sum(axis=0)
        either = matrix.sum(axis=0) + matrix.sum(axis=1) - hits
        hits, either = (take(one, self.target_class_ids) for one in (hits, either))
        return divide_no_nan(divide_no_nan(hits, either).sum(), (either > 0).cast("float64").sum())


@register()
class BinaryIoU(IoU):
    """Intersection over union for yes or no, where a prediction from a threshold on is a yes.

    Args:
        target_class_ids: ``[0]``, ``[1]``, or both, of which the mean is taken.
        threshold: from where on a prediction is a yes; 0 for logits.
        name: what the metric is called.
        dtype: in which float type values are computed; counts are float64 in any case.

    Raises:
        ArgumentError: there are no such classes.

    Example:
        >>> metric = BinaryIoU(target_class_ids=[0, 1], threshold=0.3)
        >>> metric.update_state([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7])
        >>> round(metric.result(), 4)
        0.3333
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def _decided(self, pred: Tensor) -> Tensor:
        return pred >= self.threshold


@register()
class MeanIoU(IoU):
    """The mean over all classes of intersection over union: TP / (TP + FP + FN).

    A class that neither occurs nor is predicted is left out of the mean.

    Args:
        num_classes: how many classes there are.
        name: what the metric is called.
        dtype: in which float type values are computed; counts are float64 in any case.
        ignore_class: a label whose pixels do not count.
        sparse_y_true: whether targets are labels; else they are largest at the class, along
            ``axis``.
        sparse_y_pred: the same for predictions; False for a model that gives scores.
        axis: that of the classes, where they have one.

    Raises:
        ArgumentError: there are no classes.

    Example:
        >>> metric = MeanIoU(num_classes=2, sparse_y_pred=False)
        >>> metric.update_state([0, 1, 1], [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
        >>> metric.result()
        0.5
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            range(num_classes),
            name,
            dtype,
            ignore_class,
            sparse_y_true,
            sparse_y_pred,
            axis,
        )


@register()
class OneHotIoU(IoU):
    """Intersection over union of some classes, for targets as vectors: TP / (TP + FP + FN).

    Args:
        num_classes: how many classes there are.
        target_class_ids: the classes whose mean is taken.
        name: what the metric is called.
        dtype: in which float type values are computed; counts are float64 in any case.
        ignore_class: a label whose pixels do not count.
        sparse_y_pred: whether predictions are labels; else they are largest at the class.
        axis: that of the classes.

    Raises:
        ArgumentError: there are no classes, or not those whose mean is asked for.

    Example:
        >>> metric = OneHotIoU(num_classes=2, target_class_ids=[1])
        >>> metric.update_state([[1, 0], [0, 1]], [[0.4, 0.6], [0.1, 0.9]])
        >>> metric.result()
        0.5
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: DTypeLike | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )


@register()
class OneHotMeanIoU(MeanIoU):
    """The mean over all classes of intersection over union, for targets as vectors.

    Args:
        num_classes: how many classes there are.
        name: what the metric is called.
        dtype: in which float type values are computed; counts are float64 in any case.
        ignore_class: a label whose pixels do not count.
        sparse_y_pred: whether predictions are labels; else they are largest at the class.
        axis: that of the classes.

    Raises:
        ArgumentError: there are no classes.

    Example:
        >>> metric = OneHotMeanIoU(num_classes=2)
        >>> metric.update_state([[1, 0], [0, 1]], [[0.9, 0.1], [0.1, 0.9]])
        >>> metric.result()
        1.0
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)


def _classes_of(target_class_ids: Sequence[int], num_classes: int) -> list[int]:
    """The classes whose mean is taken.

    Raises:
        ArgumentError: there are none, or one is not among the classes.
    """
    chosen = [int(one) for one in target_class_ids]
    if not chosen or not all(0 <= one < num_classes for one in chosen):
        raise ArgumentError(
            f"target_class_ids must name some of the classes 0 to {num_classes - 1}. Got {chosen}."
        )
    return chosen
