"""What the tiles of attention are made of: their products, their edges and their masks."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.execute.cpu.blas import NORMAL, TRANSPOSED, gemm
from glassgrad.execute.cpu.compiler import helper, intrinsic, ir
from glassgrad.execute.cpu.matmul import tiled_gemm
from glassgrad.execute.cpu.panels import HAS_SMALL_KERNELS
from glassgrad.execute.cpu.views import part_of_array

__all__ = [
    "TILE",
    "add_to_columns",
    "fill_from",
    "finite_or_zero",
    "hide",
    "higher",
    "inner_product",
    "multiply",
    "scale_line",
    "strip_of",
    "up_to_vectors",
]

TILE = 64
"""The most queries and keys of a tile: its weights, 16 KiB of float32, stay in the first cache."""

STRIP = 16
"""Rows that are taken together on the diagonal; no vector is longer."""


@helper()
def up_to_vectors(length: int) -> int:
    """The length, rounded up to whole vectors."""
    return (length + STRIP - 1) // STRIP * STRIP


@helper()
def strip_of(is_edge: bool) -> int:
    """How many rows of a tile are taken together."""
    return STRIP if is_edge else TILE


@helper()
def finite_or_zero(x: Any) -> Any:
    """Zero in place of what is infinite or no number."""
    return x if np.isfinite(x) else np.float32(0)


@helper()
def multiply(
    transpose_a: int,
    m: int, n: int, k: int,
    a: Any, a_offset: int, a_stride: int,
    b: Any, b_offset: int, b_stride: int,
    beta: float,
    c: Any, c_offset: int, c_stride: int,
    scratch: Any,
) -> None:  # fmt: skip
    """C = op(A) B + beta C, as `gemm`, of matrices that fit in a cache."""
    if HAS_SMALL_KERNELS:
        gemm(
            transpose_a, NORMAL, m, n, k,
            a, a_offset, a_stride, b, b_offset, b_stride, beta, c, c_offset, c_stride,
        )  # fmt: skip
    else:
        tiled_gemm(
            transpose_a, NORMAL, m, n, k,
            a, a_offset, a_stride, b, b_offset, b_stride, beta, c, c_offset, c_stride, scratch,
        )  # fmt: skip


@helper()
def add_to_columns(
    rows: int, width: int, size: int, is_edge: bool,
    tile: Any, x: Any, start: int, stride: int, y: Any, y_start: int, y_stride: int, scratch: Any,
) -> None:  # fmt: skip
    """Add to each key what it collects: the columns of a tile times the rows of its queries.

    Strips of keys begin on the diagonal where there is one: earlier queries do not see them.
    """
    strip = strip_of(is_edge)
    for column in range(0, width, strip):
        first = column if is_edge else 0
        multiply(
            TRANSPOSED, min(strip, width - column), size, rows - first,
            tile, first * TILE + column, TILE, x, start + first * stride, stride,
            1.0, y, y_start + column * y_stride, y_stride, scratch,
        )  # fmt: skip


@helper()
def hide(line: Any, mask: Any, start: int, step: int, count: int, value: Any) -> None:
    """Put a value in place of what a mask does not let see."""
    if step == 0:
        if mask[start] == 0:
            line[:] = value
        return
    seen = part_of_array(mask, start, count)
    for j in range(count):
        line[j] = line[j] if seen[j] != 0 else value


@helper()
def fill_from(line: Any, start: int, value: Any) -> None:
    """Put a value from there on."""
    for j in range(start, line.size):
        line[j] = value


@helper()
def scale_line(line: Any, factor: Any) -> None:
    """Multiply every element."""
    for j in range(line.size):
        line[j] *= factor


@helper()
def inner_product(a: Any, b: Any) -> Any:
    """Sum of products."""
    total = a.dtype.type(0)
    for j in range(a.size):
        total += a[j] * b[j]
    return total


@intrinsic
def higher(_typing: Any, one: Any, other: Any) -> Any:
    """The larger of two floats; of NaN it gives anything, in one instruction for a whole vector.

    A row in which a score is NaN becomes NaN whatever the others are compared with.
    """

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        kind = values[0].type
        signature = ir.FunctionType(kind, [kind, kind])
        choose = builder.module.declare_intrinsic("llvm.maximum", [kind], signature)
        return builder.call(choose, values, fastmath=("nnan", "nsz"))

    return one(one, other), generate
