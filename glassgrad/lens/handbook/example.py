"""One operation on inputs that can be followed by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassgrad.gradients.reverse import chain_rule
from glassgrad.graph import Node, Operation, Tensor, apply, constant, evaluate, walk
from glassgrad.graph.operation import Array

__all__ = ["Example", "inside", "of_the_rule"]


@dataclass(frozen=True, eq=False)
class Example:
    """One operation on inputs that can be followed by hand.

    Args:
        operation: with the parameters of the example.
        inputs: by name, nested lists; floats become float32 where they are computed with.
        call: how it is written in a program, with ``glassgrad.ops`` as ``ops``; empty where the
            operation has no function of its own and is called as a class. It may be a statement.
        outputs: what its outputs are called.
        drawn: the range over which an element-wise function of one number is drawn.
        rule_of: the operation whose chain rule it is, or is part of.
        before: statements that the call needs.
    """

    operation: Operation
    inputs: Mapping[str, Any]
    call: str = ""
    outputs: tuple[str, ...] = field(default=("y",))
    drawn: tuple[float, float] | None = None
    rule_of: str = ""
    before: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The class of the operation."""
        return type(self.operation).__name__

    def arrays(self, dtype: str = "float64") -> dict[str, Array]:
        """The inputs as arrays, floats in the given type."""
        made = {name: np.asarray(values) for name, values in self.inputs.items()}
        return {
            name: array.astype(dtype) if array.dtype.kind == "f" else as_index(array)
            for name, array in made.items()
        }


def as_index(array: Array) -> Array:
    """Whole numbers as int32, as tensors hold them; anything else as it is."""
    return array.astype(np.int32) if array.dtype == np.int64 else array


# ---- chain rules that are operations themselves


def of_the_rule(forward: Example) -> Example:
    """The example of the operation that is the chain rule of another, on what it gets there.

    The gradient of the first output is that of its sum.
    """
    inputs = {name: constant(array) for name, array in forward.arrays("float32").items()}
    outputs = apply(forward.operation, tuple(inputs.values()))
    names = dict(zip(forward.outputs, outputs, strict=True))
    slope = constant(np.ones(outputs[0].shape, np.float32))
    known = {**inputs, **names, "g": slope}
    incoming = (slope, *(None for _ in outputs[1:]))
    slopes = chain_rule(forward.operation, incoming, outputs, tuple(inputs.values()))
    wanted = [
        (name, slope) for name, slope in zip(inputs, slopes, strict=True) if slope is not None
    ]
    node = wanted[0][1].node
    return _of_node(node, known, tuple(f"d{name}" for name, _ in wanted), forward.name)


def inside(rule: Example, kind: type[Operation], outputs: tuple[str, ...]) -> Example:
    """The example of an operation that another's definition uses, on what it gets there."""
    known = {name: constant(array) for name, array in rule.arrays("float32").items()}
    results = rule.operation.definition(*known.values())  # type: ignore[attr-defined]  # composite
    node = next(node for node in walk(results) if isinstance(node.operation, kind))
    return _of_node(node, known, outputs, rule.rule_of)


def _of_node(
    node: Node, known: Mapping[str, Tensor], outputs: tuple[str, ...], rule_of: str
) -> Example:
    names = {tensor.key: name for name, tensor in known.items()}
    arrays = evaluate(node.inputs, np, {})
    inputs = {
        names[tensor.key]: array.round(4) if array.dtype.kind == "f" else array
        for tensor, array in zip(node.inputs, arrays, strict=True)
    }
    return Example(node.operation, inputs, "", outputs, rule_of=rule_of)
