"""How good a network is on examples that it has not seen, in numbers that a person can judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.graph.operation import Array
from glassgrad.models import Model
from glassgrad.preprocessing import Preprocessing
from glassgrad.preprocessing.targets import ClassTarget, NumberTarget

__all__ = ["EVALUATION_BATCH", "class_scores", "score_rows", "scores_of"]

EVALUATION_BATCH = 250
MOST_CLASSES_OF_A_MATRIX = 20
RECALLS_SHOWN = 12

_SHOWN = {
    "test_accuracy": "{:.2%}".format,
    "test_r2": "{:.4f}".format,
    "test_mean_absolute_error": "{:.6g}".format,
    "test_loss": "{:.4f}".format,
}
_WITH_OTHERS = ("test_commonest_class", "test_commonest_share", "test_confusion")
_TOLD = frozenset((*_SHOWN, "test_recall", *_WITH_OTHERS))


def scores_of(model: Model, x: Array, y: Array) -> dict[str, Any]:
    """Loss and metrics, and what they come to in classes or in the target's own unit.

    Args:
        model: Compiled.
        x: Inputs for testing.
        y: Their labels or targets.

    Returns:
        The scores, each name with "test_" before it.
    """
    found: dict[str, Any] = model.evaluate(x, y, EVALUATION_BATCH, verbose=0, return_dict=True)
    target = model.preprocessing.target if isinstance(model.preprocessing, Preprocessing) else None
    if isinstance(target, NumberTarget):
        found |= target.scores(y, model.predict(x, EVALUATION_BATCH, verbose=0))
    elif "accuracy" in found and y.dtype.kind in "iu":
        names = target.classes if isinstance(target, ClassTarget) else None
        found |= class_scores(model.predict(x, EVALUATION_BATCH, verbose=0), y, names)
    return {f"test_{name}": value for name, value in found.items()}


def class_scores(
    outputs: Array, labels: Array, names: Sequence[str] | None = None
) -> dict[str, Any]:
    """What accuracy alone does not say where one class is much more common than another.

    The recall of a class is the share of its examples that are told to be of it.

    Args:
        outputs: Those of the network, (examples, classes).
        labels: The classes, (examples,) or (examples, 1), from 0 on.
        names: What they are called; by default their numbers.

    Returns:
        The commonest class and its share, which is the accuracy of always telling it; the recall
        of each class, None where there is no example of it; and, for 20 classes at the most, the
        confusion matrix: a row for each class, a column for each class that was told.

    Examples:
        >>> found = class_scores(np.eye(2)[[0, 0, 0, 1]], np.array([0, 0, 1, 1]), ["no", "yes"])
        >>> found["commonest_class"], found["commonest_share"]
        ('no', 0.5)
        >>> found["recall"], found["confusion"]
        ({'no': 1.0, 'yes': 0.5}, [[2, 0], [1, 1]])
    """
    classes = outputs.shape[-1]
    flat = labels.reshape(-1)
    if outputs.ndim != 2 or classes < 2 or len(flat) != len(outputs):
        return {}  # one output for two classes, or labels that are vectors
    known = names or list(map(str, range(classes)))
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (flat, outputs.argmax(axis=1)), 1)
    examples, right = matrix.sum(axis=1), matrix.diagonal()
    commonest = int(examples.argmax())
    recall = [int(r) / int(n) if n else None for r, n in zip(right, examples, strict=True)]
    return {
        "commonest_class": known[commonest],
        "commonest_share": int(examples[commonest]) / len(flat),
        "recall": dict(zip(known, recall, strict=True)),
        **({"confusion": matrix.tolist()} if classes <= MOST_CLASSES_OF_A_MATRIX else {}),
    }


def score_rows(scores: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The scores as a person reads them, each with its name; the loss last.

    Args:
        scores: As `scores_of` gives them, with whatever else there is.

    Examples:
        >>> score_rows({"test_loss": 0.5, "test_r2": 0.75, "test_mean_absolute_error": 12.0})
        [('test r2', '0.7500'), ('test mean absolute error', '12'), ('test loss (standardised ...
    """
    first = [name for name in (*_SHOWN, "test_recall") if name in scores and name != "test_loss"]
    others = sorted(name for name in scores if name.startswith("test_") and name not in _TOLD)
    named = [*first, *others, *(["test_loss"] if "test_loss" in scores else [])]
    return [(_title(name, scores), _told(name, scores)) for name in named]


def _title(name: str, scores: Mapping[str, Any]) -> str:
    if name == "test_loss" and "test_mean_absolute_error" in scores:
        return "test loss (standardised target)"
    return {"test_recall": "recall of each class"}.get(name, name.replace("_", " "))


def _told(name: str, scores: Mapping[str, Any]) -> str:
    if name == "test_recall":
        return _recalls(scores[name])
    shown = _SHOWN.get(name, "{:.4f}".format)(scores[name])
    if name == "test_accuracy" and "test_commonest_share" in scores:
        commonest, share = scores["test_commonest_class"], scores["test_commonest_share"]
        return f"{shown} (always {commonest!r} would be right in {share:.2%})"
    return shown


def _recalls(recall: Mapping[str, float | None]) -> str:
    """Those of all classes, or the lowest where there are many."""
    told = [(name, value) for name, value in recall.items() if value is not None]
    absent = [name for name, value in recall.items() if value is None]
    if len(told) > RECALLS_SHOWN:
        told = sorted(told, key=lambda pair: pair[1])[:RECALLS_SHOWN]
    shown = ", ".join(f"{name}: {value:.1%}" for name, value in told)
    if len(told) + len(absent) < len(recall):
        shown = f"the lowest: {shown}"
    none = f"; no example of {', '.join(absent[:RECALLS_SHOWN])}" if absent else ""
    return shown + none
