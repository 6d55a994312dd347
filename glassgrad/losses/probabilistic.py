"""Losses of distributions: how unlikely the targets are under the predictions."""

from __future__ import annotations

from typing import Any

from numpy.typing import DTypeLike

from glassgrad.graph import Tensor
from glassgrad.losses.loss import LossFunctionWrapper, register
from glassgrad.losses.matching import like_each_other
from glassgrad.losses.regression import EPSILON
from glassgrad.ops import clip

__all__ = ["KLDivergence", "Poisson", "kl_divergence", "poisson"]


@register("kld", "KLD", "kullback_leibler_divergence")
def kl_divergence(y_true: Any, y_pred: Any) -> Tensor:
    """The Kullback-Leibler divergence over the last axis: sum_j t_j ln(t_j / y_j).

    Both are kept within [1e-7, 1] first. PyTorch's ``kl_div`` wants logarithms of predictions.

    Args:
        y_true: (…, n), probabilities.
        y_pred: (…, n), probabilities.

    Returns:
        (…), in nats.

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> kl_divergence([[0.5, 0.5]], [[0.25, 0.75]]).numpy().round(4)
        array([0.1438], dtype=float32)

    Source: S. Kullback and R. A. Leibler, "On Information and Sufficiency", 1951.
    """
    true, pred = (clip(part, EPSILON, 1.0) for part in like_each_other(y_true, y_pred))
    return (true * (true / pred).log()).sum(axis=-1)


@register()
def poisson(y_true: Any, y_pred: Any) -> Tensor:
    """The mean over the last axis of y_j - t_j ln(y_j + 1e-7): counts under a Poisson law.

    It is the negative log-likelihood without the term ln t!, which no prediction changes.

    Args:
        y_true: (…, n), counts.
        y_pred: (…, n), expected counts; not negative.

    Returns:
        (…).

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.

    Example:
        >>> poisson([[2.0]], [[1.0]]).numpy().round(4)
        array([1.], dtype=float32)
    """
    true, pred = like_each_other(y_true, y_pred)
    return (pred - true * (pred + EPSILON).log()).mean(axis=-1)


# ---- classes: one number


@register()
class KLDivergence(LossFunctionWrapper):
    """The Kullback-Leibler divergence: sum_j t_j ln(t_j / y_j), averaged over the batch.

    Args:
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> round(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]).item(), 4)
        0.1438
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "kl_divergence",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(kl_divergence, reduction, name, dtype)


@register()
class Poisson(LossFunctionWrapper):
    """The mean of y - t ln(y + 1e-7): counts t under a Poisson law of mean y.

    Args:
        reduction: how the values become one number, see ``Loss``.
        name: what the loss is called.
        dtype: in which float type it is computed; that of the predictions by default.

    Raises:
        ArgumentError: the reduction is unknown.

    Example:
        >>> round(Poisson()([[2.0]], [[1.0]]).item(), 4)
        1.0
    """

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "poisson",
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(poisson, reduction, name, dtype)
