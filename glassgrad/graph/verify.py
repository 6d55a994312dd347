"""Checks that a graph is what its operations say it is."""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.errors import GraphError
from glassgrad.graph.dtypes import SUPPORTED
from glassgrad.graph.graph import walk
from glassgrad.graph.operation import as_specs
from glassgrad.graph.tensor import Leaf, Node, Tensor

__all__ = ["verify"]


def verify(outputs: Sequence[Tensor]) -> None:
    """Check shapes and dtypes of every node that the outputs need.

    Args:
        outputs: tensors of the graph.

    Raises:
        GraphError: a node's shapes or dtypes are not those that its operation gives for its
            inputs, or a node reads an output that does not exist, or has no outputs.

    Example:
        >>> from glassgrad import Tensor
        >>> verify([Tensor([1.0, 2.0]).exp().sum()])
    """
    for node in walk(outputs):
        _verify_specs(node)
        for tensor in node.inputs:
            if not 0 <= tensor.index < len(tensor.node.specs):
                raise GraphError(f"{node!r} reads output {tensor.index} of {tensor.node!r}.")
        if not isinstance(node.operation, Leaf):
            _verify_declaration(node)


def _verify_specs(node: Node) -> None:
    if not node.specs:
        raise GraphError(f"{node.operation.describe()} has no outputs.")
    for spec in node.specs:
        whole = all(type(length) is int and length >= 0 for length in spec.shape)
        if not whole or spec.dtype not in SUPPORTED:
            raise GraphError(
                f"{node.operation.describe()} has an output {spec!r} whose shape or "
                "dtype no tensor can have."
            )


def _verify_declaration(node: Node) -> None:
    declared = as_specs(node.operation.shape(*(tensor.spec for tensor in node.inputs)))
    if declared != node.specs:
        expected = ", ".join(map(str, declared))
        found = ", ".join(map(str, node.specs))
        raise GraphError(
            f"{node.operation.describe()} makes {expected} of its inputs. The node says {found}."
        )
