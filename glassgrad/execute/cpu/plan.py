"""Fourth pass: groups become launches of kernels on buffers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from math import prod
from typing import Any, TypeGuard

import numpy as np

from glassgrad.execute.cpu import generate
from glassgrad.execute.cpu.blas import NORMAL, TRANSPOSED
from glassgrad.execute.cpu.column_sums import divide_column_sums
from glassgrad.execute.cpu.convolutions import lower
from glassgrad.execute.cpu.expressions import has_expression
from glassgrad.execute.cpu.fuse import Group, Kind, fuse, source_of, sources_of, spread
from glassgrad.execute.cpu.kernels import work
from glassgrad.execute.cpu.launches import Argument, Buffer, Launch, Loop, Operand, Plan
from glassgrad.execute.cpu.loops import ScanLayout, with_plain_scans
from glassgrad.execute.cpu.mapped_lists import divide_squares, join_maps
from glassgrad.execute.cpu.matmul import SCRATCH_ELEMENTS
from glassgrad.execute.cpu.pieces import FOLDED
from glassgrad.execute.cpu.pooled import before_pooling
from glassgrad.execute.cpu.recurrence import lower_recurrence
from glassgrad.execute.cpu.simplify import merge_equal, simplify
from glassgrad.execute.cpu.update_kernel import constants_of, update_source
from glassgrad.graph import Constant, Leaf, Placeholder, Read, Tensor, TensorSpec, Variable
from glassgrad.graph.graph import check_declared
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.ops.linear import MatMul
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.ops.scan import Scan

__all__ = ["Argument", "Buffer", "Launch", "Operand", "Plan", "make_plan"]


def make_plan(
    outputs: Sequence[Tensor],
    inputs: Sequence[Tensor],
    updates: Mapping[Variable, Tensor],
    parts: int,
    exact: bool = False,
) -> Plan:
    """Simplify and fuse a graph, and decide which launches compute it."""
    roots = _ready([*outputs, *updates.values()], parts, exact)
    results = list(roots[: len(outputs)])
    new_values = dict(zip(updates, roots[len(outputs) :], strict=True))
    return _Planner(results, list(inputs), new_values, parts).plan()


def _ready(outputs: Sequence[Tensor], parts: int, exact: bool) -> tuple[Tensor, ...]:
    """The graph as it is fused, with the bodies of its scans."""
    simple = lower_recurrence(join_maps(simplify(outputs, has_expression)), parts)
    simple = divide_squares(simple, parts)
    simple = with_plain_scans(simple, partial(_ready, parts=parts, exact=exact))
    simple = divide_column_sums(lower(before_pooling(simple), parts, exact), parts)
    roots = spread(simple)
    if any(new is not old for new, old in zip(roots, simple, strict=True)):
        roots = merge_equal(roots)  # what is read in several places may have been repeated in each
    return roots


class _Planner:
    def __init__(
        self,
        outputs: list[Tensor],
        inputs: list[Tensor],
        updates: dict[Variable, Tensor],
        parts: int,
    ) -> None:
        self.outputs, self.updates, self.parts = outputs, updates, parts
        self.groups = fuse([*outputs, *updates.values()])
        self.bodies = {group: self._body(group) for group in self.groups if group.kind is Kind.SCAN}
        self.buffers: dict[Key, Buffer] = {}
        self.leaves: dict[int, Buffer] = {}
        self.input_buffers = [Buffer(t.spec, owner=n) for n, t in enumerate(inputs)]
        self.place_of_input = {t.node: n for n, t in enumerate(inputs)}
        self.used_outside = self._used_outside()
        self.last_readers = self._last_readers()
        self.blocks: list[list[Buffer]] = []
        self.sources = generate.Sources()
        self.panels: dict[np.dtype[Any], Buffer] = {}
        self.status = np.zeros(1, np.int64)
        self.complaints: list[work.Complaint] = []
        self.loop: Loop | None = None
        self.makers = {
            Kind.LOOP: self._loop,
            Kind.PRODUCT: self._product,
            Kind.ROWS: self._rows,
            Kind.BATCH: self._batch_of_products,
            Kind.COLUMN_SUM: self._column_sum,
            Kind.KERNEL: self._kernel,
            Kind.UPDATE: self._update,
            Kind.REFERENCE: self._reference,
        }

    def plan(self) -> Plan:
        """Launch the groups in order, then copy the new values that were not made in place."""
        early = self._copies_of_old_values()
        launches = [*early, *self._launches(), *self._assignments()]
        results = [self._result(tensor) for tensor in self.outputs]
        return Plan(
            launches,
            results,
            self.input_buffers,
            self.blocks,
            self.parts,
            self.status,
            self.complaints,
        )

    def _launches(self) -> list[Launch]:
        return [
            launch
            for group in self.groups
            for launch in (
                self._scan(group) if group.kind is Kind.SCAN else [self.makers[group.kind](group)]
            )
        ]

    def _used_outside(self) -> set[Key]:
        """Values that a group computes and somebody else reads."""
        used = {source_of(tensor).key for tensor in (*self.outputs, *self.updates.values())}
        for group in self.groups:
            members = set(group.nodes)
            sources = [source for node in group.nodes for source in sources_of(node)]
            used |= {source.key for source in sources if source.node not in members}
        return used

    def _last_readers(self) -> dict[Variable, int]:
        """The number of the last group that reads each variable."""
        last: dict[Variable, int] = {}
        for number, group in enumerate(self.groups):
            for node in group.nodes:
                for source in sources_of(node):
                    if isinstance(source.node.operation, Read):
                        last[source.node.operation.variable] = number
        return last

    # ---- memory

    def _buffer(self, tensor: Tensor) -> Buffer:
        """The memory of a tensor."""
        source = source_of(tensor)
        operation = source.node.operation
        if isinstance(operation, Leaf):
            return self._leaf_buffer(source, operation)
        key = source.key
        if key not in self.buffers:
            self.buffers[key] = Buffer(source.spec)
        return self.buffers[key]

    def _leaf_buffer(self, source: Tensor, operation: Leaf) -> Buffer:
        if isinstance(operation, Placeholder):
            return self.input_buffers[self.place_of_input[source.node]]
        assert isinstance(operation, Constant | Read)
        owner = operation.value if isinstance(operation, Constant) else operation.variable
        if id(owner) not in self.leaves:
            self.leaves[id(owner)] = Buffer(source.spec, owner=owner)
        return self.leaves[id(owner)]

    def _buffers(self, tensors: Sequence[Tensor]) -> list[Buffer]:
        """The memory of several tensors, each piece once."""
        return list(dict.fromkeys(map(self._buffer, tensors)))

    def _operand(self, tensor: Tensor) -> Operand:
        return Operand(self._buffer(tensor), tensor.shape)

    def _flat(self, tensor: Tensor) -> Operand:
        return Operand(self._buffer(tensor), (tensor.size,))

    # ---- kernels

    def _made(self, group: Group) -> list[Tensor]:
        """The values of a group that others read."""
        used = self.used_outside
        return [
            Tensor.of_node(node, index)
            for node in group.nodes
            for index in range(len(node.specs))
            if (node, index) in used
        ]

    def _loop(self, group: Group) -> Launch:
        made = self._made(group)
        source = self.sources.of(group, made)
        columns = group.size if group.columns is None else group.columns
        scratch = [Buffer(TensorSpec((self.parts * columns,), dtype)) for dtype in source.scratch]
        arguments: list[Argument] = [group.rows, columns]
        arguments += [self._flat(tensor) for tensor in (*source.arrays, *source.outputs)]
        scratch += self._folded(source, columns)
        arguments += [Operand(buffer, buffer.spec.shape) for buffer in scratch]
        return self._kernel_launch(group, source.text, arguments, source.arrays, made, scratch)

    def _folded(self, source: generate.KernelSource, columns: int) -> list[Buffer]:
        """Memory for several rows that are walked as one, for each part."""
        length = self.parts * max(columns, FOLDED)
        return [Buffer(TensorSpec((length,), dtype)) for dtype in source.folded]

    def _product(self, group: Group) -> Launch:
        made = self._made(group)
        first = group.nodes[0]
        assert isinstance(first.operation, MatMul)
        (a, b), (product,) = first.inputs, first.outputs
        source = self.sources.of(group, made)
        panel = self._panel(product.dtype)
        target = self._buffer(generate.product_target(group, made))
        rows, columns = product.shape
        transposed = (first.operation.transpose_a, first.operation.transpose_b)
        arguments: list[Argument] = [
            rows,
            columns,
            *(TRANSPOSED if each else NORMAL for each in transposed),
            self._operand(a),
            self._operand(b),
            Operand(panel, panel.spec.shape),
            Operand(target, product.shape),
        ]
        arguments += [self._flat(tensor) for tensor in (*source.arrays, *source.outputs)]
        reads = [a, b, *source.arrays]
        return self._kernel_launch(group, source.text, arguments, reads, made, [panel, target])

    def _rows(self, group: Group) -> Launch:
        made = self._made(group)
        first, by, pooling = group.nodes[0], group.made_by, group.pooling
        assert by is not None
        result = first.outputs[0]
        source = self.sources.of(group, made)
        columns = result.shape[-1]
        place = generate.rows_target(group, made)
        target = self._target_of_rows(group, place, by.step * columns)
        scratch: dict[work.Scratch, Buffer] = {}
        own = [self._seen(argument, scratch) for argument in by.arguments]
        folded = self._folded(source, columns)
        pooled: list[Argument] = []
        if pooling is not None:
            pooled += pooling.inputs[0].shape[1:3]
            pooled += map(self._flat, pooling.outputs)
        arguments: list[Argument] = [
            result.size // max(columns, 1),
            columns,
            by.step,
            by.block,
            Operand(target, target.spec.shape),
            *own,
            *pooled,
            *map(self._flat, source.arrays),
            *(
                Operand(target, (0,)) if pooling and tensor.key == place.key else self._flat(tensor)
                for tensor in source.outputs
            ),
            *(Operand(buffer, buffer.spec.shape) for buffer in folded),
        ]
        made += pooling.outputs if pooling else ()
        reads = [*first.inputs, *source.arrays]
        buffers = [target, *scratch.values(), *folded]
        launch = self._kernel_launch(group, source.text, arguments, reads, made, buffers)
        launch.reads += [one.buffer for one in own if _is_fixed_operand(one)]
        launch.nodes = [*launch.nodes, pooling] if pooling else launch.nodes
        return launch

    def _target_of_rows(self, group: Group, place: Tensor, piece: int) -> Buffer:
        """Where rows are put; what is pooled is there only as long as its piece is."""
        if group.pooling is None:
            return self._buffer(place)
        return Buffer(TensorSpec((self.parts * piece,), place.dtype))

    def _batch_of_products(self, group: Group) -> Launch:
        (node,) = group.nodes
        operation = node.operation
        assert isinstance(operation, MatMul)
        (a, b), (product,) = node.inputs, node.outputs
        panel = self._panel(product.dtype)
        rows, columns = product.shape[-2:]
        inner = a.shape[-2] if operation.transpose_a else a.shape[-1]
        transposed = (operation.transpose_a, operation.transpose_b)
        arguments: list[Argument] = [
            product.size // (rows * columns),
            rows,
            columns,
            inner,
            *(TRANSPOSED if each else NORMAL for each in transposed),
            *(prod(x.shape[-2:]) if prod(x.shape[:-2]) > 1 else 0 for x in (a, b)),
            self._flat(a),
            self._flat(b),
            Operand(panel, panel.spec.shape),
            self._flat(product),
        ]
        text = generate.batch_source(product.dtype)
        return self._kernel_launch(group, text, arguments, [a, b], [product], [panel])

    def _panel(self, dtype: np.dtype[Any]) -> Buffer:
        """Where products copy pieces of their right side; one for all of them."""
        if dtype not in self.panels:
            spec = TensorSpec((self.parts * SCRATCH_ELEMENTS,), dtype)
            self.panels[dtype] = Buffer(spec, is_private=True)
        return self.panels[dtype]

    def _column_sum(self, group: Group) -> Launch:
        (node,) = group.nodes
        (x,) = node.inputs
        columns = node.specs[0].size
        arguments: list[Argument] = [x.size // columns, columns]
        arguments += [self._flat(x), self._flat(node.outputs[0])]
        text = generate.column_sum_source(x.dtype)
        return self._kernel_launch(group, text, arguments, [x], list(node.outputs))

    def _kernel_launch(
        self,
        group: Group,
        text: str,
        arguments: list[Argument],
        reads: Sequence[Tensor],
        made: list[Tensor],
        scratch: Sequence[Buffer] = (),
    ) -> Launch:
        return Launch(
            group.kind,
            [arguments],
            reads=self._buffers(reads),
            writes=list(dict.fromkeys([*self._buffers(made), *scratch])),
            nodes=group.nodes,
            made=made,
            source=text,
        )

    # ---- kernels of single operations

    def _kernel(self, group: Group) -> Launch:
        """As the operation's kernel declares it."""
        (node,) = group.nodes
        assert group.work is not None
        scratch: dict[work.Scratch, Buffer] = {}
        calls = [[self._seen(one, scratch) for one in call] for call in group.work.calls]
        if group.work.complaint is not None:
            self.complaints.append(group.work.complaint)
            for call in calls:
                call += [_fixed(self.status), len(self.complaints)]
        text = work.source(group.work)
        buffers = list(scratch.values())
        launch = self._kernel_launch(group, text, [], node.inputs, list(node.outputs), buffers)
        launch.calls = calls
        # The status word is written too, but nobody has to wait for it.
        seen = [one.buffer for call in calls for one in call if isinstance(one, Operand)]
        launch.reads = list(dict.fromkeys([*launch.reads, *(b for b in seen if _is_fixed(b))]))
        launch.may_fail = group.may_fail
        return launch

    def _seen(self, argument: work.Argument, scratch: dict[work.Scratch, Buffer]) -> Argument:
        if isinstance(argument, int):
            return argument
        if isinstance(argument, work.Scratch):
            spec = TensorSpec((self.parts * argument.elements,), np.dtype(argument.dtype))
            buffer = scratch.setdefault(argument, Buffer(spec))
            return Operand(buffer, spec.shape)
        what = argument.of if isinstance(argument, work.Bits) else argument
        return self._flat(what) if isinstance(what, Tensor) else _fixed(what)

    # ---- updates of lists

    def _update(self, group: Group) -> Launch:
        """In place where an output is the new value of a variable that goes in."""
        (node,) = group.nodes
        operation = node.operation
        assert isinstance(operation, ElementwiseMap)
        squares = operation.squares
        shared, members = operation.split(node.inputs)
        outputs, kept = node.outputs, len(operation.mapped) * operation.length
        made = [outputs[number : kept : operation.length] for number in range(operation.length)]
        in_place = self._in_place(group, operation, members, made)
        self._lay_out_gradients(members)
        constants = constants_of(operation.body)
        same = [self._flat(tensor) for tensor in (*shared, *constants)]
        calls: list[list[Argument]] = []
        for number, (member, results) in enumerate(zip(members, made, strict=True)):
            fresh = [t for t, place in zip(results, in_place, strict=True) if place is None]
            call = [member[0].size, *same, *map(self._flat, (*member, *fresh))]
            calls.append([*call, number, *map(self._flat, outputs[kept:])] if squares else call)
        places = [None if place is None else operation.shared + place for place in in_place]
        return Launch(
            group.kind,
            calls,
            reads=self._buffers((*node.inputs, *constants)),
            writes=self._buffers(outputs),
            nodes=group.nodes,
            made=list(outputs),
            source=update_source(operation, places),
            walked=range(1 + len(same), len(calls[0]) - (1 + squares if squares else 0)),
            # Between members that lie side by side is something that must not be summed.
            is_merged=not squares,
            in_place=in_place,
        )

    def _in_place(
        self,
        group: Group,
        operation: ElementwiseMap,
        members: Sequence[Sequence[Tensor]],
        made: Sequence[Sequence[Tensor]],
    ) -> list[int | None]:
        """For each list of outputs, the list of inputs whose memory it overwrites, if any."""
        changeable = self._changeable(group)
        chosen: list[int | None] = []
        for number in range(len(operation.mapped)):
            results = [outputs[number] for outputs in made]
            place = self._overwritten(changeable, results, members)
            chosen.append(place)
            if place is not None:
                for member, result in zip(members, results, strict=True):
                    self.buffers[result.key] = self._buffer(member[place])
        return chosen

    def _overwritten(
        self, changeable: set[Variable], results: list[Tensor], members: Sequence[Sequence[Tensor]]
    ) -> int | None:
        """The list of inputs whose memory this list of outputs may overwrite, if any."""
        for place in range(len(members[0])):
            inputs = [source_of(member[place]).node.operation for member in members]
            if all(
                isinstance(old, Read)
                and old.variable in changeable
                and self._is_new_value(old.variable, new)
                for old, new in zip(inputs, results, strict=True)
            ):
                return place
        return None

    def _is_new_value(self, variable: Variable, tensor: Tensor) -> bool:
        value = self.updates.get(variable)
        return value is not None and source_of(value).key == tensor.key

    def _changeable(self, group: Group) -> set[Variable]:
        """The variables that nobody but one member of the group reads from now on.

        There are none if something may fail after they have changed.
        """
        number = self.groups.index(group)
        if any(later.may_fail for later in self.groups[number + 1 :]):
            return set()
        (node,) = group.nodes
        operations = [source.node.operation for source in sources_of(node)]
        readers = Counter(one.variable for one in operations if isinstance(one, Read))
        return {v for v, n in readers.items() if n == 1 and self.last_readers[v] == number}

    def _lay_out_gradients(self, members: Sequence[Sequence[Tensor]]) -> None:
        """Ask for the computed members of each list to lie side by side, like the variables."""
        taken = {buffer for block in self.blocks for buffer in block}
        for column in zip(*members, strict=True):
            block = [self._buffer(tensor) for tensor in column]
            free = all(buffer.is_workspace and buffer not in taken for buffer in block)
            if free and len(set(block)) == len(block) > 1:
                self.blocks.append(block)
                taken.update(block)

    # ---- scans

    def _body(self, group: Group) -> _Planner:
        """The planner of a scan's body, to which this one gives the memory."""
        (node,) = group.nodes
        assert isinstance(node.operation, Scan)
        body = node.operation.body
        planner = _Planner(list(body.outputs), list(body.inputs), {}, self.parts)
        group.body = planner.groups
        return planner

    def _scan(self, group: Group) -> list[Launch]:
        """The launches of the body, and before them those that set the carries."""
        (node,) = group.nodes
        assert isinstance(node.operation, Scan)
        loop = Loop(node, node.operation.length, self.loop)
        layout = ScanLayout(node, loop, lambda t: t.key in self.used_outside, self._buffer)
        made = [tensor for tensor in node.outputs if tensor.key in layout.outputs]
        # A value of the body of another scan may be wanted in a row of that one.
        moved = [(t, layout.outputs[t.key], self.buffers.get(t.key)) for t in made]
        self.buffers = layout.outputs | self.buffers
        carries = node.inputs[: node.operation.carries]
        start = [(t, self._buffer(t), to) for t, to in zip(carries, layout.starts, strict=True)]
        launches = self.bodies[group].repeated(self, layout)
        end = Launch(Kind.REPEAT, [], [], [], [node], made, loop=loop)
        moves = self._copies([(t, one, to) for t, one, to in moved if to is not None])
        return [*self._copies(start), *launches, end, *moves]

    def repeated(self, outer: _Planner, layout: ScanLayout) -> list[Launch]:
        """The launches of a body that is repeated in the plan of another planner."""
        self.loop, self.input_buffers = layout.loop, layout.inputs
        self.buffers.update(layout.values)
        self.leaves, self.sources, self.panels = outer.leaves, outer.sources, outer.panels
        self.status, self.complaints, self.blocks = outer.status, outer.complaints, outer.blocks
        launches = self._launches()
        launches += self._copies([(t, self._buffer(t), to) for t, to in layout.copies])
        for launch in launches:
            launch.loop = launch.loop or self.loop
        return launches

    # ---- without a kernel

    def _reference(self, group: Group) -> Launch:
        """No kernel: the operation's own definition, in NumPy."""
        (node,) = group.nodes
        count = len(node.inputs)

        def call(*arrays: Array) -> None:
            with np.errstate(all="ignore"):
                results = node.operation.evaluate(np, *arrays[:count])
            check_declared(node, results)
            for target, result in zip(arrays[count:], results, strict=True):
                target[...] = result

        return Launch(
            group.kind,
            [[self._operand(tensor) for tensor in (*node.inputs, *node.outputs)]],
            reads=self._buffers(node.inputs),
            writes=self._buffers(node.outputs),
            nodes=group.nodes,
            made=list(node.outputs),
            function=call,
        )

    # ---- variables whose values are copied

    def _copies_of_old_values(self) -> list[Launch]:
        """Save variables that are results, or new values of others, before they change."""
        moved = [value for variable, value in self.updates.items() if not _stays(variable, value)]
        wanted = [source_of(tensor) for tensor in (*self.outputs, *moved)]
        pairs = []
        for source in {source.key: source for source in wanted}.values():
            operation = source.node.operation
            if isinstance(operation, Read) and self._changes(operation.variable):
                saved = Buffer(source.spec)
                pairs.append((source, self._buffer(source), saved))
                self.buffers[source.key] = saved
        return self._copies(pairs)

    def _changes(self, variable: Variable) -> bool:
        return variable in self.updates and not _stays(variable, self.updates[variable])

    def _result(self, tensor: Tensor) -> Operand:
        source = source_of(tensor)
        return Operand(self.buffers.get(source.key) or self._buffer(source), tensor.shape)

    def _assignments(self) -> list[Launch]:
        pairs = []
        for variable, value in self.updates.items():
            origin = self._result(value).buffer
            if origin.owner is not variable and not _stays(variable, value):
                pairs.append((value, origin, self._variable_buffer(variable)))
        return self._copies(pairs)

    def _variable_buffer(self, variable: Variable) -> Buffer:
        if id(variable) not in self.leaves:
            self.leaves[id(variable)] = Buffer(variable.spec, owner=variable)
        return self.leaves[id(variable)]

    def _copies(self, pairs: list[tuple[Tensor, Buffer, Buffer]]) -> list[Launch]:
        """One launch that copies values from buffer to buffer; none where there is nothing."""
        pairs = [pair for pair in pairs if pair[1].bytes > 0]
        if not pairs:
            return []
        calls: list[list[Argument]] = [
            [a.bytes, Operand(a, (a.bytes,)), Operand(b, (b.bytes,))] for _, a, b in pairs
        ]
        return [
            Launch(
                Kind.COPY,
                calls,
                reads=list(dict.fromkeys(origin for _, origin, _ in pairs)),
                writes=[target for _, _, target in pairs],
                nodes=list(dict.fromkeys(value.node for value, _, _ in pairs)),
                made=[value for value, _, _ in pairs],
                source=generate.COPY_SOURCE,
            )
        ]


def _fixed(array: Array) -> Operand:
    """Words that belong to the plan, as an argument."""
    return Operand(Buffer(TensorSpec(array.shape, array.dtype), owner=array), array.shape)


def _is_fixed_operand(argument: Argument) -> TypeGuard[Operand]:
    return isinstance(argument, Operand) and _is_fixed(argument.buffer)


def _is_fixed(buffer: Buffer) -> bool:
    return isinstance(buffer.owner, np.ndarray)


def _stays(variable: Variable, value: Tensor) -> bool:
    """Whether the variable's new value is its old one."""
    operation = source_of(value).node.operation
    return isinstance(operation, Read) and operation.variable is variable
