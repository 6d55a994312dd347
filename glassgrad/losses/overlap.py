"""Losses of overlap: how much of two areas is common to both, however small they are."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import DTypeLike

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor
from glassgrad.losses.loss import LossFunctionWrapper, register
from glassgrad.losses.matching import like_each_other
from glassgrad.losses.regression import EPSILON
from glassgrad.ops.reduction import Axes

__all__ = ["Dice", "Tversky", "dice", "tversky"]


@register()
def dice(y_true: Any, y_pred: Any, axis: Axes = None) -> Tensor:
    """What two areas do not share: 1 - 2 sum(t y) / (sum t + sum y + 1e-7).

    Args:
        y_true: 0 or 1, or shares of a pixel; of any shape.
        y_pred: of the same shape, probabilities.
        axis: over which the sums are taken; over all, and so over the whole batch, by default.
            For images (batch, height, width, classes) ``(1, 2)`` gives a value for each image
            and class.

    Returns:
        The shape without the axes.

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.
        ArgumentError: there is no such axis.

    Example:
        >>> round(dice([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]).item(), 4)  # 1 - 2/3
        0.3333
    """
    true, pred = like_each_other(y_true, y_pred)
    common = (true * pred).sum(axis=axis)
    return 1 - 2 * common / (true.sum(axis=axis) + pred.sum(axis=axis) + EPSILON)


@register()
def tversky(
    y_true: Any, y_pred: Any, alpha: float = 0.5, beta: float = 0.5, axis: Axes = None
) -> Tensor:
    """1 - sum(t y) / (sum(t y) + alpha sum(t (1 - y)) + beta sum((1 - t) y) + 1e-7).

    alpha is the price of what is missed, and beta that of what is taken wrongly. That is Keras's
    order; the paper has them the other way round. With both at 0.5 it is ``dice``.

    Args:
        y_true: 0 or 1, or shares of a pixel; of any shape.
        y_pred: of the same shape, probabilities.
        alpha: from 0 on.
        beta: from 0 on.
        axis: over which the sums are taken; over all, and so over the whole batch, by default.

    Returns:
        The shape without the axes.

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.
        ArgumentError: a price is negative, or there is no such axis.

    Example:
        >>> round(tversky([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]], alpha=1.0, beta=0.0).item(), 4)
        0.5
    """
    missing_price, wrong_price = checked_price("alpha", alpha), checked_price("beta", beta)
    true, pred = like_each_other(y_true, y_pred)
    common = (true * pred).sum(axis=axis)
    missed = (true * (1 - pred)).sum(axis=axis)
    wrong = ((1 - true) * pred).sum(axis=axis)
    return 1 - common / (common + missing_price * missed + wrong_price * wrong + EPSILON)


@register()
class Dice(LossFunctionWrapper):
    """What two areas do not share: 1 - 2 sum(t y) / (sum t + sum y + 1e-7).

    It does not care how large the areas are: a small object weighs as much as a large one, and
    the background, which is right nearly everywhere, weighs nothing.

    Args:
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        axis: over which the sums are taken; over all, and so over the whole batch, by default.
            For images (batch, height, width, classes) ``(1, 2)`` makes a value for each image
            and class, and ``(1, 2, 3)`` one for each image.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> round(Dice()([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]).item(), 4)
        0.3333

    Source: F. Milletari, N. Navab and S.-A. Ahmadi, "V-Net", 2016 (there with squares in the
    divisor).
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "dice",
        axis: Axes = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(dice, reduction, name, dtype, axis=axis)


@register()
class Tversky(LossFunctionWrapper):
    """Dice with a price for what is missed, alpha, and one for what is taken wrongly, beta.

    1 - sum(t y) / (sum(t y) + alpha sum(t (1 - y)) + beta sum((1 - t) y) + 1e-7). That is Keras's
    order of the two; the paper has them the other way round.

    Args:
        alpha: from 0 on; above ``beta`` where missing something is worse.
        beta: from 0 on.
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        axis: over which the sums are taken; over all, and so over the whole batch, by default.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: a price is negative, or the reduction is unknown.

    Example:
        >>> loss = Tversky(alpha=1.0, beta=0.0)
        >>> round(loss([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]).item(), 4)
        0.5

    Source: S. S. M. Salehi, D. Erdogmus and A. Gholipour, "Tversky Loss Function for Image
    Segmentation", 2017.
    """

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "tversky",
        axis: Axes = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            tversky,
            reduction,
            name,
            dtype,
            alpha=checked_price("alpha", alpha),
            beta=checked_price("beta", beta),
            axis=axis,
        )


def checked_price(name: str, value: float) -> float:
    """How much a mistake costs.

    Raises:
        ArgumentError: it is negative or not finite.
    """
    if not 0 <= value < math.inf:
        raise ArgumentError(f"{name} must be a number from 0 on. Got {value}.")
    return float(value)
