"""What the boxes of a picture say: those of layers, and those of operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.graph import Formula, Leaf, Names, Tensor, formula_of, walk
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.graph.trees import leaves_of
from glassgrad.layers import Layer
from glassgrad.lens.picturing.lettering import short_number
from glassgrad.lens.picturing.measuring import Values, norm_of
from glassgrad.lens.picturing.picture import Box
from glassgrad.lens.picturing.sketching import LOSS, Part, Sketch
from glassgrad.lens.subject import Subject
from glassgrad.models import Model

if TYPE_CHECKING:
    from glassgrad.graph.symbolic import OpenShape

__all__ = ["LayerBoxes", "OperationBoxes", "Words", "names_of_inputs"]


# ---- layers


class LayerBoxes:
    """A model as a sketch of its layers, and what the boxes say."""

    direction = "down"

    def __init__(self, subject: Subject, *, depth: int, show_shapes: bool) -> None:
        data = _data_of(subject)
        outputs = [one for one in leaves_of(subject.predictions) if isinstance(one, Tensor)]
        self.sketch = Sketch(
            outputs, subject.loss, data, calls=subject.calls, depth=depth, model=subject.model
        )
        self.words = Words(show_shapes=show_shapes)
        places = dict(zip(subject.names, subject.inputs, strict=True))
        self.tensors = {one: places[name] for name, one in subject.variables.items()}

    def looked_at(self) -> list[Tensor]:
        """Values that the boxes show."""
        return []

    def box(self, part: Part, gradients: Mapping[Key, Sequence[Tensor]], seen: Values) -> Box:
        """The box of a part, with the gradient of its parameters from wherever they are read."""
        layer = None if part.call is None else part.call.layer
        weights = layer.weights if isinstance(layer, Layer) else []
        keys = [self.tensors[weight].key for weight in weights if weight in self.tensors]
        own = {key: gradients[key] for key in keys if key in gradients}
        return self.words.box(part, [t.shape for t in part.outputs], norm_of(seen.sums(own)))


class Words:
    """What the boxes of layers say."""

    def __init__(self, *, show_shapes: bool) -> None:
        self.show_shapes = show_shapes
        self._drawn: set[Layer] = set()

    def box(self, part: Part, shapes: Sequence[OpenShape], gradient: float | None = None) -> Box:
        """The box of a part with the shapes of its outputs."""
        if part.kind == LOSS:
            return Box(part.name, part.kind, part.name, tuple(dict.fromkeys(_loss_names(part))))
        details = [" ".join(map(str, shapes))] if self.show_shapes else []
        layer = None if part.call is None else part.call.layer
        group, _, title = part.name.rpartition("/")
        if part.kind == "operation":
            title = part.outputs[0].node.operation.name.lower()
            return Box(part.name, part.kind, title, tuple(details), group=group)
        if not isinstance(layer, Layer):
            return Box(part.name, part.kind, part.name, tuple(details))
        count = sum(weight.spec.size for weight in layer.weights)
        more = self._parameters(layer, count)
        if part.is_fused:
            more.append("one step with the loss")
        if layer in self._drawn:
            gradient = None
        self._drawn.add(layer)
        lines = (_kind(layer), *details, *more)
        return Box(part.name, part.kind, title, lines, count, gradient, group)

    def _parameters(self, layer: Layer, count: int) -> list[str]:
        if not count:
            return []
        if layer in self._drawn:
            return ["with the same parameters"]
        noun = "parameter" if count == 1 else "parameters"
        return [f"{count:,} {noun}{'' if layer.trainable else ', frozen'}"]


def _kind(layer: Layer) -> str:
    """The class of a layer, with its activation."""
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", "linear") if activation is not None else "linear"
    return type(layer).__name__ if name == "linear" else f"{type(layer).__name__}, {name}"


def _loss_names(part: Part) -> list[str]:
    scopes = [node.scope.split("/") for node in part.nodes]
    return [
        "penalty" if scope[-1].startswith("penalty") else scope[1].replace("_", " ")
        for scope in scopes
        if len(scope) > 1
    ]


def _data_of(subject: Subject) -> dict[Key, str]:
    """What enters a model besides its variables, by name: inputs, targets and weights."""
    whole = next(call for call in reversed(subject.calls) if call.layer is subject.model)
    inputs = names_of_inputs(subject.model, leaves_of(whole.inputs))
    others = {
        tensor.key: name
        for tensor, name in zip(subject.inputs, subject.names, strict=True)
        if name not in subject.variables and name.startswith(("y", "sample_weight"))
    }
    return {**others, **inputs}


def names_of_inputs(model: Model | None, tensors: Sequence[Any]) -> dict[Key, str]:
    """The inputs of a model: x, or several by the names that they have."""
    names = ["x"] if len(tensors) == 1 else [f"x{number}" for number in range(len(tensors))]
    if len(tensors) > 1 and model is not None and model.is_functional:
        names = model.input_names
    pairs = zip(tensors, names, strict=True)
    return {tensor.key: name for tensor, name in pairs if isinstance(tensor, Tensor)}


# ---- operations


class OperationBoxes:
    """A loss as a sketch of its operations, and what the boxes say."""

    direction = "right"

    def __init__(self, subject: Subject, names: Mapping[Key, Formula] | None) -> None:
        self.subject = subject
        self.names = Names(None if names is None else dict(names))
        self.wanted = {tensor.key for tensor in subject.parameters}
        if names is None:
            for node in walk([subject.loss]):  # numbered in the order of the forward pass
                for tensor in node.outputs:
                    self.names[tensor]
        entering = {tensor.key: self.names[tensor].plain for tensor in subject.inputs}
        self.sketch = Sketch([], subject.loss, entering, operations=self._name)
        for part in self.sketch.parts:
            if part.kind == "data" and part.outputs[0].key in self.wanted:
                part.kind = "parameter"

    def _name(self, tensor: Tensor) -> str | None:
        return self.names[tensor].plain if tensor.key in self.names else None

    def looked_at(self) -> list[Tensor]:
        """Values that the boxes show."""
        return [part.outputs[0] for part in self.sketch.parts]

    def box(self, part: Part, gradients: Mapping[Key, Sequence[Tensor]], seen: Values) -> Box:
        """The box of a part."""
        tensor = part.outputs[0]
        (value,) = seen.of([tensor])
        title = part.name
        if not isinstance(tensor.node.operation, Leaf):
            operands = [formula_of(operand, self.names) for operand in tensor.node.inputs]
            title = f"{part.name} = {tensor.node.operation.formula(operands).plain}"
        details = [_value(value)]
        found = seen.sums({tensor.key: gradients.get(tensor.key, [])})
        details += [f"dL/d{part.name} = {_value(slope)}" for slope in found]
        return Box(part.name, part.kind, title, tuple(details))


def _value(value: Array) -> str:
    if np.size(value) == 1:
        return short_number(float(np.asarray(value).item()))
    return f"{np.shape(value)}, norm {short_number(float(np.linalg.norm(value)))}"
