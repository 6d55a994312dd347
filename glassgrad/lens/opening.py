"""Opening a graph until every node is an operation with a formula and a chain rule of its own.

Composites give way to their definitions, loops to a copy of their body for each step. What is left
is explained by the chain rule alone: backpropagation through time is nothing special.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from glassgrad.graph import (
    Composite,
    Graph,
    Leaf,
    Node,
    Operation,
    Tensor,
    rewrite,
    trace_graph,
)
from glassgrad.graph.operation import as_specs
from glassgrad.graph.tensor import Key
from glassgrad.lens.contraction import as_contraction
from glassgrad.lens.tidying import tidied
from glassgrad.ops.attention import Attention, attend
from glassgrad.ops.contraction import Einsum
from glassgrad.ops.elementwise import Sigmoid, log, sigmoid
from glassgrad.ops.indexing import OneHot
from glassgrad.ops.loss import (
    SigmoidCrossEntropy,
    Softmax,
    SoftmaxCrossEntropy,
    SparseSoftmaxCrossEntropy,
    softmax,
)
from glassgrad.ops.movement import Concatenate, Flip, Reshape, Slice, Transpose
from glassgrad.ops.recurrent import GatedRecurrentUnit, LongShortTermMemory, SimpleRecurrence
from glassgrad.ops.reduction import sum as total
from glassgrad.ops.scan import Scan
from glassgrad.ops.statistics import logsumexp

__all__ = ["Opening"]

Definition: TypeAlias = Callable[..., Any]
Recurrence: TypeAlias = SimpleRecurrence | LongShortTermMemory | GatedRecurrentUnit

MOVEMENTS = (Concatenate, Flip, Reshape, Transpose)

#: What the states of a recurrence are called, which are its first outputs, and its gates, which
#: stand side by side in its last.
STATES: dict[type[Operation], tuple[str, ...]] = {
    SimpleRecurrence: ("h",),
    LongShortTermMemory: ("h", "c"),
    GatedRecurrentUnit: ("h",),
}
GATES: dict[type[Operation], tuple[str, ...]] = {
    LongShortTermMemory: ("i", "f", "candidate", "o"),
    GatedRecurrentUnit: ("z", "r", "new", "inner"),
}


def _of_softmax(p: Tensor, x: Tensor) -> Tensor:
    summed: Tensor = total(p * log(softmax(x)), axis=-1)
    return -summed


def _of_softmax_and_labels(x: Tensor, labels: Tensor) -> Tensor:
    is_label = OneHot(x.shape[-1], str(x.dtype))(labels)
    of_label: Tensor = log(total(softmax(x) * is_label, axis=-1))
    return -of_label


def _of_sigmoid(p: Tensor, x: Tensor) -> Tensor:
    q = sigmoid(x)
    logarithm: Tensor = p * log(q) + (1 - p) * log(1 - q)
    return -logarithm


#: A loss together with the activation before it, as two steps.
IN_TWO_STEPS: dict[type[Operation], Definition] = {
    SoftmaxCrossEntropy: _of_softmax,
    SparseSoftmaxCrossEntropy: _of_softmax_and_labels,
    SigmoidCrossEntropy: _of_sigmoid,
}


class Opening:
    """Opens graphs, one after the other; what they share stays shared.

    Nodes made for step t of a loop have ``[t]`` as the last part of their scope.

    Args:
        fused: whether softmax and its cross-entropy are one step.

    Example:
        >>> from glassgrad import ops
        >>> x = ops.ones((1, 2, 1, 3))
        >>> (y,) = Opening()([ops.dot_product_attention(x, x, x)])
        >>> "Attention" in {node.operation.name for node in Graph((), (y,)).nodes}
        False
    """

    def __init__(self, *, fused: bool = True) -> None:
        self.fused = fused
        self.hints: dict[Key, str] = {}  # what a tensor is called within its layer and step
        self._scope: str | None = None  # of all nodes of a composite; others keep their own
        self._suffix = ""  # of the loop under way
        self.stacked: set[Key] = set()  # what holds all steps of a loop
        # Of layers, which a loss in two steps reads.
        self._activations: dict[object, tuple[Tensor, ...]] = {}

    def __call__(self, outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The same values by simpler nodes."""
        return rewrite(outputs, self._opened)

    def _opened(self, node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        """What takes the place of a node."""
        operation = node.operation
        if isinstance(operation, Leaf):
            return None
        scope = self._scope_of(node)
        if isinstance(operation, Einsum):
            operation = as_contraction(operation, inputs) or operation
        if isinstance(operation, Scan):
            return self._unrolled(operation, inputs, scope)
        if isinstance(operation, SimpleRecurrence | LongShortTermMemory | GatedRecurrentUnit):
            return self._over_time(operation, inputs, scope)
        definition = self._definition(operation)
        if definition is not None:
            return self._defined(definition, inputs, scope)
        is_at_home = self._scope is None and not self._suffix and operation is node.operation
        return self.made(operation, inputs, scope, node if is_at_home else None)

    def _scope_of(self, node: Node) -> str:
        return node.scope + self._suffix if self._scope is None else self._scope

    def made(
        self,
        operation: Operation,
        inputs: tuple[Tensor, ...],
        scope: str,
        like: Node | None = None,
    ) -> tuple[Tensor, ...]:
        """A node, or what is simpler and the same; the very node that it is like, if it can be."""
        simpler = tidied(operation, inputs, _Workshop(self, scope))
        if simpler is not None:
            return (simpler,)
        is_stack = isinstance(operation, MOVEMENTS) and any(t.key in self.stacked for t in inputs)
        key = (operation, *(tensor.key for tensor in inputs))
        if self._scope is not None and key in self._activations:
            return self._activations[key]
        if like is not None and all(map(_is_same, inputs, like.inputs)):
            outputs = like.outputs
        else:
            specs = as_specs(operation.shape(*[tensor.spec for tensor in inputs]))
            node = Node(operation, inputs, specs)
            node.scope = scope
            outputs = node.outputs
        if like is not None and isinstance(operation, Softmax | Sigmoid):
            self._activations[key] = outputs
        if is_stack:
            self._keep_stack(outputs)
        return outputs

    # ---- composites

    def _definition(self, operation: Operation) -> Definition | None:
        """By what an operation is replaced, if it is: one that has a rule of its own stays."""
        if not self.fused and type(operation) in IN_TWO_STEPS:
            return IN_TWO_STEPS[type(operation)]
        if isinstance(operation, Attention):
            return operation.definition if operation.masked else _softmax_over_keys(operation)
        has_rule = type(operation).chain_rule is not Operation.chain_rule
        if isinstance(operation, Composite) and not (has_rule and operation.is_written()):
            return operation.definition
        return None

    def _defined(
        self, definition: Definition, inputs: Sequence[Tensor], scope: str
    ) -> tuple[Tensor, ...]:
        graph = trace_graph(definition, [tensor.spec for tensor in inputs])
        before, self._scope = self._scope, scope
        made = self._copied(graph, inputs)
        self._scope = before
        return made

    def _copied(self, graph: Graph, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        known = {old.key: new for old, new in zip(graph.inputs, inputs, strict=True)}
        return rewrite(graph.outputs, self._opened, known)

    # ---- loops

    def _over_time(
        self, operation: Recurrence, inputs: tuple[Tensor, ...], scope: str
    ) -> tuple[Tensor, ...]:
        """A recurrence over many steps is as many recurrences over one step."""
        names = STATES[type(operation)]
        count = len(names)
        x, states, weights = inputs[0], inputs[1 : 1 + count], inputs[1 + count : 4 + count]
        mask = inputs[4 + count :]
        rows: dict[int, tuple[Tensor, ...]] = {}
        self._hint(states, [f"{name}0" for name in names])
        for time in _order(x.shape[1], operation.reverse):
            here = f"{scope}/[{time}]"
            now, *of_mask = (self.made(_at(s, 1, time), (s,), here)[0] for s in (x, *mask))
            row = self._defined(operation.definition, (now, *states, *weights, *of_mask), here)
            states = tuple(
                self.made(Reshape(old.shape), (new,), here)[0]
                for old, new in zip(states, row, strict=False)
            )
            gates, of_gates = _side_by_side(row[-1]), GATES.get(type(operation), ())
            if "z" not in of_gates:
                self._hint([_activated((*gates, *states)[0])], ["z"])
            self._hint(gates, of_gates)
            self._hint(states, names)
            rows[time] = row
        columns = [*zip(*(rows[time] for time in sorted(rows)), strict=True)]
        return tuple(self._joined(column, 1, scope) for column in columns)

    def _unrolled(
        self, operation: Scan, inputs: tuple[Tensor, ...], scope: str
    ) -> tuple[Tensor, ...]:
        """A copy of the body for each step."""
        carries, sequences, constants = operation.split(inputs)
        count = operation.carries
        names = ("h",) if count == 1 else tuple(f"h{n}" for n in range(1, count + 1))
        rows: dict[int, tuple[Tensor, ...]] = {}
        for time in _order(operation.length, operation.reverse):
            step = f"/[{time}]" if operation.length > 1 else ""
            elements = [self._element(s, time, scope + step) for s in sequences]
            with self._step(step):
                outputs = self._copied(operation.body, (*carries, *elements, *constants))
            rows[time] = (*outputs[count:], *carries)
            carries = outputs[:count]
            if operation.length > 1:
                self._hint(carries, names)
        columns = zip(*(rows[time] for time in sorted(rows)), strict=True)
        return (*carries, *(self._stacked(column, scope) for column in columns))

    @contextmanager
    def _step(self, step: str) -> Iterator[None]:
        before = self._scope, self._suffix
        if self._scope is None:
            self._suffix += step
        else:
            self._scope += step
        try:
            yield
        finally:
            self._scope, self._suffix = before

    def _element(self, sequence: Tensor, time: int, scope: str) -> Tensor:
        (piece,) = self.made(_at(sequence, 0, time), (sequence,), scope)
        return self.made(Reshape(sequence.shape[1:]), (piece,), scope)[0]

    def _stacked(self, rows: Sequence[Tensor], scope: str) -> Tensor:
        rows = [self.made(Reshape((1, *row.shape)), (row,), scope)[0] for row in rows]
        return self._joined(rows, 0, scope)

    def _joined(self, rows: Sequence[Tensor], axis: int, scope: str) -> Tensor:
        (whole,) = self.made(Concatenate(axis), tuple(rows), scope)
        self._keep_stack([whole, *(row for row in rows if isinstance(row.node.operation, Reshape))])
        return whole

    def _keep_stack(self, tensors: Iterable[Tensor]) -> None:
        self.stacked.update(tensor.key for tensor in tensors)

    def _hint(self, states: Sequence[Tensor], names: Sequence[str]) -> None:
        for state, name in zip(states, names, strict=False):
            if state.node.inputs:
                self.hints[state.key] = name


@dataclass(frozen=True)
class _Workshop:
    """Makes nodes of one scope."""

    opening: Opening
    scope: str

    def make(self, operation: Operation, *inputs: Tensor) -> Tensor:
        return self.opening.made(operation, inputs, self.scope)[0]

    def sees_into(self, tensor: Tensor) -> bool:
        # What another layer made is its output. But the steps of a loop are found in their stack.
        return tensor.node.scope == self.scope or tensor.key in self.opening.stacked


def _side_by_side(x: Tensor) -> tuple[Tensor, ...]:
    """What was joined to a tensor."""
    while isinstance(x.node.operation, Reshape):
        (x,) = x.node.inputs
    return x.node.inputs if isinstance(x.node.operation, Concatenate) else ()


def _activated(x: Tensor) -> Tensor:
    """What an activation, of a part of it perhaps, makes a tensor."""
    if len(x.node.inputs) == 1:
        (x,) = x.node.inputs
    while isinstance(x.node.operation, Slice):
        (x,) = x.node.inputs
    return x


def _is_same(one: Tensor, other: Tensor) -> bool:
    return one.key == other.key


def _order(length: int, reverse: bool) -> Sequence[int]:
    return range(length)[::-1] if reverse else range(length)


def _at(x: Tensor, axis: int, place: int) -> Slice:
    """One place of an axis, which stays with length 1."""
    starts, stops = [0] * x.ndim, list(x.shape)
    starts[axis], stops[axis] = place, place + 1
    return Slice(tuple(starts), tuple(stops))


def _softmax_over_keys(operation: Attention) -> Definition:
    """Attention in which every query sees a key: no row of weights needs protection."""

    def definition(query: Tensor, key: Tensor, value: Tensor, *rest: Tensor) -> Any:
        extras = operation.extras(rest)
        scores = operation.scores(query, key, extras)
        y = attend(operation.dropped(softmax(scores), extras), value)
        return y, logsumexp(scores, axis=-1)

    return definition
