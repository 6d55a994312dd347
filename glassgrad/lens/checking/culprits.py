"""Whose rule is wrong: every operation on the way of a gradient, checked by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassgrad.gradients import Step, gradients
from glassgrad.graph import Node, Tensor, constant, float_type, placeholder, walk
from glassgrad.graph.graph import evaluate_nodes
from glassgrad.graph.operation import Array
from glassgrad.lens.checking.comparing import Effort, Points, Verdict, compared
from glassgrad.lens.checking.points import Differentiated, Point
from glassgrad.ops.elementwise import StopGradient

__all__ = ["Culprit", "culprits"]


ENTRIES, DIRECTIONS = 64, 8  # an operation by itself needs no close look: it is right or wrong


@dataclass(frozen=True)
class Culprit:
    """An operation whose chain rule contradicts its own forward.

    Args:
        operation: its name.
        scope: in which layer it stands, empty outside of all.
    """

    operation: str
    scope: str

    def __str__(self) -> str:
        return f"{self.operation} in {self.scope}" if self.scope else self.operation


def culprits(point: Point, tolerance: float, seed: int) -> list[Culprit]:
    """The operations whose rules are wrong for the values and gradients that meet them here.

    Args:
        point: where a gradient was found to be wrong.
        tolerance: what relative error is allowed.
        seed: decides the directions.
    """
    record: list[Step] = []
    with float_type("float64"):
        gradients(point.graph.loss, point.graph.variables, record=record)
    passed = [t for step in record for t in (*step.incoming, *step.outgoing) if t is not None]
    values = dict(point.values)
    with np.errstate(all="ignore"), float_type("float64"):
        evaluate_nodes(walk(passed), np, values)

    def value(tensor: Tensor | None) -> Array | None:
        return None if tensor is None else values[tensor.node][tensor.index]

    found = []
    for step in record:
        if isinstance(step.node.operation, StopGradient):
            continue
        inputs = [values[tensor.node][tensor.index] for tensor in step.node.inputs]
        incoming, outgoing = map(value, step.incoming), map(value, step.outgoing)
        local = _by_itself(step.node, inputs, list(incoming), list(outgoing))
        points = Points(local, seed)
        effort = Effort(tolerance, ENTRIES, DIRECTIONS)
        for number in range(len(local.graph.variables)):
            if any(one.verdict is Verdict.WRONG for one in compared(points, number, effort)):
                found.append(Culprit(step.node.operation.name, step.node.scope))
                break
    return list(dict.fromkeys(found))


def _by_itself(
    node: Node, inputs: list[Array], incoming: list[Array | None], outgoing: list[Array | None]
) -> Point:
    """An operation as a loss: its outputs weighed by the gradients that arrive at them."""
    places = tuple(placeholder(a.shape, a.dtype, f"x{n}") for n, a in enumerate(inputs))
    outputs = Node(node.operation, places, node.specs).outputs
    total = constant(0.0, "float64")
    for output, gradient in zip(outputs, incoming, strict=True):
        if gradient is not None:
            total = total + (output * constant(gradient, "float64")).sum()
    moving = [n for n, array in enumerate(inputs) if array.dtype.kind == "f"]
    slopes = tuple(
        None if (slope := outgoing[n]) is None else constant(slope, "float64") for n in moving
    )
    variables = tuple(places[n] for n in moving)
    names = tuple(f"x{n}" for n in moving)
    graph = Differentiated(total, places, variables, names, slopes)
    return Point(graph, {t.key: a for t, a in zip(places, inputs, strict=True)})
