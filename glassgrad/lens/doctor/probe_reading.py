"""From the arrays of a visit to a reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np

from glassgrad.graph import Tensor, Variable
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.lens.doctor.calls import NamedCall
from glassgrad.lens.doctor.case import (
    AttentionReading,
    LayerReading,
    ParameterReading,
    Reading,
    RecurrenceReading,
)
from glassgrad.lens.doctor.probe_graph import Looks
from glassgrad.lens.doctor.probe_recurrence import Addition
from glassgrad.lens.doctor.probe_statistics import (
    entropies,
    means_by_class,
    rms,
    saturated,
    silent,
    spread,
    unit_norms,
    unit_ratio,
)
from glassgrad.lens.doctor.probe_units import unit_axes_of
from glassgrad.lens.places import names_of_parameters
from glassgrad.models import Model

__all__ = ["Parameter", "Visit", "parameters_of", "reading_of"]

MOST_CLASSES = 100  # more are words or characters, of which a probe set shows few


@dataclass(frozen=True)
class Visit:
    """The tensors of a visit with their values.

    Args:
        looks: what was looked at.
        values: by the key of each tensor.
        targets: of the probe set, those of the first output; ``None`` without any.
        sizes: root mean squares that are known already.
    """

    looks: Looks
    values: Mapping[Key, Array]
    targets: Array | None
    sizes: dict[Key, float] = field(default_factory=dict)

    def of(self, tensor: Tensor) -> Array:
        """The value of a tensor."""
        return self.values[tensor.key]

    def rms(self, tensor: Tensor) -> float:
        """The root mean square of a tensor, found once."""
        if tensor.key not in self.sizes:
            self.sizes[tensor.key] = rms(self.of(tensor))
        return self.sizes[tensor.key]

    def rms_of_slope(self, tensor: Tensor) -> float | None:
        """That of dL/dt; ``None`` where the loss does not depend on t."""
        slope = self.looks.slopes.get(tensor.key)
        return None if slope is None else self.rms(slope)


@dataclass(frozen=True)
class Parameter:
    """A parameter that is looked at.

    Args:
        variable: where it is.
        name: what it is called.
        axes: along which its units are counted.
    """

    variable: Variable
    name: str
    axes: tuple[int, ...]


def parameters_of(model: Model) -> list[Parameter]:
    """The trainable parameters."""
    names, axes = names_of_parameters(model), unit_axes_of(model)
    return [Parameter(one, names[one], axes[one]) for one in model.trainable_variables]


def reading_of(step: int, parameters: Sequence[Parameter], visit: Visit) -> Reading:
    """What a visit has seen.

    Args:
        step: how many steps of training came before.
        parameters: what is looked at beside the layers.
        visit: tensors and values.
    """
    looks = visit.looks
    return Reading(
        step,
        float(visit.of(looks.loss)),
        tuple(_layer(call, visit) for call in looks.calls),
        tuple(_parameter(one, visit) for one in parameters),
        tuple(_recurrence(one, visit) for one in looks.additions),
        tuple(
            AttentionReading(rows.layer, entropies(visit.of(rows.weights), visit.of(rows.seen)))
            for rows in looks.attentions
        ),
        _loss_by_class(visit),
        _output_deviation(visit),
    )


# ---- layers


def _layer(call: NamedCall, visit: Visit) -> LayerReading:
    y = visit.of(call.output)
    by_unit = np.moveaxis(y, call.axis_of_units, -1) if y.ndim else y
    sizes = visit.rms(call.output), _size_of_slope(call, visit)
    reading = LayerReading(
        call.name,
        *sizes,
        silent=silent(by_unit) if call.rests else None,
        saturated=saturated(by_unit, call.function) if call.saturates else None,
        finite=all(map(isfinite, sizes)),
    )
    return (
        reading if call.pre_activation is None else _with_sums(reading, call.pre_activation, visit)
    )


def _size_of_slope(call: NamedCall, visit: Visit) -> float:
    """That of the slope by the result; by z, where the loss reads what enters a last softmax."""
    found = visit.rms_of_slope(call.output)
    if found is None and call.pre_activation is not None:
        found = visit.rms_of_slope(call.pre_activation)
    return found or 0.0


def _with_sums(reading: LayerReading, z: Tensor, visit: Visit) -> LayerReading:
    deviations, sizes = spread(visit.of(z)), (visit.rms(z), visit.rms_of_slope(z) or 0.0)
    return replace(
        reading,
        pre_activation_rms=sizes[0],
        pre_activation_deviation=deviations.deviation,
        pre_activation_gradient_rms=sizes[1],
        unit_deviation=deviations.of_units,
        finite=reading.finite and all(map(isfinite, sizes)),
    )


def _recurrence(addition: Addition, visit: Visit) -> RecurrenceReading:
    """The slopes by the states, in the order in which the layer takes its steps."""
    slope = visit.looks.slopes.get(addition.tensor.key)
    time = addition.tensor.shape[0]
    steps = np.zeros((time, 1)) if slope is None else visit.of(slope)
    in_order = steps[::-1] if addition.reverse else steps
    return RecurrenceReading(addition.layer, tuple(rms(step) for step in in_order))


# ---- parameters


def _parameter(parameter: Parameter, visit: Visit) -> ParameterReading:
    """What a parameter and its gradient are like; one that is not reached has the gradient 0."""
    variable, name, axes = parameter.variable, parameter.name, parameter.axes
    weights = variable.storage
    slope = visit.looks.gradients.get(variable)
    if slope is None:
        return ParameterReading(name, rms(weights), 0.0, 0.0, 0.0, zero=True, zero_units=1.0)
    gradient = visit.of(slope)
    updated = visit.looks.updated.get(variable)
    norms = unit_norms(gradient, axes)
    return ParameterReading(
        name,
        rms(weights),
        rms(gradient),
        None if updated is None else rms(visit.of(updated) - weights),
        unit_ratio(norms, unit_norms(weights, axes)),
        zero=not norms.any(),
        zero_units=float((norms == 0).mean()) if axes else float((gradient == 0).mean()),
    )


# ---- predictions


def _output_deviation(visit: Visit) -> float | None:
    predictions = visit.looks.predictions
    if predictions is None or predictions.dtype.kind != "f":
        return None
    return spread(visit.of(predictions)).of_units


def _loss_by_class(visit: Visit) -> tuple[float, ...]:
    tensor, y = visit.looks.values, visit.targets
    if tensor is None or y is None:
        return ()
    values = visit.of(tensor)
    if y.size == values.size:
        labels = y.reshape(-1)
    elif y.shape[:-1] == values.shape:
        labels = y.reshape(-1, y.shape[-1]).argmax(axis=-1)
    else:
        return ()
    numbers = labels.astype(np.int64)
    classes = max(int(numbers.max()) + 1, 2)
    if classes > MOST_CLASSES or (numbers != labels).any() or (numbers < 0).any():
        return ()
    return means_by_class(values.reshape(-1), numbers, classes)
