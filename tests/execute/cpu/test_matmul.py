from __future__ import annotations

import numpy as np
import pytest

from glassgrad.execute.cpu.blas import NORMAL, TRANSPOSED
from glassgrad.execute.cpu.compiler import kernel
from glassgrad.execute.cpu.matmul import (
    SCRATCH_ELEMENTS,
    multiply_tile,
    tile_of_part,
)
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
    rng = np.random.default_rng(m + n)
    a, b = rng.normal(size=(m, k)), rng.normal(size=(k, n))
    c = rng.normal(size=(m, n)).astype(np.float32)
    expected = a @ b + c
    stored = [
        np.ascontiguousarray(matrix.T if transpose == TRANSPOSED else matrix, np.float32)
        for matrix, transpose in zip((a, b), transposes, strict=True)
    ]
    scratch = np.empty(SCRATCH_ELEMENTS * parts, np.float32)
    for part in range(parts):
        call(product, *stored, c, scratch, *transposes, 1, part=part, parts=parts)
    np.testing.assert_allclose(c, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("m", [1, 16, 100, 5000])
@pytest.mark.parametrize("n", [1, 64, 500])
@pytest.mark.parametrize("parts", [1, 2, 3, 4, 7])
def test_tiles_cover_every_element_once(m, n, parts):
    count = np.zeros((m, n), int)
    for part in range(parts):
        top, bottom, left, right = tile_of_part(part, parts, m, n)
        count[top:bottom, left:right] += 1
    assert (count == 1).all()
