"""Nested plain data with arrays in it, as one safetensors file."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from glassgrad.errors import FileError
from glassgrad.files import read_bytes, write_atomically

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
        FileError: the file cannot be written.
    """
    from safetensors.numpy import save  # the format is needed only here

    arrays: dict[str, np.ndarray[Any, Any]] = {}
    plain = _take_out(tree, "", arrays)
    metadata = {"format": FORMAT, "kind": kind, "data": json.dumps(plain)}
    content = save(arrays, metadata)
    with write_atomically(path) as file:
        file.write(content)


def load_tree(path: str | os.PathLike[str], kind: str) -> Any:
    """Read what ``save_tree`` wrote; nothing in the file is executed.

    Raises:
        FileError: there is no such file, or it is damaged, or of another kind.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = read_bytes(path)
    try:
        arrays = load(content)
        length = int.from_bytes(content[:8], "little")
        metadata = json.loads(content[8 : 8 + length]).get("__metadata__", {})
        plain = json.loads(metadata["data"]) if "data" in metadata else None
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FileError(f"{os.fspath(path)!r} is no whole safetensors file: {error}. "
                        "It may be truncated; use another copy.") from error  # fmt: skip
    if metadata.get("format") != FORMAT or metadata.get("kind") != kind:
        found = metadata.get("kind") or "not written by glassgrad"
        raise FileError(f"{os.fspath(path)!r} must be a glassgrad {kind}. It is {found}.")
    try:
        return _put_back(plain, arrays)
    except KeyError as error:
        raise FileError(f"{os.fspath(path)!r} lacks the array {error}.") from error


def _take_out(tree: Any, path: str, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    """Replace arrays by references, and collect them."""
    if isinstance(tree, np.ndarray):
        name = path or "value"
        # The writer of the format stores strided arrays wrongly, without a word.
        arrays[name] = np.array(tree, order="C")
        return {_ARRAY: name}
    if isinstance(tree, np.generic):
        return tree.item()
    if isinstance(tree, dict):
        return {key: _take_out(value, f"{path}/{key}" if path else key, arrays)
                for key, value in tree.items()}  # fmt: skip
    if isinstance(tree, list | tuple):
        return [_take_out(value, f"{path}/{number}" if path else str(number), arrays)
                for number, value in enumerate(tree)]  # fmt: skip
    return tree


def _put_back(tree: Any, arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    if isinstance(tree, dict):
        if set(tree) == {_ARRAY}:
            return arrays[tree[_ARRAY]]
        return {key: _put_back(value, arrays) for key, value in tree.items()}
    return [_put_back(value, arrays) for value in tree] if isinstance(tree, list) else tree
