"""Losses of a margin: right is not enough, it must be right by a distance of 1."""

from __future__ import annotations

from typing import Any

from numpy.typing import DTypeLike

from glassgrad.graph import Tensor
from glassgrad.losses.loss import LossFunctionWrapper, register
from glassgrad.losses.matching import like_each_other
from glassgrad.ops import maximum, not_equal, where

__all__ = [
    "CategoricalHinge",
    "Hinge",
    "SquaredHinge",
    "categorical_hinge",
    "hinge",
    "squared_hinge",
]


@register()
def hinge(y_true: Any, y_pred: Any) -> Tensor:
    """The mean over the last axis of max(1 - t_j y_j, 0).

    Args:
        y_true: (…, n), -1 or 1; where all of them are 0 or 1, a 0 means -1.
        y_pred: (…, n), real numbers whose sign decides.

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> hinge([[1.0, -1.0]], [[0.5, -2.0]]).numpy()
        array([0.25], dtype=float32)

    Source: C. Cortes and V. Vapnik, "Support-Vector Networks", 1995.
    """
    return _missing_margin(y_true, y_pred).mean(axis=-1)


@register()
def squared_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """The mean over the last axis of max(1 - t_j y_j, 0)².

    Args:
        y_true: (…, n), -1 or 1; where all of them are 0 or 1, a 0 means -1.
        y_pred: (…, n), real numbers whose sign decides.

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> squared_hinge([[1.0, -1.0]], [[0.5, -2.0]]).numpy()
        array([0.125], dtype=float32)
    """
    return _missing_margin(y_true, y_pred).square().mean(axis=-1)


@register()
def categorical_hinge(y_true: Any, y_pred: Any) -> Tensor:
    """How far the right class is from beating the best wrong one by 1: max(1 + n - p, 0).

    p = sum_j t_j y_j is the score of the right class, n = max_j (1 - t_j) y_j the best other.

    Args:
        y_true: (…, classes), a 1 at the class of each example.
        y_pred: (…, classes), scores.

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> categorical_hinge([[0.0, 1.0]], [[0.5, 1.0]]).numpy()
        array([0.5], dtype=float32)
    """
    true, pred = like_each_other(y_true, y_pred)
    right = (true * pred).sum(axis=-1)
    best_other = ((1.0 - true) * pred).max(axis=-1)
    missing: Tensor = maximum(1.0 + best_other - right, 0.0)
    return missing


def _missing_margin(y_true: Any, y_pred: Any) -> Tensor:
    true, pred = like_each_other(y_true, y_pred)
    missing: Tensor = maximum(1.0 - _signs(true) * pred, 0.0)
    return missing


def _signs(true: Tensor) -> Tensor:
    """-1 and 1 for targets that are all 0 or 1; other targets as they are."""
    others = not_equal(true * (true - 1.0), 0.0).cast(true.dtype).sum()
    signs: Tensor = where(others > 0.0, true, 2.0 * true - 1.0)
    return signs


# ---- classes: one number


@register()
class Hinge(LossFunctionWrapper):
    """The mean of max(1 - t y, 0), for targets -1 and 1, or 0 and 1.

    Args:
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> Hinge()([[1.0, -1.0]], [[0.5, -2.0]]).item()
        0.25
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "hinge",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(hinge, reduction, name, dtype)


@register()
class SquaredHinge(LossFunctionWrapper):
    """The mean of max(1 - t y, 0)², for targets -1 and 1, or 0 and 1.

    Args:
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> SquaredHinge()([[1.0, -1.0]], [[0.5, -2.0]]).item()
        0.125
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "squared_hinge",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(squared_hinge, reduction, name, dtype)


@register()
class CategoricalHinge(LossFunctionWrapper):
    """The mean of max(1 + n - p, 0): the right class's score p shall beat the best other n by 1.

    Args:
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> CategoricalHinge()([[0.0, 1.0]], [[0.5, 1.0]]).item()
        0.5
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "categorical_hinge",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(categorical_hinge, reduction, name, dtype)
