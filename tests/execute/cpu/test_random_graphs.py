"""Graphs made at random: whatever is composed, kernels compute what the reference does.

A few of them in every run; ``GLASSGRAD_RANDOM_GRAPHS=300`` asks for as many.
"""

from __future__ import annotations

import os

import pytest

from tests.execute.cpu.comparison import Case, check
from tests.execute.cpu.random_graphs import RandomGraph

MANY = int(os.environ.get("GLASSGRAD_RANDOM_GRAPHS", "0"))

# In each run smaller ones, for the sake of the time to compile.
SEEDS = [(seed, 12) for seed in range(MANY)] or [(seed, 5) for seed in range(20)]


@pytest.mark.parametrize("seed, steps", SEEDS)
def test_any_graph_agrees_with_the_reference(seed: int, steps: int) -> None:
    def build(dtype: str) -> Case:
        graph = RandomGraph(seed, dtype, steps)
        return Case(graph.outputs, graph.inputs, graph.arrays, graph.updates, graph.variables)

    check(build, "float64" if seed % 4 == 3 else "float32", steps=2)
