from __future__ import annotations

import contextlib
import gzip
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from glassgrad.datasets.idx import read_idx
from glassgrad.errors import FileError
from tests.datasets.idx_writer import TYPE_CODES, pack_idx, write_idx

SMALL = np.arange(6, dtype=np.int16).reshape(2, 3)
PACKED = pack_idx(SMALL)


def random_arrays() -> st.SearchStrategy[npt.NDArray[Any]]:
    shapes = arrays_of.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5)
    return st.sampled_from(sorted(TYPE_CODES)).flatmap(lambda name: arrays_of.arrays(name, shapes))


def assert_same(array: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
    assert array.dtype == expected.dtype
    assert array.dtype.isnative
    np.testing.assert_array_equal(array, expected, strict=True)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx") / "array"


# ---- what is whole is read


@given(array=random_arrays(), is_gzip=st.booleans())
def test_every_array_comes_back(path: Path, array: npt.NDArray[Any], is_gzip: bool) -> None:
    content = pack_idx(array)
    path.write_bytes(gzip.compress(content) if is_gzip else content)
    assert_same(read_idx(path), array)


@pytest.mark.parametrize("name", ["array", "array.gz"])
def test_a_path_may_be_text(tmp_path: Path, name: str) -> None:
    assert_same(read_idx(str(write_idx(tmp_path / name, SMALL))), SMALL)


def test_the_array_can_be_written_to(tmp_path: Path) -> None:
    array = read_idx(write_idx(tmp_path / "array", SMALL.astype(np.uint8)))
    array[0] = 7
    assert array[0, 0] == 7


def test_the_published_example_of_a_header(path: Path) -> None:
    """Byte by byte, from the description of the format, without the tests' own writer."""
    path.write_bytes(bytes.fromhex("00000d02 00000001 00000002 3f800000 c0000000"))
    assert_same(read_idx(path), np.array([[1, -2]], np.float32))


# ---- what is broken is one clear error


BROKEN = {
    "empty": (b"", "found an empty file"),
    "short magic": (b"\0\0\x08", "found the bytes 00 00 08"),
    "text": (b"label,pixel1", "found the bytes 6c 61 62 65"),
    "unknown type": (b"\0\0\x0a\x01" + bytes(4), "found 0x0a"),
    "no dimension": (b"\0\0\x08\x00\x05", "1 to 64 dimensions, found 0"),
    "too many dimensions": (b"\0\0\x08\xff" + bytes(1020), "1 to 64 dimensions, found 255"),
    "header cut": (PACKED[:9], "expected 2 dimensions of 4 bytes each, found only 5 bytes"),
    "content cut": (PACKED[:-1], "2 x 3 elements of int16 (12 bytes), found only 11 bytes"),
    "trailing": (PACKED + b"\0", "and then the end, found further bytes"),
    "absurd": (b"\0\0\x0e\x03" + b"\xff" * 12, "expected dimensions that fit into memory"),
    "absurd but empty": (b"\0\0\x08\x04" + bytes(4) + b"\xff" * 12, "fit into memory"),
    "empty gzip": (gzip.compress(b""), "found an empty file"),
    "gzip cut": (gzip.compress(PACKED)[:-9], "one whole gzip stream"),
    "gzip magic only": (b"\x1f\x8b", "one whole gzip stream"),
    "gzip with a wrong sum": (gzip.compress(PACKED)[:-8] + bytes(8), "one whole gzip stream"),
    "gzip and something": (gzip.compress(PACKED) + b"more", "one whole gzip stream"),
    "gzip of too much": (gzip.compress(PACKED + b"\0"), "further bytes"),
}


@pytest.mark.parametrize("content, explanation", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_explained(tmp_path: Path, content: bytes, explanation: str) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(FileError, match=re.escape(explanation)) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("is_gzip", [False, True])
def test_a_lying_header_takes_no_memory(path: Path, is_gzip: bool) -> None:
    content = b"\0\0\x08\x02" + b"\x00\x10\x00\x00" * 2 + bytes(1000)  # announces a terabyte
    path.write_bytes(gzip.compress(content) if is_gzip else content)
    tracemalloc.start()
    with pytest.raises(FileError, match="found only 1000 bytes"):
        read_idx(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20e6


def test_a_missing_file_is_explained(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="No such file"):
        read_idx(tmp_path / "missing")


@given(array=random_arrays(), is_gzip=st.booleans(), data=st.data())
def test_every_truncation_is_found(
    path: Path, array: npt.NDArray[Any], is_gzip: bool, data: st.DataObject
) -> None:
    content = gzip.compress(pack_idx(array)) if is_gzip else pack_idx(array)
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(FileError):
        read_idx(path)


@given(array=random_arrays(), data=st.data())
def test_a_damaged_gzip_is_found_or_harmless(
    path: Path, array: npt.NDArray[Any], data: st.DataObject
) -> None:
    content = bytearray(gzip.compress(pack_idx(array), mtime=0))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        read = read_idx(path)
    except FileError:
        return
    assert_same(read, array)  # the byte was one of those that gzip does not use


@given(array=random_arrays(), data=st.data())
def test_a_damaged_plain_file_raises_nothing_else(
    path: Path, array: npt.NDArray[Any], data: st.DataObject
) -> None:
    content = bytearray(pack_idx(array))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        read = read_idx(path)
    except FileError:
        return
    if not np.issubdtype(read.dtype, np.floating):  # a damaged float can become another NaN
        assert pack_idx(read) == content


@given(content=st.binary(max_size=200))
def test_any_bytes_are_an_array_or_a_file_error(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with contextlib.suppress(FileError):
        read_idx(path)
