"""Whether a training suffers: the gate that an alarm of gradients or activations has to pass.

What looks bad inside a network that learns well is no fault. Harm is read from the loss alone, and
only when so much of the planned training is over that a healthy network would have begun to learn.
"""

from __future__ import annotations

from enum import IntEnum

from glassgrad.lens.doctor.thresholds import (
    DIVERGED,
    FEWEST_STEPS,
    LEARNT_NOTHING,
    LEARNT_POORLY,
    LOST_AGAIN,
    PATIENCE,
    STILL_NOTHING,
)
from glassgrad.lens.doctor.view import View

__all__ = ["Harm", "harm_of"]


class Harm(IntEnum):
    """How much a training suffers."""

    NONE = 0
    #: It has learnt, and less than it could have.
    POOR = 1
    #: It is no better than the best constant prediction.
    NOTHING = 2
    #: It is worse than before the first step, has lost what it had learnt, or is not a number.
    RUNAWAY = 3


def harm_of(view: View) -> Harm:
    """How much the training suffers as far as it is known."""
    if not view.is_finite:
        return Harm.RUNAWAY
    if view.now is None or view.remaining is None or view.steps < FEWEST_STEPS:
        return Harm.NONE
    if not view.case.ended and view.share_done < PATIENCE:
        return Harm.NONE
    if view.start is not None and view.now > DIVERGED * max(view.start, view.baseline or 0.0):
        return Harm.RUNAWAY
    if view.lost > LOST_AGAIN:
        return Harm.RUNAWAY
    if view.remaining > STILL_NOTHING or (view.case.ended and has_learnt_nothing(view)):
        return Harm.NOTHING
    if view.case.ended and (view.excess or 0.0) > LEARNT_POORLY:
        return Harm.POOR
    return Harm.NONE


def has_learnt_nothing(view: View) -> bool:
    """Whether next to nothing of what can be learnt has been learnt, noise of the data aside."""
    remaining, excess = view.remaining or 0.0, view.excess or 0.0
    if view.is_learnable:
        return remaining > LEARNT_NOTHING and excess > LEARNT_NOTHING
    return remaining > LEARNT_NOTHING
