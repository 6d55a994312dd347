"""The definition of truth: one loop over the nodes, in NumPy, that keeps every value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from glassgrad.execute.executor import Executor, Program
from glassgrad.graph import Node, Tensor, Variable, show, walk
from glassgrad.graph.graph import Values, evaluate_nodes
from glassgrad.graph.operation import Array

__all__ = ["ReferenceExecutor", "ReferenceProgram"]


class ReferenceProgram(Program):
    """Evaluates its graph node by node; ``values`` holds every value of the last run.

    Example:
        >>> from glassgrad.graph import placeholder
        >>> x = placeholder((2,))
        >>> program = ReferenceExecutor().compile([(x * x).sum()], [x])
        >>> program([3.0, 4.0])
        [array(25., dtype=float32)]
    """

    values: Values

    def run(self, arrays: Sequence[Array], times: int = 1) -> list[Array]:
        """Evaluate the outputs and new values, then apply the updates."""
        for _ in range(times - 1):
            self._run_once(arrays)
        return self._run_once(arrays)

    def _run_once(self, arrays: Sequence[Array]) -> list[Array]:
        self.values = {t.node: (a,) for t, a in zip(self.inputs, arrays, strict=True)}
        with np.errstate(all="ignore"):  # infinities and NaN are results, not accidents
            evaluate_nodes(self._nodes, np, self.values)
        results = [self.values[tensor.node][tensor.index] for tensor in self.roots]
        outputs = [np.array(array) for array in results[: len(self.outputs)]]
        after = [np.array(array) for array in results[len(self.outputs) :]]
        for variable, value in zip(self.updates, after, strict=True):
            variable.storage[...] = value
        return outputs

    @cached_property
    def _nodes(self) -> list[Node]:
        """In the order in which they are evaluated."""
        return walk(self.roots)

    def describe(self) -> str:
        """The graph, a line for each node."""
        return show(self.roots)


class ReferenceExecutor(Executor):
    """Compiles nothing: a program is its graph."""

    name = "reference"

    def compile(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor] = (),
        updates: Mapping[Variable, Tensor] | None = None,
    ) -> ReferenceProgram:
        """Keep the graph."""
        return ReferenceProgram(outputs, inputs, updates or {})
