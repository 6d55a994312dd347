"""Whole jobs: MNIST to 98 % test accuracy, one script for each contestant, by one recipe.

    python -m benchmarks.jobs.with_glassgrad FOLDER SEED [VARIANT]

trains on the four IDX files of a folder and prints, as JSON, after how many epochs the target was
reached. `measure` runs the scripts and takes the time from the start of the process to its end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from benchmarks.processes import clean_environment, silent, tail

__all__ = ["JOBS", "Job", "measure"]


@dataclass(frozen=True)
class Job:
    """A script.

    Args:
        title: as it stands in tables.
        module: which of the scripts beside this file.
        variant: which of its ways.
        cache: the environment variable that names the folder in which it keeps compiled code.
    """

    title: str
    module: str
    variant: str = ""
    cache: str | None = None


JOBS = {
    "glassgrad": Job("glassgrad", "with_glassgrad", cache="GLASSGRAD_CACHE"),
    "pytorch_slices": Job("PyTorch, slices of a tensor", "with_pytorch", "slices"),
    "pytorch_loader": Job("PyTorch, DataLoader", "with_pytorch", "loader"),
    "jax_scan": Job("JAX, scan over an epoch", "with_jax"),
    "keras": Job("Keras on JAX", "with_keras"),
}


def measure(names: Sequence[str], folder: str | os.PathLike[str], seeds: int) -> dict[str, Any]:
    """Run the jobs in turns, once for each seed.

    Args:
        names: which of `JOBS`.
        folder: where the four files of MNIST are.
        seeds: how many.

    Returns:
        By name: "runs" with seconds, epochs and accuracy of each seed, "cold" with those of a
        run with an empty folder for compiled code where there is such a folder; or "error".
    """
    found: dict[str, Any] = {name: {"runs": [], "cold": None} for name in names}
    with ExitStack() as stack:
        caches = {n: stack.enter_context(tempfile.TemporaryDirectory()) for n in names}
        for name in names:
            if JOBS[name].cache:
                found[name]["cold"] = run(JOBS[name], folder, 0, caches[name])
        for seed in range(1, seeds + 1):
            for name in names:
                found[name]["runs"].append(run(JOBS[name], folder, seed, caches[name]))
    return found


def run(job: Job, folder: str | os.PathLike[str], seed: int, cache: str) -> dict[str, Any]:
    """One process, from its start to its end."""
    command = [sys.executable, "-m", f"benchmarks.jobs.{job.module}"]
    settings = {job.cache: cache} if job.cache else {}
    begin = time.perf_counter()
    with silent() as messages:
        done = subprocess.run(
            [*command, os.fspath(folder), str(seed), job.variant],
            stdout=subprocess.PIPE,
            stderr=messages,
            env=clean_environment(**settings),
            check=False,
        )
        seconds = time.perf_counter() - begin
        if done.returncode:
            return {"seconds": seconds, "error": tail(messages)}
    return {"seconds": seconds, **json.loads(done.stdout)}
