"""The backward pass, step by step: each chain rule as a formula and as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import GradientError
from glassgrad.gradients import Step, gradients, leaves_of
from glassgrad.gradients.reverse import chain_rule, listed, nodes_between
from glassgrad.graph import (
    Constant,
    Formula,
    Names,
    Tensor,
    Variable,
    as_tensor,
    formula_of,
    walk,
)
from glassgrad.graph.tensor import Key, evaluator

__all__ = ["ExplainedStep", "Explanation", "Line", "explain"]

LONGEST_LINE = 88
SHOWN_ELEMENTS = 6
SHOWN_AXES = 2


@dataclass(frozen=True)
class Line:
    """A quantity: what it is called, how it is computed, and its value."""

    label: str
    name: Formula
    formula: Formula | None
    value: np.ndarray[Any, Any]

    def __str__(self) -> str:
        right = "" if self.formula is None else f" = {self.formula.plain}"
        line = f"  {self.label:<9} {self.name.plain}{right}"
        value = f"= {shown(self.value)}"
        one = f"{line} {value}"
        return one if len(one) <= LONGEST_LINE else f"{line}\n{'':12}{value}"


@dataclass(frozen=True)
class ExplainedStep:
    """The chain rule through one operation: forward, what comes in, what goes out."""

    title: str
    layer: str
    lines: tuple[Line, ...]

    def __str__(self) -> str:
        head = self.title + (f"   [{self.layer}]" if self.layer else "")
        return "\n".join([head, *map(str, self.lines)])


@dataclass(frozen=True)
class Explanation:
    """All steps of a backward pass, from the loss back to the variables."""

    loss: Line
    steps: tuple[ExplainedStep, ...]

    def __str__(self) -> str:
        return "\n\n".join([str(self.loss).strip(), *map(str, self.steps)])

    def __len__(self) -> int:
        return len(self.steps)


def explain(loss: Tensor, variables: Sequence[Tensor | Variable] | None = None) -> Explanation:
    """Explain how the gradient of a scalar comes about.

    Every formula is the chain rule itself, run on named placeholders and printed; every number
    is its value.

    Args:
        loss: a scalar.
        variables: what to differentiate by; by default the trainable variables and the tensors
            made with ``requires_grad=True``.

    Raises:
        GradientError: there is nothing to differentiate by.
        ShapeError: the loss is no scalar.

    Example:
        >>> x = Tensor(3.0, requires_grad=True)
        >>> print(explain(x.square()))
        loss      t1 = x ** 2 = 9
        <BLANKLINE>
        1 of 1  back through Square
          forward   t1 = x ** 2 = 9
          incoming  dL/dt1 = 1
          rule      dL/dx = 2 * dL/dt1 * x = 6
    """
    loss = as_tensor(loss)
    targets = listed(variables) if variables is not None else leaves_of(loss)
    if not targets:
        raise GradientError(
            "There is nothing to differentiate by: use a trainable Variable, or "
            "Tensor(..., requires_grad=True)."
        )
    record: list[Step] = []
    gradients(loss, targets, record=record)
    names = _names(loss, targets)
    wanted = [loss] + [t for step in record for t in _tensors_of(step)]
    arrays = evaluator().evaluate(wanted)
    values = {tensor.key: array for tensor, array in zip(wanted, arrays, strict=True)}
    first = Line("loss", names[loss], _forward(loss, names), values[loss.key])
    # The tensors on a path from a target to the loss: only their gradients are asked for.
    followed = {as_tensor(target).key for target in targets}
    for node in nodes_between([loss], [as_tensor(target) for target in targets]):
        followed.update(tensor.key for tensor in node.outputs)
    titles = [
        f"{n} of {len(record)}  back through {step.node.operation.name}"
        for n, step in enumerate(record, 1)
    ]
    steps = [
        _explained(title, step, names, values, followed)
        for title, step in zip(titles, record, strict=True)
    ]
    return Explanation(first, tuple(steps))


def _names(loss: Tensor, targets: Sequence[Tensor | Variable]) -> Names:
    """Names in the order of the forward pass: x for constants, t1, t2 … for what is computed."""
    given: dict[Key, Formula] = {}
    letters = iter("xyzuvw")
    for target in map(as_tensor, targets):
        if isinstance(target.node.operation, Constant):
            letter = next(letters, f"x{len(given)}")
            given[target.key] = Formula(letter, letter)
    names = Names(given)
    for node in walk([loss]):
        for tensor in node.outputs:
            names[tensor]  # a name is given at the first question
    return names


def _tensors_of(step: Step) -> list[Tensor]:
    present = [g for g in (*step.incoming, *step.outgoing) if g is not None]
    return [*step.node.outputs, *present]


def _forward(tensor: Tensor, names: Names) -> Formula | None:
    node = tensor.node
    if not node.inputs:
        return None
    return node.operation.formula([names[operand] for operand in node.inputs], tensor.index)


def _explained(
    title: str,
    step: Step,
    names: Names,
    values: dict[Key, np.ndarray[Any, Any]],
    followed: set[Key],
) -> ExplainedStep:
    node = step.node
    lines = [
        Line("forward", names[tensor], _forward(tensor, names), values[tensor.key])
        for tensor in node.outputs
    ]
    lines += [
        Line("incoming", _slope(names[t]), None, values[g.key])
        for t, g in zip(node.outputs, step.incoming, strict=True)
        if g is not None
    ]
    rules = _rules(step, names)
    for operand, gradient, rule in zip(node.inputs, step.outgoing, rules, strict=True):
        if gradient is not None and operand.key in followed:
            lines.append(Line("rule", _slope(names[operand]), rule, values[gradient.key]))
    return ExplainedStep(title, node.scope, tuple(lines))


def _rules(step: Step, names: Names) -> list[Formula | None]:
    """The chain rule, run on the node's tensors under their names, as formulas."""
    node = step.node
    known = {tensor.key: names[tensor] for tensor in (*node.inputs, *node.outputs)}
    for tensor, gradient in zip(node.outputs, step.incoming, strict=True):
        if gradient is not None:
            known[gradient.key] = _slope(names[tensor])
    local = Names(known)
    found = chain_rule(node.operation, step.incoming, node.outputs, node.inputs)
    return [None if one is None else formula_of(one, local) for one in found]


def _slope(name: Formula) -> Formula:
    return Formula(f"dL/d{name.plain}", rf"\frac{{dL}}{{d{name.latex}}}")


def shown(value: np.ndarray[Any, Any]) -> str:
    """An array as text: all numbers of a small one, the first and its size of a large one.

    Example:
        >>> shown(np.arange(3.0)), shown(np.ones((100, 100)))
        ('[0. 1. 2.]', '1. 1. 1. 1. 1. 1. … of shape (100, 100), norm 100')
    """
    array = np.asarray(value)
    if array.size == 1:
        digits = 7 if array.dtype == np.float32 else 12
        return f"{array.item():.{digits}g}"
    if array.size <= SHOWN_ELEMENTS * SHOWN_AXES and array.ndim <= SHOWN_AXES:
        text = np.array2string(array, precision=6, suppress_small=True, max_line_width=1000)
        return " ".join(text.split())
    start = np.array2string(array.reshape(-1)[:SHOWN_ELEMENTS], precision=4).strip("[]")
    norm = float(np.linalg.norm(array.astype(np.float64)))
    return f"{' '.join(start.split())} … of shape {array.shape}, norm {norm:.4g}"
