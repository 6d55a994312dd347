"""Remedies that put layers between layers: normalisation, and connections around them."""

from __future__ import annotations

from typing import Any

from glassgrad.initializers import VarianceScaling
from glassgrad.layers import (
    Activation,
    Add,
    BatchNormalization,
    Input,
    Layer,
    LayerNormalization,
)
from glassgrad.lens.doctor.finding import Remedy
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.surgery import Place, changed, places_of
from glassgrad.lens.doctor.repair.ward import Refused, Ward
from glassgrad.lens.doctor.repair.weights import (
    matched,
    operated_layers,
    operated_places,
    require_layers,
)
from glassgrad.models import Model

__all__ = ["normalization", "residual"]

SMALLEST_BATCH = 8  # whose statistics say something
MOMENTUM = 0.9  # of moving statistics, so that short runs have good ones
NORMALIZED = (
    "Dense",
    "EinsumDense",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "Conv1DTranspose",
    "Conv2DTranspose",
)
LEAST_IN_A_ROW = 2


def normalization(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Sums of mean 0 and variance 1 before each activation.

    Over the batch where it is large enough; else, and along time, over the units of each example.
    """
    require_layers(regimen)
    places = [place for place in places_of(regimen.model) if _is_normalizable(place)]
    if not places:
        raise Refused("no hidden layer has an activation without a normalisation before it")
    by_layer = {place.outer: place for place in places}

    def normalized(layer: Layer) -> Any:
        place = by_layer.get(layer)
        if place is None:
            return layer
        between = _normalization(place, regimen.batch_size)
        if place.bearer is not None:
            return [changed(layer, **matched(place)), between]
        last = Activation(place.activation, name=f"{layer.name}_{place.activation}")
        return [changed(layer, activation=None, **matched(place)), between, last]

    return operated_layers(regimen, normalized)


def _is_normalizable(place: Place) -> bool:
    is_hidden = not (place.is_output or place.is_normalized or place.activation == "linear")
    return is_hidden and place.kind in NORMALIZED and place.outer is place.layer


def _normalization(place: Place, batch_size: int) -> Layer:
    name = f"{place.outer.name}_normalization"
    if batch_size < SMALLEST_BATCH or (place.kind == "Dense" and len(place.shape) > 1):
        return LayerNormalization(name=name)
    return BatchNormalization(momentum=MOMENTUM, name=name)


def residual(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Layers that keep the width learn what is to be added to their input: x + f(norm(x))."""
    require_layers(regimen)
    found = [place for place in places_of(regimen.model) if _keeps_shape(place)]
    if len(found) < LEAST_IN_A_ROW:
        raise Refused("there are no hidden layers of equal width in a row")

    def around(place: Place) -> Any:
        return _residual(place, len(found)) if place in found else NotImplemented

    return operated_places(regimen, around)


def _keeps_shape(place: Place) -> bool:
    if place.is_output or place.outer is not place.layer or place.bearer is not None:
        return False
    if place.kind == "Dense":
        return place.units == place.width
    is_convolution = place.kind in ("Conv1D", "Conv2D") and place.units == place.width
    layer: Any = place.layer
    return is_convolution and layer.padding == "same" and set(layer.strides) == {1}


def _residual(place: Place, many: int) -> Model:
    """Its branch begins so small that all of them together add variance 1."""
    small = VarianceScaling(2.0 / many, "fan_in", "truncated_normal")
    name = place.outer.name
    x = Input(place.shape, name=f"{name}_input")
    inner = LayerNormalization(name=f"{name}_normalization")(x)
    inner = changed(place.outer, **{**matched(place), "kernel_initializer": small})(inner)
    return Model(x, Add(name=f"{name}_add")([x, inner]), name=f"{name}_residual")
