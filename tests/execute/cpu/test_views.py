from __future__ import annotations

import itertools

import numpy as np
import pytest

from glassgrad.execute.cpu import views
from glassgrad.execute.cpu.compiler import kernel
from glassgrad.execute.cpu.views import (
    float32_matrix,
    float32_vector,
    float64_matrix,
    float64_vector,
    int32_matrix,
    int32_vector,
    int64_matrix,
    int64_vector,
    integer,
    part_of_array,
    report,
    split,
    uint8_matrix,
    uint8_vector,
)

DTYPES = ("float32", "float64", "int32", "int64", "uint8")


def _double_everything(part, parts, arguments):
    for i in range(3):
        float32_vector(arguments, 0)[i] *= 2
        float64_vector(arguments, 1)[i] *= 2
        int32_vector(arguments, 2)[i] *= 2
        int64_vector(arguments, 3)[i] *= 2
        uint8_vector(arguments, 4)[i] *= 2
    for i in range(2):
        for j in range(3):
            float32_matrix(arguments, 5)[i, j] *= 2
            float64_matrix(arguments, 6)[i, j] *= 2
            int32_matrix(arguments, 7)[i, j] *= 2
            int64_matrix(arguments, 8)[i, j] *= 2
            uint8_matrix(arguments, 9)[i, j] *= 2


def _describe(part, parts, arguments):
    matrix, result = float32_matrix(arguments, 0), int64_vector(arguments, 1)
    tail = part_of_array(matrix, 4, 7)
    result[0], result[1] = matrix.shape
    result[2], result[3] = split(integer(arguments, 2), parts, part, integer(arguments, 3))
    result[4] = tail.size
    result[5] = np.int64(tail[0])
    report(arguments, 4, 3)
    report(arguments, 4, 2)


@pytest.fixture(scope="module")
def describe():
    return kernel(_describe)


def test_every_view_reads_and_writes_the_array_of_its_slot(call):
    vectors = [np.array([1, 2, 3], dtype) for dtype in DTYPES]
    matrices = [np.arange(6).reshape(2, 3).astype(dtype) for dtype in DTYPES]
    call(kernel(_double_everything), *vectors, *matrices)
    for vector in vectors:
        assert vector.tolist() == [2, 4, 6]
    for matrix in matrices:
        assert matrix.tolist() == [[0, 2, 4], [6, 8, 10]]


@pytest.mark.parametrize("dtype", [*DTYPES, "bool"])
@pytest.mark.parametrize("rank", [1, 2])
def test_view_names_name_views(dtype, rank):
    assert hasattr(views, views.VIEW_NAMES[np.dtype(dtype), rank])


def test_shapes_integers_parts_and_reports(describe, call):
    matrix = np.arange(20, dtype=np.float32).reshape(4, 5)
    result, status = np.zeros(6, np.int64), np.zeros(1, np.int64)
    call(describe, matrix, result, 100, 16, status.ctypes.data, part=1, parts=3)
    assert result.tolist() == [4, 5, 32, 64, 7, 4]
    assert status[0] == 3  # the larger code wins, in whatever order they come


@pytest.mark.parametrize("length", [0, 1, 16, 37, 128])
@pytest.mark.parametrize("parts", [1, 2, 3, 5])
@pytest.mark.parametrize("granularity", [1, 16])
def test_split_covers_the_length_once(length, parts, granularity):
    ranges = [split.__wrapped__(length, parts, part, granularity) for part in range(parts)]
    assert ranges[0][0] == 0
    assert ranges[-1][1] == length
    for (begin, end), (following, _) in itertools.pairwise(ranges):
        assert begin <= end == following
        assert end % granularity == 0 or end == length
