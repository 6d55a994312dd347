"""A pass: what is done to all that a max pooling gives back, is done before, to fewer elements.

A max pooling gives each number back to the element that was the largest. Where only elements of
which something holds let it through, as `relu` does, the same can be asked of the largest itself;
and the sum over all elements is the sum over all windows. Then nobody reads any more what was
pooled, and the kernel that makes it need not store it.
"""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.graph import Constant, Node, Tensor, rewrite
from glassgrad.ops.elementwise import Greater, Where
from glassgrad.ops.pooling import MaxPool, MaxPoolGradient
from glassgrad.ops.reduction import Sum

__all__ = ["before_pooling"]


def before_pooling(outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Move masks and sums from behind the gradient of a max pooling to before it."""

    def move(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        if type(node.operation) is Where:
            moved = _masked(inputs)
        elif type(node.operation) is Sum:
            moved = _summed(node.operation, inputs)
        else:
            return None
        if moved is None:
            return None
        moved.node.scope = node.scope
        return moved.node.outputs

    return rewrite(outputs, move)


def _masked(inputs: tuple[Tensor, ...]) -> Tensor | None:
    """where(x > a, back(g, places), 0) is back(where(largest > a, g, 0), places)."""
    condition, chosen, other = inputs
    pooling = _pooling_of(chosen)
    if pooling is None or not _is_zero(other) or type(condition.node.operation) is not Greater:
        return None
    (x,), (largest, _) = pooling.inputs, pooling.outputs
    left, bound = condition.node.inputs
    if left.key != x.key or bound.size != 1:
        return None
    g, places = chosen.node.inputs
    passes = Where()(Greater()(largest, bound), g, other)
    passes.node.scope = chosen.node.scope
    moved: Tensor = chosen.node.operation(passes, places)
    return moved


def _summed(operation: Sum, inputs: tuple[Tensor, ...]) -> Tensor | None:
    """The sum over batch and space of back(g, places) is that of g."""
    (x,) = inputs
    if _pooling_of(x) is None or operation.axes != tuple(range(x.ndim - 1)):
        return None
    g, _ = x.node.inputs
    total: Tensor = operation(g)
    return total


def _pooling_of(tensor: Tensor) -> Node | None:
    """The max pooling whose places decide where the elements of a tensor come from."""
    if type(tensor.node.operation) is not MaxPoolGradient:
        return None
    back, (g, places) = tensor.node.operation, tensor.node.inputs
    pooling = places.node
    same = MaxPool(back.window, back.strides, back.padding)
    if pooling.operation != same or pooling.inputs[0].shape != tensor.shape or g.dtype.kind != "f":
        return None
    return pooling


def _is_zero(tensor: Tensor) -> bool:
    operation = tensor.node.operation
    return isinstance(operation, Constant) and tensor.size == 1 and not operation.value.any()
