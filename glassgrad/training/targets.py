"""Targets checked against the loss and the model's output, before the first step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from glassgrad import losses
from glassgrad.errors import ArgumentError, DataError, DtypeError
from glassgrad.graph.operation import Array, TensorSpec
from glassgrad.graph.trees import leaves_of
from glassgrad.losses import Loss
from glassgrad.training.data import ArrayData

__all__ = ["checked_targets", "with_class_weights"]


def checked_targets(data: ArrayData, loss: Loss, output_shape: tuple[int, ...]) -> ArrayData:
    """Make sure that every target means something to the loss.

    Args:
        data: inputs and targets.
        loss: what they will be compared by.
        output_shape: of the model's output for one batch.

    Raises:
        DataError: there are no targets, labels are no classes of the model, or numbers are none
            that the loss is made for: probabilities outside [0, 1], negative counts, margins of
            other targets than -1 and 1, or 0 and 1.
        DtypeError: labels are no whole numbers.
    """
    if data.y is None:
        raise DataError("A loss compares predictions with targets: pass y. Got x alone.")
    function = getattr(loss, "fn", None)
    if function is losses.crossentropy:
        function = losses.resolve_crossentropy(data.y, TensorSpec(output_shape, data.y.dtype))
    if function is losses.sparse_categorical_crossentropy:
        classes = output_shape[getattr(loss, "axis", -1)]
        return replace(
            data, y=_checked_labels(data.y, classes, getattr(loss, "ignore_class", None))
        )
    for known, require in _RULES:
        if function is known:
            require(data.y, loss.name)
    return data


def with_class_weights(data: ArrayData, class_weight: Any) -> ArrayData:
    """Let each example count by its class; classes that are not named count 1.

    Args:
        data: with labels (n,) or (n, 1), or vectors (n, classes) that are largest at the class.
        class_weight: factors by class.

    Raises:
        ArgumentError: the examples have weights of their own, there are targets of several
            outputs, a label is no integer, or a factor is negative or no number.
        DataError: there are no targets.
    """
    if data.weights is not None:
        raise ArgumentError(
            "class_weight and sample_weight cannot be given together. Multiply them, and pass "
            "sample_weight alone."
        )
    targets = leaves_of(data.y)
    if not targets:
        raise DataError("class_weight needs targets: pass y. Got x alone.")
    if len(targets) > 1:
        raise ArgumentError(
            f"class_weight is for models with one output. Got targets of {len(targets)}; pass "
            "sample_weight, with an entry for each output."
        )
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            f"class_weight must be a dictionary, such as {{0: 1.0, 1: 5.0}}. Got {class_weight!r}."
        )
    (y,) = targets
    classes = y.argmax(-1) if y.ndim > 1 and y.shape[-1] > 1 else y
    floats = (array.dtype for array in leaves_of(data.x) if array.dtype.kind == "f")
    weights = np.ones(classes.size, next(floats, np.dtype(np.float32)))
    for label, factor in class_weight.items():
        if isinstance(label, str) or not np.isscalar(label):
            raise ArgumentError(f"The keys of class_weight must be integer labels. Got {label!r}.")
        if (
            not isinstance(factor, int | float | np.integer | np.floating)
            or not 0 <= factor < np.inf
        ):
            raise ArgumentError(
                f"The weight of class {label!r} must be a number from 0. Got {factor!r}."
            )
        weights[classes.reshape(-1) == label] = factor
    return replace(data, weights=weights.reshape(classes.shape))


def _checked_labels(y: Array, classes: int, ignored: int | None) -> Array:
    labels = y
    if y.dtype.kind == "f":
        labels = y.astype(np.int32)
        if (labels != y).any():
            wrong = y[labels != y].flat[0]
            raise DtypeError(
                f"Sparse labels must be whole numbers. Got {wrong}; for targets as "
                "vectors use categorical_crossentropy."
            )
    counted = labels if ignored is None else labels[labels != ignored]
    if not counted.size:
        return labels
    lowest, highest = int(counted.min()), int(counted.max())
    if lowest < 0 or highest >= classes:
        wrong = lowest if lowest < 0 else highest
        row = int(np.argwhere(labels.reshape(len(labels), -1) == wrong)[0][0])
        raise DataError(
            f"Labels must lie in [0, {classes}), since the model has {classes} outputs. "
            f"Got {wrong}, first in row {row}{_hint(lowest, highest, classes)}."
        )
    return labels


def _hint(lowest: int, highest: int, classes: int) -> str:
    if classes == 1:
        return "; for yes or no use binary_crossentropy"
    return "; labels begin at 0, so subtract 1" if (lowest, highest) == (1, classes) else ""


def _require_probabilities(y: Array, loss: str) -> None:
    lowest, highest = float(y.min()), float(y.max())
    if lowest < 0 or highest > 1:
        raise DataError(
            f"Targets of {loss} must lie in [0, 1]. Got {lowest:g} to {highest:g}; for "
            "integer labels of several classes use sparse_categorical_crossentropy."
        )


def _require_no_negatives(y: Array, loss: str) -> None:
    if float(y.min()) < 0:
        raise DataError(
            f"Targets of {loss} must not be negative. Got {float(y.min()):g}; for numbers of both "
            "signs use mean_squared_error or huber."
        )


def _require_signs(y: Array, loss: str) -> None:
    found = np.unique(y)
    if not (np.isin(found, (-1, 1)).all() or np.isin(found, (0, 1)).all()):
        wrong = found[~np.isin(found, (-1, 1))][0]
        raise DataError(
            f"Targets of {loss} must be -1 and 1, or 0 and 1. Got {wrong:g}; for one class of "
            "several use categorical_hinge with targets as vectors."
        )


_RULES: tuple[tuple[Any, Callable[[Array, str], None]], ...] = (
    (losses.binary_crossentropy, _require_probabilities),
    (losses.categorical_crossentropy, _require_probabilities),
    (losses.kl_divergence, _require_probabilities),
    (losses.categorical_hinge, _require_probabilities),
    (losses.poisson, _require_no_negatives),
    (losses.mean_squared_logarithmic_error, _require_no_negatives),
    (losses.hinge, _require_signs),
    (losses.squared_hinge, _require_signs),
)
