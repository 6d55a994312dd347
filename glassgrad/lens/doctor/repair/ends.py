"""Remedies at both ends of a network: what goes in, and what comes out and is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from glassgrad import losses
from glassgrad.errors import GlassgradError
from glassgrad.graph.operation import Array
from glassgrad.graph.symbolic import SymbolicTensor
from glassgrad.graph.trees import leaves_of
from glassgrad.layers import Input, Lambda, Layer, Normalization, Rescaling
from glassgrad.lens.doctor.facts.following import follow
from glassgrad.lens.doctor.facts.inputs import first_inputs_of
from glassgrad.lens.doctor.facts.objective import last_activation
from glassgrad.lens.doctor.facts.sample import sample_of
from glassgrad.lens.doctor.finding import Remedy
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.surgery import Place, changed, copy_of, places_of
from glassgrad.lens.doctor.repair.task import Task
from glassgrad.lens.doctor.repair.ward import Refused, Ward, inputs_of
from glassgrad.lens.doctor.repair.weights import matched, operated_layers, require_layers
from glassgrad.lens.doctor.repair.within import calls_layers_itself
from glassgrad.models import Model, Sequential
from glassgrad.models.cloning import is_made_of_layers

__all__ = ["loss_and_output", "scaled_targets", "standardize"]

LEAST_SHARE = 0.01  # of the usual deviation: what varies less is no feature to be blown up
ONE_SCALE = 4.0  # features whose ranges differ less are of one kind, such as pixels
FEW = 8  # examples that are looked at
FAR_FROM_ONE = 10.0  # a deviation of targets that the first predictions are far from


# ---- inputs


def standardize(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Mean 0 and variance 1 of what enters, by statistics of the data."""
    arrays = inputs_of(ward.learning.x)
    if not any(_is_real(array) for array in arrays):
        raise Refused("the inputs are indices, not quantities")
    if _begins_with(regimen, ("Normalization", "BatchNormalization")):
        raise Refused("the inputs are standardised by the first layer already")
    if not is_made_of_layers(regimen.model):
        return _wrapped(regimen, arrays)
    if _begins_with(regimen, ("Embedding", "Hashing", "StringLookup", "IntegerLookup")):
        raise Refused("the inputs are indices, not quantities")
    if _computes_before_weights(regimen.model):
        return _before_weights(regimen, ward)
    statistics = iter(arrays)
    count = 0

    def entrance(symbol: SymbolicTensor) -> Sequence[Layer]:
        nonlocal count
        array = next(statistics, None)
        if array is None or not _is_real(array):
            return ()
        count += 1
        return [_normalization(array, "standardization" + (f"_{count}" if count > 1 else ""))]

    return operated_layers(regimen, lambda layer: layer, entrance=entrance)


def _computes_before_weights(model: Model) -> bool:
    """Whether a function of one's own sees the data first, which may want them as they are."""
    for layer in model.layers:
        if layer.weights:
            return False
        if isinstance(layer, Lambda) or not type(layer).__module__.startswith("glassgrad."):
            return True
    return False


def _before_weights(regimen: Regimen, ward: Ward) -> Regimen:
    """Mean 0 and variance 1 of what enters the first layers with weights."""
    sample = sample_of(ward.learning, regimen.model.dtype)
    entering = first_inputs_of(follow(regimen.model, sample))
    numbers = {
        layer: array
        for layer, array in entering.items()
        if _is_real(array) and np.isfinite(array).all()
    }
    if not numbers:
        raise Refused("what enters the first layer with weights is not finite, or no quantity")
    names = {
        layer: "standardization" + (f"_{count}" if count > 1 else "")
        for count, layer in enumerate(numbers, 1)
    }

    def standardized(layer: Layer) -> Sequence[Layer]:
        if layer not in numbers:
            return [layer]
        return [_normalization(numbers[layer], names[layer]), layer]

    return operated_layers(regimen, standardized)


def _begins_with(regimen: Regimen, kinds: tuple[str, ...]) -> bool:
    layers = regimen.model.layers
    first = next((one for one in layers if type(one).__name__ != "InputLayer"), None)
    return type(first).__name__ in kinds


def _is_real(array: Array) -> bool:
    """Whether numbers are quantities: floats, or pixels."""
    return array.dtype.kind == "f" or array.ndim > 2 or array.dtype == np.uint8


def _wrapped(regimen: Regimen, arrays: Sequence[Array]) -> Regimen:
    if len(arrays) != 1 or regimen.model.own_steps:
        raise Refused("a model with several inputs, or a step of its own, cannot be wrapped")
    (array,) = arrays
    inner = copy_of(regimen.model, regimen.seed)
    try:
        model = Sequential(
            [Input(array.shape[1:]), _normalization(array, "standardization"), inner],
            name=inner.name,
        )
    except GlassgradError as error:
        raise Refused(f"it does not fit: {error}") from error
    model.seed, model.preprocessing = inner.seed, inner.preprocessing
    return regimen.with_model(model)


def _normalization(array: Array, name: str) -> Normalization:
    """One mean and deviation for all numbers of one kind, else one for each feature or channel."""
    x = array.astype(np.float64)
    others = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axis=others), x.var(axis=others)
    ranges = np.ptp(x, axis=others)
    varying = ranges[ranges > 0]
    usual = float(np.median(varying)) if varying.size else 1.0
    if (
        array.ndim == 2
        and varying.size > 1
        and varying.max() <= ONE_SCALE * usual
        and (ranges.max() == varying.max() and _is_of_one_kind(x))
    ):
        return Normalization(
            axis=None, mean=float(x.mean()), variance=max(float(x.var()), 1e-12), name=name
        )
    least = LEAST_SHARE * np.median(np.sqrt(variance[variance > 0])) if varying.size else 1.0
    spread = np.where(variance > 0, np.maximum(variance, 1e-12), max(float(least), 1e-6) ** 2)
    return Normalization(mean=mean.tolist(), variance=spread.tolist(), name=name)


def _is_of_one_kind(x: Array) -> bool:
    """Whether columns look like pixels: many of them, from the same least value on."""
    lowest, highest = x.min(axis=0), x.max(axis=0)
    return x.shape[1] >= 16 and bool((np.abs(lowest - lowest.min()) <= 0.25 * highest.max()).all())


# ---- outputs


def loss_and_output(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """The loss and the last activation that belong to what the targets are."""
    task = ward.task
    if task.kind == "other":
        raise Refused("several outputs, or targets of several kinds, are left to a person")
    place = _last_place(regimen.model)
    if place is None:
        return _with_loss_alone(regimen, ward)
    units, activation, loss = _suited(task, place.units)
    is_same_loss = _name_of(regimen.loss) == _name_of(loss)
    if (place.units, place.activation) == (units, activation) and is_same_loss:
        raise Refused("loss and last activation are those of such targets already")
    found = _with_output(regimen, place, units, activation)
    return found if is_same_loss else replace(found, loss=loss, loss_weights=None)


def _last_place(model: Model) -> Place | None:
    """The layer with units at the end; none where functions, or layers of one's own, end it."""
    if calls_layers_itself(model):
        return None
    places = [place for place in places_of(model) if place.is_output]
    if not places or places[0].outer is not places[0].layer:
        return None
    ends = leaves_of(model.outputs) if model.is_functional else []
    last = ends[0].call.function if ends else model.layers[-1]
    return places[0] if last in (places[0].outer, places[0].bearer) else None


def _with_loss_alone(regimen: Regimen, ward: Ward) -> Regimen:
    """The loss that belongs to what comes out: of probabilities, or else of logits."""
    predictions = leaves_of(regimen.model(ward.learning.part(slice(0, FEW)).x))
    if len(predictions) != 1 or not predictions[0].shape:
        raise Refused("the network does not end in units that answer to the targets")
    units = predictions[0].shape[-1]
    needed, activation, loss = _suited(ward.task, units)
    if needed != units:
        raise Refused(f"{units} numbers come out, and {needed} are needed")
    if activation != "linear":
        is_of_logits = not _ends_in(activation, regimen.model, ward, predictions[0].numpy())
        alike = regimen.loss if type(regimen.loss) is type(loss) else loss
        loss = type(loss).from_config({**alike.get_config(), "from_logits": is_of_logits})
    if _name_of(regimen.loss) == _name_of(loss):
        raise Refused("the loss is that of such targets already")
    return replace(regimen, loss=loss, loss_weights=None)


def _ends_in(activation: str, model: Model, ward: Ward, predictions: Array) -> bool:
    """Whether what comes out went through an activation; a softmax may also be written out."""
    if activation == "softmax" and (predictions >= 0).all():
        return bool(np.allclose(predictions.sum(-1), 1, atol=1e-3))
    followed = follow(model, sample_of(ward.learning, model.dtype))
    return last_activation(followed, followed.outputs[0].prediction) == activation


def _name_of(loss: Any) -> tuple[str, bool]:
    """What a loss does, in short."""
    return str(getattr(loss, "name", loss)), bool(getattr(loss, "from_logits", False))


def _output(regimen: Regimen) -> Place:
    place = _last_place(regimen.model)
    if place is None:
        raise Refused("the last layer is none with units")
    return place


def _suited(task: Task, present: int | None) -> tuple[int, str, losses.Loss]:
    """Units, activation and loss, for a network of so many units at present."""
    if task.kind == "classes":
        units = max(task.classes, present or 0)
        return units, "softmax", losses.SparseCategoricalCrossentropy()
    if task.kind == "one_hot":
        return task.columns, "softmax", losses.CategoricalCrossentropy()
    if task.kind == "binary":
        if present == 2 and task.columns == 1:
            return 2, "softmax", losses.SparseCategoricalCrossentropy()
        return task.columns, "sigmoid", losses.BinaryCrossentropy()
    return task.columns, "linear", losses.MeanSquaredError()


def _with_output(regimen: Regimen, place: Place, units: int, activation: str) -> Regimen:
    fits = place.units == units
    if not fits and place.kind != "Dense":
        raise Refused(f"the last layer has {place.units} units, and {units} are needed")
    bare = {**matched(place), "units": units} if place.kind == "Dense" else matched(place)
    new = changed(place.outer, activation=activation, **bare)

    def output(layer: Layer) -> Any:
        if layer is place.outer:
            return new
        return None if layer is place.bearer else layer

    return operated_layers(regimen, output)


def scaled_targets(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Predictions that begin at the mean and spread of real targets."""
    task = ward.task
    if task.kind != "real" or not task.deviation > 0:
        raise Refused("the targets are classes")
    is_far = not 1 / FAR_FROM_ONE <= task.deviation <= FAR_FROM_ONE
    if not is_far and abs(task.mean) <= 3 * task.deviation:
        raise Refused("the targets are of the scale of first predictions")
    try:
        found = loss_and_output(regimen, remedy, ward)
    except Refused:  # it is right already
        found = regimen
    require_layers(found)
    place = _output(found)
    last = Rescaling(task.deviation, task.mean, name="scale_of_targets")
    scaled = operated_layers(found, lambda layer: [layer, last] if layer is place.outer else layer)
    weight = float(f"{task.deviation**-2:.6g}")  # so that gradients are those of unit targets
    return replace(scaled, loss_weights=weight)
