"""What an explanation holds: the backward pass as lines of formulas with their values.

These are values alone. `explaining` makes them from a graph; the renderers write them as text,
Markdown, LaTeX, JSON and HTML.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from glassgrad.graph import Formula
from glassgrad.graph.operation import Array

if TYPE_CHECKING:
    from glassgrad.lens.picturing import Picture

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
        lines: learning rate and other numbers, slots, gradient and parameter as given; then what is
            computed, new slots among it: a new value is called as the old one with ".new" behind.
        before: the parameter before the step.
        after: and after it.
    """

    name: Formula
    optimizer: str
    lines: tuple[Line, ...]
    before: Array
    after: Array

    @property
    def moved(self) -> float:
        """The norm of the change."""
        return float(np.linalg.norm(np.asarray(self.after) - np.asarray(self.before)))

    @property
    def size(self) -> float:
        """The norm of the parameter before the step."""
        return float(np.linalg.norm(self.before))


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


@dataclass(frozen=True, eq=False, repr=False)
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
        notes: what a reader must know besides.
        picture: the network with the size of the gradient on every line; ``picture.svg`` is the
            text of it, ``replace(picture, links={"hidden": "#layer-hidden"}).svg`` one whose boxes
            lead somewhere. ``None`` where the graph is too large to be looked at.
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
    picture: Picture | None = None

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
        """The gradients of parameters and of whatever lies between them and the loss, by name."""
        return {line.of: line.value for line in self.lines if line.of}

    def program(self) -> str:
        """A complete NumPy program that computes the loss and all gradients, step by step.

        Its function ``backpropagate`` takes what is given, in the order of ``given``, and gives
        the loss and a dictionary of gradients.

        Example:
            >>> from glassgrad import Variable, explain
            >>> explanation = explain((Variable(3.0, name="w") * 2.0).square())
            >>> space: dict[str, Any] = {}
            >>> exec(explanation.program(), space)
            >>> space["backpropagate"](3.0)[1]["w"]
            24.0
        """
        from glassgrad.lens.numpy_program import numpy_program  # it reads explanations

        return numpy_program(self)

    def __len__(self) -> int:
        return len(self.steps)

    # ---- written down

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return (
            f"<Explanation of {self.title}: {len(self.layers)} layers, {len(self.steps)} steps; "
            "print it, or save('page.html')>"
        )

    def text(self, width: int = 88, digits: int = 6) -> str:
        """The explanation as plain text.

        Args:
            width: of the lines.
            digits: significant digits.
        """
        from glassgrad.lens.render.text import text_of  # writers read explanations

        return text_of(self, width, digits)

    def markdown(self) -> str:
        """The explanation as Markdown, with formulas as GitHub sets them."""
        from glassgrad.lens.render.markdown import markdown_of

        return markdown_of(self)

    def latex(self, document: bool = True) -> str:
        """The explanation as LaTeX.

        Args:
            document: whether a whole document, or its body.
        """
        from glassgrad.lens.render.latex import latex_of

        return latex_of(self, document=document)

    def as_dict(self, most_values: int = 1000) -> dict[str, Any]:
        """The explanation as dictionaries, lists, numbers and text.

        Args:
            most_values: how many numbers of one array are written.
        """
        from glassgrad.lens.render.document import document_of

        return document_of(self, most_values)

    def json(self, most_values: int = 1000) -> str:
        """The same as JSON, without NaN or infinities, which JSON does not know."""
        return json.dumps(self.as_dict(most_values), allow_nan=False)

    def html(self) -> str:
        """The explanation as one page that opens from a file, without network."""
        from glassgrad.lens.render.html import html_of

        return html_of(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the explanation into a file, in the form that its name ends in.

        Args:
            path: ends in .html, .tex, .md, .json or .txt.

        Raises:
            ArgumentError: it ends otherwise.
            FileError: it cannot be written.
        """
        from glassgrad.lens.render.saving import save

        return save(self, path)

    def _repr_html_(self) -> str:
        from glassgrad.lens.render.html import cell_of

        return cell_of(self)
