"""The chain rule through a loss, ready to be written: opened graph, steps, names, values."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from glassgrad.gradients import Step, gradients
from glassgrad.gradients.reverse import nodes_between
from glassgrad.graph import Constant, Formula, Leaf, Node, Tensor, evaluate, float_type, walk
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.graph.trees import flatten
from glassgrad.lens.naming import LOSS, Naming, outputs_of_layers
from glassgrad.lens.opening import Opening
from glassgrad.lens.subject import Subject
from glassgrad.lens.writing import is_range
from glassgrad.ops.elementwise import Sigmoid
from glassgrad.ops.loss import Softmax
from glassgrad.ops.movement import BroadcastTo, Concatenate, Reshape, Slice, Transpose

__all__ = ["Derivation", "Unit", "derived", "is_passed_over", "is_taken_apart"]


MOVEMENTS = (BroadcastTo, Reshape, Slice, Transpose)
#: What the further outputs of an operation are called.
FURTHER = {"MaxPool": ("places",), "Standardize": ("mean", "variance")}


@dataclass(frozen=True, eq=False)
class Unit:
    """Steps of the chain rule that are explained as one: of a node and of what it encloses.

    Args:
        root: the node whose output has a name.
        steps: its step first, then those of the nodes that are written inside its formula.
    """

    root: Node
    steps: tuple[Step, ...]

    @property
    def scope(self) -> str:
        """Where the unit belongs."""
        return self.root.scope


@dataclass(frozen=True, eq=False)
class Derivation:
    """A loss and its gradients as graphs in which every node has a formula and a rule.

    Args:
        subject: what is looked at.
        loss: the loss of the opened graph; its leaves are the inputs of the subject.
        targets: what is differentiated by, in the opened graph.
        gradients: the gradient of each, ``None`` where the loss does not depend on it.
        record: the steps, from the loss back.
        nodes: the nodes of the forward pass, in order.
        named: the tensors of the forward pass that have a name, in order.
        naming: what they are called.
        opened: the subject with the loss, the calls and the predictions of the opened graph.
        fused: whether softmax and its cross-entropy are one step.
    """

    subject: Subject
    loss: Tensor
    targets: tuple[Tensor, ...]
    gradients: tuple[Tensor | None, ...]
    record: tuple[Step, ...]
    nodes: tuple[Node, ...]
    named: tuple[Tensor, ...]
    naming: Naming
    opened: Subject
    fused: bool = True
    values: dict[Node, tuple[Array, ...]] = field(default_factory=dict, repr=False)

    @cached_property
    def names(self) -> dict[Key, Formula]:
        """The names of the forward pass: of what enters and of what is computed."""
        entering = [t for node in self.nodes for t in node.outputs if self._enters(node)]
        return {tensor.key: self.naming[tensor] for tensor in (*entering, *self.named)}

    @cached_property
    def followed(self) -> frozenset[Key]:
        """The tensors on a path from a target to the loss: only their gradients are asked for."""
        between = nodes_between([self.loss], self.targets)
        on_path = {tensor.key for node in between for tensor in node.outputs}
        return frozenset(on_path | {target.key for target in self.targets})

    @cached_property
    def totals(self) -> dict[Key, Tensor]:
        """The gradient of each tensor that has one, the sum of all its shares."""
        found = {}
        for step in self.record:
            for tensor, gradient in zip(step.node.outputs, step.incoming, strict=True):
                if gradient is not None:
                    found[tensor.key] = gradient
        for target, gradient in zip(self.targets, self.gradients, strict=True):
            if gradient is not None:
                found[target.key] = gradient
        return found

    def gradients_of(self, tensors: Sequence[Tensor]) -> list[Tensor | None]:
        """The gradients of tensors of the forward pass; what nobody asked for is built now."""
        missing = [tensor for tensor in tensors if tensor.key not in self.totals]
        built = gradients(self.loss, missing) if missing else []
        found = {one.key: slope for one, slope in zip(missing, built, strict=True)}
        return [self.totals.get(one.key, found.get(one.key)) for one in tensors]

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """The steps as they are explained: layer by layer, as far as the order allows."""
        return tuple(_scheduled(self._units_in_order()))

    def value(self, tensor: Tensor) -> Array:
        """The value of a tensor of the forward or backward pass."""
        return self.evaluate([tensor])[0]

    def evaluate(self, tensors: Sequence[Tensor]) -> list[Array]:
        """Values by the reference; what was computed once is kept."""
        if not self.values:
            for tensor, array in zip(self.subject.inputs, self.subject.arrays, strict=True):
                self.values[tensor.node] = (array,)
        with np.errstate(all="ignore"):  # infinities and NaN are results, not accidents
            return list(evaluate(list(tensors), np, self.values))

    def _enters(self, node: Node) -> bool:
        if not isinstance(node.operation, Leaf):
            return False
        if isinstance(node.operation, Constant):
            value = node.operation.value
            return value.size != 1 and not is_range(value)
        return True

    def _units_in_order(self) -> list[Unit]:
        named = {tensor.key for tensor in self.named}
        units: dict[Node, list[Step]] = {}
        root_of: dict[Node, Node] = {}
        for step in self.record:  # users come before what they use
            node = step.node
            if any(tensor.key in named for tensor in node.outputs):
                root_of[node] = node
                units[node] = [step]
            else:
                units[root_of[node]].append(step)
            for tensor in node.inputs:
                if tensor.key not in named:
                    root_of[tensor.node] = root_of[node]
        return [Unit(root, tuple(steps)) for root, steps in units.items()]


def derived(subject: Subject, targets: Sequence[Tensor], *, fused: bool = True) -> Derivation:
    """Open a loss, differentiate it, and choose what gets a name.

    Args:
        subject: what is looked at.
        targets: what to differentiate by: tensors of its graph.
        fused: whether softmax and its cross-entropy are one step.
    """
    opening = Opening(fused=fused)
    trees = [(call.inputs, call.outputs) for call in subject.calls]
    of_calls = [
        tensor
        for tree in (*trees, subject.predictions)
        for tensor in flatten(tree)[0]
        if isinstance(tensor, Tensor)
    ]
    # Layers come first: a loss in two steps reads their activations.
    before = [*of_calls, *targets, subject.loss]
    record: list[Step] = []
    with float_type("float64"):
        opened = dict(zip([tensor.key for tensor in before], opening(before), strict=True))
        loss, wanted = opened[subject.loss.key], [opened[target.key] for target in targets]
        found = gradients(loss, wanted, record=record)
    nodes = tuple(_in_order(loss))
    outputs, hints = outputs_of_layers(subject, opened)
    hints |= {key: name for key, name in opening.hints.items() if key not in outputs}
    for node in nodes:
        further = FURTHER.get(node.operation.name, ())
        hints |= {(node, index): name for index, name in enumerate(further, 1)}
    naming = Naming(subject, nodes, hints, outputs)
    if loss.node.inputs:
        naming.assign(loss, LOSS)
    kept = {*outputs, *hints, loss.key, *(tensor.key for tensor in wanted)}
    named = _named(nodes, record, kept)
    return Derivation(
        subject,
        loss,
        tuple(wanted),
        tuple(found),
        tuple(record),
        nodes,
        named,
        naming,
        subject.on(opened),
        fused,
    )


def is_passed_over(tensor: Tensor, derivation: Derivation) -> bool:
    """Whether an activation and the loss are one step, which reads what comes before it."""
    read = {operand.key for node in derivation.nodes for operand in node.inputs}
    is_activation = isinstance(tensor.node.operation, Sigmoid | Softmax)
    return derivation.fused and is_activation and tensor.key not in read


def is_taken_apart(tensor: Tensor, derivation: Derivation) -> bool:
    """Whether the parts of a tensor are read, as the steps of a sequence are, never the whole."""
    nodes = set(derivation.nodes)
    is_joined = isinstance(tensor.node.operation, Concatenate) and tensor.node not in nodes
    parts = walk([tensor]) if is_joined else ()
    return any(node in nodes and not isinstance(node.operation, Leaf) for node in parts)


def _in_order(loss: Tensor) -> list[Node]:
    """The nodes of a loss, inputs first; of several inputs what takes longest to compute.

    So what belongs to a step of time is not computed before its turn.
    """
    depth: dict[Node, int] = {}
    for node in walk([loss]):
        depth[node] = 1 + max((depth[tensor.node] for tensor in node.inputs), default=0)
    ordered: dict[Node, None] = {}
    pending = [(loss.node, False)]
    while pending:
        node, is_ready = pending.pop()
        if is_ready:
            ordered[node] = None
        elif node not in ordered:
            below = sorted(node.inputs, key=lambda tensor: -depth[tensor.node])
            pending.append((node, True))
            pending += [(tensor.node, False) for tensor in reversed(below)]
    return list(ordered)


def _named(
    nodes: Sequence[Node], record: Sequence[Step], kept: Iterable[Key]
) -> tuple[Tensor, ...]:
    """The tensors that get a name; all others are written inside the formula of their one user."""
    users: dict[Key, list[tuple[Node, int]]] = defaultdict(list)
    for node in nodes:
        for position, tensor in enumerate(node.inputs):
            users[tensor.key].append((node, position))
    steps = {step.node: step for step in record}
    read = _read_by_rules(record, set(nodes))
    choice = _Choice(set(kept), users, steps, read)
    computed = [tensor for node in nodes if node.inputs for tensor in node.outputs]
    return tuple(tensor for tensor in computed if choice.has_name(tensor))


@dataclass
class _Choice:
    """Which tensors have a name, asked in the order in which they are computed.

    One has none where a single node of its scope reads it and either its gradient is that of this
    node, or its elements are merely moved on their way in.

    Args:
        kept: the tensors that have a name in any case.
        users: who reads a tensor, and at which place.
        steps: the steps of the backward pass by their nodes.
        read: the tensors that rules read.
    """

    kept: set[Key]
    users: Mapping[Key, list[tuple[Node, int]]]
    steps: Mapping[Node, Step]
    read: Collection[Key]
    inside: set[Key] = field(default_factory=set)

    def has_name(self, tensor: Tensor) -> bool:
        """Whether a tensor has a name; what nobody reads needs none."""
        users = self.users.get(tensor.key, [])
        if tensor.key in self.kept or not users:
            return tensor.key in self.kept
        is_alone = len(users) == 1 and len(tensor.node.specs) == 1
        if is_alone and users[0][0].scope == tensor.node.scope and self._can_be_inside(tensor):
            self.inside.add(tensor.key)
            return False
        return True

    def _can_be_inside(self, tensor: Tensor) -> bool:
        node = tensor.node
        if self._is_moved(node):
            return True
        is_handed_on = node not in self.steps or self._is_handed_on(*self.users[tensor.key][0])
        return tensor.key not in self.read and is_handed_on

    def _is_moved(self, node: Node) -> bool:
        """Whether the node moves the elements of something that has a name."""
        if not isinstance(node.operation, MOVEMENTS):
            return False
        (x,) = node.inputs
        return x.key not in self.inside or isinstance(x.node.operation, MOVEMENTS)

    def _is_handed_on(self, user: Node, position: int) -> bool:
        """Whether the user's gradient goes on to this input as it is."""
        step = self.steps.get(user)
        gradient = None if step is None else step.outgoing[position]
        if step is None or gradient is None:
            return False
        return gradient.key in {one.key for one in step.incoming if one is not None}


def _read_by_rules(record: Sequence[Step], forward: set[Node]) -> set[Key]:
    """Which tensors of the forward pass the rules read."""
    found: set[Key] = set()
    seen: set[Node] = set()
    pending = [t for step in record for t in (*step.incoming, *step.outgoing) if t is not None]
    while pending:
        node = pending.pop().node
        if node in seen:
            continue
        seen.add(node)
        for tensor in node.inputs:
            if tensor.node in forward:
                found.add(tensor.key)
            else:
                pending.append(tensor)
    return found


def _scheduled(units: Sequence[Unit]) -> list[Unit]:
    """An order in which users come before what they use, and a layer in one piece if it can."""
    unit_of = {step.node: unit for unit in units for step in unit.steps}
    waiting: Counter[Unit] = Counter()
    feeds: dict[Unit, list[Unit]] = {}
    places = {unit: place for place, unit in enumerate(units)}
    for unit in units:
        below = {
            unit_of[t.node] for step in unit.steps for t in step.node.inputs if t.node in unit_of
        } - {unit}
        feeds[unit] = sorted(below, key=places.__getitem__)
        waiting.update(below)
    ready = [unit for unit in units if not waiting[unit]]
    ordered: list[Unit] = []
    scope = ""
    while ready:
        unit = next((one for one in ready if one.scope == scope), ready[0])
        ready.remove(unit)
        ordered.append(unit)
        scope = unit.scope
        for one in feeds[unit]:
            waiting[one] -= 1
            if not waiting[one]:
                ready.append(one)
    return ordered
