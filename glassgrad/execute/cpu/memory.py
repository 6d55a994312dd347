"""Fifth pass: where buffers lie, and where threads must wait for each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassgrad.execute.cpu.plan import ALIGNMENT, Buffer, Launch, Plan
from glassgrad.graph import Variable

__all__ = ["aligned_bytes", "lay_out", "place_barriers", "plan_memory"]


def plan_memory(plan: Plan) -> None:
    """Give every buffer of the workspace an offset; those never alive together share memory.

    Blocks (gradients that an update walks as one) are placed as one piece. The largest pieces
    are placed first, each at the lowest offset where nothing that is alive with it lies.
    """
    _find_lifetimes(plan)
    in_block = {buffer for block in plan.blocks for buffer in block}
    alone = [[b] for b in plan.buffers if b.is_workspace and b not in in_block]
    pieces = sorted([*plan.blocks, *alone], key=_length, reverse=True)
    placed: list[list[Buffer]] = []
    for piece in pieces:
        offset = _lowest_free(piece, [other for other in placed if _are_alive_together(piece, other)])
        for buffer in piece:
            buffer.offset = offset
            offset += buffer.padded_bytes
        plan.workspace_bytes = max(plan.workspace_bytes, offset)
        placed.append(piece)


def _find_lifetimes(plan: Plan) -> None:
    end = len(plan.launches)
    for number, launch in enumerate(plan.launches):
        for buffer in (*launch.reads, *launch.writes):
            buffer.first = number if buffer.first < 0 else buffer.first
            buffer.last = number
    for operand in plan.outputs:
        operand.buffer.last = end


def _length(piece: Sequence[Buffer]) -> int:
    return sum(buffer.padded_bytes for buffer in piece)


def _are_alive_together(a: Sequence[Buffer], b: Sequence[Buffer]) -> bool:
    return min(x.first for x in a) <= max(y.last for y in b) and min(y.first for y in b) <= max(
        x.last for x in a
    )


def _lowest_free(piece: Sequence[Buffer], neighbours: list[list[Buffer]]) -> int:
    length = _length(piece)
    taken = sorted((other[0].offset, other[0].offset + _length(other)) for other in neighbours)
    offset = 0
    for begin, end in taken:
        if begin - offset >= length:
            break
        offset = max(offset, end)
    return offset


def place_barriers(launches: Sequence[Launch]) -> None:
    """Let all threads wait after a launch only if a later one touches what it wrote or reads."""
    reads: list[Buffer] = []
    writes: list[Buffer] = []
    for before, launch in zip([None, *launches], launches, strict=False):
        if before is not None:
            before.barrier = (
                before.function is not None
                or launch.function is not None
                or _overlap(launch.reads, writes)
                or _overlap(launch.writes, [*reads, *writes])
            )
            if before.barrier:
                reads, writes = [], []
        reads += launch.reads
        writes += launch.writes
    if launches:
        launches[-1].barrier = True


def _overlap(one: Sequence[Buffer], other: Sequence[Buffer]) -> bool:
    return any(_share_memory(a, b) for a in one for b in other)


def _share_memory(a: Buffer, b: Buffer) -> bool:
    if a is b:
        return True
    if not (a.is_workspace and b.is_workspace):
        return False
    return a.offset < b.offset + b.padded_bytes and b.offset < a.offset + a.padded_bytes


def aligned_bytes(length: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Zeroed memory that begins on a cache line."""
    raw = np.zeros(length + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + length]


def lay_out(variables: Sequence[Variable]) -> None:
    """Let variables lie side by side in memory, in this order, unless they do already."""
    addresses = [variable.storage.ctypes.data for variable in variables]
    lengths = [-(-v.storage.nbytes // ALIGNMENT) * ALIGNMENT for v in variables]
    ends = [address + length for address, length in zip(addresses, lengths, strict=True)]
    if len(set(map(id, variables))) < len(variables):
        return
    if addresses[0] % ALIGNMENT == 0 and addresses[1:] == ends[:-1]:
        return
    memory = aligned_bytes(sum(lengths))
    begin = 0
    for variable, length in zip(variables, lengths, strict=True):
        piece = memory[begin : begin + variable.storage.nbytes]
        variable.move(piece.view(variable.dtype).reshape(variable.shape))
        begin += length
