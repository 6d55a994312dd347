"""Values outside a program: lazy tensors are evaluated when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassgrad.errors import GradientError
from glassgrad.gradients import gradients
from glassgrad.graph import Constant, Leaf, Read, Tensor, Variable, evaluate, walk
from glassgrad.graph.operation import Array

__all__ = ["EagerEvaluator"]


class EagerEvaluator:
    """Evaluates by the reference: a graph that runs once is not worth compiling.

    The value of a tensor is kept with it, so that an expression that grows is not evaluated
    from its beginning each time. A variable is read at evaluation.
    """

    def evaluate(self, tensors: Sequence[Tensor]) -> list[Array]:
        """The values of tensors, computed where they are not known yet."""
        nodes = walk(tensors, _is_evaluated)
        users = [*tensors, *(tensor for node in nodes for tensor in node.inputs)]
        values = {t.node: t.node.values for t in users if t.node.values is not None}
        with np.errstate(all="ignore"):
            results = evaluate(tensors, np, values)
        for tensor in tensors:
            if not isinstance(tensor.node.operation, Leaf):
                tensor.node.values = values[tensor.node]
        return list(results)

    def backward(self, loss: Tensor) -> None:
        """Evaluate loss and gradients in one pass, and add them to the leaves."""
        leaves = _leaves(loss)
        if not leaves:
            raise GradientError(
                "backward() found no leaf that wants a gradient: make one with "
                "Tensor(..., requires_grad=True) or use a trainable Variable."
            )
        slopes = gradients(loss, leaves)
        reached = [
            (leaf, slope) for leaf, slope in zip(leaves, slopes, strict=True) if slope is not None
        ]
        values = self.evaluate([loss, *(slope for _, slope in reached)])
        for (leaf, _), value in zip(reached, values[1:], strict=True):
            total = value if leaf.grad is None else leaf.grad.numpy() + value
            leaf.grad = Tensor(total, dtype=total.dtype)


def _is_evaluated(tensor: Tensor) -> bool:
    return tensor.node.values is not None


def _leaves(loss: Tensor) -> list[Tensor | Variable]:
    """The leaves below a tensor that want a gradient, each once."""
    found: dict[int, Tensor | Variable] = {}
    nodes = walk([loss])
    for tensor in (loss, *(tensor for node in nodes for tensor in node.inputs)):
        operation = tensor.node.operation
        if isinstance(operation, Read) and operation.variable.trainable:
            found[id(operation.variable)] = operation.variable
        if isinstance(operation, Constant) and tensor.requires_grad:
            found[id(tensor.node)] = tensor
    return list(found.values())
