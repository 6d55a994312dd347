"""Inputs whose scale does harm."""

from __future__ import annotations

from collections.abc import Iterator

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.finding import Evidence, Finding
from glassgrad.lens.doctor.harm import Harm
from glassgrad.lens.doctor.rules.units import dead_units, saturated_units
from glassgrad.lens.doctor.thresholds import DEVIATION_RATIO, INPUT_RMS, TINY_INPUT_RMS
from glassgrad.lens.doctor.view import View

__all__ = ["unscaled_input"]

#: What large inputs do to the layers that they enter.
STUCK = (saturated_units, dead_units)


def unscaled_input(view: View, harm: Harm) -> Iterator[Finding]:
    """Features of scales that no learning rate fits, or inputs that are large altogether."""
    data = view.facts.data
    suffers = harm or any(True for rule in STUCK for _ in rule(view, harm))
    if not suffers or data.input_kind != "real" or is_normalized_at_once(view):
        return
    evidence = []
    if data.feature_deviations and data.feature_deviations[0] > 0:
        smallest, largest = data.feature_deviations
        if largest / smallest > DEVIATION_RATIO:
            evidence.append(
                Evidence(DEVIATION_RATIO.measured, largest / smallest, DEVIATION_RATIO, ">")
            )
    if data.input_rms is not None and data.input_rms > INPUT_RMS:
        evidence.append(Evidence(INPUT_RMS.measured, data.input_rms, INPUT_RMS, ">"))
    if data.input_rms is not None and data.input_rms < TINY_INPUT_RMS:
        evidence.append(Evidence(TINY_INPUT_RMS.measured, data.input_rms, TINY_INPUT_RMS, "<"))
    if not evidence:
        return
    yield Finding(
        "unscaled_input",
        "The inputs enter the network as they are: "
        + " and ".join(f"{one.quantity} is {one.value:.3g}" for one in evidence)
        + ", so that one learning rate cannot fit all weights of the first layer.",
        tuple(evidence),
        (remedies.standardize(), remedies.normalization()),
        None,
        0,
        0.85,
    )


def is_normalized_at_once(view: View) -> bool:
    """Whether the first layer with weights is a normalisation, or one follows it."""
    if not view.kernels:
        return False
    return view.what_follows(view.kernels[0][0])[1]
