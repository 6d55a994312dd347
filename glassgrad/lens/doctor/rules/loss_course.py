"""Losses that are no numbers, run away, swing, or stay where they began."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.bad_value import finding_of
from glassgrad.lens.doctor.finding import Evidence, Finding
from glassgrad.lens.doctor.harm import Harm
from glassgrad.lens.doctor.thresholds import (
    BY_HEART,
    DIRECTION_CHANGES,
    DIVERGED,
    LEARNT_NOTHING,
    NOT_DECREASING,
    ORDER_BY_HEART,
    UNLEARNABLE,
)
from glassgrad.lens.doctor.view import View

__all__ = ["divergence", "loss_not_decreasing", "non_finite", "oscillating_loss"]

LATEST_CHECKS = 50
"""How many of the latest checks tell whether a loss swings."""

FEWEST_CHECKS = 10
"""Below it a course has no direction."""

FEWEST_VISITS = 4
"""Below it the probe does not tell whether a loss swings."""

SWING = 0.2
"""How far the loss swings from check to check, as part of itself, where it swings at all."""

PERSISTENT = 3
"""For how many checks a loss has to stay above its best."""


def non_finite(view: View, harm: Harm) -> Iterator[Finding]:
    """A loss or a gradient is NaN or infinite."""
    if view.case.bad_value is not None:
        yield finding_of(view.case.bad_value)
        return
    if view.is_finite:
        return
    bad = ~(np.isfinite(view.course.loss) & np.isfinite(view.course.gradient_norm))
    steps = view.course.steps[bad]
    readings = [one.step for one in view.case.readings if not np.isfinite(one.loss)]
    began = int(min([*steps[:1], *readings[:1]]))
    count = len(steps) or len(readings)
    yield Finding(
        "non_finite",
        f"The loss or its gradient is NaN or infinite in {count} step{'s' * (count > 1)}, "
        f"for the first time in step {began}.",
        (Evidence("steps with a loss or gradient that is no number", count, 0, ">", began),),
        (
            remedies.roll_back(),
            remedies.another_learning_rate(0.1),
            remedies.clipping(),
        ),
        None,
        began,
        1.0,
    )


def divergence(view: View, harm: Harm) -> Iterator[Finding]:
    """The loss is twice its best, and stays there."""
    checks = view.checks
    if harm is not Harm.RUNAWAY or len(checks) <= PERSISTENT or view.start is None:
        return
    best = min(view.start, float(checks.min()))
    if best <= 0 or not (checks[-PERSISTENT:] > DIVERGED * best).all():
        return
    if turning(checks[-LATEST_CHECKS:]) > DIRECTION_CHANGES:  # it swings, and runs nowhere
        return
    began = int(np.argmax(checks > DIVERGED * best) * max(1, view.steps // len(checks)))
    yield Finding(
        "divergence",
        f"The loss is {checks[-1] / best:.3g} times its best, and stays above it.",
        (Evidence(DIVERGED.measured, float(checks[-1] / best), DIVERGED, ">", began),),
        (
            remedies.another_learning_rate(0.1),
            remedies.clipping(),
            remedies.roll_back(),
        ),
        None,
        began,
        0.8,
    )


def oscillating_loss(view: View, harm: Harm) -> Iterator[Finding]:
    """The loss swings further up and down than it gets on."""
    checks = view.checks[-LATEST_CHECKS:]
    if not harm or len(checks) < FEWEST_CHECKS:
        return
    changes = np.diff(checks)
    turns = turning(checks)
    amplitude = float(np.mean(np.abs(changes)))
    net = float(checks[: len(checks) // 4].mean() - checks[-(len(checks) // 4) :].mean())
    if turns <= DIRECTION_CHANGES or amplitude <= max(net, SWING * float(checks.mean())):
        return
    if not swings_by_itself(view):
        return
    yield Finding(
        "oscillating_loss",
        f"The loss turns round in {turns:.0%} of the checks, by {amplitude:.3g} on average, "
        f"while it {'falls' if net >= 0 else 'rises'} by {abs(net):.3g} in all.",
        (
            Evidence(DIRECTION_CHANGES.measured, turns, DIRECTION_CHANGES, ">"),
            Evidence("mean swing of the loss, against its fall", amplitude, max(net, 0.0), ">"),
        ),
        (
            remedies.another_learning_rate(0.1),
            remedies.larger_batch(),
            remedies.another_optimizer("adam"),
        ),
        None,
        0,
        0.7,
    )


def swings_by_itself(view: View) -> bool:
    """Whether the loss of always the same examples swings as well, and not only the batches differ.

    What is not known, because the probe has hardly looked, is taken for granted.
    """
    losses = np.array([one.loss for one in view.later if np.isfinite(one.loss)])
    losses = losses[len(losses) // 2 :]
    if len(losses) < FEWEST_VISITS:
        return True
    return bool(np.abs(np.diff(losses)).mean() > SWING / 2 * losses.mean())


def turning(checks: NDArray[np.float64]) -> float:
    """The fraction of checks at which the loss turns round."""
    changes = np.diff(checks)
    return float(np.mean(changes[1:] * changes[:-1] < 0)) if len(changes) > 1 else 0.0


def loss_not_decreasing(view: View, harm: Harm) -> Iterator[Finding]:
    """The loss ends where a constant prediction would be, or below it by heart alone."""
    if not view.case.ended or view.remaining is None:
        return
    is_falling = view.falls[1] > 0 and not view.is_flat
    if harm is Harm.NOTHING and not view.is_learnable and not is_falling:
        telling = [
            Evidence(LEARNT_NOTHING.measured, view.remaining, LEARNT_NOTHING, ">", view.steps)
        ]
        ends = f"is {view.remaining:.0%} of that of the best constant prediction"
    elif is_by_heart(view):
        telling = [
            Evidence(UNLEARNABLE.measured, view.reference or 0.0, UNLEARNABLE, ">", view.steps),
            Evidence("loss now over that of a constant prediction", view.remaining),
        ]
        ends = (
            f"is still {view.remaining:.0%} of that of the best constant prediction, and no simple "
            "method predicts examples that it has not seen"
        )
    else:
        return
    fall = fall_of_latest(view.checks)
    yield Finding(
        "loss_not_decreasing",
        f"After {view.steps} steps the loss {ends}, although the gradients arrive and the steps "
        "have a usual size: the targets do not seem to follow from the inputs.",
        (
            *telling,
            Evidence(
                NOT_DECREASING.measured,
                fall,
                NOT_DECREASING if fall < NOT_DECREASING else None,
                "<",
            ),
        ),
        (
            remedies.look_at_labels(),
            remedies.another_optimizer("adam"),
            remedies.another_learning_rate(3.0),
            remedies.another_initializer(),
        ),
        None,
        view.steps,
        0.85 if (view.reference or 0.0) > UNLEARNABLE else 0.6,
    )


def fall_of_latest(checks: NDArray[np.float64]) -> float:
    """The share that the loss fell by in the last ten checks, by a straight line through them."""
    latest = checks[-FEWEST_CHECKS:]
    if len(latest) < FEWEST_CHECKS or not latest.mean() > 0:
        return 0.0
    slope = float(np.polyfit(np.arange(len(latest)), latest, 1)[0])
    return -slope * len(latest) / float(latest.mean())


def is_by_heart(view: View) -> bool:
    """Whether what the loss has fallen is what can be learnt by heart of targets that are noise.

    Simple methods hardly understand the order of a sequence, so that more has to be left there.
    """
    return (
        (view.reference or 0.0) > UNLEARNABLE
        and (view.remaining or 0.0) > (ORDER_BY_HEART if view.has_order else BY_HEART)
        and not view.generalizes
    )
