"""A pass: sums of columns are taken where the columns are made, while they are in cache.

The gradients of biases, and of scales and shifts, are sums over all rows of what a product or a
loop over rows has just computed. Each part adds up the rows that it makes; the few sums of the
parts are added after that. What was summed up alone, such as the product of two values, need not
be stored at all then.
"""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.execute.cpu.fuse import is_column_sum, is_made_in_rows, source_of
from glassgrad.execute.cpu.lowered import ColumnSums
from glassgrad.graph import Node, Tensor, rewrite
from glassgrad.ops.movement import Reshape
from glassgrad.ops.reduction import Sum

__all__ = ["share_column_sums"]

ENOUGH_ROWS = 64
"""Of a part: for fewer the second sum, and the wait before it, would cost more than it saves."""


def share_column_sums(outputs: Sequence[Tensor], parts: int) -> tuple[Tensor, ...]:
    """Let the parts share the rows of sums of columns, where somebody makes these rows.

    Args:
        outputs: of a graph that is simplified.
        parts: into how many parts each kernel is divided.
    """

    def replace(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        if parts == 1 or not is_column_sum(node) or not is_made_in_rows(source_of(inputs[0]).node):
            return None
        (x,), (spec,) = inputs, node.specs
        if spec.dtype.kind != "f" or x.size < spec.size * parts * ENOUGH_ROWS:
            return None
        by_part = _of_layer(ColumnSums(parts, spec.size)(x), node)
        return _of_layer(
            Reshape(spec.shape)(_of_layer(Sum((0,))(by_part), node)), node
        ).node.outputs

    return rewrite(outputs, replace)


def _of_layer(tensor: Tensor, like: Node) -> Tensor:
    tensor.node.scope = like.scope
    return tensor
