"""Cross-entropies of a softmax's or sigmoid's result, replaced by the stable form."""

from __future__ import annotations

from collections.abc import Sequence

from glassgrad.arguments import checked
from glassgrad.graph import Node, Tensor, as_tensor, rewrite
from glassgrad.ops import sigmoid_cross_entropy, softmax_cross_entropy, sparse_softmax_cross_entropy
from glassgrad.ops.elementwise import Sigmoid
from glassgrad.ops.loss import BinaryCrossEntropy, CrossEntropy, Softmax, SparseCrossEntropy

__all__ = ["fuse_probabilities"]


@checked
def fuse_probabilities(outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Replace cross-entropies of a softmax's or sigmoid's result by the form on its logits.

    -ln softmax(x)_j = ln sum_k exp(x_k) - x_j is finite for every x, and its gradient
    softmax(x) - t does not vanish where the probability rounds to 0 or 1. Run it on the whole
    graph (loss, predictions, new values of metrics) before differentiating. Everything else,
    the probabilities as outputs included, stays the same tensors.

    Args:
        outputs: tensors of one graph.

    Example:
        >>> from glassgrad.graph import Tensor
        >>> from glassgrad.losses import sparse_categorical_crossentropy
        >>> sure = Tensor([[-200.0, 200.0]])
        >>> loss = sparse_categorical_crossentropy([0], sure.softmax())
        >>> loss.numpy(), fuse_probabilities([loss])[0].numpy()
        (array([16.118095], dtype=float32), array([400.], dtype=float32))
    """
    return rewrite([as_tensor(output) for output in outputs], _fuse)


def _fuse(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
    operation = node.operation
    if isinstance(operation, SparseCrossEntropy) and _is_output_of(Softmax, inputs[0]):
        fused = sparse_softmax_cross_entropy(inputs[1], inputs[0].node.inputs[0])
    elif isinstance(operation, CrossEntropy) and _is_output_of(Softmax, inputs[1]):
        fused = softmax_cross_entropy(inputs[0], inputs[1].node.inputs[0])
    elif isinstance(operation, BinaryCrossEntropy) and _is_output_of(Sigmoid, inputs[1]):
        fused = sigmoid_cross_entropy(inputs[0], inputs[1].node.inputs[0])
    else:
        return None
    fused.node.scope, fused.node.source = node.scope, node.source
    return (fused,)


def _is_output_of(kind: type, tensor: Tensor) -> bool:
    return isinstance(tensor.node.operation, kind)
