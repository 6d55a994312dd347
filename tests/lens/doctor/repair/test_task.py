"""What targets ask for, and how well predictions answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.lens.doctor.repair.task import Task

LABELS = np.arange(60) % 3
ONE_HOT = np.eye(3, dtype="float32")[LABELS]
YES = (LABELS == 0).astype("float32")
NUMBERS = np.linspace(-3, 5, 60).astype("float32")


@pytest.mark.parametrize(
    "y, loss, kind, classes",
    [
        (LABELS, "mean_squared_error", "classes", 3),
        (LABELS + 1, "sparse_categorical_crossentropy", "classes", 4),
        (LABELS.astype("float32"), "sparse_categorical_crossentropy", "classes", 3),
        (LABELS.astype("float32"), "mean_squared_error", "real", 0),
        (LABELS.reshape(20, 3), "sparse_categorical_crossentropy", "classes", 3),
        (ONE_HOT, "categorical_crossentropy", "one_hot", 3),
        (YES, "binary_crossentropy", "binary", 2),
        (YES.astype(int), "sparse_categorical_crossentropy", "classes", 2),
        (YES[:, None] > 0, "mean_squared_error", "binary", 2),
        (NUMBERS, "mean_squared_error", "real", 0),
        (np.arange(60), "mean_squared_error", "real", 0),
        (LABELS - 1, "mean_squared_error", "real", 0),
        ([LABELS, NUMBERS], "mean_squared_error", "other", 0),
    ],
)
def test_what_targets_ask_for(y: Any, loss: str, kind: str, classes: int) -> None:
    found = Task.of(y, loss)
    assert (found.kind, found.classes) == (kind, classes)


def perfect(y: Any) -> Any:
    return {"classes": ONE_HOT, "one_hot": ONE_HOT, "binary": YES[:, None]}.get(
        Task.of(y).kind, NUMBERS[:, None]
    )


@pytest.mark.parametrize("y", [LABELS, ONE_HOT, YES, NUMBERS], ids=["n", "1", "b", "r"])
def test_the_ends_of_the_scale(y: Any) -> None:
    task = Task.of(y, "loss")
    best = task.grade(perfect(y), y)
    assert best.value == pytest.approx(1, abs=1e-3)
    assert best.measure == pytest.approx(1)
    constant = np.broadcast_to(perfect(y).mean(axis=0), perfect(y).shape)
    assert task.grade(constant, y).value == pytest.approx(0, abs=0.02)
    failed = task.grade(np.full(perfect(y).shape, np.nan), y)
    assert failed.value == -1
    assert np.isnan(failed.measure)


@pytest.mark.parametrize("y", [LABELS, ONE_HOT, YES], ids=["n", "1", "b"])
def test_logits_are_no_probabilities(y: Any) -> None:
    task, logits = Task.of(y, "loss"), 8 * perfect(y) - 4
    assert task.grade(logits, y, from_logits=True).value == pytest.approx(1, abs=0.05)


def test_confidence_tells_equal_answers_apart() -> None:
    sure, unsure = 0.9 * ONE_HOT + 0.1 / 3, 0.4 * ONE_HOT + 0.2
    task = Task.of(LABELS)
    assert task.grade(sure, LABELS).measure == task.grade(unsure, LABELS).measure
    assert task.grade(sure, LABELS).value > task.grade(unsure, LABELS).value


def test_numbers_of_classes_are_answers_too() -> None:
    found = Task.of(LABELS, "mse").grade(LABELS[:, None] + 0.3, LABELS)
    assert (found.name, found.measure) == ("accuracy", 1.0)


def test_columns_of_yes_and_no() -> None:
    y = np.stack([YES, 1 - YES, np.ones(60)], axis=1)
    task = Task.of(y, "binary_crossentropy")
    assert task.kind == "binary"
    assert task.grade(y, y).measure == 1
    assert task.grade(1 - y, y).measure == 0


def test_predictions_of_another_size() -> None:
    assert Task.of(NUMBERS).grade(np.zeros((60, 2)), NUMBERS).value == -1
