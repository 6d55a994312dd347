"""Matrix products of many rows, by OpenBLAS in small pieces.

Where OpenBLAS has AVX-512 kernels, it multiplies small matrices (m n k <= 1e6) without packing
them first, which is faster than one large product. `multiply_in_panels` cuts a product into such
pieces: panels of B, `PANEL_COLUMNS` wide and at most `PANEL_DEPTH` deep, are copied to a
contiguous scratch, where they stay in the nearest cache while all rows of A pass by. The copy
also transposes, since the small kernels are slow where B is transposed.
"""

from __future__ import annotations

from typing import Any

from glassgrad.execute.cpu.blas import NORMAL, TRANSPOSED, core_name, gemm
from glassgrad.execute.cpu.compiler import helper
from glassgrad.execute.cpu.views import part_of_array

__all__ = ["HAS_SMALL_KERNELS", "even_share", "multiply_in_panels"]

PANEL_COLUMNS = 64
PANEL_DEPTH = 144
SMALL_PRODUCT = 1_000_000
GRANULARITY = 16

HAS_SMALL_KERNELS = core_name() in ("SkylakeX", "Cooperlake", "SapphireRapids")


@helper()
def multiply_in_panels(
    transpose_a: int, transpose_b: int,
    m: int, n: int, k: int,
    a: Any, a_offset: int, a_stride: int,
    b: Any, b_offset: int, b_stride: int,
    beta: float,
    c: Any, c_offset: int, c_stride: int,
    scratch: Any,
) -> None:  # fmt: skip
    """C = op(A) op(B) + beta C, as `gemm`, in tiles; the scratch is this part's own."""
    if k == 0:
        gemm(
            transpose_a, transpose_b, m, n, k,
            a, a_offset, a_stride, b, b_offset, b_stride, beta, c, c_offset, c_stride,
        )  # fmt: skip
        return
    depth = even_share(k, PANEL_DEPTH, 8)
    height = even_share(m, SMALL_PRODUCT // (PANEL_COLUMNS * depth), GRANULARITY)
    for column in range(0, n, PANEL_COLUMNS):
        width = min(PANEL_COLUMNS, n - column)
        for level in range(0, k, depth):
            levels = min(depth, k - level)
            in_place = transpose_b == NORMAL and b_stride == width
            if transpose_b == TRANSPOSED:
                start = b_offset + column * b_stride + level
                copy_transposed(scratch, b, start, b_stride, levels, width)
            elif not in_place:
                start = b_offset + level * b_stride + column
                copy(scratch, b, start, b_stride, levels, width)
            for row in range(0, m, height):
                a_start = row * a_stride + level
                if transpose_a == TRANSPOSED:
                    a_start = level * a_stride + row
                rows = min(height, m - row)
                c_start = c_offset + row * c_stride + column
                keep = beta if level == 0 else 1.0
                if in_place:
                    gemm(
                        transpose_a, NORMAL, rows, width, levels,
                        a, a_offset + a_start, a_stride,
                        b, b_offset + level * b_stride, b_stride,
                        keep, c, c_start, c_stride,
                    )  # fmt: skip
                else:
                    gemm(
                        transpose_a, NORMAL, rows, width, levels,
                        a, a_offset + a_start, a_stride, scratch, 0, width,
                        keep, c, c_start, c_stride,
                    )  # fmt: skip


@helper()
def even_share(length: int, limit: int, granularity: int) -> int:
    """Cut a length into the fewest pieces below the limit: their size, as even as can be."""
    pieces = max(1, (length + limit - 1) // limit)
    share = (length + pieces - 1) // pieces
    return max(1, (share + granularity - 1) // granularity) * granularity


@helper()
def copy(panel: Any, b: Any, start: int, stride: int, levels: int, width: int) -> None:
    """Copy a panel of B, whose rows lie ``stride`` apart, to consecutive memory."""
    for level in range(levels):
        target = part_of_array(panel, level * width, width)
        source = part_of_array(b, start + level * stride, width)
        for column in range(width):
            target[column] = source[column]


@helper()
def copy_transposed(panel: Any, b: Any, start: int, stride: int, levels: int, width: int) -> None:
    """Copy the transpose of a piece of B: eight rows at a time become eight columns.

    Reading one row at a time would write single elements to as many cache lines as the row is
    long; reading columns would be worse, all of them in the same few sets of the cache.
    """
    by_eight = width // 8 * 8
    for column in range(0, by_eight, 8):
        row = start + column * stride
        source_0 = part_of_array(b, row, levels)
        source_1 = part_of_array(b, row + stride, levels)
        source_2 = part_of_array(b, row + 2 * stride, levels)
        source_3 = part_of_array(b, row + 3 * stride, levels)
        source_4 = part_of_array(b, row + 4 * stride, levels)
        source_5 = part_of_array(b, row + 5 * stride, levels)
        source_6 = part_of_array(b, row + 6 * stride, levels)
        source_7 = part_of_array(b, row + 7 * stride, levels)
        for level in range(levels):
            target = part_of_array(panel, level * width + column, 8)
            target[0] = source_0[level]
            target[1] = source_1[level]
            target[2] = source_2[level]
            target[3] = source_3[level]
            target[4] = source_4[level]
            target[5] = source_5[level]
            target[6] = source_6[level]
            target[7] = source_7[level]
    for column in range(by_eight, width):
        source = part_of_array(b, start + column * stride, levels)
        for level in range(levels):
            panel[level * width + column] = source[level]
