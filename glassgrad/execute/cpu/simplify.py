"""First pass: composites become their definitions, and equal nodes become one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from glassgrad.graph import Composite, Constant, Leaf, Node, Operation, Read, Tensor, rewrite

__all__ = ["expand", "merge_equal"]


def expand(
    outputs: Sequence[Tensor], has_kernel: Callable[[Operation], bool]
) -> tuple[Tensor, ...]:
    """Replace every composite without a kernel by its definition, down to primitives."""

    def open_up(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        operation = node.operation
        if not isinstance(operation, Composite) or has_kernel(operation):
            return None
        opened = operation.graph(*(tensor.spec for tensor in inputs))(*inputs)
        given = {tensor.key: tensor for tensor in inputs}
        return rewrite(opened, open_up, given)

    return rewrite(outputs, open_up)


def merge_equal(outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Let nodes with the same operation and the same inputs be computed once."""
    first: dict[object, Node] = {}

    def merge(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        twin = first.setdefault(_identity(node, inputs), node)
        return None if twin is node else twin.outputs

    # A node whose inputs were merged is a new object, so equal ones are found level by level.
    while True:
        merged = rewrite(outputs, merge)
        if all(new.key == old.key for new, old in zip(merged, outputs, strict=True)):
            return merged
        outputs = merged
        first.clear()


def _identity(node: Node, inputs: tuple[Tensor, ...]) -> object:
    operation = node.operation
    if isinstance(operation, Constant):
        array = operation.value
        return ("constant", array.dtype, array.shape, array.tobytes())
    if isinstance(operation, Read):
        return ("read", id(operation.variable))
    if isinstance(operation, Leaf):
        return node
    return (operation, tuple(tensor.key for tensor in inputs))
