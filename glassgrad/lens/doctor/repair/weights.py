"""Remedies that change layers: how they begin, their activation, their size, their kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from glassgrad.errors import GlassgradError
from glassgrad.gradients import gradients
from glassgrad.graph import Trace, tracing
from glassgrad.graph.symbolic import name_of_recordable
from glassgrad.graph.trees import leaves_of
from glassgrad.layers import Activation, Dropout, Layer
from glassgrad.layers import deserialize as layer_from
from glassgrad.lens.doctor.activity import SATURATING
from glassgrad.lens.doctor.finding import Remedy
from glassgrad.lens.doctor.remedies import matched_initializer
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.surgery import Place, changed, copy_of, operated, places_of
from glassgrad.lens.doctor.repair.ward import Refused, Ward
from glassgrad.lens.doctor.repair.within import (
    calls_layers_itself,
    is_worse,
    with_activation,
    with_weights_drawn,
)
from glassgrad.models import Model, lsuv
from glassgrad.models.cloning import is_made_of_layers, layers_within
from glassgrad.regularizers import L2
from glassgrad.serialization import arguments_of, serialize

__all__ = [
    "activation",
    "connect",
    "initializer",
    "matched",
    "more_units",
    "recurrent_layer",
    "regularization",
    "require_layers",
    "thaw",
    "unit_variance",
]

STOPS = ("ops.stop_gradient", "tensor.detach")
EXAMPLES_FOR_VARIANCE = 256
RATE_OF_DROPOUT = 0.3
PENALTY = 1e-4
LEAST_UNITS = 32  # that a network which is too small gets


def require_layers(regimen: Regimen) -> None:
    """Refuse networks whose layers cannot be replaced."""
    if not is_made_of_layers(regimen.model):
        raise Refused(
            "the model writes call() itself, so layers cannot be put in the place of others"
        )


def matched(place: Place, activation: str | None = None) -> dict[str, Any]:
    """How the weights of a layer should begin, as arguments of its constructor.

    Source: Le, Jaitly, Hinton, "A simple way to initialize recurrent networks of rectified linear
    units", 2015, for the identity.
    """
    function = activation or place.activation
    kernel = matched_initializer(function)
    if place.is_recurrent or place.is_output:
        kernel = "glorot_uniform"
    return {
        "kernel_initializer": kernel,
        "depthwise_initializer": kernel,
        "pointwise_initializer": kernel,
        "recurrent_initializer": "identity" if function == "relu" else "orthogonal",
        "embeddings_initializer": "uniform",
        "bias_initializer": "zeros",
        "unit_forget_bias": True,
    }


def operated_places(
    regimen: Regimen, change: Callable[[Place], Any], *, only: str | None = None
) -> Regimen:
    """Let layers with weights be replaced.

    Args:
        regimen: what is to be changed.
        change: what comes in the place of a layer: layers, or ``NotImplemented`` to keep it.
        only: the name of the only layer that may change; all by default.

    Raises:
        Refused: nothing changes, or what comes does not fit.
    """
    require_layers(regimen)
    places = {place.outer: place for place in places_of(regimen.model) if place.is_named(only)}
    answers = {outer: change(place) for outer, place in places.items()}
    answers = {outer: one for outer, one in answers.items() if one is not NotImplemented}
    if not answers:
        raise Refused("there is no such layer that it would change")
    return operated_layers(regimen, lambda layer: answers.get(layer, layer))


def operated_layers(regimen: Regimen, change: Callable[[Layer], Any], **ways: Any) -> Regimen:
    """Let any layer be replaced.

    Raises:
        Refused: what comes does not fit.
    """
    require_layers(regimen)
    try:
        model = operated(regimen.model, change, regimen.seed, **ways)
    except GlassgradError as error:
        raise Refused(f"it does not fit: {str(error).splitlines()[0]}") from error
    return regimen.with_model(model)


# ---- how weights begin


def initializer(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Weights drawn anew by the rule of their activation; frozen layers stay as they are."""
    model = regimen.model
    if calls_layers_itself(model):
        return regimen.with_model(with_weights_drawn(model, regimen.seed, remedy.layer))

    def drawn(place: Place) -> Any:
        return changed(place.outer, **matched(place)) if place.outer.trainable else NotImplemented

    places = places_of(regimen.model)
    only = remedy.layer if any(place.is_named(remedy.layer) for place in places) else None
    return operated_places(regimen, drawn, only=only)


def unit_variance(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Orthonormal kernels, scaled layer by layer on the data."""
    found = initializer(regimen, Remedy("initializer", ""), ward)
    model = copy_of(found.model, regimen.seed)
    few = ward.learning.part(slice(0, EXAMPLES_FOR_VARIANCE))
    try:
        lsuv(model, few.x, seed=regimen.seed, executor=regimen.executor)
    except GlassgradError as error:
        raise Refused(f"variances cannot be made equal: {error}") from error
    return found.with_model(model)


# ---- what layers are


def activation(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Another activation in the hidden layers, with weights that are drawn for it."""
    name = str(remedy.value or "relu")
    if calls_layers_itself(regimen.model):
        model, seed = regimen.model, regimen.seed
        return regimen.with_model(with_activation(model, name, seed, ward.learning, remedy.layer))
    bearers: dict[Layer, Layer] = {}
    is_linear = _is_linear(regimen.model)

    def other(place: Place) -> Any:
        is_meant = remedy.layer is not None or is_linear or is_worse(place.activation, name)
        if place.is_output or not is_meant or place.activation == name:
            return NotImplemented
        if not is_linear and place.activation == "linear":
            return NotImplemented
        if place.is_recurrent and name not in SATURATING:
            return NotImplemented
        if place.bearer is None:
            return changed(place.outer, activation=name, **matched(place, name))
        bearers[place.bearer] = Activation(name, name=place.bearer.name)
        return changed(place.outer, **matched(place, name))

    require_layers(regimen)
    places = [place for place in places_of(regimen.model) if place.is_named(remedy.layer)]
    answers = {place.outer: other(place) for place in places}
    answers = {outer: one for outer, one in answers.items() if one is not NotImplemented}
    if not answers:
        raise Refused(f"no hidden layer has an activation that {name} would replace")
    together = {**answers, **bearers}
    return operated_layers(regimen, lambda layer: together.get(layer, layer))


def _is_linear(model: Model) -> bool:
    """Whether no hidden layer bends what goes through it."""
    hidden = [place for place in places_of(model) if not place.is_output]
    return all(place.activation == "linear" and not place.is_recurrent for place in hidden)


def regularization(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Dropout behind the hidden layers, and an L2 penalty on their kernels."""
    require_layers(regimen)
    hidden = [place for place in places_of(regimen.model) if not place.is_output]
    if not hidden:
        raise Refused("there is no hidden layer")
    behind = {place.bearer or place.outer: place.outer.name for place in hidden}
    last = {place.outer for place in hidden}

    def regular(layer: Layer) -> Any:
        new = [_penalized(layer) if layer in last else layer]
        if layer in behind and not _gives_several(layer):
            new.append(Dropout(RATE_OF_DROPOUT, name=f"{behind[layer]}_dropout"))
        return new

    return operated_layers(regimen, regular)


def _penalized(layer: Layer) -> Layer:
    """The same with a penalty; its weights are carried over where they fit."""
    if getattr(layer, "kernel_regularizer", None) is not None:
        return layer
    return changed(layer, kernel_regularizer=L2(PENALTY))


def _gives_several(layer: Layer) -> bool:
    return bool(getattr(layer, "return_state", False))


def more_units(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Wider hidden layers."""
    if regimen.is_widened:
        raise Refused("the hidden layers have got more units already")
    factor = float(remedy.value or 4)

    def wider(place: Place) -> Any:
        units = place.units
        if place.is_output or units is None:
            return NotImplemented
        more = max(round(units * factor), min(LEAST_UNITS, 8 * units))
        return changed(place.outer, units=more, filters=more)

    return replace(operated_places(regimen, wider), is_widened=True)


def recurrent_layer(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Gates in the place of a simple recurrence."""
    kind = str(remedy.value or "LSTM")

    def gated(place: Place) -> Any:
        if place.kind in (kind, "LSTM", "GRU") or not place.is_recurrent:
            return NotImplemented
        return layer_from(_of_kind(serialize(place.outer), kind))

    return operated_places(regimen, gated)


def _of_kind(described: dict[str, Any], kind: str) -> dict[str, Any]:
    """The configuration of a recurrent layer, as one of another class; also those wrapped."""
    config = described["config"]
    inner = {
        name: _of_kind(config[name], kind)
        for name in ("layer", "forward_layer", "backward_layer")
        if isinstance(config.get(name), dict)
    }
    if inner:
        return {**described, "config": {**config, **inner}}
    known = arguments_of(type(layer_from({"class_name": kind, "config": {"units": 1}})))
    own = ("activation", "recurrent_activation", "bias_initializer", "kernel_initializer")
    taken = {name: config[name] for name in known if name in config and name not in own}
    return {"class_name": kind, "config": {**taken, "recurrent_initializer": "orthogonal"}}


# ---- whether layers learn


def thaw(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Let frozen layers learn."""
    model = copy_of(regimen.model, regimen.seed)
    layers = [model, *layers_within(model)]
    names = None if remedy.layer is None else set(remedy.layer.split("/"))
    frozen = [one for one in layers if not one.trainable and (names is None or one.name in names)]
    if not frozen:
        raise Refused("no layer is frozen")
    for layer in frozen:
        layer.trainable = True
    return regimen.with_model(model)


def connect(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Leave out layers and functions that stop the gradient and keep the shape."""
    require_layers(regimen)
    model = regimen.model
    inside = [one for one in layers_within(model) if isinstance(one, Model)]
    called = [
        call.function for one in (model, *inside) if one.is_functional for call in one.recipe.calls
    ]
    cuts = {one for one in called if isinstance(one, Layer) and _stops_gradient(one)}
    if not cuts and not any(map(_is_stop, called)):
        raise Refused("no layer stops the gradient on its way")
    return operated_layers(
        regimen, lambda layer: None if layer in cuts else layer, leaves_out=_is_stop
    )


def _is_stop(function: Any) -> bool:
    return name_of_recordable(function) in STOPS


def _stops_gradient(layer: Layer) -> bool:
    """Whether a layer without weights gives what no gradient comes back through."""
    if layer.weights or not layer.calls or len(layer.calls[0].inputs) != 1:
        return False
    given = layer.calls[0].inputs[0].samples[0]
    if given.dtype.kind != "f":
        return False
    with tracing(Trace()):
        made = leaves_of(layer(given))
        if len(made) != 1 or made[0].shape != given.shape:
            return False
        (slope,) = gradients(made[0].sum(), [given])
    return slope is None
