"""Attention that looks everywhere alike, or at one place only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.case import AttentionReading, Reading
from glassgrad.lens.doctor.finding import Evidence, Finding
from glassgrad.lens.doctor.harm import Harm
from glassgrad.lens.doctor.thresholds import ATTENTION_ALIKE, ATTENTION_ONE_HOT
from glassgrad.lens.doctor.view import View

__all__ = ["attention_collapse"]

PERSISTENT = 3
"""In how many readings attention has to be one-hot where no harm is seen."""


def attention_collapse(view: View, harm: Harm) -> Iterator[Finding]:
    """Most heads of a layer are one-hot; or they still look everywhere alike after training.

    Before training, attention that is nearly uniform is what a healthy initialiser gives; attention
    that is one-hot from then to the end is a fault whatever the loss does.
    """
    found = collapsed(view.case.readings) if harm or is_stuck(view) else None
    if found is None:
        return
    reading, one, entropy = found
    is_one_hot = entropy < ATTENTION_ONE_HOT
    bound = ATTENTION_ONE_HOT if is_one_hot else ATTENTION_ALIKE
    yield Finding(
        "attention_collapse",
        f"{heads_of(one)} {'at one place only' if is_one_hot else 'at all places alike'}: the "
        f"entropy of attention is {entropy:.2g} of the greatest possible.",
        (Evidence(bound.measured, entropy, bound, "<" if is_one_hot else ">", reading.step),),
        (
            remedies.warm_up(),
            remedies.another_initializer(layer=one.layer),
            remedies.another_learning_rate(0.1),
        ),
        one.layer,
        reading.step,
        0.8 if is_one_hot else 0.4,
    )


def heads_of(reading: AttentionReading) -> str:
    """Who looks, as the beginning of a sentence."""
    count = len(reading.entropy)
    if count == 1:
        return f"The head of {reading.layer} looks"
    return f"Most of the {count} heads of {reading.layer} look"


def collapsed(
    readings: Iterable[Reading],
) -> tuple[Reading, AttentionReading, float] | None:
    """The first collapsed layer of some readings, with the entropy of the median head."""
    for reading in readings:
        for one in reading.attentions:
            entropy = float(np.median(one.entropy))
            is_alike = entropy > ATTENTION_ALIKE and reading.step > 0
            if entropy < ATTENTION_ONE_HOT or is_alike:
                return reading, one, entropy
    return None


def is_stuck(view: View) -> bool:
    """Whether a layer has been one-hot from before the first step to the latest reading."""
    if view.first is None or len(view.case.readings) < PERSISTENT:
        return False
    one_hot = [
        {one.layer for one in reading.attentions if np.median(one.entropy) < ATTENTION_ONE_HOT}
        for reading in view.case.readings
    ]
    return bool(set.intersection(*one_hot))
