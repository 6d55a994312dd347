from __future__ import annotations

import io
import re
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as extra

from glassgrad import datasets
from glassgrad.datasets import numpy_file
from glassgrad.datasets.arrays import dataset_of_arrays, table_of_arrays
from glassgrad.datasets.numpy_file import parse_npy, parse_npz, read_arrays
from glassgrad.errors import DataError, FileError, UnknownNameError


def packed(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def parse(content: bytes) -> Any:
    return parse_npy(io.BytesIO(content), "'x.npy'", len(content))


def with_header(header: str, body: bytes = b"", version: int = 1) -> bytes:
    text = header.encode() + b"\n"
    size = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + body


# ---- what is read


@given(
    extra.arrays(
        st.one_of(
            extra.integer_dtypes(endianness="?"),
            extra.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
            extra.boolean_dtypes(),
            extra.datetime64_dtypes(),
        ),
        extra.array_shapes(min_dims=0, min_side=0),
    ),
    st.booleans(),
)
def test_what_numpy_wrote_is_read_back(array: Any, transposed: bool) -> None:
    array = array.T if transposed else array
    found = parse(packed(array))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder("=")
    assert found.flags.writeable


@pytest.mark.parametrize(
    "array",
    [
        np.array(["a", "ä", ""]),
        np.array([b"a", b"bc"]),
        np.array([(1.5, "a"), (2.5, "b")], [("size", "<f8"), ("kind", "U3")]),
        np.zeros(2, {"names": ["a", "b"], "formats": ["i4", "f8"], "offsets": [0, 8]}),
    ],
)
def test_text_and_columns_are_read_back(array: Any) -> None:
    np.testing.assert_array_equal(parse(packed(array)), array)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_archive(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "a.npz", x=np.arange(3), y=np.ones(2), other=np.zeros(1))
    assert set(read_arrays(tmp_path / "a.npz")) == {"x", "y", "other"}
    found = read_arrays(tmp_path / "a.npz", ["x", "absent"])
    assert set(found) == {"x"}
    np.testing.assert_array_equal(found["x"], np.arange(3))


@pytest.mark.parametrize("version", [2, 3])
def test_later_versions_of_the_format(version: int) -> None:
    header = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }"
    np.testing.assert_array_equal(parse(with_header(header, b"\1\0\2\0", version)), [1, 2])


# ---- what is not


HEADER = "{{'descr': {}, 'fortran_order': False, 'shape': {}, }}"
BROKEN = {
    "empty": (b"", "found the bytes (none)"),
    "junk": (b"a,b,c\n1,2,3", "found the bytes 61 2c"),
    "version": (with_header("{}", version=9), "format version 1, 2 or 3, found 9"),
    "cut in the header": (packed(np.zeros(3))[:50], "only 40"),
    "cut in the content": (packed(np.zeros(3))[:-1], "3 elements of float64 (24 bytes), found 23"),
    "more": (packed(np.zeros(3)) + b"!", "found 25 bytes"),
    "objects": (packed(np.array([None])), "numbers, truths, dates or text"),
    "a lying shape": (with_header(HEADER.format("'<f8'", "(99999999999,)")), "found 0 bytes"),
    "an absurd shape": (
        with_header(HEADER.format("'<f8'", f"({'9' * 18}, {'9' * 18}, 0)")),
        "a shape that fits into memory",
    ),
    "too many axes": (with_header(HEADER.format("'<f8'", f"({'1, ' * 65})")), "64 dimensions"),
    "a call": (with_header(HEADER.format("__import__('os')", "(1,)")), "a header with descr"),
    "an expression": (with_header(HEADER.format("'<f8'", "(9**9,)")), "a header with descr"),
    "no such type": (with_header(HEADER.format("'<f3'", "(1,)"), b"123"), "found '<f3'"),
    "text of no length": (with_header(HEADER.format("'<U0'", "(9,)")), "found '<U0'"),
    "one name twice": (
        with_header(HEADER.format("[('a', '<f8'), ('a', '<f8')]", "(1,)"), bytes(16)),
        "or columns of them",
    ),
    "a huge header": (b"\x93NUMPY\x02\x00" + b"\xff" * 8, "a header of 1048576 bytes at the most"),
    "no character": (
        with_header(HEADER.format("'<U1'", "(1,)"), b"\xff\xff\xff\x7f"),
        "the character number 2147483647",
    ),
}


@pytest.mark.parametrize("content, message", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_explained(content: bytes, message: str) -> None:
    with pytest.raises(FileError, match=re.escape(message)) as caught:
        parse(content)
    assert "'x.npy'" in str(caught.value)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


ARCHIVE = zipped({"x.npy": packed(np.arange(99))})


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "whole zip archive"),
        (b"junk", "whole zip archive"),
        (ARCHIVE[:-5], "whole zip archive"),
        (ARCHIVE[:50] + b"!!!!" + ARCHIVE[54:], "'x.npz'"),
        (zipped({"x.npy": b"junk"}), "'x.npy' in 'x.npz'"),
        (zipped({"x.npy": packed(np.zeros(3))[:-1]}), "found 23"),
    ],
)
def test_a_broken_archive_is_explained(content: bytes, message: str) -> None:
    with pytest.raises(FileError, match=message):
        parse_npz(io.BytesIO(content), "'x.npz'")


def test_an_archive_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_file, "_memory", lambda: 1_000_000)
    bomb = zipped({"x.npy": packed(np.zeros(100_000))})
    assert len(bomb) < 2_000
    with pytest.raises(FileError, match=r"announces arrays of 0.0 GB, and this machine has"):
        parse_npz(io.BytesIO(bomb), "'x.npz'")


def test_a_lying_archive_takes_no_memory() -> None:
    """The sizes in its list of contents are too small by far."""
    content = bytearray(zipped({"x.npy": packed(np.zeros(3_000_000))}))
    entry = content.rfind(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (152).to_bytes(4, "little")
    tracemalloc.start()
    with pytest.raises(FileError):
        parse_npz(io.BytesIO(bytes(content)), "'x.npz'")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6


# ---- arrays as data sets


def save_parts(path: Path) -> None:
    x, y = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60) % 2
    x[:, 0] += 3 * y
    np.savez(path, x_train=x[:48], y_train=y[:48], x_test=x[48:], y_test=y[48:])


def test_parts_of_an_archive_stay_what_they_are(tmp_path: Path) -> None:
    save_parts(tmp_path / "parts.npz")
    dataset = datasets.load(tmp_path / "parts.npz")
    assert (dataset.x_train.shape, dataset.x_test.shape) == ((42, 3), (12, 3))
    assert dataset.validation is not None
    assert dataset.class_names == ("0", "1")
    np.testing.assert_array_equal(dataset.y_test, np.arange(48, 60) % 2)


def test_images_of_an_archive(tmp_path: Path) -> None:
    images = np.zeros((20, 4, 4), np.uint8)
    np.savez(tmp_path / "images.npz", x=images, y=np.arange(20) % 3)
    dataset = datasets.load(tmp_path / "images.npz")
    assert (dataset.x_train.shape, dataset.classes, dataset.scale) == ((16, 4, 4), 3, 1 / 255)
    np.savez(tmp_path / "amounts.npz", x=images, y=np.linspace(0, 1, 20))
    assert datasets.load(tmp_path / "amounts.npz").classes is None


def test_a_structured_array_is_a_table(tmp_path: Path) -> None:
    rows = np.array([(1.5, "a"), (2.5, "b")] * 10, [("size", "<f8"), ("kind", "U3")])
    np.save(tmp_path / "rows.npy", rows)
    assert datasets.read_table(tmp_path / "rows.npy").names == ("size", "kind")
    dataset = datasets.load(tmp_path / "rows.npy", target="kind")
    assert dataset.class_names == ("a", "b")


@pytest.mark.parametrize(
    "arrays, error, message",
    [
        ({"x": np.zeros((4, 2, 2))}, UnknownNameError, "Unknown array of it 'y'"),
        ({"x": np.zeros((4, 2, 2)), "y": np.zeros(3)}, DataError, "equal lengths"),
        ({"x": np.zeros((0, 2, 2)), "y": np.zeros(0)}, DataError, "equal lengths from 1"),
        ({"x": np.zeros((4, 2, 2)), "y": np.array(list("abab"))}, DataError, "hold numbers"),
        ({"x": np.zeros((4, 2, 2)), "y": np.array([-1, 0, 1, 1])}, DataError, "Got -1 to 1"),
        ({"x": np.zeros((4, 2, 2)), "y": np.array([1, 1, 1, 1])}, DataError, "Got 1 to 1"),
        ({"x": np.zeros((4, 2, 2)), "y": np.array([0, 1, 1, 4])}, DataError, "Got 0 to 4"),
    ],
)
def test_arrays_that_are_no_data_set(arrays: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        dataset_of_arrays(arrays, "name", "it")


def test_arrays_that_are_no_table() -> None:
    with pytest.raises(DataError, match=r"Got 'x' of shape \(2, 2, 2\) in it"):
        table_of_arrays({"x": np.zeros((2, 2, 2))}, "it")


def test_parts_of_two_kinds_are_refused(tmp_path: Path) -> None:
    x, y = np.zeros((4, 3)), np.zeros(4)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x[:, :2], y_test=y)
    with pytest.raises(DataError, match="x_train and x_test must be of one kind"):
        datasets.load(tmp_path / "a.npz")
