"""Which processor this is, found out without LLVM where the system tells."""

from __future__ import annotations

import functools
import platform
import sys
from pathlib import Path

__all__ = ["description", "family", "features"]


def family() -> str:
    """The processor's family: "x86", "arm", or "other"."""
    machine = platform.machine().lower()
    if machine in ("x86_64", "amd64", "i386", "i686"):
        return "x86"
    return "arm" if machine in ("aarch64", "arm64") else "other"


@functools.cache
def features() -> set[str]:
    """What the processor can do, such as "avx2", in the words of LLVM."""
    if sys.platform == "linux" and family() == "x86":
        return set(_cpuinfo("flags"))
    import llvmlite.binding  # large: only where the system does not tell

    return {name for name, has in llvmlite.binding.get_host_cpu_features().items() if has}


@functools.cache
def description() -> str:
    """What tells this processor from those for which code may be compiled differently."""
    if sys.platform == "linux" and family() == "x86":
        return " ".join([*_cpuinfo("vendor_id", "cpu family", "model", "stepping", "flags")])
    import llvmlite.binding

    name = llvmlite.binding.get_host_cpu_name()
    return f"{name} {llvmlite.binding.get_host_cpu_features().flatten()}"


def _cpuinfo(*names: str) -> list[str]:
    """Words that the system says of the first processor."""
    found = []
    with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
        for line in lines:
            name, _, words = line.partition(":")
            if not name.strip():
                break
            if name.strip() in names:
                found += words.split()
    return found
