"""From everything that is known of a training to what is wrong with it: causes, not symptoms.

Three thoughts order what the rules find. A finding counts only with harm, unless it is certain by
arithmetic. What was there first can be the cause of what came later, and not the other way round: a
fault that the probe shows before the first step is not the learning rate's doing. And what a cause
explains is no finding of its own: it is told among the cause's symptoms.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from glassgrad.arguments import checked
from glassgrad.lens.doctor.case import Case
from glassgrad.lens.doctor.finding import Finding
from glassgrad.lens.doctor.harm import harm_of
from glassgrad.lens.doctor.rules import RULES
from glassgrad.lens.doctor.rules.static import examine_facts
from glassgrad.lens.doctor.view import View

__all__ = ["CAUSES", "diagnose"]

OF_THE_LOSS = frozenset(
    {
        "non_finite",
        "divergence",
        "oscillating_loss",
        "loss_not_decreasing",
        "overfitting",
        "underfitting",
    }
)
OF_THE_SIGNAL = frozenset(
    {
        "vanishing_gradient",
        "exploding_gradient",
        "saturated_units",
        "dead_units",
        "recurrent_gradient",
        "attention_collapse",
        "frozen_parameters",
    }
)
OF_THE_STEPS = frozenset({"learning_rate_too_high", "learning_rate_too_low"})
EVERYTHING = OF_THE_LOSS | OF_THE_SIGNAL | OF_THE_STEPS
OF_THE_TARGETS = "loss_not_decreasing"  # where it is certain that no method learns them
SWINGS = frozenset({"oscillating_loss", "divergence"})

#: By its code, what a fault brings about. Of two that were there at the same time, the one that
#: stands here before the other is taken for its cause.
CAUSES: dict[str, frozenset[str]] = {
    "wrong_output_or_loss": EVERYTHING,
    "unscaled_input": EVERYTHING,
    "bad_initialization": EVERYTHING,
    "recurrent_gradient": EVERYTHING,
    "attention_collapse": EVERYTHING,
    "vanishing_gradient": OF_THE_LOSS | {"learning_rate_too_low", "frozen_parameters"},
    "exploding_gradient": OF_THE_LOSS | OF_THE_STEPS | {"dead_units", "saturated_units"},
    "saturated_units": OF_THE_LOSS
    | OF_THE_STEPS
    | {"vanishing_gradient", "exploding_gradient", "frozen_parameters"},
    "dead_units": OF_THE_LOSS
    | OF_THE_STEPS
    | {"vanishing_gradient", "exploding_gradient", "frozen_parameters"},
    "frozen_parameters": OF_THE_LOSS | {"vanishing_gradient", "dead_units"},
    "learning_rate_too_high": EVERYTHING,
    "learning_rate_too_low": OF_THE_LOSS | {"recurrent_gradient", "attention_collapse"},
    "oscillating_loss": OF_THE_LOSS | OF_THE_SIGNAL,
    "divergence": OF_THE_LOSS | OF_THE_SIGNAL,
    "non_finite": OF_THE_LOSS | OF_THE_STEPS,
    "overfitting": frozenset(),
    "loss_not_decreasing": OF_THE_LOSS | OF_THE_SIGNAL,
    "underfitting": frozenset(),
}
LIKELY = 0.6  # the confidence below which a finding is a suspicion
RANKS = {code: rank for rank, code in enumerate(CAUSES)}


@checked
def diagnose(case: Case) -> list[Finding]:
    """What is wrong with a training, the likeliest cause first; empty for a healthy one.

    Args:
        case: what is known of the training until now. It is not changed.

    Returns:
        The findings. Those that another one explains stand among its ``symptoms``.

    Example:
        >>> from glassgrad.lens.doctor.case import DataFacts, Facts
        >>> diagnose(Case(Facts("model", (), (), DataFacts(100, (4,)))))
        []
    """
    view = View(case)
    harm = harm_of(view)
    certain = examine_facts(case.facts, view.first)
    return fold([*certain, *(finding for rule in RULES for finding in rule(view, harm))])


def fold(findings: Iterable[Finding]) -> list[Finding]:
    """Causes with their symptoms, in order of time and certainty."""
    ranked = sorted(findings, key=age)
    symptoms: dict[int, list[str]] = {}  # by the place of the cause
    roots: list[int] = []  # by the place of a finding, that of the one from which it follows
    for place, finding in enumerate(ranked):
        cause = next((n for n in range(place) if explains(ranked[n], finding)), None)
        roots.append(place if cause is None else roots[cause])
        symptoms.setdefault(roots[-1], []).append(finding.code)
    return [
        replace(cause, symptoms=_others(cause, (*cause.symptoms, *codes)))
        for cause, codes in ((ranked[n], codes) for n, codes in symptoms.items())
    ]


def _others(cause: Finding, codes: Iterable[str]) -> tuple[str, ...]:
    return tuple(code for code in dict.fromkeys(codes) if code != cause.code)


def age(finding: Finding) -> tuple[int, int, int, float]:
    """By what causes come before consequences: time, and of the same time what is more of a cause.

    What the layers show only in the middle of training has been brought about by something, swings
    of the loss among it, and what is but a suspicion gives way to evidence; what is read from the
    loss alone comes last.
    """
    began = -1 if finding.began is None else finding.began
    if finding.code in SWINGS or (finding.code == OF_THE_TARGETS and finding.confidence > LIKELY):
        turn = 1
    elif finding.code in OF_THE_LOSS:
        turn = 3
    else:
        is_late = finding.code in OF_THE_SIGNAL and began > 0
        turn = 2 if is_late or finding.confidence < LIKELY else 0
    return turn, began, RANKS[finding.code], -finding.confidence


def explains(cause: Finding, finding: Finding) -> bool:
    """Whether an older finding brings another one about."""
    return cause.code == finding.code or finding.code in CAUSES.get(cause.code, ())
