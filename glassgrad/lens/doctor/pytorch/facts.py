"""What is known of a module of PyTorch and of its training, after its first step was heard."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassgrad import losses
from glassgrad.graph.operation import Array
from glassgrad.lens.doctor.case import (
    DataFacts,
    Facts,
    LayerFacts,
    OutputFacts,
    ParameterFacts,
)
from glassgrad.lens.doctor.facts.baseline import trivial_loss
from glassgrad.lens.doctor.facts.features import scales_of
from glassgrad.lens.doctor.facts.targets import ordering, targets_like
from glassgrad.lens.doctor.probe_statistics import rms
from glassgrad.lens.doctor.pytorch.visit import Heard, Loss, Visit
from glassgrad.lens.doctor.ranges import out_of_reach
from glassgrad.lens.doctor.reference import reference_loss

__all__ = ["facts_of_module", "parameter_facts"]

LOSSES = {
    "sparse_categorical_crossentropy": losses.SparseCategoricalCrossentropy,
    "categorical_crossentropy": losses.CategoricalCrossentropy,
    "binary_crossentropy": losses.BinaryCrossentropy,
    "mean_squared_error": losses.MeanSquaredError,
    "mean_absolute_error": losses.MeanAbsoluteError,
    "huber": losses.Huber,
}


@dataclass(frozen=True)
class Examples:
    """The batch of the first step, as a sample of the data.

    Args:
        x: the first input; ``None`` where the module has none, or there is nothing to compare.
        y: the targets.
    """

    x: Array | None = None
    y: Array | None = None

    @classmethod
    def of(cls, visit: Visit) -> Examples:
        """What a step has seen."""
        if visit.loss is None or visit.loss.targets is None or not visit.inputs:
            return cls()
        return cls(visit.inputs[0], visit.loss.targets)


def facts_of_module(
    module: Any,
    visit: Visit,
    parameters: Sequence[ParameterFacts],
    optimizer: Any,
    steps: int | None,
) -> Facts:
    """The facts of a training.

    Args:
        module: what learns.
        visit: the first one.
        parameters: as they were before the first step.
        optimizer: of PyTorch.
        steps: how many are planned.
    """
    examples = Examples.of(visit)
    layers = tuple(_layers(visit.heard))
    data = _data(examples)
    facts = Facts(
        type(module).__name__,
        layers,
        tuple(parameters),
        data,
        batch_size=len(visit.inputs[0]) if visit.inputs else None,
        steps=steps,
        **_steps(optimizer),
    )
    return facts if visit.loss is None else _with_loss(facts, visit, examples)


# ---- layers and parameters


def _layers(heard: Sequence[Heard]) -> list[LayerFacts]:
    last = next((one.name for one in reversed(heard) if one.role == "hidden"), None)
    behind = [one for one in heard if one.role in ("hidden", "recurrent", "attention")]
    is_end = bool(behind) and behind[-1].name == last
    return [
        LayerFacts(
            one.name,
            one.kind,
            None if one.function is None else one.function.name,
            "output" if is_end and one.name == last else one.role,
            one.units,
            one.inputs,
            one.parameters,
            True,
            one.positions,
        )
        for one in heard
    ]


def parameter_facts(module: Any, heard: Sequence[Heard]) -> list[ParameterFacts]:
    """All parameters as they are now, those that were heard with their layer."""
    kinds = {name: one.kind for one in heard for name in one.parameters}
    places: dict[str, str] = {}
    for one in heard:
        for name in one.parameters:
            places.setdefault(name, one.name)
    return [
        _parameter(name, places.get(name, name.rpartition(".")[0]), kinds.get(name), value)
        for name, value in module.named_parameters()
    ]


def _parameter(name: str, layer: str, of: str | None, tensor: Any) -> ParameterFacts:
    value = tensor.detach().cpu().float().numpy()
    kind = _kind(name.rpartition(".")[2], of, value)
    is_kernel = kind.endswith("kernel")
    is_transposed = is_kernel and "Transpose" in (of or "")
    units = value.swapaxes(0, 1) if is_transposed else value
    positions = math.prod(value.shape[2:])
    return ParameterFacts(
        name,
        layer,
        kind,
        tuple(value.shape),
        units.shape[1] * positions if is_kernel else None,
        units.shape[0] * positions if is_kernel else None,
        rms(value),
        bool(tensor.requires_grad),
        is_kernel and len(units) > 1 and bool((units == units[:1]).all()),
        constant=bool(value.size) and bool((value == value.flat[0]).all()),
    )


def _kind(leaf: str, of: str | None, value: Array) -> str:
    """What a parameter is, by PyTorch's names."""
    if of == "Embedding":
        return "embedding"
    if leaf.startswith("weight_hh"):
        return "recurrent_kernel"
    if value.ndim > 1:
        return "kernel"
    if "bias" in leaf:
        return "shift" if of is not None and of.endswith("Normalization") else "bias"
    return "gain" if leaf == "weight" else "other"


# ---- data and loss


def _data(examples: Examples) -> DataFacts:
    x = examples.x
    if x is None:
        return DataFacts(0, ())
    is_real = x.dtype.kind == "f"
    by_feature = np.moveaxis(x, 1, -1) if x.ndim == 4 else x  # images have their channels there
    scales = scales_of([by_feature]) if is_real else None
    return DataFacts(
        len(x),
        tuple(x.shape[1:]),
        "real" if is_real else "indices",
        None if scales is None else scales.rms,
        None if scales is None else scales.deviations,
        finite=not is_real or bool(np.isfinite(x).all()),
    )


def _with_loss(facts: Facts, visit: Visit, examples: Examples) -> Facts:
    loss, y = visit.loss, examples.y
    assert loss is not None
    activation = _last_activation(visit)
    shape = _with_units_last(loss).shape[1:]
    data = facts.data if y is None else _with_targets(facts.data, loss, y, examples.x, shape)
    output = OutputFacts(
        data,
        loss.name,
        loss.from_logits,
        activation,
        shape,
        next((one.name for one in facts.layers if one.role == "output"), None),
        _out_of_reach(loss, y, activation),
    )
    return replace(
        facts,
        data=data,
        loss=loss.name,
        from_logits=loss.from_logits,
        output_activation=activation,
        output_shape=shape,
        trivial_loss=_trivial(loss.name, y, shape[-1] if shape else 1),
        reference_loss=_reference(loss, examples),
        outputs=(output,),
    )


def _trivial(name: str | None, y: Array | None, units: int) -> float | None:
    """The loss of the best constant prediction."""
    if name is None or y is None:
        return None
    made = LOSSES[name]()
    return trivial_loss(made, made.fn, y, units)


def _with_units_last(loss: Loss) -> Array:
    """Predictions with classes along the last axis; PyTorch's cross-entropy has them second."""
    is_of_classes = loss.name in ("sparse_categorical_crossentropy", "categorical_crossentropy")
    found = loss.predictions
    return np.moveaxis(found, 1, -1) if is_of_classes and found.ndim > 2 else found


def _last_activation(visit: Visit) -> str:
    """Of what the loss reads; that which belongs to the loss is no activation of the network."""
    maker = None if visit.loss is None else visit.loss.maker
    found = next((one for one in visit.heard if one.name == maker), None)
    if found is None or found.function is None:
        return "linear"
    name = found.function.name
    return "linear" if name == "log_softmax" and visit.loss and visit.loss.from_logits else name


def _with_targets(
    data: DataFacts, loss: Loss, y: Array, x: Array | None, shape: tuple[int, ...]
) -> DataFacts:
    is_of_labels = loss.name == "sparse_categorical_crossentropy"
    found = targets_like(y, labels_of=shape[-1] if is_of_labels and shape else None)
    if found is None:
        return replace(data, finite=False)
    order = None
    if found.kind == "classes" and not is_of_labels and x is not None:
        order = ordering(x, y.reshape(len(y)))
    return found.added_to(data, y.shape[1:], order)


def _out_of_reach(loss: Loss, y: Array | None, activation: str) -> float:
    """The part of the targets' variance beyond what the last activation can give."""
    if y is None or not y.size or y.dtype.kind != "f" or loss.from_logits or loss.name is None:
        return 0.0
    return out_of_reach(y, activation)


def _reference(loss: Loss, examples: Examples) -> float | None:
    x, y = examples.x, examples.y
    if x is None or y is None or loss.name is None or len(x) != len(y):
        return None
    return reference_loss(x, y, loss.name)


# ---- the optimizer


def _steps(optimizer: Any) -> Mapping[str, Any]:
    group = optimizer.param_groups[0]
    return {
        "optimizer": type(optimizer).__name__.lower(),
        "learning_rate": float(max(one["lr"] for one in optimizer.param_groups)),
        "has_schedule": "initial_lr" in group,  # which is where PyTorch's schedules note it
        "momentum": float(group.get("momentum", 0.0)),
    }
