"""What attention looks at: the weights of its rows, and how many keys each of them sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from glassgrad.graph import Node, Tensor, constant, walk
from glassgrad.lens.doctor.calls import NamedCall
from glassgrad.ops.attention import Attention
from glassgrad.ops.elementwise import equal
from glassgrad.ops.movement import broadcast_to
from glassgrad.ops.reduction import sum as total

__all__ = ["Rows", "rows_of_attention"]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of attention of one call.

    Args:
        layer: the name of the call.
        weights: (batch, heads, queries, keys), before dropout; each row has the sum 1.
        seen: how many keys a query sees, (batch, heads, queries), or with lengths 1 in front.
    """

    layer: str
    weights: Tensor
    seen: Tensor


def rows_of_attention(calls: Sequence[NamedCall]) -> list[Rows]:
    """The rows of all layers of attention in heads.

    Args:
        calls: the layers' calls.
    """
    return [
        _rows(call.name, node, node.operation)
        for call in calls
        for node in _nodes(call)
        if isinstance(node.operation, Attention)
    ]


def _nodes(call: NamedCall) -> list[Node]:
    if call.role != "attention":
        return []
    given = {tensor.key for tensor in call.arguments}
    return walk(call.outputs, lambda tensor: tensor.key in given)


def _rows(layer: str, node: Node, operation: Attention) -> Rows:
    query, key, _, *rest = node.inputs
    extras = operation.extras(rest)
    weights = operation.weights(query, key, node.outputs[1], extras)
    # What a mask hides depends on nothing else: zeros show it.
    shape = (1, 1, *weights.shape[-2:]) if extras.mask is None else weights.shape
    zeros = broadcast_to(constant(0.0, weights.dtype), shape)
    seen = equal(operation.seen(zeros, extras), 0.0).cast("int32")
    return Rows(layer, weights, total(seen, axis=-1))
