"""How each element-wise operation is written inside a generated kernel, attached by type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any

from glassgrad.execute.cpu.simplify import StreamedUniform
from glassgrad.graph import Operation
from glassgrad.ops import elementwise as e
from glassgrad.ops.movement import BroadcastTo

__all__ = ["MATHEMATICS", "expression", "has_expression", "is_cheap"]

MATHEMATICS = ("exp", "expm1", "log", "log1p", "sigmoid", "tanh")

TEMPLATES: dict[type[Operation], str] = {
    e.Add: "{0} + {1}",
    e.Subtract: "{0} - {1}",
    e.Multiply: "{0} * {1}",
    e.Divide: "{0} / {1}",
    e.Power: "{0} ** {1}",
    e.Negative: "-{0}",
    e.Absolute: "abs({0})",
    e.Sign: "({dtype}(1) if {0} > {zero} else ({dtype}(-1) if {0} < {zero} else {0}))",
    e.Square: "{0} * {0}",
    e.Sqrt: "sqrt({0})",
    e.Exp: "exp({0})",
    e.Expm1: "expm1({0})",
    e.Log: "log({0})",
    e.Log1p: "log1p({0})",
    e.Sigmoid: "sigmoid({0})",
    e.Tanh: "tanh({0})",
    # Comparisons are turned so that NaN is kept, as NumPy keeps it.
    e.Relu: "({zero} if {0} < {zero} else {0})",
    e.Maximum: "({0} if {0} >= {1} or {0} != {0} else {1})",
    e.Minimum: "({0} if {0} <= {1} or {0} != {0} else {1})",
    e.Equal: "{0} == {1}",
    e.NotEqual: "{0} != {1}",
    e.Less: "{0} < {1}",
    e.LessEqual: "{0} <= {1}",
    e.Greater: "{0} > {1}",
    e.GreaterEqual: "{0} >= {1}",
    e.Where: "({1} if {0} else {2})",
    e.Cast: "{0}",
    e.StopGradient: "{0}",
    BroadcastTo: "{0}",
}

CHEAP = frozenset(TEMPLATES) - {
    e.Divide, e.Power, e.Sqrt, e.Exp, e.Expm1, e.Log, e.Log1p, e.Sigmoid, e.Tanh,
}  # fmt: skip
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
