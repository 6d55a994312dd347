"""On what was measured: the processor, the system, and the versions of what takes part."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

import glassgrad
from benchmarks.contestants import CONTESTANTS, processors

__all__ = ["description", "versions"]


def description() -> dict[str, Any]:
    """The machine, in words and numbers."""
    return {
        "processor": _processor_name(),
        "processors": processors(),
        "memory": _memory_bytes(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """The versions of glassgrad and of all packages that take part and are installed."""
    found = {"glassgrad": glassgrad.__version__}
    for contestant in CONTESTANTS.values():
        for name in contestant.distributions:
            try:
                found[name] = metadata.version(name)
            except metadata.PackageNotFoundError:
                continue
    return found


def _processor_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return (names or [platform.processor() or platform.machine()])[0]


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None
