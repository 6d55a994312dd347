"""Matrix products: our own OpenBLAS, called from inside compiled kernels.

OpenBLAS chooses its kernels when it is loaded, and obeys ``OPENBLAS_CORETYPE``, which some
environments export for all programs with a value that halves the speed. We load the library of
the ``scipy-openblas32`` wheel with the family that the processor deserves, on one thread (the
team partitions), and put the environment back. ``GLASSGRAD_BLAS_CORE`` overrides the choice.

The library is a file of its own: NumPy's and SciPy's copies of OpenBLAS are untouched. If the
process has loaded the very same file before, by importing ``scipy_openblas32``, the system hands
out that copy, already initialised: results are right, its family is what it is (`core_name`
tells), and it has one thread from then on.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from glassgrad.errors import ExecutionError
from glassgrad.execute.cpu.compiler import cgutils, intrinsic, ir, types
from glassgrad.execute.cpu.host import features
from glassgrad.execute.cpu.native import provide
from glassgrad.execute.cpu.registers import start_of

__all__ = ["NORMAL", "TRANSPOSED", "core_name", "gemm", "preferred_core"]

NORMAL, TRANSPOSED = 111, 112  # CBLAS's names of op(A) = A and op(A) = A^T
ROW_MAJOR = 101

CORE_REQUIREMENTS = {
    "SkylakeX": {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"},
    "Haswell": {"avx2", "fma"},
}


def preferred_core() -> str | None:
    """The kernel family for this processor; None leaves the choice to OpenBLAS."""
    if chosen := os.environ.get("GLASSGRAD_BLAS_CORE"):
        return chosen
    present = features()
    fitting = (core for core, needs in CORE_REQUIREMENTS.items() if needs <= present)
    return next(fitting, None)


def core_name() -> str:
    """The kernel family that our OpenBLAS runs, such as "SkylakeX"."""
    name = _library.scipy_openblas_get_corename
    name.restype = ctypes.c_char_p
    return str(name().decode())


@contextlib.contextmanager
def environment(**settings: str | None) -> Iterator[None]:
    """Set environment variables (None removes one) and restore them exactly."""
    before = {name: os.environ.get(name) for name in settings}
    try:
        _update_environment(settings)
        yield
    finally:
        _update_environment(before)


def _update_environment(settings: dict[str, str | None]) -> None:
    for name, value in settings.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _load() -> ctypes.CDLL:
    path = library_path()
    if sys.platform == "win32":
        os.add_dll_directory(str(path.parent))
    with environment(OPENBLAS_CORETYPE=preferred_core(), OPENBLAS_NUM_THREADS="1"):
        library = ctypes.CDLL(str(path))
    library.scipy_openblas_set_num_threads(1)
    return library


def library_path() -> Path:
    """The library's file.

    The package is found but not imported: its import would load the library at once, with the
    inherited settings, and for the whole process, so that SciPy, imported later, would take its
    routines from our copy, on one thread.
    """
    specification = importlib.util.find_spec("scipy_openblas32")
    folders = specification.submodule_search_locations if specification else None
    for folder in map(Path, folders or ()):
        for path in sorted((folder / "lib").glob("libscipy_openblas*")):
            if path.suffix in (".so", ".dylib", ".dll"):
                return path
    raise ExecutionError(
        "The package scipy-openblas32 is missing or holds no library. "
        "Install it again: pip install --force-reinstall scipy-openblas32"
    )


def _address_of(routine: str) -> int:
    return ctypes.cast(getattr(_library, f"scipy_cblas_{routine}"), ctypes.c_void_p).value or 0


_library = _load()
_ROUTINES = {"float32": "sgemm", "float64": "dgemm"}
for _routine in _ROUTINES.values():
    provide(f"glassgrad_{_routine}", functools.partial(_address_of, _routine))


@intrinsic
def gemm(
    _typing: Any,
    transpose_a: Any, transpose_b: Any,
    m: Any, n: Any, k: Any,
    a: Any, a_offset: Any, a_stride: Any,
    b: Any, b_offset: Any, b_stride: Any,
    beta: Any,
    c: Any, c_offset: Any, c_stride: Any,
) -> Any:  # fmt: skip
    """C = op(A) op(B) + beta C, inside kernels, for float32 and float64 alike.

    op(A) is (m, k), op(B) is (k, n), C is (m, n), row by row; op is `NORMAL` or `TRANSPOSED`.
    Each matrix starts ``offset`` elements into its contiguous array, and its rows lie ``stride``
    elements apart. With ``beta = 0`` what C held, NaN included, does not matter.
    """
    element, size, offset = c.dtype, types.int32, types.int64
    signature = types.void(
        size, size, size, size, size, a, offset, size, b, offset, size, element, c, offset, size
    )

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        transposes, sizes, beta = values[:2], values[2:5], values[11]
        alpha = context.get_constant(element, 1)
        matrices = [
            (_address(context, builder, kind, values[at], values[at + 1]), values[at + 2])
            for kind, at in ((a, 5), (b, 8), (c, 12))
        ]
        order = context.get_constant(size, ROW_MAJOR)
        call = [order, *transposes, *sizes, alpha, *matrices[0], *matrices[1], beta, *matrices[2]]
        with builder.if_then(_is_not_empty(builder, *sizes[:2])):
            kind = ir.FunctionType(ir.VoidType(), [value.type for value in call])
            routine = cgutils.get_or_insert_function(
                builder.module, kind, f"glassgrad_{_ROUTINES[element.name]}"
            )
            builder.call(routine, call)
        return context.get_dummy_value()

    return signature, generate


def _is_not_empty(builder: Any, rows: Any, columns: Any) -> Any:
    """OpenBLAS complains on stderr about matrices without elements."""
    zero = rows.type(0)
    has_rows = builder.icmp_signed(">", rows, zero)
    return builder.and_(has_rows, builder.icmp_signed(">", columns, zero))


def _address(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    return builder.bitcast(start_of(context, builder, kind, array, offset), cgutils.voidptr_t)
