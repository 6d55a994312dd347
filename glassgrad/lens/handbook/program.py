"""A few lines of Python that compute an operation on its example, with what they print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from glassgrad.graph import Graph, Operation
from glassgrad.lens.handbook.example import Example

__all__ = ["program_of"]

DIGITS = 4  # fewer than any processor gets wrong
MOST_AXES = 2  # beyond, an array is printed as one line of numbers


def program_of(example: Example, differentiated: Sequence[str] = ()) -> str:
    """The program as an interactive session; empty where an operation holds a graph.

    Args:
        example: the operation and its inputs.
        differentiated: the inputs whose gradients it shows, of the sum of the first output's
            elements where the operation is element-wise, else of their squares.

    Example:
        >>> from glassgrad.lens.handbook.examples import examples
        >>> program_of(examples()["LogicalNot"]).splitlines()[2:]
        ['>>> y = ops.logical_not(x)', '>>> y.numpy()', 'array([False,  True])']
    """
    operation = example.operation
    held = [getattr(operation, field.name) for field in fields(operation)]
    if not example.call and any(isinstance(value, Graph | Operation) for value in held):
        return ""
    session = Session()
    call = example.call or f"{operation!r}({', '.join(example.inputs)})"
    session.run("from glassgrad import Tensor, ops" if "ops." in call else IMPORT)
    if not example.call:
        session.run(f"from {type(operation).__module__} import {example.name}")
    for line in example.before:
        session.run(line)
    for name, value in example.inputs.items():
        session.run(f"{name} = Tensor({_literal(value, name in differentiated)})")
    session.run(session.assignment(call, example.outputs))
    outputs = [name for name in example.outputs if name in session.names]
    for name in outputs:
        session.show(name)
    if differentiated:
        loss = "" if operation.is_elementwise or example.drawn else ".square()"
        session.run(f"{outputs[0]}{loss}.sum().backward()")
        for name in differentiated:
            session.show(f"{name}.grad")
    return "\n".join(session.lines)


IMPORT = "from glassgrad import Tensor"


class Session:
    """Lines as they are typed and answered."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {}

    def run(self, statement: str) -> None:
        """Execute a statement."""
        first, *rest = statement.split("\n")  # a definition ends in an empty line
        self.lines += [f">>> {first}", *(f"... {line}".rstrip() for line in rest)]
        exec(statement, self.names)

    def show(self, tensor: str) -> None:
        """Print the value of a tensor, rounded."""
        value = eval(tensor, self.names).numpy()
        rounded = value.round(DIGITS) if value.dtype.kind == "f" else value
        exact = np.array_equal(value, rounded, equal_nan=value.dtype.kind == "f")
        if value.ndim:
            flat = value.ndim > MOST_AXES
            call = f"{tensor}{'.flatten()' * flat}.numpy(){f'.round({DIGITS})' * (not exact)}"
            shown = value if exact else rounded
            self.lines += [f">>> {call}", *repr(shown.reshape(-1) if flat else shown).splitlines()]
        else:
            number = value.item()
            line = f"{tensor}.item()" if exact else f"round({tensor}.item(), {DIGITS})"
            self.lines += [f">>> {line}", repr(number if exact else round(number, DIGITS))]

    def assignment(self, call: str, outputs: Sequence[str]) -> str:
        """The statement that names what a call gives; a function may give fewer outputs."""
        if " = " in call:
            return call
        result = eval(call, self.names)
        count = len(result) if isinstance(result, tuple) else 1
        return f"{', '.join(outputs[:count])} = {call}"


def _literal(value: Any, requires_grad: bool) -> str:
    array = np.asarray(value)
    text = repr(array.tolist()).replace("inf", 'float("inf")').replace("nan", 'float("nan")')
    if array.dtype.kind == "u":
        text += f', dtype="{array.dtype}"'
    return text + ", requires_grad=True" * requires_grad
