"""Compile Python functions to machine code, once: the next process loads them.

Three kinds of functions exist:

- a *kernel* has the signature ``kernel(part, parts, arguments)`` and is called by the team;
- an *entry point* has a signature of its own and is called from Python through ctypes;
- a *helper* is called by these, is compiled into them, and is cached with them, never alone.

Numba compiles, and is imported only when something is to be compiled: what is marked here as
helper or intrinsic waits for that. The modules of helpers may use `types`, `ir` and `cgutils`
inside of functions that run while a kernel is compiled.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib
import json
import sys
import types as python_types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from glassgrad.errors import FileError
from glassgrad.execute.cpu.cache import kernel_cache_folder, text_of_modules
from glassgrad.execute.cpu.native import Code, load
from glassgrad.execute.cpu.threads import Turn
from glassgrad.files import write_atomically

__all__ = [
    "EXACT",
    "REORDERED",
    "Kernel",
    "Later",
    "cgutils",
    "compilations",
    "compile_source",
    "entry_point",
    "external",
    "helper",
    "intrinsic",
    "ir",
    "kernel",
    "on_compile",
    "overloaded",
    "types",
]

Function = TypeVar("Function", bound=Callable[..., Any])

EXACT = frozenset({"contract"})
"""What kernels may do to numbers: add a product before it is rounded, and nothing else.

With more freedom (x + y) - x would be y, also where x is infinite and the answer NaN, and the
subtraction of ln 2 in two parts would be undone. It was measured to gain nothing: loops over
elements vectorise as they are written.
"""

REORDERED = frozenset({"contract", "reassoc", "nsz", "arcp", "afn"})
"""The freedom of sums of many members, which vectorise only if any order will do.

NaN and infinities keep their meaning (neither `nnan` nor `ninf`).
"""

KERNEL_ARGUMENTS = ("int64", "int64", "voidptr")
C_TYPES: dict[str, Any] = {  # all others are pointers
    "void": None,
    "int64": ctypes.c_int64,
    "float64": ctypes.c_double,
}

FIRST_TIME = "glassgrad: compiling kernels for this processor, once; the next run finds them."

on_compile: list[Callable[[str], None]] = []
"""Called with a function's name before it is compiled (and not when it is loaded)."""

_compiled_names: list[str] = []
_turn = Turn()


@dataclass(frozen=True)
class Kernel:
    """A compiled function: its name, and where it is."""

    name: str
    address: int


# ---- what waits until something is compiled


class Module:
    """A module that is imported when something of it is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self._name), name)


numba: Any = Module("numba")
types: Any = Module("numba.core.types")
ir: Any = Module("llvmlite.ir")
cgutils: Any = Module("numba.core.cgutils")


class Later:
    """What Numba will be told of a global name of compiled code, made when it first asks.

    Args:
        make: gives Numba's object for it, which Python may call as well.
        kind: Numba's type for such an object.
    """

    def __init__(self, make: Callable[[], Any], kind: Callable[[Any], Any]) -> None:
        self._make, self._kind = make, kind

    @cached_property
    def made(self) -> Any:
        """Numba's object."""
        return self._make()

    @cached_property
    def _numba_type_(self) -> Any:
        """How Numba types the name; it looks for this attribute."""
        return self._kind(self.made)

    def __call__(self, *arguments: Any) -> Any:
        """Call Numba's object."""
        return self.made(*arguments)


def helper(fastmath: frozenset[str] = REORDERED, **options: Any) -> Callable[[Function], Function]:
    """Mark a function that kernels call; it is compiled into each of them.

    ``error_model="numpy"``: Python's ZeroDivisionError is a branch that blocks vectorisation.
    """

    def mark(function: Any) -> Any:
        def make() -> Any:
            decorate = numba.njit(fastmath=set(fastmath), error_model="numpy", **options)
            return decorate(function)

        return functools.update_wrapper(Later(make, lambda made: made._numba_type_), function)

    return mark


def intrinsic(build: Callable[..., Any]) -> Any:
    """Mark a function that writes LLVM code; it is called without the typing context."""

    def type_of(made: Any) -> Any:
        from numba.core.typing.templates import make_intrinsic_template

        return types.Function(make_intrinsic_template(made, build, build.__name__))

    later = Later(lambda: numba.extending.intrinsic(build), type_of)
    return functools.update_wrapper(later, build)


def overloaded(
    function: Function, implementations: Mapping[str, Callable[..., Any]], options: Any
) -> Any:
    """A function that is compiled from one of several, by the type of its argument.

    Args:
        function: what it is called, and what Python gets.
        implementations: by the names of Numba's types.
        options: how they are compiled.
    """

    def make() -> Any:
        @numba.extending.overload(function, strict=False, jit_options=options)
        def choose(x):  # type: ignore[no-untyped-def]
            return implementations.get(str(x))

        return function

    def type_of(made: Any) -> Any:
        typing = importlib.import_module("numba.core.registry").cpu_target.typing_context
        typing.refresh()
        return typing.resolve_value_type(made)

    return functools.update_wrapper(Later(make, type_of), function)


def external(symbol: str, result: str, *arguments: str) -> Any:
    """A function of that symbol, which is provided when code is loaded."""

    def make() -> Any:
        signature = getattr(types, result)(*(getattr(types, name) for name in arguments))
        return types.ExternalFunction(symbol, signature)

    return Later(make, lambda made: made)


# ---- compiling and loading


def kernel(function: Callable[[int, int, Any], None]) -> Kernel:
    """Compile ``function(part, parts, arguments)``."""
    return Kernel(function.__name__, load(_compiled(function, "void", KERNEL_ARGUMENTS)))


def entry_point(function: Callable[..., Any], result: str, *arguments: str) -> Any:
    """Compile a function, or load it: it is called through ctypes, which releases the GIL.

    Args:
        function: of a module whose text is part of the cache's key.
        result: the name of Numba's type, such as "int64" or "void".
        *arguments: the names of their types, such as "voidptr", or "float32*" for a pointer.
    """
    identity = " ".join((function.__module__, function.__qualname__, result, *arguments))
    address = _loaded(_path(identity), lambda: _compiled(function, result, arguments))
    kinds = [C_TYPES.get(name, ctypes.c_void_p) for name in (result, *arguments)]
    return ctypes.CFUNCTYPE(*kinds)(address)


def compile_source(source: str, function_name: str) -> Kernel:
    """Compile the kernel of this name in generated source, or load it.

    The source is written beside the machine code, under the hash of its text, for who wants to
    read it.
    """
    path = _path(source)

    def compiled() -> Code:
        module = python_types.ModuleType(f"glassgrad_kernel_{path.stem}")
        text = path.with_suffix(".py")
        _write(text, source.encode())
        exec(compile(source, text, "exec"), module.__dict__)
        return _compiled(getattr(module, function_name), "void", KERNEL_ARGUMENTS)

    return Kernel(function_name, _loaded(path, compiled))


def compilations() -> int:
    """How many functions this process had to compile; those loaded do not count."""
    return len(_compiled_names)


def _path(identity: str) -> Path:
    """Where the code of a function is kept that this text tells from all others."""
    text = identity + text_of_modules(identity)
    return kernel_cache_folder() / f"{hashlib.sha256(text.encode()).hexdigest()[:20]}.kernel"


def _loaded(path: Path, compiled: Callable[[], Code]) -> int:
    """The address of the code in a file, or of what is compiled, and kept there, instead."""
    code = _read(path)
    if code is None:
        with _turn:
            code = compiled()
        _write(path, _as_bytes(code))
    return load(code)


def _as_bytes(code: Code) -> bytes:
    """A checksum, a line that says what the code is, and the code."""
    header = json.dumps({"entry": code.entry, "needs": code.needs}).encode()
    content = header + b"\n" + code.content
    return hashlib.sha256(content).digest() + content


def _read(path: Path) -> Code | None:
    """The code in a file; nothing where there is none, or where it is damaged."""
    try:
        stored = path.read_bytes()
    except OSError:
        return None
    checksum, content = stored[:32], stored[32:]
    if hashlib.sha256(content).digest() != checksum:
        return None
    header, _, code = content.partition(b"\n")
    facts = json.loads(header)
    return Code(facts["entry"], tuple(facts["needs"]), code)


def _write(path: Path, content: bytes) -> None:
    """Keep something for the next process; where that is not possible, it does without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_atomically(path) as file:
            file.write(content)
    except (OSError, FileError):
        return


def _is_watched() -> bool:
    """Whether somebody may wonder why a first step takes so long: on a terminal, in a notebook."""
    stream: Any = sys.stderr  # a program without a console has none
    return "ipykernel" in sys.modules or (stream is not None and stream.isatty())


def _compiled(function: Callable[..., Any], result: str, arguments: tuple[str, ...]) -> Code:
    """Machine code of a function with an entry that follows the system's conventions."""
    if not _compiled_names and not on_compile and _is_watched():
        sys.stderr.write(f"{FIRST_TIME}\n")
    _compiled_names.append(function.__name__)
    for callback in on_compile:
        callback(function.__name__)
    from glassgrad.execute.cpu.compilation import machine_code

    code: Code = machine_code(function, result, arguments, EXACT)
    return code
