"""Processes that work off a list: results, deaths, and an end that leaves nobody behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time

from glassgrad.lens.comparing.workers import Died, work_off

LONG = 60


def test_results_deaths_signals_and_leaving_early() -> None:
    """In one test, because processes take a while to start."""
    tasks = [time.sleep, abs, os.abort, signal.raise_signal, float]  # pickled by name
    results = work_off(tasks, _do, ("one",), processes=2)
    found = [next(results) for _ in range(3)]
    assert found == [
        (abs, "one abs"),
        (os.abort, Died(-signal.SIGABRT)),
        (signal.raise_signal, "one raise_signal"),  # Ctrl-C is not for them
    ]
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < LONG / 10
    assert multiprocessing.active_children() == []


def _do(task: object, shared: str) -> str:
    if task is time.sleep:
        time.sleep(LONG)  # it never wakes: who leaves early ends those at work
    if task is os.abort:
        os.abort()
    if task is signal.raise_signal:
        signal.raise_signal(signal.SIGINT)
    return f"{shared} {getattr(task, '__name__', '')}"
