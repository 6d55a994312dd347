"""Margins, as metrics."""

from __future__ import annotations

from numpy.typing import DTypeLike

from glassgrad.losses import categorical_hinge, hinge, squared_hinge
from glassgrad.metrics.metric import register
from glassgrad.metrics.reduction import MeanMetricWrapper

__all__ = ["CategoricalHinge", "Hinge", "SquaredHinge"]


@register()
class Hinge(MeanMetricWrapper):
    """The mean of max(1 - t y, 0), for targets -1 and 1, or 0 and 1.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = Hinge()
        >>> metric.update_state([[1.0, -1.0]], [[0.5, -2.0]])
        >>> metric.result()
        0.25
    """

    def __init__(self, name: str | None = "hinge", dtype: DTypeLike | None = None) -> None:
        super().__init__(hinge, name, dtype)


@register()
class SquaredHinge(MeanMetricWrapper):
    """The mean of max(1 - t y, 0)², for targets -1 and 1, or 0 and 1.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = SquaredHinge()
        >>> metric.update_state([[1.0, -1.0]], [[0.5, -2.0]])
        >>> metric.result()
        0.125
    """

    def __init__(self, name: str | None = "squared_hinge", dtype: DTypeLike | None = None) -> None:
        super().__init__(squared_hinge, name, dtype)


@register()
class CategoricalHinge(MeanMetricWrapper):
    """The mean of max(1 + n - p, 0): the right class's score p shall beat the best other n by 1.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = CategoricalHinge()
        >>> metric.update_state([[0.0, 1.0]], [[0.5, 1.0]])
        >>> metric.result()
        0.5
    """

    def __init__(
        self, name: str | None = "categorical_hinge", dtype: DTypeLike | None = None
    ) -> None:
        super().__init__(categorical_hinge, name, dtype)
