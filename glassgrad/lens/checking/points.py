"""A loss at one point: its values, its gradients, and what it is around there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from glassgrad.errors import GlassgradError, GradientError
from glassgrad.gradients import gradients
from glassgrad.graph import Node, Tensor, float_type, walk
from glassgrad.graph.graph import Values, evaluate_nodes
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.ops.elementwise import StopGradient

__all__ = ["Course", "Differentiated", "Point", "differentiated", "lengths", "signed"]


DISTANCE = 1e-2  # of the points beside a kink, by the size of each element


@dataclass(frozen=True, eq=False)
class Differentiated:
    """A scalar in float64, what it is differentiated by, and the gradients by the chain rule.

    Args:
        loss: the scalar.
        inputs: every placeholder of its graph.
        variables: those of them that it is differentiated by.
        names: what these are called.
        slopes: the gradient by each, ``None`` where there is none.
    """

    loss: Tensor
    inputs: tuple[Tensor, ...]
    variables: tuple[Tensor, ...]
    names: tuple[str, ...]
    slopes: tuple[Tensor | None, ...]


def differentiated(
    loss: Tensor, inputs: tuple[Tensor, ...], variables: tuple[Tensor, ...], names: tuple[str, ...]
) -> Differentiated:
    """Apply the chain rule to a loss in float64.

    Raises:
        GradientError: the rule of an operation fails.
    """
    try:
        with float_type("float64"):
            slopes = tuple(gradients(loss, variables))
    except GlassgradError:
        raise
    except Exception as error:
        raise GradientError(f"A chain rule fails: {type(error).__name__}: {error}") from error
    return Differentiated(loss, inputs, variables, names, slopes)


@dataclass(frozen=True, eq=False)
class Course:
    """The loss as a function of one variable, everything else being held.

    What does not depend on the variable is not computed again; what passes through
    ``detach()`` is held too, as the chain rule holds it.
    """

    variable: Tensor
    loss: Tensor
    nodes: list[Node]
    held: Values

    def __call__(self, array: Array) -> float:
        """The loss where the variable has this value."""
        return float(self.values(array)[self.loss.node][self.loss.index])

    def values(self, array: Array) -> Values:
        """Every value that depends on the variable, and those that do not."""
        values = {**self.held, self.variable.node: (array,)}
        with np.errstate(all="ignore"), float_type("float64"):
            for node in self.nodes:
                arrays = [values[tensor.node][tensor.index] for tensor in node.inputs]
                values[node] = node.operation.evaluate(np, *arrays)
        return values


@dataclass(frozen=True, eq=False)
class Point:
    """A point in the space of all inputs of a loss."""

    graph: Differentiated
    arrays: Mapping[Key, Array]
    _courses: dict[int, Course] = field(default_factory=dict)
    _strides: dict[int, Array] = field(default_factory=dict)

    @cached_property
    def values(self) -> Values:
        """Every value of the forward pass."""
        values: Values = {t.node: (self.arrays[t.key],) for t in self.graph.inputs}
        with np.errstate(all="ignore"), float_type("float64"):
            evaluate_nodes(walk([self.graph.loss]), np, values)
        return values

    @property
    def loss(self) -> float:
        """The value of the loss."""
        return float(self.values[self.graph.loss.node][self.graph.loss.index])

    @cached_property
    def gradients(self) -> list[Array]:
        """The gradient by each variable by the chain rule; zeros where there is none."""
        present = [slope for slope in self.graph.slopes if slope is not None]
        values = dict(self.values)
        with np.errstate(all="ignore"), float_type("float64"):
            evaluate_nodes(walk(present), np, values)
        return [
            np.zeros(variable.shape) if slope is None else values[slope.node][slope.index]
            for slope, variable in zip(self.graph.slopes, self.graph.variables, strict=True)
        ]

    def at(self, number: int) -> Array:
        """Where the point is along one of the variables."""
        return self.arrays[self.graph.variables[number].key]

    def course(self, number: int) -> Course:
        """The loss around here as a function of one of the variables."""
        if number not in self._courses:
            self._courses[number] = self._course(self.graph.variables[number])
        return self._courses[number]

    def _course(self, variable: Tensor) -> Course:
        moving: set[Node] = {variable.node}
        nodes = []
        for node in walk([self.graph.loss]):
            is_held = isinstance(node.operation, StopGradient)
            if not is_held and any(tensor.node in moving for tensor in node.inputs):
                moving.add(node)
                nodes.append(node)
        held = {node: value for node, value in self.values.items() if node not in moving}
        return Course(variable, self.graph.loss, nodes, held)

    def strides(self, number: int, seed: int) -> Array:
        """How far directions move each entry of a variable, flat: about its size, at random."""
        if number not in self._strides:
            at, rng = self.at(number), np.random.default_rng([seed, number])
            self._strides[number] = (signed(rng, at.shape) * lengths(at)).ravel()
        return self._strides[number]

    def pair_beside(self, rng: np.random.Generator) -> tuple[Point, Point]:
        """Two points near by on opposite sides, where nothing is equal that happens to be here."""
        away = {
            variable.key: DISTANCE * signed(rng, variable.shape) * lengths(self.at(number))
            for number, variable in enumerate(self.graph.variables)
        }
        ahead = {key: self.arrays[key] + moved for key, moved in away.items()}
        behind = {key: self.arrays[key] - moved for key, moved in away.items()}
        return (
            Point(self.graph, {**self.arrays, **ahead}),
            Point(self.graph, {**self.arrays, **behind}),
        )


def signed(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers of either sign, all of about the same size: nothing is left out, nothing rules."""
    return np.asarray(rng.uniform(0.5, 1.0, shape) * rng.choice([-1.0, 1.0], shape))


def lengths(array: Array) -> Array:
    """How far is far for each element: its own size, or the usual size where it is smaller."""
    usual = float(np.sqrt(np.mean(np.square(array)))) if array.size else 0.0
    return np.maximum(np.abs(array), min(max(usual, 1e-2), 1.0) if usual else 1.0)
