"""What an explanation holds: the backward pass as lines of formulas with their values.

These are values alone. `explaining` makes them from a graph; the renderers write them as text,
Markdown, LaTeX, JSON and HTML.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from glassgrad.graph import Formula

__all__ = [
    "Contribution",
    "ExplainedLayer",
    "ExplainedStep",
    "ExplainedUpdate",
    "ExplainedWeight",
    "Explanation",
    "FollowedEntry",
    "Line",
    "LocalDerivative",
    "PathProduct",
]

Array: TypeAlias = np.ndarray[Any, Any]
Place: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Line:
    """A quantity: its name, how it is computed from other quantities, and its value.

    Args:
        label: "given", "forward", "incoming", "where" (something that a rule uses more than once),
            "rule", "share" (what one use of a tensor adds to its gradient) or "sum" (of shares).
        name: what it is called, once in an explanation: "hidden.z", "dL/dhidden.kernel".
        formula: what it is computed from, by names of lines before it; ``None`` for what is given
            and for what was computed by an earlier line.
        value: its value in float64; integers and booleans as they are.
        of: for a gradient the plain name of what it is the gradient of, else empty.
    """

    label: str
    name: Formula
    formula: Formula | None
    value: Array
    of: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the value."""
        return np.shape(self.value)

    @property
    def norm(self) -> float:
        """The Euclidean norm of the value."""
        return float(np.linalg.norm(np.asarray(self.value, np.float64)))


@dataclass(frozen=True, eq=False)
class ExplainedStep:
    """The chain rule through one operation: forward, what comes in, what goes out."""

    title: str
    operation: str
    layer: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, eq=False)
class ExplainedLayer:
    """The chain rule through one layer, or through one part of it: a maximal run of its steps.

    Args:
        name: the scope of its nodes: "hidden", "block/attention/query", "loss/mean_squared_error".
        kind: the class of the layer, "Dense"; empty where there is none.
        time: the time step, for what was unrolled from a loop over time.
        given: what it reads: outputs of other layers, data, parameters (no formulas).
        forward: what it computes, in order.
        incoming: gradients of its outputs, as later layers left them.
        steps: its steps, from the last operation back to the first.
        outgoing: gradients of its inputs that come from other layers or from the data.
        parameters: gradients of its parameters.
    """

    name: str
    kind: str
    time: int | None
    given: tuple[Line, ...]
    forward: tuple[Line, ...]
    incoming: tuple[Line, ...]
    steps: tuple[ExplainedStep, ...]
    outgoing: tuple[Line, ...]
    parameters: tuple[Line, ...]

    @property
    def rules(self) -> tuple[Line, ...]:
        """What its backward pass computes, in order."""
        computed = ("where", "rule", "share", "sum")
        return tuple(line for step in self.steps for line in step.lines if line.label in computed)

    @property
    def factor(self) -> float | None:
        """By how much the gradient grew on its way through: norm out by norm in.

        ``None`` where nothing goes out, or where what comes in is zero.
        """
        before, after = (
            float(np.sqrt(sum(line.norm**2 for line in lines)))
            for lines in (self.incoming, self.outgoing)
        )
        return after / before if self.outgoing and before > 0 else None


@dataclass(frozen=True)
class LocalDerivative:
    """The derivative of one scalar by another that it is computed from directly."""

    name: Formula
    formula: Formula
    value: float


@dataclass(frozen=True)
class PathProduct:
    """The product of the local derivatives along one path from the loss to a weight."""

    factors: tuple[LocalDerivative, ...]
    value: float


@dataclass(frozen=True)
class ExplainedWeight:
    """The derivative of the loss by one scalar weight, as a sum of products over paths.

    Args:
        name: the weight.
        gradient: what its derivative is called.
        products: one for each path from the loss to the weight.
        value: their sum.
        difference: the central difference quotient of the loss, measured beside it.
    """

    name: Formula
    gradient: Formula
    products: tuple[PathProduct, ...]
    value: float
    difference: float


@dataclass(frozen=True, eq=False)
class ExplainedUpdate:
    """What the optimizer makes of one parameter: its formula, line by line, with numbers.

    Args:
        name: the parameter.
        optimizer: the class of the optimizer, "Adam".
        lines: learning rate and other numbers, slots, and last the new value of the parameter.
        before: the parameter before the step.
        after: and after it.
    """

    name: Formula
    optimizer: str
    lines: tuple[Line, ...]
    before: Array
    after: Array


@dataclass(frozen=True)
class Contribution:
    """What one element of an incoming gradient adds to one entry of an outgoing gradient.

    Args:
        incoming: which element of the incoming gradient, by name and place.
        place: its place.
        gradient: its value.
        operand: which number of the forward pass the local derivative is, "x[0, 5, 6, 0]"; empty
            where it is no such number.
        derivative: the value of the local derivative.
    """

    incoming: str
    place: Place
    gradient: float
    operand: str
    derivative: float

    @property
    def product(self) -> float:
        """What is added."""
        return self.gradient * self.derivative


@dataclass(frozen=True)
class FollowedEntry:
    """One entry of a gradient, number by number.

    Args:
        name: the entry, "dL/dhidden.kernel[3, 7]".
        weight: the entry of the parameter or tensor, "hidden.kernel[3, 7]".
        weight_value: its value.
        rule: the rule of the whole tensor.
        contributions: everything that is added, zeros left out.
        zeros: how many contributions are zero.
        value: the sum.
    """

    name: str
    weight: str
    weight_value: float
    rule: Formula
    contributions: tuple[Contribution, ...]
    zeros: int
    value: float


@dataclass(frozen=True, eq=False)
class Explanation:
    """The backward pass of a loss, from the loss back to the parameters.

    Args:
        title: what is explained: the model's name, or "a loss".
        loss: the loss.
        given: data, parameters and constants, by name.
        forward: every quantity of the forward pass, in order.
        layers: the backward pass layer by layer, from the loss back.
        weights: for a network of scalars, the derivative by each weight as products over paths.
        updates: what the optimizer makes of each parameter, if there is an optimizer.
        entries: the entries that were asked for.
        fused: whether softmax and cross-entropy are one step.
    """

    title: str
    loss: Line
    given: tuple[Line, ...]
    forward: tuple[Line, ...]
    layers: tuple[ExplainedLayer, ...]
    weights: tuple[ExplainedWeight, ...] = ()
    updates: tuple[ExplainedUpdate, ...] = ()
    entries: tuple[FollowedEntry, ...] = ()
    fused: bool = True
    notes: tuple[str, ...] = field(default=())

    @property
    def steps(self) -> tuple[ExplainedStep, ...]:
        """All steps of the backward pass, from the loss back."""
        return tuple(step for layer in self.layers for step in layer.steps)

    @property
    def lines(self) -> tuple[Line, ...]:
        """Everything that is computed, in an order in which it can be: forward, then backward."""
        return (*self.forward, *(line for layer in self.layers for line in layer.rules))

    @property
    def gradients(self) -> dict[str, Array]:
        """The gradient of each parameter and of what was asked for, by plain name."""
        return {line.of: line.value for line in self.lines if line.of}

    def __len__(self) -> int:
        return len(self.steps)
