"""Weights whose first values make signals die or grow by depth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from glassgrad.lens.doctor import remedies
from glassgrad.lens.doctor.activity import SATURATING
from glassgrad.lens.doctor.case import Reading
from glassgrad.lens.doctor.finding import Evidence, Finding
from glassgrad.lens.doctor.harm import Harm
from glassgrad.lens.doctor.rules.gradients import gradient_ratio
from glassgrad.lens.doctor.thresholds import (
    BLOWN_UP,
    EXPLODING,
    KERNEL_GAIN,
    SATURATED,
    VANISHING,
    VARIANCE_RATIO,
)
from glassgrad.lens.doctor.view import HiddenLayer, View

__all__ = ["bad_scale"]

#: fan-in times mean square of a kernel that keeps the variance from layer to layer.
WANTED_GAIN = dict.fromkeys(remedies.RELU_FAMILY, 2.0)

FEWEST_WEIGHTS = 64
"""With fewer, the mean square of a kernel is a matter of luck."""

LEAST_GAIN = 1e-30
"""What stands for the gain of kernels that are 0."""


def bad_scale(view: View, harm: Harm) -> Iterator[Finding]:
    """Kernels that are too large or too small, and a signal that shows it before the first step."""
    if view.first is None or not (harm or begins_blown_up(view)):
        return
    layers = [one for one in view.hidden if not one.is_normalized]
    if not layers:
        return
    misfits = [
        one
        for one in layers
        if misfit(one) > KERNEL_GAIN and math.prod(one.kernel.shape) >= FEWEST_WEIGHTS
    ]
    deep = abs(logarithm_of_gains(layers)) > math.log(1 / VANISHING**2)
    effect = effect_of(view, layers, view.first)
    if not (misfits or deep) or effect is None:
        return
    worst = max(misfits or layers, key=misfit)
    gain, wanted = gain_of(worst), wanted_gain(worst)
    too = "large" if gain > wanted else "small"
    yield Finding(
        "bad_initialization",
        f"{kernels_of(misfits or layers, len(layers))} too {too} for the activation: in "
        f"{worst.name} the variance is multiplied by {gain / wanted:.2g}.",
        (
            effect,
            Evidence(
                "fan-in times mean square of the kernel over what its activation wants",
                gain / wanted,
                KERNEL_GAIN if gain > wanted else 1 / KERNEL_GAIN,
                ">" if gain > wanted else "<",
                0,
            ),
        ),
        (remedies.another_initializer(), remedies.unit_variance(), remedies.normalization()),
        worst.name if len(misfits) == 1 else None,
        0,
        0.9,
    )


def kernels_of(layers: Sequence[HiddenLayer], of: int) -> str:
    """Which kernels it is, as the beginning of a sentence."""
    if len(layers) == 1:
        return f"The kernel of {layers[0].name} is"
    return f"The kernels of {len(layers)} of {of} hidden layers are"


def begins_blown_up(view: View) -> bool:
    """Whether the loss before the first step is far above that of any constant prediction."""
    if view.start is None or view.baseline is None:
        return False
    return view.start - view.facts.penalty > BLOWN_UP * view.baseline


def gain_of(layer: HiddenLayer) -> float:
    """By what a kernel multiplies the mean square of its inputs."""
    rms = layer.kernel.rms
    return (layer.kernel.fan_in or 1) * rms * rms  # a power would raise where it overflows


def wanted_gain(layer: HiddenLayer) -> float:
    """The gain that keeps the variance behind the layer's activation."""
    return WANTED_GAIN.get(layer.activation, 1.0)


def misfit(layer: HiddenLayer) -> float:
    """How far a kernel is from every usual initialiser, as a factor of at least 1."""
    fan_in, fan_out = layer.kernel.fan_in or 1, layer.kernel.fan_out or 1
    usual = (1.0, 2.0, 2 * fan_in / (fan_in + fan_out))
    gain = max(gain_of(layer), LEAST_GAIN)
    return max(1.0, gain / max(usual), min(usual) / gain)


def logarithm_of_gains(layers: Sequence[HiddenLayer]) -> float:
    """Of what the kernels alone multiply the variance by, from the first layer to the last."""
    steady = (one for one in layers if one.activation not in SATURATING)
    return sum(math.log(max(gain_of(one) / wanted_gain(one), LEAST_GAIN)) for one in steady)


def effect_of(view: View, layers: Sequence[HiddenLayer], first: Reading) -> Evidence | None:
    """What the probe saw of it before the first step."""
    seen = view.layers_in(first)
    readings = [seen[one.name] for one in layers if one.name in seen]
    sizes = [one.pre_activation_rms for one in readings if one.pre_activation_rms]
    ratio = max(sizes) / min(sizes) if sizes else 1.0
    if ratio * ratio > VARIANCE_RATIO:
        return Evidence(VARIANCE_RATIO.measured, ratio * ratio, VARIANCE_RATIO, ">", 0)
    gradients = gradient_ratio(view, first)
    if gradients is not None and (gradients < VANISHING or gradients > EXPLODING):
        bound, relation = (VANISHING, "<") if gradients < VANISHING else (EXPLODING, ">")
        return Evidence(bound.measured, gradients, bound, relation, 0)
    saturated = max((one.saturated or 0.0 for one in readings), default=0.0)
    if saturated > SATURATED:
        return Evidence(SATURATED.measured, saturated, SATURATED, ">", 0)
    return None
