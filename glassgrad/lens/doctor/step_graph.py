"""One training step as a graph, evaluated node by node, with what each node belongs to."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from glassgrad.execute.executor import Program
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.graph import Constant, Node, Placeholder, Read, Tensor, Variable, walk
from glassgrad.graph.graph import Values, evaluate_nodes
from glassgrad.graph.operation import Array
from glassgrad.graph.sources import Line, recorded_sources
from glassgrad.graph.tensor import Key
from glassgrad.layers import Layer
from glassgrad.lens.doctor.calls import ONE_THING
from glassgrad.models import Model
from glassgrad.training.data import Batch
from glassgrad.training.step import Steps

__all__ = ["StepGraph"]

BACKWARD = " backward"
SMALLEST = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, eq=False)
class StepGraph:
    """The graph of one training step for a batch.

    Args:
        model: a compiled model; its programs and its state stay as they are.
        batch: what the step is about.
    """

    model: Model
    batch: Batch

    @cached_property
    def program(self) -> Program:
        """The step, whose nodes know the lines of code that made them."""
        return self._traced(self.batch)

    @cached_property
    def nodes(self) -> list[Node]:
        """In the order of the step: the forward pass first."""
        return walk(self.roots)

    @cached_property
    def roots(self) -> tuple[Tensor, ...]:
        """The loss, and the new values of weights and of what the optimizer keeps.

        Metrics are left out: what they make of a batch harms nobody.
        """
        groups = self.model.state_variables()
        learnt = {*groups["model"], *groups["optimizer"]}
        updates = [value for one, value in self.program.updates.items() if one in learnt]
        metrics = set(groups["metrics"])
        results = [one for one in self.program.outputs if not _reads(one, metrics)]
        return (*results, *updates)

    def values(self, *, flushed: bool = False) -> Values:
        """What every node gives, by NumPy.

        Args:
            flushed: whether numbers too small for full precision become 0, as in compiled
                kernels.
        """
        given = zip(self.program.inputs, self.batch.arrays, strict=True)
        values: Values = {tensor.node: (array,) for tensor, array in given}
        with np.errstate(all="ignore"):  # infinities and NaN are what is looked for
            for node in self.nodes:
                evaluate_nodes([node], np, values)
                if flushed:
                    values[node] = tuple(map(_flushed, values[node]))
        return values

    # ---- what a node belongs to

    def layer_of(self, node: Node) -> str:
        """The name of its layer, with those of the models around it.

        Recurrence and attention are one thing each, whatever layers they are made of.
        """
        scope = node.scope.split(BACKWARD)[0]
        if scope.split("/")[0] in ("loss", "optimizer"):
            return scope.split("/")[0]
        if scope == self.model.name:
            return ""
        parts = scope.removeprefix(f"{self.model.name}/").split("/")
        paths = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        return next((one for one in paths if self._is_one_thing(one)), paths[-1])

    def _is_one_thing(self, path: str) -> bool:
        return isinstance(self._layers.get(path), ONE_THING)

    def phase_of(self, node: Node) -> str:
        """In which part of the step it is computed."""
        if isinstance(node.operation, Placeholder):
            return "data"
        if isinstance(node.operation, Read):
            return "weights"
        if BACKWARD in node.scope:
            return "backward"
        return "update" if node.scope.split("/")[0] == "optimizer" else "forward"

    def line_of(self, node: Node) -> Line | None:
        """The line of the user's code that asked for it, or else that made its layer."""
        if node.source is not None and node.source.line is not None:
            return node.source.line
        layer = self._layers.get(self.layer_of(node))
        return None if layer is None else layer.line_of_code

    def name_of(self, tensor: Tensor) -> str:
        """What a tensor is called: a weight, data, or the layer that made it."""
        operation = tensor.node.operation
        if isinstance(operation, Read):
            return operation.variable.name
        if isinstance(operation, Placeholder):
            return operation.label
        if isinstance(operation, Constant):
            return "a constant"
        kind = "gradient" if self.phase_of(tensor.node) == "backward" else "result"
        return f"{kind} of {operation.name} in {self.layer_of(tensor.node) or 'the model'}"

    @cached_property
    def _layers(self) -> dict[str, Layer]:
        found: dict[str, Layer] = {}
        pending: list[tuple[str, Layer]] = [("", self.model)]
        while pending:
            path, layer = pending.pop()
            for inner in layer.sublayers:
                name = f"{path}/{inner.name}" if path else inner.name
                if name not in found:
                    found[name] = inner
                    pending.append((name, inner))
        return found

    # ---- which rows of the batch

    def rows_of(self, tensor: Tensor, places: Array) -> tuple[int, ...]:
        """The rows of the batch to which places in a tensor belong; none where it has no rows.

        Args:
            tensor: of the graph.
            places: the indices of elements, (elements, rank).
        """
        axis, each = self._axis_of_rows.get(tensor.key, (None, 1))
        if axis is None:
            return ()
        return tuple(np.unique(places[:, axis] // each).tolist())

    @cached_property
    def _axis_of_rows(self) -> dict[Key, tuple[int, int]]:
        """By the key of a tensor the axis that grows with the batch, and its length for one row.

        Found by following the step with a batch of another size.
        """
        size = len(self.batch)
        larger = Batch(
            [np.concatenate([array, array[-1:]]) for array in self.batch.arrays],
            self.batch.structure,
        )
        others = walk(self._traced(larger).roots)
        nodes = walk(self.program.roots)
        if [type(node.operation) for node in nodes] != [type(node.operation) for node in others]:
            return {}
        found = {}
        for node, other in zip(nodes, others, strict=True):
            for index, (one, two) in enumerate(zip(node.specs, other.specs, strict=True)):
                axis = _growing(one.shape, two.shape)
                if axis is not None and one.shape[axis] * (size + 1) == two.shape[axis] * size:
                    found[node, index] = (axis, max(1, one.shape[axis] // size))
        return found

    def _traced(self, batch: Batch) -> Program:
        known = self.model.steps
        steps = Steps(
            self.model, known.objective, known.optimizer, known.scores, ReferenceExecutor()
        )
        with recorded_sources():
            return steps.training.program(batch)


def _reads(tensor: Tensor, variables: Container[Variable]) -> bool:
    """Whether a tensor depends on one of some variables."""
    operations = (node.operation for node in walk([tensor]))
    return any(isinstance(one, Read) and one.variable in variables for one in operations)


def _growing(shape: Sequence[int], larger: Sequence[int]) -> int | None:
    """The first axis whose lengths differ."""
    pairs = enumerate(zip(shape, larger, strict=False))
    return next((axis for axis, (one, two) in pairs if one != two), None)


def _flushed(array: Array) -> Array:
    if array.dtype != np.float32:
        return array
    return np.where(np.abs(array) < SMALLEST, np.zeros_like(array), array)
