"""Arrays from NumPy's files, read without executing anything and without trusting their headers.

A header is matched, never evaluated, and the sizes that it and a zip archive announce are compared
with what is there before memory is taken.

The formats: `numpy.lib.format`, https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import os
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from glassgrad.errors import FileError
from glassgrad.files import open_for_reading

__all__ = ["ARRAY_FILES", "parse_npy", "parse_npz", "read_arrays"]

Array = npt.NDArray[Any]

ARRAY_FILES = (".npy", ".npz")
"""The endings of files that hold arrays."""

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 20
_MOST_DIMENSIONS = 64  # of a NumPy array
_TYPE = r"[<>|=]?(?:[biufSU]\d{1,9}|\?|M8\[\w{1,3}\])"
_FIELD = re.compile(rf"\(\s*'([^'\\]*)'\s*,\s*'({_TYPE}|\|V\d{{1,9}})'\s*,?\s*\)")
_HEADER = re.compile(
    r"\s*\{\s*'descr'\s*:\s*(?P<type>'[^'\\]*'|\[[^\]]*(?:\][^\]']*'[^\]]*)*\])\s*,"
    r"\s*'fortran_order'\s*:\s*(?P<order>True|False)\s*,"
    r"\s*'shape'\s*:\s*\((?P<shape>[\d\s,]*)\)\s*,?\s*\}\s*"
)
_CHUNK = 1 << 20
# What the reader of zip archives raises when one is damaged or of a kind it does not know.
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    LookupError,
    NotImplementedError,
    RuntimeError,
)


def read_arrays(path: str | os.PathLike[str], wanted: Iterable[str] = ()) -> dict[str, Array]:
    """Read the array of an NPY file, or the named arrays of an NPZ archive.

    Args:
        path: A file that ends in one of `ARRAY_FILES`.
        wanted: Of an archive, which arrays are read where it has them; all by default.

    Returns:
        The arrays by name; that of an NPY file is called "x". They are of the machine's byte
        order, and belong to the caller.

    Raises:
        FileError: The file cannot be read, is damaged, or holds what is neither numbers, truths,
            dates nor text.

    Examples:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name, "arrays.npz")
        >>> np.savez(path, x=np.arange(3), y=np.ones(2))
        >>> read_arrays(path, ["x"])
        {'x': array([0, 1, 2])}
        >>> folder.cleanup()
    """
    source = repr(os.fspath(path))
    with open_for_reading(path) as file:
        if Path(path).suffix.lower() == ".npz":
            return parse_npz(file, source, wanted)
        return {"x": parse_npy(file, source, os.fstat(file.fileno()).st_size)}


# ---- NPY


def parse_npy(stream: BinaryIO, source: str, length: int) -> Array:
    """The array that a stream holds in the NPY format.

    Args:
        stream: At its beginning.
        source: What to call it in messages.
        length: How many bytes it has.

    Raises:
        FileError: It is not one whole array of plain values.

    Examples:
        >>> import io
        >>> content = io.BytesIO()
        >>> np.save(content, np.array([1.5, 2.5]))
        >>> _ = content.seek(0)
        >>> parse_npy(content, "the file", len(content.getvalue()))
        array([1.5, 2.5])
    """
    dtype, shape, order, begin = _header(stream, source)
    count = math.prod(shape)
    announced = count * dtype.itemsize
    if announced != length - begin:
        raise _broken(
            source,
            f"{' x '.join(map(str, shape)) or 'one'} elements of {dtype} ({announced} bytes)",
            f"{length - begin} bytes",
        )
    extent = math.prod(max(axis, 1) for axis in shape) * dtype.itemsize
    if extent > sys.maxsize:  # a zero among the lengths does not make the others possible
        raise _broken(source, "a shape that fits into memory", f"{shape}")
    content = _read_exactly(stream, announced, source)
    array = np.frombuffer(content, dtype, count) if announced else np.zeros(count, dtype)
    native = _in_native_order(array.reshape(shape, order=order))
    _require_characters(native, source)
    return native


def _header(stream: BinaryIO, source: str) -> tuple[np.dtype[Any], tuple[int, ...], Any, int]:
    start = stream.read(10)
    if start[:6] != _MAGIC or len(start) < 10:
        raise _broken(source, "an NPY header", f"the bytes {start[:6].hex(' ') or '(none)'}")
    version, begin, size = start[6], 10, int.from_bytes(start[8:10], "little")
    if version in (2, 3):
        begin, size = 12, int.from_bytes(start[8:10] + stream.read(2), "little")
    elif version != 1:
        raise _broken(source, "format version 1, 2 or 3", f"{version}")
    if size > _LONGEST_HEADER:
        raise _broken(source, f"a header of {_LONGEST_HEADER} bytes at the most", f"{size}")
    text = _read_exactly(stream, size, source).decode("utf-8" if version == 3 else "latin-1",
                                                      "replace")  # fmt: skip
    found = _HEADER.fullmatch(text)
    if found is None:
        raise _broken(source, "a header with descr, fortran_order and shape", repr(text[:60]))
    shape = tuple(_lengths(found["shape"], source))
    order = "F" if found["order"] == "True" else "C"
    return _dtype(found["type"], source), shape, order, begin + size


def _lengths(text: str, source: str) -> Iterator[int]:
    parts = [part.strip() for part in text.split(",")]
    lengths = parts[:-1] if parts[-1] == "" else parts
    if not all(part.isdecimal() and len(part) < 20 for part in lengths):
        raise _broken(source, "a shape", f"({text.strip()[:60]})")
    if len(lengths) > _MOST_DIMENSIONS:
        raise _broken(source, f"{_MOST_DIMENSIONS} dimensions at the most", f"{len(lengths)}")
    return map(int, lengths)


def _dtype(text: str, source: str) -> np.dtype[Any]:
    """The dtype of a header; of plain values alone, since objects would be unpickled."""
    fields = _FIELD.findall(text)
    rest = re.sub(r"[\s,\[\]]", "", _FIELD.sub("", text))
    try:
        if re.fullmatch(f"'{_TYPE}'", text):
            dtype = np.dtype(text[1:-1])
        elif text[0] == "[" and fields and not rest:
            dtype = _with_gaps(fields)
        else:
            dtype = np.dtype("V0")
    except (TypeError, ValueError, OverflowError, MemoryError):
        dtype = np.dtype("V0")
    if dtype.itemsize:
        return dtype
    raise _broken(source, "numbers, truths, dates or text, or columns of them", text[:60])


def _with_gaps(fields: list[tuple[str, str]]) -> np.dtype[Any]:
    """Columns side by side, with bytes of no meaning where a field has no name."""
    types = [np.dtype(kind) for _, kind in fields]
    offsets = np.cumsum([0, *(one.itemsize for one in types)]).tolist()
    named = [place for place, (name, _) in enumerate(fields) if name]
    if any(types[place].kind == "V" for place in named):
        raise TypeError("bytes of no meaning with a name")
    return np.dtype(
        {
            "names": [fields[place][0] for place in named],
            "formats": [types[place] for place in named],
            "offsets": [offsets[place] for place in named],
            "itemsize": offsets[-1],
        }
    )


def _read_exactly(stream: BinaryIO, count: int, source: str) -> bytearray:
    """So many bytes, with memory taken as they arrive."""
    content = bytearray()
    while len(content) < count:
        chunk = stream.read(min(_CHUNK, count - len(content)))
        if not chunk:
            raise _broken(source, f"{count} bytes", f"only {len(content)}")
        content += chunk
    return content


def _in_native_order(array: Array) -> Array:
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _require_characters(array: Array, source: str) -> None:
    """Refuse numbers that no character has, which Python's text cannot hold."""
    for field in array.dtype.names or (None,):
        texts = array if field is None else array[field]
        if texts.dtype.kind == "U" and texts.size:
            codes = np.ascontiguousarray(texts).view(np.uint32)
            if codes.max() > sys.maxunicode:
                raise _broken(source, "text", f"the character number {codes.max()}")


# ---- NPZ


def parse_npz(stream: BinaryIO, source: str, wanted: Iterable[str] = ()) -> dict[str, Array]:
    """The named arrays of an archive in the NPZ format.

    Args:
        stream: The archive, at its beginning.
        source: What to call it in messages.
        wanted: Which arrays are read where it has them; all by default.

    Raises:
        FileError: It is no whole zip archive of NPY files, or needs more memory than there is.

    Examples:
        >>> import io
        >>> content = io.BytesIO()
        >>> np.savez_compressed(content, x=np.zeros(3))
        >>> parse_npz(content, "the file")
        {'x': array([0., 0., 0.])}
    """
    try:
        with zipfile.ZipFile(stream) as archive:
            members = _members(archive, set(wanted), source)
            return {
                name: _member(archive, member, f"{member.filename!r} in {source}")
                for name, member in members.items()
            }
    except FileError:
        raise
    except (*_BROKEN_ZIP, OSError) as error:
        raise _broken(source, "one whole zip archive of NPY files", f"damage ({error})") from error


def _members(archive: zipfile.ZipFile, wanted: set[str], source: str) -> dict[str, zipfile.ZipInfo]:
    found = {
        member.filename.removesuffix(".npy"): member
        for member in archive.infolist()
        if member.filename.endswith(".npy")
        if not wanted or member.filename.removesuffix(".npy") in wanted
    }
    needed, there = sum(member.file_size for member in found.values()), _memory()
    if needed > there / 2:
        raise FileError(
            f"{source} announces arrays of {needed / 1e9:,.1f} GB, and this machine has "
            f"{there / 1e9:,.1f} GB of memory. Take a part of them, or a larger machine."
        )
    return found


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, source: str) -> Array:
    with archive.open(member) as stream:
        array = parse_npy(stream, source, member.file_size)  # type: ignore[arg-type]  # it reads
        if stream.read(1):  # at the end this verifies the checksum as well
            raise _broken(source, f"{member.file_size} bytes", "more")
    return array


def _memory() -> int:
    """How many bytes of memory the machine has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # this system does not tell
        return sys.maxsize


def _broken(source: str, expected: str, found: str) -> FileError:
    return FileError(
        f"{source} is no whole file of arrays that NumPy wrote: expected {expected}, found "
        f"{found}. Write it with numpy.save or numpy.savez."
    )
