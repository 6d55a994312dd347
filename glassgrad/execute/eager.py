"""Values outside a program: lazy tensors are evaluated when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassgrad.errors import GradientError
from glassgrad.gradients import gradients, leaves_of
from glassgrad.graph import Leaf, Tensor, evaluate, walk
from glassgrad.graph.operation import Array

__all__ = ["EagerEvaluator"]


class EagerEvaluator:
    """Evaluates by the reference: a graph that runs once is not worth compiling.

    The value of a tensor is kept with it, so that an expression that grows is not evaluated
    from its beginning each time. A variable is read at evaluation.

    Example:
        >>> x = Tensor([1.0, 2.0])
        >>> EagerEvaluator().evaluate([x * x])
        [array([1., 4.], dtype=float32)]
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
        """Evaluate loss and gradients in one pass, and add them to the leaves.

        Raises:
            GradientError: no leaf wants a gradient.
            ShapeError: the loss is no scalar.
        """
        leaves = leaves_of(loss)
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
