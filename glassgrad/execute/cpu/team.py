"""A team of threads that runs plans.

The workers are Python threads that spend their life inside the compiled `driver`, without the
GIL. They start at the first run. Between runs they wait for a moment, so that a training loop
finds them ready, and park then: an idle program uses no processor.

    team = Team(2)
    team.run(table, parts=2)                  # once
    team.run(table, parts=2, steps=1000)      # Ctrl-C still comes through
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from glassgrad.errors import ArgumentError, ExecutionError
from glassgrad.execute.cpu import driver
from glassgrad.execute.cpu.addresses import address_of
from glassgrad.execute.cpu.driver import BARRIER, FALLBACK_FAILED, SERIAL, compiled_driver
from glassgrad.execute.cpu.threads import available_processors

__all__ = ["BARRIER", "SERIAL", "Fallback", "Team"]

Words = npt.NDArray[np.int64]

CALL_SECONDS = 0.05  # how long Ctrl-C may have to wait

# At a barrier: pauses, about 50 us, before a thread naps. Where there are more threads than
# processors, it soon lets others have the processor, and naps only after many turns.
SPINS, YIELDS = 2000, 0
CROWDED_SPINS, CROWDED_YIELDS = 10, 10_000
# Without work: pauses, about 200 us, and then naps, about 1 ms, before a worker parks.
IDLE_SPINS, IDLE_NAPS = 8000, 20

KERNEL_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
WAKE_TYPE = ctypes.CFUNCTYPE(None)

_teams: weakref.WeakSet[Team] = weakref.WeakSet()
_this_thread = threading.local()


class Team:
    """Threads that run tables of kernels together; the calling thread is one of them.

    Args:
        threads: How many, the caller included. With one, there are no other threads at all.
    """

    def __init__(self, threads: int) -> None:
        if threads < 1:
            raise ArgumentError(f"A team needs at least 1 thread. Got {threads} instead.")
        self.threads = threads
        self._crew: _Crew | None = None
        self._lock = threading.RLock()
        self._busy = False
        self._completed = 0
        _teams.add(self)

    def run(self, table: Words, parts: int, steps: int = 1, status: Words | None = None) -> int:
        """Run a table of kernels, ``steps`` times.

        Calls from several threads take turns.

        Args:
            table: C-contiguous rows (kernel address, argument address, flags); see `driver`.
            parts: Into how many parts every kernel is divided. It decides the bits of the
                result; the number of threads does not.
            steps: How often the table is run.
            status: The word to which kernels `report`; it is set to 0 first. The argument is
                needed only by tables whose kernels do report.

        Returns:
            The status word: 0, or the code with which kernels stopped the run at a barrier.

        Raises:
            Exception: Whatever a `Fallback` of the table raised, after the table has stopped.
        """
        run = _Run(np.zeros(1, np.int64) if status is None else status)
        run.status[0] = 0
        with self._lock:
            self._run_steps(run, table, parts, steps)
        return run.result()

    @property
    def completed_steps(self) -> int:
        """How many steps the latest run completed."""
        return self._completed

    def _run_steps(self, run: _Run, table: Words, parts: int, steps: int) -> None:
        if self._busy:
            raise ExecutionError("A fallback cannot run a table on the team that runs it.")
        self._completed = 0
        if len(table) == 0:
            return
        crew = self._ready_crew()
        self._busy = True
        try:
            with _current(run, crew):
                for count in _chunks(steps):
                    self._completed += crew.run(table, parts, count, run.status)
                    if run.status[0] != 0:
                        break
        finally:
            self._busy = False

    def _ready_crew(self) -> _Crew:
        if self._crew is None:
            crew = _Crew(self.threads)
            weakref.finalize(self, crew.dismiss)  # also at the program's end
            crew.hire()
            self._crew = crew
        return self._crew

    def forget_workers(self) -> None:
        """Begin anew: threads do not survive a fork, and locks may be held by those lost."""
        self._crew = None
        self._lock = threading.RLock()
        self._busy = False


class Fallback:
    """A Python function as a kernel, for rows with the flags `SERIAL` and `BARRIER`.

    It is called for part 0 only, on the thread that runs the table. When it raises, the rows
    after the next barrier are skipped, and `Team.run` raises its exception.

    Attributes:
        address: The kernel's address for the table; valid as long as this object lives.
    """

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._callback = KERNEL_TYPE(self._call)
        self.address: int = ctypes.cast(self._callback, ctypes.c_void_p).value or 0

    def _call(self, part: int, _parts: int, _arguments: int | None) -> None:
        if part != 0:
            return
        run: _Run = _this_thread.run
        try:
            if run.error is None:
                self._function()
                _this_thread.crew.block[driver.PENDING] = 0
        except BaseException as error:  # noqa: BLE001  # carried across the compiled frames
            run.error = error


class _Run:
    """What one call of `Team.run` knows."""

    def __init__(self, status: Words) -> None:
        self.status = status
        self.error: BaseException | None = None

    def result(self) -> int:
        if self.error is not None:
            raise self.error
        if self.status[0] == FALLBACK_FAILED:  # the callback was interrupted before its `try`
            raise KeyboardInterrupt
        return int(self.status[0])


class _Crew:
    """The worker threads, and the block of words through which they are led."""

    def __init__(self, threads: int) -> None:
        self.block = _on_cache_line(driver.WORKERS + driver.WORKER_WORDS * threads)
        self._address = self.block.ctypes.data
        self._locks = [threading.Lock() for _ in range(threads)]
        # A builtin method as callback: no signal handler can run inside it and raise.
        self._wakes = [WAKE_TYPE(lock.release) for lock in self._locks]
        self._workers: list[threading.Thread] = []
        self._prepare_block(threads)

    def hire(self) -> None:
        """Start the workers, or as many as the system allows: results are the same."""
        for worker in range(1, len(self._locks)):
            thread = threading.Thread(
                target=self._serve, args=(worker,), name=f"glassgrad-{worker}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter is shutting down
                break
            self._workers.append(thread)
            self.block[driver.THREADS] = worker + 1

    def run(self, table: Words, parts: int, steps: int, status: Words) -> int:
        """Run the table and return the number of completed steps.

        Everything that threads have to agree on happens in one compiled call, so that an
        exception by Ctrl-C comes before it or after it.
        """
        block = self.block
        block[driver.TABLE] = address_of(table)
        block[driver.ROWS] = len(table)
        block[driver.PARTS] = parts
        block[driver.STEPS] = steps
        block[driver.STATUS] = address_of(status)
        block[driver.COMPLETED] = 0
        compiled_driver().run(self._address)
        return int(block[driver.COMPLETED])

    def dismiss(self) -> None:
        """End the workers. The caller can still run tables, alone."""
        if not self._workers:
            return
        compiled_driver().dismiss(self._address)
        for thread in self._workers:
            if thread is not threading.current_thread():
                thread.join()
        self.block[driver.THREADS] = 1

    def _prepare_block(self, threads: int) -> None:
        self.block[driver.THREADS] = 1
        crowded = threads > available_processors()
        self.block[driver.SPINS] = CROWDED_SPINS if crowded else SPINS
        self.block[driver.YIELDS] = CROWDED_YIELDS if crowded else YIELDS
        self.block[driver.IDLE_SPINS] = CROWDED_SPINS if crowded else IDLE_SPINS
        self.block[driver.IDLE_NAPS] = IDLE_NAPS
        self.block[driver.MAY_MOVE] = not crowded
        wakes = self.block[driver.WORKERS + driver.WAKE :: driver.WORKER_WORDS]
        wakes[:] = [ctypes.cast(wake, ctypes.c_void_p).value or 0 for wake in self._wakes]

    def _serve(self, worker: int) -> None:
        serve = compiled_driver().serve
        lock = self._locks[worker]
        lock.acquire()
        ticket = 0
        while (result := serve(self._address, worker, ticket)) != driver.STOP:
            if result == driver.MOVE:
                self._move(worker)
            else:
                ticket = result
                lock.acquire()  # parked, until the caller releases it

    def _move(self, worker: int) -> None:
        """Leave the processors of the threads before this one; be free to move again after."""
        processors = self.block[driver.WORKERS + driver.PROCESSOR :: driver.WORKER_WORDS]
        allowed = os.sched_getaffinity(0)
        if others := allowed - set(processors[:worker].tolist()):
            os.sched_setaffinity(0, others)
            os.sched_setaffinity(0, allowed)


def _chunks(steps: int) -> Iterator[int]:
    """Divide the steps into calls of at most `CALL_SECONDS`, judged by those before."""
    count = 1
    while steps > 0:
        count = min(count, steps)
        started = time.perf_counter()
        yield count
        step_seconds = (time.perf_counter() - started) / count
        steps -= count
        count = max(1, min(2 * count, int(CALL_SECONDS / max(step_seconds, 1e-9))))


@contextlib.contextmanager
def _current(run: _Run, crew: _Crew) -> Iterator[None]:
    """Let the fallbacks on this thread find the run and the crew that they belong to."""
    before = dict(_this_thread.__dict__)
    _this_thread.run, _this_thread.crew = run, crew
    try:
        yield
    finally:
        _this_thread.__dict__.clear()
        _this_thread.__dict__.update(before)


def _on_cache_line(words: int) -> Words:
    """Zeros that begin on a boundary of 64 bytes."""
    raw = np.zeros(words + 8, np.int64)
    start = -raw.ctypes.data % 64 // 8
    return raw[start : start + words]


def _forget_all_workers() -> None:
    for team in list(_teams):
        team.forget_workers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all_workers)
