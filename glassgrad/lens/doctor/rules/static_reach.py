"""Parameters that nothing can teach: the loss does not depend on them, or all are frozen."""

from __future__ import annotations

from collections.abc import Iterator

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.case import Facts
from glassgrad.lens.doctor.finding import Evidence, Finding

__all__ = ["nothing_trainable", "unreached"]

NAMED = 3  # layers that a sentence names


def nothing_trainable(facts: Facts) -> Iterator[Finding]:
    """Every parameter is frozen."""
    if facts.parameters and not any(one.trainable for one in facts.parameters):
        yield Finding(
            "frozen_parameters",
            f"None of the {len(facts.parameters)} parameters may learn.",
            (Evidence("parameters that may learn", 0.0, 1.0, "<"),),
            (remedies.thaw(),),
        )


def unreached(facts: Facts) -> Iterator[Finding]:
    """Parameters that may learn, and that no way leads to from the loss.

    A layer that is frozen on purpose says so, and is none of them.
    """
    lost = [one for one in facts.parameters if one.trainable and not one.reached]
    if not lost:
        return
    layers = list(dict.fromkeys(one.layer for one in lost))
    yield Finding(
        "frozen_parameters",
        f"The loss does not depend on the parameters of {_listed(layers)}: no gradient reaches "
        "them, whatever the data.",
        (Evidence("parameters that may learn and are not reached", len(lost), 0.0, ">"),),
        (remedies.connect(layers[0]),),
        layers[0],
    )


def _listed(names: list[str]) -> str:
    if len(names) > NAMED:
        return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more layers"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
