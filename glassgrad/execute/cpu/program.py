"""The CPU executor: a graph becomes a plan, the plan a table that the team of threads runs."""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from glassgrad.errors import ExecutionError
from glassgrad.execute.cpu import describe
from glassgrad.execute.cpu.compiler import Kernel, compile_source
from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.cpu.memory import aligned_bytes, lay_out, place_barriers, plan_memory
from glassgrad.execute.cpu.plan import Buffer, Launch, Operand, Plan, make_plan
from glassgrad.execute.cpu.team import BARRIER, SERIAL, Fallback, Team
from glassgrad.execute.cpu.threads import default_threads
from glassgrad.execute.cpu.views import SLOT_WORDS
from glassgrad.execute.executor import Executor, Program
from glassgrad.graph import Tensor, Variable
from glassgrad.graph.operation import Array

__all__ = ["CpuExecutor", "CpuProgram"]

SMALLEST_PARTS = 4


@functools.cache
def compiled(source: str) -> Kernel:
    """The kernel of a source text, compiled or loaded once in a process."""
    return compile_source(source, "kernel")


class CpuProgram(Program):
    """A plan with memory, compiled kernels and the table that leads the threads."""

    def __init__(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor],
        updates: Mapping[Variable, Tensor],
        team: Team,
        parts: int,
    ) -> None:
        super().__init__(outputs, inputs, updates)
        self.team = team
        self.plan = make_plan(self.outputs, self.inputs, self.updates, parts)
        plan_memory(self.plan)
        place_barriers(self.plan.launches)
        for launch in self.plan.launches:
            _lay_out_lists(launch)
        self._workspace = aligned_bytes(self.plan.workspace_bytes)
        self._moves = -1
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Compile the kernels, or load them."""
        with self._lock:
            self._bind()

    def run(self, arrays: Sequence[Array]) -> list[Array]:
        """Run one step."""
        with self._lock:
            if self._moves != Variable.moves:
                self._bind()
            given = [np.ascontiguousarray(array) for array in arrays]
            self._hand_in(given)
            status = self.team.run(self._table, self.plan.parts)
            if status != 0:
                raise ExecutionError(f"A kernel stopped the step with code {status}.")
            return [self._view(operand, given).copy() for operand in self.plan.outputs]

    def describe(self) -> str:
        """The plan as a table: what each launch computes, from what, at what cost."""
        return describe.describe(self.plan)

    def _bind(self) -> None:
        """Write addresses into the table; again whenever a variable has moved."""
        rows: list[tuple[int, int, int]] = []
        self._blocks: list[np.ndarray[Any, Any]] = []
        self._fallbacks: list[Fallback] = []
        self._entries: list[list[tuple[np.ndarray[Any, Any], int]]] = [[] for _ in self.inputs]
        self._given: list[Array] = []
        for launch in self.plan.launches:
            flags = BARRIER if launch.barrier else 0
            if launch.function is not None:
                fallback = Fallback(functools.partial(self._call, launch))
                self._fallbacks.append(fallback)
                rows.append((fallback.address, 0, SERIAL | BARRIER))
                continue
            calls = self._merged(launch.members) if launch.kind is Kind.UPDATE else [launch.arguments]
            address = compiled(launch.source).address
            for number, arguments in enumerate(calls):
                last = number == len(calls) - 1
                rows.append((address, self._block(arguments), flags if last else 0))
        self._table = np.array(rows, np.int64).reshape(-1, 3)
        self._moves = Variable.moves

    def _block(self, arguments: Sequence[int | Operand]) -> int:
        """The argument block of one call; where inputs go is remembered."""
        block = np.zeros(SLOT_WORDS * max(len(arguments), 1), np.int64)
        for slot, argument in enumerate(arguments):
            word = slot * SLOT_WORDS
            if isinstance(argument, int):
                block[word] = argument
                continue
            block[word + 1 : word + 1 + len(argument.shape)] = argument.shape
            if isinstance(argument.buffer.owner, int):
                self._entries[argument.buffer.owner].append((block, word))
            else:
                block[word] = self._address(argument.buffer)
        self._blocks.append(block)
        return block.ctypes.data

    def _address(self, buffer: Buffer) -> int:
        if isinstance(buffer.owner, Variable):
            return buffer.owner.storage.ctypes.data
        if isinstance(buffer.owner, np.ndarray):
            return buffer.owner.ctypes.data
        return self._workspace.ctypes.data + buffer.offset

    def _merged(self, members: list[list[int | Operand]]) -> list[list[int | Operand]]:
        """Join neighbouring members whose memory is contiguous in every list."""
        runs: list[list[int | Operand]] = []
        for member in members:
            if runs and self._follows(runs[-1], member):
                runs[-1] = self._joined(runs[-1], member)
            else:
                runs.append(member)
        return runs

    def _follows(self, run: list[int | Operand], member: list[int | Operand]) -> bool:
        size = run[0]
        assert isinstance(size, int)
        for one, other in zip(run[1:], member[1:], strict=True):
            assert isinstance(one, Operand)
            assert isinstance(other, Operand)
            if one.buffer is other.buffer:
                continue  # shared by all members
            if isinstance(one.buffer.owner, int) or isinstance(other.buffer.owner, int):
                return False
            item = one.buffer.spec.dtype.itemsize
            end = self._address(one.buffer) + -(-size * item // 64) * 64
            if self._address(other.buffer) != end or 64 % item or 64 // item != self._per_line(run):
                return False
        return True

    @staticmethod
    def _per_line(run: list[int | Operand]) -> int:
        """Elements of the first list in a cache line: padding must agree between lists."""
        first = run[1]
        assert isinstance(first, Operand)
        return 64 // first.buffer.spec.dtype.itemsize

    def _joined(self, run: list[int | Operand], member: list[int | Operand]) -> list[int | Operand]:
        line = self._per_line(run)
        size, added = run[0], member[0]
        assert isinstance(size, int)
        assert isinstance(added, int)
        return [-(-size // line) * line + added, *run[1:]]

    def _hand_in(self, arrays: Sequence[Array]) -> None:
        self._given = list(arrays)
        for array, entries in zip(arrays, self._entries, strict=True):
            address = array.ctypes.data if entries else 0
            for block, word in entries:
                block[word] = address

    def _view(self, operand: Operand, given: Sequence[Array]) -> Array:
        """A buffer as an array."""
        buffer = operand.buffer
        if isinstance(buffer.owner, Variable):
            return buffer.owner.storage.reshape(operand.shape)
        if isinstance(buffer.owner, np.ndarray):
            return buffer.owner.reshape(operand.shape)
        if isinstance(buffer.owner, int):
            return given[buffer.owner].reshape(operand.shape)
        memory = self._workspace[buffer.offset : buffer.offset + buffer.bytes]
        return memory.view(buffer.spec.dtype).reshape(operand.shape)

    def _call(self, launch: Launch) -> None:
        assert launch.function is not None
        operands = [argument for argument in launch.arguments if isinstance(argument, Operand)]
        launch.function(*(self._view(operand, self._given) for operand in operands))


def _lay_out_lists(launch: Launch) -> None:
    """Move the variables of each list of an update side by side."""
    if not launch.members:
        return
    for column in list(zip(*launch.members, strict=True))[1:]:
        owners = [argument.buffer.owner for argument in column if isinstance(argument, Operand)]
        variables = [owner for owner in owners if isinstance(owner, Variable)]
        if len(variables) == len(column) > 1:
            lay_out(variables)


class CpuExecutor(Executor):
    """Compiles graphs to plans of fused kernels.

    Args:
        threads: how many threads run a plan; by default as many as there are processors.
        parts: into how many parts each kernel is divided. Results depend on it to the last bit,
            and on nothing else of the machine's size; by default 4, or the next power of two
            from the number of threads.
    """

    name = "cpu"

    def __init__(self, threads: int | None = None, parts: int | None = None) -> None:
        self.threads = default_threads() if threads is None else threads
        self.parts = parts or max(SMALLEST_PARTS, 1 << (self.threads - 1).bit_length())
        self.team = Team(self.threads)

    def compile(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor] = (),
        updates: Mapping[Variable, Tensor] | None = None,
    ) -> CpuProgram:
        """Plan the graph; kernels are compiled at the first run, or loaded from the cache."""
        return CpuProgram(outputs, inputs, updates or {}, self.team, self.parts)

    def settings(self) -> dict[str, int]:
        """The number of parts: with it, the bits do not depend on the number of threads."""
        return {"parts": self.parts}

    def with_settings(self, settings: Mapping[str, int]) -> CpuExecutor:
        """The same with another number of parts; a checkpoint may be of another executor."""
        parts = settings.get("parts", self.parts)
        return self if parts == self.parts else CpuExecutor(self.threads, parts)
