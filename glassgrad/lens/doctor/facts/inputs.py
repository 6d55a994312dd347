"""What enters the first layers with weights: the data, behind what scales and arranges them."""

from __future__ import annotations

from dataclasses import dataclass

from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import Node, Read, Tensor, Variable, walk
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.graph.trees import leaves_of
from glassgrad.layers import Layer
from glassgrad.lens.doctor.facts.features import Scales, scales_of
from glassgrad.lens.doctor.facts.following import Followed

__all__ = ["Inputs", "first_inputs_of", "inputs_of"]

WEIGHTED = ("hidden", "output", "recurrent", "attention", "embedding")


@dataclass(frozen=True)
class Inputs:
    """What enters a network: "real" or "indices", and the scale of the numbers among it."""

    kind: str
    scales: Scales | None


def inputs_of(followed: Followed) -> Inputs:
    """What enters, in one look.

    Layers that learn nothing belong to the way in, and so does what a normalisation does before
    its gain: what counts is what meets the first weights.
    """
    entering = _entering(followed)
    numbers = [tensor for tensor in entering if not _is_of_indices(tensor)]
    if not numbers:
        return Inputs("indices" if entering else "real", None)
    program = ReferenceExecutor().compile(numbers, followed.places)
    scales = scales_of(program(*leaves_of(followed.sample.data.x)))
    return Inputs("real", scales)


def first_inputs_of(followed: Followed) -> dict[Layer, Array]:
    """What enters those layers with weights that see the data through no other weights."""
    weights = set(followed.names)
    found: dict[Layer, Tensor] = {}
    for call in followed.calls:
        is_first = call.parameters and not any(
            isinstance(node.operation, Read) and node.operation.variable in weights
            for node in walk(call.arguments[:1])
        )
        if is_first and call.role not in ("embedding", "normalization"):
            found.setdefault(call.layer, call.arguments[0])
    program = ReferenceExecutor().compile(list(found.values()), followed.places)
    return dict(zip(found, program(*leaves_of(followed.sample.data.x)), strict=True))


def _is_of_indices(tensor: Tensor) -> bool:
    return tensor.dtype.kind in "iu" and tensor.dtype != "uint8"  # pixels are numbers


def _entering(followed: Followed) -> list[Tensor]:
    """Tensors made of the data alone, where they meet weights or what is made of weights."""
    weights = _weights(followed)
    from_data, from_weights = {place.node for place in followed.places}, set[Node]()
    found: dict[Key, Tensor] = {}
    for node in walk([one.prediction for one in followed.outputs]):
        operation, behind = node.operation, [tensor.node for tensor in node.inputs]
        if isinstance(operation, Read) and operation.variable in weights:
            from_weights.add(node)
        elif not from_weights.isdisjoint(behind):
            from_weights.add(node)
            for tensor in node.inputs:
                is_fresh = tensor.node in from_data and tensor.node not in from_weights
                if is_fresh and tensor.dtype.kind != "b":  # masks are no inputs
                    found.setdefault(tensor.key, tensor)
        if not from_data.isdisjoint(behind):
            from_data.add(node)
    return list(found.values())


def _weights(followed: Followed) -> set[Variable]:
    """All that learns, and what is frozen of layers with kernels; statistics are not."""
    kernels = {name for call in followed.calls if call.role in WEIGHTED for name in call.parameters}
    return {v for v, name in followed.names.items() if name in kernels or v.trainable}
