"""Small matrices times many vectors at once, written in LLVM's language.

`apply_with` makes the intrinsic that takes a few rows of numbers to others, column by column, by
a constant matrix. It loads a register of each row, keeps everything between in registers, and
stores a register of each result. A compiler that is given the loop would first have to know that
a dozen pieces of memory do not overlap.

A matrix is given as the product of sparse ones, its *stages*, so that sums that are needed twice
are computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from glassgrad.execute.cpu.compiler import cgutils, intrinsic, ir, types
from glassgrad.execute.cpu.registers import Registers, load_vector, start_of, store_vector

__all__ = ["Matrix", "apply_with"]

Matrix = Sequence[Sequence[float]]

QUARTER = 4
"""The lanes of the short vectors that are taken where no whole register is left."""


def apply_with(registers: Registers, *stages: Matrix) -> Any:
    """The intrinsic that applies a matrix: the product of the stages, the last one first.

    ``apply(source, source_offset, source_step, target, target_offset, target_step, length)`` sets
    row i of the target to the sum over j of M[i, j] times row j of the source, for a length of
    numbers. Rows lie a step apart, and nothing of the source lies in the target.
    """

    def build(
        _typing: Any,
        source: Any, source_offset: Any, source_step: Any,
        target: Any, target_offset: Any, target_step: Any,
        length: Any,
    ) -> Any:  # fmt: skip
        index = types.int64
        signature = types.void(source, index, index, target, index, index, index)
        lanes = registers.lanes(target.dtype.bitwidth // 8)

        def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            start = start_of(context, builder, source, *values[:2])
            to = start_of(context, builder, target, *values[3:5])
            word = ir.IntType(64)
            done: Any = word(0)
            for width in sorted({lanes, min(lanes, QUARTER), 1}, reverse=True):
                end = builder.mul(builder.sdiv(values[6], word(width)), word(width))
                rows = _Rows(builder, width, start, values[2], to, values[5])
                with cgutils.for_range_slice(builder, done, end, word(width), inc=True) as (at, _):
                    rows.store(reduce(rows.apply, stages, rows.load(at, len(stages[0][0]))), at)
                done = end
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(build)


class _Rows:
    """Writes the code for one vector of each row."""

    def __init__(
        self, builder: Any, lanes: int, start: Any, step: Any, to: Any, to_step: Any
    ) -> None:
        self.builder = builder
        self.element = start.type.pointee
        self.kind = ir.VectorType(self.element, lanes)
        self.start, self.step, self.to, self.to_step = start, step, to, to_step

    def load(self, at: Any, count: int) -> list[Any]:
        """The rows that come in."""
        return [
            load_vector(self.builder, self._place(self.start, self.step, row, at), self.kind)
            for row in range(count)
        ]

    def store(self, values: Sequence[Any], at: Any) -> None:
        """The rows that are made."""
        for row, value in enumerate(values):
            store_vector(self.builder, value, self._place(self.to, self.to_step, row, at))

    def apply(self, values: Sequence[Any], matrix: Matrix) -> list[Any]:
        """The matrix times the rows."""
        return [self._sum(values, row) for row in matrix]

    def _sum(self, values: Sequence[Any], row: Sequence[float]) -> Any:
        """The values times their coefficients, summed; one that is positive comes first."""
        terms = [(c, value) for c, value in zip(row, values, strict=True) if c != 0]
        terms.sort(key=lambda term: term[0] != 1)
        (coefficient, value), *rest = terms
        total = value if coefficient == 1 else self.builder.fmul(self._all(coefficient), value)
        for coefficient, value in rest:
            if coefficient == 1:
                total = self.builder.fadd(total, value)
            elif coefficient == -1:
                total = self.builder.fsub(total, value)
            else:
                total = self._multiply_add(self._all(coefficient), value, total)
        return total

    def _all(self, coefficient: float) -> Any:
        return ir.Constant(self.kind, [coefficient] * self.kind.count)

    def _multiply_add(self, factor: Any, value: Any, addend: Any) -> Any:
        bits = 64 if isinstance(self.element, ir.DoubleType) else 32
        name = f"llvm.fmuladd.v{self.kind.count}f{bits}"
        kind = ir.FunctionType(self.kind, [self.kind] * 3)
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, [factor, value, addend])

    def _place(self, start: Any, step: Any, row: int, at: Any) -> Any:
        beginning = self.builder.mul(step, ir.IntType(64)(row))
        return self.builder.gep(start, [self.builder.add(beginning, at)])
