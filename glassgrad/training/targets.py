"""Targets checked against the loss and the model's output, before the first step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from glassgrad import losses
from glassgrad.errors import ArgumentError, DataError, DtypeError
from glassgrad.graph.operation import Array
from glassgrad.losses import Loss, LossFunctionWrapper
from glassgrad.training.data import ArrayData

__all__ = ["checked_targets", "with_class_weights"]

_LABELS = (losses.SparseCategoricalCrossentropy, losses.sparse_categorical_crossentropy)
_PROBABILITIES = (
    losses.BinaryCrossentropy,
    losses.binary_crossentropy,
    losses.CategoricalCrossentropy,
    losses.categorical_crossentropy,
)


def checked_targets(data: ArrayData, loss: Loss, output_shape: tuple[int, ...]) -> ArrayData:
    """Make sure that every target means something to the loss.

    Args:
        data: inputs and targets.
        loss: what they will be compared by.
        output_shape: of the model's output for one batch.

    Raises:
        DataError: there are no targets, labels are no classes of the model, or probabilities
            are outside [0, 1].
        DtypeError: labels are no whole numbers.
    """
    if data.y is None:
        raise DataError("A loss compares predictions with targets: pass y. Got x alone.")
    kind = loss.fn if isinstance(loss, LossFunctionWrapper) else type(loss)
    if kind in _LABELS:
        return replace(data, y=_checked_labels(data.y, output_shape[-1]))
    if kind in _PROBABILITIES:
        _require_probabilities(data.y)
    return data


def with_class_weights(data: ArrayData, class_weight: Any) -> ArrayData:
    """Let each example count by its class; classes that are not named count 1.

    Args:
        data: with labels (n,) or (n, 1), or vectors (n, classes) that are largest at the class.
        class_weight: factors by class.

    Raises:
        ArgumentError: the examples have weights of their own, a label is no integer, or a factor
            is negative or no number.
        DataError: there are no targets.
    """
    if data.weights is not None:
        raise ArgumentError(
            "class_weight and sample_weight cannot be given together. Multiply them, and pass "
            "sample_weight alone."
        )
    if data.y is None:
        raise DataError("class_weight needs targets: pass y. Got x alone.")
    if not isinstance(class_weight, Mapping):
        raise ArgumentError(
            f"class_weight must be a dictionary, such as {{0: 1.0, 1: 5.0}}. Got {class_weight!r}."
        )
    classes = data.y.argmax(-1) if data.y.ndim > 1 and data.y.shape[-1] > 1 else data.y
    weights = np.ones(classes.size, data.x.dtype if data.x.dtype.kind == "f" else np.float32)
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


def _checked_labels(y: Array, classes: int) -> Array:
    labels = y
    if y.dtype.kind == "f":
        labels = y.astype(np.int32)
        if (labels != y).any():
            wrong = y[labels != y].flat[0]
            raise DtypeError(
                f"Sparse labels must be whole numbers. Got {wrong}; for targets as "
                "vectors use categorical_crossentropy."
            )
    lowest, highest = int(labels.min()), int(labels.max())
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


def _require_probabilities(y: Array) -> None:
    lowest, highest = float(y.min()), float(y.max())
    if lowest < 0 or highest > 1:
        raise DataError(
            f"Targets of a cross-entropy must lie in [0, 1]. Got {lowest:g} to {highest:g}; for "
            "integer labels of several classes use sparse_categorical_crossentropy."
        )
