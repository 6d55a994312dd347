"""The programs of both halves, each in a module of its own: `PROGRAM`."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from benchmarks.faults.program import Half, Program

__all__ = ["HALVES", "programs"]

HALVES: tuple[Half, ...] = ("development", "test")


def programs(half: Half) -> tuple[Program, ...]:
    """All programs of a half, by their names."""
    package = import_module(f"{__name__}.{half}")
    modules = sorted(one.name for one in iter_modules(package.__path__) if not one.ispkg)
    return tuple(import_module(f"{package.__name__}.{one}").PROGRAM for one in modules)
