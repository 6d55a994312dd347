"""Compile Python functions to machine code, once: the next process loads them.

Three kinds of functions exist:

- a *kernel* has the signature ``kernel(part, parts, arguments)`` and is called by the team;
- an *entry point* has a signature of its own and is called from Python through ctypes;
- a *helper* is called by these, is compiled into them, and is cached with them, never alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba import extending
from numba.core.compiler import Compiler
from numba.core.errors import NumbaError

from glassgrad.execute.cpu.cache import kernel_cache_folder
from glassgrad.files import write_atomically

__all__ = [
    "EXACT",
    "KERNEL_SIGNATURE",
    "REORDERED",
    "Kernel",
    "compilations",
    "compile_source",
    "entry_point",
    "helper",
    "intrinsic",
    "kernel",
    "on_compile",
]

Function = TypeVar("Function", bound=Callable[..., Any])
Kernel = Any  # numba's CFunc: it has an `address` and a `__name__`

KERNEL_SIGNATURE = numba.types.void(numba.types.int64, numba.types.int64, numba.types.voidptr)

REORDERED = frozenset({"contract", "reassoc", "nsz", "arcp", "afn"})
"""Floating-point freedom of kernels: sums in any order, so that they vectorise.

NaN and infinities keep their meaning (neither `nnan` nor `ninf`).
"""

EXACT = frozenset({"contract", "nsz"})
"""Freedom of functions whose digits depend on the order: `reassoc` would undo, for instance,
the subtraction of ln 2 in two parts."""

on_compile: list[Callable[[str], None]] = []
"""Called with a function's name before it is compiled (and not when it is loaded)."""

_compiled_names: list[str] = []
_settings_lock = threading.RLock()


def kernel(function: Callable[[int, int, Any], None]) -> Kernel:
    """Compile ``function(part, parts, arguments)``, or load it from the cache."""
    return _compile(function, KERNEL_SIGNATURE, REORDERED)


def entry_point(signature: Any) -> Callable[[Callable[..., Any]], Kernel]:
    """Compile a function that Python calls through ctypes, which releases the GIL."""
    return lambda function: _compile(function, signature, EXACT)


def helper(fastmath: frozenset[str] = REORDERED, **options: Any) -> Callable[[Function], Function]:
    """Mark a function that kernels call; it is compiled into each of them.

    ``error_model="numpy"``: Python's ZeroDivisionError is a branch that blocks vectorisation.
    """
    decorate = numba.njit(fastmath=set(fastmath), error_model="numpy", **options)
    return lambda function: decorate(function)


def intrinsic(build: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a function that writes LLVM code; it is called without the typing context."""
    return extending.intrinsic(build)


def compile_source(source: str, function_name: str) -> Kernel:
    """Compile the kernel of this name in generated source.

    The source is written under the hash of its text, so that Numba caches it like any file,
    and a debugger or a traceback can show its lines.
    """
    name = f"glassgrad_kernel_{hashlib.sha256(source.encode()).hexdigest()[:20]}"
    path = kernel_cache_folder() / "generated" / f"{name}.py"
    _write_source(path, source)
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # Numba looks for the module when it loads the kernel
    # What runs is the text in memory, whatever the file's fate.
    exec(compile(source, path, "exec"), module.__dict__)
    return kernel(getattr(module, function_name))


def compilations() -> int:
    """How many functions this process had to compile; those loaded do not count."""
    return len(_compiled_names)


class AnnouncingCompiler(Compiler):
    """Numba's compiler, which it starts only if the cache does not hold the function."""

    def compile_extra(self, function: Callable[..., Any]) -> Any:
        _compiled_names.append(function.__name__)
        for callback in on_compile:
            callback(function.__name__)
        return super().compile_extra(function)  # type: ignore[no-untyped-call]


def _compile(function: Callable[..., Any], signature: Any, fastmath: frozenset[str]) -> Kernel:
    def attempt(cache: bool) -> Kernel:
        with _cache_in(kernel_cache_folder()):
            decorate = numba.cfunc(
                signature,
                cache=cache,
                fastmath=set(fastmath),
                error_model="numpy",
                pipeline_class=AnnouncingCompiler,
            )
            return decorate(function)

    try:
        return attempt(cache=True)
    except NumbaError:
        raise  # the function is wrong, not the cache
    except Exception:  # noqa: BLE001  # unpickling garbage raises anything, and disks fill up
        _forget(function)
    try:
        return attempt(cache=True)
    except Exception:  # noqa: BLE001
        return attempt(cache=False)


@contextlib.contextmanager
def _cache_in(folder: Path) -> Iterator[None]:
    """Numba reads the folder when it decorates: nobody else's functions are affected."""
    settings = {"CACHE_DIR": str(folder), "CACHE_LOCATOR_CLASSES": ""}
    with _settings_lock:
        before = {name: getattr(numba.config, name) for name in settings}
        try:
            for name, value in settings.items():
                setattr(numba.config, name, value)
            yield
        finally:
            for name, value in before.items():
                setattr(numba.config, name, value)


def _forget(function: Callable[..., Any]) -> None:
    """Remove the cached machine code of this function."""
    stem = Path(inspect.getfile(function)).stem
    line = function.__code__.co_firstlineno
    name = function.__qualname__.replace("<", "").replace(">", "")
    for path in kernel_cache_folder().glob(f"*/{stem}.{name}-{line}.*.nb[ic]"):
        with contextlib.suppress(OSError):
            path.unlink()


def _write_source(path: Path, source: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    expected = source.encode()
    with contextlib.suppress(FileNotFoundError):
        if path.read_bytes() == expected:
            return
    with write_atomically(path) as file:
        file.write(expected)
