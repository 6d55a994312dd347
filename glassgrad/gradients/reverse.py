"""Reverse-mode differentiation: graph in, graph out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from glassgrad.arguments import is_iterable
from glassgrad.errors import ArgumentError, DtypeError, GradientError, ShapeError, shown
from glassgrad.graph import (
    Constant,
    Node,
    Operation,
    Read,
    Tensor,
    Variable,
    as_tensor,
    constant,
    walk,
)
from glassgrad.graph.operation import Gradients
from glassgrad.graph.tensor import Key, TensorLike, scope_of
from glassgrad.ops.elementwise import add
from glassgrad.ops.movement import broadcast_to
from glassgrad.ops.reduction import sum_to

__all__ = ["Step", "chain_rule", "differentiate", "gradients", "leaves_of", "nodes_between"]


@dataclass(frozen=True)
class Step:
    """One application of the chain rule: through which node, what came in, what went out."""

    node: Node
    incoming: Gradients
    outgoing: Gradients


@singledispatch
def chain_rule(
    operation: Operation,
    gradients: Gradients,
    outputs: tuple[Tensor, ...],
    inputs: tuple[Tensor, ...],
) -> Gradients:
    """The gradients of a node's inputs; operations whose rule differentiates register theirs."""
    return operation.chain_rule(gradients, outputs, inputs)


def gradients(
    loss: Tensor,
    variables: Sequence[Tensor | Variable],
    *,
    record: list[Step] | None = None,
) -> list[Tensor | None]:
    """Build the gradient of a scalar with respect to tensors, by the chain rule.

    Formula: dL/dx = sum over the users y of x of (dy/dx)^T dL/dy.

    Args:
        loss: a float scalar.
        variables: variables or tensors of the graph of ``loss``.
        record: gains a ``Step`` for every node that the gradient passes, from the loss back.

    Returns:
        A tensor of the shape of each variable, ``None`` where the loss does not depend on it.

    Raises:
        ShapeError: the loss is no scalar.
        DtypeError: the loss is no float.

    Example:
        >>> from glassgrad import Tensor
        >>> x = Tensor([1.0, 2.0, 3.0])
        >>> (slope,) = gradients((x * x).sum(), [x])
        >>> slope.numpy()
        array([2., 4., 6.], dtype=float32)

    Source: Linnainmaa, 1970; Rumelhart, Hinton, Williams, "Learning representations by
    back-propagating errors", 1986.
    """
    loss, variables = as_tensor(loss), listed(variables)
    if loss.shape:
        raise ShapeError(
            f"Only a scalar has a gradient. Got a tensor of shape {loss.shape}; "
            "take its sum or mean first."
        )
    return differentiate([loss], [constant(1.0, _float_dtype(loss))], variables, record=record)


def listed(variables: Any) -> list[Any]:
    """Variables as a list; a single one is no list, though its rows could be walked.

    Raises:
        ArgumentError: they are in no list.
    """
    if isinstance(variables, TensorLike) or not is_iterable(variables):
        raise ArgumentError(
            "What to differentiate by stands in a list, as in gradients(loss, [x]). "
            f"Got {shown(variables)}."
        )
    return list(variables)


def differentiate(
    outputs: Sequence[Tensor],
    incoming: Sequence[Tensor | None],
    variables: Sequence[Tensor | Variable],
    *,
    record: list[Step] | None = None,
) -> list[Tensor | None]:
    """Build the product of given gradients of several outputs with their Jacobians.

    Args:
        outputs: any float tensors.
        incoming: the gradient of each output, of its shape; ``None`` for an output that
            contributes nothing.
        variables: what to differentiate by.
        record: gains a ``Step`` for every node passed.

    Returns:
        A tensor of the shape of each variable, ``None`` where no output depends on it.

    Raises:
        ShapeError: a gradient has another shape than its output.
        GradientError: the chain rule of an operation breaks its promise.

    Example:
        >>> from glassgrad import Tensor
        >>> x = Tensor([1.0, 2.0])
        >>> (product,) = differentiate([x * x], [Tensor([1.0, 10.0])], [x])
        >>> product.numpy()
        array([ 2., 40.], dtype=float32)
    """
    targets = [as_tensor(variable) for variable in variables]
    collected: dict[Key, Tensor] = {}
    for output, gradient in zip(outputs, incoming, strict=True):
        if gradient is not None:
            if gradient.shape != output.shape:
                raise ShapeError(
                    "A gradient has the shape of what it belongs to. Got "
                    f"{gradient.shape} for an output of shape {output.shape}."
                )
            _collect(collected, output, gradient)
    for node in reversed(nodes_between(outputs, targets)):
        with scope_of(node, "backward"):
            _pass_through(node, collected, record)
    return [collected.get(tensor.key) for tensor in targets]


def _float_dtype(loss: Tensor) -> str:
    if loss.dtype.kind != "f":
        raise DtypeError(f"Only a float has a gradient. Got {loss.dtype}.")
    return str(loss.dtype)


def leaves_of(loss: Tensor) -> list[Tensor | Variable]:
    """The leaves below a tensor that want a gradient, each once.

    They are the trainable variables, and the tensors made with ``requires_grad=True``.

    Args:
        loss: the tensor, which may itself be such a leaf.

    Example:
        >>> w, b = Variable(2.0, name="w"), Variable(1.0, name="b", trainable=False)
        >>> leaves_of(w * 3.0 + b)
        [<Variable 'w' float32[]>]
    """
    found: dict[object, Tensor | Variable] = {}
    for tensor in (loss, *(tensor for node in walk([loss]) for tensor in node.inputs)):
        operation = tensor.node.operation
        if isinstance(operation, Read) and operation.variable.trainable:
            found[operation.variable] = operation.variable
        elif isinstance(operation, Constant) and tensor.requires_grad:
            found[tensor.node] = tensor
    return list(found.values())


def nodes_between(outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> list[Node]:
    """The nodes on a path from a target to an output, in topological order."""
    targeted = {tensor.key for tensor in targets}
    reached: set[Node] = set()
    ordered = []
    for node in walk(outputs):
        for tensor in node.inputs:
            if tensor.node in reached or tensor.key in targeted:
                reached.add(node)
                ordered.append(node)
                break
    return ordered


def _pass_through(node: Node, collected: dict[Key, Tensor], record: list[Step] | None) -> None:
    outputs = node.outputs
    incoming = tuple([collected.get(output.key) for output in outputs])
    if all(gradient is None for gradient in incoming):
        return
    outgoing = tuple(chain_rule(node.operation, incoming, outputs, node.inputs))
    if len(outgoing) != len(node.inputs):
        raise GradientError(
            f"The chain rule of {node.operation.name} must give one gradient, or "
            f"None, for each of {len(node.inputs)} inputs. It gave {len(outgoing)}."
        )
    fitted = tuple(
        None if gradient is None or tensor.dtype.kind != "f" else _fit(node, gradient, tensor)
        for gradient, tensor in zip(outgoing, node.inputs, strict=True)
    )
    for tensor, gradient in zip(node.inputs, fitted, strict=True):
        if gradient is not None:
            _collect(collected, tensor, gradient)
    if record is not None:
        record.append(Step(node, incoming, fitted))


def _fit(node: Node, gradient: Tensor, tensor: Tensor) -> Tensor:
    """Undo broadcasting, in both directions: a gradient has the shape of its input."""
    if gradient.spec == tensor.spec:
        return gradient
    try:
        summed = sum_to(gradient, tensor.shape) if gradient.ndim >= tensor.ndim else gradient
        fitted = broadcast_to(summed, tensor.shape)
    except ShapeError as error:
        raise GradientError(
            f"The chain rule of {node.operation.name} gave a gradient of shape {gradient.shape} "
            f"for an input of shape {tensor.shape}."
        ) from error
    if fitted.dtype != tensor.dtype:
        raise GradientError(
            f"The chain rule of {node.operation.name} gave a gradient of dtype "
            f"{fitted.dtype} for an input of dtype {tensor.dtype}."
        )
    return fitted


def _collect(collected: dict[Key, Tensor], tensor: Tensor, gradient: Tensor) -> None:
    earlier = collected.get(tensor.key)
    collected[tensor.key] = gradient if earlier is None else add(earlier, gradient)
