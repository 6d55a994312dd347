"""What a person wants to know about a model: numbers collected over many batches.

A metric keeps its state in variables. ``update_state`` assigns to them: at once in a loop of
one's own, and as updates of the step where a graph is traced. ``result`` reads them.

The states are float64: counts stay exact far beyond the 2^24 at which float32 stops counting.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from inspect import isclass
from typing import Any, Protocol, TypeAlias

import numpy as np

from glassgrad.errors import ArgumentError, ShapeError
from glassgrad.graph import Tensor, Variable, as_tensor, default_float, scope
from glassgrad.initializers import initialize
from glassgrad.initializers import require as require_initializer
from glassgrad.losses import (
    binary_crossentropy,
    categorical_crossentropy,
    labels_of,
    match_ranks,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from glassgrad.naming import snake_case
from glassgrad.ops import broadcast_to, equal
from glassgrad.serialization import Configurable, Registry, serialize

__all__ = [
    "Accuracy",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Mean",
    "MeanAbsoluteError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "SparseCategoricalAccuracy",
    "as_metric",
    "deserialize",
    "get",
    "register",
    "resolve_accuracy",
    "serialize",
]


class Metric(Configurable):
    """The base: subclass it, add variables, and write ``update_state`` and ``result``.

    Args:
        name: what the metric is called in logs; its class in snake_case by default.

    Example:
        >>> class Largest(Metric):
        ...     def __init__(self, name=None):
        ...         super().__init__(name)
        ...         self.largest = self.add_variable((), "zeros", name="largest")
        ...     def update_state(self, values):
        ...         self.largest.assign(max(self.result(), float(np.max(values))))
        ...     def result(self):
        ...         return float(self.largest.numpy())
        >>> largest = Largest()
        >>> largest.update_state([1.0, 3.0])
        >>> largest.result()
        3.0
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self._states: list[tuple[Variable, Any]] = []

    def __call__(self, *args: Any, **kwargs: Any) -> float:
        """Take a batch in, and give the result so far; for loops of one's own."""
        self.update_state(*args, **kwargs)
        return self.result()

    def add_variable(
        self,
        shape: tuple[int, ...],
        initializer: Any = "zeros",
        dtype: str = "float64",
        name: str = "variable",
    ) -> Variable:
        """A part of the state, which ``reset_state`` brings back to its first value."""
        made = initialize(
            require_initializer(initializer), shape, dtype, generator=np.random.default_rng(0)
        )
        variable = Variable(made, name=f"{self.name}/{name}", trainable=False, dtype=dtype)
        self._states.append((variable, made))
        return variable

    @property
    def variables(self) -> list[Variable]:
        """The state."""
        return [variable for variable, _ in self._states]

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take a batch in."""
        raise NotImplementedError(f"{type(self).__name__} must write update_state(…).")

    def result(self) -> float:
        """The number for everything since the last reset."""
        raise NotImplementedError(f"{type(self).__name__} must write result().")

    def reset_state(self) -> None:
        """Forget everything; what an epoch begins with."""
        for variable, first in self._states:
            variable.assign(first)


MetricFunction: TypeAlias = Callable[[Any, Any], Tensor]
MetricLike: TypeAlias = Metric | MetricFunction

_registry: Registry[MetricLike] = Registry("metric", Metric, takes_functions=True)
get, deserialize, register = _registry.get, _registry.deserialize, _registry.register


class WeightedMean(Metric):
    """The base of what averages: sum_i w_i x_i / sum_i w_i."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.total = self.add_variable((), name="total")
        self.count = self.add_variable((), name="count")

    def add_values(self, values: Tensor, sample_weight: Any) -> None:
        """Take in a value for each example; where there are several, their mean."""
        averaged, weights = _for_each_example(values, sample_weight)
        total = averaged.sum().cast("float64")
        count = averaged.size if weights is None else weights.sum().cast("float64")
        self.total.assign(self.total + total)
        self.count.assign(self.count + count)

    def result(self) -> float:
        """The mean, 0 where nothing was taken in."""
        count = float(self.count.numpy())
        return float(self.total.numpy()) / count if count else 0.0


@register()
class Mean(WeightedMean):
    """The mean of values, each weighted: sum_i w_i x_i / sum_i w_i.

    Args:
        name: what the metric is called.

    Example:
        >>> mean = Mean()
        >>> mean.update_state([1.0, 2.0])
        >>> mean.update_state([6.0])
        >>> mean.result()
        3.0
    """

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Take values in.

        Args:
            values: a number, or one or several for each example; several are averaged first.
            sample_weight: a weight for each example, or for each value.

        Raises:
            ShapeError: the weights do not fit the values.
        """
        with scope(self.name):
            self.add_values(as_tensor(values), sample_weight)


class MeanOverExamples(WeightedMean):
    """The base of what compares targets and predictions: write ``values``."""

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """A value for each example, or several."""
        raise NotImplementedError(f"{type(self).__name__} must write values(y_true, y_pred).")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take a batch in.

        Args:
            y_true: the targets.
            y_pred: the predictions.
            sample_weight: a weight for each example, or for each value.

        Raises:
            ShapeError: the shapes do not fit each other.
        """
        with scope(self.name):
            values = self.values(as_tensor(y_true), as_tensor(y_pred))
            self.add_values(values, sample_weight)


@register()
class MeanMetricWrapper(MeanOverExamples):
    """The mean of a function of (y_true, y_pred) that gives a value for each example.

    Args:
        fn: the function, or the name of a registered loss or metric function.
        name: what the metric is called; the function's name by default.

    Raises:
        UnknownNameError: no function has that name.

    Example:
        >>> metric = MeanMetricWrapper("binary_crossentropy")
        >>> metric.update_state([[1.0]], [[0.5]])
        >>> round(metric.result(), 4), metric.name
        (0.6931, 'binary_crossentropy')
    """

    def __init__(self, fn: MetricFunction | str, name: str | None = None) -> None:
        found = _registry.require(fn)
        if isinstance(found, Metric):
            raise ArgumentError(f"MeanMetricWrapper wants a function. Got the metric {found!r}.")
        self.fn = found
        super().__init__(name or getattr(found, "__name__", None))

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """What the function gives."""
        return self.fn(y_true, y_pred)


@register("mse", "MSE")
class MeanSquaredError(MeanOverExamples):
    """The mean of squares (y - t)².

    Args:
        name: what the metric is called.

    Example:
        >>> metric = MeanSquaredError()
        >>> metric.update_state([[0.0, 1.0]], [[1.0, 3.0]])
        >>> metric.result()
        2.5
    """

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The mean over the last axis."""
        return mean_squared_error(y_true, y_pred)


@register("mae", "MAE")
class MeanAbsoluteError(MeanOverExamples):
    """The mean of distances |y - t|.

    Args:
        name: what the metric is called.

    Example:
        >>> metric = MeanAbsoluteError()
        >>> metric.update_state([[0.0, 1.0]], [[1.0, 3.0]])
        >>> metric.result()
        1.5
    """

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """The mean over the last axis."""
        return mean_absolute_error(y_true, y_pred)


@register()
class Accuracy(MeanOverExamples):
    """How often predictions equal targets, both given as labels.

    The name "accuracy" in ``compile`` means one of the three below, see ``resolve_accuracy``.

    Args:
        name: what the metric is called.

    Example:
        >>> metric = Accuracy()
        >>> metric.update_state([1, 2], [1, 3])
        >>> metric.result()
        0.5
    """

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """1 where they are equal."""
        return _matches(*match_ranks(y_true, y_pred))


@register()
class BinaryAccuracy(MeanOverExamples):
    """How often a probability lies on the side of the threshold where the target does.

    Args:
        name: what the metric is called.
        threshold: a prediction above it counts as 1.

    Raises:
        ArgumentError: the threshold is outside [0, 1].

    Example:
        >>> metric = BinaryAccuracy()
        >>> metric.update_state([[1], [0]], [[0.9], [0.8]])
        >>> metric.result()
        0.5
    """

    def __init__(self, name: str | None = None, threshold: float = 0.5) -> None:
        if not 0 <= threshold <= 1:
            raise ArgumentError(f"The threshold must lie in [0, 1]. Got {threshold}.")
        super().__init__(name)
        self.threshold = float(threshold)

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """1 where they are on the same side."""
        true, pred = match_ranks(y_true, y_pred)
        return _matches(true, (pred > self.threshold).cast("int32"))


@register()
class CategoricalAccuracy(MeanOverExamples):
    """How often the largest prediction is at the place of the largest target.

    Args:
        name: what the metric is called.

    Example:
        >>> metric = CategoricalAccuracy()
        >>> metric.update_state([[0, 1], [1, 0]], [[0.1, 0.9], [0.4, 0.6]])
        >>> metric.result()
        0.5
    """

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """1 where the places are equal."""
        return _matches(y_true.argmax(), y_pred.argmax())


@register()
class SparseCategoricalAccuracy(MeanOverExamples):
    """How often the largest prediction is at the place that the label names.

    Args:
        name: what the metric is called.

    Example:
        >>> metric = SparseCategoricalAccuracy()
        >>> metric.update_state([1, 0], [[0.1, 0.9], [0.4, 0.6]])
        >>> metric.result()
        0.5
    """

    def values(self, y_true: Tensor, y_pred: Tensor) -> Tensor:
        """1 where label and place are equal."""
        return _matches(labels_of(y_true, y_pred), y_pred.argmax())


for _function in (binary_crossentropy, categorical_crossentropy, sparse_categorical_crossentropy):
    register()(_function)


class HasShape(Protocol):
    """What has a shape: a tensor, its spec, an array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every dimension."""


def resolve_accuracy(y_true: HasShape, y_pred: HasShape) -> type[MeanOverExamples]:
    """The metric that "accuracy" means, by Keras's rule.

    ``BinaryAccuracy`` where the predictions have one column, ``SparseCategoricalAccuracy`` where
    the targets have fewer axes than the predictions, or one column, else ``CategoricalAccuracy``.

    Args:
        y_true: what has the targets' shape: a tensor, a spec, an array.
        y_pred: what has the predictions' shape.

    Example:
        >>> resolve_accuracy(np.zeros(32), np.zeros((32, 10))).__name__
        'SparseCategoricalAccuracy'
    """
    true, pred = y_true.shape, y_pred.shape
    if pred[-1:] == (1,):
        return BinaryAccuracy
    if len(true) < len(pred) or (true[-1:] == (1,) and pred[-1:] > (1,)):
        return SparseCategoricalAccuracy
    return CategoricalAccuracy


def as_metric(identifier: Any, y_true: HasShape, y_pred: HasShape) -> Metric:
    """The metric that an identifier means for data of given shapes, as ``compile`` does it.

    Args:
        identifier: a metric; "accuracy" or "acc"; another name, after which the metric is
            then called; a function of (y_true, y_pred); a configuration.
        y_true: what has the targets' shape: a tensor, a spec, an array.
        y_pred: what has the predictions' shape.

    Raises:
        UnknownNameError: there is none of that name.
        ArgumentError: the identifier is of another kind.

    Example:
        >>> as_metric("acc", np.zeros((32, 1)), np.zeros((32, 10)))
        SparseCategoricalAccuracy(name='acc')
    """
    if isinstance(identifier, str):
        is_accuracy = identifier.lower() in ("accuracy", "acc")
        found: Any = (
            resolve_accuracy(y_true, y_pred) if is_accuracy else _registry.entry(identifier)
        )
        make: Any = found if isclass(found) else partial(MeanMetricWrapper, found)
        named: Metric = make(name=identifier)
        return named
    member = _registry.require(identifier)
    return member if isinstance(member, Metric) else MeanMetricWrapper(member)


def _matches(a: Tensor, b: Tensor) -> Tensor:
    if a.shape != b.shape:
        raise ShapeError(
            f"Targets and predictions must have one shape. Got {a.shape} and {b.shape}."
        )
    matches: Tensor = equal(a, b)
    return matches.cast(default_float())


def _for_each_example(values: Tensor, sample_weight: Any) -> tuple[Tensor, Tensor | None]:
    """One value and one weight for each example."""
    if values.dtype.kind != "f":
        values = values.cast(default_float())
    weights = None
    if sample_weight is not None:
        weights = as_tensor(sample_weight).cast(values.dtype)
        values, weights = match_ranks(values, weights)
        values = _average(values, first=weights.ndim)
        weights = broadcast_to(weights, values.shape)
        values, weights = values * weights, _average(weights, first=1)
    return _average(values, first=1), weights


def _average(values: Tensor, first: int) -> Tensor:
    """The mean over all axes from the given one on."""
    return values.mean(axis=tuple(range(first, values.ndim))) if values.ndim > first else values
