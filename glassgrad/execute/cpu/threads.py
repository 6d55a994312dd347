"""How many threads this process should compute with."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

from glassgrad.errors import ArgumentError

__all__ = ["available_processors", "default_threads"]

MOST_THREADS = 1024
CGROUPS = Path("/sys/fs/cgroup")


def default_threads() -> int:
    """The number of threads: ``GLASSGRAD_THREADS``, or else what the machine grants.

    A child of `multiprocessing` or joblib uses one: its siblings use the other processors, and
    threads that wait for each other collapse where there are more of them than processors.
    """
    if chosen := os.environ.get("GLASSGRAD_THREADS"):
        return _positive(chosen)
    if multiprocessing.parent_process() is not None:
        return 1
    return available_processors()


def available_processors() -> int:
    """The processors that this process may use: its affinity, within the container's quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([count, *(int(quota) for quota in _quotas())]))


def _positive(text: str) -> int:
    if not text.strip().isdecimal() or not 1 <= int(text) <= MOST_THREADS:
        raise ArgumentError(
            f"GLASSGRAD_THREADS must be a number of threads from 1 to {MOST_THREADS}. "
            f"Got {text!r} instead."
        )
    return int(text)


def _quotas() -> Iterator[float]:
    """The processors that control groups grant, version 2 and version 1; none if unlimited."""
    for folder in _own_groups():
        match _words(folder / "cpu.max"):
            case [quota, period] if quota != "max":
                yield int(quota) / int(period)
    for folder in (CGROUPS / "cpu", CGROUPS / "cpu,cpuacct"):
        match _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us"):
            case [quota], [period] if int(quota) > 0:
                yield int(quota) / int(period)


def _own_groups() -> Iterator[Path]:
    """The group of this process and those around it, each of which can set a quota."""
    yield CGROUPS
    for line in _lines(Path("/proc/self/cgroup")):
        if line.startswith("0::/"):
            own = CGROUPS / line.removeprefix("0::/").strip()
            yield from (own, *own.parents[: len(own.parts) - len(CGROUPS.parts)])


def _words(path: Path) -> list[str]:
    return [word for line in _lines(path) for word in line.split()]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
