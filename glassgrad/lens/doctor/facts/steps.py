"""By which steps a model learns: its optimizer, as far as it is known before the first one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassgrad.errors import GlassgradError
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import as_tensor
from glassgrad.optimizers import Optimizer
from glassgrad.optimizers.schedules import LearningRateSchedule

__all__ = ["Steps", "steps_of"]

PLANNED = 1_000  # as many steps of a schedule are looked at where nobody says how many come
LOOKED_AT = 200


@dataclass(frozen=True)
class Steps:
    """An optimizer; see ``Facts``."""

    optimizer: str
    learning_rate: float | None
    has_schedule: bool
    momentum: float
    clipping: float | None


def steps_of(optimizer: Optimizer, planned: int | None = None) -> Steps:
    """What is known of an optimizer.

    Args:
        optimizer: of a compiled model.
        planned: how many steps there will be.

    Example:
        >>> from glassgrad.optimizers import SGD
        >>> steps_of(SGD(0.1, momentum=0.9, global_clipnorm=1.0))
        Steps(optimizer='sgd', learning_rate=0.1, has_schedule=False, momentum=0.9, clipping=1.0)
    """
    schedule = optimizer.schedule
    rate = _now(optimizer) if schedule is None else _largest(schedule, planned or PLANNED)
    limits = (optimizer.global_clipnorm, optimizer.clipnorm, optimizer.clipvalue)
    return Steps(
        type(optimizer).__name__.lower(),
        rate,
        schedule is not None,
        float(getattr(optimizer, "momentum", 0.0)),
        next((limit for limit in limits if limit is not None), None),
    )


def _now(optimizer: Optimizer) -> float:
    rate = float(np.asarray(optimizer.learning_rate.numpy()))
    return float(f"{rate:.6g}")  # as it was written, before it became a float32


def _largest(schedule: LearningRateSchedule, steps: int) -> float | None:
    """The largest rate of the steps to come; ``None`` where a schedule takes one at a time."""
    at = np.unique(np.linspace(0, max(steps - 1, 0), LOOKED_AT).round())
    try:
        (rates,) = ReferenceExecutor().compile([as_tensor(schedule(at))])()
    except (GlassgradError, TypeError, ValueError):  # one of the user's own
        return None
    return float(rates.max())
