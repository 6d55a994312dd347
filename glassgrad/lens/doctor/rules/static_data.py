"""The data themselves: numbers that are none, and targets that say nothing."""

from __future__ import annotations

from collections.abc import Iterator

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.case import Facts
from glassgrad.lens.doctor.finding import Evidence, Finding, Remedy

__all__ = ["bad_numbers", "constant_targets"]

FEWEST = 100
"""With fewer examples, equal targets may be chance."""


def bad_numbers(facts: Facts) -> Iterator[Finding]:
    """NaN or infinity among the data."""
    if not facts.data.finite:
        yield Finding(
            "non_finite",
            "There are NaN or infinities among the data, and whatever they enter is none, too.",
            (Evidence("numbers that are not finite", max(facts.data.bad_numbers, 1), 0, ">"),),
            (Remedy("data", "Drop the rows with NaN or infinity, or fill them in."),),
            confidence=1.0,
        )


def constant_targets(facts: Facts) -> Iterator[Finding]:
    """All targets are equal, so that a bias alone does what can be done.

    Zeros that a network of one's own making is to come to, such as the residual of an equation,
    are no labels: the last layer has to be one that answers the targets.
    """
    for output in facts.every_output:
        data = output.data
        is_answer = output.loss is not None and output.output_activation != "other"
        found = data.target_range if data.sees_all_targets else None
        if not is_answer or found is None or data.examples < FEWEST:
            continue
        lowest, highest = found
        if lowest == highest:
            yield Finding(
                "loss_not_decreasing",
                f"All targets are {lowest:g}: there is nothing to be told apart.",
                (Evidence("largest minus smallest target", 0.0, 0.0, "="),),
                (remedies.look_at_labels(),),
                output.layer,
                confidence=0.95,
            )
