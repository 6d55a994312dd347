"""Processes that work through jobs side by side; one that takes too long is replaced."""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.faults.examining import Job, carry_out, failed

__all__ = ["work_through"]

_ALONE = {"GLASSGRAD_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def work_through(
    jobs: Iterable[Job], processes: int = 2, limit: float = 120.0
) -> Iterator[dict[str, Any]]:
    """The answers to all jobs, in the order in which they come.

    Args:
        jobs: what is to be done.
        processes: how many work at a time, each with one thread.
        limit: seconds that a job may take; its process is ended then, and the answer says so.

    Returns:
        An iterator of answers: those of `carry_out`, or of its failure.
    """
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    count = 0
    for job in jobs:
        waiting.put(job)
        count += 1
    answers: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    os.environ.update(_ALONE)  # what a spawned process begins with
    for _ in range(min(processes, count)):
        threading.Thread(target=_lead, args=(waiting, answers, limit), daemon=True).start()
    for _ in range(count):
        yield answers.get()


def _lead(
    waiting: queue.SimpleQueue[Job], answers: queue.SimpleQueue[dict[str, Any]], limit: float
) -> None:
    """Hand jobs to one process until none is left."""
    worker = _Worker()
    while True:
        try:
            job = waiting.get_nowait()
        except queue.Empty:
            worker.end()
            return
        answer = worker.ask(job, limit)
        if answer is None:
            worker.end()
            worker = _Worker()
            answer = failed(job, f"No answer within {limit:g} s, or the process died.")
        answers.put(answer)


class _Worker:
    """A process that answers."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other,), daemon=True)
        self._process.start()
        other.close()

    def ask(self, job: Job, limit: float) -> dict[str, Any] | None:
        """The answer, or none within the limit."""
        try:
            self._line.send(job)
            return self._line.recv() if self._line.poll(limit) else None
        except (EOFError, OSError):
            return None

    def end(self) -> None:
        """Stop the process, whatever it does."""
        self._process.kill()
        self._process.join()
        self._line.close()


def _serve(line: Connection[dict[str, Any], Job]) -> None:
    """In the process: answer until there is nobody to ask."""
    while True:
        try:
            job = line.recv()
        except EOFError:
            return
        line.send(carry_out(job))
