"""The examples in the benchmarks' docstrings; the modules of peers have none."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("module", ["cases", "goals", "jobs.recipe", "report", "spread", "steps"])
def test_examples_run(module: str) -> None:
    results = doctest.testmod(importlib.import_module(f"benchmarks.{module}"))
    assert results.attempted
    assert not results.failed
