"""A float32 graph computed in float64: what is explained and checked is the mathematics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import partial

import numpy as np

from glassgrad.graph import (
    Composite,
    Constant,
    Graph,
    Leaf,
    Node,
    Operation,
    Placeholder,
    Tensor,
    constant,
    float_type,
    placeholder,
    rewrite,
    walk,
)
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.ops.elementwise import cast
from glassgrad.ops.random import RandomUniform

__all__ = ["in_float64"]

DRAWN = RandomUniform


def in_float64(
    outputs: Sequence[Tensor], known: Mapping[Key, Tensor], *, same_draws: bool = True
) -> tuple[Tensor, ...]:
    """Rebuild a graph so that every float in it is a float64.

    What is drawn at random stays what it is in float32, and is cast.

    Args:
        outputs: the tensors of the graph that are wanted.
        known: by their keys, float64 tensors that take the place of leaves.
        same_draws: whether composites that draw give way to their definitions, so that they draw
            what they draw in float32. Without it they keep rules of their own, and draw anew.

    Example:
        >>> x, exact = placeholder((2,)), placeholder((2,), "float64")
        >>> (y,) = in_float64([x * 0.5 + 1.0], {x.key: exact})
        >>> str(y.spec)
        'float64[2]'
    """
    with float_type("float64"):
        return rewrite(outputs, partial(_in_float64, same_draws), known)


def _in_float64(
    same_draws: bool, node: Node, inputs: tuple[Tensor, ...]
) -> Sequence[Tensor] | None:
    operation = node.operation
    if all(spec.dtype != np.float32 for spec in (*node.specs, *(t.spec for t in node.inputs))):
        return None
    if isinstance(operation, Constant):
        rebuilt: Sequence[Tensor] = (constant(_exact(operation.value), "float64"),)
    elif isinstance(operation, Leaf):
        return None
    elif isinstance(operation, DRAWN):
        rebuilt = (cast(operation(*inputs), "float64"),)
    elif same_draws and isinstance(operation, Composite) and _draws(operation, node.inputs):
        rebuilt = _opened(operation, node, inputs)
    else:
        made = _retyped(operation)(*inputs)
        rebuilt = made if isinstance(made, tuple) else (made,)
    for tensor in rebuilt:
        tensor.node.scope = node.scope
    return rebuilt


def _exact(value: Array) -> Array:
    """Numbers in float64; a single one as it was written: 0.1, not what float32 makes of it."""
    if value.size == 1:
        return np.full(value.shape, float(str(value.ravel()[0])))
    return value.astype(np.float64)


def _draws(operation: Composite, inputs: Sequence[Tensor]) -> bool:
    """Whether a composite draws at random, within its definition or that of a part."""
    with float_type("float32"):
        graph = operation.graph(*[tensor.spec for tensor in inputs])
    return any(
        isinstance(node.operation, DRAWN)
        or (isinstance(node.operation, Composite) and _draws(node.operation, node.inputs))
        for node in graph.nodes
    )


def _opened(operation: Composite, node: Node, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """A composite that draws, by its definition: its random numbers stay those of float32."""
    with float_type("float32"):
        graph = operation.graph(*[tensor.spec for tensor in node.inputs])
    known = {old.key: new for old, new in zip(graph.inputs, inputs, strict=True)}
    given = {tensor.node for tensor in inputs}
    made = in_float64(graph.outputs, known)
    for inner in walk(made, lambda tensor: tensor.node in given):
        if inner.inputs:
            inner.scope = node.scope
    return made


def _retyped(operation: Operation) -> Operation:
    """The operation with float64 in the place of float32 among its parameters."""
    changed: dict[str, object] = {}
    for field in fields(operation):
        value = getattr(operation, field.name)
        if field.name == "dtype" and value == "float32":
            changed[field.name] = "float64"
        elif isinstance(value, Graph):
            changed[field.name] = _retyped_graph(value)
        elif isinstance(value, Operation):
            changed[field.name] = _retyped(value)
    return replace(operation, **changed) if changed else operation


def _retyped_graph(graph: Graph) -> Graph:
    inputs = tuple(
        placeholder(t.shape, "float64", _label(t)) if t.dtype == np.float32 else t
        for t in graph.inputs
    )
    known = {old.key: new for old, new in zip(graph.inputs, inputs, strict=True)}
    return Graph(inputs, in_float64(graph.outputs, known))


def _label(tensor: Tensor) -> str:
    operation = tensor.node.operation
    return operation.label if isinstance(operation, Placeholder) else "x"
