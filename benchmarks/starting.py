"""What it takes to begin: time to the first step, and memory, each in a fresh process."""

from __future__ import annotations

import tempfile
import time
from typing import Any

from benchmarks.cases import Case
from benchmarks.contestants import CONTESTANTS, Contestant
from benchmarks.processes import Process, WorkerError

__all__ = ["first_step", "first_steps", "memory"]

TRIALS = 3


def first_steps(name: str, case: Case, trials: int = TRIALS) -> dict[str, Any]:
    """Seconds from the start of a process to the end of its first pass through the batches.

    Args:
        name: the contestant.
        case: what it trains.
        trials: how often with a warm cache.

    Returns:
        "warm": the seconds of each trial; "cold": those with an empty folder for compiled code,
        for contestants that keep such a folder; or "error".
    """
    contestant = CONTESTANTS[name]
    try:
        with tempfile.TemporaryDirectory() as folder:
            cold = first_step(contestant, case, folder) if contestant.cache else None
            # The folder that the cold process has filled is warm now, whatever the user's is.
            warm = [first_step(contestant, case, folder) for _ in range(trials)]
        return {"cold": cold, "warm": warm}
    except WorkerError as error:
        return {"error": str(error)}


def first_step(contestant: Contestant, case: Case, folder: str) -> float:
    """One trial, with a folder for compiled code."""
    if contestant.cache == "CACHEDB":  # the only one that wants a file
        folder += "/cache.db"
    settings = {contestant.cache: folder} if contestant.cache else {}
    begin = time.perf_counter()
    with Process(contestant, **settings) as process:
        process.build(case)
        process.run(case.batches)
        return time.perf_counter() - begin


def memory(name: str, case: Case, steps: int) -> dict[str, Any]:
    """How resident memory grows over the bare import, with data, network and some steps.

    Args:
        name: the contestant.
        case: what it trains.
        steps: for how many steps, about.

    Returns:
        Bytes: "imported", what the process holds after the import alone; "growth", what it
        holds more at the end, and "peak", at most in between; or "error".
    """
    passes = max(1, steps // case.batches)
    try:
        with Process(CONTESTANTS[name]) as process:
            process.ask("import", True)
            imported = process.ask("memory", True)["resident"]
            process.build(case)
            process.run(case.batches * passes)
            after = process.ask("memory", True)
    except WorkerError as error:
        return {"error": str(error)}
    return {
        "imported": imported,
        "growth": after["resident"] - imported,
        "peak": after["peak"] - imported,
    }
