"""Fourth pass: groups become launches of kernels on buffers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.execute.cpu import generate
from glassgrad.execute.cpu.expressions import has_expression
from glassgrad.execute.cpu.fuse import Group, Kind, fuse, source_of
from glassgrad.execute.cpu.matmul import SCRATCH_ELEMENTS
from glassgrad.execute.cpu.simplify import expand, merge_equal
from glassgrad.graph import Constant, Leaf, Names, Node, Operation, Placeholder, Read, Tensor
from glassgrad.graph import TensorSpec, Variable
from glassgrad.graph.tensor import Key
from glassgrad.ops.mapping import ElementwiseMap

__all__ = ["ALIGNMENT", "Buffer", "Launch", "Operand", "Plan", "make_plan"]

ALIGNMENT = 64


@dataclass(eq=False)
class Buffer:
    """A piece of memory: of the workspace, or of a variable, a constant, an input.

    ``first`` and ``last`` are the launches between which a piece of the workspace holds a value
    that matters; ``offset`` is its place there.
    """

    spec: TensorSpec
    owner: Variable | np.ndarray[Any, Any] | int | None = None
    first: int = -1
    last: int = -1
    offset: int = -1

    @property
    def bytes(self) -> int:
        """The length in memory."""
        return self.spec.size * self.spec.dtype.itemsize

    @property
    def padded_bytes(self) -> int:
        """The length up to where the next buffer may begin."""
        return -(-self.bytes // ALIGNMENT) * ALIGNMENT

    @property
    def is_workspace(self) -> bool:
        """Whether the planner decides where it lies."""
        return self.owner is None


@dataclass(frozen=True)
class Operand:
    """A buffer as an argument, seen under a shape."""

    buffer: Buffer
    shape: tuple[int, ...]


@dataclass(eq=False)
class Launch:
    """One call of a kernel.

    Exactly one of ``source`` (a generated kernel) and ``function`` (Python, called with the
    operands as arrays) is given. An update's operands are lists, one member after the other.
    """

    kind: Kind
    arguments: list[int | Operand]
    reads: list[Buffer]
    writes: list[Buffer]
    nodes: list[Node]
    source: str = ""
    function: Callable[..., None] | None = None
    members: list[list[int | Operand]] = field(default_factory=list)
    operations: int = 0
    barrier: bool = True


@dataclass(eq=False)
class Plan:
    """What a program does: launches in order, and where its values are."""

    launches: list[Launch]
    outputs: list[Operand]
    inputs: list[Buffer]
    blocks: list[list[Buffer]]
    parts: int
    names: Names
    workspace_bytes: int = 0

    @property
    def buffers(self) -> list[Buffer]:
        """Every buffer that a launch touches, once."""
        touched = [b for launch in self.launches for b in (*launch.reads, *launch.writes)]
        return list(dict.fromkeys([*touched, *(operand.buffer for operand in self.outputs)]))


def has_kernel(operation: Operation) -> bool:
    """Whether a composite is compiled as it is instead of being expanded."""
    return isinstance(operation, ElementwiseMap) and all(
        isinstance(node.operation, Leaf) or has_expression(node.operation)
        for node in operation.body.nodes
    )


def make_plan(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    updates: Mapping[Variable, Tensor],
    parts: int,
) -> Plan:
    """Expand, merge and fuse a graph, and decide which launches compute it."""
    roots = merge_equal(expand([*outputs, *updates.values()], has_kernel))
    results = list(roots[: len(outputs)])
    new_values = dict(zip(updates, roots[len(outputs) :], strict=True))
    return _Planner(results, list(inputs), new_values, parts).plan()


class _Planner:
    def __init__(
        self,
        outputs: list[Tensor],
        inputs: list[Tensor],
        updates: dict[Variable, Tensor],
        parts: int,
    ) -> None:
        self.outputs, self.inputs, self.updates, self.parts = outputs, inputs, updates, parts
        self.groups = fuse([*outputs, *updates.values()])
        self.place = {node: g for g, group in enumerate(self.groups) for node in group.nodes}
        self.buffers: dict[Key, Buffer] = {}
        self.leaves: dict[object, Buffer] = {}
        self.input_buffers = [Buffer(t.spec, owner=n) for n, t in enumerate(inputs)]
        self.used_outside = self._used_outside()
        self.blocks: list[list[Buffer]] = []
        self.names = Names()

    def plan(self) -> Plan:
        """Launch the groups in order, then copy the new values that were not made in place."""
        early = self._copies_of_old_values()
        launches = [*early, *(self._launch(group) for group in self.groups)]
        launches += self._assignments()
        results = [self._result(tensor) for tensor in self.outputs]
        for group in self.groups:  # what leaves a kernel has a name in the plan's description
            for tensor in self._made(group):
                self.names[tensor]  # noqa: B018 -- a name is given at the first question
        return Plan(launches, results, self.input_buffers, self.blocks, self.parts, self.names)

    def _used_outside(self) -> set[Key]:
        """Values that a group computes and somebody else reads."""
        used = {source_of(tensor).key for tensor in (*self.outputs, *self.updates.values())}
        for node, home in self.place.items():
            for source in map(source_of, node.inputs):
                if source.node in self.place and self.place[source.node] != home:
                    used.add(source.key)
        return used

    def _buffer(self, tensor: Tensor) -> Buffer:
        """The memory of a tensor."""
        source = source_of(tensor)
        operation = source.node.operation
        if isinstance(operation, Leaf):
            return self._leaf_buffer(source, operation)
        if source.key not in self.buffers:
            self.buffers[source.key] = Buffer(source.spec)
        return self.buffers[source.key]

    def _leaf_buffer(self, source: Tensor, operation: Leaf) -> Buffer:
        if isinstance(operation, Placeholder):
            return self.input_buffers[[t.node for t in self.inputs].index(source.node)]
        owner: Any = operation.value if isinstance(operation, Constant) else None
        if isinstance(operation, Read):
            owner = operation.variable
        return self.leaves.setdefault(id(owner), Buffer(source.spec, owner=owner))

    def _operand(self, tensor: Tensor) -> Operand:
        return Operand(self._buffer(tensor), tensor.shape)

    def _flat(self, tensor: Tensor) -> Operand:
        return Operand(self._buffer(tensor), (tensor.size,))

    def _launch(self, group: Group) -> Launch:
        makers = {
            Kind.LOOP: self._loop,
            Kind.PRODUCT: self._product,
            Kind.COLUMN_SUM: self._column_sum,
            Kind.UPDATE: self._update,
            Kind.REFERENCE: self._reference,
        }
        return makers[group.kind](group)

    def _made(self, group: Group) -> list[Tensor]:
        """The values of a group that others read."""
        made = [tensor for node in group.nodes for tensor in node.outputs]
        return [tensor for tensor in made if tensor.key in self.used_outside]

    def _loop(self, group: Group) -> Launch:
        made = self._made(group)
        source = generate.loop_source(group, made)
        columns = group.size if group.columns is None else group.columns
        scratch = [Operand(b, (b.spec.size,)) for b in self._scratch(source, columns)]
        arrays = [self._flat(tensor) for tensor in (*source.arrays, *source.outputs)]
        return self._kernel_launch(
            group, source.text, [group.rows, columns, *arrays, *scratch],
            reads=source.arrays, made=made, scratch=[operand.buffer for operand in scratch],
        )  # fmt: skip

    def _scratch(self, source: generate.KernelSource, columns: int) -> list[Buffer]:
        shape = (self.parts * columns,)
        return [Buffer(TensorSpec(shape, dtype)) for dtype in source.scratch]

    def _product(self, group: Group) -> Launch:
        made = self._made(group)
        product = group.nodes[0].outputs[0]
        a, b = group.nodes[0].inputs
        source = generate.product_source(group, made)
        panel = Buffer(TensorSpec((self.parts * SCRATCH_ELEMENTS,), product.dtype))
        target = self._buffer(generate.product_target(group, made))
        rows, columns = product.shape
        arguments: list[int | Operand] = [
            rows, columns, self._operand(a), self._operand(b),
            Operand(panel, panel.spec.shape), Operand(target, product.shape),
        ]  # fmt: skip
        arguments += [self._flat(tensor) for tensor in (*source.arrays, *source.outputs)]
        launch = self._kernel_launch(
            group, source.text, arguments,
            reads=[a, b, *source.arrays], made=made, scratch=[panel, target],
        )  # fmt: skip
        inner = a.shape[0] if group.nodes[0].operation.transpose_a else a.shape[1]
        launch.operations += (2 * inner - 1) * rows * columns
        return launch

    def _column_sum(self, group: Group) -> Launch:
        (node,) = group.nodes
        (x,) = node.inputs
        columns = node.specs[0].size
        return self._kernel_launch(
            group, generate.column_sum_source(x.dtype),
            [x.size // columns, columns, self._flat(x), self._flat(node.outputs[0])],
            reads=[x], made=list(node.outputs),
        )  # fmt: skip

    def _kernel_launch(
        self,
        group: Group,
        text: str,
        arguments: list[int | Operand],
        *,
        reads: Sequence[Tensor],
        made: Sequence[Tensor],
        scratch: Sequence[Buffer] = (),
    ) -> Launch:
        work = sum(max(node.specs[0].size, node.inputs[0].size if node.inputs else 0)
                   for node in group.nodes)  # fmt: skip
        return Launch(
            group.kind, arguments,
            reads=list(dict.fromkeys(self._buffer(tensor) for tensor in reads)),
            writes=list(dict.fromkeys([*(self._buffer(t) for t in made), *scratch])),
            nodes=group.nodes, source=text, operations=work,
        )  # fmt: skip

    def _update(self, group: Group) -> Launch:
        """In place where an output is the new value of a variable that goes in."""
        (node,) = group.nodes
        operation = node.operation
        assert isinstance(operation, ElementwiseMap)
        shared, members = operation.split(node.inputs)
        outputs = node.outputs
        made = [outputs[number :: operation.length] for number in range(operation.length)]
        in_place = [
            self._overwritten(group, [m[o] for m in made], members)
            for o in range(len(operation.body.outputs))
        ]
        self._bind_in_place(operation, in_place, members, made)
        self._lay_out_gradients(members)
        constants = generate.constants_of(operation.body)
        once = [self._flat(tensor) for tensor in (*shared, *constants)]
        rows: list[list[int | Operand]] = []
        for member, results in zip(members, made, strict=True):
            fresh = [t for t, place in zip(results, in_place, strict=True) if place is None]
            lists = [self._flat(tensor) for tensor in member]
            rows.append([member[0].size, *once[: len(shared)], *lists, *once[len(shared) :],
                         *(self._flat(tensor) for tensor in fresh)])  # fmt: skip
        return Launch(
            group.kind, [],
            reads=list(dict.fromkeys(self._buffer(t) for t in (*node.inputs, *constants))),
            writes=list(dict.fromkeys(self._buffer(t) for t in outputs)),
            nodes=group.nodes,
            source=generate.update_source(
                operation.body, operation.shared,
                [None if p is None else operation.shared + p for p in in_place],
            ),
            members=rows,
            operations=len(operation.body.nodes) * sum(member[0].size for member in members),
        )  # fmt: skip

    def _overwritten(
        self, group: Group, results: list[Tensor], members: list[Sequence[Tensor]]
    ) -> int | None:
        """The list of inputs whose memory this list of outputs may overwrite, if any."""
        for place in range(len(members[0]) if members else 0):
            inputs = [source_of(member[place]) for member in members]
            if all(
                isinstance(old.node.operation, Read)
                and self._is_new_value(old.node.operation.variable, new)
                and not self._is_read_later(old, group)
                for old, new in zip(inputs, results, strict=True)
            ):
                return place
        return None

    def _is_new_value(self, variable: Variable, tensor: Tensor) -> bool:
        value = self.updates.get(variable)
        return value is not None and source_of(value).key == tensor.key

    def _is_read_later(self, old: Tensor, group: Group) -> bool:
        number = self.groups.index(group)
        operation = old.node.operation
        assert isinstance(operation, Read)
        return any(
            isinstance(source.node.operation, Read)
            and source.node.operation.variable is operation.variable
            for later in self.groups[number + 1 :]
            for node in later.nodes
            for source in map(source_of, node.inputs)
        )

    def _bind_in_place(
        self,
        operation: ElementwiseMap,
        in_place: list[int | None],
        members: list[Sequence[Tensor]],
        made: list[Sequence[Tensor]],
    ) -> None:
        for place, number in zip(in_place, range(len(in_place)), strict=True):
            if place is not None:
                for member, results in zip(members, made, strict=True):
                    self.buffers[results[number].key] = self._buffer(member[place])

    def _lay_out_gradients(self, members: list[Sequence[Tensor]]) -> None:
        """Ask for the computed members of each list to lie side by side, like the variables."""
        taken = {buffer for block in self.blocks for buffer in block}
        for column in zip(*members, strict=True):
            block = [self._buffer(tensor) for tensor in column]
            free = all(buffer.is_workspace and buffer not in taken for buffer in block)
            if free and len(set(block)) == len(block) > 1:
                self.blocks.append(block)
                taken.update(block)

    def _reference(self, group: Group) -> Launch:
        """No kernel: the operation's own definition, in NumPy."""
        (node,) = group.nodes
        count = len(node.inputs)
        operation = node.operation

        def call(*arrays: np.ndarray[Any, Any]) -> None:
            with np.errstate(all="ignore"):
                results = operation.evaluate(np, *arrays[:count])
            for target, result in zip(arrays[count:], results, strict=True):
                target[...] = result

        return Launch(
            group.kind,
            [self._operand(tensor) for tensor in (*node.inputs, *node.outputs)],
            reads=list(dict.fromkeys(self._buffer(tensor) for tensor in node.inputs)),
            writes=list(dict.fromkeys(self._buffer(tensor) for tensor in node.outputs)),
            nodes=group.nodes, function=call,
        )  # fmt: skip

    def _copies_of_old_values(self) -> list[Launch]:
        """Save variables that are results, or new values of others, before updates change them."""
        wanted = [source_of(tensor) for tensor in (*self.outputs, *self.updates.values())]
        launches = []
        for source in wanted:
            operation = source.node.operation
            if source.key in self.buffers or not isinstance(operation, Read):
                continue
            if operation.variable in self.updates:
                saved = Buffer(source.spec)
                launches.append(self._copy(self._buffer(source), saved, source.node))
                self.buffers[source.key] = saved
        return launches

    def _result(self, tensor: Tensor) -> Operand:
        source = source_of(tensor)
        return Operand(self.buffers.get(source.key) or self._buffer(source), tensor.shape)

    def _assignments(self) -> list[Launch]:
        launches = []
        for variable, value in self.updates.items():
            origin = self._result(value).buffer
            if origin.owner is not variable:
                target = self.leaves.setdefault(id(variable), Buffer(variable.spec, owner=variable))
                launches.append(self._copy(origin, target, value.node))
        return launches

    def _copy(self, origin: Buffer, target: Buffer, node: Node) -> Launch:
        size = (origin.bytes,)
        return Launch(
            Kind.COPY, [origin.bytes, Operand(origin, size), Operand(target, size)],
            reads=[origin], writes=[target], nodes=[node], source=generate.COPY_SOURCE,
        )  # fmt: skip
