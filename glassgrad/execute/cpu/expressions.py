"""How each element-wise operation is written inside a generated kernel, attached by type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any

from glassgrad.execute.cpu.simplify import StreamedUniform
from glassgrad.graph import Operation
from glassgrad.ops import elementwise, logic, rounding, trigonometry
from glassgrad.ops.movement import BroadcastTo

__all__ = ["BY_NUMPY", "MATHEMATICS", "expression", "has_expression", "is_cheap"]

MATHEMATICS = ("erf", "erfinv", "exp", "expm1", "log", "log1p", "sigmoid", "tanh")

BY_NUMPY = (
    "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "ceil", "cos", "cosh", "floor",
    "isfinite", "isinf", "isnan", "rint", "sin", "sinh", "sqrt", "tan",
)  # fmt: skip
"""The functions that Numba compiles for the names of NumPy's."""

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
    elementwise.Erfinv: "erfinv({0})",
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
    rounding.Floor: "floor({0})",
    rounding.Ceil: "ceil({0})",
    rounding.Round: "rint({0})",
    trigonometry.Sin: "sin({0})",
    trigonometry.Cos: "cos({0})",
    trigonometry.Tan: "tan({0})",
    trigonometry.Arcsin: "arcsin({0})",
    trigonometry.Arccos: "arccos({0})",
    trigonometry.Arctan: "arctan({0})",
    trigonometry.Sinh: "sinh({0})",
    trigonometry.Cosh: "cosh({0})",
    trigonometry.Arcsinh: "arcsinh({0})",
    trigonometry.Arccosh: "arccosh({0})",
    trigonometry.Arctanh: "arctanh({0})",
    logic.LogicalAnd: "{0} and {1}",
    logic.LogicalOr: "{0} or {1}",
    logic.LogicalXor: "{0} != {1}",
    logic.LogicalNot: "not {0}",
    logic.IsNan: "isnan({0})",
    logic.IsInf: "isinf({0})",
    logic.IsFinite: "isfinite({0})",
}

CHEAP = frozenset(TEMPLATES) - {
    elementwise.Divide,
    elementwise.Power,
    elementwise.Sqrt,
    elementwise.Erf,
    elementwise.Erfinv,
    elementwise.Exp,
    elementwise.Expm1,
    elementwise.Log,
    elementwise.Log1p,
    elementwise.Sigmoid,
    elementwise.Tanh,
    trigonometry.Sin,
    trigonometry.Cos,
    trigonometry.Tan,
    trigonometry.Arcsin,
    trigonometry.Arccos,
    trigonometry.Arctan,
    trigonometry.Sinh,
    trigonometry.Cosh,
    trigonometry.Arcsinh,
    trigonometry.Arccosh,
    trigonometry.Arctanh,
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
    if type(operation) in TEMPLATES:
        return True
    registered: Callable[..., Any] = expression.dispatch(type(operation))
    return registered is not expression.dispatch(object)


def is_cheap(operation: Operation) -> bool:
    """Whether it is better computed again wherever it is needed than stored."""
    return type(operation) in CHEAP
