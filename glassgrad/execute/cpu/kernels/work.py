"""What a kernel written by hand declares: a compiled function, and what it is called with.

An operation gets a kernel by a function that is registered for its type and says how a node is
computed. The planner needs to know nothing else of it.

Example:
    The kernel of an operation that adds one to every element::

        @helper()
        def add_one(part, parts, x, y):
            begin, end = split(x.size, parts, part, 16)
            for i in range(begin, end):
                y[i] = x[i] + 1

        @kernel_for(AddOne)
        def add_one_work(node):
            return Work(add_one, [(node.inputs[0], node.outputs[0])])
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from glassgrad.execute.cpu.views import VIEW_NAMES
from glassgrad.graph import Node, Operation, Tensor
from glassgrad.graph.operation import Array
from glassgrad.ops.indexing import require_within

__all__ = [
    "INDEX_BITS",
    "Argument",
    "Bits",
    "Complaint",
    "Rows",
    "Scratch",
    "Work",
    "is_seen",
    "kernel_for",
    "raise_complaint",
    "rows_for",
    "rows_of",
    "source",
    "view_of",
    "work_of",
]

BITS: dict[int, np.dtype[Any]] = {1: np.dtype("uint8"), 4: np.dtype("int32"), 8: np.dtype("int64")}
"""As what elements of each width are moved: a copy asks nothing else, and kernels are few."""

INDEX_BITS = 40
"""The bits of a status word that hold an index; those above are the complaint's number."""


@dataclass(frozen=True)
class Bits:
    """A tensor or an array whose elements are only moved."""

    of: Tensor | Array


@dataclass(frozen=True, eq=False)
class Scratch:
    """Memory of so many elements for each part; another one is other memory."""

    elements: int
    dtype: str = "int32"


Argument: TypeAlias = int | Tensor | Array | Bits | Scratch
"""An integer; a vector of a tensor's elements in row-major order; a vector of numbers that the
planner wrote, which stay as they are; or memory for each part."""


@dataclass(frozen=True)
class Complaint:
    """What a kernel reports: an index of this operation that lies outside the rows."""

    operation: str
    rows: int

    def raise_for(self, index: int) -> None:
        """Raise what the operation's own definition raises."""
        require_within(self.operation, np.array([index]), self.rows)


@dataclass(frozen=True)
class Work:
    """How a node is computed.

    Args:
        function: compiled; called as ``function(part, parts, *arguments)``.
        calls: the arguments of each call. No call needs what another one does.
        complaint: if given, two more arguments come last, which `indexing.complain` wants.
    """

    function: Any
    calls: Sequence[Sequence[Argument]]
    complaint: Complaint | None = None


@dataclass(frozen=True)
class Rows:
    """How the rows of a node's result are computed, a piece at a time.

    The rows run along the last axis of the result. What follows them element by element is
    applied to each piece while it is in cache.

    Args:
        function: compiled; called as ``function(first, last, result, *arguments)``, where
            ``result`` begins with the row ``first``. Memory for each part is handed over as the
            part's own.
        arguments: what it is called with.
        step: how many rows make a piece.
        block: if given, pieces begin anew after so many rows.
    """

    function: Any
    arguments: Sequence[Argument]
    step: int
    block: int = 0


Maker: TypeAlias = Callable[[Node], Work | None]
RowsMaker: TypeAlias = Callable[[Node], Rows | None]

_makers: dict[type[Operation], Maker] = {}
_rows_makers: dict[type[Operation], RowsMaker] = {}


def kernel_for(*operations: type[Operation]) -> Callable[[Maker], Maker]:
    """Register how nodes of these operations are computed; ``None`` leaves one without a kernel.

    An operation that inherits from one of them may mean something else, and is not meant.
    """

    def register(maker: Maker) -> Maker:
        _makers.update(dict.fromkeys(operations, maker))
        return maker

    return register


def rows_for(*operations: type[Operation]) -> Callable[[RowsMaker], RowsMaker]:
    """Register how the rows of these operations are computed, as `kernel_for` does."""

    def register(maker: RowsMaker) -> RowsMaker:
        _rows_makers.update(dict.fromkeys(operations, maker))
        return maker

    return register


def rows_of(node: Node) -> Rows | None:
    """How a kernel computes the node's rows, if there is one."""
    maker = _rows_makers.get(type(node.operation))
    if maker is None or not all(map(is_seen, (*node.inputs, *node.outputs))):
        return None
    return maker(node)


def work_of(node: Node) -> Work | None:
    """How a kernel computes the node, if there is one."""
    maker = _makers.get(type(node.operation))
    if maker is None or not all(map(is_seen, (*node.inputs, *node.outputs))):
        return None
    return maker(node)


def is_seen(tensor: Tensor) -> bool:
    """Whether kernels can see memory of the tensor's dtype."""
    return (tensor.dtype, 1) in VIEW_NAMES


def source(work: Work) -> str:
    """The text of the kernel, which depends on the dtypes of the arguments alone."""
    function = work.function
    arguments = [view_of(argument, slot) for slot, argument in enumerate(work.calls[0])]
    if work.complaint is not None:
        count = len(arguments)
        arguments += [f"integer(arguments, {slot})" for slot in (count, count + 1)]
    views = sorted({text.partition("(")[0] for text in arguments})
    name = function.__name__
    return (
        f"from {function.__module__} import {name}\n"
        f"from glassgrad.execute.cpu.views import {', '.join(views)}\n\n\n"
        "def kernel(part, parts, arguments):\n"
        f"    {name}(part, parts, {', '.join(arguments)})\n"
    )


def view_of(argument: Argument, slot: int) -> str:
    """The text by which a kernel finds an argument in its slot."""
    view = "integer" if isinstance(argument, int) else VIEW_NAMES[_dtype(argument), 1]
    return f"{view}(arguments, {slot})"


def _dtype(argument: Tensor | Array | Bits | Scratch) -> np.dtype[Any]:
    if isinstance(argument, Bits):
        return BITS[argument.of.dtype.itemsize]
    if isinstance(argument, Scratch):
        return np.dtype(argument.dtype)
    return argument.dtype


def raise_complaint(complaints: Sequence[Complaint], status: int) -> None:
    """Raise what a status word means that `indexing.complain` wrote."""
    number, index = divmod(status, 1 << INDEX_BITS)
    half = 1 << INDEX_BITS - 1
    complaints[number - 1].raise_for(half - 1 - index if index >= half else index - 1)
