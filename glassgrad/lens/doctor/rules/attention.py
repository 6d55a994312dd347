"""Attention that looks everywhere alike, or at one place only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.finding import Evidence, Finding
from glassgrad.lens.doctor.harm import Harm
from glassgrad.lens.doctor.thresholds import ATTENTION_ALIKE, ATTENTION_ONE_HOT
from glassgrad.lens.doctor.view import View

__all__ = ["attention_collapse"]


def attention_collapse(view: View, harm: Harm) -> Iterator[Finding]:
    """Most heads of a layer are one-hot; or they still look everywhere alike after training.

    Before training, attention that is nearly uniform is what a healthy initialiser gives.
    """
    if not harm:
        return
    for reading in view.case.readings:
        for one in reading.attentions:
            entropy = float(np.median(one.entropy))
            is_one_hot = entropy < ATTENTION_ONE_HOT
            is_alike = entropy > ATTENTION_ALIKE and reading.step > 0
            if not (is_one_hot or is_alike):
                continue
            bound = ATTENTION_ONE_HOT if is_one_hot else ATTENTION_ALIKE
            yield Finding(
                "attention_collapse",
                f"Most of the {len(one.entropy)} heads of {one.layer} look "
                f"{'at one place only' if is_one_hot else 'at all places alike'}: the entropy of "
                f"their attention is {entropy:.2g} of the greatest possible.",
                (
                    Evidence(
                        bound.quantity, entropy, bound, "<" if is_one_hot else ">", reading.step
                    ),
                ),
                (
                    remedies.warm_up(),
                    remedies.another_initializer(layer=one.layer),
                    remedies.another_learning_rate(0.1),
                ),
                one.layer,
                reading.step,
                0.8 if is_one_hot else 0.4,
            )
            return
