"""What operations decide by: where a decision changes, there is a kink."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import TypeAlias

import numpy as np

from glassgrad.graph import Composite, Node, Operation, TensorSpec
from glassgrad.graph.graph import evaluate_nodes
from glassgrad.graph.operation import Array
from glassgrad.ops.elementwise import Absolute, Clip, Heaviside, Maximum, Minimum, Relu, Sign
from glassgrad.ops.ordering import Sort
from glassgrad.ops.reduction import Extreme
from glassgrad.ops.rounding import Rounding

__all__ = ["crossed", "decisions"]

Values: TypeAlias = Mapping[Node, tuple[Array, ...]]


@singledispatch
def decisions(
    operation: Operation, inputs: Sequence[Array], outputs: Sequence[Array]
) -> list[Array]:
    """The discrete part of what an operation computed: of two sides of a kink it differs.

    What an operation gives that is no float (the place of a maximum, a comparison) is a decision
    of its own; operations that decide without saying so are registered.

    Example:
        >>> x = np.array([-1.0, 2.0])
        >>> decisions(Relu(), [x], [np.maximum(x, 0)])
        [array([-1.,  1.])]
    """
    return [output for output in outputs if output.dtype.kind != "f"]


@decisions.register(Relu)
@decisions.register(Absolute)
def _side_of_zero(
    operation: Operation, inputs: Sequence[Array], outputs: Sequence[Array]
) -> list[Array]:
    return [np.sign(inputs[0])]


@decisions.register(Sign)
@decisions.register(Heaviside)
@decisions.register(Rounding)
def _stair(operation: Operation, inputs: Sequence[Array], outputs: Sequence[Array]) -> list[Array]:
    return [outputs[0]]


@decisions.register(Maximum)
@decisions.register(Minimum)
def _larger(operation: Operation, inputs: Sequence[Array], outputs: Sequence[Array]) -> list[Array]:
    return [np.sign(np.subtract(*inputs))]


@decisions.register
def _within(operation: Clip, inputs: Sequence[Array], outputs: Sequence[Array]) -> list[Array]:
    (x,) = inputs
    return [np.sign(x - operation.low), np.sign(x - operation.high)]


@decisions.register
def _winners(operation: Extreme, inputs: Sequence[Array], outputs: Sequence[Array]) -> list[Array]:
    (x,), (y,) = inputs, outputs
    return [x == (y if operation.keepdims else np.expand_dims(y, operation.axes))]


@decisions.register
def _order(operation: Sort, inputs: Sequence[Array], outputs: Sequence[Array]) -> list[Array]:
    return [np.argsort(inputs[0], axis=operation.axis, stable=True)]


@decisions.register
def _of_parts(
    operation: Composite, inputs: Sequence[Array], outputs: Sequence[Array]
) -> list[Array]:
    """Those of the operations that it is defined by."""
    graph = operation.graph(*(TensorSpec(array.shape, array.dtype) for array in inputs))
    values: dict[Node, tuple[Array, ...]] = {
        tensor.node: (array,) for tensor, array in zip(graph.inputs, inputs, strict=True)
    }
    evaluate_nodes(graph.nodes, np, values)
    return [found for node in graph.nodes if node.inputs for found in _at(node, values)]


def _at(node: Node, values: Values) -> list[Array]:
    inputs = [values[tensor.node][tensor.index] for tensor in node.inputs]
    return decisions(node.operation, inputs, values[node])


def crossed(nodes: Sequence[Node], one: Values, other: Values) -> list[str]:
    """The operations that decided otherwise at one point than at another, by name."""
    found = [
        node.operation.name
        for node in nodes
        if any(
            not np.array_equal(before, after)
            for before, after in zip(_at(node, one), _at(node, other), strict=True)
        )
    ]
    return list(dict.fromkeys(found))
