"""Second pass: nodes are gathered into groups, each of which becomes one kernel.

A fused kernel walks a space of ``rows`` times ``columns``. Every value in it follows one of four
*patterns*: it changes with both (`FULL`), with the row alone (`ROW`), with the column alone
(`COLUMN`), or not at all (`SCALAR`). Because memory is row-major, a pattern says where an element
lies whatever the shape is called: a reshape changes nothing, a broadcast is a reading pattern,
and a reduction over the last axes turns a full value into a row value.

First every node joins the group of one of its inputs, if it can, and the groups of its other
inputs join too. Then what is cheap, such as the question whether a unit was active, moves to the
groups that ask, instead of being stored for them; several of them may compute it.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from functools import lru_cache
from math import prod

from glassgrad.execute.cpu.expressions import has_expression, is_cheap
from glassgrad.execute.cpu.kernels import Rows, Work, rows_of, work_of
from glassgrad.execute.cpu.kernels.pooled_rows import in_pairs_of_lines, is_pooling_by_two
from glassgrad.execute.cpu.lowered import DividedMap, PartialSums
from glassgrad.graph import Leaf, Node, Operation, Tensor, rewrite, walk
from glassgrad.ops.elementwise import Cast, StopGradient
from glassgrad.ops.linear import MatMul
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.ops.movement import BroadcastTo, Reshape, broadcast_to
from glassgrad.ops.reduction import Argmax, Argmin, Max, Min, Place, Reduction, Sum, normalize_axes
from glassgrad.ops.scan import Scan

__all__ = [
    "Group",
    "Kind",
    "Pattern",
    "fuse",
    "is_made_in_rows",
    "is_partial",
    "is_reduction",
    "source_of",
    "sources_of",
    "spread",
]

LARGEST_GROUP = 48
LARGEST_MOVE = 8
SHAPES = 4096
"""For how many combinations of shapes it is remembered how they fit: deep networks ask for the
same ones again and again."""

ALIASES = frozenset({Reshape, StopGradient, Cast})
"""Operations that may do nothing to memory."""


class Pattern(Enum):
    """How a value changes over the space of a kernel."""

    __hash__ = object.__hash__  # there is one of each, and Enum's own way calls Python

    FULL = "full"
    ROW = "row"
    COLUMN = "column"
    SCALAR = "scalar"
    PART = "part"  # a sum for each column, of the rows of each part: all of it only at the end


class Kind(Enum):
    """What a group is compiled to."""

    __hash__ = object.__hash__  # as Pattern's

    LOOP = "loop"  # element-wise operations and reductions of rows
    PRODUCT = "product"  # a matrix product, then element-wise operations on its tile
    ROWS = "rows"  # rows by a kernel written for them, then element-wise operations on each piece
    BATCH = "batch of products"  # one matrix product after the other
    COLUMN_SUM = "column sum"
    KERNEL = "kernel"  # one operation, by a kernel written for it
    COPY = "copy"
    UPDATE = "update"  # one element-wise formula over lists of tensors
    SCAN = "scan"  # launches that are repeated, not one
    REPEAT = "repeat"  # the end of these launches
    REFERENCE = "reference"  # no kernel: NumPy, called from the plan


HEADED = frozenset({Kind.PRODUCT, Kind.ROWS})
"""Groups whose first member is computed piece by piece, and the others on each piece."""


@dataclass(eq=False)
class Group:
    """Nodes that are computed together, inputs before their users.

    ``columns`` is ``None`` as long as no member needs to know where a row ends. ``before`` has a
    bit for each group that must run before this one. ``body`` are the groups of a scan's body.
    The ``pooling`` of a group of rows, which is no member, takes what one of them makes from each
    piece; nobody else reads that.
    """

    kind: Kind
    size: int
    columns: int | None
    number: int
    nodes: list[Node] = field(default_factory=list)
    patterns: dict[Node, Pattern] = field(default_factory=dict)
    readings: dict[tuple[Node, int], Pattern] = field(default_factory=dict)
    before: int = 0
    work: Work | None = None
    made_by: Rows | None = None
    pooling: Node | None = None
    body: Sequence[Group] = ()

    @property
    def may_fail(self) -> bool:
        """Whether a step may end here: nothing that others read may have changed before."""
        reports = self.work is not None and self.work.complaint is not None
        return self.kind is Kind.REFERENCE or reports or any(one.may_fail for one in self.body)

    @property
    def rows(self) -> int:
        """How many rows there are; one if nobody asked where a row ends."""
        return 1 if self.columns is None else self.size // max(self.columns, 1)

    def take_over(self, trial: Group, order: Mapping[Node, int]) -> None:
        """Become what was tried: members in their order, but the head before all others."""
        head = 1 if self.kind in HEADED else 0
        self.nodes = [*trial.nodes[:head], *sorted(trial.nodes[head:], key=order.__getitem__)]
        self.patterns, self.readings, self.columns = trial.patterns, trial.readings, trial.columns


def source_of(tensor: Tensor) -> Tensor:
    """The tensor whose memory holds the same elements in the same order."""
    while type(tensor.node.operation) in ALIASES and _is_alias(tensor.node):
        tensor = tensor.node.inputs[0]
    return tensor


def _is_alias(node: Node) -> bool:
    """Whether the node moves nothing and computes nothing."""
    kind = type(node.operation)
    return kind in ALIASES and (kind is not Cast or node.inputs[0].dtype == node.specs[0].dtype)


def sources_of(node: Node) -> list[Tensor]:
    """Where the node's inputs come from."""
    # Every pass asks, and most inputs are their own sources: those cost no call.
    return [
        source_of(tensor) if type(tensor.node.operation) in ALIASES else tensor
        for tensor in node.inputs
    ]


REDUCTIONS = frozenset({Sum, Max, Min, Argmax, Argmin})
"""Operations by which rows may become single values. A subclass may mean something else."""


def is_reduction(operation: Operation) -> bool:
    """Whether rows may become single values by it."""
    return type(operation) in REDUCTIONS


def is_partial(operation: Operation) -> bool:
    """Whether columns are summed over the rows of each part."""
    return type(operation) is PartialSums


def fuse(outputs: Sequence[Tensor]) -> list[Group]:
    """Gather the nodes that the outputs need into groups, in an order in which they can run."""
    walked = walk(outputs)
    nodes = [n for n in walked if not (isinstance(n.operation, Leaf) or _is_alias(n))]
    fusion = _Fusion(nodes)
    for node in nodes:
        fusion.place(node)
    results = {source_of(tensor).node for tensor in outputs}
    _Moves(fusion, nodes, results).make()
    join_poolings(fusion.groups, fusion.home, results)
    return _ordered([group for group in fusion.groups if group.nodes], fusion.home)


def spread(outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Repeat in memory what is read by no pattern: broadcasts along middle or different axes."""

    def repeat(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        operation = node.operation
        is_broadcast = type(operation) is BroadcastTo  # the one that repeats
        if is_broadcast or not has_expression(operation) or _space(node) is not None:
            return None
        target = node.specs[0].shape
        shapes = [t.shape for t in inputs if _is_repeated(t.shape, target)]
        lengths = [_broadcast_columns(shape, target) for shape in shapes]
        kept = next((length for length in lengths if length is not None), None)
        copy = Node(operation, tuple(_repeated(t, target, kept) for t in inputs), node.specs)
        copy.scope = node.scope
        return copy.outputs

    return rewrite(outputs, repeat)


def _is_repeated(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    return shape != target and prod(shape) not in (1, prod(target))


def _repeated(tensor: Tensor, target: tuple[int, ...], columns: int | None) -> Tensor:
    """The tensor at full size, unless it repeats rows or columns of the given length."""
    if not _is_repeated(tensor.shape, target):
        return tensor
    length = _broadcast_columns(tensor.shape, target)
    return tensor if length is not None and length == columns else broadcast_to(tensor, target)


class _Fusion:
    """The groups as they grow, and the group of each node."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self.order = {node: number for number, node in enumerate(nodes)}
        self.home: dict[Node, Group] = {}
        self.groups: list[Group] = []
        self.users: list[set[Group]] = []  # of each group, by its number
        self.scalar_groups: list[Group] = []

    def place(self, node: Node) -> None:
        """Let the node join a group, or begin one."""
        makers = self._makers([node])
        group = self._group_to_join(node, makers) or self._new_group(node)
        add(node, group)
        self.home[node] = group
        others = [maker for maker in dict.fromkeys(makers) if maker is not group]
        self._run_after(group, others)
        if group.kind is Kind.LOOP or group.kind in HEADED:
            for maker in others:
                if maker.kind is Kind.LOOP:
                    self._absorb(maker, group)

    def _group_to_join(self, node: Node, makers: list[Group]) -> Group | None:
        if not _is_fusable(node):
            return None
        # A loop can join a product, but no product a loop.
        latest = dict.fromkeys(reversed(makers))
        candidates = [group for group in latest if group.kind is not Kind.LOOP]
        candidates += [group for group in latest if group.kind is Kind.LOOP]
        if all(spec.size == 1 for spec in node.specs):
            candidates += reversed(self.scalar_groups)
        for group in candidates:
            has_room = len(group.nodes) < LARGEST_GROUP
            if has_room and fits(node, group) and not any(_needs(m, group) for m in makers):
                return group
        return None

    def _makers(self, nodes: Iterable[Node]) -> list[Group]:
        """The groups in which the nodes' inputs are computed."""
        sources = [source.node for node in nodes for source in sources_of(node)]
        return [self.home[node] for node in sources if node in self.home]

    def _absorb(self, maker: Group, group: Group) -> None:
        """Let all members of another group join, if they fit and nobody runs in between."""
        if len(maker.nodes) + len(group.nodes) > LARGEST_GROUP or self._is_between(maker, group):
            return
        trial = grown(group, maker.nodes)
        if trial is None:
            return
        group.take_over(trial, self.order)
        needed = {other for other in self._makers(maker.nodes) if other is not maker}
        for node in maker.nodes:
            self.home[node] = group
        maker.nodes = []
        for other in needed:
            self.users[other.number].discard(maker)
        group.before &= ~(1 << maker.number)
        self._run_after(group, needed)
        for user in self.users[maker.number] - {group}:
            self._run_after(user, [group])
        if maker in self.scalar_groups:
            self.scalar_groups.remove(maker)

    def _is_between(self, maker: Group, group: Group) -> bool:
        """Whether another group needs the one and is needed by the other."""
        return any(_needs(group, user) for user in self.users[maker.number])

    def _run_after(self, group: Group, makers: Iterable[Group]) -> None:
        """Remember that the group, and with it all who need it, needs others."""
        before = group.before
        for maker in makers:
            self.users[maker.number].add(group)
            before |= maker.before | 1 << maker.number
        pending = [group]
        while pending:
            late = pending.pop()
            if late.before | before != late.before:
                late.before |= before
                pending += self.users[late.number]

    def _new_group(self, node: Node) -> Group:
        kind, size, columns = _space_of_group(node)
        group = Group(kind, size, columns, number=len(self.groups))
        if kind is Kind.REFERENCE and (work := work_of(node)) is not None:
            group.kind, group.work = Kind.KERNEL, work
        elif kind is Kind.REFERENCE and (rows := rows_of(node)) is not None:
            group.kind, group.made_by = Kind.ROWS, rows
            group.size, group.columns = node.specs[0].size, node.specs[0].shape[-1]
        self.groups.append(group)
        self.users.append(set())
        if kind is Kind.LOOP and size == 1:
            self.scalar_groups.append(group)
        return group


def _needs(group: Group, other: Group) -> bool:
    """Whether the other group must run before this one."""
    return bool(group.before >> other.number & 1)


def _space_of_group(node: Node) -> tuple[Kind, int, int | None]:
    """What a group becomes that begins with this node, and the space that it walks."""
    if _is_plain_product(node):
        rows, columns = node.specs[0].shape
        return Kind.PRODUCT, rows * columns, columns
    if _is_batch_of_products(node):
        return Kind.BATCH, node.specs[0].size, None
    if type(node.operation) in (ElementwiseMap, DividedMap):
        return Kind.UPDATE, 0, None
    if type(node.operation) is Scan:
        return Kind.SCAN, 0, None
    if _is_fusable(node) and (space := _space(node)) is not None:
        return Kind.LOOP, *space
    if _is_column_sum(node):
        return Kind.COLUMN_SUM, node.inputs[0].size, node.specs[0].size
    return Kind.REFERENCE, 0, None


def _is_plain_product(node: Node) -> bool:
    if type(node.operation) is not MatMul:
        return False
    a, b = node.inputs
    return a.dtype.kind == "f" and a.ndim == b.ndim == 2


def _is_batch_of_products(node: Node) -> bool:
    """Whether each side has a matrix for every product, or one for all of them."""
    if type(node.operation) is not MatMul or node.specs[0].dtype.kind != "f":
        return False
    batches = prod(node.specs[0].shape[:-2])
    return all(prod(tensor.shape[:-2]) in (1, batches) for tensor in node.inputs)


def _is_fusable(node: Node) -> bool:
    is_sum = is_partial(node.operation) or _reduced_columns(node) is not None
    return is_sum or has_expression(node.operation)


def is_made_in_rows(node: Node) -> bool:
    """Whether a group can begin with the node that others, which walk its rows, may join."""
    if isinstance(node.operation, Leaf):
        return False
    return _is_plain_product(node) or _is_fusable(node) or rows_of(node) is not None


def _reduced_columns(node: Node) -> int | None:
    """The length of a row where the node reduces rows: all of the last axes, and no other."""
    if not is_reduction(node.operation):
        return None
    kept, reduced = _kept_and_reduced(node)
    return prod(n for _, n in reduced) if not kept or not reduced or kept[-1] < reduced[0] else None


def _is_column_sum(node: Node) -> bool:
    """Whether the node sums over all of the first axes, and over no other."""
    if type(node.operation) is not Sum:
        return False
    kept, reduced = _kept_and_reduced(node)
    return bool(kept and reduced) and reduced[-1] < kept[0]


def _kept_and_reduced(node: Node) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The axes that a reduction keeps and those that it reduces, with lengths; no axis of 1."""
    operation, shape = node.operation, node.inputs[0].shape
    if isinstance(operation, Place):
        axes = normalize_axes(operation.axis, len(shape))
    else:
        assert isinstance(operation, Reduction)
        axes = operation.axes
    long = [(axis, length) for axis, length in enumerate(shape) if length != 1]
    return [a for a in long if a[0] not in axes], [a for a in long if a[0] in axes]


def fits(node: Node, group: Group) -> bool:
    """Whether the node can be computed in the group's space."""
    is_headed = group.kind in HEADED
    if not (is_headed or group.kind is Kind.LOOP) or (space := _space(node)) is None:
        return False
    size, columns = space
    reduces = is_reduction(node.operation)
    if is_headed and (reduces or size != group.size):
        return False
    if is_partial(node.operation) and size != group.size:
        return False
    agreed = group.columns
    if size == group.size:
        agreed = columns if agreed is None else agreed
        if columns is not None and columns != agreed:
            return False
    elif agreed is None or size != group.rows or columns is not None or reduces:
        return False
    return all(
        group.patterns.get(source.node, reading) is reading
        for source, reading in zip(sources_of(node), _readings(node, group, agreed), strict=True)
    )


def add(node: Node, group: Group) -> None:
    """Make the node a member of a group that it fits."""
    is_first_of_others = not group.nodes and group.kind is not Kind.LOOP
    group.nodes.append(node)
    group.patterns[node] = Pattern.FULL
    if is_first_of_others:
        return
    space = _space(node)
    assert space is not None
    if group.columns is None:
        group.columns = space[1]
    group.patterns[node] = pattern_of(node, group)
    for place, reading in enumerate(_readings(node, group, group.columns)):
        group.readings[node, place] = reading


def grown(group: Group, nodes: Sequence[Node]) -> Group | None:
    """A copy of the group with more members, if they fit and are read as they are made."""
    trial = replace(
        group,
        nodes=list(group.nodes),
        patterns=dict(group.patterns),
        readings=dict(group.readings),
    )
    for node in nodes:
        if not fits(node, trial):
            return None
        add(node, trial)
    return trial if _agrees(trial) else None


def _agrees(group: Group) -> bool:
    """Whether all members are read by the pattern in which they are made."""
    return all(
        group.readings.get((member, place)) is group.patterns[source.node]
        for member in group.nodes
        for place, source in enumerate(sources_of(member))
        if source.node in group.patterns
    )


def pattern_of(node: Node, group: Group) -> Pattern:
    """The pattern that the node's value has in the group."""
    if is_partial(node.operation):
        return Pattern.PART
    is_row = is_reduction(node.operation) or node.specs[0].size != group.size
    return Pattern.ROW if is_row else Pattern.FULL


def _space(node: Node) -> tuple[int, int | None] | None:
    """Size and, where the node must know it, row length of the space that it needs."""
    if is_partial(node.operation):
        return node.inputs[0].size, node.specs[0].shape[-1]
    if is_reduction(node.operation):
        columns = _reduced_columns(node)
        return None if columns is None else (node.inputs[0].size, columns)
    return _space_of_shapes(node.specs[0].shape, tuple([tensor.shape for tensor in node.inputs]))


@lru_cache(SHAPES)
def _space_of_shapes(
    target: tuple[int, ...], shapes: tuple[tuple[int, ...], ...]
) -> tuple[int, int | None] | None:
    """Size and row length of the space in which inputs of these shapes are broadcast."""
    repeated = [shape for shape in shapes if _is_repeated(shape, target)]
    lengths = {_broadcast_columns(shape, target) for shape in repeated}
    if None in lengths or len(lengths) > 1:
        return None
    return prod(target), lengths.pop() if lengths else None


def _broadcast_columns(shape: tuple[int, ...], target: tuple[int, ...]) -> int | None:
    """The row length for which a broadcast repeats whole rows or whole columns."""
    padded = (1,) * (len(target) - len(shape)) + shape
    repeats = [(a != b, b) for a, b in zip(padded, target, strict=True) if b != 1]
    last = repeats[-1][0]
    columns = 1
    while repeats and repeats[-1][0] == last:
        columns *= repeats.pop()[1]
    return None if any(repeat == last for repeat, _ in repeats) else columns


def _readings(node: Node, group: Group, columns: int | None) -> list[Pattern]:
    """The pattern by which the node would read each input in a group of such rows."""
    if is_reduction(node.operation) or is_partial(node.operation):
        return [Pattern.FULL]
    output = node.specs[0]
    at_rows = output.size != group.size
    readings = [_reading(tensor.shape, output.shape, at_rows) for tensor in node.inputs]
    if columns == group.size:
        # What was made of a single row is a row's value for its group.
        for place, (tensor, source) in enumerate(zip(node.inputs, sources_of(node), strict=True)):
            if tensor.size == 1 and group.patterns.get(source.node) is Pattern.ROW:
                readings[place] = Pattern.ROW
    return readings


@lru_cache(SHAPES)
def _reading(shape: tuple[int, ...], target: tuple[int, ...], at_rows: bool) -> Pattern:
    if prod(shape) == prod(target):
        return Pattern.ROW if at_rows else Pattern.FULL
    if prod(shape) == 1:
        return Pattern.SCALAR
    padded = (1,) * (len(target) - len(shape)) + shape
    varies_last = [a == b for a, b in zip(padded, target, strict=True) if b != 1][-1]
    return Pattern.COLUMN if varies_last else Pattern.ROW


class _Moves:
    """Moves of cheap nodes to the groups that use them.

    A node may move if all that it is made of is in memory anyway, or is in the group that uses
    it, or is cheap as well and can move with it.
    """

    def __init__(self, fusion: _Fusion, nodes: list[Node], results: set[Node]) -> None:
        self.fusion, self.nodes, self.results = fusion, nodes, results
        self.readers: dict[Node, set[Group]] = {node: set() for node in nodes}
        self.holders: dict[Node, set[Group]] = {node: set() for node in nodes}
        for node in nodes:
            self._enter(node, fusion.home[node])

    def make(self) -> None:
        """Visit users before what they use, so that whole chains follow."""
        for node in reversed(self.nodes):
            outside = self.readers[node] - self.holders[node]
            if outside and node not in self.results and is_cheap(node.operation):
                self._move(node, sorted(outside, key=lambda group: group.number))
            self._tidy(node)

    def _enter(self, node: Node, group: Group) -> None:
        self.holders[node].add(group)
        for source in sources_of(node):
            if source.node in self.readers:
                self.readers[source.node].add(group)

    def _move(self, node: Node, users: list[Group]) -> None:
        trials: dict[Group, Group] = {}
        for group in users:
            trial = self._grown(group, node)
            if trial is None:
                return
            trials[group] = trial
        for group, trial in trials.items():
            for one in set(trial.nodes) - set(group.nodes):
                self._enter(one, group)
            group.take_over(trial, self.fusion.order)

    def _tidy(self, node: Node) -> None:
        """Let the node leave the groups where nobody reads it; others read it where it was."""
        unused = self.holders[node] - self.readers[node]
        if node in self.results or self.readers[node] - self.holders[node]:
            unused.discard(self.fusion.home[node])
        for group in unused:
            self._remove(node, group)

    def _remove(self, node: Node, group: Group) -> None:
        self.holders[node].discard(group)
        group.nodes.remove(node)
        del group.patterns[node]
        for place in range(len(node.inputs)):
            group.readings.pop((node, place), None)
        still_read = {source.node for other in group.nodes for source in sources_of(other)}
        for source in sources_of(node):
            if source.node in self.readers and source.node not in still_read:
                self.readers[source.node].discard(group)

    def _grown(self, group: Group, node: Node) -> Group | None:
        """A copy of the group that holds the node too, with what must move with it."""
        needed = self._needed(node, group)
        if needed is None or len(group.nodes) + len(needed) > LARGEST_GROUP:
            return None
        return grown(group, sorted(needed, key=self.fusion.order.__getitem__))

    def _needed(self, node: Node, group: Group) -> set[Node] | None:
        """The nodes that must move with the node; ``None`` where it is not worth it."""
        needed: set[Node] = set()
        new_reads: set[Node] = set()
        pending = [node]
        while pending:
            one = pending.pop()
            if not is_cheap(one.operation) or len(needed) == LARGEST_MOVE:
                return None
            needed.add(one)
            for source in sources_of(one):
                if not self._is_there(source.node, group):
                    pending += [source.node] if source.node not in needed else []
                elif source.size == group.size and not _reads(group, source.node):
                    new_reads.add(source.node)
        return needed if len(new_reads) <= 1 else None

    def _is_there(self, node: Node, group: Group) -> bool:
        """Whether the group holds the node, or finds its value in memory."""
        if node not in self.readers or group in self.holders[node]:
            return True
        return node in self.results or bool(self.readers[node] - self.holders[node])


def _reads(group: Group, node: Node) -> bool:
    return any(source.node is node for member in group.nodes for source in sources_of(member))


def join_poolings(
    groups: Sequence[Group], home: dict[Node, Group], results: Collection[Node]
) -> None:
    """Let max poolings of two by two take their windows from rows that nobody else reads."""
    readers: dict[Node, set[Group]] = {}
    for group in groups:
        for node in group.nodes:
            for source in sources_of(node):
                readers.setdefault(source.node, set()).add(group)
    for group in groups:
        if group.work is None or not is_pooling_by_two(group.nodes[0]):
            continue
        (pooling,) = group.nodes
        (x,) = sources_of(pooling)
        maker = home.get(x.node)
        if maker is None or x.node in results or readers[x.node] - {maker, group}:
            continue
        rows = _rows_to_pool(maker, x, pooling.inputs[0].shape)
        if rows is not None:
            maker.made_by, maker.pooling = rows, pooling
            home[pooling] = maker
            group.nodes, group.work = [], None


def _rows_to_pool(maker: Group, x: Tensor, shape: tuple[int, ...]) -> Rows | None:
    """In what pieces a group makes x so that it can be pooled, if it can."""
    if maker.made_by is None or maker.pooling is not None:
        return None
    same_kind = x.dtype == maker.nodes[0].specs[0].dtype and shape[-1] == maker.columns
    if not same_kind or maker.patterns.get(x.node) is not Pattern.FULL:
        return None
    return in_pairs_of_lines(maker.made_by, shape)


def _ordered(groups: list[Group], home: dict[Node, Group]) -> list[Group]:
    """Sort so that each group comes after those it needs, and updates as late as they can.

    What an update overwrites must have been read by everybody else before. Groups that need
    equally many others one after the other come together: no thread waits between them.
    """
    users: dict[Group, list[Group]] = {group: [] for group in groups}
    missing: dict[Group, int] = {}
    for group in groups:
        makers = _makers_of(group, home)
        missing[group] = len(makers)
        for maker in makers:
            users[maker].append(group)
    level = dict.fromkeys(groups, 0)
    by_number = {group.number: group for group in groups}
    ready = [_rank(group, 0) for group in groups if not missing[group]]
    heapq.heapify(ready)
    ordered: list[Group] = []
    while ready:
        group = by_number[heapq.heappop(ready)[-1]]
        ordered.append(group)
        for user in users[group]:
            level[user] = max(level[user], level[group] + 1)
            missing[user] -= 1
            if not missing[user]:
                heapq.heappush(ready, _rank(user, level[user]))
    return ordered


def _makers_of(group: Group, home: dict[Node, Group]) -> set[Group]:
    """The groups whose values the group finds in memory."""
    sources = {source.node for node in group.nodes for source in sources_of(node)}
    return {home[node] for node in sources - set(group.nodes) if node in home}


def _rank(group: Group, level: int) -> tuple[bool, int, int]:
    return group.kind is Kind.UPDATE, level, group.number
