"""What is wrong before the first step, by arithmetic alone: no harm has to be seen first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from glassgrad.lens.doctor.case import Facts, Reading
from glassgrad.lens.doctor.finding import Finding
from glassgrad.lens.doctor.rules.static_data import bad_numbers, constant_targets
from glassgrad.lens.doctor.rules.static_outputs import wrong_output_or_loss
from glassgrad.lens.doctor.rules.static_reach import nothing_trainable, unreached
from glassgrad.lens.doctor.rules.static_start import alike_embeddings, alike_units
from glassgrad.lens.doctor.rules.static_steps import no_steps, steps_beyond_weights

__all__ = ["STATIC_RULES", "StaticRule", "examine_facts"]

StaticRule: TypeAlias = Callable[[Facts], Iterator[Finding]]

#: The rules that need the facts alone, causes before what they cause.
STATIC_RULES: tuple[StaticRule, ...] = (
    bad_numbers,
    wrong_output_or_loss,
    constant_targets,
    nothing_trainable,
    unreached,
    alike_units,
    no_steps,
    steps_beyond_weights,
)


def examine_facts(facts: Facts, first: Reading | None = None) -> list[Finding]:
    """What is certainly wrong with a training that has not begun.

    Args:
        facts: what is known of it.
        first: what the probe saw before the first step, which can clear tables of embeddings.

    Example:
        >>> from glassgrad.lens.doctor.case import DataFacts
        >>> data = DataFacts(100, (4,), target_kind="classes", target_range=(0.0, 9.0))
        >>> facts = Facts(
        ...     "model", (), (), data, loss="sparse_categorical_crossentropy", output_shape=(10,)
        ... )
        >>> [str(finding.evidence[0]) for finding in examine_facts(facts)]
        ['sides on which linear is bounded: 0 (< 2)']
    """
    found = [finding for rule in STATIC_RULES for finding in rule(facts)]
    return [*found, *alike_embeddings(facts, first)]
