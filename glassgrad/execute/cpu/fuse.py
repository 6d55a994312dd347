"""Second pass: nodes are gathered into groups, each of which becomes one kernel.

A fused kernel walks a space of ``rows`` times ``columns``. Every value in it follows one of four
*patterns*: it changes with both (`FULL`), with the row alone (`ROW`), with the column alone
(`COLUMN`), or not at all (`SCALAR`). Because memory is row-major, a pattern says where an element
lies whatever the shape is called: a reshape changes nothing, a broadcast is a reading pattern,
and a reduction over the last axes turns a full value into a row value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from math import prod

from glassgrad.execute.cpu.expressions import has_expression
from glassgrad.graph import Leaf, Node, Operation, Tensor, walk
from glassgrad.graph.tensor import Key
from glassgrad.ops.elementwise import Cast, StopGradient
from glassgrad.ops.linear import MatMul
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.ops.movement import Reshape
from glassgrad.ops.reduction import Argmax, Max, Sum, normalize_axes

__all__ = ["Group", "Kind", "Pattern", "fuse", "source_of"]

LARGEST_GROUP = 48


class Pattern(Enum):
    """How a value changes over the space of a kernel."""

    FULL = "full"
    ROW = "row"
    COLUMN = "column"
    SCALAR = "scalar"


class Kind(Enum):
    """What a group is compiled to."""

    LOOP = "loop"  # element-wise operations and reductions of rows
    PRODUCT = "product"  # a matrix product, then element-wise operations on its tile
    COLUMN_SUM = "column sum"
    COPY = "copy"
    UPDATE = "update"  # one element-wise formula over lists of tensors
    REFERENCE = "reference"  # no kernel: NumPy, called from the plan


@dataclass(eq=False)
class Group:
    """Nodes that are computed together.

    ``columns`` is ``None`` as long as no member needs to know where a row ends.
    """

    kind: Kind
    size: int
    columns: int | None
    nodes: list[Node] = field(default_factory=list)
    patterns: dict[Key, Pattern] = field(default_factory=dict)
    readings: dict[tuple[Node, int], Pattern] = field(default_factory=dict)
    after: set[Group] = field(default_factory=set)

    @property
    def rows(self) -> int:
        """How many rows there are; one if nobody asked where a row ends."""
        return 1 if self.columns is None else self.size // max(self.columns, 1)


def source_of(tensor: Tensor) -> Tensor:
    """The tensor whose memory holds the same elements in the same order."""
    while True:
        node = tensor.node
        same_dtype = isinstance(node.operation, Cast) and node.inputs[0].dtype == tensor.dtype
        if not (isinstance(node.operation, Reshape | StopGradient) or same_dtype):
            return tensor
        tensor = node.inputs[0]


def is_alias(node: Node) -> bool:
    """Whether the node moves nothing and computes nothing."""
    return source_of(node.outputs[0]).node is not node


def is_element(operation: Operation) -> bool:
    """Whether every element is computed by itself, in a way that kernels can write."""
    return has_expression(operation)


def fuse(outputs: list[Tensor]) -> list[Group]:
    """Gather the nodes that the outputs need into groups, in an order in which they can run."""
    home: dict[Node, Group] = {}
    groups: list[Group] = []
    for node in walk(outputs):
        if isinstance(node.operation, Leaf) or is_alias(node):
            continue
        group = _group_to_join(node, home, groups) or _new_group(node, groups)
        _add(node, group, home)
    return _ordered(groups, home)


def _group_to_join(node: Node, home: dict[Node, Group], groups: list[Group]) -> Group | None:
    if not _is_fusable(node):
        return None
    makers = [home[source.node] for source in map(source_of, node.inputs) if source.node in home]
    candidates = list(dict.fromkeys(reversed(makers)))
    if all(spec.size == 1 for spec in node.specs):
        candidates += [group for group in reversed(groups) if group.size == 1]
    for group in candidates:
        if len(group.nodes) < LARGEST_GROUP and _fits(node, group) and _is_free(node, group, home):
            return group
    return None


def _is_fusable(node: Node) -> bool:
    return is_element(node.operation) or _reduced_columns(node) is not None


def _reduced_columns(node: Node) -> int | None:
    """The length of a row where the node reduces rows: all of the last axes, and no other."""
    operation, shape = node.operation, node.inputs[0].shape if node.inputs else ()
    if isinstance(operation, Sum | Max):
        axes = operation.axes
    elif isinstance(operation, Argmax):
        axes = normalize_axes(operation.axis, len(shape))
    else:
        return None
    first = len(shape) - len(axes)
    return prod(shape[first:]) if axes == tuple(range(first, len(shape))) else None


def _is_free(node: Node, group: Group, home: dict[Node, Group]) -> bool:
    """Whether the node may run with the group: nothing it needs comes after the group."""
    others = {home[s.node] for s in map(source_of, node.inputs) if s.node in home} - {group}
    seen: set[Group] = set()
    pending = list(others)
    while pending:
        other = pending.pop()
        if other is group:
            return False
        if other not in seen:
            seen.add(other)
            pending.extend(other.after)
    return True


def _fits(node: Node, group: Group) -> bool:
    """Whether the node can be computed in the group's space."""
    if group.kind not in (Kind.LOOP, Kind.PRODUCT):
        return False
    space = _space(node)
    if space is None:
        return False
    size, columns = space
    reduces = _reduced_columns(node) is not None
    if group.kind is Kind.PRODUCT and (reduces or size != group.size):
        return False
    if size == group.size:
        agreed = columns if group.columns is None else group.columns
        if columns is not None and columns != agreed:
            return False
    elif group.columns is None or size != group.rows or columns is not None or reduces:
        return False
    else:
        agreed = group.columns
    return all(
        group.patterns.get(source_of(tensor).key, reading) is reading
        for tensor, reading in zip(
            node.inputs, _readings(node, group.size, agreed), strict=True
        )
    )


def _space(node: Node) -> tuple[int, int | None] | None:
    """Size and, where the node must know it, row length of the space that it needs."""
    if (reduced := _reduced_columns(node)) is not None:
        return node.inputs[0].size, reduced
    output = node.specs[0]
    lengths = set()
    for tensor in node.inputs:
        if tensor.size not in (1, output.size):
            lengths.add(_broadcast_columns(tensor.shape, output.shape))
    if None in lengths or len(lengths) > 1:
        return None
    return output.size, lengths.pop() if lengths else None


def _broadcast_columns(shape: tuple[int, ...], target: tuple[int, ...]) -> int | None:
    """The row length for which a broadcast repeats whole rows or whole columns."""
    padded = (1,) * (len(target) - len(shape)) + shape
    repeats = [a != b for a, b in zip(padded, target, strict=True)]
    real = [(repeat, n) for repeat, n in zip(repeats, target, strict=True) if n != 1]
    last = real[-1][0]
    inner = 0
    while inner < len(real) and real[-1 - inner][0] == last:
        inner += 1
    if any(repeat == last for repeat, _ in real[: len(real) - inner]):
        return None
    return prod(n for _, n in real[len(real) - inner :])


def _readings(node: Node, size: int, columns: int | None) -> list[Pattern]:
    """The pattern by which the node reads each input."""
    if _reduced_columns(node) is not None:
        return [Pattern.FULL]
    output = node.specs[0]
    at_rows = output.size != size
    return [_reading(tensor, output.shape, at_rows) for tensor in node.inputs]


def _reading(tensor: Tensor, target: tuple[int, ...], at_rows: bool) -> Pattern:
    if tensor.size == prod(target):
        return Pattern.ROW if at_rows else Pattern.FULL
    if tensor.size == 1:
        return Pattern.SCALAR
    padded = (1,) * (len(target) - len(tensor.shape)) + tensor.shape
    varies_last = [a == b for a, b in zip(padded, target, strict=True) if b != 1][-1]
    return Pattern.COLUMN if varies_last else Pattern.ROW


def _new_group(node: Node, groups: list[Group]) -> Group:
    group = _group_for(node)
    groups.append(group)
    return group


def _group_for(node: Node) -> Group:
    operation = node.operation
    if isinstance(operation, MatMul) and len(node.specs[0].shape) == 2 and _is_float_product(node):
        rows, columns = node.specs[0].shape
        return Group(Kind.PRODUCT, rows * columns, columns)
    if isinstance(operation, ElementwiseMap):
        return Group(Kind.UPDATE, 0, None)
    if _is_fusable(node) and (space := _space(node)) is not None and space[0] > 0:
        return Group(Kind.LOOP, *space)
    if _is_column_sum(node):
        return Group(Kind.COLUMN_SUM, node.inputs[0].size, node.specs[0].size)
    return Group(Kind.REFERENCE, 0, None)


def _is_float_product(node: Node) -> bool:
    a, b = node.inputs
    return a.dtype.kind == "f" and a.ndim == b.ndim == 2 and min(a.size, b.size) > 0


def _is_column_sum(node: Node) -> bool:
    operation = node.operation
    return (
        isinstance(operation, Sum)
        and operation.axes == tuple(range(len(operation.axes)))
        and node.inputs[0].size > 0
        and node.inputs[0].dtype.kind == "f"
    )


def _add(node: Node, group: Group, home: dict[Node, Group]) -> None:
    group.nodes.append(node)
    home[node] = group
    if group.kind is Kind.LOOP or (group.kind is Kind.PRODUCT and len(group.nodes) > 1):
        space = _space(node)
        if space is not None and space[1] is not None and group.columns is None:
            group.columns = space[1]
        for place, reading in enumerate(_readings(node, group.size, group.columns)):
            group.readings[node, place] = reading
    is_row = _reduced_columns(node) is not None or node.specs[0].size != group.size
    group.patterns[node, 0] = Pattern.ROW if is_row else Pattern.FULL
    makers = {home[s.node] for s in map(source_of, node.inputs) if s.node in home}
    group.after |= makers - {group}


def _ordered(groups: list[Group], home: dict[Node, Group]) -> list[Group]:
    """Sort so that each group comes after those it needs, and updates as late as they can.

    What an update overwrites must have been read by everybody else before.
    """
    position = {group: number for number, group in enumerate(groups)}
    done: set[Group] = set()
    ordered: list[Group] = []
    waiting = sorted(groups, key=lambda g: (g.kind is Kind.UPDATE, position[g]))
    while waiting:
        ready = next(group for group in waiting if group.after <= done)
        waiting.remove(ready)
        done.add(ready)
        ordered.append(ready)
    return ordered
