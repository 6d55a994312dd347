"""The whole slope of the loss by the state after each time step of a recurrent layer.

The slope by what a layer gives lacks the way through the later steps. So each step is told to add
something to its state, which is 0: the slope by what is added is that by the state, on all ways.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from glassgrad.errors import GraphError
from glassgrad.graph import (
    Composite,
    Graph,
    Node,
    Tensor,
    constant,
    placeholder,
    rewrite,
    substitute,
    walk,
)
from glassgrad.lens.doctor.calls import NamedCall
from glassgrad.ops.elementwise import Where, add
from glassgrad.ops.movement import broadcast_to
from glassgrad.ops.recurrent import GatedRecurrentUnit, LongShortTermMemory, SimpleRecurrence
from glassgrad.ops.scan import Scan

__all__ = ["Addition", "with_additions"]

RECURRENCES = (GatedRecurrentUnit, LongShortTermMemory, SimpleRecurrence, Scan)


@dataclass(frozen=True, eq=False)
class Addition:
    """What the steps of one recurrent layer add to their state: zeros.

    Args:
        layer: the name of its call.
        tensor: (time, batch, units).
        reverse: whether the layer begins with the last one.
    """

    layer: str
    tensor: Tensor
    reverse: bool


def with_additions(
    calls: Sequence[NamedCall], tensors: Sequence[Tensor]
) -> tuple[list[NamedCall], list[Tensor], list[Addition]]:
    """Rebuild a graph so that every recurrent layer adds zeros to its state.

    Where a state has several parts it is the first, which is what the layer shows. A graph
    without recurrent layers stays as it is.

    Args:
        calls: the layers' calls.
        tensors: further tensors of the graph.

    Returns:
        Calls and tensors of the new graph, and what is added.
    """
    layer_of = {node: call.name for call in calls for node in _recurrences(call)}
    additions: list[Addition] = []

    def opened(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        if node not in layer_of:
            return None
        outputs, addition, reverse = _opened(node, inputs)
        additions.append(Addition(layer_of[node], addition, reverse))
        return outputs

    if not layer_of:
        return [*calls], [*tensors], []
    given = [tensor for call in calls for tensor in _tensors(call)]
    rebuilt = rewrite([*tensors, *given], opened)
    of_calls = iter(rebuilt[len(tensors) :])
    moved = [_moved(call, of_calls) for call in calls]
    return moved, list(rebuilt[: len(tensors)]), additions


def _recurrences(call: NamedCall) -> list[Node]:
    """The loops of a recurrent layer."""
    if call.role != "recurrent":
        return []
    given = {tensor.key for tensor in call.arguments}
    nodes = walk(call.outputs, lambda tensor: tensor.key in given)
    return [node for node in nodes if isinstance(node.operation, RECURRENCES)]


def _opened(node: Node, inputs: tuple[Tensor, ...]) -> tuple[Sequence[Tensor], Tensor, bool]:
    """The outputs of a loop that adds to its state, the addition, and the direction of time.

    An operation that stands for a whole loop gives way to its definition.
    """
    operation = node.operation
    if isinstance(operation, Composite):
        graph = operation.graph(*[tensor.spec for tensor in inputs])
        known = {old.key: new for old, new in zip(graph.inputs, inputs, strict=True)}
        loop = next(inner for inner in graph.nodes if isinstance(inner.operation, Scan))
        made, addition, reverse = _opened(loop, substitute(loop.inputs, known))
        known |= {old.key: new for old, new in zip(loop.outputs, made, strict=True)}
        return substitute(graph.outputs, known), addition, reverse
    if not isinstance(operation, Scan):
        raise GraphError(f"{operation.describe()} is no loop.")
    carries, sequences, constants = operation.split(inputs)
    state = carries[0]
    addition = broadcast_to(constant(0.0, state.dtype), (operation.length, *state.shape))
    adding = replace(operation, body=_adding(operation), sequences=operation.sequences + 1)
    outputs: tuple[Tensor, ...] = adding(*carries, *sequences, addition, *constants)
    return outputs, addition, operation.reverse


def _adding(operation: Scan) -> Graph:
    """The body of a loop with one more element, which is added to the first state.

    Under a mask it is added to the new state, which is held back where there is no step.
    """
    body = operation.body
    carries, sequences, constants = operation.split(body.inputs)
    state = body.outputs[0]
    new = state.node.inputs[1] if isinstance(state.node.operation, Where) else state
    element = placeholder(new.shape, new.dtype, "addition")
    outputs = substitute(body.outputs, {new.key: add(new, element)})
    return Graph((*carries, *sequences, element, *constants), outputs)


def _tensors(call: NamedCall) -> list[Tensor]:
    last = [] if call.pre_activation is None else [call.pre_activation]
    return [*call.arguments, *call.outputs, *last]


def _moved(call: NamedCall, tensors: Iterator[Tensor]) -> NamedCall:
    """The same call with other tensors, which come in the order of ``_tensors``."""
    return replace(
        call,
        arguments=tuple(next(tensors) for _ in call.arguments),
        outputs=tuple(next(tensors) for _ in call.outputs),
        pre_activation=None if call.pre_activation is None else next(tensors),
    )
