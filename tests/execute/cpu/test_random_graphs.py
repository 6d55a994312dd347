"""Graphs made at random: whatever is composed, kernels compute what the reference does.

In every run a graph for each operation of the catalogue, on kernels of single operations, of
which there are few, and some graphs whose operations are fused. ``GLASSGRAD_RANDOM_GRAPHS=2000``
asks Hypothesis for as many, half of them fused; ``-k "many and Softmax"`` for some of these.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from glassgrad.execute.cpu import fuse
from glassgrad.graph import Tensor, walk
from glassgrad.ops.catalogue import operations
from tests.execute.cpu.comparison import Case, check
from tests.execute.cpu.random_graphs import SUBJECTS, RandomGraph

MANY = int(os.environ.get("GLASSGRAD_RANDOM_GRAPHS", "0"))
OF_EACH = -(-MANY // len(SUBJECTS))
FUSED = 20


def check_graph(subject: str, seed: str, steps: int) -> None:
    def build(dtype: str) -> Case:
        graph = RandomGraph(f"{subject} {seed}", dtype, steps, subject)
        assert subject in names_of_operations(graph.outputs)
        return Case(graph.outputs, graph.inputs, graph.arrays, graph.updates, graph.variables)

    is_double = random.Random(f"dtype of {subject} {seed}").randrange(4) == 3
    check(build, "float64" if is_double else "float32", steps=2)


def names_of_operations(outputs: list[Tensor]) -> set[str]:
    return {type(node.operation).__name__ for node in walk(outputs)}


def compute_singly(patch: pytest.MonkeyPatch) -> None:
    """Let every group have one member, so that kernels are those of single operations."""
    patch.setattr(fuse, "LARGEST_GROUP", 1)
    patch.setattr(fuse, "LARGEST_MOVE", 0)


@pytest.fixture
def unfused(monkeypatch: pytest.MonkeyPatch) -> None:
    compute_singly(monkeypatch)


def test_every_operation_of_the_catalogue_is_the_subject_of_a_graph() -> None:
    assert set(SUBJECTS) == set(operations())


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.usefixtures("unfused")
def test_a_graph_of_single_kernels_agrees_with_the_reference(subject: str) -> None:
    check_graph(subject, "unfused", steps=3)


@pytest.mark.parametrize("number", range(FUSED))
def test_a_fused_graph_agrees_with_the_reference(number: int) -> None:
    subject = SUBJECTS[number * len(SUBJECTS) // FUSED]
    check_graph(subject, "fused", steps=5)


@pytest.mark.parametrize("subject", SUBJECTS if MANY else [])
def test_many_graphs_agree_with_the_reference(
    subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Numbers that Hypothesis drew one by one, in the place of a seed, would make graphs that
    # resemble each other; and to shrink a graph takes longer than to understand it.
    @settings(
        max_examples=OF_EACH,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.integers(0, 2**32 - 1), st.booleans())
    def check_some(seed: int, is_fused: bool) -> None:
        with monkeypatch.context() as patch:
            if not is_fused:
                compute_singly(patch)
            check_graph(subject, str(seed), steps=8)

    check_some()
