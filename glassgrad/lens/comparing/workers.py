"""Several processes that work off a list, each with one thread; one that dies harms no other.

Processes are started anew, never forked. They ignore Ctrl-C, which is for the one that started
them: it stops them, and they end as well when it is gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

__all__ = ["Died", "work_off"]

Task = TypeVar("Task")
Result = TypeVar("Result")

ONE_THREAD = {"GLASSGRAD_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
PATIENCE = 5.0  # seconds for a process to end


@dataclass(frozen=True)
class Died:
    """In the place of a result: the process ended before there was one.

    Args:
        exit_code: as the system tells it; minus the number of the signal that killed it.
    """

    exit_code: int | None


@dataclass
class _Worker(Generic[Task]):
    process: BaseProcess
    connection: Connection
    task: Task | None = None

    def begin(self, task: Task) -> None:
        self.task = task
        with contextlib.suppress(OSError):  # it has died meanwhile, which the wait for it tells
            self.connection.send(task)


def work_off(
    tasks: Sequence[Task],
    work: Callable[..., Result],
    shared: tuple[Any, ...] = (),
    processes: int = 1,
) -> Generator[tuple[Task, Result | Died], None, None]:
    """Do tasks side by side, and give each with its result as soon as it is there.

    Where the caller stops listening, or Ctrl-C comes, the processes are stopped.

    Args:
        tasks: what can be pickled.
        work: a function of a module; it gets a task and what is shared, and raises nothing.
        shared: what every process is given once.
        processes: how many there are.
    """
    waiting = list(reversed(tasks))
    workers: list[_Worker[Task]] = []
    try:
        while waiting or workers:
            while waiting and len(workers) < processes:
                workers.append(_started(work, shared))
                workers[-1].begin(waiting.pop())
            ready = wait([worker.connection for worker in workers])
            for worker in [one for one in workers if one.connection in ready]:
                yield _finished(worker), _result(worker)
                if worker.process.is_alive() and waiting:
                    worker.begin(waiting.pop())
                else:
                    workers.remove(worker)
                    _ended(worker)
    finally:
        for worker in workers:
            worker.process.kill()
            _ended(worker)


def _finished(worker: _Worker[Task]) -> Task:
    if worker.task is None:
        raise RuntimeError("A process gave a result without a task.")
    return worker.task


def _result(worker: _Worker[Any]) -> Any:
    try:
        return worker.connection.recv()
    except (EOFError, OSError):
        worker.process.join(PATIENCE)
        return Died(worker.process.exitcode)


def _ended(worker: _Worker[Any]) -> None:
    worker.connection.close()  # which ends it, where it waits for a task
    worker.process.join(PATIENCE)


def _started(work: Callable[..., Any], shared: tuple[Any, ...]) -> _Worker[Any]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, work, shared), daemon=True)
    with _environment(ONE_THREAD), _without_interrupts():
        process.start()
    theirs.close()
    return _Worker(process, ours)


def _serve(connection: Connection, work: Callable[..., Any], shared: tuple[Any, ...]) -> None:
    """What a process does: one task after the other, until nobody is there any more."""
    while True:
        try:
            connection.send(work(connection.recv(), *shared))
        except (EOFError, OSError):
            return


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """A process that is started here ignores Ctrl-C from its first moment on."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
