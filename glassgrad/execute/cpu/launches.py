"""What a plan is made of: buffers, launches of kernels on them, and loops of launches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeAlias

from glassgrad.execute.cpu.addresses import padded
from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.cpu.kernels import work
from glassgrad.graph import Node, Tensor, TensorSpec, Variable
from glassgrad.graph.operation import Array

__all__ = ["Argument", "Buffer", "Launch", "Loop", "Operand", "Plan", "Section"]


@dataclass(frozen=True, eq=False)
class Loop:
    """Launches that are repeated, once for each step of a scan.

    Args:
        node: the scan.
        length: the number of its steps.
        outer: the loop in which this one lies, if there is one.
    """

    node: Node
    length: int
    outer: Loop | None = None

    @property
    def repeats(self) -> int:
        """How often a launch of the loop runs in a step of the program."""
        return self.length * (self.outer.repeats if self.outer is not None else 1)

    def is_inside(self, other: Loop) -> bool:
        """Whether it is the other loop or lies in it."""
        return self is other or (self.outer is not None and self.outer.is_inside(other))


@dataclass(frozen=True, eq=False)
class Section:
    """A piece of a buffer, such as a row, which may move on with the steps of a loop.

    Args:
        of: the buffer.
        start: the byte of it at which the piece begins, in the first step.
        loop: with whose steps it moves, if it does.
        moves: by how many bytes it moves after the first step, the third and so on, and after
            the second, the fourth and so on.
    """

    of: Buffer
    start: int = 0
    loop: Loop | None = None
    moves: tuple[int, int] = (0, 0)

    def start_at(self, step: int) -> int:
        """The byte at which the piece begins after so many steps."""
        return self.start + self.moves[0] * ((step + 1) // 2) + self.moves[1] * (step // 2)


@dataclass(eq=False)
class Buffer:
    """A piece of memory: of the workspace, or of a variable, a constant, an input, a buffer.

    ``first`` and ``last`` are the stretches between barriers within which a piece of the workspace
    holds a value that matters; ``offset`` is its place there. Of a private one every part has a
    share of its own, and nothing in it outlives a kernel.
    """

    spec: TensorSpec
    owner: Variable | Array | int | Section | None = None
    is_private: bool = False
    first: int = -1
    last: int = -1
    offset: int = -1

    @cached_property
    def bytes(self) -> int:
        """The length in memory."""
        return self.spec.size * self.spec.dtype.itemsize

    @cached_property
    def padded_bytes(self) -> int:
        """The length up to where the next buffer may begin."""
        return padded(self.bytes)

    @property
    def is_workspace(self) -> bool:
        """Whether the planner decides where it lies."""
        return self.owner is None

    def moves_with(self, loop: Loop | None) -> bool:
        """Whether it is another piece of memory in each step of the loop."""
        owner = self.owner
        if not isinstance(owner, Section):
            return False
        return (owner.loop is loop and any(owner.moves)) or owner.of.moves_with(loop)

    @property
    def root(self) -> Buffer:
        """The buffer of which it is a piece, or itself."""
        return self.owner.of.root if isinstance(self.owner, Section) else self


class Operand(NamedTuple):
    """A buffer as an argument, seen under a shape."""

    buffer: Buffer
    shape: tuple[int, ...]


Argument: TypeAlias = int | Operand


@dataclass(eq=False)
class Launch:
    """A kernel, called once for each row of ``calls``; no call needs what another one does.

    Exactly one of ``source`` (a generated kernel) and ``function`` (Python, called with the
    operands as arrays) is given. ``made`` are the values that it leaves behind.

    The calls of an update are the members of its lists. Where they lie side by side they are
    made one, if ``is_merged``: the arguments ``walked`` then go through all members; the first is
    their size.
    ``in_place`` says for each list of outputs which list of inputs it overwrites.

    What is repeated belongs to a ``loop``, the last launch of which has the kind `Kind.REPEAT`
    and neither kernel nor calls: there the next step begins.
    """

    kind: Kind
    calls: list[list[Argument]]
    reads: list[Buffer]
    writes: list[Buffer]
    nodes: list[Node]
    made: list[Tensor] = field(default_factory=list)
    source: str = ""
    function: Callable[..., None] | None = None
    walked: range = range(0)
    is_merged: bool = False
    in_place: Sequence[int | None] = ()
    may_fail: bool = False
    barrier: bool = True
    loop: Loop | None = None

    @property
    def layer(self) -> str:
        """The scope of the first node that has one, or else of the scan that repeats it."""
        nodes = self.nodes if self.loop is None else [*self.nodes, self.loop.node]
        return next((node.scope for node in nodes if node.scope), "")

    @property
    def repeats(self) -> int:
        """How often it runs in a step of the program."""
        return 1 if self.loop is None else self.loop.repeats


@dataclass(eq=False)
class Plan:
    """What a program does: launches in order, and where its values are."""

    launches: list[Launch]
    outputs: list[Operand]
    inputs: list[Buffer]
    blocks: list[list[Buffer]]
    parts: int
    status: Array
    complaints: list[work.Complaint]
    workspace_bytes: int = 0

    @property
    def buffers(self) -> list[Buffer]:
        """Every buffer that a launch touches, once; none that is a piece of another."""
        touched = [b for launch in self.launches for b in (*launch.reads, *launch.writes)]
        touched += [operand.buffer for operand in self.outputs]
        return list(dict.fromkeys(buffer.root for buffer in touched))
