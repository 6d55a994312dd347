"""A network of single numbers: each derivative as a product of local derivatives, path by path."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from glassgrad.gradients import gradients
from glassgrad.graph import Formula, Tensor, constant, evaluate, float_type
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.lens.derivation import Derivation
from glassgrad.lens.explanation import ExplainedWeight, LocalDerivative, PathProduct
from glassgrad.lens.naming import gradient_of
from glassgrad.lens.part import Part, part_of
from glassgrad.lens.scalar_graph import ScalarGraph, quantities, scalar_graph

__all__ = ["MOST_PATHS", "explained_weights"]

MOST_PATHS = 64
STEP = float(np.cbrt(np.finfo(np.float64).eps))
"""Of a central difference: here its errors of truncation and of rounding are about equal."""


@dataclass(frozen=True)
class Edge:
    """A quantity that another one is computed from directly, and the derivative by it."""

    operand: Key
    local: LocalDerivative


def explained_weights(
    derivation: Derivation,
) -> tuple[tuple[ExplainedWeight, ...], tuple[str, ...]]:
    """The derivative by each weight as products of local derivatives, and notes about them.

    Formula: dL/dw = sum over the paths from L to w of the product of all dv/du along the path.

    Every local derivative is the declared rule of its step, run on an incoming gradient of 1.
    Steps that hand a number on as it is (a mean over one element, a reshape) give no factor.

    Args:
        derivation: what is explained.

    Returns:
        Nothing where a tensor between a weight and the loss has more elements than one.

    Example:
        >>> from glassgrad import Variable
        >>> from glassgrad.lens.derivation import derived
        >>> from glassgrad.lens.subject import subject_of
        >>> w = Variable(3.0, name="w")
        >>> subject = subject_of((w * 2.0).exp().log())
        >>> (weight,), _ = explained_weights(derived(subject, subject.parameters))
        >>> [(one.name.plain, one.formula.plain) for one in weight.products[0].factors]
        [('dL/dt2', '1 / t2'), ('dt2/dw', 't2 * 2')]
    """
    with float_type("float64"):
        graph = scalar_graph(derivation)
        if graph is None:
            return (), ()
        edges = _edges(graph)
        slopes = gradients(graph.loss, graph.weights)
        reached = [n for n, slope in enumerate(slopes) if slope is not None]
        values = graph.evaluate([slope for slope in slopes if slope is not None])
    explained, notes = [], []
    for number, value in zip(reached, values, strict=True):
        weight = graph.weights[number]
        name = graph.name(weight)
        products = _products(edges, graph.loss.key, weight.key)
        if products is None:
            notes.append(
                f"More than {MOST_PATHS} paths lead from the loss to {name.plain}: their products "
                "are left out, and only their sum is shown."
            )
        difference = _difference(derivation, derivation.targets[number])
        explained.append(
            ExplainedWeight(name, gradient_of(name), products or (), float(value), difference)
        )
    return tuple(explained), tuple(notes)


# ---- local derivatives


def _edges(graph: ScalarGraph) -> dict[Key, tuple[Edge, ...]]:
    """For each quantity with a name, those that it is computed from directly."""
    own = quantities(graph)
    values = dict(zip(own, graph.evaluate(list(own.values())), strict=True))
    names = {key: graph.name(tensor) for key, tensor in own.items()}
    made = {tensor.key: tensor for tensor in own.values() if tensor.node.inputs}
    moving = made.keys() | {weight.key for weight in graph.weights}
    return {
        key: tuple(_edges_of(part_of(tensor, own), moving, names, values))
        for key, tensor in made.items()
    }


def _edges_of(
    part: Part, moving: Collection[Key], names: Mapping[Key, Formula], values: Mapping[Key, Array]
) -> Iterator[Edge]:
    """The rule of one formula, run on an incoming gradient of 1."""
    slopes = part.back(constant(1.0, str(part.alone.dtype)))
    wanted = {key: slope for key, slope in slopes.items() if key in moving}
    numbers = part.evaluate(list(wanted.values()), values)
    for (key, slope), number in zip(wanted.items(), numbers, strict=True):
        name = derivative_name(names[part.tensor.key], names[key])
        yield Edge(key, LocalDerivative(name, part.formula(slope, names), float(number)))


def derivative_name(of: Formula, by: Formula) -> Formula:
    """How the derivative of one quantity by another is called.

    Example:
        >>> derivative_name(Formula("h", "h"), Formula("w", "w")).plain
        'dh/dw'
    """
    return Formula(
        f"d{of.plain}/d{by.plain}", rf"\frac{{\partial {of.latex}}}{{\partial {by.latex}}}"
    )


# ---- paths


def _products(
    edges: Mapping[Key, Sequence[Edge]], loss: Key, weight: Key
) -> tuple[PathProduct, ...] | None:
    """One product for each path, in the order of the operands; ``None`` if there are too many."""
    counts = {weight: 1}
    for key, following in edges.items():  # operands come before their users
        counts[key] = sum(counts.get(edge.operand, 0) for edge in following)
    if counts[loss] > MOST_PATHS:
        return None
    found = []
    pending: list[tuple[Key, tuple[LocalDerivative, ...]]] = [(loss, ())]
    while pending:
        key, factors = pending.pop()
        if key == weight:
            found.append(PathProduct(factors, prod(factor.value for factor in factors)))
            continue
        ahead = [edge for edge in edges[key] if counts.get(edge.operand)]
        pending += [(edge.operand, (*factors, edge.local)) for edge in reversed(ahead)]
    return tuple(found)


def _difference(derivation: Derivation, weight: Tensor) -> float:
    """The central difference quotient of the loss by one number."""
    subject = derivation.subject
    given = {t.node: (a,) for t, a in zip(subject.inputs, subject.arrays, strict=True)}
    value = derivation.value(weight)
    step = STEP * max(1.0, abs(value.item()))
    low, high = value - step, value + step
    with np.errstate(all="ignore"):  # as everywhere, infinities are results
        below, above = (
            evaluate([derivation.loss], np, {**given, weight.node: (moved,)})[0].item()
            for moved in (low, high)
        )
    return float((above - below) / (high - low).item())
