"""What the targets ask for, and how well predictions answer: the same for every loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.graph.operation import Array
from glassgrad.graph.trees import leaves_of

__all__ = ["Grade", "Task"]

MOST_CLASSES = 200  # more whole numbers than these are counts, not classes
LEAST_OF_A_CLASS = 4  # examples for each class on average
WORST = -1.0  # what nothing is worse than
SHARE_OF_CONFIDENCE = 0.3  # of a grade; the rest is that of right answers


@dataclass(frozen=True)
class Grade:
    """How well predictions answer.

    Args:
        value: to compare by: 1 is perfect, 0 as good as the best constant answer.
        name: of the number that is shown, "accuracy" or "R²".
        measure: that number.
    """

    value: float
    name: str
    measure: float


@dataclass(frozen=True)
class Task:
    """What the targets ask for.

    Args:
        kind: "classes" (whole numbers), "one_hot", "binary" (0 and 1, in one column or several),
            "real" or "other".
        classes: how many there are, where there are classes.
        columns: the length of the last axis, 1 without one.
        deviation: of real targets.
        mean: of real targets.
    """

    kind: str
    classes: int = 0
    columns: int = 1
    deviation: float = 1.0
    mean: float = 0.0

    @classmethod
    def of(cls, y: Any, loss: str = "") -> Task:
        """What targets ask for, by what they are; the loss says it where that is open."""
        leaves = leaves_of(y)
        if len(leaves) != 1:
            return cls("other")
        array = np.asarray(leaves[0])
        columns = array.shape[-1] if array.ndim > 1 else 1
        if is_of(array, (0, 1)):
            if columns > 1 and (array.sum(-1) == 1).all():
                return cls("one_hot", columns, columns)
            if not loss.startswith("sparse"):
                return cls("binary", 2, columns)
        if _are_classes(array, loss):
            return cls("classes", int(array.max()) + 1, columns)
        deviations = array.reshape(len(array), -1).std(axis=0)
        return cls("real", 0, columns, float(deviations.mean()), float(array.mean()))

    @property
    def is_of_classes(self) -> bool:
        """Whether an answer is right or wrong."""
        return self.kind in ("classes", "one_hot", "binary")

    def grade(self, predicted: Any, target: Any, from_logits: bool = False) -> Grade:
        """How well predictions answer.

        Args:
            predicted: the outputs of a network.
            target: what they should be.
            from_logits: whether the loss takes the outputs as logits.
        """
        leaves = leaves_of(predicted)
        name = "accuracy" if self.is_of_classes else "R²"
        array = np.asarray(leaves[0], np.float64)
        truth = np.asarray(leaves_of(target)[0])
        if len(leaves) != 1 or not np.isfinite(array).all():
            return Grade(WORST, name, float("nan"))
        if not self.is_of_classes:
            return self._grade_of_numbers(array, truth)
        labels = truth.argmax(-1) if self.kind == "one_hot" else truth
        if self.kind == "binary" and array.shape[-1] == self.columns > 1:
            answers, labels = (array > (0 if from_logits else 0.5)), labels > 0
        else:
            labels = labels.reshape(array.shape[:-1]).astype(int)
            answers = self._answers(array, from_logits)
        right = float((answers == labels).mean())
        chance = float(np.unique(labels, return_counts=True)[1].max() / labels.size)
        skill = (right - chance) / max(1 - chance, 1 / labels.size)
        confidence = self._confidence(array, labels, from_logits)
        value = skill if confidence is None else skill + SHARE_OF_CONFIDENCE * (confidence - skill)
        return Grade(max(value, WORST), name, right)

    def _grade_of_numbers(self, array: Array, truth: Array) -> Grade:
        truth = truth.astype(np.float64)
        if array.size != truth.size:
            return Grade(WORST, "R²", float("nan"))
        errors = np.mean((array.reshape(truth.shape) - truth) ** 2)
        spread = np.mean(truth.var(axis=0))
        found = float(1 - errors / spread) if spread > 0 else 0.0
        return Grade(max(found, WORST), "R²", found)

    def _answers(self, array: Array, from_logits: bool) -> Array:
        """The class that each prediction means."""
        one = array[..., 0] > 0 if from_logits else np.rint(array[..., 0])
        answers: Array = array.argmax(-1) if array.shape[-1] > 1 else one.astype(int)
        return answers

    def _confidence(self, array: Array, labels: Array, from_logits: bool) -> float | None:
        """1 - cross-entropy over that of the best constant answer; ``None`` without probabilities.

        It tells networks apart that give the same answers, before accuracy does.
        """
        chances = probabilities(array, from_logits)
        if chances is None or (labels >= chances.shape[-1]).any() or labels.ndim >= array.ndim:
            return None
        surprise = -np.log(np.take_along_axis(chances, labels[..., None].astype(int), -1)).mean()
        shares = np.unique(labels, return_counts=True)[1] / labels.size
        trivial = -(shares * np.log(shares)).sum()
        return max(float(1 - surprise / trivial), WORST) if trivial > 0 else None


def probabilities(array: Array, from_logits: bool) -> Array | None:
    """Outputs as probabilities of classes along the last axis, at least 1e-7."""
    if array.shape[-1] == 1:
        one = 1 / (1 + np.exp(-np.clip(array, -40, 40))) if from_logits else array
        array = np.concatenate([1 - one, one], axis=-1)
    elif from_logits:
        array = np.exp(array - array.max(-1, keepdims=True))
        array = array / array.sum(-1, keepdims=True)
    is_sound = (array >= -1e-6).all() and np.allclose(array.sum(-1), 1, atol=1e-3)
    chances: Array = np.clip(array, 1e-7, 1)
    return chances if is_sound else None


def is_of(array: Array, numbers: tuple[int, ...]) -> bool:
    """Whether an array holds these numbers and no others."""
    return bool(np.isin(array, numbers).all()) and len(np.unique(array)) == len(numbers)


def _are_classes(array: Array, loss: str) -> bool:
    if array.dtype.kind == "f" and not (loss.startswith("sparse") and (array % 1 == 0).all()):
        return False
    if array.min() < 0 or (array.ndim > 1 and array.shape[-1] > 1 and not loss.startswith("sp")):
        return False
    kinds = len(np.unique(array))
    return kinds <= MOST_CLASSES and array.size >= LEAST_OF_A_CLASS * kinds
