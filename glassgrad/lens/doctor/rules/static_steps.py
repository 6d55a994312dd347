"""Learning rates that no course has to be seen for."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.case import Facts
from glassgrad.lens.doctor.finding import Evidence, Finding
from glassgrad.lens.doctor.thresholds import STEP_OVER_WEIGHTS, WAY_OVER_WEIGHTS

__all__ = ["no_steps", "steps_beyond_weights"]

#: Optimizers whose step changes every weight by about the learning rate, whatever the gradient.
OF_THEIR_OWN_LENGTH = frozenset({"adam", "adamw", "adamax", "nadam", "rmsprop", "lion"})


def no_steps(facts: Facts) -> Iterator[Finding]:
    """A learning rate of 0, or one by which all steps together change the weights hardly at all."""
    rate, weights = facts.learning_rate, _size_of_kernels(facts)
    if rate == 0:
        yield Finding(
            "learning_rate_too_low",
            "The learning rate is 0: no step changes anything.",
            (Evidence("learning rate", 0.0, 0.0, "="),),
            (remedies.another_optimizer(facts.optimizer or "adam"),),
        )
        return
    if rate is None or weights is None or not facts.steps or not _is_of_own_length(facts):
        return
    way = facts.steps * rate / weights
    if way < WAY_OVER_WEIGHTS:
        yield Finding(
            "learning_rate_too_low",
            f"A step of {facts.optimizer} changes a weight by {rate:.1e} at most, so that all "
            f"{facts.steps} steps together can change the weights by {way:.1e} of their size.",
            (Evidence(WAY_OVER_WEIGHTS.measured, way, WAY_OVER_WEIGHTS, "<"),),
            (remedies.another_learning_rate(100.0), remedies.longer_training()),
            confidence=0.95,
        )


def steps_beyond_weights(facts: Facts) -> Iterator[Finding]:
    """Steps that are several times as large as what they change."""
    rate, weights = facts.learning_rate, _size_of_kernels(facts)
    if rate is None or weights is None or facts.has_schedule or not _is_of_own_length(facts):
        return
    ratio = rate / weights
    if ratio > STEP_OVER_WEIGHTS:
        yield Finding(
            "learning_rate_too_high",
            f"A step of {facts.optimizer} changes every weight by about its learning rate, "
            f"{rate:g}, which is {ratio:.3g} times the size of the weights: what they were is "
            "gone after one step.",
            (Evidence(STEP_OVER_WEIGHTS.measured, ratio, STEP_OVER_WEIGHTS, ">"),),
            (remedies.another_learning_rate(0.01),),
            confidence=0.85,
        )


def _size_of_kernels(facts: Facts) -> float | None:
    """The usual RMS of the kernels of hidden layers; ``None`` without hidden layers."""
    hidden = {one.name for one in facts.layers if one.role in ("hidden", "recurrent", "attention")}
    sizes = [
        one.rms
        for one in facts.parameters
        if one.layer in hidden and one.kind == "kernel" and one.trainable and one.rms > 0
    ]
    return median(sizes) if sizes else None


def _is_of_own_length(facts: Facts) -> bool:
    return facts.optimizer in OF_THEIR_OWN_LENGTH
