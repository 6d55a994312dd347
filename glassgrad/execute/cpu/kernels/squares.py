"""Sums of squares that are taken in passing, while other values are computed."""

from __future__ import annotations

from typing import Any

from glassgrad.execute.cpu.compiler import intrinsic, ir

__all__ = ["ELEMENTS_OF_A_SUM", "plus_square"]

ELEMENTS_OF_A_SUM = 4096
"""So many are summed in their own dtype; such sums are added up in float64."""

REORDERED = ("reassoc", "nsz", "contract")


@intrinsic
def plus_square(_typing: Any, total: Any, value: Any) -> Any:
    """The sum with the square of one more member, which may change its place.

    One instruction of its own: were the square a product that an update also needs, the update's
    rounding would depend on whether somebody sums.
    """

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        so_far, member = values
        kind = so_far.type
        signature = ir.FunctionType(kind, [kind] * 3)
        multiply_add = builder.module.declare_intrinsic("llvm.fmuladd", [kind], signature)
        return builder.call(multiply_add, [member, member, so_far], fastmath=REORDERED)

    return total(total, value), generate
