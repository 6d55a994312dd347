"""Targets checked against the loss and the model's output, before the first step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from glassgrad.errors import DataError, DtypeError
from glassgrad.graph.operation import Array
from glassgrad.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Loss,
    SparseCategoricalCrossentropy,
)
from glassgrad.training.data import ArrayData

__all__ = ["checked_targets"]


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
        raise DataError("Training needs targets: pass y. Got x alone.")
    if isinstance(loss, SparseCategoricalCrossentropy):
        return replace(data, y=_checked_labels(data.y, output_shape[-1]))
    if isinstance(loss, BinaryCrossentropy | CategoricalCrossentropy):
        _require_probabilities(data.y)
    return data


def _checked_labels(y: Array, classes: int) -> Array:
    labels = y
    if y.dtype.kind == "f":
        labels = y.astype(np.int32)
        if (labels != y).any():
            wrong = y[labels != y].flat[0]
            raise DtypeError(f"Sparse labels must be whole numbers. Got {wrong}; for targets as "
                             "vectors use categorical_crossentropy.")  # fmt: skip
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= classes:
        wrong = lowest if lowest < 0 else highest
        row = int(np.argwhere(labels.reshape(len(labels), -1) == wrong)[0][0])
        raise DataError(
            f"Labels must lie in [0, {classes}), for the model has {classes} outputs. "
            f"Got {wrong}, first in row {row}."
        )
    return labels


def _require_probabilities(y: Array) -> None:
    lowest, highest = float(y.min()), float(y.max())
    if lowest < 0 or highest > 1:
        raise DataError(
            f"Targets of a cross-entropy must lie in [0, 1]. Got {lowest:g} to {highest:g}; for "
            "integer labels of several classes use sparse_categorical_crossentropy."
        )
