"""Matrix products of our own, divided among many parts.

The innermost loops are in `registers`: a tile of C that fills the vector registers, to which one
column of A times one row of B is added at a time. That runs at the full speed of the processor
if both are in near caches, in the order in which they are read, and this module brings them
there. A product is worked off in pieces:

- `DEPTH` levels of the inner dimension at a time;
- of these, a *block* of at most `HEIGHT` rows of A, copied in groups of as many rows as a tile
  has, each group level by level: it stays in the second cache;
- of these, a *panel* of as many columns of B as a tile has, copied level by level: it stays in
  the first cache, or near it, while the whole block passes by.

The copies pay: rows of 1,024 numbers, say, all begin in the same few sets of a cache, each of
which holds eight lines or so. What is used only a few times is read where it lies, though.

Where OpenBLAS has kernels for small matrices, `panels` are as fast or up to a tenth faster if there
are many rows, and it is given the work; a few rows (a small batch) are multiplied here.

An element of C is summed up level by level, wherever it lies and however C is cut: every
division of a product among parts gives the same bits, unless OpenBLAS computes it.

The routine is compiled once, and kernels call it by name, as they would call a library; compiled
into each of them, it would take seconds each time. The blocking is that of K. Goto and R. van de
Geijn, "Anatomy of high-performance matrix multiplication", ACM Transactions on Mathematical
Software 34 (2008).
"""

from __future__ import annotations

import ctypes
import functools
from typing import Any

from glassgrad.execute.cpu.blas import TRANSPOSED
from glassgrad.execute.cpu.compiler import (
    cgutils,
    entry_point,
    helper,
    intrinsic,
    ir,
    types,
)
from glassgrad.execute.cpu.native import provide
from glassgrad.execute.cpu.panels import HAS_SMALL_KERNELS, even_share, multiply_in_panels
from glassgrad.execute.cpu.registers import (
    HOST,
    copy_transposed_with,
    multiply_micro_tile_with,
    start_of,
)
from glassgrad.execute.cpu.views import elements_at, part_of_array, split

__all__ = [
    "SCRATCH_ELEMENTS",
    "multiply_tile",
    "tile_of_part",
    "tiled_gemm",
]

# A block of float32 takes 256 KiB, which every second cache holds. All sizes from half to twice
# these were as fast, within a few percent.
DEPTH, HEIGHT = 256, 256
FEW_ROWS = 32  # of A, for which B is read where it lies
FEW_COLUMNS = 256  # of B, for which a transposed A is
LEVELS_AT_ONCE = 8
FEW_ROWS_BY_COLUMNS = 64  # of A, for which a transposed B is better copied here than in panels
COST_OF_COPY = 8
COLUMN_GRANULARITY = 16  # a cache line of float32: no two parts write to the same

ROWS, WIDTH, VECTORS = HOST.rows, HOST.width, HOST.vectors
FLOAT32_BYTES = 4
BLOCK = HEIGHT * DEPTH
PANEL = DEPTH * HOST.columns(FLOAT32_BYTES)
TILE = ROWS * HOST.columns(FLOAT32_BYTES)

SCRATCH_ELEMENTS = BLOCK + PANEL + TILE
"""The size of the scratch that each part needs for itself, best on a boundary of 64 bytes."""

multiply_one_vector = multiply_micro_tile_with(HOST, 1)
multiply_two_vectors = multiply_micro_tile_with(HOST, 2)
multiply_three_vectors = multiply_micro_tile_with(HOST, 3)
transpose_into_block = copy_transposed_with(HOST, ROWS)
transpose_into_panel = copy_transposed_with(HOST, WIDTH)


def multiply(
    transpose_a: int, transpose_b: int,
    m: int, n: int, k: int,
    a_start: Any, a_stride: int, b_start: Any, b_stride: int,
    keeps: int, c_start: Any, c_stride: int,
    scratch_start: Any,
) -> None:  # fmt: skip
    """C = op(A) op(B), added to what C holds if ``keeps`` is not 0."""
    a, b, c = elements_at(a_start), elements_at(b_start), elements_at(c_start)
    scratch = elements_at(scratch_start)
    few_rows = FEW_ROWS_BY_COLUMNS if transpose_b == TRANSPOSED else FEW_ROWS
    if HAS_SMALL_KERNELS and (m > few_rows or transpose_a == TRANSPOSED):
        multiply_in_panels(
            transpose_a, transpose_b, m, n, k,
            a, 0, a_stride, b, 0, b_stride, keeps, c, 0, c_stride, scratch,
        )  # fmt: skip
        return
    block, panel = part_of_array(scratch, 0, BLOCK), part_of_array(scratch, BLOCK, PANEL)
    tile = part_of_array(scratch, BLOCK + PANEL, TILE)
    lanes = WIDTH // a.itemsize
    columns = even_share(n, VECTORS * lanes, lanes)
    depth, height = even_share(k, DEPTH, lanes), even_share(m, HEIGHT, ROWS)
    for level in range(0, max(k, 1), depth):  # a sum over nothing is 0, and is stored too
        levels = min(depth, k - level)
        adds = 1 if level > 0 else keeps
        for row in range(0, m, height):
            rows = min(height, m - row)
            left, left_start, left_group, left_step = block, 0, levels, ROWS
            if transpose_a != TRANSPOSED:
                copy_rows(block, a, row * a_stride + level, a_stride, rows, levels)
            elif n > FEW_COLUMNS or rows % ROWS != 0:
                copy_columns(block, a, level * a_stride + row, a_stride, rows, levels)
            else:
                left, left_start, left_group, left_step = a, level * a_stride + row, 1, a_stride
            for column in range(0, n, columns):
                width = min(columns, n - column)
                step = (width + lanes - 1) // lanes * lanes
                right, right_start, right_step = panel, 0, step
                if transpose_b == TRANSPOSED:
                    start = column * b_stride + level
                    copy_panel_transposed(panel, b, start, b_stride, levels, width, step)
                elif rows > FEW_ROWS or width < step:
                    start = level * b_stride + column
                    copy_panel(panel, b, start, b_stride, levels, width, step)
                else:
                    right, right_start, right_step = b, level * b_stride + column, b_stride
                multiply_panel(
                    rows, width, step, levels,
                    left, left_start, left_group, left_step, right, right_start, right_step,
                    adds, c, row * c_stride + column, c_stride, tile,
                )  # fmt: skip


@helper()
def multiply_panel(
    rows: int, width: int, step: int, levels: int,
    left: Any, left_start: int, left_group: int, left_step: int,
    right: Any, right_start: int, right_step: int,
    adds: int, c: Any, c_start: int, c_stride: int, tile: Any,
) -> None:  # fmt: skip
    """All rows of a block times one panel: a tile for each group of rows.

    A tile that reaches over the edge of C is made beside it, and what is inside is put into C.
    """
    vectors = step * c.itemsize // WIDTH
    for row in range(0, rows, ROWS):
        is_whole = row + ROWS <= rows and width == step
        a_start, place = left_start + row * left_group, c_start + row * c_stride
        target, start, stride, keeps = c, place, c_stride, adds
        if not is_whole:
            target, start, stride, keeps = tile, 0, step, 0
        if vectors == 1:
            multiply_one_vector(
                levels, left, a_start, left_step, right, right_start, right_step,
                target, start, stride, keeps,
            )  # fmt: skip
        elif vectors == 2:
            multiply_two_vectors(
                levels, left, a_start, left_step, right, right_start, right_step,
                target, start, stride, keeps,
            )  # fmt: skip
        else:
            multiply_three_vectors(
                levels, left, a_start, left_step, right, right_start, right_step,
                target, start, stride, keeps,
            )  # fmt: skip
        if not is_whole:
            put(c, place, c_stride, tile, step, min(ROWS, rows - row), width, adds)


@helper()
def put(
    c: Any, start: int, stride: int, tile: Any, step: int, rows: int, width: int, adds: int
) -> None:
    """Put the part of a tile that is inside C into C, or add it."""
    for i in range(rows):
        target = part_of_array(c, start + i * stride, width)
        source = part_of_array(tile, i * step, width)
        if adds != 0:
            for j in range(width):
                target[j] += source[j]
        else:
            for j in range(width):
                target[j] = source[j]


@helper()
def copy_rows(block: Any, a: Any, start: int, stride: int, rows: int, levels: int) -> None:
    """Copy rows of A into groups, transposing each."""
    lanes = WIDTH // a.itemsize
    rows_at_once = min(ROWS, lanes)
    done = levels // lanes * lanes
    for row in range(0, rows, ROWS):
        group, first = row * levels, start + row * stride
        if row + ROWS <= rows:
            for i in range(0, ROWS, rows_at_once):
                for level in range(0, done, lanes):
                    transpose_into_block(
                        block, group + level * ROWS + i, ROWS, a, first + i * stride + level, stride
                    )
            for level in range(done, levels):
                for i in range(ROWS):
                    block[group + level * ROWS + i] = a[first + i * stride + level]
        else:
            for level in range(levels):
                for i in range(ROWS):
                    inside = row + i < rows
                    block[group + level * ROWS + i] = a[first + i * stride + level] if inside else 0


@helper()
def copy_columns(block: Any, a: Any, start: int, stride: int, rows: int, levels: int) -> None:
    """Copy rows of A, which is stored transposed, into groups.

    A few levels at a time: their cache lines, each of which holds rows of several groups, stay
    near until they are used up.
    """
    whole = rows // ROWS * ROWS
    for first in range(0, levels, LEVELS_AT_ONCE):
        last = min(first + LEVELS_AT_ONCE, levels)
        for row in range(0, whole, ROWS):
            for level in range(first, last):
                group = part_of_array(block, row * levels + level * ROWS, ROWS)
                source = part_of_array(a, start + level * stride + row, ROWS)
                for i in range(ROWS):
                    group[i] = source[i]
        if whole < rows:
            for level in range(first, last):
                for i in range(ROWS):
                    inside = whole + i < rows
                    value = a[start + level * stride + whole + i] if inside else 0
                    block[whole * levels + level * ROWS + i] = value


@helper()
def copy_panel(
    panel: Any, b: Any, start: int, stride: int, levels: int, width: int, step: int
) -> None:
    """Copy columns of B, and fill up the last vector with zeros."""
    for level in range(levels):
        target = part_of_array(panel, level * step, step)
        source = part_of_array(b, start + level * stride, width)
        for j in range(width):
            target[j] = source[j]
        for j in range(width, step):
            target[j] = 0


@helper()
def copy_panel_transposed(
    panel: Any, b: Any, start: int, stride: int, levels: int, width: int, step: int
) -> None:
    """Copy columns of B, which is stored transposed, and fill up the last vector with zeros."""
    lanes = WIDTH // b.itemsize
    whole, done = width // lanes * lanes, levels // lanes * lanes
    for j in range(0, whole, lanes):
        for level in range(0, done, lanes):
            transpose_into_panel(
                panel, level * step + j, step, b, start + j * stride + level, stride
            )
    for level in range(done, levels):
        for j in range(whole):
            panel[level * step + j] = b[start + j * stride + level]
    for level in range(levels):
        for j in range(whole, step):
            panel[level * step + j] = b[start + j * stride + level] if j < width else 0


@functools.cache
def address_of_product(dtype: str) -> int:
    """Compile or load the routine for "float32" or "float64"."""
    size, pointer = "int64", f"{dtype}*"
    matrices = [pointer, size, pointer, size, size, pointer, size, pointer]
    routine = entry_point(multiply, "void", *[size] * 5, *matrices)
    return ctypes.cast(routine, ctypes.c_void_p).value or 0


for _dtype in ("float32", "float64"):
    provide(f"glassgrad_multiply_{_dtype}", functools.partial(address_of_product, _dtype))


@intrinsic
def tiled_gemm(
    _typing: Any,
    transpose_a: Any, transpose_b: Any,
    m: Any, n: Any, k: Any,
    a: Any, a_offset: Any, a_stride: Any,
    b: Any, b_offset: Any, b_stride: Any,
    beta: Any,
    c: Any, c_offset: Any, c_stride: Any,
    scratch: Any,
) -> Any:  # fmt: skip
    """C = op(A) op(B) + beta C, inside kernels, for a beta of 0 or 1.

    op(A) is (m, k), op(B) is (k, n), C is (m, n), row by row; op is `NORMAL` or `TRANSPOSED`.
    Each matrix starts ``offset`` elements into its contiguous array, and its rows lie ``stride``
    elements apart. With ``beta = 0`` what C held, NaN included, does not matter. The scratch, of
    `SCRATCH_ELEMENTS`, is this part's own.
    """
    element, size = c.dtype, types.int64
    signature = types.void(
        *[size] * 5, a, size, size, b, size, size, element, c, size, size, scratch
    )

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        matrices = [
            (start_of(context, builder, kind, *values[at : at + 2]), values[at + 2])
            for kind, at in ((a, 5), (b, 8), (c, 12))
        ]
        zero = context.get_constant(element, 0)
        keeps = builder.zext(builder.fcmp_unordered("!=", values[11], zero), ir.IntType(64))
        own = start_of(context, builder, scratch, values[15], ir.IntType(64)(0))
        call = [*values[:5], *matrices[0], *matrices[1], keeps, *matrices[2], own]
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in call])
        routine = cgutils.get_or_insert_function(
            builder.module, kind, f"glassgrad_multiply_{element.name}"
        )
        builder.call(routine, call)
        return context.get_dummy_value()

    return signature, generate


@helper()
def tile_of_part(part: int, parts: int, m: int, n: int) -> tuple[int, int, int, int]:
    """The tile of an (m, n) product that is this part's: row begin, end, column begin, end."""
    down = tiles_down(parts, m, n)
    across = parts // down
    top, bottom = split(m, down, part // across, ROWS)
    left, right = split(n, across, part % across, COLUMN_GRANULARITY)
    return top, bottom, left, right


@helper()
def tiles_down(parts: int, m: int, n: int) -> int:
    """Into how many rows of tiles C is cut, so that the largest tile is done soonest.

    For each level, a tile takes a product for each of its elements, and a copy for each of its
    rows (from A) and columns (from B), which costs as much as `COST_OF_COPY` products.
    """
    best, least = 1, 0
    for down in range(1, parts + 1):
        if parts % down == 0:
            rows = granules(m, down, ROWS) * ROWS
            columns = granules(n, parts // down, COLUMN_GRANULARITY) * COLUMN_GRANULARITY
            work = rows * columns + COST_OF_COPY * (rows + columns)
            if down == 1 or work < least:
                best, least = down, work
    return best


@helper()
def granules(length: int, pieces: int, granularity: int) -> int:
    """How many granules the longest of so many pieces has."""
    count = (length + granularity - 1) // granularity
    return (count + pieces - 1) // pieces


@helper()
def multiply_tile(
    transpose_a: int, transpose_b: int,
    a: Any, b: Any, c: Any, beta: float,
    row_begin: int, row_end: int, column_begin: int, column_end: int,
    scratch: Any,
) -> None:  # fmt: skip
    """C[tile] = (op(A) op(B))[tile] + beta C[tile] for whole matrices A, B, C of rank 2."""
    a_stride, b_stride, c_stride = a.shape[1], b.shape[1], c.shape[1]
    a_offset, k = row_begin * a_stride, a.shape[1]
    if transpose_a == TRANSPOSED:
        a_offset, k = row_begin, a.shape[0]
    b_offset = column_begin
    if transpose_b == TRANSPOSED:
        b_offset = column_begin * b_stride
    tiled_gemm(
        transpose_a, transpose_b, row_end - row_begin, column_end - column_begin, k,
        a, a_offset, a_stride, b, b_offset, b_stride,
        beta, c, row_begin * c_stride + column_begin, c_stride, scratch,
    )  # fmt: skip
