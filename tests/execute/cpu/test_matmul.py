from __future__ import annotations

import numpy as np
import pytest

from glassgrad.execute.cpu.blas import NORMAL, TRANSPOSED
from glassgrad.execute.cpu.compiler import kernel
from glassgrad.execute.cpu.matmul import (
    DEPTH,
    FEW_COLUMNS,
    FEW_ROWS,
    HEIGHT,
    SCRATCH_ELEMENTS,
    multiply_tile,
    tile_of_part,
)
from glassgrad.execute.cpu.registers import HOST
from glassgrad.execute.cpu.views import float32_matrix, float32_vector, integer, part_of_array


def _product(part, parts, arguments):
    a, b, c = (
        float32_matrix(arguments, 0),
        float32_matrix(arguments, 1),
        float32_matrix(arguments, 2),
    )
    scratch = part_of_array(float32_vector(arguments, 3), part * SCRATCH_ELEMENTS, SCRATCH_ELEMENTS)
    beta = np.float32(integer(arguments, 6))
    top, bottom, left, right = tile_of_part(part, parts, c.shape[0], c.shape[1])
    multiply_tile(
        integer(arguments, 4),
        integer(arguments, 5),
        a,
        b,
        c,
        beta,
        top,
        bottom,
        left,
        right,
        scratch,
    )


@pytest.fixture(scope="module")
def product():
    return kernel(_product)


@pytest.mark.parametrize(
    "transposes", [(NORMAL, NORMAL), (TRANSPOSED, NORMAL), (NORMAL, TRANSPOSED)]
)
@pytest.mark.parametrize("m, k, n", [(128, 100, 256), (300, 33, 10), (7, 9, 200), (2, 3, 1)])
@pytest.mark.parametrize("parts", [1, 2, 3, 4])
def test_parts_together_make_the_product(product, call, transposes, m, k, n, parts):
    a, b, c = _matrices(m, n, k)
    result = _multiplied(product, call, a, b, c, transposes, parts)
    np.testing.assert_allclose(result, a @ b + c, rtol=0, atol=1e-4)


ROWS, LANES, COLUMNS = HOST.rows, HOST.lanes(4), HOST.columns(4)


def around(edge):
    return edge - 1, edge, edge + 1


@pytest.mark.parametrize(
    "transposes",
    [(a, b) for a in (NORMAL, TRANSPOSED) for b in (NORMAL, TRANSPOSED)],
)
@pytest.mark.parametrize(
    "m, n, k",
    [
        *((m, 2 * COLUMNS + 5, 31) for m in (*around(ROWS), *around(FEW_ROWS), *around(HEIGHT))),
        *((19, n, 31) for n in (*around(LANES), *around(2 * LANES), *around(COLUMNS))),
        *((2 * ROWS, n, 31) for n in around(FEW_COLUMNS)),
        *((ROWS + 1, LANES + 1, k) for k in (*around(LANES), *around(DEPTH), *around(2 * DEPTH))),
        (HEIGHT + 1, COLUMNS + 1, DEPTH + 1),
        (2 * HEIGHT + 1, 1, 1),
        (1, 3 * COLUMNS, DEPTH + 1),
    ],
)
def test_sizes_around_the_edges_of_blocks(product, call, transposes, m, n, k):
    a, b, c = _matrices(m, n, k)
    expected = a @ b + c
    result = _multiplied(product, call, a, b, c, transposes, parts=1)
    np.testing.assert_allclose(result, expected, rtol=0, atol=2e-5 * k**0.5)


@pytest.mark.parametrize("m, n, k", [(200, 300, 300), (130, 10, 700), (33, 257, 129)])
def test_every_division_gives_the_same_product(product, call, m, n, k):
    a, b, c = _matrices(m, n, k)
    results = [
        _multiplied(product, call, a, b, c, (NORMAL, NORMAL), parts) for parts in (1, 2, 4, 7)
    ]
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=0, atol=1e-5 * abs(results[0]).max())


@pytest.mark.parametrize("transposes", [(NORMAL, NORMAL), (TRANSPOSED, TRANSPOSED)])
def test_infinities_and_nan_reach_their_elements_and_no_others(product, call, transposes):
    a, b, c = _matrices(ROWS + 3, COLUMNS + 3, 20)
    a[2, 5], a[ROWS + 1, 0], b[7, COLUMNS + 1] = np.inf, np.nan, -np.inf
    result = _multiplied(product, call, a, b, c, transposes, parts=2)
    with np.errstate(invalid="ignore"):
        expected = a @ b + c
    np.testing.assert_array_equal(np.isfinite(result), np.isfinite(expected))
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))


def _matrices(m, n, k):
    rng = np.random.default_rng(m + n + k)
    return rng.normal(size=(m, k)), rng.normal(size=(k, n)), rng.normal(size=(m, n))


def _multiplied(product, call, a, b, c, transposes, parts):
    """The product, added to a copy of C, with rubbish in the scratch."""
    stored = [
        np.ascontiguousarray(matrix.T if transpose == TRANSPOSED else matrix, np.float32)
        for matrix, transpose in zip((a, b), transposes, strict=True)
    ]
    result = c.astype(np.float32)
    scratch = np.full(SCRATCH_ELEMENTS * parts, np.nan, np.float32)
    for part in range(parts):
        call(product, *stored, result, scratch, *transposes, 1, part=part, parts=parts)
    return result


@pytest.mark.parametrize("m", [0, 1, 16, 100, 5000])
@pytest.mark.parametrize("n", [0, 1, 64, 500])
@pytest.mark.parametrize("parts", [1, 2, 3, 4, 6, 7])
def test_tiles_cover_every_element_once(m, n, parts):
    count = np.zeros((m, n), int)
    for part in range(parts):
        top, bottom, left, right = tile_of_part(part, parts, m, n)
        count[top:bottom, left:right] += 1
    assert (count == 1).all()


@pytest.mark.parametrize(
    "parts, m, n, expected",
    [
        (4, 1024, 1024, (512, 512)),  # squares, not strips
        (4, 1024, 64, (256, 64)),
        (4, 32, 1024, (32, 256)),
        (2, 4096, 10, (2048, 10)),
        (3, 96, 10, (32, 10)),
        (1, 50, 50, (50, 50)),
    ],
)
def test_tiles_have_the_shape_that_copies_least(parts, m, n, expected):
    top, bottom, left, right = tile_of_part(0, parts, m, n)
    assert (bottom - top, right - left) == expected
