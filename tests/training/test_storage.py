"""Trees of plain data and arrays: what is written is read, and damage is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassgrad.errors import ArgumentError, FileError
from glassgrad.training.storage import load_tree, save_tree

TREE = {
    "name": "σ",
    "numbers": [1, 0.1, -2.5e-300, float("inf"), None, True],
    "deep": {"weights": [np.arange(6.0).reshape(2, 3), np.array(7, "uint32")], "a/b": {"c": 1}},
    "empty": {},
    "nothing": [],
}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and type(one) is type(other)


def test_round_trip(tmp_path: Path) -> None:
    save_tree(tmp_path / "tree", "thing", TREE)
    assert same(TREE, load_tree(tmp_path / "tree", "other", "thing"))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8", "uint32", "?"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
def test_arrays_of_every_dtype(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    array = np.ones(shape, dtype)
    save_tree(tmp_path / "tree", "thing", [array])
    assert same([array], load_tree(tmp_path / "tree", "thing"))


def test_strided_arrays_are_stored_as_they_are_seen(tmp_path: Path) -> None:
    array = np.arange(24.0).reshape(4, 6).T[::2]
    save_tree(tmp_path / "tree", "thing", array)
    assert same(array, load_tree(tmp_path / "tree", "thing"))


def test_names_that_meet_do_not_overwrite_each_other(tmp_path: Path) -> None:
    tree = {"a": {"b": np.zeros(1)}, "a/b": np.ones(1)}
    save_tree(tmp_path / "tree", "thing", tree)
    assert same(tree, load_tree(tmp_path / "tree", "thing"))


def test_numpy_numbers_and_tuples_become_plain(tmp_path: Path) -> None:
    save_tree(tmp_path / "tree", "thing", (np.float32(0.5), np.int64(3)))
    assert load_tree(tmp_path / "tree", "thing") == [0.5, 3]


@pytest.mark.parametrize("value", [{1, 2}, print, {1: 2}, b"bytes", 1j])
def test_what_is_no_plain_data_is_refused_and_nothing_is_written(
    tmp_path: Path, value: Any
) -> None:
    with pytest.raises(ArgumentError, match=r"A file holds numbers.*at 'deep/0'"):
        save_tree(tmp_path / "tree", "thing", {"deep": [value]})
    assert not list(tmp_path.iterdir())


def test_another_kind_of_file(tmp_path: Path) -> None:
    save_tree(tmp_path / "tree", "weights", {})
    with pytest.raises(FileError, match=r"must be a glassgrad model. It is a weights\."):
        load_tree(tmp_path / "tree", "model")


def test_a_file_of_somebody_else(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"a": np.ones(2)}, tmp_path / "theirs")
    with pytest.raises(FileError, match="It was not written by glassgrad"):
        load_tree(tmp_path / "theirs", "model")


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"Cannot read .*: No such file"):
        load_tree(tmp_path / "absent", "model")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"garbage that is longer than eight bytes",
        b"\xff" * 64,  # a header of 18 exabytes
        (10**9).to_bytes(8, "little") + b"{}",  # a header of a gigabyte
        (2).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (4).to_bytes(8, "little") + b"null",
        (60_000).to_bytes(8, "little") + b"[" * 60_000,
        b"\x80\x04\x95pickle",
    ],
)
def test_no_safetensors_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(FileError):
        load_tree(tmp_path / "bad", "model")


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("storage") / "tree"
    save_tree(path, "thing", TREE)
    return path.read_bytes()


@given(data=st.data())
def test_truncation_is_told(
    content: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "truncated"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(FileError):
        load_tree(path, "thing")


@given(data=st.data())
def test_a_flipped_bit_is_told(
    content: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    changed = bytearray(content)
    changed[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path_factory.getbasetemp() / "flipped"
    path.write_bytes(changed)
    try:
        found = load_tree(path, "thing")
    except FileError:
        return
    assert same(TREE, found)  # the bit did not matter: a blank of the header


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tree"
    save_tree(path, "thing", [1])

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileError, match="No space left"):
        save_tree(path, "thing", [2])
    assert load_tree(path, "thing") == [1]
    assert [entry.name for entry in tmp_path.iterdir()] == ["tree"]
