"""The source of the kernel that walks the lists of an update."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.execute.cpu.generate import (
    HEADER,
    indent,
    load,
    name_of,
    stored,
    value_of,
    view_name,
)
from glassgrad.execute.cpu.kernels import squares as module_of_squares
from glassgrad.graph import Constant, Graph, Node, Tensor
from glassgrad.graph.tensor import Key
from glassgrad.ops.mapping import ElementwiseMap

__all__ = ["constants_of", "update_source"]

IMPORT = f"from {module_of_squares.__name__} import ELEMENTS_OF_A_SUM, plus_square\n"
SHARE = "begin, end = split(integer(arguments, 0), parts, part, 16)"


def update_source(operation: ElementwiseMap, in_place: Sequence[int | None]) -> str:
    """One element-wise formula over memory of a given size.

    Slots: the size, then an array for each shared input of the body, each of its constants, each
    list that goes in, and each output that is not in place. ``in_place`` gives for each output
    the input of the body whose memory it overwrites. Where squares are summed there follow the
    number of the member, and an array for each of the sums.
    """
    lines = _Lines(operation, in_place)
    if not operation.squares:
        text = [SHARE, "width = end - begin", *lines.numbers, *lines.views, *lines.once]
        return _kernel([*text, *_for_each(lines.each)])
    sums = [operation.body.outputs[-n] for n in range(operation.squares, 0, -1)]
    summed = [(lines.names[tensor.key], tensor.dtype) for tensor in sums]
    text = [SHARE, *lines.numbers, *lines.once, *_by_blocks(lines.views, lines.each, summed)]
    return IMPORT + _kernel([*text, *_stores_of_sums(lines.slots, operation.squares)])


def constants_of(body: Graph) -> list[Tensor]:
    """The constants of a graph, in the order of its nodes."""
    return [n.outputs[0] for n in body.nodes if isinstance(n.operation, Constant)]


@dataclass
class _Lines:
    """The lines of a body: its numbers, its views of memory, what is computed once and for each."""

    operation: ElementwiseMap
    in_place: Sequence[int | None]
    names: dict[Key, str] = field(default_factory=dict)
    numbers: list[str] = field(default_factory=list)
    views: list[str] = field(default_factory=list)
    once: list[str] = field(default_factory=list)
    each: list[str] = field(default_factory=list)
    slots: int = 1

    def __post_init__(self) -> None:
        body, shared = self.operation.body, self.operation.shared
        single = [*body.inputs[:shared], *constants_of(body)]
        for tensor in single:
            view = self._next_view(tensor)
            self.names[tensor.key] = name = f"x{self.slots - 1}"
            self.numbers.append(f"{name} = {load(f'{view}[0]', tensor.dtype)}")
        lists = []
        for tensor in body.inputs[shared:]:
            lists.append(self._share(tensor))
            self.names[tensor.key] = name = f"x{self.slots - 1}"
            self.each.append(f"{name} = {load(f'{lists[-1]}[j]', tensor.dtype)}")
        mapped = self.operation.mapped
        targets = [
            self._share(tensor) if place is None else lists[place - shared]
            for place, tensor in zip(self.in_place, mapped, strict=True)
        ]
        self._compute(body, {tensor.node for tensor in single})
        for target, tensor in zip(targets, mapped, strict=True):
            value = stored(self.names[tensor.key], tensor.dtype)
            self.each.append(f"{target}[j] = {value}")

    def _next_view(self, tensor: Tensor) -> str:
        view = f"{view_name(tensor.dtype)}(arguments, {self.slots})"
        self.slots += 1
        return view

    def _share(self, tensor: Tensor) -> str:
        """The name of a part's elements of a list."""
        name = f"a{self.slots}"
        self.views.append(f"{name} = part_of_array({self._next_view(tensor)}, begin, width)")
        return name

    def _compute(self, body: Graph, scalar: set[Node]) -> None:
        """What depends on shared scalars alone is computed once."""
        for number, node in enumerate(body.nodes):
            if (node, 0) in self.names:
                continue
            name = f"v{number}"
            value = value_of(node, [self.names[tensor.key] for tensor in node.inputs], "j")
            self.names[node, 0] = name
            is_scalar = all(tensor.node in scalar for tensor in node.inputs)
            if is_scalar:
                scalar.add(node)
            (self.once if is_scalar else self.each).append(f"{name} = {value}")


def _kernel(lines: list[str]) -> str:
    return HEADER + "\n".join(indent(lines)) + "\n"


def _for_each(lines: list[str]) -> list[str]:
    return ["for j in range(width):", *indent(lines)]


def _by_blocks(
    views: list[str], each: list[str], summed: Sequence[tuple[str, np.dtype[Any]]]
) -> list[str]:
    """The lines that walk block by block: a sum of few is exact enough in the members' dtype."""
    cleared, squares, totals = [], [], []
    for number, (name, dtype) in enumerate(summed):
        kind = name_of(dtype) if dtype.kind == "f" else "float64"
        cleared.append(f"s{number} = {kind}(0)")
        squares.append(f"s{number} = plus_square(s{number}, {kind}({name}))")
        totals.append(f"q{number} += s{number}")
    block = [
        "width = min(ELEMENTS_OF_A_SUM, last - begin)",
        *views,
        *cleared,
        *_for_each([*each, *squares]),
        *totals,
    ]
    return [
        *(f"q{number} = float64(0)" for number in range(len(summed))),
        "first, last = begin, end",
        "for begin in range(first, last, ELEMENTS_OF_A_SUM):",
        *indent(block),
    ]


def _stores_of_sums(slot: int, squares: int) -> list[str]:
    """The lines that keep the sums of one part of one member."""
    sums = (f"float64_vector(arguments, {slot + 1 + number})" for number in range(squares))
    return [
        f"place = integer(arguments, {slot}) * parts + part",
        *(f"{one}[place] = q{number}" for number, one in enumerate(sums)),
    ]
