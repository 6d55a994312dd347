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
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from glassgrad.errors import ExecutionError
from glassgrad.execute.cpu import driver
from glassgrad.execute.cpu.addresses import address_of
from glassgrad.execute.cpu.driver import (
    BARRIER,
    FALLBACK_FAILED,
    REPEAT,
    SERIAL,
    compiled_driver,
)
from glassgrad.execute.cpu.threads import ThreadCount, Turn, available_processors

__all__ = ["BARRIER", "REPEAT", "SERIAL", "Fallback", "Pace", "Team"]

Words = npt.NDArray[np.int64]

CALL_SECONDS = 0.05  # how long Ctrl-C may have to wait

# At a barrier: pauses, about 2 us, before a thread does the work of one that has not come, and
# about 50 us before it naps.
PATIENCE, SPINS = 100, 2000
# Without work: pauses, about 200 us, and then naps, about 1 ms, before a worker parks.
IDLE_SPINS, IDLE_NAPS = 8000, 20

# The caller's share of a processor, over so many seconds, below which it works alone for a trial,
# and the share alone that says that the processors are free after all.
WINDOW_SECONDS = 0.02
SUSPICIOUS_SHARE, FREE_SHARE = 0.75, 0.9
# For how long, after a suspicion that was wrong, nothing is suspected; doubled every time.
TRUST_SECONDS, MOST_TRUST_SECONDS = 0.5, 60.0

KERNEL_TYPE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
WAKE_TYPE = ctypes.CFUNCTYPE(None)

_teams: weakref.WeakSet[Team] = weakref.WeakSet()
_this_thread = threading.local()


class Team:
    """Threads that run tables of kernels together; the calling thread is one of them.

    Args:
        threads: How many, the caller included; by default as many as ``set_num_threads`` says.
            With one, there are no other threads at all; and there are never more than
            processors, where they would only take turns.

    Raises:
        ArgumentError: The number is not one from 1 to 1024.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._count = ThreadCount(threads)
        self._crew: _Crew | None = None
        self._turn = Turn()
        self._busy = False
        self._completed = 0
        _teams.add(self)

    def run(
        self,
        table: Words,
        parts: int,
        steps: int = 1,
        status: Words | None = None,
        *,
        most_threads: int | None = None,
        pace: Pace | None = None,
    ) -> int:
        """Run a table of kernels, ``steps`` times.

        Calls from several threads take turns.

        Args:
            table: C-contiguous rows (kernel address, argument address, flags); see `driver`.
            parts: Into how many parts every kernel is divided. It decides the bits of the
                result; the number of threads does not.
            steps: How often the table is run.
            status: The word to which kernels `report`; it is set to 0 first. The argument is
                needed only by tables whose kernels do report.
            most_threads: How many threads are worth meeting for the table; by default all.
            pace: What earlier runs of the table have taught about its speed.

        Returns:
            The status word: 0, or the code with which kernels stopped the run at a barrier.

        Raises:
            Exception: Whatever a `Fallback` of the table raised, after the table has stopped.
        """
        run = _Run(np.zeros(1, np.int64) if status is None else status)
        run.status[0] = 0
        job = _Job(table, parts, run.status, self.threads if most_threads is None else most_threads)
        with self._turn:
            self._run_steps(run, job, (pace or Pace()).calls(steps))
        return run.result()

    @property
    def threads(self) -> int:
        """How many threads there are from the next run on."""
        return self._count.value

    @property
    def completed_steps(self) -> int:
        """How many steps the latest run completed."""
        return self._completed

    def _run_steps(self, run: _Run, job: _Job, calls: Iterator[int]) -> None:
        if self._busy:
            raise ExecutionError("A fallback cannot run a table on the team that runs it.")
        self._completed = 0
        if len(job.table) == 0:
            return
        crew = self._ready_crew()
        self._busy = True
        try:
            with _current(run, crew):
                for steps in calls:
                    self._completed += crew.run(job, steps)
                    if run.status[0] != 0:
                        break
        finally:
            self._busy = False

    def _ready_crew(self) -> _Crew:
        threads = self.threads
        if self._crew is not None and self._crew.threads != threads:
            self._crew.end()
            self._crew = None
        if self._crew is None:
            crew = _Crew(threads)
            crew.end = weakref.finalize(self, crew.dismiss)  # also at the program's end
            crew.hire()
            self._crew = crew
        return self._crew

    def forget_workers(self) -> None:
        """Begin anew: threads do not survive a fork."""
        self._crew = None
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


class Pace:
    """How many steps of a table fit into a call, learnt from the calls before.

    A call begins with what has proved short enough, or with one step, and the next one may have
    twice as many, as long as they take no more than `CALL_SECONDS`.
    """

    def __init__(self) -> None:
        self._most = 1

    def calls(self, steps: int) -> Iterator[int]:
        """Divide the steps into calls; each is made when the next is asked for."""
        while steps > 0:
            count = min(self._most, steps)
            started = time.perf_counter()
            yield count
            self._learn(count, time.perf_counter() - started)
            steps -= count

    def _learn(self, count: int, seconds: float) -> None:
        fitting = int(CALL_SECONDS * count / max(seconds, 1e-9))
        self._most = max(1, min(max(2 * count, self._most), fitting))


class _Job(NamedTuple):
    """A table, and who runs it."""

    table: Words
    parts: int
    status: Words
    most_threads: int


class _Crew:
    """The worker threads, and the block of words through which they are led."""

    end: Callable[[], object]  # dismisses them, once

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.block = _on_cache_line(driver.WORKERS + driver.WORKER_WORDS * threads)
        self._address = self.block.ctypes.data
        self._locks = [threading.Lock() for _ in range(threads)]
        # A builtin method as callback: no signal handler can run inside it and raise.
        self._wakes = [WAKE_TYPE(lock.release) for lock in self._locks]
        self._workers: list[threading.Thread] = []
        self._company = Company()
        self._prepare_block(threads)

    def hire(self) -> None:
        """Start the workers, or as many as the system allows: results are the same."""
        for worker in range(1, min(len(self._locks), available_processors())):
            thread = threading.Thread(
                target=self._serve, args=(worker,), name=f"glassgrad-{worker}", daemon=True
            )
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter is shutting down
                break
            self._workers.append(thread)

    def run(self, job: _Job, steps: int) -> int:
        """Run the table and return the number of completed steps.

        Everything that threads have to agree on happens in one compiled call, so that an
        exception by Ctrl-C comes before it or after it.
        """
        threads = 1 if self._company.alone else min(len(self._workers) + 1, job.most_threads)
        block = self.block
        block[driver.TABLE] = address_of(job.table)
        block[driver.ROWS] = len(job.table)
        block[driver.PARTS] = job.parts
        block[driver.STEPS] = steps
        block[driver.STATUS] = address_of(job.status)
        block[driver.THREADS] = threads
        if self._workers and job.most_threads > 1:
            with self._company.observed():
                compiled_driver().run(self._address)
        else:
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
        self._workers.clear()

    def _prepare_block(self, threads: int) -> None:
        self.block[driver.MEMBERS] = threads
        self.block[driver.PATIENCE] = PATIENCE
        self.block[driver.SEGMENT] = -1
        self.block[driver.SPINS] = SPINS
        self.block[driver.IDLE_SPINS] = IDLE_SPINS
        self.block[driver.IDLE_NAPS] = IDLE_NAPS
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


class Company:
    """Whether the workers should take part: not while others compute on the same processors.

    A thread that the system interrupts in the midst of its work keeps all others waiting for
    milliseconds. The caller sees that it gets too little of a processor. It could also be that
    the work is uneven and it waits for that, so it works alone for a while: if it still does not
    have a processor for itself, the processors are crowded, and alone is faster.

    Attributes:
        alone: Whether the caller should do everything itself.
    """

    def __init__(self) -> None:
        self.alone = False
        self._suspected = False  # alone, and not known yet whether rightly
        self._trust = TRUST_SECONDS
        self._trusted_until = 0.0
        self._elapsed = self._computed = 0.0

    @contextlib.contextmanager
    def observed(self) -> Iterator[None]:
        """Take note of a call: how long it took, and for how long this thread computed."""
        started, computed = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            computed = time.thread_time() - computed
            self.note(time.perf_counter(), time.perf_counter() - started, computed)

    def note(self, now: float, elapsed: float, computed: float) -> None:
        """Take note of a call that ended now: the seconds it took, and those of computation."""
        self._elapsed += elapsed
        self._computed += computed
        if self._elapsed >= WINDOW_SECONDS:
            self._judge(now, self._computed / self._elapsed)
            self._elapsed = self._computed = 0.0

    def _judge(self, now: float, share: float) -> None:
        if not self.alone:
            self.alone = self._suspected = share < SUSPICIOUS_SHARE and now >= self._trusted_until
        elif share >= FREE_SHARE:
            self.alone = False
            if self._suspected:  # wrongly: the work is uneven
                self._trusted_until = now + self._trust
                self._trust = min(2 * self._trust, MOST_TRUST_SECONDS)
        else:
            self._suspected = False
            self._trust = TRUST_SECONDS


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
