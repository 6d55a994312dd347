"""The CPU executor: a graph becomes a plan, the plan a table that the team of threads runs."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from glassgrad.errors import ExecutionError
from glassgrad.execute.cpu import describe
from glassgrad.execute.cpu.addresses import ALIGNMENT, address_of, aligned_bytes, is_side_by_side
from glassgrad.execute.cpu.compiler import Kernel, compile_source
from glassgrad.execute.cpu.costs import costs_of, threads_worth_meeting
from glassgrad.execute.cpu.driver import DONE, compiled_driver
from glassgrad.execute.cpu.fuse import Kind
from glassgrad.execute.cpu.kernels.work import raise_complaint
from glassgrad.execute.cpu.launches import Argument, Buffer, Launch, Loop, Operand, Section
from glassgrad.execute.cpu.memory import lay_out, place_barriers, plan_memory
from glassgrad.execute.cpu.plan import make_plan
from glassgrad.execute.cpu.profile import Profile, Timing, measured
from glassgrad.execute.cpu.team import BARRIER, REPEAT, SERIAL, Fallback, Pace, Team
from glassgrad.execute.cpu.threads import Turn, default_threads
from glassgrad.execute.cpu.views import SLOT_WORDS
from glassgrad.execute.executor import Executor, Program
from glassgrad.graph import Tensor, Variable, placeholder
from glassgrad.graph.operation import Array

__all__ = ["CpuExecutor", "CpuProgram"]

SMALLEST_PARTS = 4

PEAK_SIZES = (512, 1024)
"""Rows and columns of the matrices whose product is the peak that others are compared with."""

LARGEST_COPIED = 16 * 1024
"""Inputs up to so many bytes are copied: that takes less time than to write their address."""

PADDING = [(0,) * (SLOT_WORDS - length) for length in range(SLOT_WORDS + 1)]
"""What fills a slot after so many words."""

Words = npt.NDArray[np.int64]


@functools.cache
def compiled(source: str) -> Kernel:
    """The kernel of a source text, compiled or loaded once in a process."""
    return compile_source(source, "kernel")


class CpuProgram(Program):
    """A plan with memory, compiled kernels and the table that leads the threads.

    ``turn`` is the lock of the executor: its programs share threads, and a program that is
    being made may move variables that another one uses.
    """

    def __init__(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor],
        updates: Mapping[Variable, Tensor],
        executor: CpuExecutor,
    ) -> None:
        super().__init__(outputs, inputs, updates)
        self.team, self._turn = executor.team, executor.turn
        self._executor = executor
        self.plan = make_plan(
            self.outputs, self.inputs, self.updates, executor.parts, executor.exact
        )
        place_barriers(self.plan.launches)
        plan_memory(self.plan)
        with self._turn:
            for launch in self.plan.launches:
                _lay_out_lists(launch)
        self._workspace = aligned_bytes(self.plan.workspace_bytes)
        self._workspace_begin = address_of(self._workspace)
        self._given: list[Array] = [_staging(buffer) for buffer in self.plan.inputs]
        self._pace = Pace()
        self._most_threads = threads_worth_meeting(self.plan)
        self._moves = -1
        self._places: list[tuple[Variable, Array]] = []

    def prepare(self) -> None:
        """Compile the kernels and what drives them, or load them."""
        compiled_driver()
        with self._turn:
            self._bind_again()

    def run(self, arrays: Sequence[Array], times: int = 1) -> list[Array]:
        """Run the step, all times in one call of the team."""
        with self._turn:
            if self._moves != Variable.moves:
                self._bind_again()
            self._hand_in(arrays)
            status = self._run_whole_table(times)
            if status != 0:
                raise_complaint(self.plan.complaints, status)
                raise ExecutionError(f"A kernel stopped the step with code {status}.")
            return [
                (self._view(operand) if view is None else view).copy()
                for operand, view in zip(self.plan.outputs, self._results, strict=True)
            ]

    def _run_whole_table(self, times: int) -> int:
        """Run the step; a loop that was left in its midst begins anew the next time."""
        ended_well = False
        try:
            status = self._run_rows(self._table, times, self._pace)
            ended_well = status == 0
        finally:
            if self._loops and not ended_well:
                self._moves = -1
        return status

    def describe(self) -> str:
        """The plan as a table: what each launch computes, from what, at what cost."""
        return describe.describe(self.plan)

    def profile(self, *arrays: Any) -> Profile:
        """Measure a step, and each of its launches alone; ``print`` shows the tables.

        Every launch is repeated until the clock can tell, on what the launches before it left
        behind. All variables keep their values.

        Args:
            arrays: as for a step.

        Returns:
            Seconds, floating-point operations and bytes of every launch, kind and layer, of the
            step as a whole, and the peak: the fastest of several large float32 products on the
            same threads.

        Raises:
            ExecutionError: a kernel stopped the step.

        Example:
            >>> from glassgrad.execute.cpu.program import CpuExecutor
            >>> from glassgrad.graph import placeholder
            >>> x = placeholder((64, 32))
            >>> profile = CpuExecutor(threads=1).compile([x @ x.T], [x]).profile(np.ones((64, 32)))
            >>> [timing.kind for timing in profile.timings]
            ['kernel', 'product']
        """
        step = self._seconds_of_step(arrays)
        call = self._measured(arrays, lambda times: [self(*arrays) for _ in range(times)])
        timings = [
            Timing(launch.kind.value, launch.layer, cost.flop, cost.moved, seconds)
            for launch, cost, seconds in zip(
                self.plan.launches,
                costs_of(self.plan),
                self._seconds_of_launches(arrays),
                strict=True,
            )
        ]
        return Profile(timings, step, call, self._peak())

    def _peak(self) -> float:
        """Operations a second of the fastest large product, in either layout."""
        rates = []
        for size in PEAK_SIZES:
            a, b = (placeholder((size, size), "float32") for _ in range(2))
            ones = np.ones(a.shape, np.float32)
            for product in (a @ b, a @ b.T, a.T @ b):
                program = CpuProgram([product], [a, b], {}, self._executor)
                flop = sum(cost.flop for cost in costs_of(program.plan))
                rates.append(flop / program._seconds_of_step([ones, ones]))
        return max(rates)

    def _seconds_of_step(self, arrays: Sequence[Any]) -> float:
        return self._measured(arrays, functools.partial(self._repeat, slice(None)))

    def _seconds_of_launches(self, arrays: Sequence[Any]) -> list[float]:
        with self._turn, self._kept_variables():
            self(*arrays)
            return [
                self._seconds_of_launch(launch, rows)
                for launch, rows in zip(self.plan.launches, self._rows, strict=True)
            ]

    def _seconds_of_launch(self, launch: Launch, rows: slice) -> float:
        """In all steps of its loop, each of which takes as long as the first."""
        if launch.kind is Kind.REPEAT:
            return 0.0
        return launch.repeats * measured(functools.partial(self._repeat, rows))

    def _measured(self, arrays: Sequence[Any], run: Callable[[int], object]) -> float:
        """Seconds of one repeat, after a first step that may have to compile."""
        with self._turn, self._kept_variables():
            self(*arrays)
            return measured(run)

    @contextlib.contextmanager
    def _kept_variables(self) -> Iterator[None]:
        kept = [(variable, variable.storage.copy()) for variable in self.updates]
        try:
            yield
        finally:
            for variable, value in kept:
                variable.storage[...] = value

    def _repeat(self, rows: slice, times: int) -> None:
        """Run one launch again; its inputs are where the step left them."""
        self._run_rows(self._table[rows], times)

    def _run_rows(self, table: Words, times: int, pace: Pace | None = None) -> int:
        parts, status = self.plan.parts, self.plan.status
        return self.team.run(
            table, parts, times, status, most_threads=self._most_threads, pace=pace
        )

    # ---- the table

    def _bind_again(self) -> None:
        """Write addresses into the table, unless only the variables of others have moved."""
        if self._moves < 0 or any(v.storage is not storage for v, storage in self._places):
            self._bind()
        self._moves = Variable.moves

    def _bind(self) -> None:
        owners = [buffer.owner for buffer in self.plan.buffers]
        self._places = [(o, o.storage) for o in owners if isinstance(o, Variable)]
        self._fallbacks: list[Fallback] = []
        self._entries: list[list[tuple[int, int]]] = [[] for _ in self.inputs]
        self._loops: dict[Loop, int] = {}  # the place of the words of each
        moving: dict[Loop, list[tuple[int, int, int]]] = {}
        begins: dict[Loop, int] = {}
        rows: list[tuple[int, int, int]] = []
        self._rows: list[slice] = []
        words: list[int] = []
        for launch in self.plan.launches:
            flags, first = BARRIER if launch.barrier else 0, len(rows)
            for loop in _loops_around(launch):
                begins.setdefault(loop, first)
            if launch.kind is Kind.REPEAT:
                assert launch.loop is not None
                self._loops[launch.loop] = len(words)
                rows.append((0, len(words), REPEAT | BARRIER))
                words += _words_of_loop(launch.loop, begins[launch.loop], moving, len(words))
                self._rows.append(slice(first, len(rows)))
                continue
            if launch.function is not None:
                fallback = Fallback(functools.partial(self._call, launch))
                self._fallbacks.append(fallback)
                rows.append((fallback.address, 0, SERIAL | BARRIER))
                self._rows.append(slice(first, len(rows)))
                continue
            calls = self._merged(launch) if launch.is_merged else launch.calls
            address = compiled(launch.source).address
            starts = [self._write(arguments, words, moving) for arguments in calls]
            rows += [(address, start, 0) for start in starts[:-1]]
            rows.append((address, starts[-1], flags))
            self._rows.append(slice(first, len(rows)))
        self._words = np.array(words or [0], np.int64)
        self._table = np.array(rows, np.int64).reshape(-1, 3)
        self._table[:, 1] = address_of(self._words) + self._words.itemsize * self._table[:, 1]
        self._slots = [
            np.array(entries, np.intp).reshape(-1, 2).T.copy() for entries in self._entries
        ]
        self._results = [
            self._view(operand) if operand.buffer.is_workspace else None
            for operand in self.plan.outputs
        ]

    def _write(
        self,
        arguments: Sequence[Argument],
        words: list[int],
        moving: dict[Loop, list[tuple[int, int, int]]],
    ) -> int:
        """Append the argument block of one call, and say where it begins.

        ``moving`` gains the words that move with a loop, and by how much.
        """
        begin = len(words)
        for argument in arguments:
            if isinstance(argument, int):
                slot: tuple[int, ...] = (argument,)
            else:
                buffer, shape = argument
                slot = (self._address(buffer), *shape)
                start = 0
                while isinstance(buffer.owner, Section):
                    section = buffer.owner
                    if section.loop is not None and any(section.moves):
                        moving.setdefault(section.loop, []).append((len(words), *section.moves))
                    buffer, start = section.of, start + section.start
                if isinstance(buffer.owner, int):
                    self._entries[buffer.owner].append((len(words), start))
            words += slot
            words += PADDING[len(slot)]
        return begin

    def _memory(self, buffer: Buffer) -> Array:
        """The array in which the elements of a buffer lie."""
        if isinstance(buffer.owner, Variable):
            return buffer.owner.storage
        if isinstance(buffer.owner, np.ndarray):
            return buffer.owner
        if isinstance(buffer.owner, int):
            return self._given[buffer.owner]
        if isinstance(buffer.owner, Section):
            start = buffer.owner.start_at(self._steps_done(buffer.owner.loop))
            whole = self._memory(buffer.owner.of).reshape(-1).view(np.uint8)
            return whole[start : start + buffer.bytes].view(buffer.spec.dtype)
        memory = self._workspace[buffer.offset : buffer.offset + buffer.bytes]
        return memory.view(buffer.spec.dtype)

    def _address(self, buffer: Buffer) -> int:
        if buffer.is_workspace:
            return self._workspace_begin + buffer.offset
        if isinstance(buffer.owner, Section):
            return self._address(buffer.owner.of) + buffer.owner.start
        return address_of(self._memory(buffer))

    def _steps_done(self, loop: Loop | None) -> int:
        """How far a loop has come in the step that is running."""
        return 0 if loop is None else int(self._words[self._loops[loop] + DONE])

    def _view(self, operand: Operand) -> Array:
        """A buffer as an array."""
        return self._memory(operand.buffer).reshape(operand.shape)

    # ---- lists that lie side by side

    def _merged(self, launch: Launch) -> list[list[Argument]]:
        """Join neighbouring members whose memory is contiguous in every list."""
        runs: list[list[Argument]] = []
        latest: list[Argument] = []
        for member in launch.calls:
            if runs and self._follows(latest, member, launch.walked):
                runs[-1][0] = _joined_size(runs[-1], member, launch.walked)
            else:
                runs.append(list(member))
            latest = member
        return runs

    def _follows(self, one: list[Argument], other: list[Argument], walked: range) -> bool:
        """Whether each of a member's arrays lies behind the one of the member before."""
        pairs = [(_buffer_of(one[slot]), _buffer_of(other[slot])) for slot in walked]
        lengths = {before.spec.dtype.itemsize for before, _ in pairs}
        return len(lengths) == 1 and all(self._is_behind(*pair) for pair in pairs)

    def _is_behind(self, before: Buffer, after: Buffer) -> bool:
        if before.is_workspace and after.is_workspace:
            return after.offset == before.offset + before.padded_bytes
        if isinstance(before.owner, Variable) and isinstance(after.owner, Variable):
            return is_side_by_side(before.owner.storage, after.owner.storage)
        return False

    # ---- a step

    def _hand_in(self, arrays: Sequence[Array]) -> None:
        """Copy small inputs to where the kernels look; tell them where the large ones are."""
        for number, array in enumerate(arrays):
            if array.nbytes <= LARGEST_COPIED:
                self._given[number][...] = array
                continue
            flags = array.flags
            if not (flags.c_contiguous and flags.aligned):
                array = np.array(array, order="C")
            self._given[number] = array
            slots, starts = self._slots[number]
            self._words[slots] = address_of(array) + starts

    def _call(self, launch: Launch) -> None:
        """Call an operation that has no kernel; what it only reads it cannot change."""
        assert launch.function is not None
        written = set(launch.writes)
        arrays = []
        for argument in launch.calls[0]:
            assert isinstance(argument, Operand)
            view = self._view(argument)[...]
            view.flags.writeable = argument.buffer in written
            arrays.append(view)
        launch.function(*arrays)


def _loops_around(launch: Launch) -> Iterator[Loop]:
    loop = launch.loop
    while loop is not None:
        yield loop
        loop = loop.outer


def _words_of_loop(
    loop: Loop, begin: int, moving: Mapping[Loop, Sequence[tuple[int, int, int]]], place: int
) -> list[int]:
    """The words by which the driver runs a loop, as it wants them at this place."""
    moves = moving.get(loop, ())
    entries = [number for word, *by in moves for number in (word - place, *by)]
    return [0, loop.length, begin, len(moves), *entries]


def _staging(buffer: Buffer) -> Array:
    """Memory for an input; a large one is used where the caller has it."""
    if buffer.bytes > LARGEST_COPIED:
        return np.zeros(0, buffer.spec.dtype)
    return aligned_bytes(buffer.bytes).view(buffer.spec.dtype).reshape(buffer.spec.shape)


def _buffer_of(argument: Argument) -> Buffer:
    assert isinstance(argument, Operand)
    return argument.buffer


def _joined_size(run: list[Argument], member: list[Argument], walked: range) -> int:
    """The elements of a run with one more member, each but the last padded to a cache line."""
    line = ALIGNMENT // _buffer_of(member[walked[0]]).spec.dtype.itemsize
    size, added = run[0], member[0]
    assert isinstance(size, int)
    assert isinstance(added, int)
    return -(-size // line) * line + added


def _lay_out_lists(launch: Launch) -> None:
    """Move the variables of each list of an update side by side."""
    for slot in launch.walked:
        owners = [_buffer_of(call[slot]).owner for call in launch.calls]
        variables = [owner for owner in owners if isinstance(owner, Variable)]
        if len(variables) == len(owners) > 1:
            lay_out(variables)


class CpuExecutor(Executor):
    """Compiles graphs to plans of fused kernels.

    Args:
        threads: how many threads run a plan; by default as many as ``set_num_threads`` says.
        parts: into how many parts each kernel is divided. Results depend on it to the last bit,
            and on nothing else of the machine's size; by default 4, or the next power of two
            from the number of threads.
        exact: whether convolutions compute each sum as it is written. By default those of three
            by three places take a quarter of the multiplications, by Winograd's tiles, with
            rounding errors some times as large; ``GLASSGRAD_EXACT=1`` changes the default.

    Raises:
        ArgumentError: the number of threads is not one from 1 to 1024.
    """

    name = "cpu"

    def __init__(
        self, threads: int | None = None, parts: int | None = None, exact: bool | None = None
    ) -> None:
        self._own_threads = threads
        self.exact = os.environ.get("GLASSGRAD_EXACT", "0") != "0" if exact is None else exact
        self.team = Team(threads)
        least = threads or default_threads()  # what is set later must not change the bits
        self.parts = parts or max(SMALLEST_PARTS, 1 << (least - 1).bit_length())
        self.turn = Turn()

    def compile(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor] = (),
        updates: Mapping[Variable, Tensor] | None = None,
    ) -> CpuProgram:
        """Plan the graph; kernels are compiled at the first run, or loaded from the cache."""
        return CpuProgram(outputs, inputs, updates or {}, self)

    @property
    def threads(self) -> int:
        """How many threads run a plan now."""
        return self.team.threads

    def settings(self) -> dict[str, int]:
        """What the bits depend on: the number of parts (not of threads), and exact sums."""
        return {"parts": self.parts, **({"exact": 1} if self.exact else {})}

    def with_settings(self, settings: Mapping[str, int]) -> CpuExecutor:
        """The same with another number of parts; a checkpoint may be of another executor."""
        parts, exact = settings.get("parts", self.parts), bool(settings.get("exact", 0))
        if (parts, exact) == (self.parts, self.exact):
            return self
        return CpuExecutor(self._own_threads, parts, exact)
