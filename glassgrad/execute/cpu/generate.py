"""Third pass: the source of a kernel for each group.

The text depends on the operations, dtypes and patterns of a group alone, not on sizes, so that
one compiled kernel serves every network with that group. Constants are arguments.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from glassgrad.execute.cpu.expressions import BY_NUMPY, MATHEMATICS, expression
from glassgrad.execute.cpu.fuse import Group, Kind, Pattern, is_reduction, source_of, sources_of
from glassgrad.execute.cpu.kernels.work import Argument, Scratch, view_of
from glassgrad.execute.cpu.views import VIEW_NAMES
from glassgrad.graph import Constant, Node, Tensor
from glassgrad.graph.tensor import Key
from glassgrad.ops.elementwise import Comparison
from glassgrad.ops.reduction import Argmin, Min, Place, Sum

__all__ = [
    "KernelSource",
    "Sources",
    "batch_source",
    "column_sum_source",
    "loop_source",
    "product_source",
    "product_target",
    "rows_source",
    "rows_target",
]

HEADER = f"""\
from numpy import float32, float64, inf, int32, int64, uint32, uint8
from numpy import {", ".join(BY_NUMPY)}

from glassgrad.execute.cpu.blas import NORMAL
from glassgrad.execute.cpu.mathematics import {", ".join(MATHEMATICS)}
from glassgrad.execute.cpu.matmul import multiply_tile, tile_of_part, tiled_gemm
from glassgrad.execute.cpu.scalars import largest, least, plus, uniform_float32, uniform_float64
from glassgrad.execute.cpu.kernels.pooled_rows import pool_piece
from glassgrad.execute.cpu.pieces import (
    add_folds, cleared, own_share, pieces_of_rows, repeated, rows_folded, rows_of_piece
)
from glassgrad.execute.cpu.views import *
from glassgrad.execute.cpu.views import {", ".join(sorted(set(VIEW_NAMES.values())))}


def kernel(part, parts, arguments):
"""

COPY_SOURCE = (
    HEADER
    + """\
    begin, end = split(integer(arguments, 0), parts, part, 64)
    source = part_of_array(uint8_vector(arguments, 1), begin, end - begin)
    target = part_of_array(uint8_vector(arguments, 2), begin, end - begin)
    for j in range(end - begin):
        target[j] = source[j]
"""
)
"""Copies bytes. Slots: their number, from where, to where."""


@dataclass
class KernelSource:
    """A kernel's text, and the arrays in its argument slots after the leading integers.

    ``scratch`` lists the dtypes of temporary rows, of which every part has its own, ``folded``
    those of several rows each.
    """

    text: str
    arrays: list[Tensor]
    outputs: list[Tensor]
    scratch: list[np.dtype[Any]] = field(default_factory=list)
    folded: list[np.dtype[Any]] = field(default_factory=list)


@functools.cache
def name_of(dtype: np.dtype[Any]) -> str:
    """The dtype's name, which takes NumPy 5 us to find: too long for each line of each kernel."""
    return str(dtype)


@functools.cache
def storage_name(dtype: np.dtype[Any]) -> str:
    """The dtype as which memory is seen: booleans are bytes, uint32 has the bits of int32."""
    return {"bool": "uint8", "uint32": "int32"}.get(name_of(dtype), name_of(dtype))


@functools.cache
def view_name(dtype: np.dtype[Any]) -> str:
    """The function by which a kernel sees a vector."""
    return VIEW_NAMES[np.dtype(storage_name(dtype)), 1]


def highest(dtype: np.dtype[Any]) -> str:
    """What no element is greater than."""
    if dtype == np.bool_:
        return "True"
    return f"{dtype}(inf)" if dtype.kind == "f" else f"{dtype}({np.iinfo(dtype).max})"


def lowest(dtype: np.dtype[Any]) -> str:
    """What no element is less than."""
    if dtype == np.bool_:
        return "False"
    if dtype.kind == "f":
        return f"{dtype}(-inf)"
    # Numba reads the least int64 as minus a number that is none.
    least = int(np.iinfo(dtype).min)
    return f"{dtype}({least + 1} - 1)" if least else f"{dtype}(0)"


def load(text: str, dtype: np.dtype[Any]) -> str:
    """An element of memory as a value."""
    if dtype == np.bool_:
        return f"{text} != 0"
    return f"uint32({text})" if dtype == np.uint32 else text


def stored(text: str, dtype: np.dtype[Any]) -> str:
    """A value as an element of memory."""
    return f"{storage_name(dtype)}({text})"


def value_of(node: Node, operands: Sequence[str], index: str) -> str:
    """The expression of a node, of the node's dtype."""
    dtype = name_of(node.specs[0].dtype)
    text = expression(node.operation, operands, dtype, index)
    if dtype != "bool":
        return f"{dtype}({text})"
    return text if isinstance(node.operation, Comparison) else f"({text}) != 0"


@dataclass
class LoopWriter:
    """Writes the loops of one group over the elements of one row, phase by phase.

    A reduction splits the row's loop: what needs its result runs in a later phase. A value that
    a later phase needs again is kept in a scratch row, unless it is an output anyway.
    """

    group: Group
    nodes: list[Node]
    outputs: list[Tensor]
    product: Tensor | None = None
    target: Tensor | None = None

    def __post_init__(self) -> None:
        self.members = {node: number for number, node in enumerate(self.nodes)}
        self.views: dict[object, str] = {}
        self.found: list[tuple[str, int, Pattern]] = []  # a view's name, its slot, its pattern
        self.arrays: list[Tensor] = []
        self.slots: dict[object, int] = {}
        self.phase: dict[Node, int] = {}
        self.folded: list[np.dtype[Any]] = []
        for node in self.nodes:
            self.phase[node] = max(map(self._ready, sources_of(node)), default=0)
        self._delay()
        for node in self.nodes:
            for place, source in enumerate(sources_of(node)):
                if source.node not in self.members and not self._is_product(source):
                    self._view(node, place)
        self.kept = self._values_kept()
        # Short rows are walked several at a time, if nothing is asked of a single one.
        used = {*self.group.patterns.values(), *self.group.readings.values()}
        self.is_folded = (
            self.group.kind is not Kind.PRODUCT
            and self.group.columns is not None
            and Pattern.ROW not in used
            and bool({Pattern.COLUMN, Pattern.PART} & used)
        )

    def _is_product(self, tensor: Tensor) -> bool:
        return self.product is not None and tensor.key == self.product.key

    def _ready(self, source: Tensor) -> int:
        """The phase from which on a value can be used; a reduction's result is ready one later."""
        if source.node not in self.members:
            return 0
        return self.phase[source.node] + is_reduction(source.node.operation)

    def _delay(self) -> None:
        """Compute what only later phases need when they need it, not to keep it until then."""
        first_use: dict[Node, int] = {}
        for node in reversed(self.nodes):
            is_free = not is_reduction(node.operation) and self._pattern(node) is Pattern.FULL
            if is_free and node in first_use:
                self.phase[node] = first_use[node]
            for source in sources_of(node):
                use = first_use.get(source.node, self.phase[node])
                first_use[source.node] = min(use, self.phase[node])

    def _view(self, node: Node, place: int) -> str:
        """The name by which a node's input from outside is known.

        A single constant has a name for each use: whether two of them happen to be equal must
        not decide what the kernel looks like.
        """
        source, pattern = source_of(node.inputs[place]), self.group.readings[node, place]
        identity: object = source.key
        if pattern is Pattern.SCALAR and isinstance(source.node.operation, Constant):
            identity = (node, place)
        if identity not in self.slots:
            self.slots[identity] = len(self.arrays)
            self.arrays.append(source)
        if (identity, pattern) not in self.views:
            name = self.views[identity, pattern] = f"a{len(self.found)}"
            self.found.append((name, self.slots[identity], pattern))
        return self.views[identity, pattern]

    def _values_kept(self) -> dict[Node, int]:
        """Full values that a later phase reads, with the number of their scratch row."""
        kept: dict[Node, int] = {}
        written = {tensor.node for tensor in self.outputs}
        for node in self.nodes:
            for maker in (source.node for source in sources_of(node)):
                if (
                    maker in self.members
                    and maker not in written
                    and self._pattern(maker) is Pattern.FULL
                    and self.phase[maker] < self.phase[node]
                ):
                    kept.setdefault(maker, len(kept))
        return kept

    def row(self, width: str, offset: str, column: str) -> list[str]:
        """The lines for one row of ``width`` elements that begins at ``offset``."""
        lines = [*self._row_views(width, offset, column)]
        last = max(self.phase.values(), default=0)
        for phase in range(last + 1):
            lines += self._row_values(phase)
            lines += self._loop(phase, width, offset)
        return [*lines, *self._row_values(last + 1), *self._row_stores()]

    def preamble(self, first_slot: int) -> list[str]:
        """The lines that find arrays, outputs and scratch rows, and load the scalars."""
        lines = []
        output_slot = first_slot + len(self.arrays)
        scratch_slot = output_slot + len(self.outputs)
        for name, place, pattern in self.found:
            dtype = self.arrays[place].dtype
            view = f"{view_name(dtype)}(arguments, {first_slot + place})"
            is_scalar = pattern is Pattern.SCALAR
            lines.append(f"{name} = {load(f'{view}[0]', dtype) if is_scalar else view}")
        for number, tensor in enumerate(self.outputs):
            view = view_name(tensor.dtype)
            lines.append(f"o{number} = {view}(arguments, {output_slot + number})")
        for node, number in self.kept.items():
            view = view_name(node.specs[0].dtype)
            lines.append(f"s{number} = {view}(arguments, {scratch_slot + number})")
            lines.append(f"s{number}_row = part_of_array(s{number}, part * columns, columns)")
        return [*lines, *self._folds(scratch_slot + len(self.kept))]

    def _folds(self, slot: int) -> list[str]:
        """The lines that repeat what is read by column, and clear what is summed by column."""
        lines = ["fold = rows_folded(columns)"] if self.is_folded else []
        self.folded = []
        for name, place, pattern in self.found:
            if self.is_folded and pattern is Pattern.COLUMN:
                dtype = np.dtype(storage_name(self.arrays[place].dtype))
                view = f"{view_name(dtype)}(arguments, {slot + len(self.folded)})"
                own = f"own_share({view}, part, parts)"
                lines.append(f"{name} = repeated({name}, {own}, columns, fold)")
                self.folded.append(dtype)
        for number, tensor in self._partial():
            lines.append(f"o{number}_own = part_of_array(o{number}, part * columns, columns)")
            sums = f"o{number}_own"
            if self.is_folded:
                view = f"{view_name(tensor.dtype)}(arguments, {slot + len(self.folded)})"
                sums = f"own_share({view}, part, parts)"
                self.folded.append(tensor.dtype)
            length = "fold * columns" if self.is_folded else "columns"
            lines.append(f"o{number}_sums = cleared({sums}, {length})")
        return lines

    def _partial(self) -> list[tuple[int, Tensor]]:
        """The outputs that are sums of each part's rows, with their numbers."""
        outputs = enumerate(self.outputs)
        return [(n, tensor) for n, tensor in outputs if self._pattern(tensor.node) is Pattern.PART]

    def ending(self) -> list[str]:
        """The lines after all rows."""
        if not self.is_folded:
            return []
        return [
            f"add_folds(o{number}_own, o{number}_sums, columns, fold)"
            for number, _ in self._partial()
        ]

    def rows(self, begin: str, end: str) -> list[str]:
        """The lines that walk over rows, several short ones at a time."""
        if not self.is_folded:
            return [
                f"for i in range({begin}, {end}):",
                "    row = i * columns",
                *indent(self.row("columns", "row", "0")),
            ]
        return [
            f"for i in range({begin}, {end}, fold):",
            f"    row, width = i * columns, min(fold, {end} - i) * columns",
            *indent(self.row("width", "row", "0")),
        ]

    def source(self, lines: list[str]) -> KernelSource:
        """The kernel with these lines as its body."""
        text = HEADER + "\n".join("    " + line for line in lines) + "\n"
        scratch = [np.dtype(storage_name(node.specs[0].dtype)) for node in self.kept]
        return KernelSource(text, self.arrays, self.outputs, scratch, self.folded)

    def _row_views(self, width: str, offset: str, column: str) -> list[str]:
        lines = []
        for name, _, pattern in self.found:
            if pattern is Pattern.FULL:
                lines.append(f"{name}_row = part_of_array({name}, {offset}, {width})")
            elif pattern is Pattern.COLUMN:
                lines.append(f"{name}_row = part_of_array({name}, {column}, {width})")
        for number, tensor in enumerate(self.outputs):
            if tensor is self.target:  # two views of one memory would keep loops from vectorising
                lines.append(f"o{number}_row = p_row")
            elif self._pattern(tensor.node) is Pattern.FULL:
                lines.append(f"o{number}_row = part_of_array(o{number}, {offset}, {width})")
            elif self._pattern(tensor.node) is Pattern.PART:
                lines.append(f"o{number}_row = part_of_array(o{number}_sums, {column}, {width})")
        return lines

    def _pattern(self, node: Node) -> Pattern:
        return self.group.patterns[node]

    def _row_values(self, phase: int) -> list[str]:
        """Values that belong to the row, as soon as they are ready."""
        lines = []
        for node in self.nodes:
            if self._pattern(node) is not Pattern.ROW or self.phase[node] != phase:
                continue
            if is_reduction(node.operation):
                continue
            operands = [self._operand(node, place, "row") for place in range(len(node.inputs))]
            lines.append(f"v{self.members[node]} = {value_of(node, operands, 'i')}")
        return lines

    def _loop(self, phase: int, width: str, offset: str) -> list[str]:
        """One pass over the columns of the row."""
        here = [node for node in self.nodes if self.phase[node] == phase]
        full = [node for node in here if self._pattern(node) is Pattern.FULL]
        reductions = [node for node in here if is_reduction(node.operation)]
        body: list[str] = []
        if self.product is not None and phase == 0:
            body += self._store(self.product, "p_row[j]")
        loaded: dict[str, str] = {}
        for node in full:
            operands = [self._element(node, p, phase, loaded) for p in range(len(node.inputs))]
            name = f"v{self.members[node]}"
            body.append(f"{name} = {value_of(node, operands, f'{offset} + j')}")
            body += self._store(node.outputs[0], name)
            if node in self.kept:
                body.append(f"s{self.kept[node]}_row[j] = {name}")
        for number, tensor in self._partial():
            if tensor.node in here:
                operand = self._element(tensor.node, 0, phase, loaded)
                body.append(f"o{number}_row[j] = plus(o{number}_row[j], {operand})")
        start: list[str] = []
        end: list[str] = []
        for node in reductions:
            operand = self._element(node, 0, phase, loaded)
            begin, step, result = self._accumulate(node, operand)
            start += begin
            body += step
            end += result
        if not body:
            return []
        loads = [f"{name} = {text}" for text, name in loaded.items()]
        return [*start, f"for j in range({width}):", *indent([*loads, *body]), *end]

    def _accumulate(self, node: Node, operand: str) -> tuple[list[str], list[str], list[str]]:
        """The lines of a reduction before, in, and after the loop.

        Numba widens sums of integers; the result gets its own width back at the end.
        """
        name, dtype = f"v{self.members[node]}", node.inputs[0].dtype
        sum_or_best = f"{name}_so_far"
        result = [f"{name} = {dtype}({sum_or_best})"]
        if isinstance(node.operation, Sum):
            wide = (
                "float64" if dtype == np.float64 else str(dtype) if dtype.kind == "f" else "int64"
            )
            step = f"{sum_or_best} = plus({sum_or_best}, {operand})"
            return [f"{sum_or_best} = {wide}(0)"], [step], result
        seeks_least = isinstance(node.operation, Min | Argmin)
        better, worst = ("<", highest(dtype)) if seeks_least else (">", lowest(dtype))
        start = [f"{sum_or_best} = {worst}"]
        if isinstance(node.operation, Place):
            better = f"{operand} {better} {sum_or_best} or {operand} != {operand}"
            return (
                [*start, f"{name} = int32(0)"],
                [
                    f"if ({better}) and {sum_or_best} == {sum_or_best}:",
                    f"    {sum_or_best} = {operand}",
                    f"    {name} = int32(j)",
                ],
                [],
            )
        if dtype.kind == "f":
            choose = "least" if seeks_least else "largest"
            return start, [f"{sum_or_best} = {choose}({sum_or_best}, {operand})"], result
        keep = f"{sum_or_best} {better}= {operand}"
        step = f"{sum_or_best} = {sum_or_best} if {keep} else {operand}"
        return start, [step], result if dtype != np.bool_ else [f"{name} = {sum_or_best}"]

    def _operand(self, node: Node, place: int, where: str) -> str:
        """An input that is one value for the whole row."""
        source = source_of(node.inputs[place])
        if source.node in self.members:
            return f"v{self.members[source.node]}"
        name = self._view(node, place)
        is_scalar = self.group.readings[node, place] is Pattern.SCALAR
        return name if is_scalar else load(f"{name}[i]", source.dtype)

    def _element(self, node: Node, place: int, phase: int, loaded: dict[str, str]) -> str:
        """An input as a value inside the loop over columns."""
        source = source_of(node.inputs[place])
        if self._is_product(source):
            return self._load("p_row[j]", source.dtype, loaded)
        if source.node not in self.members:
            pattern = self.group.readings[node, place]
            name = self._view(node, place)
            if pattern is Pattern.SCALAR:
                return name
            at = f"{name}[i]" if pattern is Pattern.ROW else f"{name}_row[j]"
            return self._load(at, source.dtype, loaded)
        name = f"v{self.members[source.node]}"
        if self._pattern(source.node) is not Pattern.FULL or self.phase[source.node] == phase:
            return name
        if source.node in self.kept:
            return self._load(f"s{self.kept[source.node]}_row[j]", source.dtype, loaded)
        number = [tensor.key for tensor in self.outputs].index(source.key)
        return self._load(f"o{number}_row[j]", source.dtype, loaded)

    @staticmethod
    def _load(text: str, dtype: np.dtype[Any], loaded: dict[str, str]) -> str:
        """Name a load, so that each element is read once."""
        return loaded.setdefault(load(text, dtype), f"x{len(loaded)}")

    def _store(self, tensor: Tensor, value: str) -> list[str]:
        return [
            f"o{number}_row[j] = {stored(value, tensor.dtype)}"
            for number, output in enumerate(self.outputs)
            if output.key == tensor.key
        ]

    def _row_stores(self) -> list[str]:
        return [
            f"o{number}[i] = {stored(f'v{self.members[tensor.node]}', tensor.dtype)}"
            for number, tensor in enumerate(self.outputs)
            if self._pattern(tensor.node) is Pattern.ROW
        ]


FIRST_OF_ROWS = 5
"""The slot of the first argument of a kernel that makes rows."""

SLOTS_OF_POOLING = 4
"""Behind these: height and width of what is pooled, the largest, their places."""


class Form(NamedTuple):
    """All that the text for a group depends on; tensors are numbered as they first appear."""

    knows_rows: bool
    made_by: str
    pooled: int | None
    members: tuple[tuple[object, ...], ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Written:
    """A kernel's text, with numbers of tensors in the place of tensors."""

    text: str
    arrays: list[int]
    outputs: list[int]
    scratch: list[np.dtype[Any]]
    folded: list[np.dtype[Any]]


class Sources:
    """The sources of a plan's groups: a network repeats itself, and a form is written once."""

    def __init__(self) -> None:
        self._written: dict[Form, Written] = {}

    def of(self, group: Group, outputs: list[Tensor]) -> KernelSource:
        """The kernel of a loop or of a product."""
        tensors: list[Tensor] = []
        form = _form(group, outputs, tensors)
        known = self._written.get(form)
        if known is None:
            write = WRITERS[group.kind]
            known = self._written[form] = _numbered(write(group, outputs), tensors)
        return KernelSource(
            known.text,
            [tensors[number] for number in known.arrays],
            [tensors[number] for number in known.outputs],
            known.scratch,
            known.folded,
        )


def _form(group: Group, outputs: list[Tensor], tensors: list[Tensor]) -> Form:
    """The form of a group; ``tensors`` gains what it reads and makes, each at its number."""
    numbers: dict[Key, int] = {}

    def number(tensor: Tensor) -> int:
        key = tensor.key
        if key not in numbers:
            numbers[key] = len(tensors)
            tensors.append(tensor)
        return numbers[key]

    members = []
    for node in group.nodes:
        inputs = [
            (number(s), s.dtype, type(s.node.operation) is Constant, group.readings.get((node, n)))
            for n, s in enumerate(sources_of(node))
        ]
        made = number(node.outputs[0])
        dtype, pattern = node.specs[0].dtype, group.patterns[node]
        members.append((node.operation, made, dtype, pattern, *inputs))
    made_by = group.made_by.function.__name__ if group.made_by is not None else ""
    pooled = number(source_of(group.pooling.inputs[0])) if group.pooling is not None else None
    return Form(
        group.columns is not None, made_by, pooled, tuple(members), tuple(map(number, outputs))
    )


def _numbered(source: KernelSource, tensors: list[Tensor]) -> Written:
    numbers = {tensor.key: number for number, tensor in enumerate(tensors)}
    arrays = [numbers[tensor.key] for tensor in source.arrays]
    outputs = [numbers[tensor.key] for tensor in source.outputs]
    return Written(source.text, arrays, outputs, source.scratch, source.folded)


def indent(lines: Sequence[str]) -> list[str]:
    """The lines one level deeper."""
    return ["    " + line for line in lines]


def loop_source(group: Group, outputs: list[Tensor]) -> KernelSource:
    """A kernel of element-wise operations and row reductions.

    Slots: rows, columns, arrays, outputs, scratch rows.
    """
    writer = LoopWriter(group, group.nodes, outputs)
    lines = ["rows, columns = integer(arguments, 0), integer(arguments, 1)"]
    lines += writer.preamble(first_slot=2)
    if group.columns is None:
        lines += [
            "begin, end = split(columns, parts, part, 16)",
            *writer.row("end - begin", "begin", "begin"),
        ]
    else:
        lines += [
            "begin, end = split(rows, parts, part, 4)",
            *writer.rows("begin", "end"),
            *writer.ending(),
        ]
    return writer.source(lines)


def product_source(group: Group, outputs: list[Tensor]) -> KernelSource:
    """A matrix product, then element-wise operations on each part's tile while it is in cache.

    Slots: rows, columns, whether A and B are transposed, A, B, scratch of the product, the
    product, arrays, outputs. (Transposes could be in the text; each of the four combinations
    would take its own second to compile.)
    """
    first, *rest = group.nodes
    product = first.outputs[0]
    dtype = name_of(product.dtype)
    others = [tensor for tensor in outputs if tensor.key != product.key]
    writer = LoopWriter(group, rest, others, product, product_target(group, outputs))
    lines = [
        "rows, columns = integer(arguments, 0), integer(arguments, 1)",
        "transpose_a, transpose_b = integer(arguments, 2), integer(arguments, 3)",
        f"a, b = {dtype}_matrix(arguments, 4), {dtype}_matrix(arguments, 5)",
        f"scratch, c = {dtype}_vector(arguments, 6), {dtype}_matrix(arguments, 7)",
        "share = scratch.size // parts",
        "panel = part_of_array(scratch, part * share, share)",
        # Sums of columns are 0 for a part without rows, too.
        *(writer.preamble(first_slot=8) if rest else []),
        "top, bottom, left, right = tile_of_part(part, parts, rows, columns)",
        "if bottom <= top or right <= left:",
        "    return",
        f"multiply_tile(transpose_a, transpose_b, a, b, c, {dtype}(0), "
        "top, bottom, left, right, panel)",
    ]
    if rest:
        lines += [
            f"p = {dtype}_vector(arguments, 7)",
            "for i in range(top, bottom):",
            "    row = i * columns + left",
            "    p_row = part_of_array(p, row, right - left)",
            *indent(writer.row("right - left", "row", "left")),
        ]
    return writer.source(lines)


def rows_source(group: Group, outputs: list[Tensor]) -> KernelSource:
    """Rows by a kernel written for them, then element-wise operations on each piece of them.

    Slots: rows, columns, rows of a piece, after how many rows pieces begin anew, the rows, the
    kernel's own arguments, arrays, outputs.
    """
    first, *rest = group.nodes
    made_by = group.made_by
    assert made_by is not None
    result = first.outputs[0]
    target = rows_target(group, outputs)
    inner = [*outputs, target] if group.pooling is not None else outputs
    others = [tensor for tensor in inner if tensor.key != result.key]
    writer = LoopWriter(group, rest, others, result, target)
    function = made_by.function
    names = [f"w{number}" for number in range(len(made_by.arguments))]
    first_slot = FIRST_OF_ROWS + len(names)
    start_of_piece, seen = "top * columns", [f"p = {view_name(result.dtype)}(arguments, 4)"]
    pooled: list[str] = []
    if group.pooling is not None:
        start_of_piece = "0"
        seen += ["p = own_share(p, part, parts)", *pooling_views(group.pooling, first_slot)]
        pooled = ["pool_piece(top, bottom, piece_of_p, height, across, columns, y, places)"]
        first_slot += SLOTS_OF_POOLING
    body = [
        "top, bottom = rows_of_piece(piece, rows, step, block)",
        f"piece_of_p = part_of_array(p, {start_of_piece}, (bottom - top) * columns)",
        f"{function.__name__}(top, bottom, piece_of_p, {', '.join(names)})",
        *(piece_lines(group, writer) if rest else []),
        *pooled,
    ]
    written = writer.source(
        [
            "rows, columns = integer(arguments, 0), integer(arguments, 1)",
            "step, block = integer(arguments, 2), integer(arguments, 3)",
            *seen,
            *(
                line
                for slot, (name, argument) in enumerate(
                    zip(names, made_by.arguments, strict=True), FIRST_OF_ROWS
                )
                for line in argument_lines(name, argument, slot)
            ),
            *(writer.preamble(first_slot) if rest else []),
            "begin, end = split(pieces_of_rows(rows, step, block), parts, part, 1)",
            "for piece in range(begin, end):",
            *indent(body),
            *writer.ending(),
        ]
    )
    written.text = f"from {function.__module__} import {function.__name__}\n{written.text}"
    return written


def pooling_views(pooling: Node, first_slot: int) -> list[str]:
    """The lines that find what `pooled_rows.pool_piece` wants."""
    y, places = (
        f"{view_name(tensor.dtype)}(arguments, {first_slot + 2 + number})"
        for number, tensor in enumerate(pooling.outputs)
    )
    return [
        f"height, across = integer(arguments, {first_slot}), integer(arguments, {first_slot + 1})",
        f"y, places = {y}, {places}",
    ]


def rows_target(group: Group, outputs: list[Tensor]) -> Tensor:
    """Where the rows are put: what is pooled lies where they lay, a piece at a time."""
    if group.pooling is None:
        return product_target(group, outputs)
    return source_of(group.pooling.inputs[0])


def argument_lines(name: str, argument: Argument, slot: int) -> list[str]:
    """The lines that find an argument; of memory for each part, the part's own."""
    if not isinstance(argument, Scratch):
        return [f"{name} = {view_of(argument, slot)}"]
    return [
        f"{name}_all = {view_of(argument, slot)}",
        f"{name}_share = {name}_all.size // parts",
        f"{name} = part_of_array({name}_all, part * {name}_share, {name}_share)",
    ]


def piece_lines(group: Group, writer: LoopWriter) -> list[str]:
    """The loops over one piece: row by row only where somebody needs to know the row."""
    of_row = {Pattern.ROW, Pattern.COLUMN, Pattern.PART}
    if not of_row & {*group.readings.values(), *group.patterns.values()}:
        size = "(bottom - top) * columns"
        return ["row = top * columns", "p_row = piece_of_p", *writer.row(size, "row", "0")]
    head, row, *rest = writer.rows("top", "bottom")
    width = "width" if writer.is_folded else "columns"
    place = f"    p_row = part_of_array(piece_of_p, row - top * columns, {width})"
    return [head, row, place, *rest]


def product_target(group: Group, outputs: list[Tensor]) -> Tensor:
    """Where the product is put: into its own memory, or that of a result that takes its place."""
    product = group.nodes[0].outputs[0]
    if any(tensor.key == product.key for tensor in outputs):
        return product
    fitting = (
        tensor
        for tensor in outputs
        if tensor.dtype == product.dtype and group.patterns[tensor.node] is Pattern.FULL
    )
    return next(fitting, product)


WRITERS = {Kind.LOOP: loop_source, Kind.PRODUCT: product_source, Kind.ROWS: rows_source}


def batch_source(dtype: np.dtype[Any]) -> str:
    """A matrix product for each member of a batch; the parts share the members.

    Slots: members, rows, columns, inner length, whether A and B are transposed, how far the next
    matrix of A and of B lies from the last (0 where all share one), A, B, scratch, the products.
    """
    view = f"{dtype}_vector"
    sizes = ", ".join(f"integer(arguments, {slot})" for slot in range(4))
    flags = ", ".join(f"integer(arguments, {slot})" for slot in range(4, 8))
    lines = [
        f"members, rows, columns, inner = {sizes}",
        f"transpose_a, transpose_b, step_a, step_b = {flags}",
        f"a, b = {view}(arguments, 8), {view}(arguments, 9)",
        f"scratch, c = {view}(arguments, 10), {view}(arguments, 11)",
        "share = scratch.size // parts",
        "panel = part_of_array(scratch, part * share, share)",
        "stride_a = inner if transpose_a == NORMAL else rows",
        "stride_b = columns if transpose_b == NORMAL else inner",
        "begin, end = split(members, parts, part, 1)",
        "for i in range(begin, end):",
        "    tiled_gemm(transpose_a, transpose_b, rows, columns, inner, "
        "a, i * step_a, stride_a, b, i * step_b, stride_b, "
        f"{dtype}(0), c, i * rows * columns, columns, panel)",
    ]
    return HEADER + "\n".join(indent(lines)) + "\n"


def column_sum_source(dtype: np.dtype[Any]) -> str:
    """The sum of each column. Slots: rows, columns, the matrix, the sums."""
    view = view_name(dtype)
    lines = [
        "rows, columns = integer(arguments, 0), integer(arguments, 1)",
        f"a, sums = {view}(arguments, 2), {view}(arguments, 3)",
        "begin, end = split(columns, parts, part, 16)",
        "own = part_of_array(sums, begin, end - begin)",
        "for j in range(end - begin):",
        f"    own[j] = {storage_name(dtype)}(0)",
        "for i in range(rows):",
        "    a_row = part_of_array(a, i * columns + begin, end - begin)",
        "    for j in range(end - begin):",
        "        own[j] += a_row[j]",
    ]
    return HEADER + "\n".join(indent(lines)) + "\n"
