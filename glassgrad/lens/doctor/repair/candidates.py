"""What is tried, in which order: what the findings prescribe, and what often helps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.finding import Finding, Remedy
from glassgrad.lens.doctor.repair.treatment import TREATMENTS

__all__ = ["BUNDLES", "DECAY", "GENERAL", "firsts", "in_short", "longer", "prescribed", "rates"]

#: What often helps, whatever the fault, in the order in which it is tried.
GENERAL = (
    Remedy("loss_and_output", "Use the loss and the last activation that belong to the targets."),
    remedies.standardize(),
    Remedy("scale_targets", "Let predictions begin at the mean and spread of the targets."),
    remedies.another_optimizer("adam"),
    remedies.another_initializer(),
    remedies.another_activation("relu"),
    remedies.normalization(),
    remedies.another_recurrent_layer(),
    remedies.clipping(),
    remedies.more_units(),
    remedies.residual(),
)
DECAY = Remedy("decay", "Let the learning rate fall to 0 towards the end.")

_BY_ACTION = {remedy.action: remedy for remedy in GENERAL}


def _bundle(*actions: str) -> tuple[Remedy, ...]:
    return tuple(_BY_ACTION[action] for action in actions)


_USUAL = ("loss_and_output", "standardize", "scale_targets", "optimizer", "initializer", "clip")
#: Several remedies at once, for networks in which more than one thing is wrong: what is usual in
#: training, then also layers that gradients pass however many there are.
BUNDLES = (
    _bundle(*_USUAL),
    _bundle(*_USUAL, "activation", "recurrent_layer", "normalization"),
    _bundle(*_USUAL, "activation", "recurrent_layer", "residual"),
    _bundle(*_USUAL, "activation", "recurrent_layer", "normalization", "more_units"),
)


def prescribed(findings: Iterable[Finding]) -> list[Remedy]:
    """The remedies that can be applied: the first ones of all findings, then the second ones."""
    lists = [[one for one in f.remedies if one.action in TREATMENTS] for f in findings]
    longest = max(map(len, lists), default=0)
    return _each_once([one[n] for n in range(longest) for one in lists if n < len(one)])


def firsts(findings: Sequence[Finding]) -> tuple[Remedy, ...]:
    """The first remedy of every finding."""
    return tuple(_each_once([one for finding in findings for one in prescribed([finding])[:1]]))


def _each_once(given: Iterable[Remedy]) -> list[Remedy]:
    return list(
        {(one.action, one.layer, repr(one.value)): one for one in reversed(list(given))}.values()
    )[::-1]


def rates(factor: float) -> Remedy:
    """Another learning rate."""
    return Remedy("learning_rate", f"Multiply the learning rate by {factor:.3g}.", value=factor)


def longer(factor: float) -> Remedy:
    """More epochs."""
    return Remedy("longer_training", f"Train {factor:.3g} times as long.", value=factor)


def in_short(remedy: Remedy) -> str:
    """A remedy in a few words.

    Example:
        >>> in_short(rates(1 / 3))
        'learning rate × 0.333'
    """
    words = remedy.action.replace("_", " ")
    if isinstance(remedy.value, int | float):
        words = f"{words} {'' if remedy.action == 'clip' else '× '}{remedy.value:.3g}"
    elif isinstance(remedy.value, str):
        words = f"{words} {remedy.value}"
    return f"{words} ({remedy.layer})" if remedy.layer else words
