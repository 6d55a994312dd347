"""Layers changed where they are, in copies of models whose own class calls them."""

from __future__ import annotations

from collections.abc import Iterable

from glassgrad import activations
from glassgrad.graph import Variable
from glassgrad.initializers import initialize, require
from glassgrad.layers import Layer
from glassgrad.lens.doctor.activity import SATURATING
from glassgrad.lens.doctor.calls import NamedCall
from glassgrad.lens.doctor.facts.following import follow
from glassgrad.lens.doctor.facts.sample import sample_of
from glassgrad.lens.doctor.remedies import matched_initializer
from glassgrad.lens.doctor.repair.surgery import activation_name, copy_of
from glassgrad.lens.doctor.repair.ward import Refused
from glassgrad.models import Model
from glassgrad.models.cloning import is_made_of_layers, layers_within
from glassgrad.random_seed import seeded
from glassgrad.training.data import ArrayData

__all__ = ["calls_layers_itself", "is_worse", "with_activation", "with_weights_drawn"]

WITH_ACTIVATION = ("hidden", "activation")  # roles of calls


def calls_layers_itself(model: Model) -> bool:
    """Whether only a class of the user's own knows where layers stand, in it or further in."""
    inside = (one for one in layers_within(model) if isinstance(one, Model))
    return not all(map(is_made_of_layers, (model, *inside)))


def is_worse(present: str | None, name: str) -> bool:
    """Whether an activation is of those that the other one is prescribed against."""
    return present in SATURATING if name == "relu" else present in (*SATURATING, "relu", "relu6")


def with_weights_drawn(model: Model, seed: int, layer: str | None = None) -> Model:
    """A copy with new weights, each by the rule of its layer's activation.

    Args:
        model: stays as it is.
        seed: decides the new weights.
        layer: the name of the only layer that gets some; all where there is no such layer.
    """
    copy = copy_of(model, seed)
    layers = list(layers_within(copy))
    _draw([one for one in layers if _is_named(one, layer)] or layers, seed)
    return copy


def with_activation(
    model: Model, name: str, seed: int, examples: ArrayData, layer: str | None = None
) -> Model:
    """A copy with another activation in the hidden layers, and weights that are drawn for it.

    Args:
        model: stays as it is.
        name: of the activation.
        seed: decides the new weights.
        examples: on which the layers are called.
        layer: the name of the only layer that changes; by default those change whose activation
            is one that the new one is prescribed against.

    Raises:
        Refused: there is no such layer.
    """
    copy = copy_of(model, seed)
    calls = follow(copy, sample_of(examples, copy.dtype)).calls
    last = {call.layer for call in calls if call.is_last}
    meant = [
        call
        for call in calls
        if call.layer not in last and _holds_its_activation(call) and _is_meant(call, name, layer)
    ]
    if not meant:
        raise Refused(f"no hidden layer has an activation that {name} would replace")
    for call in meant:
        call.layer.activation = activations.get(name)
    before = {maker for call in meant if call.role == "activation" for maker in call.inputs}
    drawn = [call for call in calls if call in meant or call.name in before]
    _draw(dict.fromkeys(call.layer for call in drawn), seed, name)
    return copy


def _holds_its_activation(call: NamedCall) -> bool:
    own = vars(call.layer).get("activation")
    return call.role in WITH_ACTIVATION and own is not None and _name(call.layer) == call.activation


def _is_meant(call: NamedCall, name: str, layer: str | None) -> bool:
    if layer is not None:
        return _is_named(call.layer, layer) and call.activation != name
    return is_worse(call.activation, name)


def _is_named(layer: Layer, name: str | None) -> bool:
    return name is None or layer.name == name.split("/")[-1]


def _name(layer: Layer) -> str:
    return activation_name(getattr(layer, "activation", None))


def _draw(layers: Iterable[Layer], seed: int, activation: str | None = None) -> None:
    """New weights for what is trained, for one activation or for that which each layer has."""
    with seeded(seed) as stream:
        for layer in layers:
            is_recurrent = hasattr(layer, "recurrent_initializer")
            rules = {
                "kernel": matched_initializer(
                    "linear" if is_recurrent else activation or _name(layer)
                ),
                "recurrent_kernel": "orthogonal",
                "bias": "zeros",
            }
            for name, rule in rules.items():
                weight = getattr(layer, name, None)
                if isinstance(weight, Variable) and weight.trainable:
                    generator = stream.next_generator()
                    drawn = initialize(require(rule), weight.shape, weight.dtype, generator)
                    weight.assign(drawn)
