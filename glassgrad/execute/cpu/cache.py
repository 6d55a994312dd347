"""Where compiled kernels live between runs.

A kernel's file is named after its text, and after that of the modules of `kernels` that it is made
of: who edits one of them compiles its kernels again, and no others. What all kernels share, the
functions that they call, the versions of the compiler and of OpenBLAS and the processor, decides
the name of the folder.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import re
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from glassgrad.execute.cpu import host

__all__ = ["kernel_cache_folder", "text_of_modules"]

OUTDATED_AFTER_SECONDS = 30 * 24 * 3600
_SOURCES = Path(__file__).parent
_COMPILED_MODULES = (
    "atomics",
    "blas",
    "compilation",
    "compiler",
    "driver",
    "linear_maps",
    "mathematics",
    "matmul",
    "panels",
    "pieces",
    "processor",
    "registers",
    "scalars",
    "views",
)
_MODULE_OF_KERNELS = re.compile(r"glassgrad\.execute\.cpu\.kernels\.(\w+)")
_DEPENDENCIES = ("numba", "llvmlite", "numpy", "scipy-openblas32")


def kernel_cache_folder() -> Path:
    """The folder of this version's compiled kernels; it exists and can be written.

    It is ``<root>/kernels/<key>``, where the root is the first of these that can be written:
    the folder that the environment variable ``GLASSGRAD_CACHE`` names, ``glassgrad`` in the
    user's cache folder, a private folder in the temporary folder.
    """
    return _first_writable(tuple(_roots()))


@functools.cache
def _first_writable(roots: tuple[Path, ...]) -> Path:
    for root in roots:
        folder = root / "kernels" / _key()
        if _can_write(folder):
            _remove_outdated(folder)
            return folder
    return Path(tempfile.mkdtemp(prefix="glassgrad-"))


def _roots() -> Iterator[Path]:
    if chosen := os.environ.get("GLASSGRAD_CACHE"):
        yield Path(chosen).expanduser().absolute()
    with contextlib.suppress(RuntimeError):  # there is no home folder
        yield _user_cache_folder() / "glassgrad"
    private = Path(tempfile.gettempdir()) / f"glassgrad-{_user_name()}"
    if _is_private(private):
        yield private


def _user_cache_folder() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) if local else Path.home() / "AppData" / "Local"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return configured if configured.is_absolute() else Path.home() / ".cache"


def _user_name() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")


def _is_private(folder: Path) -> bool:
    """Make the folder for this user alone: whoever can write cached code can run code as us."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):
        return True
    others_write = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not others_write


def _can_write(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            os.utime(folder)  # says when the folder was last used
    except OSError:
        return False
    return True


def _remove_outdated(folder: Path) -> None:
    """Delete the kernels of versions that nobody has used for a month."""
    limit = time.time() - OUTDATED_AFTER_SECONDS
    for other in folder.parent.iterdir():
        with contextlib.suppress(OSError):
            if other != folder and other.stat().st_mtime < limit:
                shutil.rmtree(other, ignore_errors=True)


@functools.cache
def _key() -> str:
    digest = hashlib.sha256()
    for part in _dependencies_of_kernels():
        digest.update(part)
        digest.update(b"\0")
    return digest.hexdigest()[:20]


def _dependencies_of_kernels() -> Iterator[bytes]:
    paths = [_SOURCES / f"{name}.py" for name in _COMPILED_MODULES]
    for path in paths:
        yield path.name.encode()
        yield path.read_bytes()
    for name in _DEPENDENCIES:
        yield f"{name} {metadata.version(name)}".encode()
    yield f"{sys.implementation.cache_tag} {sys.version} {platform.machine()}".encode()
    yield host.description().encode()
    # A kernel is compiled for the BLAS kernels that it will call.
    yield os.environ.get("GLASSGRAD_BLAS_CORE", "").encode()


def text_of_modules(text: str) -> str:
    """The text of the modules of `kernels` that are named in a text, or in one of them."""
    found: dict[str, str] = {}
    pending = set(_MODULE_OF_KERNELS.findall(text))
    while pending:
        name = pending.pop()
        found[name] = _text_of(name)
        pending |= set(_MODULE_OF_KERNELS.findall(found[name])) - set(found)
    return "\n".join(found[name] for name in sorted(found))


@functools.cache
def _text_of(name: str) -> str:
    return (_SOURCES / "kernels" / f"{name}.py").read_text("utf-8")
