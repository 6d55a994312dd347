"""The IDX format, in which MNIST and its relatives are published.

A file is two zero bytes, a byte for the element type, a byte for the number of dimensions, each
dimension as a big-endian 32-bit integer, and the elements in row-major order, big-endian too. It
is usually gzipped.
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import sys
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from glassgrad.errors import FileError
from glassgrad.files import open_for_reading

__all__ = ["read_idx"]

_GZIP_MAGIC = b"\x1f\x8b"
_ELEMENT_TYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_MOST_DIMENSIONS = 64  # of a NumPy array
_CHUNK = 1 << 20


def read_idx(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Read the array that an IDX file holds, gzipped or plain, whatever the file's name.

    The file must hold exactly what its header announces. Memory is taken as data arrives, so
    that a damaged header cannot claim more than the file has.

    Args:
        path: The file.

    Returns:
        A writable array of its own memory, in the machine's byte order.

    Raises:
        FileError: The file cannot be read, or is not one whole IDX array.

    Examples:
        >>> import pathlib, tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> path = pathlib.Path(folder.name, "labels.idx")
        >>> _ = path.write_bytes(bytes([0, 0, 8, 1]) + bytes([0, 0, 0, 3]) + bytes([7, 2, 1]))
        >>> read_idx(path)
        array([7, 2, 1], dtype=uint8)
        >>> folder.cleanup()
    """
    with open_for_reading(path) as file:
        is_gzip = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        if not is_gzip:
            return _read_array(file, path)
        try:
            with gzip.open(file) as unpacked:
                return _read_array(unpacked, path)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise _broken(path, "one whole gzip stream", f"damage in it ({error})") from error


@dataclass(frozen=True)
class _Header:
    element_type: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def byte_count(self) -> int:
        return math.prod(self.shape) * self.element_type.itemsize

    def __str__(self) -> str:
        lengths = " x ".join(map(str, self.shape))
        return f"{lengths} elements of {self.element_type.name} ({self.byte_count} bytes)"


def _read_array(stream: BinaryIO | gzip.GzipFile, path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    header = _read_header(stream, path)
    content = _read_at_most(stream, header.byte_count)
    if len(content) < header.byte_count:
        raise _broken(path, str(header), f"only {len(content)} bytes of them")
    if stream.read(1):  # at the end of a gzip stream this verifies its checksum as well
        raise _broken(path, f"{header} and then the end", "further bytes")
    array = np.frombuffer(content, header.element_type).reshape(header.shape)
    return array.astype(header.element_type.newbyteorder("="), copy=False)


def _read_header(stream: BinaryIO | gzip.GzipFile, path: str | os.PathLike[str]) -> _Header:
    magic = stream.read(4)
    if not magic:
        raise _broken(path, "an IDX header", "an empty file")
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise _broken(path, "two zero bytes, a type and a rank", f"the bytes {magic.hex(' ')}")
    type_code, rank = magic[2:]
    if type_code not in _ELEMENT_TYPES:
        known = ", ".join(f"0x{code:02x}" for code in _ELEMENT_TYPES)
        raise _broken(path, f"an element type among {known}", f"0x{type_code:02x}")
    if not 1 <= rank <= _MOST_DIMENSIONS:
        raise _broken(path, f"1 to {_MOST_DIMENSIONS} dimensions", f"{rank}")
    lengths = stream.read(4 * rank)
    if len(lengths) < 4 * rank:
        raise _broken(path, f"{rank} dimensions of 4 bytes each", f"only {len(lengths)} bytes")
    header = _Header(_ELEMENT_TYPES[type_code], struct.unpack(f">{rank}I", lengths))
    _refuse_what_no_array_can_be(header, path)
    return header


def _refuse_what_no_array_can_be(header: _Header, path: str | os.PathLike[str]) -> None:
    """Refuse dimensions beyond any address; a zero among them does not make the others possible."""
    extent = math.prod(max(length, 1) for length in header.shape) * header.element_type.itemsize
    if extent > sys.maxsize:
        raise _broken(path, "dimensions that fit into memory", str(header))


def _read_at_most(stream: BinaryIO | gzip.GzipFile, byte_count: int) -> bytearray:
    content = bytearray()
    while len(content) < byte_count:
        chunk = stream.read(min(_CHUNK, byte_count - len(content)))
        if not chunk:
            break
        content += chunk
    return content


def _broken(path: str | os.PathLike[str], expected: str, found: str) -> FileError:
    return FileError(
        f"{os.fspath(path)!r} is not a whole IDX file: expected {expected}, found {found}. "
        "Fetch or write the file anew."
    )
