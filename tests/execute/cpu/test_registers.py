from __future__ import annotations

import re

import llvmlite.binding
import numpy as np
import pytest
from llvmlite import ir

from glassgrad.execute.cpu import registers
from glassgrad.execute.cpu.compiler import kernel
from glassgrad.execute.cpu.registers import (
    AVX2,
    AVX512,
    HOST,
    NEON,
    SSE,
    copy_transposed_with,
    multiply_micro_tile_with,
    registers_of,
)
from glassgrad.execute.cpu.views import (
    float32_vector,
    float64_vector,
    int64_vector,
)

# Registers wider than the processor's are made of several: every twin runs everywhere.
multiply_avx512, multiply_avx2, multiply_neon = (
    multiply_micro_tile_with(AVX512, 3),
    multiply_micro_tile_with(AVX2, 2),
    multiply_micro_tile_with(NEON, 1),
)
transpose_avx512, transpose_avx2, transpose_neon = (
    copy_transposed_with(AVX512, 8),
    copy_transposed_with(AVX2, 4),
    copy_transposed_with(NEON, 8),
)


def _multiply_float32(part, parts, arguments):
    a, b = float32_vector(arguments, 0), float32_vector(arguments, 1)
    c, s = float32_vector(arguments, 2), int64_vector(arguments, 3)
    if s[0] == 64:
        multiply_avx512(s[1], a, s[2], s[3], b, s[4], s[5], c, s[6], s[7], s[8])
    elif s[0] == 32:
        multiply_avx2(s[1], a, s[2], s[3], b, s[4], s[5], c, s[6], s[7], s[8])
    else:
        multiply_neon(s[1], a, s[2], s[3], b, s[4], s[5], c, s[6], s[7], s[8])


def _transpose_float32(part, parts, arguments):
    target, source = float32_vector(arguments, 0), float32_vector(arguments, 1)
    s = int64_vector(arguments, 2)
    if s[0] == 64:
        transpose_avx512(target, s[1], s[2], source, s[3], s[4])
    elif s[0] == 32:
        transpose_avx2(target, s[1], s[2], source, s[3], s[4])
    else:
        transpose_neon(target, s[1], s[2], source, s[3], s[4])


def _multiply_float64(part, parts, arguments):
    a, b = float64_vector(arguments, 0), float64_vector(arguments, 1)
    c, s = float64_vector(arguments, 2), int64_vector(arguments, 3)
    if s[0] == 64:
        multiply_avx512(s[1], a, s[2], s[3], b, s[4], s[5], c, s[6], s[7], s[8])
    elif s[0] == 32:
        multiply_avx2(s[1], a, s[2], s[3], b, s[4], s[5], c, s[6], s[7], s[8])
    else:
        multiply_neon(s[1], a, s[2], s[3], b, s[4], s[5], c, s[6], s[7], s[8])


def _transpose_float64(part, parts, arguments):
    target, source = float64_vector(arguments, 0), float64_vector(arguments, 1)
    s = int64_vector(arguments, 2)
    if s[0] == 64:
        transpose_avx512(target, s[1], s[2], source, s[3], s[4])
    elif s[0] == 32:
        transpose_avx2(target, s[1], s[2], source, s[3], s[4])
    else:
        transpose_neon(target, s[1], s[2], source, s[3], s[4])


VECTORS = {AVX512: 3, AVX2: 2, NEON: 1}
by_registers = pytest.mark.parametrize("kind", VECTORS, ids=["avx512", "avx2", "neon"])
by_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.fixture(scope="module")
def multiplications():
    return {"float32": kernel(_multiply_float32), "float64": kernel(_multiply_float64)}


@pytest.fixture(scope="module")
def transpositions():
    return {"float32": kernel(_transpose_float32), "float64": kernel(_transpose_float64)}


@by_registers
@by_dtype
@pytest.mark.parametrize("depth", [0, 1, 2, 17])
@pytest.mark.parametrize("keeps", [0, 1])
def test_a_tile_is_a_product(multiplications, call, kind, dtype, depth, keeps):
    rng = np.random.default_rng(depth)
    rows, columns = kind.rows, VECTORS[kind] * kind.lanes(np.dtype(dtype).itemsize)
    a = rng.normal(size=(depth, rows + 3)).astype(dtype)
    b = rng.normal(size=(depth, columns + 1)).astype(dtype)
    c = rng.normal(size=(rows, columns + 5)).astype(dtype)
    expected = c.astype(np.float64)
    if not keeps:
        c[:, 4:-1] = np.nan
        expected[:, 4:-1] = 0
    expected[:, 4:-1] += a[:, 2:-1].T.astype(np.float64) @ b[:, 1:]
    sizes = [kind.width, depth, 2, rows + 3, 1, columns + 1, 4, columns + 5, keeps]
    call(multiplications[dtype], a.ravel(), b.ravel(), c.reshape(-1), np.array(sizes))
    np.testing.assert_allclose(c, expected, rtol=0, atol=2e-5 if dtype == "float32" else 1e-13)


@by_registers
@by_dtype
def test_rows_become_columns(transpositions, call, kind, dtype):
    lanes = kind.lanes(np.dtype(dtype).itemsize)
    rows = min(kind.rows, lanes)
    step = kind.rows
    source = np.arange(rows * (lanes + 3), dtype=dtype).reshape(rows, lanes + 3)
    target = np.full(1 + lanes * step, -1, dtype)
    call(
        transpositions[dtype], target, source.ravel(), np.array([kind.width, 1, step, 2, lanes + 3])
    )
    expected = np.full((lanes, step), -1, dtype)
    expected[:, :rows] = source[:, 2 : 2 + lanes].T
    np.testing.assert_array_equal(target, [-1, *expected.ravel()])


@pytest.mark.parametrize(
    "processor, features, expected",
    [
        ("x86", {"avx512f", "avx2", "fma"}, AVX512),
        ("x86", {"avx2", "fma"}, AVX2),
        ("x86", {"avx2"}, SSE),
        ("x86", set(), SSE),
        ("arm", {"neon"}, NEON),
        ("other", set(), SSE),
    ],
)
def test_registers_follow_the_features(processor, features, expected):
    assert registers_of(processor, features) == expected


@pytest.mark.parametrize(
    "kind, count", [(AVX512, 32), (AVX2, 16), (SSE, 16), (NEON, 32), (HOST, 32)]
)
def test_a_tile_leaves_registers_for_its_factors(kind, count):
    assert kind.rows * kind.vectors + kind.vectors + 1 <= count


@pytest.mark.parametrize(
    "triple, features, kind, fused",
    [
        ("x86_64-unknown-linux-gnu", "+avx512f", AVX512, r"vfmadd\w+ps.*%zmm"),
        ("x86_64-unknown-linux-gnu", "+avx2,+fma", AVX2, r"vfmadd\w+ps.*%ymm"),
        ("aarch64-unknown-linux-gnu", "+neon", NEON, r"fmla\s.*v\d+\.4s"),
    ],
)
def test_a_step_is_one_fused_instruction_for_each_vector(triple, features, kind, fused):
    llvmlite.binding.initialize_all_targets()
    llvmlite.binding.initialize_all_asmprinters()
    try:
        target = llvmlite.binding.Target.from_triple(triple)
    except RuntimeError:
        pytest.skip("this LLVM knows no such processor")
    module = ir.Module()
    module.triple = triple
    pointer, size = ir.FloatType().as_pointer(), ir.IntType(64)
    kinds = [size, pointer, size, pointer, size, pointer, size, size]
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), kinds), "product")
    depth, a, a_step, b, b_step, c, stride, keeps = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    tile = registers.MicroTile(builder, ir.FloatType(), kind.rows, kind.vectors, kind.lanes(4))
    tile.store(tile.sums(depth, a, a_step, b, b_step), c, stride, keeps)
    builder.ret_void()
    parsed = llvmlite.binding.parse_assembly(str(module))
    machine = target.create_target_machine(features=features, opt=3)
    code = machine.emit_assembly(parsed)
    loop = max(
        re.split(r"^\.L\w+:", code, flags=re.MULTILINE), key=lambda t: len(re.findall(fused, t))
    )
    assert len(re.findall(fused, loop)) == kind.rows * kind.vectors
