"""Graphs as values: walking, rewriting, evaluating, comparing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import is_
from types import ModuleType
from typing import TypeAlias

from glassgrad.errors import ArgumentError, ExecutionError, GraphError
from glassgrad.graph.operation import Array, TensorSpec
from glassgrad.graph.tensor import (
    Constant,
    Key,
    Leaf,
    Node,
    Placeholder,
    Read,
    Tensor,
    as_tensor,
    evaluate_leaf,
    placeholder,
)

__all__ = [
    "Graph",
    "Rule",
    "Values",
    "check_declared",
    "evaluate",
    "evaluate_nodes",
    "rewrite",
    "substitute",
    "trace_graph",
    "walk",
]

Values: TypeAlias = dict[Node, tuple[Array, ...]]
Rule: TypeAlias = Callable[[Node, tuple[Tensor, ...]], Sequence[Tensor] | None]


def walk(outputs: Iterable[Tensor], is_known: Callable[[Tensor], bool] | None = None) -> list[Node]:
    """Every node that the outputs need, inputs before their users.

    Args:
        outputs: where to begin.
        is_known: says of a tensor that it needs nothing: what is needed only for tensors that are
            known is left out.

    Example:
        >>> from glassgrad import Tensor
        >>> [node.operation.name for node in walk([Tensor([1.0, 2.0]).exp().sum()])]
        ['Constant', 'Exp', 'Sum']
    """
    ordered: list[Node] = []
    seen: set[Node] = set()
    begun: list[Node] = []
    pending: list[Tensor | None] = []  # ``None`` ends the node that was begun last
    pending += [*outputs][::-1]
    while pending:
        tensor = pending.pop()
        if tensor is None:
            ordered.append(begun.pop())
        elif (node := tensor.node) not in seen and not (is_known and is_known(tensor)):
            seen.add(node)
            if node.inputs:
                begun.append(node)
                pending.append(None)
                pending += node.inputs[::-1]
            else:  # a leaf is done at once
                ordered.append(node)
    return ordered


def rewrite(
    outputs: Sequence[Tensor], rule: Rule, known: Mapping[Key, Tensor] | None = None
) -> tuple[Tensor, ...]:
    """Rebuild a graph, letting ``rule`` replace nodes.

    What does not change is shared with the old graph.

    Args:
        outputs: the tensors of the graph that are wanted.
        rule: gets a node and its already rebuilt inputs, and gives the tensors that take the
            place of the node's outputs, or ``None`` to keep the operation.
        known: tensors that take the place of others, which are not visited.

    Returns:
        The rebuilt outputs.

    Example:
        >>> from glassgrad import Tensor
        >>> def spare(node, inputs):
        ...     return inputs if node.operation.name == "StopGradient" else None
        >>> (y,) = rewrite([Tensor([1.0, 2.0]).detach().exp()], spare)
        >>> [node.operation.name for node in walk([y])]
        ['Constant', 'Exp']
    """
    done: dict[Key, Tensor] = dict(known or {})
    given = frozenset(done)
    for node in walk(outputs, (lambda tensor: tensor.key in given) if given else None):
        inputs = node.inputs
        if done:
            inputs = tuple([done.get((t.node, t.index), t) for t in inputs])
        replaced = rule(node, inputs)
        if replaced is None:
            if inputs is node.inputs or all(map(is_, inputs, node.inputs)):
                continue
            copy = Node(node.operation, inputs, node.specs)
            copy.scope, copy.source = node.scope, node.source
            replaced = copy.outputs
        for index, tensor in enumerate(replaced):
            done.setdefault((node, index), tensor)
    return tuple(done.get(tensor.key, tensor) for tensor in outputs)


def substitute(outputs: Sequence[Tensor], known: Mapping[Key, Tensor]) -> tuple[Tensor, ...]:
    """Rebuild a graph with some of its tensors replaced by others.

    Args:
        outputs: the tensors of the graph that are wanted.
        known: by their keys, what takes their place; of equal shape and dtype.

    Example:
        >>> from glassgrad import Tensor
        >>> x = Tensor([1.0, 2.0])
        >>> (y,) = substitute([x * x], {x.key: Tensor([3.0, 4.0])})
        >>> y.numpy()
        array([ 9., 16.], dtype=float32)
    """
    return rewrite(outputs, lambda node, inputs: None, known)


def evaluate(outputs: Sequence[Tensor], xp: ModuleType, values: Values) -> tuple[Array, ...]:
    """Evaluate tensors node by node.

    Args:
        outputs: the tensors whose values are wanted.
        xp: the array module that computes, such as NumPy.
        values: holds what is given (of placeholders, all of them) and gains what is computed.

    Raises:
        GraphError: a placeholder has no value.
        ExecutionError: an operation made an array of another shape or dtype than it declared.

    Example:
        >>> import numpy
        >>> x = placeholder((2,))
        >>> given = {x.node: (numpy.array([1, 2], "float32"),)}
        >>> evaluate([x * x], numpy, given)
        (array([1., 4.], dtype=float32),)
    """
    evaluate_nodes(walk(outputs, lambda tensor: tensor.node in values), xp, values)
    return tuple(values[tensor.node][tensor.index] for tensor in outputs)


def evaluate_nodes(nodes: Iterable[Node], xp: ModuleType, values: Values) -> None:
    """Evaluate nodes that are in order already; those whose values are given are left out.

    Raises:
        GraphError, ExecutionError: as ``evaluate``.
    """
    for node in nodes:
        if node in values:
            continue
        if isinstance(node.operation, Leaf):
            values[node] = (evaluate_leaf(node.operation, xp),)
            continue
        arrays = [values[tensor.node][tensor.index] for tensor in node.inputs]
        values[node] = node.operation.evaluate(xp, *arrays)
        check_declared(node, values[node])


def check_declared(node: Node, results: tuple[Array, ...]) -> None:
    """Check that a node computed what it promised.

    Raises:
        ExecutionError: a shape, a dtype or the number of outputs differs.
    """
    # Names of dtypes would take longer than most operations; they are for the message alone.
    if [(a.shape, a.dtype) for a in results] != [(s.shape, s.dtype) for s in node.specs]:
        declared = tuple((spec.shape, str(spec.dtype)) for spec in node.specs)
        found = tuple((tuple(array.shape), str(array.dtype)) for array in results)
        raise ExecutionError(
            f"{node.operation.describe()} declared {declared} and computed {found}. "
            "Mend its shape() or its forward()."
        )


@dataclass(frozen=True, eq=False)
class Graph:
    """A function of tensors as a value: placeholders in, outputs out.

    Two graphs are equal where they compute the same thing in the same way, so a graph can be a
    parameter of an operation, and a key.

    Args:
        inputs: the placeholders that a call replaces, in order.
        outputs: what is computed.

    Raises:
        GraphError: the outputs need a placeholder that is not among the inputs.

    Example:
        >>> x, y = placeholder((2,)), placeholder((2,))
        >>> Graph((x,), (x * 2,)) == Graph((y,), (y * 2,))
        True
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        given = {tensor.node for tensor in self.inputs}
        for node in self.nodes:
            if isinstance(node.operation, Placeholder) and node not in given:
                raise GraphError(
                    f"The graph needs {node.operation.describe()}, which is not among its inputs."
                )

    @cached_property
    def nodes(self) -> list[Node]:
        """All nodes in topological order."""
        return walk(self.outputs)

    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Copy the graph with its inputs replaced.

        Raises:
            ArgumentError: there are not as many tensors as inputs.
        """
        if len(tensors) != len(self.inputs):
            raise ArgumentError(f"The graph wants {len(self.inputs)} inputs. Got {len(tensors)}.")
        known = {old.key: new for old, new in zip(self.inputs, tensors, strict=True)}
        return substitute(self.outputs, known)

    def evaluate(self, xp: ModuleType, arrays: Sequence[Array]) -> tuple[Array, ...]:
        """The outputs for the given inputs."""
        values: Values = {t.node: (a,) for t, a in zip(self.inputs, arrays, strict=True)}
        evaluate_nodes(self.nodes, xp, values)
        return tuple(values[tensor.node][tensor.index] for tensor in self.outputs)

    @cached_property
    def signature(self) -> tuple[object, ...]:
        """What the graph computes, without the identity of its nodes."""
        numbers = {tensor.node: number for number, tensor in enumerate(self.inputs)}
        rows: list[object] = [tensor.spec for tensor in self.inputs]
        for node in self.nodes:
            if node in numbers:
                continue
            numbers[node] = len(numbers)
            links = tuple((numbers[t.node], t.index) for t in node.inputs)
            rows.append((_operation_key(node), links, node.specs))
        rows.append(tuple((numbers[t.node], t.index) for t in self.outputs))
        return tuple(rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and self.signature == other.signature

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return hash(self.signature)

    def __str__(self) -> str:
        return f"graph of {len(self.nodes)} nodes"


def _operation_key(node: Node) -> object:
    operation = node.operation
    if isinstance(operation, Constant):
        return ("constant", operation.value.tobytes())
    if isinstance(operation, Read):
        return ("read", id(operation.variable))
    return operation


def trace_graph(
    function: Callable[..., Tensor | Sequence[Tensor]],
    specs: Sequence[TensorSpec],
    labels: Sequence[str] = (),
) -> Graph:
    """Run a Python function on placeholders, and keep what it built.

    Args:
        function: takes tensors and gives a tensor or several.
        specs: shape and dtype of each argument.
        labels: what the arguments are called in formulas; x0, x1 and so on where there are less.

    Example:
        >>> import numpy
        >>> graph = trace_graph(lambda x: x * x + 1, [TensorSpec((2,), numpy.dtype("float32"))])
        >>> graph.evaluate(numpy, [numpy.array([1, 2], "float32")])
        (array([2., 5.], dtype=float32),)
    """
    names = [*labels, *(f"x{number}" for number in range(len(labels), len(specs)))]
    inputs = tuple(
        placeholder(s.shape, s.dtype, name) for s, name in zip(specs, names, strict=True)
    )
    result = function(*inputs)
    outputs = (result,) if isinstance(result, Tensor) else tuple(result)
    return Graph(inputs, tuple(as_tensor(output) for output in outputs))
