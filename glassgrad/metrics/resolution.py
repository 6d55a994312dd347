"""What an identifier such as "accuracy" means, once the shapes of the data are known."""

from __future__ import annotations

from functools import partial
from inspect import isclass
from typing import Any

from glassgrad.losses.matching import HasShape, kind_of_targets
from glassgrad.metrics.accuracy import (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
)
from glassgrad.metrics.metric import Metric, _registry
from glassgrad.metrics.reduction import MeanMetricWrapper

__all__ = ["as_metric", "resolve_accuracy"]


def resolve_accuracy(y_true: HasShape, y_pred: HasShape) -> type[MeanMetricWrapper]:
    """The metric that "accuracy" means, by Keras's rule.

    ``BinaryAccuracy`` where the predictions have one column, ``SparseCategoricalAccuracy`` where
    the targets have fewer axes than the predictions, or one column, else ``CategoricalAccuracy``.

    Args:
        y_true: what has the targets' shape: a tensor, a spec, an array.
        y_pred: what has the predictions' shape.

    Example:
        >>> import numpy as np
        >>> resolve_accuracy(np.zeros(32), np.zeros((32, 10))).__name__
        'SparseCategoricalAccuracy'
    """
    meanings: dict[str, type[MeanMetricWrapper]] = {
        "binary": BinaryAccuracy,
        "sparse": SparseCategoricalAccuracy,
        "categorical": CategoricalAccuracy,
    }
    return meanings[kind_of_targets(y_true, y_pred)]


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
        >>> import numpy as np
        >>> as_metric("acc", np.zeros((32, 1)), np.zeros((32, 10)))
        SparseCategoricalAccuracy(name='acc', dtype=None)
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
