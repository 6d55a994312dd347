"""What is known about a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from typing import Any, TypeAlias

__all__ = ["ENDED", "FAILED", "GONE", "INTERRUPTED", "RUNNING", "Metrics", "RunRecord", "now"]

RUNNING, ENDED, FAILED, INTERRUPTED = "running", "ended", "failed", "interrupted"
GONE = "folder gone"

Metrics: TypeAlias = Mapping[str, Mapping[int, float]]  # name -> epoch, from 0 -> value


def now() -> str:
    """The time of the world, to the second, as ISO 8601 writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True)
class RunRecord:
    """A run: what was asked for, how far it has come, and what it has measured.

    Args:
        name: of its folder.
        folder: where it is; a path.
        status: "running", "ended", "failed", "interrupted", or "folder gone".
        config: what decides it, as its ``config.json`` says.
        begun: when, in ISO 8601.
        ended: when it ended, failed or was interrupted; ``None`` as long as it has not.
        seconds: of training.
        result: what it has come to in the end.
        findings: what the doctor found, each as plain data; ``None`` where no doctor looked on.
        version: of glassgrad, when it began.
        metrics: for each name the value of each epoch, from 0.

    Example:
        >>> run = RunRecord("a", "runs/a", "ended", metrics={"val_loss": {0: 0.5, 1: 0.25, 2: 0.3}})
        >>> run.epochs, run.last("val_loss"), run.best("val_loss")
        (3, 0.3, (1, 0.25))
    """

    name: str
    folder: str
    status: str
    config: Mapping[str, Any] = field(default_factory=dict)
    begun: str | None = None
    ended: str | None = None
    seconds: float | None = None
    result: Mapping[str, Any] | None = None
    findings: Sequence[Mapping[str, Any]] | None = None
    version: str = ""
    metrics: Metrics = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """How many epochs it has come through."""
        return 1 + max((epoch for values in self.metrics.values() for epoch in values), default=-1)

    def last(self, metric: str) -> float | None:
        """The value of the last epoch that has one."""
        values = self.metrics.get(metric, {})
        return values[max(values)] if values else None

    def best(self, metric: str) -> tuple[int, float] | None:
        """The epoch, from 0, and the value of the best one; less is better, but for scores."""
        values = [(epoch, v) for epoch, v in self.metrics.get(metric, {}).items() if isfinite(v)]
        choose = max if is_score(metric) else min
        return choose(values, key=lambda pair: pair[1]) if values else None


def is_score(metric: str) -> bool:
    """Whether more of a metric is better, by its name."""
    scores = ("acc", "auc", "precision", "recall", "f1", "iou", "r2", "similarity")
    return any(score in metric.lower() for score in scores)
