"""How each element-wise operation is written inside a generated kernel, attached by type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any

from glassgrad.execute.cpu.simplify import StreamedUniform
from glassgrad.graph import Operation
from glassgrad.ops import elementwise
from glassgrad.ops.movement import BroadcastTo

__all__ = ["MATHEMATICS", "expression", "has_expression", "is_cheap"]

MATHEMATICS = ("erf", "exp", "expm1", "log", "log1p", "sigmoid", "tanh")

TEMPLATES: dict[type[Operation], str] = {
    elementwise.Add: "{0} + {1}",
    elementwise.Subtract: "{0} - {1}",
    elementwise.Multiply: "{0} * {1}",
    elementwise.Divide: "{0} / {1}",
    elementwise.Power: "{0} ** {1}",
    elementwise.Negative: "-{0}",
    elementwise.Absolute: "abs({0})",
    elementwise.Sign: "({dtype}(1) if {0} > {zero} else ({dtype}(-1) if {0} < {zero} else {0}))",
    elementwise.Square: "{0} * {0}",
    elementwise.Sqrt: "sqrt({0})",
    elementwise.Erf: "erf({0})",
    elementwise.Exp: "exp({0})",
    elementwise.Expm1: "expm1({0})",
    elementwise.Log: "log({0})",
    elementwise.Log1p: "log1p({0})",
    elementwise.Sigmoid: "sigmoid({0})",
    elementwise.Tanh: "tanh({0})",
    # Comparisons are turned so that NaN is kept, as NumPy keeps it.
    elementwise.Relu: "({zero} if {0} < {zero} else {0})",
    elementwise.Heaviside: ("({zero} if {0} < {zero} else ({dtype}(1) if {0} >= {zero} else {0}))"),
    elementwise.Maximum: "({0} if {0} >= {1} or {0} != {0} else {1})",
    elementwise.Minimum: "({0} if {0} <= {1} or {0} != {0} else {1})",
    elementwise.Equal: "{0} == {1}",
    elementwise.NotEqual: "{0} != {1}",
    elementwise.Less: "{0} < {1}",
    elementwise.LessEqual: "{0} <= {1}",
    elementwise.Greater: "{0} > {1}",
    elementwise.GreaterEqual: "{0} >= {1}",
    elementwise.Where: "({1} if {0} else {2})",
    elementwise.Cast: "{0}",
    elementwise.StopGradient: "{0}",
    BroadcastTo: "{0}",
}

CHEAP = frozenset(TEMPLATES) - {
    elementwise.Divide,
    elementwise.Power,
    elementwise.Sqrt,
    elementwise.Erf,
    elementwise.Exp,
    elementwise.Expm1,
    elementwise.Log,
    elementwise.Log1p,
    elementwise.Sigmoid,
    elementwise.Tanh,
}
"""What takes less time to compute again than to store and to load."""


@singledispatch
def expression(operation: Operation, operands: Sequence[str], dtype: str, index: str) -> str:
    """The operation as Python source.

    Args:
        operation: an element-wise operation.
        operands: the names of its inputs' elements.
        dtype: the dtype of the result.
        index: the position of the element in the whole tensor.
    """
    template = TEMPLATES[type(operation)]
    return template.format(*operands, dtype=dtype, zero=f"{dtype}(0)")


@expression.register
def _uniform(operation: StreamedUniform, operands: Sequence[str], dtype: str, index: str) -> str:
    seed, step, stream = operands
    return f"uniform_{dtype}({seed}, {stream}, {step}, uint32({index}))"


def has_expression(operation: Operation) -> bool:
    """Whether the operation can be part of a generated kernel."""
    registered: Callable[..., Any] = expression.dispatch(type(operation))
    return type(operation) in TEMPLATES or registered is not expression.dispatch(object)


def is_cheap(operation: Operation) -> bool:
    """Whether it is better computed again wherever it is needed than stored."""
    return type(operation) in CHEAP
