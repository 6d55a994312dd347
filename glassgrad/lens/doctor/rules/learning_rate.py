"""Steps that are too large or too small for what they change."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.finding import Evidence, Finding
from glassgrad.lens.doctor.harm import Harm
from glassgrad.lens.doctor.rules.gradients import exploding_gradient, vanishing_gradient
from glassgrad.lens.doctor.rules.units import dead_units, saturated_units
from glassgrad.lens.doctor.thresholds import (
    GROWTH,
    JUMP,
    RESTS_HIGH,
    STRAIGHT,
    TRAVELLED,
    UPDATE_LARGE,
    UPDATE_SLOW,
    UPDATE_TOO_LARGE,
    UPDATE_TOO_SMALL,
    UPDATE_USUAL,
)
from glassgrad.lens.doctor.view import View

__all__ = ["learning_rate_too_high", "learning_rate_too_low"]

FIRST_STEPS = 20
"""In which steps too high a rate shows even without damage; later on weights may have shrunk."""

LAST_STEPS = 5
"""In which steps before the first number that is none a rate shows that has brought it about."""

SPIKES = 2
"""How many of the largest steps are forgiven: one spike is no fault."""

MANY_TIMES = 10  # from here on nobody reads percentages

#: What a probe sees of layers that large steps have spoilt.
SEEN_IN_LAYERS = (exploding_gradient, vanishing_gradient, saturated_units, dead_units)


def learning_rate_too_high(view: View, harm: Harm) -> Iterator[Finding]:
    """Updates as large as the weights, and a loss that suffers from them."""
    if not (harm or rests_high(view)) or not len(view.update_ratios):
        return
    damage = damage_of(view, harm)
    if damage is None and not harm:
        return
    ratios = view.update_ratios if damage else view.update_ratios[:FIRST_STEPS]
    largest = np.sort(ratios)[::-1]
    telling = float(largest[min(SPIKES // view.course.stride, len(largest) - 1)])
    if telling <= UPDATE_TOO_LARGE and (telling <= UPDATE_LARGE or damage is None):
        return
    above = np.nan_to_num(view.course.update_ratio, nan=0.0) >= telling
    began = int(view.course.steps[int(np.argmax(above))]) + 1
    yield Finding(
        "learning_rate_too_high",
        f"A step changes the weights by {written(telling)} their size; about 0.1% is healthy. "
        f"{consequence(harm)}",
        (
            Evidence(UPDATE_TOO_LARGE.measured, telling, UPDATE_TOO_LARGE, ">", began)
            if telling > UPDATE_TOO_LARGE
            else Evidence(UPDATE_LARGE.measured, telling, UPDATE_LARGE, ">", began),
            *(() if damage is None else (damage,)),
        ),
        (
            remedies.another_learning_rate(0.1 if telling < 1 else 0.01),
            remedies.warm_up(),
            remedies.clipping(),
        ),
        None,
        began,
        0.9 if damage is not None else 0.6,
    )


def damage_of(view: View, harm: Harm) -> Evidence | None:
    """What steps alone can have done.

    That is a number that is none right after large steps, a loss far above where it began,
    weights blown up, or layers that were sound before the first step and are so no more.
    """
    before_end = view.update_ratios[-LAST_STEPS:]
    if not view.is_finite and len(before_end) and before_end.max() > UPDATE_TOO_LARGE:
        largest = float(before_end.max())
        return Evidence(UPDATE_TOO_LARGE.measured, largest, UPDATE_TOO_LARGE, ">")
    if view.start is not None and len(view.early_checks):
        begin, highest = max(view.start, view.baseline or 0.0), float(view.early_checks.max())
        if begin > 0 and highest > JUMP * begin:
            return Evidence(JUMP.measured, highest / begin, JUMP, ">")
    if view.first and view.growth > GROWTH:
        return Evidence(GROWTH.measured, view.growth, GROWTH, ">")
    seen = (finding for rule in SEEN_IN_LAYERS for finding in rule(view, harm) if finding.began)
    return next((finding.evidence[0] for finding in seen), None)


def rests_high(view: View) -> bool:
    """Whether a finished training has come to rest far from 0, whatever else can be reached."""
    return view.case.ended and view.is_flat and (view.remaining or 0.0) > RESTS_HIGH


def written(ratio: float) -> str:
    """A share as percentage, what is many times as large as a factor."""
    return f"{ratio:.0%} of" if ratio < MANY_TIMES else f"{ratio:.3g} times"


def consequence(harm: Harm) -> str:
    """What became of the loss, as a sentence."""
    return {
        Harm.RUNAWAY: "The loss runs away.",
        Harm.NOTHING: "The loss is no better than that of a constant prediction.",
        Harm.POOR: "The loss stays far above what it could be.",
        Harm.NONE: "The loss comes to rest where it should not.",
    }[harm]


def learning_rate_too_low(view: View, harm: Harm) -> Iterator[Finding]:
    """Weights that have hardly moved at the end of training, and a loss still on its way."""
    ratios = view.update_ratios
    if not view.case.ended or Harm.RUNAWAY is harm or not harm or not len(ratios):
        return
    travelled = view.travelled
    if ratios.any():
        ratios = ratios[ratios > 0]  # in between, gradients may have been collected
    usual = float(np.median(ratios))
    at_last = float(np.median(ratios[len(ratios) // 2 :]))
    has_run_out = view.facts.has_schedule and at_last < UPDATE_TOO_SMALL
    is_slow = usual < UPDATE_SLOW and ratios.max() < UPDATE_LARGE and is_straight(view)
    has_hardly_moved = travelled < TRAVELLED and usual < UPDATE_USUAL
    is_always_small = np.quantile(ratios, 0.9) < UPDATE_TOO_SMALL or has_hardly_moved
    if not (is_always_small or has_run_out or is_slow):
        return
    cause = (
        f"A step changes the weights by {usual:.1e} of their size, and all {view.steps} steps "
        f"together by at most {travelled:.2g} of it"
        if is_always_small or not has_run_out
        else "The schedule has run out: in the second half of training a step changes the weights "
        f"by {at_last:.1e} of their size"
    )
    factor = 100.0 if travelled < TRAVELLED / 30 else 10.0
    yield Finding(
        "learning_rate_too_low",
        f"{cause}: training ends before it has got anywhere.",
        (
            smallness_of(min(usual, at_last), travelled),
            Evidence("loss now over that of a constant prediction", view.remaining or 0.0),
        ),
        (
            remedies.another_learning_rate(factor),
            remedies.another_optimizer("adam"),
            remedies.longer_training(),
        ),
        None,
        0,
        0.85,
    )


def smallness_of(step: float, travelled: float) -> Evidence:
    """What tells that steps are small: one of them, or else all of them together."""
    bound = UPDATE_TOO_SMALL if step < UPDATE_TOO_SMALL else UPDATE_SLOW
    if step < bound:
        return Evidence(bound.measured, step, bound, "<")
    return Evidence(TRAVELLED.measured, travelled, TRAVELLED, "<")


def is_straight(view: View) -> bool:
    """Whether the loss falls in the last third as it did in the one before."""
    before, after = view.falls
    return after > STRAIGHT * before > 0
