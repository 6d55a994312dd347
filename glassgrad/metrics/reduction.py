"""Sums and means of many values, also of what a function of targets and predictions gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import DTypeLike

from glassgrad.errors import ArgumentError
from glassgrad.graph import Tensor, as_tensor, default_float, float_type, mask_of, scope
from glassgrad.losses.loss import FunctionWithArguments, taken_in
from glassgrad.losses.matching import match_ranks
from glassgrad.losses.weighting import divide_no_nan
from glassgrad.metrics.metric import Metric, MetricFunction, _registry, functions, register
from glassgrad.ops import broadcast_to
from glassgrad.ops import mean as mean_over
from glassgrad.ops import sum as sum_over

__all__ = ["Mean", "MeanMetricWrapper", "Sum"]


@register()
class Sum(Metric):
    """The sum of values, each weighted: sum_i w_i x_i.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> total = Sum()
        >>> total.update_state([1.0, 2.0])
        >>> total.update_state([6.0], sample_weight=[0.5])
        >>> total.result()
        6.0
    """

    def __init__(self, name: str | None = "sum", dtype: DTypeLike | None = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take values in.

        Args:
            values: a number, or one or several for each example; several are added.
            sample_weight: a weight for each example, or for each value.

        Raises:
            ShapeError: the weights do not fit the values.
        """
        with scope(self.name), float_type(self.dtype or default_float()):
            added, _ = _for_each_example(taken_in(values, self.dtype), sample_weight, sum_over)
            self.total.assign(self.total + added.sum().cast("float64"))

    def value(self) -> Tensor:
        """The sum."""
        return self.total.tensor


@register()
class Mean(Metric):
    """The mean of values, each weighted: sum_i w_i x_i / sum_i w_i.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> mean = Mean()
        >>> mean.update_state([1.0, 2.0])
        >>> mean.update_state([6.0])
        >>> mean.result()
        3.0
    """

    def __init__(self, name: str | None = "mean", dtype: DTypeLike | None = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take values in.

        Args:
            values: a number, or one or several for each example; several are averaged first.
            sample_weight: a weight for each example, or for each value.

        Raises:
            ShapeError: the weights do not fit the values.
        """
        with scope(self.name), float_type(self.dtype or default_float()):
            self._add(taken_in(values, self.dtype), sample_weight)

    def _add(self, values: Tensor, sample_weight: Any) -> None:
        averaged, weights = _for_each_example(values, sample_weight, mean_over)
        count = averaged.size if weights is None else weights.sum().cast("float64")
        self.total.assign(self.total + averaged.sum().cast("float64"))
        self.count.assign(self.count + count)

    def value(self) -> Tensor:
        """The mean, 0 where nothing was taken in."""
        return divide_no_nan(self.total, self.count)


@register()
class MeanMetricWrapper(FunctionWithArguments, Mean):
    """The mean of a function of (y_true, y_pred) that gives a value for each example.

    Args:
        fn: the function, or the name of a registered loss or metric function.
        name: what the metric is called; the function's name by default.
        dtype: in which float type values are computed.
        kwargs: further arguments of the function.

    Raises:
        UnknownNameError: no function has that name.
        ArgumentError: it is no function, or does not take the further arguments.

    Example:
        >>> metric = MeanMetricWrapper("binary_crossentropy")
        >>> metric.update_state([[1.0]], [[0.5]])
        >>> round(metric.result(), 4), metric.name
        (0.6931, 'binary_crossentropy')
    """

    def __init__(
        self,
        fn: MetricFunction | str,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        **kwargs: Any,
    ) -> None:
        self.bind(_function(fn), kwargs)
        super().__init__(name or getattr(self.fn, "__name__", None), dtype)

    def update_state(  # type: ignore[override]  # two arrays make the values
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take a batch in.

        Args:
            y_true: the targets.
            y_pred: the predictions; where they carry a mask, what it leaves out does not count.
            sample_weight: a weight for each example, or for each value.

        Raises:
            ShapeError: the shapes do not fit each other.
        """
        with scope(self.name), float_type(self.dtype or default_float()):
            true, pred = taken_in(y_true, self.dtype), taken_in(y_pred, self.dtype)
            weights = _without_ignored(sample_weight, mask_of(y_pred))
            weights = _without_ignored(weights, self.mask(true, pred))
            self._add(self.apply_function(true, pred), weights)

    def mask(self, y_true: Tensor, y_pred: Tensor) -> Tensor | None:
        """Which of the values count, as booleans; ``None`` where all do."""
        return None


def _function(fn: MetricFunction | str) -> MetricFunction:
    if isinstance(fn, str) and fn in functions.entries:
        return functions.entries[fn]
    found = _registry.require(fn)
    if isinstance(found, Metric):
        raise ArgumentError(f"MeanMetricWrapper wants a function. Got the metric {found!r}.")
    return found


def _without_ignored(sample_weight: Any, mask: Tensor | None) -> Any:
    """Weights that are 0 where the mask does not hold."""
    if mask is None:
        return sample_weight
    counted = mask.cast(default_float())
    if sample_weight is None:
        return counted
    weights = as_tensor(sample_weight).cast(counted.dtype)
    return counted * weights.reshape(*weights.shape, *(1,) * (mask.ndim - weights.ndim))


def _for_each_example(
    values: Tensor, sample_weight: Any, reduce: Callable[..., Tensor]
) -> tuple[Tensor, Tensor | None]:
    """One value and one weight for each example."""
    if values.dtype.kind != "f":
        values = values.cast(default_float())
    weights = None
    if sample_weight is not None:
        weights = as_tensor(sample_weight).cast(values.dtype)
        values, weights = match_ranks(values, weights)
        values = _reduced(values, weights.ndim, reduce)
        weights = broadcast_to(weights, values.shape)
        values, weights = values * weights, _reduced(weights, 1, reduce)
    return _reduced(values, 1, reduce), weights


def _reduced(values: Tensor, first: int, reduce: Callable[..., Tensor]) -> Tensor:
    """One number along all axes from the given one on."""
    if values.ndim <= first:
        return values
    return reduce(values, axis=tuple(range(first, values.ndim)))
