"""What targets are like: classes, vectors, yes and no, or real numbers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from glassgrad.graph.operation import Array
from glassgrad.lens.doctor.case import DataFacts

__all__ = ["Targets", "ordering", "targets_like"]

FEW = 100
"""As many different whole numbers are taken for classes at most."""

PER_CLASS = 5
"""As many examples there are of a class on average, at least."""

FEWEST_CLASSES = 3
OFTEN, NEARLY_ALWAYS = 3.0, 0.9
"""How often the nearest mean is right, for once by chance; of few classes, as a share."""


@dataclass(frozen=True)
class Targets:
    """What the targets of an output are like; see ``DataFacts``."""

    kind: str
    range: tuple[float, float]
    class_counts: tuple[int, ...] | None = None

    def added_to(
        self, data: DataFacts, shape: tuple[int, ...], label_order: float | None = None
    ) -> DataFacts:
        """Facts about inputs with these about targets, which have a shape of one example."""
        return replace(
            data,
            target_kind=self.kind,
            target_shape=shape,
            target_range=self.range,
            class_counts=self.class_counts,
            label_order=label_order,
        )


def targets_like(y: Array, *, labels_of: int | None = None) -> Targets | None:
    """What some targets are like; ``None`` where they are not finite.

    Args:
        y: (examples, …).
        labels_of: of how many classes they are labels, where the loss says so.

    Example:
        >>> targets_like(np.array([0, 1, 1]), labels_of=3).class_counts
        (1, 2, 0)
        >>> targets_like(np.array([[0.5], [1.5]])).kind
        'real'
    """
    if not y.size or not np.isfinite(y).all():
        return None
    lowest, highest = float(y.min()), float(y.max())
    kind = "classes" if labels_of is not None else kind_of(y)
    return Targets(kind, (lowest, highest), _counts(y, kind, labels_of or 0))


def kind_of(y: Array) -> str:
    """What they are by the numbers alone: "one_hot", "binary", "classes" or "real"."""
    if (y != np.floor(y)).any():
        return "real"
    lowest, highest = float(y.min()), float(y.max())
    if lowest >= 0 and highest == 1:
        is_vector = y.ndim > 1 and y.shape[-1] > 1
        return "one_hot" if is_vector and (y.sum(axis=-1) == 1).all() else "binary"
    is_single = y.ndim == 1 or y.shape[1:] == (1,)
    return "classes" if is_single and _are_few(y, lowest, highest) else "real"


def _are_few(y: Array, lowest: float, highest: float) -> bool:
    """Whether they number something: from 0 or 1 on, without a gap, each often."""
    if lowest not in (0.0, 1.0) or not lowest < highest < FEW:
        return False
    counts = np.bincount(y.reshape(-1).astype(np.int64))[int(lowest) :]
    return bool(counts.all()) and y.size >= PER_CLASS * len(counts)


def _counts(y: Array, kind: str, classes: int) -> tuple[int, ...] | None:
    if kind == "real":
        return None
    if kind == "one_hot":
        counts = y.reshape(-1, y.shape[-1]).sum(axis=0)
    else:
        labels = y.reshape(-1).astype(np.int64)
        counts = np.bincount(labels[labels >= 0], minlength=classes)
    return tuple(int(count) for count in counts)


def ordering(x: Array, labels: Array) -> float | None:
    """Whether labels are in an order: how far means of classes go with their difference.

    The correlation of |i - j| with the distance of the mean inputs of classes i and j: near 1 for
    grades and counts, near 0 where the numbers are but names.

    Args:
        x: inputs, (examples, …).
        labels: whole numbers, (examples,).

    Returns:
        ``None`` where that cannot be told: there are fewer than three classes, or they are no
        clusters, whose nearest mean is the right one in three times as many examples as by
        chance, or in nine of ten.

    Example:
        >>> x = np.repeat(np.arange(5.0), 20)[:, None]
        >>> round(ordering(x, x[:, 0].astype(int)), 6)
        1.0
    """
    found, of = np.unique(labels, return_inverse=True)
    if len(found) < FEWEST_CLASSES:
        return None
    rows = x.reshape(len(x), -1).astype(np.float64)
    deviation = rows.std(axis=0)
    rows = (rows - rows.mean(axis=0))[:, deviation > 0] / deviation[deviation > 0]
    members = np.eye(len(found))[of]  # (examples, classes)
    means = members.T @ rows / members.sum(axis=0)[:, None]  # (classes, features)
    squares = np.square(means).sum(axis=1)
    nearest = (squares - 2 * rows @ means.T).argmin(axis=1)
    if np.mean(nearest == of) < min(OFTEN / len(found), NEARLY_ALWAYS):
        return None
    i, j = np.triu_indices(len(found), 1)
    distances = np.sqrt(np.square(means[i] - means[j]).sum(axis=1))
    if np.ptp(distances) == 0:
        return 0.0
    return float(np.corrcoef(np.abs(found[i] - found[j]), distances)[0, 1])
