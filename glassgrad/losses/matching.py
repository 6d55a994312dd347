"""Targets and predictions brought into shapes that fit each other."""

from __future__ import annotations

import warnings
from typing import Any, Protocol

import numpy as np

from glassgrad.errors import DataError, ShapeError
from glassgrad.graph import Constant, Tensor, as_tensor
from glassgrad.ops import transpose
from glassgrad.ops.reduction import normalize_axes

__all__ = [
    "HasShape",
    "checked_labels",
    "classes_last",
    "kind_of_targets",
    "labels_of",
    "like_each_other",
    "match_ranks",
    "require_same_shape",
    "warn_of_single_class",
]


class HasShape(Protocol):
    """What has a shape: a tensor, its spec, an array."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of every dimension."""


def kind_of_targets(y_true: HasShape, y_pred: HasShape) -> str:
    """What targets of some shape are beside predictions, by Keras's rule.

    "binary" where the predictions have one column, "sparse" (integer labels) where the targets
    have fewer axes than the predictions, or one column, else "categorical" (vectors).

    Example:
        >>> kind_of_targets(np.zeros(32), np.zeros((32, 10)))
        'sparse'
    """
    true, pred = y_true.shape, y_pred.shape
    if pred[-1:] == (1,):
        return "binary"
    is_sparse = len(true) < len(pred) or (true[-1:] == (1,) and pred[-1:] > (1,))
    return "sparse" if is_sparse else "categorical"


def match_ranks(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Where one tensor has one axis more, of length 1 and on the right, give or take it.

    Example:
        >>> a, b = match_ranks(as_tensor([1.0, 2.0]), as_tensor([[1.0], [2.0]]))
        >>> a.shape, b.shape
        ((2, 1), (2, 1))
    """
    if a.ndim == b.ndim + 1 and a.shape[-1] == 1:
        return (a, b.reshape(*b.shape, 1)) if b.ndim == 1 else (a.reshape(a.shape[:-1]), b)
    if b.ndim == a.ndim + 1 and b.shape[-1] == 1:
        b, a = match_ranks(b, a)
    return a, b


def like_each_other(y_true: Any, y_pred: Any) -> tuple[Tensor, Tensor]:
    """Targets and predictions of one shape, in the predictions' dtype.

    Raises:
        ShapeError: the shapes differ by more than an axis of length 1.
    """
    pred = as_tensor(y_pred)
    true, pred = match_ranks(as_tensor(y_true).cast(pred.dtype), pred)
    require_same_shape(true, pred)
    return true, pred


def require_same_shape(true: HasShape, pred: HasShape, hint: str = "") -> None:
    """Targets and predictions are compared element by element.

    Raises:
        ShapeError: their shapes differ.
    """
    if true.shape != pred.shape:
        raise ShapeError(
            f"Targets and predictions must have one shape. Got y_true of shape {true.shape} and "
            f"y_pred of shape {pred.shape}{hint}."
        )


def classes_last(x: Tensor, axis: int) -> Tensor:
    """The same numbers with the axis of the classes moved to the end.

    Raises:
        ArgumentError: there is no such axis.

    Example:
        >>> classes_last(as_tensor(np.zeros((2, 3, 4))), axis=1).shape
        (2, 4, 3)
    """
    (place,) = normalize_axes(axis, x.ndim)
    others = [other for other in range(x.ndim) if other != place]
    return x if place == x.ndim - 1 else transpose(x, [*others, place])


def labels_of(y_true: Tensor, y_pred: Tensor, ignored: int | None = None) -> Tensor:
    """Integer labels of shape (…), given as (…) or (…, 1), for predictions (…, classes).

    Args:
        y_true: the labels.
        y_pred: the predictions.
        ignored: a label that is no class and counts for nothing.

    Raises:
        ShapeError: the shapes do not fit.
        DataError: a label that is known already is no class.
    """
    labels = y_true
    if labels.ndim == y_pred.ndim and labels.shape[-1:] == (1,):
        labels = labels.reshape(labels.shape[:-1])
    if labels.shape != y_pred.shape[:-1] or not y_pred.shape:
        hint = (
            "; for targets as vectors use the categorical form instead of the sparse one"
            if y_true.shape == y_pred.shape
            else ""
        )
        raise ShapeError(
            f"Predictions of shape {y_pred.shape} want one label each, of shape "
            f"{y_pred.shape[:-1]}. Got y_true of shape {y_true.shape}{hint}."
        )
    checked_labels(y_true, y_pred.shape[-1], ignored)
    return labels


def checked_labels(labels: Tensor, classes: int, ignored: int | None = None) -> Tensor:
    """Labels; those that are known when the graph is built are checked then.

    Raises:
        DataError: one is no class.
    """
    if isinstance(labels.node.operation, Constant):
        values = labels.node.operation.value
        known = values if ignored is None else values[values != ignored]
        wrong = known[~((known >= 0) & (known < classes) & (known == np.floor(known)))]
        if wrong.size:
            raise DataError(f"Labels must be whole numbers in [0, {classes}). Got {wrong.flat[0]}.")
    return labels


def warn_of_single_class(pred: HasShape) -> None:
    """A cross-entropy over one class has nothing to learn from."""
    if pred.shape[-1:] == (1,):
        warnings.warn(
            f"A cross-entropy over one class is constant: y_pred has shape {pred.shape}. "
            "For yes or no use one output with a sigmoid and binary_crossentropy, or two with a "
            "softmax.",
            stacklevel=3,
        )
