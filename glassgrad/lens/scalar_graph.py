"""A graph of tensors with one element each, as a graph of numbers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce

from glassgrad.errors import GlassgradError
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.gradients.reverse import nodes_between
from glassgrad.graph import (
    Constant,
    Formula,
    Node,
    Operation,
    Placeholder,
    Tensor,
    apply,
    constant,
    placeholder,
)
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.lens.arithmetic import number_of, simplified
from glassgrad.lens.derivation import Derivation
from glassgrad.lens.naming import LOSS
from glassgrad.lens.part import Part, part_of, written_out
from glassgrad.ops.contraction import Einsum
from glassgrad.ops.convolution import Convolution
from glassgrad.ops.elementwise import Cast, multiply
from glassgrad.ops.linear import MatMul
from glassgrad.ops.movement import BroadcastTo, Flip, Reshape, Slice, Transpose, reshape
from glassgrad.ops.pooling import AveragePool, MaxPool
from glassgrad.ops.reduction import Max, Mean, Min, Sum

__all__ = ["ScalarGraph", "quantities", "scalar_graph"]

# What these make of a single number is the number, and of several their product.
HANDED_ON = (AveragePool, BroadcastTo, Cast, Flip, Max, Mean, Min, Reshape, Slice, Sum, Transpose)
PRODUCTS = (Convolution, Einsum, MatMul)


@dataclass(frozen=True, eq=False)
class ScalarGraph:
    """What a loss does with single numbers.

    Args:
        loss: a scalar.
        weights: the scalars that stand for the targets, in their order.
        leaves: everything that enters, weights included.
        arrays: the values of the leaves.
        origins: for each scalar the tensors that it stands for.
        derivation: where they are.
    """

    loss: Tensor
    weights: tuple[Tensor, ...]
    leaves: tuple[Tensor, ...]
    arrays: tuple[Array, ...]
    origins: Mapping[Key, Sequence[Tensor]]
    derivation: Derivation

    @cached_property
    def nodes(self) -> list[Node]:
        """The nodes between the weights and the loss, inputs before their users."""
        return nodes_between([self.loss], self.weights)

    def evaluate(self, outputs: Sequence[Tensor]) -> list[Array]:
        """Values of tensors of the graph."""
        program = ReferenceExecutor().compile(list(outputs), list(self.leaves))
        return list(program(*self.arrays))

    def name(self, tensor: Tensor) -> Formula:
        """What a scalar is called, or for something given how it is written."""
        if tensor.key == self.loss.key:
            return LOSS
        known, naming = self.derivation.names, self.derivation.naming
        origins = self.origins[tensor.key]
        named = [known[one.key] for one in origins if one.key in known]
        if named:
            return named[0]
        return naming[origins[0]] if tensor.node.inputs else written_out(origins[0], known)


def scalar_graph(derivation: Derivation) -> ScalarGraph | None:
    """A loss on numbers, if everything between the targets and the loss has one element.

    What hands a number on (a reshape, a mean over one element) is left out, and products of
    matrices become products.

    Args:
        derivation: what is explained.
    """
    between = nodes_between([derivation.loss], derivation.targets)
    made = {tensor.key: tensor for node in between for tensor in node.outputs}
    given = {t.key: t for node in between for t in node.inputs if t.key not in made}
    given |= {t.key: t for t in derivation.targets if t.key not in made}
    if not between or {t.size for t in (*made.values(), *derivation.targets)} != {1}:
        return None
    arrays = dict(zip(given, derivation.evaluate(list(given.values())), strict=True))
    numbers = {key: _entering(tensor, arrays[key]) for key, tensor in given.items()}
    for node in between:
        operands = [numbers[tensor.key] for tensor in node.inputs]
        for tensor, number in zip(node.outputs, _on_numbers(node, operands), strict=True):
            number.node.scope = number.node.scope or node.scope
            numbers[tensor.key] = number
    simple = dict(zip(numbers, simplified(list(numbers.values())), strict=True))
    leaves = {simple[key].key: key for key in given if _is_place(simple[key])}
    origins: dict[Key, list[Tensor]] = defaultdict(list)
    for key, tensor in (given | made).items():
        origins[simple[key].key].append(tensor)
    return ScalarGraph(
        simple[derivation.loss.key],
        tuple(simple[tensor.key] for tensor in derivation.targets),
        tuple(simple[key] for key in leaves.values()),
        tuple(arrays[key].reshape(simple[key].shape) for key in leaves.values()),
        origins,
        derivation,
    )


def _entering(tensor: Tensor, array: Array) -> Tensor:
    """A place for a value that no parameter decides; the value itself where it is a constant."""
    if array.size == 1 and isinstance(tensor.node.operation, Constant):
        return constant(array.reshape(()), str(array.dtype))
    return placeholder(() if array.size == 1 else array.shape, array.dtype)


def _is_place(tensor: Tensor) -> bool:
    return isinstance(tensor.node.operation, Placeholder)


def _on_numbers(node: Node, operands: Sequence[Tensor]) -> Sequence[Tensor]:
    """What a node with outputs of one element makes of numbers."""
    operation = node.operation
    if all(tensor.shape == () for tensor in operands):
        if isinstance(operation, HANDED_ON):
            return operands
        if isinstance(operation, PRODUCTS):
            return (reduce(multiply, operands),)
        if isinstance(operation, MaxPool):
            return (*operands, constant(0, str(node.specs[1].dtype)))  # the place in its window
        results = _applied(operation, operands)
        if results and all(tensor.shape == () for tensor in results):
            return results
    restored = [
        tensor if tensor.shape == old.shape else reshape(tensor, old.shape)
        for tensor, old in zip(operands, node.inputs, strict=True)
    ]
    return [reshape(tensor, ()) for tensor in apply(operation, restored)]


def _applied(operation: Operation, operands: Sequence[Tensor]) -> Sequence[Tensor]:
    """The operation on numbers; nothing where it wants axes."""
    try:
        return apply(operation, operands)
    except (GlassgradError, IndexError):
        return ()


def quantities(graph: ScalarGraph) -> dict[Key, Tensor]:
    """The numbers with a name, inputs before their users: what has one, and what enters.

    Left out is what merely shifts or scales another number by a given one and is used once, within
    its layer: the difference to a target is a part of its square.
    """
    known = graph.derivation.names
    made = [tensor for node in graph.nodes for tensor in node.outputs]
    named = {tensor.key: tensor for tensor in graph.leaves}
    for tensor in made:
        origins = graph.origins.get(tensor.key, ())
        if tensor.key == graph.loss.key or any(one.key in known for one in origins):
            named[tensor.key] = tensor
    moving = {tensor.key for tensor in (*graph.weights, *made)}
    users = Counter(tensor.key for node in graph.nodes for tensor in node.inputs)
    scopes = {tensor.key: node.scope for node in graph.nodes for tensor in node.inputs}
    for tensor in made:
        is_used_once = users[tensor.key] == 1 and scopes[tensor.key] == tensor.node.scope
        if tensor.key in named and is_used_once and _shifts(part_of(tensor, named), moving):
            del named[tensor.key]
    return named


def _shifts(part: Part, moving: Collection[Key]) -> bool:
    """Whether a formula has one operand that is not given, and by that one a constant slope."""
    slopes = part.back(constant(1.0, str(part.alone.dtype)))
    own = [slope for key, slope in slopes.items() if key in moving]
    return len(own) == 1 and number_of(own[0]) is not None
