"""Cross-entropies that turn to the hard examples, or away from them.

Focal losses make examples that are right already count less: where nearly everything is background,
the rest is heard. The generalised cross-entropy makes examples that are far off count less: where
some labels are wrong, these do not lead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, as_tensor
from glassgrad.losses.crossentropy import checked_smoothing
from glassgrad.losses.loss import LossFunctionWrapper, register
from glassgrad.losses.matching import (
    classes_last,
    labels_of,
    like_each_other,
    require_same_shape,
    warn_of_single_class,
)
from glassgrad.losses.regression import EPSILON
from glassgrad.ops import (
    binary_cross_entropy,
    clip,
    expm1,
    log,
    log_softmax,
    maximum,
    one_hot,
    power,
    sigmoid,
    sigmoid_cross_entropy,
)
from glassgrad.ops.reduction import Axes

__all__ = [
    "BinaryFocalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalGeneralizedCrossEntropy",
    "binary_focal_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_generalized_cross_entropy",
]

TINY = 1e-30  # far below every float32 that 1 - y rounds to, and far above the smallest


@register()
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: Axes = -1,
) -> Tensor:
    """The mean over an axis of -(1 - p)^gamma ln p, p being the probability of what is true.

    p is y where t is 1, and 1 - y where t is 0; in between, (1 - p) is t (1 - y) + (1 - t) y and
    the logarithm is the binary cross-entropy. For gamma = 0 that is all there is.

    Args:
        y_true: (…, n), 0 or 1, or probabilities.
        y_pred: (…, n), probabilities; with ``from_logits`` what goes into the sigmoid.
        apply_class_balancing: whether targets of 1 count ``alpha`` and targets of 0 count
            ``1 - alpha``.
        alpha: in [0, 1].
        gamma: how much less the examples count that are right already; from 0 on.
        from_logits: which of the two ``y_pred`` is.
        label_smoothing: how far the targets are drawn to 0.5, in [0, 1].
        axis: over which the mean is taken.

    Returns:
        The shape without the axis.

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.
        ArgumentError: a number is outside its range, or there is no such axis.

    Example:
        >>> binary_focal_crossentropy([[1.0]], [[0.5]]).numpy()  # a quarter of ln 2
        array([0.1732868], dtype=float32)
    """
    checked_focus(gamma)
    true, pred = like_each_other(y_true, y_pred)
    smoothing = checked_smoothing(label_smoothing)
    if smoothing:
        true = true * (1 - smoothing) + 0.5 * smoothing
    if from_logits:  # 1 - sigmoid(x) would round to 0 where sigmoid(-x) does not
        surprise, yes, no = sigmoid_cross_entropy(true, pred), sigmoid(pred), sigmoid(-pred)
    else:
        surprise, yes, no = binary_cross_entropy(true, pred), pred, 1 - pred
    values = _focused(surprise, true * no + (1 - true) * yes, gamma)
    if apply_class_balancing:
        share = checked_share(alpha)
        values = values * (true * share + (1 - true) * (1 - share))
    return values.mean(axis=axis)


@register()
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float | Sequence[float] = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Tensor:
    """The cross-entropy with easy classes turned down: -sum_j alpha_j (1 - y_j)^gamma t_j ln y_j.

    Args:
        y_true: (…, classes), a 1 at the class of each example, or probabilities.
        y_pred: (…, classes), probabilities; with ``from_logits`` what goes into the softmax.
        alpha: the weight of every class, or one for each.
        gamma: how much less the examples count that are right already; from 0 on.
        from_logits: which of the two ``y_pred`` is.
        label_smoothing: the part of each target that is spread over all classes, in [0, 1].
        axis: that of the classes.

    Returns:
        The shape without the axis.

    Raises:
        ShapeError: the shapes differ, or there is not one weight for each class.
        ArgumentError: a number is outside its range, or there is no such axis.

    Example:
        >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]], alpha=1.0).numpy()
        array([0.1732868], dtype=float32)
    """
    checked_focus(gamma)
    pred = as_tensor(y_pred)
    true = as_tensor(y_true).cast(pred.dtype)
    require_same_shape(true, pred)
    true, pred = classes_last(true, axis), classes_last(pred, axis)
    warn_of_single_class(pred)
    smoothing = checked_smoothing(label_smoothing)
    if smoothing:
        true = true * (1 - smoothing) + smoothing / true.shape[-1]
    if from_logits:
        logarithms = log_softmax(pred)
        missing = -expm1(logarithms)
    else:
        shares = clip(pred / pred.sum(axis=-1, keepdims=True), EPSILON, 1 - EPSILON)
        logarithms, missing = log(shares), 1 - shares
    surprises = -_of_each_class(alpha, pred) * true * logarithms
    return _focused(surprises, missing, gamma).sum(axis=-1)


@register()
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float) -> Tensor:
    """The loss (1 - p^q) / q of the probability p of the label, which bears wrong labels.

    Near q = 0 it is the cross-entropy -ln p, at q = 1 the distance 1 - p; its gradient is that
    of the cross-entropy times p^q, so an example that looks impossible has little say. A
    probability below 1e-7 counts as 1e-7.

    Args:
        y_true: (…) or (…, 1), labels from 0 to classes - 1.
        y_pred: (…, classes), probabilities.
        q: in (0, 1).

    Returns:
        (…).

    Raises:
        ShapeError: there is not one label for each prediction.
        DataError: a label that is known already is no class.
        ArgumentError: q is outside (0, 1).

    Example:
        >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]], q=0.5).numpy()
        array([1.], dtype=float32)
    """
    exponent, pred = checked_exponent(q), as_tensor(y_pred)
    labels = labels_of(as_tensor(y_true), pred).cast("int32")
    probability = (pred * one_hot(labels, pred.shape[-1]).cast(pred.dtype)).sum(axis=-1)
    values: Tensor = (1 - power(maximum(probability, EPSILON), exponent)) / exponent
    return values


def _focused(surprises: Tensor, missing: Tensor, gamma: float) -> Tensor:
    """Surprises times what is missing to certainty, to the power of gamma."""
    if gamma == 0:
        return surprises
    if gamma < 1:
        missing = maximum(missing, TINY)  # at 0 the slope of the power is infinite
    focused: Tensor = surprises * power(missing, gamma)
    return focused


def _of_each_class(alpha: float | Sequence[float], pred: Tensor) -> Tensor:
    weights = as_tensor(np.asarray(alpha, dtype=float)).cast(pred.dtype)
    if weights.shape not in ((), (1,), pred.shape[-1:]):
        raise ShapeError(
            f"alpha must be one number, or one for each of {pred.shape[-1]} classes. "
            f"Got shape {weights.shape}."
        )
    return weights


@register()
class BinaryFocalCrossentropy(LossFunctionWrapper):
    """Focal cross-entropy for yes or no: -(1 - p)^gamma ln p, averaged.

    p is the probability given to what is true. Where the two cases are as unequal as objects and
    background, the many easy ones no longer outweigh the few that matter.

    Args:
        apply_class_balancing: whether targets of 1 count ``alpha`` and targets of 0 count
            ``1 - alpha``.
        alpha: in [0, 1].
        gamma: how much less the examples count that are right already; from 0 on, where it is
            the cross-entropy itself.
        from_logits: whether ``y_pred`` is what goes into the sigmoid instead of probabilities.
        label_smoothing: how far the targets are drawn to 0.5, in [0, 1].
        axis: over which the mean of an example is taken.
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: a number is outside its range, or the reduction is unknown.

    Example:
        >>> loss = BinaryFocalCrossentropy(from_logits=True)
        >>> round(loss([[1.0]], [[0.0]]).item(), 4)
        0.1733

    Source: T.-Y. Lin and others, "Focal Loss for Dense Object Detection", 2017.
    """

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: Axes = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "binary_focal_crossentropy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=checked_share(alpha),
            gamma=checked_focus(gamma),
            from_logits=from_logits,
            label_smoothing=checked_smoothing(label_smoothing),
            axis=axis,
        )


@register()
class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """Focal cross-entropy for one class of several: -sum_j alpha_j (1 - y_j)^gamma t_j ln y_j.

    Args:
        alpha: the weight of every class, or one for each, such as what is left to each class's
            share of the examples.
        gamma: how much less the examples count that are right already; from 0 on.
        from_logits: whether ``y_pred`` is what goes into the softmax instead of probabilities.
        label_smoothing: the part of each target that is spread over all classes, in [0, 1].
        axis: that of the classes.
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: a number is outside its range, or the reduction is unknown.

    Example:
        >>> loss = CategoricalFocalCrossentropy(alpha=1.0, from_logits=True)
        >>> round(loss([[0.0, 1.0]], [[0.0, 0.0]]).item(), 4)
        0.1733

    Source: T.-Y. Lin and others, "Focal Loss for Dense Object Detection", 2017.
    """

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_focal_crossentropy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=checked_focus(gamma),
            from_logits=from_logits,
            label_smoothing=checked_smoothing(label_smoothing),
            axis=axis,
        )


@register()
class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """The loss (1 - p^q) / q of the label's probability p, averaged; it bears wrong labels.

    Args:
        q: in (0, 1): near 0 the cross-entropy, near 1 the mean distance, which learns slowly but
            is led least by wrong labels.
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: q is outside (0, 1), or the reduction is unknown.

    Example:
        >>> CategoricalGeneralizedCrossEntropy()([1], [[0.75, 0.25]]).item()
        1.0

    Source: Z. Zhang and M. R. Sabuncu, "Generalized Cross Entropy Loss for Training Deep Neural
    Networks with Noisy Labels", 2018.
    """

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_generalized_cross_entropy",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            categorical_generalized_cross_entropy, reduction, name, dtype, q=checked_exponent(q)
        )


def checked_focus(gamma: float) -> float:
    """The exponent of a focal loss.

    Raises:
        ArgumentError: it is negative or not finite.
    """
    if not 0 <= gamma < math.inf:
        raise ArgumentError(f"gamma must be a number from 0 on. Got {gamma}.")
    return float(gamma)


def checked_share(alpha: float) -> float:
    """The weight of the one case, the other having the rest.

    Raises:
        ArgumentError: it is outside [0, 1].
    """
    if not 0 <= alpha <= 1:
        raise ArgumentError(f"alpha must lie in [0, 1]. Got {alpha}.")
    return float(alpha)


def checked_exponent(q: float) -> float:
    """What lies between a cross-entropy and a distance.

    Raises:
        ArgumentError: it is outside (0, 1).
    """
    if not 0 < q < 1:
        raise ArgumentError(
            f"q must lie between 0 and 1. Got {q}; for 0 use SparseCategoricalCrossentropy."
        )
    return float(q)
