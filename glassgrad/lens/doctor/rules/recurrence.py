"""Gradients that die or grow over the time steps of a recurrent layer."""

from __future__ import annotations

import math
from collections.abc import Iterator

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.case import RecurrenceReading
from glassgrad.lens.doctor.finding import Evidence, Finding
from glassgrad.lens.doctor.harm import Harm
from glassgrad.lens.doctor.thresholds import (
    GATED_VANISHING,
    RECURRENT_EXPLODING,
    RECURRENT_VANISHING,
)
from glassgrad.lens.doctor.view import View

__all__ = ["recurrent_gradient"]

GATED = frozenset({"LSTM", "GRU", "LSTMCell", "GRUCell"})
"""Layers in which dL/dh dies at first although they learn well: their gates open in training."""


def recurrent_gradient(view: View, harm: Harm) -> Iterator[Finding]:
    """The first time steps hear too little or too much of the loss."""
    if not harm:
        return
    for reading in view.case.readings:
        for recurrence in reading.recurrences:
            ratio = ratio_of(recurrence)
            layer = view.facts.layer(recurrence.layer)
            is_gated = layer is not None and layer.kind in GATED
            vanishing = GATED_VANISHING if is_gated else RECURRENT_VANISHING
            if ratio is None or vanishing <= ratio <= RECURRENT_EXPLODING:
                continue
            yield finding_of(recurrence, ratio, reading.step, is_gated)
            return


def ratio_of(recurrence: RecurrenceReading) -> float | None:
    """RMS of dL/dh, first time step over last; ``None`` where it cannot be told."""
    first, last = recurrence.gradient_rms[0], recurrence.gradient_rms[-1]
    if not 0 < last < math.inf:
        return None
    return math.inf if math.isnan(first) else first / last  # infinity times 0 on the way back


def finding_of(recurrence: RecurrenceReading, ratio: float, step: int, is_gated: bool) -> Finding:
    """What is said of a recurrent layer."""
    dies = ratio < RECURRENT_VANISHING
    vanishing = GATED_VANISHING if is_gated else RECURRENT_VANISHING
    bound = vanishing if dies else RECURRENT_EXPLODING
    another = () if is_gated else (remedies.another_recurrent_layer(recurrence.layer),)
    orthogonal = remedies.another_initializer("orthogonal", recurrence.layer)
    return Finding(
        "recurrent_gradient",
        cause_of(recurrence, ratio),
        (
            Evidence(bound.measured, ratio, bound, "<" if dies else ">", step),
            *factor_of(recurrence, step),
        ),
        (*another, orthogonal, remedies.clipping())
        if dies
        else (orthogonal, remedies.clipping(), *another),
        recurrence.layer,
        step,
        0.5 if is_gated and dies else 0.85,
    )


def cause_of(recurrence: RecurrenceReading, ratio: float) -> str:
    """What the steps make of the gradient, as a sentence."""
    steps = len(recurrence.gradient_rms)
    if math.isinf(ratio):
        return (
            f"Over {steps} time steps of {recurrence.layer} the gradient grows beyond all numbers."
        )
    return (
        f"One time step of {recurrence.layer} multiplies the gradient by {recurrence.factor:.3g}, "
        f"so that over {steps} steps it {'dies' if ratio < 1 else 'grows'} to {ratio:.1e} of its "
        "size."
    )


def factor_of(recurrence: RecurrenceReading, step: int) -> Iterator[Evidence]:
    """By what a time step multiplies the gradient, if that is a number."""
    if math.isfinite(recurrence.factor):
        yield Evidence("factor of the gradient for a time step", recurrence.factor, step=step)
