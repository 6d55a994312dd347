"""Units that never fire, and units at the ends of their activation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.case import LayerFacts, LayerReading
from glassgrad.lens.doctor.finding import Evidence, Finding
from glassgrad.lens.doctor.harm import Harm
from glassgrad.lens.doctor.thresholds import ALL_STUCK, SATURATED, SILENT, Threshold
from glassgrad.lens.doctor.view import View

__all__ = ["dead_units", "saturated_units"]

PERSISTENT = 3
"""In how many readings units have to be stuck where no harm is seen."""


def dead_units(view: View, harm: Harm) -> Iterator[Finding]:
    """More than half of a layer's units give 0 for every example."""
    stuck = stuck_layer(view, harm, lambda one: one.silent, SILENT)
    if stuck is None:
        return
    yield Finding(
        "dead_units",
        f"{stuck.fraction:.0%} of the {stuck.layer.units} units of {stuck.layer.name} give 0 for "
        "every example, and learn nothing, because their gradient is 0.",
        (Evidence(SILENT.measured, stuck.fraction, SILENT, ">", stuck.began),),
        (
            *((remedies.another_learning_rate(0.1),) if stuck.began else ()),
            remedies.another_initializer(layer=stuck.layer.name),
            remedies.another_activation("leaky_relu"),
            remedies.normalization(stuck.layer.name),
        ),
        stuck.layer.name,
        stuck.began,
        0.9 if stuck.fraction > ALL_STUCK else 0.7,
    )


def saturated_units(view: View, harm: Harm) -> Iterator[Finding]:
    """More than half of a layer's units are where their activation is flat."""
    stuck = stuck_layer(view, harm, lambda one: one.saturated, SATURATED)
    if stuck is None:
        return
    yield Finding(
        "saturated_units",
        f"{stuck.fraction:.0%} of the {stuck.layer.units} units of {stuck.layer.name} are at the "
        "ends of their activation, where its derivative is below 5 % of its greatest value.",
        (Evidence(SATURATED.measured, stuck.fraction, SATURATED, ">", stuck.began),),
        (
            remedies.another_initializer(layer=stuck.layer.name),
            remedies.standardize(),
            remedies.normalization(stuck.layer.name),
            remedies.another_activation("relu"),
        ),
        stuck.layer.name,
        stuck.began,
        0.9 if stuck.fraction > ALL_STUCK else 0.7,
    )


@dataclass(frozen=True)
class Stuck:
    """A layer whose units are stuck: how many of them in the latest reading, and since when."""

    layer: LayerFacts
    fraction: float
    began: int


def stuck_layer(
    view: View,
    harm: Harm,
    fraction_of: Callable[[LayerReading], float | None],
    threshold: Threshold,
) -> Stuck | None:
    """The first hidden layer whose units are stuck, together with harm.

    Without it, nearly all of them have to be stuck from before the first step to the last reading.
    """
    readings = view.case.readings
    for layer in view.facts.layers if readings else ():
        latest = view.layers_in(readings[-1]).get(layer.name)
        fraction = 0.0 if latest is None else fraction_of(latest) or 0.0
        limit = beyond_chance(threshold, layer.units)
        if fraction <= limit or layer.role == "output":
            continue
        course = [
            (one.step, fraction_of(seen) or 0.0)
            for one in readings
            if (seen := view.layers_in(one).get(layer.name)) is not None
        ]
        if harm:
            return Stuck(layer, fraction, next(step for step, one in course if one > limit))
        is_old = len(course) >= PERSISTENT and course[0][0] == 0
        if is_old and all(one > ALL_STUCK for _, one in course):
            return Stuck(layer, fraction, course[0][0])
    return None


def beyond_chance(threshold: float, units: int) -> float:
    """A threshold, raised for narrow layers, half of whose units are beyond it by chance at times.

    By two standard deviations above the mean of as many coins.
    """
    return min(threshold + 2 * math.sqrt(threshold * (1 - threshold) / max(units, 1)), 0.99)
