"""Matrix products in vector registers: the innermost loops, written in LLVM's language.

A compiler that is given three nested loops does not keep a tile of C in registers; so the tile is
spelled out here. `multiply_micro_tile` adds one column of A times one row of B at a time to a
tile of `Registers.rows` rows and up to `Registers.vectors` vectors of columns. The tile fills
the registers and leaves room for one row of B and one element of A: each step loads
``vectors + rows`` values for ``vectors * rows`` multiplications, which is as few as can be.

`copy_transposed` turns rows into columns by interleaving vectors, so that both sides of a product
can be laid out as the tile reads them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from glassgrad.execute.cpu.compiler import cgutils, intrinsic, ir, types
from glassgrad.execute.cpu.host import family, features

__all__ = ["HOST", "Registers", "copy_transposed_with", "multiply_micro_tile_with", "start_of"]


@dataclass(frozen=True)
class Registers:
    """A processor's vector registers, and the tile of a product that fills them."""

    width: int  # bytes
    rows: int
    vectors: int

    def lanes(self, element_bytes: int) -> int:
        """How many elements a register holds."""
        return self.width // element_bytes

    def columns(self, element_bytes: int) -> int:
        """How many columns the widest tile has."""
        return self.vectors * self.lanes(element_bytes)


AVX512 = Registers(64, rows=8, vectors=3)  # 24 of 32 registers hold the tile
AVX2 = Registers(32, rows=4, vectors=3)  # 12 of 16
SSE = Registers(16, rows=4, vectors=3)  # 12 of 16
NEON = Registers(16, rows=8, vectors=3)  # 24 of 32


def registers_of(processor: str, present: set[str]) -> Registers:
    """The registers of a processor of a family, with these features."""
    if processor == "arm":
        return NEON
    if "avx512f" in present:
        return AVX512
    return AVX2 if {"avx2", "fma"} <= present else SSE


HOST = registers_of(family(), features())
"""The registers of this processor."""


def multiply_micro_tile_with(registers: Registers, vectors: int) -> Any:
    """The intrinsic that multiplies a tile of ``registers.rows`` rows and so many vectors.

    ``multiply_micro_tile(depth, a, a_offset, a_step, b, b_offset, b_step, c, c_offset, c_stride,
    keeps)`` computes ``C[i, j] = sum over p of A[p, i] B[p, j]``, added to what C holds if
    ``keeps`` is not 0. Rows of A and B lie a step apart, rows of C a stride.
    """

    def build(
        _typing: Any, depth: Any,
        a: Any, a_offset: Any, a_step: Any,
        b: Any, b_offset: Any, b_step: Any,
        c: Any, c_offset: Any, c_stride: Any,
        keeps: Any,
    ) -> Any:  # fmt: skip
        index = types.int64
        signature = types.void(index, a, index, index, b, index, index, c, index, index, index)
        lanes = registers.lanes(c.dtype.bitwidth // 8)

        def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            depth, a_values, b_values, c_values = values[0], values[1:4], values[4:7], values[7:10]
            starts = [
                start_of(context, builder, kind, *place[:2])
                for kind, place in ((a, a_values), (b, b_values), (c, c_values))
            ]
            tile = MicroTile(builder, starts[0].type.pointee, registers.rows, vectors, lanes)
            sums = tile.sums(depth, starts[0], a_values[2], starts[1], b_values[2])
            tile.store(sums, starts[2], c_values[2], values[10])
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(build)


@dataclass
class MicroTile:
    """Writes the code of one tile of C that is kept in registers."""

    builder: Any
    element: Any
    rows: int
    vectors: int
    lanes: int

    def __post_init__(self) -> None:
        self.vector = ir.VectorType(self.element, self.lanes)

    def sums(self, depth: Any, a: Any, a_step: Any, b: Any, b_step: Any) -> list[Any]:
        """The loop over the inner dimension; its results, row by row."""
        builder = self.builder
        before = builder.block
        body = builder.append_basic_block("product_step")
        after = builder.append_basic_block("product_end")
        zeros = [ir.Constant(self.vector, None)] * (self.rows * self.vectors)
        builder.cbranch(builder.icmp_signed(">", depth, ir.IntType(64)(0)), body, after)

        builder.position_at_end(body)
        starts = (ir.IntType(64)(0), a, b, *zeros)
        running = [builder.phi(start.type) for start in starts]
        level, a_row, b_row, *sums = running
        added = self._step(a_row, b_row, sums)
        following = [
            builder.add(level, ir.IntType(64)(1)),
            builder.gep(a_row, [a_step]),
            builder.gep(b_row, [b_step]),
            *added,
        ]
        for phi, start, value in zip(running, starts, following, strict=True):
            phi.add_incoming(start, before)
            phi.add_incoming(value, body)
        builder.cbranch(builder.icmp_signed("<", following[0], depth), body, after)

        builder.position_at_end(after)
        return [self._either(zeros[0], before, value, body) for value in added]

    def _either(self, zero: Any, before: Any, value: Any, body: Any) -> Any:
        phi = self.builder.phi(self.vector)
        phi.add_incoming(zero, before)
        phi.add_incoming(value, body)
        return phi

    def _step(self, a_row: Any, b_row: Any, sums: Sequence[Any]) -> list[Any]:
        """Add a column of A times a row of B."""
        row_of_b = [self._load(b_row, vector * self.lanes) for vector in range(self.vectors)]
        added = []
        for row in range(self.rows):
            factor = self._broadcast(self.builder.load(self._at(a_row, row)))
            for vector in range(self.vectors):
                so_far = sums[row * self.vectors + vector]
                added.append(self._multiply_add(factor, row_of_b[vector], so_far))
        return added

    def store(self, sums: Sequence[Any], c: Any, stride: Any, keeps: Any) -> None:
        """Put the tile into C, or add it."""
        rows = [
            self.builder.gep(c, [self.builder.mul(stride, ir.IntType(64)(i))])
            for i in range(self.rows)
        ]
        places = [(row, v * self.lanes) for row in rows for v in range(self.vectors)]
        is_kept = self.builder.icmp_signed("!=", keeps, ir.IntType(64)(0))
        with self.builder.if_else(is_kept) as (adds, overwrites):
            with adds:
                for place, value in zip(places, sums, strict=True):
                    self._store(self.builder.fadd(self._load(*place), value), *place)
            with overwrites:
                for place, value in zip(places, sums, strict=True):
                    self._store(value, *place)

    def _multiply_add(self, factor: Any, other: Any, addend: Any) -> Any:
        name = f"llvm.fmuladd.v{self.lanes}f{_bits(self.element)}"
        kind = ir.FunctionType(self.vector, [self.vector] * 3)
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, [factor, other, addend])

    def _broadcast(self, value: Any) -> Any:
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, ir.IntType(32)(0))
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), None)
        return self.builder.shuffle_vector(first, undefined, everywhere)

    def _at(self, start: Any, offset: int) -> Any:
        return self.builder.gep(start, [ir.IntType(64)(offset)])

    def _load(self, start: Any, offset: int) -> Any:
        return load_vector(self.builder, self._at(start, offset), self.vector)

    def _store(self, value: Any, start: Any, offset: int) -> None:
        store_vector(self.builder, value, self._at(start, offset))


def copy_transposed_with(registers: Registers, limit: int) -> Any:
    """The intrinsic that writes a few rows, a register of each, as columns.

    ``copy_transposed(target, target_offset, target_step, source, source_offset, source_stride)``
    sets ``target[p, i] = source[i, p]`` for the p of one register, and as many i, up to a limit:
    a power of two. Where the limit is the smaller number, the step must be equal to it.
    """

    def build(
        _typing: Any,
        target: Any, target_offset: Any, target_step: Any,
        source: Any, source_offset: Any, source_stride: Any,
    ) -> Any:  # fmt: skip
        index = types.int64
        signature = types.void(target, index, index, source, index, index)
        lanes = registers.lanes(target.dtype.bitwidth // 8)
        rows = min(limit, lanes)

        def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            to = start_of(context, builder, target, *values[:2])
            start = start_of(context, builder, source, *values[3:5])
            kind = ir.VectorType(to.type.pointee, lanes)
            vectors = [
                load_vector(
                    builder, builder.gep(start, [builder.mul(values[5], ir.IntType(64)(i))]), kind
                )
                for i in range(rows)
            ]
            for number, vector in enumerate(interleaved(builder, vectors)):
                first_level = number * lanes // rows
                place = builder.gep(to, [builder.mul(values[2], ir.IntType(64)(first_level))])
                store_vector(builder, vector, place)
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(build)


def interleaved(builder: Any, vectors: list[Any]) -> list[Any]:
    """The transpose of rows, in reading order, cut into vectors again.

    Each round interleaves the first half of the vectors with the second, as one shuffles cards;
    after as many rounds as the number of vectors has binary digits, element p of all vectors
    stands together.
    """
    half = len(vectors) // 2
    for _ in range(half.bit_length()):
        vectors = [
            piece
            for first, second in zip(vectors[:half], vectors[half:], strict=True)
            for piece in _interleave(builder, first, second)
        ]
    return vectors


def _interleave(builder: Any, first: Any, second: Any) -> tuple[Any, Any]:
    lanes = first.type.count
    mask = [place for lane in range(lanes) for place in (lane, lanes + lane)]
    kind = ir.VectorType(ir.IntType(32), lanes)
    halves = (mask[:lanes], mask[lanes:])
    low, high = (builder.shuffle_vector(first, second, ir.Constant(kind, half)) for half in halves)
    return low, high


def load_vector(builder: Any, start: Any, kind: Any) -> Any:
    """A vector from memory that is aligned to elements only."""
    value = builder.load(builder.bitcast(start, kind.as_pointer()))
    value.align = _bits(kind.element) // 8
    return value


def store_vector(builder: Any, value: Any, start: Any) -> None:
    """A vector to memory that is aligned to elements only."""
    stored = builder.store(value, builder.bitcast(start, value.type.as_pointer()))
    stored.align = _bits(value.type.element) // 8


def _bits(element: Any) -> int:
    return 64 if isinstance(element, ir.DoubleType) else 32


def start_of(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    """The pointer to an element of a contiguous array."""
    data = cgutils.create_struct_proxy(kind)(context, builder, value=array).data
    return builder.gep(data, [offset])
