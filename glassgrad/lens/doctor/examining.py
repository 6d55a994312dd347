"""Examination before training: what is certainly wrong already."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from glassgrad.arguments import checked_before
from glassgrad.errors import NotBuiltError
from glassgrad.layers.layer import require_count
from glassgrad.lens.doctor.facts import facts_of
from glassgrad.lens.doctor.finding import Finding
from glassgrad.lens.doctor.rules.static import examine_facts
from glassgrad.models import Model
from glassgrad.training.streams import data_from, gives_batches

__all__ = ["examine"]


@checked_before
def examine(
    model: Model,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int = 32,
    epochs: int = 1,
) -> list[Finding]:
    """What is wrong with a network and its data before the first step, by arithmetic alone.

    Looked at are the last layer beside loss and targets, what the loss does not reach, units that
    begin alike, targets that are all equal, NaN, and learning rates out of all proportion. What has
    to be seen in training is found by the callback ``Doctor``. A model that is not built yet is
    built; nothing else changes.

    Args:
        model: a compiled model.
        x: the inputs, as ``fit`` takes them; NaN and infinities are found, and not refused.
        y: the targets.
        sample_weight: how much each example counts.
        batch_size: examples a step.
        epochs: passes over the data that are planned.

    Returns:
        The findings, causes first; empty where nothing is certainly wrong.

    Raises:
        ArgumentError: batch_size or epochs is no positive whole number.
        NotBuiltError: the model is not compiled.
        DataError, ShapeError, DtypeError: the model does not take the data.

    Example:
        >>> import numpy as np
        >>> from glassgrad.layers import Dense
        >>> from glassgrad.models import Sequential
        >>> model = Sequential([Dense(8, activation="relu"), Dense(1, activation="softmax")])
        >>> model.compile("adam", "binary_crossentropy")
        >>> x = np.random.default_rng(0).normal(size=(100, 4))
        >>> [finding.cause for finding in examine(model, x, x[:, 0] > 0)]
        ['A softmax of one unit is 1 whatever comes in: its gradient is 0.']
    """
    size, rounds = require_count("batch_size", batch_size), require_count("epochs", epochs)
    if not model.is_compiled:
        raise NotBuiltError(
            f"Model {model.name!r} has no loss yet. First: model.compile(optimizer, loss)."
        )
    data = data_from(x, y, sample_weight) if gives_batches(x) else (x, y, sample_weight)
    facts = facts_of(model, data, batch_size=size)
    steps = rounds * -(-facts.data.examples // size)
    return examine_facts(replace(facts, steps=steps))
