"""How far predicted numbers are from their targets."""

from __future__ import annotations

from typing import Any

from numpy.typing import DTypeLike

from glassgrad import losses
from glassgrad.errors import ArgumentError, NotBuiltError, ShapeError
from glassgrad.graph import Tensor, as_tensor, default_float, float_type, scope
from glassgrad.losses import (
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from glassgrad.losses.loss import taken_in
from glassgrad.losses.matching import like_each_other
from glassgrad.losses.weighting import weights_for
from glassgrad.metrics.metric import Metric, register
from glassgrad.metrics.reduction import Mean, MeanMetricWrapper
from glassgrad.ops import broadcast_to, isinf, where
from glassgrad.ops.reduction import Axes

__all__ = [
    "CosineSimilarity",
    "LogCoshError",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "R2Score",
    "RootMeanSquaredError",
]


@register("mse", "MSE")
class MeanSquaredError(MeanMetricWrapper):
    """The mean of squares (y - t)².

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = MeanSquaredError()
        >>> metric.update_state([[0.0, 1.0]], [[1.0, 3.0]])
        >>> metric.result()
        2.5
    """

    def __init__(
        self, name: str | None = "mean_squared_error", dtype: DTypeLike | None = None
    ) -> None:
        super().__init__(mean_squared_error, name, dtype)


@register("mae", "MAE")
class MeanAbsoluteError(MeanMetricWrapper):
    """The mean of distances |y - t|.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = MeanAbsoluteError()
        >>> metric.update_state([[0.0, 1.0]], [[1.0, 3.0]])
        >>> metric.result()
        1.5
    """

    def __init__(
        self, name: str | None = "mean_absolute_error", dtype: DTypeLike | None = None
    ) -> None:
        super().__init__(mean_absolute_error, name, dtype)


@register("mape", "MAPE")
class MeanAbsolutePercentageError(MeanMetricWrapper):
    """The mean of distances in percent of the target: 100 |y - t| / max(|t|, 1e-7).

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = MeanAbsolutePercentageError()
        >>> metric.update_state([[2.0, 4.0]], [[3.0, 4.0]])
        >>> metric.result()
        25.0
    """

    def __init__(
        self, name: str | None = "mean_absolute_percentage_error", dtype: DTypeLike | None = None
    ) -> None:
        super().__init__(mean_absolute_percentage_error, name, dtype)


@register("msle", "MSLE")
class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """The mean of squared differences of logarithms: (ln(1 + y) - ln(1 + t))².

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = MeanSquaredLogarithmicError()
        >>> metric.update_state([[0.0]], [[1.0]])
        >>> round(metric.result(), 4)
        0.4805
    """

    def __init__(
        self, name: str | None = "mean_squared_logarithmic_error", dtype: DTypeLike | None = None
    ) -> None:
        super().__init__(mean_squared_logarithmic_error, name, dtype)


@register("logcosh")
class LogCoshError(MeanMetricWrapper):
    """The mean of ln cosh(y - t): nearly e² / 2 for small errors, |e| - ln 2 for large ones.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = LogCoshError()
        >>> metric.update_state([[0.0]], [[0.0]])
        >>> metric.result()
        0.0
    """

    def __init__(self, name: str | None = "logcosh", dtype: DTypeLike | None = None) -> None:
        super().__init__(log_cosh, name, dtype)


def _cosine(y_true: Any, y_pred: Any, axis: Axes = -1) -> Tensor:
    return -losses.cosine_similarity(y_true, y_pred, axis)


@register()
class CosineSimilarity(MeanMetricWrapper):
    """The cosine of the angle between target and prediction: sum_j t_j y_j / (|t| |y|).

    1 where they point the same way. The loss of this name has the other sign.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.
        axis: along which the vectors lie.

    Example:
        >>> metric = CosineSimilarity()
        >>> metric.update_state([[0.0, 2.0], [1.0, 0.0]], [[0.0, 1.0], [0.0, 1.0]])
        >>> metric.result()
        0.5
    """

    def __init__(
        self,
        name: str | None = "cosine_similarity",
        dtype: DTypeLike | None = None,
        axis: Axes = -1,
    ) -> None:
        super().__init__(_cosine, name, dtype, axis=axis)


@register()
class RootMeanSquaredError(Mean):
    """The root of the mean of squares: sqrt(mean (y - t)²), in the unit of the targets.

    Args:
        name: what the metric is called.
        dtype: in which float type values are computed.

    Example:
        >>> metric = RootMeanSquaredError()
        >>> metric.update_state([[0.0, 1.0]], [[3.0, 5.0]])
        >>> round(metric.result(), 4)
        3.5355
    """

    def __init__(
        self, name: str | None = "root_mean_squared_error", dtype: DTypeLike | None = None
    ) -> None:
        super().__init__(name, dtype)

    def update_state(  # type: ignore[override]  # two arrays make the values
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Take a batch in.

        Args:
            y_true: the targets.
            y_pred: the predictions, of the same shape.
            sample_weight: a weight for each example, or for each value.

        Raises:
            ShapeError: the shapes do not fit each other.
        """
        with scope(self.name), float_type(self.dtype or default_float()):
            true, pred = like_each_other(taken_in(y_true, self.dtype), taken_in(y_pred, self.dtype))
            self._add((pred - true).square(), sample_weight)

    def value(self) -> Tensor:
        """The root of the mean."""
        return super().value().sqrt()


AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


@register()
class R2Score(Metric):
    """The share of the targets' variance that is explained: 1 - sum (y - t)² / sum (t - mean t)².

    1 for perfect predictions, 0 for those that are as good as the mean, NaN where the targets
    do not vary at all and are met, 0 where they are not met.

    Args:
        class_aggregation: how several outputs become one number: "uniform_average",
            "variance_weighted_average", or ``None`` (an array, one number for each output).
        num_regressors: how many inputs the model has, for the adjusted score
            1 - (1 - R²) (n - 1) / (n - p - 1), where n counts the targets; 0 for the plain one,
            which is also given where n is too small.
        name: what the metric is called.
        dtype: in which float type values are computed.

    Raises:
        ArgumentError: the aggregation is unknown, or the number of regressors negative.

    Example:
        >>> metric = R2Score()
        >>> metric.update_state([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]])
        >>> round(metric.result(), 4)
        0.5714

    Source: H. Theil, "Economic Forecasts and Policy", 1961 (the adjusted form).
    """

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: DTypeLike | None = None,
    ) -> None:
        if class_aggregation not in AGGREGATIONS:
            raise ArgumentError(
                f"class_aggregation must be one of {AGGREGATIONS}. Got {class_aggregation!r}."
            )
        if num_regressors < 0:
            raise ArgumentError(f"num_regressors must not be negative. Got {num_regressors}.")
        super().__init__(dtype, name)
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.num_samples = self.add_variable((), name="num_samples")
        self._outputs: int | None = None

    def _build(self, outputs: int) -> None:
        """States for each output, once their number is known."""
        shape = (outputs,)
        self.squared_sum = self.add_variable(shape, name="squared_sum")
        self.sum = self.add_variable(shape, name="sum")
        self.total_mse = self.add_variable(shape, name="residual")
        self.count = self.add_variable(shape, name="count")
        self._outputs = outputs

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in.

        Args:
            y_true: (n, outputs); (n,) where the predictions are (n, 1).
            y_pred: (n, outputs).
            sample_weight: a weight for each example, or for each value.

        Raises:
            ShapeError: the shapes do not fit each other.
        """
        with scope(self.name), float_type(self.dtype or default_float()):
            true, pred = like_each_other(taken_in(y_true, self.dtype), taken_in(y_pred, self.dtype))
            _require_table(self, pred)
            if self._outputs is None:
                self._build(pred.shape[1])
            weights = weights_for(true, as_tensor(1.0 if sample_weight is None else sample_weight))
            weights = broadcast_to(weights.cast(true.dtype), true.shape)
            self._add_to(self.sum, true * weights)
            self._add_to(self.squared_sum, true.square() * weights)
            self._add_to(self.total_mse, (true - pred).square() * weights)
            self._add_to(self.count, weights)
            self.num_samples.assign(self.num_samples + float(true.size))

    def _add_to(self, state: Any, values: Tensor) -> None:
        state.assign(state + values.cast("float64").sum(axis=0))

    def value(self) -> Tensor:
        """The share of the variance that is explained."""
        if self._outputs is None:
            raise NotBuiltError(
                f"{self.name} does not know its outputs yet: call update_state(y_true, y_pred)."
            )
        total = self.squared_sum - self.sum * self.sum / self.count
        raw = 1.0 - self.total_mse / total
        scores: Tensor = where(isinf(raw), 0.0, raw)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (total * scores).sum() / total.sum()
        return self._adjusted(scores) if self.num_regressors else scores

    def _adjusted(self, scores: Tensor) -> Tensor:
        rest = self.num_samples - float(self.num_regressors) - 1.0
        adjusted = 1.0 - (1.0 - scores) * (self.num_samples - 1.0) / where(rest > 0.0, rest, 1.0)
        chosen: Tensor = where(rest > 0.0, adjusted, scores)
        return chosen


def _require_table(metric: Metric, pred: Tensor) -> None:
    if pred.ndim != 2:
        raise ShapeError(
            f"{type(metric).__name__} wants targets and predictions of shape (batch, outputs). "
            f"Got {pred.shape}."
        )
