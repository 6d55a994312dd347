"""Fifth pass: where buffers lie, and where threads must wait for each other."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from glassgrad.execute.cpu.addresses import (
    ALIGNMENT,
    address_of,
    aligned_bytes,
    is_side_by_side,
    padded,
)
from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.cpu.launches import Buffer, Launch, Plan
from glassgrad.graph import Variable

__all__ = ["lay_out", "place_barriers", "plan_memory"]


@dataclass
class Piece:
    """Buffers that lie side by side, and the launches between which one of them matters."""

    buffers: Sequence[Buffer]
    length: int
    first: int
    last: int
    offset: int = 0

    @classmethod
    def of(cls, buffers: Sequence[Buffer]) -> Piece:
        """The piece of these buffers, not yet placed."""
        return cls(
            buffers,
            length=sum(buffer.padded_bytes for buffer in buffers),
            first=min(buffer.first for buffer in buffers),
            last=max(buffer.last for buffer in buffers),
        )


Place: TypeAlias = tuple[int, int, int, int]
"""Where a piece begins and ends, and its first and last launch; plain numbers, for speed."""


def plan_memory(plan: Plan) -> None:
    """Give every buffer of the workspace an offset; those never alive together share memory.

    Two buffers that are used between the same two barriers count as alive together, so that
    sharing memory makes no barrier necessary. Blocks (gradients that an update walks as one) are
    placed as one piece. The largest pieces are placed first, each at the lowest offset where
    nothing that is alive with it lies.
    """
    _find_lifetimes(plan)
    in_block = {buffer for block in plan.blocks for buffer in block}
    alone = [[b] for b in plan.buffers if b.is_workspace and b not in in_block]
    pieces = sorted(map(Piece.of, [*plan.blocks, *alone]), key=lambda p: p.length, reverse=True)
    placed: list[Place] = []  # in the order of their offsets
    for piece in pieces:
        piece.offset = _lowest_free(piece, placed)
        insort(placed, (piece.offset, piece.offset + piece.length, piece.first, piece.last))
        plan.workspace_bytes = max(plan.workspace_bytes, piece.offset + piece.length)
        offset = piece.offset
        for buffer in piece.buffers:
            buffer.offset = offset
            offset += buffer.padded_bytes


def _find_lifetimes(plan: Plan) -> None:
    stretches: list[int] = []
    stretch = 0
    for launch in plan.launches:
        stretches.append(stretch)
        for buffer in _roots(launch):
            buffer.first = stretch if buffer.first < 0 else buffer.first
            buffer.last = stretch
        stretch += launch.barrier
    for begin, end in _loops(plan.launches):
        for buffer in _held(plan, begin, end):
            buffer.first = min(buffer.first, stretches[begin])
            buffer.last = max(buffer.last, stretches[end])
    for operand in plan.outputs:
        operand.buffer.root.last = stretch


def _roots(launch: Launch) -> set[Buffer]:
    return {buffer.root for buffer in (*launch.reads, *launch.writes)}


def _loops(launches: Sequence[Launch]) -> list[tuple[int, int]]:
    """The first and the last launch of each loop."""
    found = []
    for end, last in enumerate(launches):
        if last.kind is Kind.REPEAT and (loop := last.loop) is not None:
            insides = (n for n, one in enumerate(launches) if one.loop and one.loop.is_inside(loop))
            found.append((next(insides), end))
    return found


def _held(plan: Plan, begin: int, end: int) -> set[Buffer]:
    """What must stay from step to step of a loop.

    That is everything but what the body makes anew in each step: what others touch as well, such
    as a carry, which somebody sets before the first step, and what is filled row by row.
    """
    body = plan.launches[begin : end + 1]
    inside = {buffer for launch in body for buffer in _roots(launch)}
    others = {b for one in (*plan.launches[:begin], *plan.launches[end + 1 :]) for b in _roots(one)}
    rows = {
        b.root for one in body for b in (*one.reads, *one.writes) if b.moves_with(body[-1].loop)
    }
    return inside & (others | rows)


def _lowest_free(piece: Piece, placed: Sequence[Place]) -> int:
    length, piece_first, piece_last = piece.length, piece.first, piece.last
    offset = 0
    for begin, end, first, last in placed:
        if first <= piece_last and piece_first <= last:
            if begin - offset >= length:
                break
            offset = max(offset, end)
    return offset


def place_barriers(launches: Sequence[Launch]) -> None:
    """Let all threads wait after a launch only if the next one touches what was not waited for.

    It may read what was only read since the last barrier, and nothing else. What every part has
    for itself does not count: a part of all kernels is run by the same thread.
    """
    reads: set[Buffer] = set()
    writes: set[Buffer] = set()
    for before, launch in zip([None, *launches], launches, strict=False):
        now_read, now_written = _common(launch.reads), _common(launch.writes)
        if before is not None:
            before.barrier = (
                before.function is not None
                or launch.function is not None
                or before.may_fail
                or before.kind is Kind.REPEAT
                or not writes.isdisjoint(now_read | now_written)
                or not reads.isdisjoint(now_written)
            )
            if before.barrier:
                reads, writes = set(), set()
        reads |= now_read
        writes |= now_written
    if launches:
        launches[-1].barrier = True


def _common(buffers: Sequence[Buffer]) -> set[Buffer]:
    return {buffer.root for buffer in buffers if not buffer.is_private}


def lay_out(variables: Sequence[Variable]) -> None:
    """Let variables lie side by side in memory, in this order, unless they do already."""
    if len(set(map(id, variables))) < len(variables) or _lie_side_by_side(variables):
        return
    lengths = [padded(variable.storage.nbytes) for variable in variables]
    memory = aligned_bytes(sum(lengths))
    begin = 0
    for variable, length in zip(variables, lengths, strict=True):
        piece = memory[begin : begin + variable.storage.nbytes]
        variable.move(piece.view(variable.dtype).reshape(variable.shape))
        begin += length


def _lie_side_by_side(variables: Sequence[Variable]) -> bool:
    first = variables[0].storage
    return address_of(first) % ALIGNMENT == 0 and all(
        is_side_by_side(one.storage, other.storage) for one, other in pairwise(variables)
    )
