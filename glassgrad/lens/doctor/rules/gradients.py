"""Gradients that die or grow on their way from the last hidden layer to the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.activity import SATURATING
from glassgrad.lens.doctor.case import Reading
from glassgrad.lens.doctor.finding import Evidence, Finding
from glassgrad.lens.doctor.harm import Harm
from glassgrad.lens.doctor.thresholds import EXPLODING, VANISHING
from glassgrad.lens.doctor.view import HiddenLayer, View

__all__ = ["exploding_gradient", "gradient_ratio", "vanishing_gradient"]

FEWEST_LAYERS = 3
"""With fewer hidden layers a ratio is the difference of two layers, not a way that gradients go."""

PERSISTENT = 3
"""In how many readings a ratio that has become sound has to have been an alarm."""


def gradient_ratio(view: View, reading: Reading) -> float | None:
    """RMS of dL/dz, first hidden layer over last; ``None`` where it cannot be told."""
    seen = view.layers_in(reading)
    measured = [
        seen[one.name].pre_activation_gradient_rms for one in view.hidden if one.name in seen
    ]
    known = [one for one in measured if one is not None]
    if len(known) < FEWEST_LAYERS or not known[-1] > 0:
        return None
    return known[0] / known[-1]


def vanishing_gradient(view: View, harm: Harm) -> Iterator[Finding]:
    """The first layers hardly hear of the loss."""
    found = beginning(view, lambda ratio: ratio < VANISHING) if harm else None
    if found is None:
        return
    reading, ratio = found
    layers = view.hidden
    activation = usual_activation(layers)
    saturates = activation in SATURATING
    factor = ratio ** (1 / (len(layers) - 1))
    yield Finding(
        "vanishing_gradient",
        f"Each of the {len(layers)} hidden layers ({activation}) multiplies the gradient by "
        f"{factor:.2g} on average, so that {layers[0].name} learns {ratio:.1e} times as fast as "
        f"{layers[-1].name}.",
        (
            Evidence(VANISHING.measured, ratio, VANISHING, "<", reading.step),
            Evidence("factor of the gradient for a layer", factor, step=reading.step),
        ),
        (
            *((remedies.another_activation("relu"),) if saturates else ()),
            remedies.another_initializer(),
            *(() if saturates else (remedies.another_activation("relu"),)),
            remedies.normalization(),
            remedies.residual(),
        ),
        layers[0].name,
        reading.step,
        0.95 if saturates and reading.step == 0 else 0.8,
    )


def exploding_gradient(view: View, harm: Harm) -> Iterator[Finding]:
    """The first layers hear of the loss many times as loud as the last ones.

    Behind a normalisation the size of a gradient says nothing, since that of the weights does not.
    """
    is_invariant = all(one.is_normalized for one in view.hidden)
    suffers = harm and not is_invariant
    found = beginning(view, lambda ratio: ratio > EXPLODING) if suffers else None
    if found is None:
        return
    reading, ratio = found
    layers = view.hidden
    factor = ratio ** (1 / (len(layers) - 1))
    yield Finding(
        "exploding_gradient",
        f"Each of the {len(layers)} hidden layers multiplies the gradient by {factor:.2g} on "
        f"average, so that it is {ratio:.1e} times as large in {layers[0].name} as in "
        f"{layers[-1].name}.",
        (
            Evidence(EXPLODING.measured, ratio, EXPLODING, ">", reading.step),
            Evidence("factor of the gradient for a layer", factor, step=reading.step),
        ),
        (
            remedies.another_initializer(),
            remedies.clipping(),
            remedies.normalization(),
            remedies.another_learning_rate(0.1),
        ),
        layers[0].name,
        reading.step,
        0.8 if reading.step == 0 else 0.6,
    )


def beginning(view: View, is_alarming: Callable[[float], bool]) -> tuple[Reading, float] | None:
    """The first reading whose ratio is an alarm, if the latest one's is, too.

    Or if those before the first step and in some of the next ones were: then it is why the
    network began to learn so late.
    """
    if not view.case.readings:
        return None
    latest = gradient_ratio(view, view.case.readings[-1])
    at_first = None if view.first is None else gradient_ratio(view, view.first)
    if not any(one is not None and is_alarming(one) for one in (latest, at_first)):
        return None
    ratios = [(one, gradient_ratio(view, one)) for one in view.case.readings]
    alarms = [(one, ratio) for one, ratio in ratios if ratio is not None and is_alarming(ratio)]
    lasts = alarms[-1][0] is view.case.readings[-1] or len(alarms) >= PERSISTENT
    return alarms[0] if lasts else None


def usual_activation(layers: Sequence[HiddenLayer]) -> str:
    """The activation that most layers have."""
    return Counter(one.activation for one in layers).most_common(1)[0][0]
