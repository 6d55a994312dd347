"""Cross-entropies: the surprise at the targets, of probabilities or of logits."""

from __future__ import annotations

from typing import Any

from numpy.typing import DTypeLike

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, as_tensor
from glassgrad.losses.loss import LossFunction, LossFunctionWrapper, register
from glassgrad.losses.matching import (
    HasShape,
    classes_last,
    kind_of_targets,
    labels_of,
    like_each_other,
    require_same_shape,
    warn_of_single_class,
)
from glassgrad.ops import (
    binary_cross_entropy,
    cross_entropy,
    not_equal,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sparse_cross_entropy,
    sparse_softmax_cross_entropy,
    where,
)
from glassgrad.ops.reduction import Axes

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "SparseCategoricalCrossentropy",
    "binary_crossentropy",
    "categorical_crossentropy",
    "checked_ignored_class",
    "checked_smoothing",
    "counted_labels",
    "crossentropy",
    "ignored_mask",
    "resolve_crossentropy",
    "sparse_categorical_crossentropy",
]


@register("bce", "BCE")
def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: Axes = -1,
) -> Tensor:
    """The mean over an axis of -t ln y - (1 - t) ln(1 - y).

    Args:
        y_true: (…, n), 0 or 1, or probabilities.
        y_pred: (…, n), probabilities; with ``from_logits`` what goes into the sigmoid.
        from_logits: which of the two ``y_pred`` is.
        label_smoothing: how far the targets are drawn to 0.5, in [0, 1].
        axis: over which the mean is taken.

    Returns:
        The shape without the axis.

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.
        ArgumentError: the smoothing is outside [0, 1], or there is no such axis.

    Example:
        >>> binary_crossentropy([[1.0]], [[0.5]]).numpy()
        array([0.6931472], dtype=float32)
    """
    true, pred = like_each_other(y_true, y_pred)
    smoothing = checked_smoothing(label_smoothing)
    if smoothing:
        true = true * (1 - smoothing) + 0.5 * smoothing
    values: Tensor = (sigmoid_cross_entropy if from_logits else binary_cross_entropy)(true, pred)
    return values.mean(axis=axis)


@register()
def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """The cross-entropy over the classes: -sum_j t_j ln y_j.

    Args:
        y_true: (…, classes), a 1 at the class of each example, or probabilities.
        y_pred: (…, classes), probabilities; with ``from_logits`` what goes into the softmax.
        from_logits: which of the two ``y_pred`` is.
        label_smoothing: the part of each target that is spread over all classes, in [0, 1].
        axis: that of the classes.

    Returns:
        The shape without the axis.

    Raises:
        ShapeError: the shapes differ.
        ArgumentError: the smoothing is outside [0, 1], or there is no such axis.

    Example:
        >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).numpy()
        array([0.6931472], dtype=float32)
    """
    pred = as_tensor(y_pred)
    true = as_tensor(y_true).cast(pred.dtype)
    require_same_shape(true, pred, "; for integer labels use sparse_categorical_crossentropy")
    true, pred = classes_last(true, axis), classes_last(pred, axis)
    warn_of_single_class(pred)
    smoothing = checked_smoothing(label_smoothing)
    if smoothing:
        true = true * (1 - smoothing) + smoothing / true.shape[-1]
    return (softmax_cross_entropy if from_logits else cross_entropy)(true, pred)


@register()
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> Tensor:
    """The cross-entropy for labels given as integers: -ln y_label.

    Args:
        y_true: (…) or (…, 1), labels from 0 to classes - 1.
        y_pred: (…, classes), probabilities; with ``from_logits`` what goes into the softmax.
        from_logits: which of the two ``y_pred`` is.
        ignore_class: a label, also one that is no class such as -1, whose value is 0.
        axis: that of the classes, and of the 1 where ``y_true`` has one.

    Returns:
        The shape without the axis.

    Raises:
        ShapeError: there is not one label for each prediction.
        DataError: a label that is known already is no class.
        ArgumentError: there is no such axis, or the class to ignore is no integer.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).numpy()
        array([0.6931472], dtype=float32)
        >>> sparse_categorical_crossentropy([1, -1], [[0.5, 0.5]] * 2, ignore_class=-1).numpy()
        array([0.6931472, 0.       ], dtype=float32)
    """
    pred = classes_last(as_tensor(y_pred), axis)
    warn_of_single_class(pred)
    labels, counted = counted_labels(as_tensor(y_true), pred, ignore_class, axis)
    form = sparse_softmax_cross_entropy if from_logits else sparse_cross_entropy
    if counted is None:
        return form(labels, pred)
    values: Tensor = where(counted, form(where(counted, labels, 0), pred), 0.0)
    return values


@register("ce", "CE")
def crossentropy(y_true: Any, y_pred: Any) -> Tensor:
    """The cross-entropy of probabilities that the shapes ask for, see ``resolve_crossentropy``.

    Args:
        y_true: targets: yes or no, integer labels, or vectors.
        y_pred: (…, n), probabilities.

    Raises:
        ShapeError: the shapes do not fit each other.

    Example:
        >>> crossentropy([1], [[0.5, 0.5]]).numpy()
        array([0.6931472], dtype=float32)
    """
    true, pred = as_tensor(y_true), as_tensor(y_pred)
    return resolve_crossentropy(true, pred)(true, pred)


def resolve_crossentropy(y_true: HasShape, y_pred: HasShape) -> LossFunction:
    """The function that "crossentropy" means, by Keras's rule.

    ``binary_crossentropy`` where the predictions have one column, its sparse categorical form
    where the targets have fewer axes than the predictions, or one column, else the categorical.

    Args:
        y_true: what has the targets' shape: a tensor, a spec, an array.
        y_pred: what has the predictions' shape.

    Example:
        >>> resolve_crossentropy(Tensor([0.0, 1.0]), Tensor([[0.5], [0.5]])).__name__
        'binary_crossentropy'
    """
    meanings = {
        "binary": binary_crossentropy,
        "sparse": sparse_categorical_crossentropy,
        "categorical": categorical_crossentropy,
    }
    return meanings[kind_of_targets(y_true, y_pred)]


def counted_labels(
    y_true: Tensor, pred: Tensor, ignore_class: int | None, axis: int
) -> tuple[Tensor, Tensor | None]:
    """Integer labels for predictions whose classes come last, and which of the labels count."""
    ignored = checked_ignored_class(ignore_class)
    if y_true.ndim == pred.ndim:
        y_true = classes_last(y_true, axis)
    labels = labels_of(y_true, pred, ignored).cast("int32")
    return labels, None if ignored is None else not_equal(labels, ignored)


def ignored_mask(
    y_true: Tensor, y_pred: Tensor, ignore_class: int | None, axis: int
) -> Tensor | None:
    """Where the label is not the one to ignore; ``None`` where none is."""
    return counted_labels(y_true, classes_last(y_pred, axis), ignore_class, axis)[1]


# ---- classes: one number


@register()
class BinaryCrossentropy(LossFunctionWrapper):
    """Cross-entropy for yes or no: -t ln y - (1 - t) ln(1 - y), averaged.

    Args:
        from_logits: whether ``y_pred`` is what goes into the sigmoid instead of probabilities.
        label_smoothing: how far the targets are drawn to 0.5, in [0, 1].
        axis: over which the mean of an example is taken.
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the smoothing is outside [0, 1], or the reduction is unknown.

    Example:
        >>> round(BinaryCrossentropy(from_logits=True)([[1.0]], [[0.0]]).item(), 4)
        0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: Axes = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_crossentropy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=checked_smoothing(label_smoothing),
            axis=axis,
        )


@register()
class CategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy for one class of several, targets as vectors: -sum_j t_j ln y_j, averaged.

    Args:
        from_logits: whether ``y_pred`` is what goes into the softmax instead of probabilities.
            PyTorch's ``cross_entropy`` always wants logits.
        label_smoothing: the part of each target that is spread over all classes, in [0, 1].
        axis: that of the classes.
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the smoothing is outside [0, 1], or the reduction is unknown.

    Example:
        >>> round(CategoricalCrossentropy(from_logits=True)([[0.0, 1.0]], [[0.0, 0.0]]).item(), 4)
        0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_crossentropy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=checked_smoothing(label_smoothing),
            axis=axis,
        )


@register()
class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy for one class of several, targets as integers: -ln y_label, averaged.

    Args:
        from_logits: whether ``y_pred`` is what goes into the softmax instead of probabilities.
            PyTorch's ``cross_entropy`` always wants logits.
        ignore_class: a label that counts for nothing: the mean is over the others.
        reduction: how the values become one number, see ``Loss``.
        axis: that of the classes.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the class to ignore is no integer, or the reduction is unknown.

    Example:
        >>> round(SparseCategoricalCrossentropy(from_logits=True)([1], [[0.0, 0.0]]).item(), 4)
        0.6931
    """

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=checked_ignored_class(ignore_class),
            axis=axis,
        )

    ignore_class: int | None
    axis: int

    def mask(self, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
        """Where the label is not the one to ignore."""
        return ignored_mask(y_true, y_pred, self.ignore_class, self.axis)


def checked_smoothing(value: float) -> float:
    """A share of the targets.

    Raises:
        ArgumentError: it is outside [0, 1].
    """
    if not 0 <= value <= 1:
        raise ArgumentError(f"label_smoothing must lie in [0, 1]. Got {value}.")
    return float(value)


def checked_ignored_class(value: int | None) -> int | None:
    """A label to ignore.

    Raises:
        ArgumentError: it is no integer.
    """
    if value is not None and int(value) != value:
        raise ArgumentError(f"ignore_class must be an integer or None. Got {value!r}.")
    return None if value is None else int(value)
