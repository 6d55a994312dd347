"""Losses of numbers: how far predictions are from targets."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import DTypeLike

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor
from glassgrad.losses.loss import LossFunctionWrapper, register
from glassgrad.losses.matching import like_each_other
from glassgrad.ops import expm1, log1p, maximum, minimum
from glassgrad.ops.normalization import normalized
from glassgrad.ops.reduction import Axes

__all__ = [
    "EPSILON",
    "CosineSimilarity",
    "Huber",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "cosine_similarity",
    "huber",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "normalized",
]

EPSILON = 1e-7  # keeps divisors and logarithms away from 0


@register("mse", "MSE")
def mean_squared_error(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of squares over the last axis: mean_j (y_j - t_j)².

    Args:
        y_true: (…, n).
        y_pred: (…, n).

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).numpy()
        array([2.5], dtype=float32)
    """
    true, pred = like_each_other(y_true, y_pred)
    return (pred - true).square().mean(axis=-1)


@register("mae", "MAE")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of distances over the last axis: mean_j |y_j - t_j|.

    Args:
        y_true: (…, n).
        y_pred: (…, n).

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]]).numpy()
        array([1.5], dtype=float32)
    """
    true, pred = like_each_other(y_true, y_pred)
    return (pred - true).abs().mean(axis=-1)


@register("mape", "MAPE")
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of distances in percent of the target: 100 mean_j |y_j - t_j| / max(|t_j|, 1e-7).

    A target of 0 makes it huge: it suits quantities that stay away from 0.

    Args:
        y_true: (…, n).
        y_pred: (…, n).

    Returns:
        (…), in percent.

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> mean_absolute_percentage_error([[2.0, 4.0]], [[3.0, 4.0]]).numpy()
        array([25.], dtype=float32)
    """
    true, pred = like_each_other(y_true, y_pred)
    share: Tensor = (pred - true) / maximum(true.abs(), EPSILON)
    return 100.0 * share.abs().mean(axis=-1)


@register("msle", "MSLE")
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of squared differences of logarithms: mean_j (ln(1 + y_j) - ln(1 + t_j))².

    Targets and predictions below 1e-7 count as 1e-7. A factor costs the same at every size.

    Args:
        y_true: (…, n), not negative.
        y_pred: (…, n), not negative.

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> mean_squared_logarithmic_error([[0.0]], [[1.0]]).numpy().round(4)
        array([0.4805], dtype=float32)
    """
    true, pred = like_each_other(y_true, y_pred)
    difference: Tensor = log1p(maximum(pred, EPSILON)) - log1p(maximum(true, EPSILON))
    return difference.square().mean(axis=-1)


@register()
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Tensor:
    """The mean of e² / 2 for errors up to ``delta``, and of delta (|e| - delta / 2) beyond.

    Outliers pull with a force that stays bounded. PyTorch's ``huber_loss`` is the same;
    its ``smooth_l1_loss`` is divided by delta.

    Args:
        y_true: (…, n).
        y_pred: (…, n).
        delta: where squares become distances; above 0.

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.
        ArgumentError: delta is not above 0.

    Example:
        >>> huber([[0.0, 0.0]], [[1.0, 3.0]]).numpy()
        array([1.5], dtype=float32)

    Source: P. J. Huber, "Robust Estimation of a Location Parameter", 1964.
    """
    true, pred = like_each_other(y_true, y_pred)
    distance = (pred - true).abs()
    # Both pieces in one, and no square that could overflow.
    near: Tensor = minimum(distance, _checked_delta(delta))
    values: Tensor = near * (distance - 0.5 * near)
    return values.mean(axis=-1)


@register("logcosh")
def log_cosh(y_true: Any, y_pred: Any) -> Tensor:
    """The mean of ln cosh(y_j - t_j): e² / 2 for small errors, |e| - ln 2 for large ones.

    It is computed as |e| + ln(1 + (exp(-2 |e|) - 1) / 2), which cannot overflow.

    Args:
        y_true: (…, n).
        y_pred: (…, n).

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> log_cosh([[0.0]], [[1e6]]).numpy()
        array([999999.3], dtype=float32)
    """
    true, pred = like_each_other(y_true, y_pred)
    distance = (pred - true).abs()
    values: Tensor = distance + log1p(0.5 * expm1(-2.0 * distance))
    return values.mean(axis=-1)


@register()
def cosine_similarity(y_true: Any, y_pred: Any, axis: Axes = -1) -> Tensor:
    """The cosine between two vectors, with its sign turned: -sum_j t_j y_j / (|t| |y|).

    -1 where they point the same way, 0 where they are orthogonal or one of them is 0. As a
    metric it has the other sign.

    Args:
        y_true: (…, n).
        y_pred: (…, n).
        axis: along which the vectors lie.

    Returns:
        The shape without the axis.

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.
        ArgumentError: there is no such axis.

    Example:
        >>> cosine_similarity([[0.0, 2.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]]).numpy()
        array([-1., -0.], dtype=float32)
    """
    true, pred = like_each_other(y_true, y_pred)
    return -(normalized(true, axis) * normalized(pred, axis)).sum(axis=axis)


# ---- classes: one number


@register()
class MeanSquaredError(LossFunctionWrapper):
    """The mean of squares: (y - t)², over the last axis and then over the batch, without a half.

    Args:
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> MeanSquaredError()([[0.0, 1.0]], [[1.0, 3.0]]).item()
        2.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_error",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(mean_squared_error, reduction, name, dtype)


@register()
class MeanAbsoluteError(LossFunctionWrapper):
    """The mean of distances: |y - t|, over the last axis and then over the batch.

    Args:
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> MeanAbsoluteError()([[0.0, 1.0]], [[1.0, 3.0]]).item()
        1.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_error",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(mean_absolute_error, reduction, name, dtype)


@register()
class MeanAbsolutePercentageError(LossFunctionWrapper):
    """The mean of distances in percent of the target: 100 |y - t| / max(|t|, 1e-7).

    Args:
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> MeanAbsolutePercentageError()([[2.0, 4.0]], [[3.0, 4.0]]).item()
        25.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_absolute_percentage_error",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(mean_absolute_percentage_error, reduction, name, dtype)


@register()
class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """The mean of squared differences of logarithms: (ln(1 + y) - ln(1 + t))².

    Args:
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> round(MeanSquaredLogarithmicError()([[0.0]], [[1.0]]).item(), 4)
        0.4805
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "mean_squared_logarithmic_error",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, reduction, name, dtype)


@register()
class LogCosh(LossFunctionWrapper):
    """The mean of ln cosh(y - t): nearly e² / 2 for small errors, |e| - ln 2 for large ones.

    Args:
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> LogCosh()([[0.0]], [[0.0]]).item()
        0.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "log_cosh",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(log_cosh, reduction, name, dtype)


@register()
class Huber(LossFunctionWrapper):
    """The mean of e² / 2 for errors up to ``delta``, and of delta (|e| - delta / 2) beyond.

    With a delta of 1 it is the smooth L1 loss by which detectors learn their boxes.

    Args:
        delta: where squares become distances; above 0.
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: delta is not above 0, or the reduction is unknown.

    Example:
        >>> Huber()([[0.0, 0.0]], [[1.0, 3.0]]).item()
        1.5
    """

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(huber, reduction, name, dtype, delta=_checked_delta(delta))


@register()
class CosineSimilarity(LossFunctionWrapper):
    """The cosine between two vectors, with its sign turned: -sum_j t_j y_j / (|t| |y|), averaged.

    Args:
        axis: along which the vectors lie.
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> CosineSimilarity()([[0.0, 2.0]], [[0.0, 1.0]]).item()
        -1.0
    """

    def __init__(
        self,
        axis: Axes = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "cosine_similarity",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(cosine_similarity, reduction, name, dtype, axis=axis)


def _checked_delta(delta: float) -> float:
    if not 0 < delta < math.inf:
        raise ArgumentError(f"delta must be a number above 0. Got {delta}.")
    return float(delta)
