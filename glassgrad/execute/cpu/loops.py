"""Scans as loops of launches: what of a scan is computed, and where its values lie.

The body of a scan is planned once, and its launches are repeated. What changes from step to step
lies in a row of an array, and the row moves on:

- the elements of a sequence are its rows, read where they are;
- a carry is read from one row of an array and written to the next, so nothing is copied. If its
  history is wanted, the array has a row for each step and one more, and *is* the history; if not,
  it has two rows, which take turns;
- a result has an array with a row for each step; or it is the next carry, and lies there already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from glassgrad.execute.cpu.addresses import padded
from glassgrad.execute.cpu.fuse import source_of
from glassgrad.execute.cpu.launches import Buffer, Loop, Section
from glassgrad.graph import (
    Graph,
    Leaf,
    Node,
    Read,
    Tensor,
    TensorSpec,
    constant,
    placeholder,
    rewrite,
    substitute,
    walk,
)
from glassgrad.graph.tensor import Key
from glassgrad.ops.scan import Scan

__all__ = ["ScanLayout", "with_plain_scans"]

Prepare = Callable[[Sequence[Tensor]], tuple[Tensor, ...]]


# ---- what is computed


def with_plain_scans(outputs: Sequence[Tensor], prepare: Prepare) -> tuple[Tensor, ...]:
    """Rewrite scans: without what nobody needs, and with bodies that are ready for kernels.

    Args:
        outputs: the tensors of the graph that are wanted.
        prepare: what is done to the outputs of a body.
    """
    parts = _needed_parts(outputs)
    if not parts:
        return tuple(outputs)

    def plain(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        operation = node.operation
        if type(operation) is not Scan:
            return None
        if operation.length == 0:
            return _without_steps(operation, node, inputs)
        return _reduced(operation, node, inputs, parts[node], prepare)

    return rewrite(outputs, plain)


@dataclass(frozen=True)
class _Part:
    """The inputs of a scan that are needed, and the results of each step, by their numbers."""

    inputs: Sequence[int]
    results: Sequence[int]


def _needed_parts(outputs: Sequence[Tensor]) -> dict[Node, _Part]:
    """What is needed of each scan; users come before what they use."""
    parts: dict[Node, _Part] = {}
    needed = {tensor.key for tensor in outputs}
    for node in reversed(walk(outputs)):
        inputs = node.inputs
        if type(node.operation) is Scan:
            parts[node] = _needed_part(node.operation, node, needed)
            inputs = tuple(inputs[n] for n in parts[node].inputs)
        needed.update(tensor.key for tensor in inputs)
    return parts


def _needed_part(operation: Scan, node: Node, needed: set[Key]) -> _Part:
    """A carry is needed where its end or its history is, or where a step computes with it."""
    last, stacked, histories = operation.split_outputs([t.key in needed for t in node.outputs])
    results = [n for n, is_needed in enumerate(stacked) if is_needed]
    kept = {n for n, pair in enumerate(zip(last, histories, strict=True)) if any(pair)}
    places = {tensor.node: n for n, tensor in enumerate(operation.body.inputs)}
    wanted = [operation.body.outputs[operation.carries + n] for n in results]
    while True:
        roots = [*wanted, *(operation.body.outputs[n] for n in sorted(kept))]
        reached = {places[one] for one in walk(roots) if one in places}
        carries = {n for n in reached if n < operation.carries}
        if carries <= kept:
            return _Part(sorted(reached | kept), results)
        kept |= carries


def _without_steps(operation: Scan, node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor]:
    """The carries stay what they are, and nothing is stacked."""
    carries = inputs[: operation.carries]
    empty = (np.zeros(spec.shape, spec.dtype) for spec in node.specs[operation.carries :])
    return (*carries, *(constant(array, array.dtype) for array in empty))


def _reduced(
    operation: Scan, node: Node, inputs: tuple[Tensor, ...], part: _Part, prepare: Prepare
) -> Sequence[Tensor]:
    """The needed part as a scan of its own. Outputs that nobody needs are left as they were."""
    body = operation.body
    carries = [n for n in part.inputs if n < operation.carries]
    end = operation.carries + operation.sequences
    sequences = [n for n in part.inputs if operation.carries <= n < end]
    made = [*carries, *(operation.carries + n for n in part.results)]
    outputs, read = _with_variables_as_inputs(prepare([body.outputs[n] for n in made]))
    smaller = Scan(
        Graph((*(body.inputs[n] for n in part.inputs), *(hole for _, hole in read)), outputs),
        len(carries),
        len(sequences),
        operation.length,
        operation.reverse,
    )
    given = (*(inputs[n] for n in part.inputs), *(tensor for tensor, _ in read))
    copy = Node(smaller, given, smaller.shape(*(tensor.spec for tensor in given)))
    copy.scope = node.scope
    of_histories = [operation.carries + operation.results + n for n in carries]
    places = dict(zip((*made, *of_histories), copy.outputs, strict=True))
    return [places.get(n, tensor) for n, tensor in enumerate(node.outputs)]


def _with_variables_as_inputs(
    outputs: tuple[Tensor, ...],
) -> tuple[tuple[Tensor, ...], list[tuple[Tensor, Tensor]]]:
    """Let the plan see which variables a body reads: each with the placeholder instead of it."""
    read = [
        (tensor, placeholder(tensor.shape, tensor.dtype, "outer"))
        for node in walk(outputs)
        if isinstance(node.operation, Read)
        for tensor in node.outputs
    ]
    if not read:
        return outputs, []
    return substitute(outputs, {tensor.key: hole for tensor, hole in read}), read


# ---- where it lies


class ScanLayout:
    """Where the carries, elements and results of a scan lie, step by step.

    Args:
        node: the scan.
        loop: the loop that it becomes.
        is_used: says of its outputs whether somebody reads them.
        buffer_of: gives the memory of its inputs.
    """

    def __init__(
        self,
        node: Node,
        loop: Loop,
        is_used: Callable[[Tensor], bool],
        buffer_of: Callable[[Tensor], Buffer],
    ) -> None:
        operation = node.operation
        assert isinstance(operation, Scan)
        self.loop, self.operation, self.body = loop, operation, operation.body
        carries, sequences, constants = operation.split(node.inputs)
        self.outputs: dict[Key, Buffer] = {}  # of the scan
        self.values: dict[Key, Buffer] = {}  # that the body computes
        self.copies: list[tuple[Tensor, Buffer]] = []  # values of the body, and to where
        next_carries = self.body.outputs[: operation.carries]
        last, stacked, histories = operation.split_outputs(node.outputs)
        in_a_carry = self._results_in_carries([t for t in stacked if is_used(t)], stacked)
        arrays = [
            _CarryArray(tensor.spec, loop, is_used(history) or n in in_a_carry.values(),
                        operation.reverse)
            for n, (tensor, history) in enumerate(zip(carries, histories, strict=True))
        ]  # fmt: skip
        elements = [self._row(buffer_of(tensor), tensor.spec) for tensor in sequences]
        self.inputs = [
            *(array.before for array in arrays), *elements, *map(buffer_of, constants)
        ]  # fmt: skip
        self.starts = [array.start for array in arrays]
        for array, tensor, end, history in zip(arrays, next_carries, last, histories, strict=True):
            self._put(tensor, array.after)
            self.outputs[end.key] = array.end
            if array.is_whole:
                self.outputs[history.key] = array.history
        for n, output in enumerate(stacked):
            if n in in_a_carry:
                self.outputs[output.key] = arrays[in_a_carry[n]].results
            elif is_used(output):
                self.outputs[output.key] = whole = Buffer(output.spec)
                self._put(self.body.outputs[operation.carries + n], self._row(whole, output.spec))

    def _results_in_carries(
        self, used: Sequence[Tensor], stacked: Sequence[Tensor]
    ) -> dict[int, int]:
        """The results that are next carries: of each the number, and that of its carry."""
        outputs, carries = self.body.outputs, self.operation.carries
        places: dict[Key, int] = {}
        for n, tensor in enumerate(outputs[:carries]):
            source = source_of(tensor)
            if not isinstance(source.node.operation, Leaf):
                places.setdefault(source.key, n)
        keys = {tensor.key for tensor in used}
        return {
            n: places[source_of(outputs[carries + n]).key]
            for n, output in enumerate(stacked)
            if output.key in keys and source_of(outputs[carries + n]).key in places
        }

    def _row(self, whole: Buffer, spec: TensorSpec) -> Buffer:
        """The element of an array that belongs to the step."""
        row = TensorSpec(spec.shape[1:], spec.dtype)
        step = row.size * row.dtype.itemsize
        return _moving(
            row, whole, step, self.loop, self.operation.length - 1 if self.operation.reverse else 0,
            self.operation.reverse,
        )  # fmt: skip

    def _put(self, tensor: Tensor, target: Buffer) -> None:
        """Let the body compute a value where it is wanted, or copy it there."""
        source = source_of(tensor)
        if isinstance(source.node.operation, Leaf) or source.key in self.values:
            self.copies.append((tensor, target))
        else:
            self.values[source.key] = target


class _CarryArray:
    """The rows of a carry: one before each step and one after the last, or two in turns."""

    def __init__(self, spec: TensorSpec, loop: Loop, is_whole: bool, reverse: bool) -> None:
        self.is_whole = is_whole
        length = loop.length
        row = spec.size * spec.dtype.itemsize
        step = row if is_whole else padded(row)
        rows = length + 1 if is_whole else 2
        whole = Buffer(TensorSpec((rows * step,), np.dtype("uint8")))

        def at(number: int, rows: int = 0) -> Buffer:
            shape = (rows, *spec.shape) if rows else spec.shape
            return Buffer(TensorSpec(shape, spec.dtype), owner=Section(whole, number * step))

        if is_whole:
            first, last, second = (length, 0, length - 1) if reverse else (0, length, 1)
            self.before = _moving(spec, whole, step, loop, first, reverse)
            self.after = _moving(spec, whole, step, loop, second, reverse)
            self.start, self.end = at(first), at(last)
            self.history, self.results = at(int(reverse), length), at(int(not reverse), length)
        else:
            there, back = (step, -step), (-step, step)
            self.before = Buffer(spec, owner=Section(whole, 0, loop, there))
            self.after = Buffer(spec, owner=Section(whole, step, loop, back))
            self.start, self.end = at(0), at(length % 2)


def _moving(
    spec: TensorSpec, whole: Buffer, step: int, loop: Loop, first: int, reverse: bool
) -> Buffer:
    """A row that moves by one with each step of a loop, from the first."""
    move = -step if reverse else step
    return Buffer(spec, owner=Section(whole, first * step, loop, (move, move)))
