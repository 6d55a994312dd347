"""Surprise and divergence, as metrics."""

from __future__ import annotations

from numpy.typing import DTypeLike

from glassgrad.graph import Tensor
from glassgrad.losses import (
    binary_crossentropy,
    categorical_crossentropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from glassgrad.losses.crossentropy import checked_ignored_class, checked_smoothing, ignored_mask
from glassgrad.metrics.metric import register
from glassgrad.metrics.reduction import MeanMetricWrapper

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "KLDivergence",
    "Poisson",
    "SparseCategoricalCrossentropy",
]


@register("kld", "KLD")
class KLDivergence(MeanMetricWrapper):
    """The mean Kullback-Leibler divergence: sum_j t_j ln(t_j / y_j).

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = KLDivergence()
        >>> metric.update_state([[0.5, 0.5]], [[0.25, 0.75]])
        >>> round(metric.result(), 4)
        0.1438
    """

    def __init__(self, name: str | None = "kl_divergence", dtype: DTypeLike | None = None) -> None:
        super().__init__(kl_divergence, name, dtype)


@register()
class Poisson(MeanMetricWrapper):
    """The mean of y - t ln(y + 1e-7): counts t under a Poisson law of mean y.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = Poisson()
        >>> metric.update_state([[2.0]], [[1.0]])
        >>> round(metric.result(), 4)
        1.0
    """

    def __init__(self, name: str | None = "poisson", dtype: DTypeLike | None = None) -> None:
        super().__init__(poisson, name, dtype)


@register("bce", "BCE")
class BinaryCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy for yes or no: -t ln y - (1 - t) ln(1 - y).

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.
        from_logits: whether ``y_pred`` is what goes into the sigmoid instead of probabilities.
        label_smoothing: how far the targets are drawn to 0.5, in [0, 1].

    Raises:
        ArgumentError: the smoothing is outside [0, 1].

    Example:
        >>> metric = BinaryCrossentropy()
        >>> metric.update_state([[1.0]], [[0.5]])
        >>> round(metric.result(), 4)
        0.6931
    """

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: DTypeLike | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(
            binary_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=checked_smoothing(label_smoothing),
        )


@register()
class CategoricalCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy for one class of several, targets as vectors: -sum_j t_j ln y_j.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.
        from_logits: whether ``y_pred`` is what goes into the softmax instead of probabilities.
        label_smoothing: the part of each target that is spread over all classes, in [0, 1].
        axis: that of the classes.

    Raises:
        ArgumentError: the smoothing is outside [0, 1].

    Example:
        >>> metric = CategoricalCrossentropy()
        >>> metric.update_state([[0.0, 1.0]], [[0.5, 0.5]])
        >>> round(metric.result(), 4)
        0.6931
    """

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: DTypeLike | None = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(
            categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=checked_smoothing(label_smoothing),
            axis=axis,
        )


@register()
class SparseCategoricalCrossentropy(MeanMetricWrapper):
    """The mean cross-entropy for one class of several, targets as integers: -ln y_label.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.
        from_logits: whether ``y_pred`` is what goes into the softmax instead of probabilities.
        ignore_class: a label that counts for nothing: the mean is over the others, with sample
            weights or without.
        axis: that of the classes.

    Raises:
        ArgumentError: the class to ignore is no integer.

    Example:
        >>> metric = SparseCategoricalCrossentropy(ignore_class=-1)
        >>> metric.update_state([1, -1], [[0.5, 0.5], [0.9, 0.1]])
        >>> round(metric.result(), 4)
        0.6931
    """

    ignore_class: int | None
    axis: int

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: DTypeLike | None = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(
            sparse_categorical_crossentropy,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=checked_ignored_class(ignore_class),
            axis=axis,
        )

    def mask(self, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
        """Where the label is not the one to ignore."""
        return ignored_mask(y_true, y_pred, self.ignore_class, self.axis)
