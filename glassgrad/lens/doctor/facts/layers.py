"""Layers and parameters as they are before the first step."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence

import numpy as np

from glassgrad.gradients import differentiate
from glassgrad.graph import Variable, constant
from glassgrad.graph.operation import Array
from glassgrad.layers import EinsumDense, Layer
from glassgrad.layers.separable_convolution import DepthwiseConvolution
from glassgrad.layers.transposed_convolution import TransposedConvolution
from glassgrad.lens.doctor.case import LayerFacts, ParameterFacts
from glassgrad.lens.doctor.facts.following import Followed
from glassgrad.lens.doctor.probe_statistics import rms
from glassgrad.lens.places import paths_of_parameters
from glassgrad.models import Model
from glassgrad.naming import snake_case
from glassgrad.serialization import Configurable

__all__ = ["layers_of", "parameters_of"]

#: What a weight is by its name, or the end of it; those that are not here by their shape.
KINDS = {
    "recurrent_kernel": "recurrent_kernel",
    "kernel": "kernel",
    "embeddings": "embedding",
    "embedding": "embedding",
    "bias": "bias",
    "gamma": "gain",
    "scale": "gain",
    "beta": "shift",
}
INITIALIZERS = {"recurrent_kernel": "recurrent"}  # where it is not called like the weight


def layers_of(followed: Followed) -> tuple[LayerFacts, ...]:
    """The calls of layers, in the order of the forward pass."""
    return tuple(
        LayerFacts(
            call.name,
            call.kind,
            call.activation,
            call.role,
            call.units,
            call.inputs,
            call.parameters,
            call.layer.trainable,
            math.prod(call.output.shape[1:-1]),
        )
        for call in followed.calls
    )


def parameters_of(followed: Followed) -> tuple[ParameterFacts, ...]:
    """All weights that are meant to be trained, in the order of the forward pass."""
    model, names = followed.model, followed.names
    variables = {name: variable for variable, name in names.items()}
    places: dict[str, str] = {}
    owners: dict[Variable, Layer] = {}
    for call in followed.calls:
        for name in call.parameters:
            places.setdefault(name, call.name)  # a layer that is called twice has them once
        owners.update(_owners(call.layer))
    places.update(_paths_of_others(model, names, places))
    unreached = _unreached(followed, [variables[name] for name in places])
    return tuple(
        _parameter(name, layer, variables[name], owners.get(variables[name], model), unreached)
        for name, layer in places.items()
    )


def _owners(layer: Layer) -> Iterator[tuple[Variable, Layer]]:
    """Each weight with the layer that made it: the innermost one."""
    yield from ((weight, layer) for weight in layer.weights)
    for inner in layer.sublayers:
        yield from _owners(inner)


def _paths_of_others(
    model: Model, names: Mapping[Variable, str], known: Container[str]
) -> dict[str, str]:
    """The weights of the model itself, or of a layer that calls others, each with where it is."""
    others = {one for one in model.trainable_weights if names[one] not in known}
    if not others:
        return {}
    paths = paths_of_parameters(model)
    return {
        names[one]: path.rpartition("/")[0] or model.name
        for path, one in paths.items()
        if one in others
    }


def _unreached(followed: Followed, variables: Sequence[Variable]) -> frozenset[Variable]:
    """The weights that no loss depends on.

    A way to an output without a loss, or an update of the model's own, reaches a weight as well:
    what somebody else makes of it is not known.
    """
    ends = [followed.loss, *(one.prediction for one in followed.outputs if one.comparison is None)]
    known = [end for end in ends if end is not None and end.dtype.kind == "f"]
    if followed.loss is None:
        return frozenset()
    ones = [constant(np.ones(end.shape), str(end.dtype)) for end in known]
    found = differentiate(known, ones, variables)
    return frozenset(
        variable
        for variable, gradient in zip(variables, found, strict=True)
        if gradient is None and variable not in followed.trace.updates
    )


# ---- one parameter


def _parameter(
    name: str, layer: str, variable: Variable, owner: Layer, unreached: frozenset[Variable]
) -> ParameterFacts:
    leaf = variable.name.removeprefix(f"{owner.name}/").rpartition("/")[2]
    kind, value = _kind(leaf, variable), variable.numpy()
    shape = tuple(variable.shape)
    is_kernel = kind.endswith("kernel") and len(shape) > 1
    inputs, units = _axes(owner, leaf, len(shape)) if is_kernel else ([], [])
    return ParameterFacts(
        name,
        layer,
        kind,
        shape,
        _fan(inputs, owner, shape) if is_kernel else None,
        _fan(units, owner, shape) if is_kernel else None,
        rms(value),
        variable.trainable,
        bool(inputs) and _are_alike(value, units),
        variable not in unreached,
        _initializer(owner, leaf),
        bool(value.size) and bool((value == value.flat[0]).all()),
    )


def _kind(leaf: str, variable: Variable) -> str:
    """What a weight is: by its name, else by its shape."""
    for ending, kind in KINDS.items():
        if leaf.endswith(ending):
            return kind
    return "kernel" if len(variable.shape) > 1 else "other"


def _axes(owner: Layer, leaf: str, rank: int) -> tuple[Sequence[int], Sequence[int]]:
    """The axes of a kernel along which its inputs lie, and those along which its units do."""
    inputs, units = rank - 2, rank - 1
    if isinstance(owner, EinsumDense):
        leaves = [letter in owner.letters.output for letter in owner.letters.kernel]
        return [n for n in range(rank) if not leaves[n]], [n for n in range(rank) if leaves[n]]
    if isinstance(owner, TransposedConvolution):
        return [units], [inputs]
    is_depthwise = isinstance(owner, DepthwiseConvolution) or leaf == "depthwise_kernel"
    return ([] if is_depthwise else [inputs]), [units]


def _fan(axes: Sequence[int], owner: Layer, shape: tuple[int, ...]) -> int:
    """Connections that enter a unit or leave an input; positions of a convolution count each."""
    positions = 1 if isinstance(owner, EinsumDense) else math.prod(shape[:-2])
    return positions * math.prod(shape[axis] for axis in axes)


def _are_alike(value: Array, units: Sequence[int]) -> bool:
    """Whether all units have equal weights, and there are several."""
    columns = np.moveaxis(value, units, tuple(range(-len(units), 0)))
    columns = columns.reshape(-1, math.prod(value.shape[axis] for axis in units))
    if columns.shape[1] < 2 or (columns[0] != columns[0, 0]).any():
        return False
    return bool((columns == columns[:, :1]).all())


def _initializer(owner: Layer, leaf: str) -> str | None:
    """The name of what made a weight, where its layer keeps it."""
    stem = INITIALIZERS.get(leaf, leaf)
    made_by = getattr(owner, f"{stem}_initializer", None)
    if isinstance(made_by, Configurable):
        return snake_case(type(made_by).__name__)
    return getattr(made_by, "__name__", None)
