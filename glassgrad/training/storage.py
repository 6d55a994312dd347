"""Nested plain data with arrays in it, as one safetensors file."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, FileError
from glassgrad.files import read_bytes, write_atomically
from glassgrad.graph.operation import Array

__all__ = ["load_tree", "save_tree"]

_ARRAY = "array in this file"
FORMAT = "glassgrad 1"


def save_tree(path: str | os.PathLike[str], kind: str, tree: Any) -> None:
    """Write a tree of dictionaries, lists, numbers, strings and arrays; all or nothing.

    Args:
        path: where to.
        kind: what the file is, such as "model"; ``load_tree`` asks for it again.
        tree: the data.

    Raises:
        ArgumentError: something in the tree is no plain data.
        FileError: the file cannot be written.
    """
    from safetensors.numpy import save  # the format is needed only here

    arrays: dict[str, Array] = {}
    data = json.dumps(_take_out(tree, "", arrays))
    checksum = _checksum(kind, data, arrays)
    metadata = {"format": FORMAT, "kind": kind, "data": data, "checksum": checksum}
    content = save(arrays, metadata)
    with write_atomically(path) as file:
        file.write(content)


def load_tree(path: str | os.PathLike[str], *kinds: str) -> Any:
    """Read what ``save_tree`` wrote; nothing in the file is executed.

    Args:
        path: the file.
        kinds: what it may be.

    Raises:
        FileError: there is no such file, or it is damaged, or of another kind.
    """
    arrays, metadata = _parsed(path, read_bytes(path))
    kind = metadata.get("kind")
    if metadata.get("format") != FORMAT or kind not in kinds:
        found = f"It is a {kind}." if kind else "It was not written by glassgrad."
        raise FileError(f"{os.fspath(path)!r} must be a glassgrad {' or '.join(kinds)}. {found}")
    if metadata.get("checksum") != _checksum(kind, metadata.get("data", ""), arrays):
        raise _damaged(path, "its content does not match its checksum")
    try:
        return _put_back(json.loads(metadata["data"]), arrays)
    except (KeyError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from error


def _parsed(
    path: str | os.PathLike[str], content: bytes
) -> tuple[dict[str, Array], Mapping[str, str]]:
    """The arrays and the texts of a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(content)
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except (SafetensorError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path, error) from error
    return arrays, header.get("__metadata__") or {}


def _damaged(path: str | os.PathLike[str], reason: object) -> FileError:
    return FileError(
        f"{os.fspath(path)!r} is damaged or no safetensors file: {reason}. "
        "It may be truncated; use another copy."
    )


def _checksum(kind: str, data: str, arrays: Mapping[str, Array]) -> str:
    """Tells a file that was damaged, not one that was forged."""
    crc = zlib.crc32(f"{kind} {data}".encode())
    for name, array in sorted(arrays.items()):
        crc = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc)
        crc = zlib.crc32(np.ascontiguousarray(array).data, crc)
    return f"{crc:08x}"


def _take_out(tree: Any, path: str, arrays: dict[str, Array]) -> Any:
    """Replace arrays by references, and collect them."""
    if isinstance(tree, np.ndarray):
        name = path or "value"
        while name in arrays:
            name += "'"
        # The writer of the format stores strided arrays wrongly, without a word.
        arrays[name] = np.array(tree, order="C")
        return {_ARRAY: name}
    if isinstance(tree, np.generic):
        return tree.item()
    if isinstance(tree, dict) and all(isinstance(key, str) for key in tree):
        return {
            key: _take_out(value, f"{path}/{key}" if path else key, arrays)
            for key, value in tree.items()
        }
    if isinstance(tree, list | tuple):
        return [
            _take_out(value, f"{path}/{number}" if path else str(number), arrays)
            for number, value in enumerate(tree)
        ]
    if tree is None or isinstance(tree, bool | int | float | str):
        return tree
    raise ArgumentError(
        "A file holds numbers, strings, arrays, lists, and dictionaries with strings as keys. "
        f"Got {tree!r} at {path!r}."
    )


def _put_back(tree: Any, arrays: Mapping[str, Array]) -> Any:
    if isinstance(tree, dict):
        if set(tree) == {_ARRAY}:
            return arrays[tree[_ARRAY]]
        return {key: _put_back(value, arrays) for key, value in tree.items()}
    return [_put_back(value, arrays) for value in tree] if isinstance(tree, list) else tree
