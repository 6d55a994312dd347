"""Networks changed without touching them: copies in which some layers are others."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad import activations
from glassgrad.errors import GlassgradError
from glassgrad.graph.symbolic import name_of_recordable
from glassgrad.layers import Bidirectional, Layer, TimeDistributed
from glassgrad.layers import deserialize as layer_from
from glassgrad.models import Model
from glassgrad.models.cloning import (
    Rebuilding,
    Replacement,
    all_known,
    is_made_of_layers,
    layers_within,
    twin,
)
from glassgrad.random_seed import seeded
from glassgrad.serialization import arguments_of, serialize

__all__ = ["Place", "changed", "copy_of", "is_finite", "kept", "operated", "places_of"]

WRAPPERS = (Bidirectional, TimeDistributed)
#: What may stand between a layer's sums and their activation.
NORMALIZATIONS = (
    "BatchNormalization",
    "LayerNormalization",
    "GroupNormalization",
    "RMSNormalization",
)
PASSED = (*NORMALIZATIONS, "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise")
#: Layers that are an activation and nothing else.
AS_ACTIVATION = {
    "ReLU": "relu",
    "LeakyReLU": "leaky_relu",
    "PReLU": "leaky_relu",
    "ELU": "elu",
    "Softmax": "softmax",
}


def kept(layer: Layer) -> Layer:
    """The layer stays as it is, with its weights."""
    return layer


def copy_of(model: Model, seed: int) -> Model:
    """The same network with the same weights, that draws the same batches and masks.

    Raises:
        ArgumentError: a function in the model is not registered.
    """
    return operated(model, kept, seed)


def operated(
    model: Model,
    replace: Callable[[Layer], Replacement],
    seed: int,
    **ways: Any,
) -> Model:
    """A copy in which some layers are others; what stays has its weights, the rest new ones.

    Args:
        model: stays as it is.
        replace: what comes in the place of a layer; the layer itself, alone or in a list, stays.
        seed: decides the new weights.
        ways: ``entrance`` and ``leaves_out`` of ``Rebuilding``.
    """
    pairs: list[tuple[Layer, Layer]] = []

    def replaced(layer: Layer) -> Replacement:
        found = replace(layer)
        several = [found] if isinstance(found, Layer) else list(found or ())
        return [_copied(one, pairs) if one is layer else one for one in several]

    rebuilding = Rebuilding(replaced, **ways)
    with seeded(seed):
        made = rebuilding.of(model)
    for old, (new, *_) in ((old, new) for old, new in rebuilding.places.items() if new):
        if isinstance(old, Model) and not is_made_of_layers(old):
            pairs.append((old, new))
    for old, new in pairs:
        _hand_on_settings(old, new)
        if old.built and [one.shape for one in old.weights] == [one.shape for one in new.weights]:
            new.set_weights(old.get_weights())
    made.seed, made.epochs_seen = model.seed, model.epochs_seen
    made.random.seed.assign(model.random.seed.numpy())
    made.random.step.assign(model.random.step.numpy())
    made.preprocessing = model.preprocessing
    return made


def _copied(layer: Layer, pairs: list[tuple[Layer, Layer]]) -> Layer:
    new = twin(layer)
    pairs.append((layer, new))
    return new


def _hand_on_settings(old: Layer, new: Layer) -> None:
    """What was set on layers after they had been made, and is not in their configuration."""
    pairs = list(zip((old, *layers_within(old)), (new, *layers_within(new)), strict=False))
    if any(type(before) is not type(after) for before, after in pairs):
        return
    for before, after in pairs:
        if after.trainable is not before.trainable:
            after.trainable = before.trainable
        function = vars(before).get("activation")
        if inspect.isfunction(function) and "activation" in vars(after):
            after.activation = function


def changed(layer: Layer, **changes: Any) -> Layer:
    """A layer of the same class in which some arguments are others; also those that it wraps.

    Arguments that the layer does not have are left out.
    """
    with all_known([layer, *layers_within(layer)]):
        made: Layer = layer_from(_changed_config(serialize(layer), type(layer), changes))
    return made


def _changed_config(
    described: Mapping[str, Any], kind: type, changes: Mapping[str, Any]
) -> dict[str, Any]:
    config = dict(described["config"])
    known = arguments_of(kind)
    config |= {name: serialize(value) for name, value in changes.items() if name in known}
    for name in ("layer", "forward_layer", "backward_layer"):
        inner = config.get(name)
        if isinstance(inner, Mapping) and "config" in inner:
            of_inner = type(layer_from(inner))
            handed_on = {key: value for key, value in changes.items() if key != "name"}
            config[name] = _changed_config(inner, of_inner, handed_on)
    return {**described, "config": config}


@dataclass(frozen=True)
class Place:
    """A layer with weights of its own, and where it stands.

    Args:
        layer: the layer; the one inside for layers that wrap another one.
        outer: the layer that the model knows.
        path: its name, with those of the models around it: "encoder/dense_1".
        activation: what its sums go through, by Keras's name.
        bearer: the layer that does so, where it is one of its own.
        is_output: whether the loss comes next.
        is_normalized: whether a normalisation stands between the sums and the activation.
        width: the length of the last axis of what enters, where it is known.
        shape: of what enters, without the batch.
    """

    layer: Layer
    outer: Layer
    path: str
    activation: str
    bearer: Layer | None
    is_output: bool
    is_normalized: bool
    width: int | None
    shape: tuple[int | None, ...]

    @property
    def kind(self) -> str:
        """The class by its name."""
        return type(self.layer).__name__

    @property
    def is_recurrent(self) -> bool:
        """Whether it goes along time."""
        return hasattr(self.layer, "recurrent_initializer")

    @property
    def units(self) -> int | None:
        """How many outputs it has, where that is an argument."""
        found = getattr(self.layer, "units", None) or getattr(self.layer, "filters", None)
        return int(found) if isinstance(found, int) else None

    def is_named(self, name: str | None) -> bool:
        """Whether a name means this layer; ``None`` means all."""
        return name is None or name.split("/")[-1] in (self.outer.name, self.layer.name)


def places_of(model: Model) -> list[Place]:
    """The layers with kernels or other weights to be drawn, in the order of the forward pass.

    Those within models of a user's own class are not among them: others cannot take their place.
    """
    steps = list(_steps(model, ""))
    makers = [n for n, (_, one) in enumerate(steps) if _draws(one)]
    found = []
    for n in makers:
        path, outer = steps[n]
        layer = _within(outer)
        name, bearer, normalized = _activation_after(layer, [one for _, one in steps[n + 1 :]])
        shape = _shape_of_input(outer)
        found.append(
            Place(
                layer,
                outer,
                path,
                name,
                bearer,
                n == makers[-1],
                normalized,
                shape[-1] if shape else None,
                shape,
            )
        )
    return found


def _steps(model: Model, prefix: str) -> Iterator[tuple[str, Any]]:
    """What is called, in order: layers, and functions by their names."""
    if not is_made_of_layers(model):
        return
    if model.is_functional:
        for call in model.recipe.calls:
            one = call.function
            if isinstance(one, Model):
                yield from _steps(one, f"{prefix}{one.name}/")
            elif isinstance(one, Layer):
                yield f"{prefix}{one.name}", one
            else:
                yield "", (name_of_recordable(one) or "").rpartition(".")[2]
        return
    for layer in model.sublayers:
        if isinstance(layer, Model):
            yield from _steps(layer, f"{prefix}{layer.name}/")
        else:
            yield f"{prefix}{layer.name}", layer


def _within(layer: Layer) -> Layer:
    while isinstance(layer, WRAPPERS):
        layer = layer.layer
    return layer


def _draws(one: Any) -> bool:
    """Whether it has weights that an initialiser makes, and that multiply its inputs."""
    if not isinstance(one, Layer):
        return False
    names = arguments_of(type(_within(one)))
    return any(name.endswith(("kernel_initializer", "embeddings_initializer")) for name in names)


def _activation_after(layer: Layer, later: Sequence[Any]) -> tuple[str, Layer | None, bool]:
    own = activation_name(getattr(layer, "activation", None))
    if own != "linear" or hasattr(layer, "recurrent_initializer"):
        return own, None, False
    normalized = False
    for one in later:
        if isinstance(one, str):
            return (one, None, normalized) if one in ACTIVATION_NAMES else (own, None, False)
        if not isinstance(one, Layer):
            break
        kind = type(one).__name__
        if kind == "Activation":
            return activation_name(getattr(one, "activation", None)), one, normalized
        if kind in AS_ACTIVATION:
            return AS_ACTIVATION[kind], one, normalized
        if kind not in PASSED:
            break
        normalized |= kind in NORMALIZATIONS
    return own, None, False


#: Functions between layers that are activations.
ACTIVATION_NAMES = frozenset(activations.__all__) - {"deserialize", "get", "serialize", "register"}


def activation_name(function: Any) -> str:
    """The name of an activation: "linear" without one, "custom" for one without a name."""
    if function is None:
        return "linear"
    try:
        found = activations.serialize(function)
    except GlassgradError:
        return "custom"
    return found if isinstance(found, str) else str(found.get("class_name", "custom"))


def _shape_of_input(layer: Layer) -> tuple[int | None, ...]:
    """Of one example; empty where the layer was not called on one symbolic tensor."""
    if not layer.calls or not layer.calls[0].inputs:
        return ()
    return tuple(layer.calls[0].inputs[0].shape[1:])


def is_finite(model: Model) -> bool:
    """Whether all weights are finite."""
    return all(np.isfinite(weight).all() for weight in model.get_weights())
