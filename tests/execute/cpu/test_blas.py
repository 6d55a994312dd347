from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from glassgrad.execute.cpu import blas
from glassgrad.execute.cpu.blas import NORMAL, TRANSPOSED, gemm
from glassgrad.execute.cpu.compiler import kernel
from glassgrad.execute.cpu.matmul import SCRATCH_ELEMENTS, tiled_gemm
from glassgrad.execute.cpu.views import (
    float32_vector,
    float64_vector,
    int64_vector,
    integer,
)


def _product_float32(part, parts, arguments):
    a, b, c = (
        float32_vector(arguments, 0),
        float32_vector(arguments, 1),
        float32_vector(arguments, 2),
    )
    scratch, s = float32_vector(arguments, 3), int64_vector(arguments, 4)
    beta = np.float32(integer(arguments, 5))
    if integer(arguments, 6):
        tiled_gemm(
            s[0],
            s[1],
            s[2],
            s[3],
            s[4],
            a,
            s[5],
            s[6],
            b,
            s[7],
            s[8],
            beta,
            c,
            s[9],
            s[10],
            scratch,
        )
    else:
        gemm(s[0], s[1], s[2], s[3], s[4], a, s[5], s[6], b, s[7], s[8], beta, c, s[9], s[10])


def _product_float64(part, parts, arguments):
    a, b, c = (
        float64_vector(arguments, 0),
        float64_vector(arguments, 1),
        float64_vector(arguments, 2),
    )
    scratch, s = float64_vector(arguments, 3), int64_vector(arguments, 4)
    beta = np.float64(integer(arguments, 5))
    if integer(arguments, 6):
        tiled_gemm(
            s[0],
            s[1],
            s[2],
            s[3],
            s[4],
            a,
            s[5],
            s[6],
            b,
            s[7],
            s[8],
            beta,
            c,
            s[9],
            s[10],
            scratch,
        )
    else:
        gemm(s[0], s[1], s[2], s[3], s[4], a, s[5], s[6], b, s[7], s[8], beta, c, s[9], s[10])


@pytest.fixture(scope="module")
def products():
    return {"float32": kernel(_product_float32), "float64": kernel(_product_float64)}


def embed(matrix, offset, gap):
    """The matrix in a flat array: from an offset on, with a gap after each row, NaN around it."""
    stride = matrix.shape[1] + gap
    flat = np.full(offset + matrix.shape[0] * stride + 3, np.nan, matrix.dtype)
    rows = flat[offset : offset + matrix.shape[0] * stride].reshape(matrix.shape[0], stride)
    rows[:, : matrix.shape[1]] = matrix
    return flat, offset, stride


SHAPES = [
    (1, 1, 1),
    (3, 5, 7),
    (17, 64, 33),
    (129, 10, 151),
    (200, 131, 300),
    (5, 200, 0),
    (0, 4, 3),
    (4, 0, 3),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("is_tiled", [False, True])
@pytest.mark.parametrize("transpose_a", [NORMAL, TRANSPOSED])
@pytest.mark.parametrize("transpose_b", [NORMAL, TRANSPOSED])
@pytest.mark.parametrize("m, n, k", SHAPES)
@pytest.mark.parametrize("beta", [0, 1])
def test_product_of_embedded_matrices(
    products, call, dtype, is_tiled, transpose_a, transpose_b, m, n, k, beta
):
    rng = np.random.default_rng(m + n + k)
    a, b, c = (rng.normal(size=shape).astype(dtype) for shape in ((m, k), (k, n), (m, n)))
    stored_a = a if transpose_a == NORMAL else np.ascontiguousarray(a.T)
    stored_b = b if transpose_b == NORMAL else np.ascontiguousarray(b.T)
    flat_a, *place_a = embed(stored_a, 3, 2)
    flat_b, *place_b = embed(stored_b, 1, 0 if is_tiled else 5)
    flat_c, *place_c = embed(c if beta else np.full_like(c, np.nan), 7, 4)
    before = flat_c.copy()
    sizes = np.array(
        [transpose_a, transpose_b, m, n, k, *place_a, *place_b, *place_c], dtype=np.int64
    )
    scratch = np.full(SCRATCH_ELEMENTS, np.nan, dtype)
    call(products[dtype], flat_a, flat_b, flat_c, scratch, sizes, beta, int(is_tiled))

    offset, stride = place_c
    inside = np.zeros(flat_c.size, bool)
    rows = inside[offset : offset + m * stride].reshape(m, stride)
    rows[:, :n] = True
    expected = a.astype(np.float64) @ b.astype(np.float64) + (c if beta else 0)
    tolerance = {"float32": 2e-5, "float64": 1e-13}[dtype] * max(1, k) ** 0.5
    np.testing.assert_allclose(flat_c[inside].reshape(m, n), expected, rtol=0, atol=tolerance)
    np.testing.assert_array_equal(flat_c[~inside], before[~inside])


SCRIPT = """
import json, os
before = dict(os.environ)
from glassgrad.execute.cpu import blas
print(json.dumps([blas.core_name(), before == dict(os.environ)]))
"""


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({}, None),
        ({"OPENBLAS_CORETYPE": "Nehalem", "OPENBLAS_NUM_THREADS": "7"}, None),
        ({"OPENBLAS_CORETYPE": ""}, None),
        ({"GLASSGRAD_BLAS_CORE": "Nehalem"}, "Nehalem"),
    ],
)
def test_core_is_chosen_whatever_is_inherited_and_the_environment_is_restored(settings, expected):
    if expected and blas.preferred_core() is None:
        pytest.skip("needs an x86 processor")
    blas_settings = ("OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "GLASSGRAD_BLAS_CORE")
    inherited = {name: value for name, value in os.environ.items() if name not in blas_settings}
    output = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=inherited | settings,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    core, is_restored = json.loads(output)
    assert core == (expected or blas.preferred_core() or core)
    assert is_restored
