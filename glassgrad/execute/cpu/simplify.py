"""First pass: a graph of other operations that computes the same, in a form that suits kernels.

Composites become their definitions; parameters that would end up in a kernel's text (a clip's
bounds, a dropout's stream) become constants, which are arguments; what depends on constants
alone is computed at once; and equal nodes become one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from operator import is_

import numpy as np

from glassgrad.execute.cpu.kernels import work_of
from glassgrad.execute.cpu.recurrence import opened
from glassgrad.graph import (
    Composite,
    Constant,
    Graph,
    Leaf,
    Node,
    Operation,
    Read,
    Tensor,
    TensorSpec,
    constant,
    rewrite,
)
from glassgrad.ops.elementwise import Cast, Clip, maximum, minimum
from glassgrad.ops.indexing import AddAlongAxis, ScatterAdd
from glassgrad.ops.linear import MatMul
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.ops.movement import Reshape, broadcast_to
from glassgrad.ops.random import RandomUniform
from glassgrad.ops.reduction import Extreme, Max, Min, Reduction, Sum

__all__ = ["StreamedUniform", "merge_equal", "simplify"]

LARGEST_FOLDED = 1024
"""Longer results of constants would only take memory; they are computed in the step."""

ENOUGH_ROWS = 64
"""For all threads to have some."""

HasExpression = Callable[[Operation], bool]


@dataclass(frozen=True)
class StreamedUniform(Operation):
    """`RandomUniform` with its stream as a third input: (seed, step, stream)."""

    target: tuple[int, ...]
    dtype: str

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The target."""
        return TensorSpec(self.target, np.dtype(self.dtype))


def simplify(outputs: Sequence[Tensor], has_expression: HasExpression) -> tuple[Tensor, ...]:
    """Expand, lift parameters, fold constants, merge what is equal."""
    opened = expand(outputs, has_expression)
    return merge_equal(fold_constants(lift_parameters(opened)))


def expand(outputs: Sequence[Tensor], has_expression: HasExpression) -> tuple[Tensor, ...]:
    """Replace every composite by its definition, down to primitives.

    A composite that has a kernel of its own is kept, and so is a formula over lists where one
    kernel can walk the lists. Recurrence becomes what its kernels want.
    """

    def open_up(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        operation = node.operation
        if not isinstance(operation, Composite) or work_of(node) is not None:
            return None
        if (own := opened(node, inputs)) is not None:
            return own
        if isinstance(operation, ElementwiseMap) and _is_one_kernel(operation, inputs):
            simple = _simple_map(operation, has_expression)
            if simple is not None:
                return _applied(simple, node, inputs)
        return defined(operation, node.scope, inputs)

    def defined(operation: Composite, scope: str, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The definition on these inputs, as a part of the layer that the composite is in."""

        def copy(inner: Node, tensors: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
            if isinstance(inner.operation, Leaf):
                return None
            node = Node(inner.operation, tensors, inner.specs)
            node.scope = scope
            return open_up(node, tensors) or node.outputs

        graph = operation.graph(*(tensor.spec for tensor in inputs))
        known = {old.key: new for old, new in zip(graph.inputs, inputs, strict=True)}
        return rewrite(graph.outputs, copy, known)

    return rewrite(outputs, open_up)


def _is_one_kernel(operation: ElementwiseMap, inputs: tuple[Tensor, ...]) -> bool:
    """Whether nothing has to be repeated: shared numbers, and members of one shape."""
    shared, members = operation.split(inputs)
    is_even = all(tensor.shape == member[0].shape for member in members for tensor in member)
    return is_even and all(tensor.size == 1 for tensor in shared)


def _simple_map(operation: ElementwiseMap, has_expression: HasExpression) -> ElementwiseMap | None:
    """The map with a simplified body, if a kernel can be written for it."""
    body = Graph(operation.body.inputs, simplify(operation.body.outputs, has_expression))
    if all(_is_known(node.operation, has_expression) for node in body.nodes):
        return replace(operation, body=body)
    return None


def _is_known(operation: Operation, has_expression: HasExpression) -> bool:
    if isinstance(operation, Leaf):
        return not isinstance(operation, Read)
    return operation.is_elementwise and has_expression(operation)


def _applied(operation: Operation, like: Node, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The outputs of an operation that takes the place of a node's."""
    node = Node(operation, inputs, like.specs)
    node.scope = like.scope
    return node.outputs


def lift_parameters(outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Turn parameters into constants: a kernel's text does not depend on them then.

    Reductions become such as a kernel can compute well.
    """

    def lift(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        # An operation of the user's that inherits from one of these may mean something else.
        lifted = LIFTED.get(type(node.operation))
        return lifted(node.operation, node, inputs) if lifted is not None else None

    return rewrite(outputs, lift)


def _clip(operation: Clip, node: Node, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    (x,) = inputs
    low, high = (constant(bound, x.dtype) for bound in (operation.low, operation.high))
    return _applied(minimum, node, (*_applied(maximum, node, (x, low)), high))


def _uniform(
    operation: RandomUniform, node: Node, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    stream = constant(np.uint32(operation.stream), "uint32")
    uniform = StreamedUniform(operation.target, operation.dtype)
    return _applied(uniform, node, (*inputs, stream))


def _extreme(
    operation: Extreme, node: Node, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...] | None:
    """Nothing is reduced along axes of length 1."""
    (x,) = inputs
    if all(x.shape[axis] == 1 for axis in operation.axes):
        return _applied(Reshape(node.specs[0].shape), node, (x,))
    return _in_turns(operation, node, x)


def _in_turns(operation: Reduction, node: Node, x: Tensor) -> tuple[Tensor, ...] | None:
    """Reduce axes that do not lie side by side one run after the other, the last one first."""
    runs: list[list[int]] = []
    is_inside = False
    for axis, length in enumerate(x.shape):
        if length == 1:
            continue
        if axis not in operation.axes:
            is_inside = False
        elif is_inside:
            runs[-1].append(axis)
        else:
            runs.append([axis])
            is_inside = True
    if len(runs) < 2:
        return None
    for run in reversed(runs):
        x = replace(operation, axes=tuple(run), keepdims=True)(x)
    return _applied(Reshape(node.specs[0].shape), node, (x,))


def _product(
    operation: MatMul, node: Node, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...] | None:
    """Repeat the matrices of a batch that broadcasts along some of its axes, but not along all."""
    batch = node.specs[0].shape[:-2]
    if all(prod(x.shape[:-2]) in (1, prod(batch)) for x in inputs):
        return _counted(operation, node, inputs)
    repeated = tuple(
        x if prod(x.shape[:-2]) == 1 else broadcast_to(x, (*batch, *x.shape[-2:])) for x in inputs
    )
    return _counted(operation, node, repeated) or _applied(operation, node, repeated)


def _counted(
    operation: Operation, node: Node, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...] | None:
    """A sum of booleans asks whether any member is true: how many are, is a number."""
    if node.specs[0].dtype != np.bool_:
        return None
    numbers = (Cast("int32")(x) if x.dtype == np.bool_ else x for x in inputs)
    return _applied(Cast("bool"), node, (operation(*numbers),))


def _sum(operation: Sum, node: Node, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...] | None:
    """The sum of everything is the sum of the sums of rows, which the threads can share."""
    (x,) = inputs
    long = [axis for axis, length in enumerate(x.shape) if length != 1]
    if not set(long) & set(operation.axes):
        return _applied(Reshape(node.specs[0].shape), node, (x,))
    if not set(long) <= set(operation.axes):
        return _in_turns(operation, node, x)
    if len(long) < 2:
        return None
    first = next((n for n in long[1:-1] if prod(x.shape[:n]) >= ENOUGH_ROWS), long[-1])
    rows = Sum(tuple(range(first, x.ndim)))(x)
    whole = Sum(tuple(range(rows.ndim)))(rows)
    return _applied(Reshape(node.specs[0].shape), node, (whole,))


LIFTED: dict[type[Operation], Callable[..., tuple[Tensor, ...] | None]] = {
    Clip: _clip,
    RandomUniform: _uniform,
    Max: _extreme,
    Min: _extreme,
    Sum: _sum,
    MatMul: _product,
    ScatterAdd: _counted,
    AddAlongAxis: _counted,
}


def fold_constants(outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Compute what depends on nothing, and what is made of no elements."""

    def fold(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        if isinstance(node.operation, Leaf):
            return None
        if _is_empty_sum(node) or _is_empty(node):
            return tuple(constant(np.zeros(s.shape, s.dtype), s.dtype) for s in node.specs)
        if all(type(tensor.node.operation) is Constant for tensor in inputs):
            return _folded(node, inputs)
        return None

    return rewrite(outputs, fold)


def _is_empty(node: Node) -> bool:
    """Whether the node makes no elements at all."""
    return 0 in node.specs[0].shape and all(0 in spec.shape for spec in node.specs)


def _is_empty_sum(node: Node) -> bool:
    is_sum = isinstance(node.operation, (Sum, MatMul))
    return is_sum and any(0 in tensor.shape for tensor in node.inputs)


def _folded(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
    foldable = node.operation.is_elementwise and node.specs[0].size <= LARGEST_FOLDED
    if not foldable:
        return None
    with np.errstate(all="ignore"):
        (value,) = node.operation.evaluate(np, *(_value(tensor) for tensor in inputs))
    return (constant(value, node.specs[0].dtype),)


def _value(tensor: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    operation = tensor.node.operation
    assert isinstance(operation, Constant)
    return operation.value


def merge_equal(outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Let nodes with the same operation and the same inputs be computed once."""
    made: dict[object, Node] = {}

    def merge(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        identity = _identity(node, inputs)
        try:
            known = made.setdefault(identity, node)  # an identity is long: it is hashed once
        except TypeError:  # an operation of the user's that holds an array, say
            return None
        if known is not node:
            return known.outputs
        if all(map(is_, inputs, node.inputs)):
            return None  # its users keep their inputs, and are kept as well
        results = _applied(node.operation, node, inputs)
        made[identity] = results[0].node
        return results

    return rewrite(outputs, merge)


def _identity(node: Node, inputs: tuple[Tensor, ...]) -> object:
    operation = node.operation
    if isinstance(operation, Constant):
        array = operation.value
        return ("constant", array.dtype, array.shape, array.tobytes())
    if isinstance(operation, Read):
        return ("read", id(operation.variable))
    if isinstance(operation, Leaf):
        return node
    return (operation, node.specs, tuple([(t.node, t.index) for t in inputs]))
