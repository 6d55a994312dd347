"""How many threads this process should compute with, and how they take turns."""

from __future__ import annotations

import multiprocessing
import os
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from glassgrad.errors import ArgumentError

__all__ = [
    "ThreadCount",
    "Turn",
    "available_processors",
    "default_threads",
    "get_num_threads",
    "set_num_threads",
]

MOST_THREADS = 1024
CGROUPS = Path("/sys/fs/cgroup")
OWN_CGROUPS = Path("/proc/self/cgroup")
PROCESSOR_CONTROLLERS = ("cpu", "cpu,cpuacct")  # of version 1, as the tree may be called

_chosen: list[int] = []


class Turn:
    """A reentrant lock that a forked child finds free, whoever held it in the parent.

    The thread that would release it there does not exist in the child.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._entered: list[threading.RLock] = []  # changed by the holder alone
        _turns.add(self)

    def __enter__(self) -> None:
        lock = self._lock
        lock.acquire()
        self._entered.append(lock)

    def __exit__(self, *error: object) -> None:
        self._entered.pop().release()

    def free(self) -> None:
        """Begin anew; who holds it in this thread still does, and leaves it as if nothing was."""
        self._lock = threading.RLock()


_turns: weakref.WeakSet[Turn] = weakref.WeakSet()


def _free_all_turns() -> None:
    for turn in list(_turns):
        turn.free()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_free_all_turns)


def set_num_threads(threads: int) -> None:
    """Compute with so many threads from now on, also in programs that exist already.

    Results are the same to the last bit with any number. A program's work is divided into parts,
    4 or as many as the machine has processors, which threads share: no more threads than parts
    or processors take part. An executor made with a number of its own keeps it.

    Args:
        threads: How many, the calling thread included; by default ``GLASSGRAD_THREADS``, or else
            the number of processors that the process may use.

    Raises:
        ArgumentError: The number is not a whole one from 1 to 1024.

    Example:
        >>> before = get_num_threads()
        >>> set_num_threads(1)
        >>> get_num_threads()
        1
        >>> set_num_threads(before)
    """
    _chosen[:] = [_number_of_threads(threads, "set_num_threads: threads")]


def get_num_threads() -> int:
    """With how many threads programs compute: what was set, or else the default.

    Raises:
        ArgumentError: ``GLASSGRAD_THREADS`` is not a whole number from 1 to 1024.

    Example:
        >>> get_num_threads() >= 1
        True
    """
    return _chosen[0] if _chosen else default_threads()


class ThreadCount:
    """A number of threads: one's own, or the one that ``set_num_threads`` decides.

    Args:
        own: The number; with ``None`` it follows the setting.
    """

    def __init__(self, own: int | None = None) -> None:
        self.own = None if own is None else _number_of_threads(own, "threads")
        self._otherwise = self.own or default_threads()  # asks the system: once

    @property
    def value(self) -> int:
        """The number now."""
        return self._otherwise if self.own or not _chosen else _chosen[0]


def default_threads() -> int:
    """The number of threads: ``GLASSGRAD_THREADS``, or else what the machine grants.

    A child of `multiprocessing` or joblib uses one: its siblings use the other processors, and
    threads that wait for each other collapse where there are more of them than processors.
    """
    if chosen := os.environ.get("GLASSGRAD_THREADS"):
        number = int(chosen) if chosen.strip().isdecimal() else 0
        return _number_of_threads(number, "GLASSGRAD_THREADS", repr(chosen))
    if multiprocessing.parent_process() is not None:
        return 1
    return available_processors()


def available_processors() -> int:
    """The processors that this process may use: its affinity, within the container's quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([count, *(int(quota) for quota in _quotas())]))


def _number_of_threads(given: object, what: str, as_given: str = "") -> int:
    number = 0
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        number = int(given)
    if not 1 <= number <= MOST_THREADS:
        raise ArgumentError(
            f"{what} must be a whole number from 1 to {MOST_THREADS}. "
            f"Got {as_given or repr(given)} instead."
        )
    return number


def _quotas() -> Iterator[float]:
    """The processors that control groups grant, version 2 and version 1; none if unlimited."""
    for folder in _own_groups():
        match _words(folder / "cpu.max"):
            case [quota, period] if quota != "max":
                yield int(quota) / int(period)
        match _words(folder / "cpu.cfs_quota_us"), _words(folder / "cpu.cfs_period_us"):
            case [quota], [period] if int(quota) > 0:
                yield int(quota) / int(period)


def _own_groups() -> Iterator[Path]:
    """The group of this process and those around it, each of which can set a quota.

    A container may see only its own group, as the top of the tree, and not the path to it.
    """
    yield from (CGROUPS, *(CGROUPS / controllers for controllers in PROCESSOR_CONTROLLERS))
    for line in _lines(OWN_CGROUPS):
        _, controllers, path = line.split(":", 2)
        if not controllers or "cpu" in controllers.split(","):
            tree = CGROUPS / controllers
            own = tree / path.strip().lstrip("/")
            yield from (own, *own.parents[: len(own.parts) - len(tree.parts)])


def _words(path: Path) -> list[str]:
    return [word for line in _lines(path) for word in line.split()]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
