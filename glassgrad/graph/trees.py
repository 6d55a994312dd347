"""Nested lists, tuples and dictionaries, taken apart into their leaves and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

__all__ = [
    "LEAF",
    "Branch",
    "Structure",
    "flatten",
    "flatten_up_to",
    "leaves_of",
    "map_tree",
    "rebuild",
]


@dataclass(frozen=True)
class _Leaf:
    """The place of a leaf."""

    def __repr__(self) -> str:
        return "•"


LEAF = _Leaf()


@dataclass(frozen=True)
class Branch:
    """A list, tuple or dictionary without what hangs on it; comparable, so it can be a key."""

    kind: type
    keys: tuple[Any, ...]
    entries: tuple[Structure, ...]

    def __repr__(self) -> str:
        inner = ", ".join(
            f"{key!r}: {entry}" if issubclass(self.kind, dict) else str(entry)
            for key, entry in zip(self.keys, self.entries, strict=True)
        )
        left, right = "{}" if issubclass(self.kind, dict) else "[]" if self.kind is list else "()"
        return f"{left}{inner}{right}"


Structure: TypeAlias = _Leaf | Branch | None


def _is_leaf(value: Any) -> bool:
    return not isinstance(value, list | tuple | dict)


def flatten(tree: Any, is_leaf: Callable[[Any], bool] = _is_leaf) -> tuple[list[Any], Structure]:
    """The leaves of a tree in order, and the structure that is left without them.

    Args:
        tree: nested lists, tuples and dictionaries; ``None`` is an empty place, not a leaf.
        is_leaf: says of a value that it is not looked into; by default all but lists, tuples
            and dictionaries.

    Example:
        >>> flatten({"a": [1, 2], "b": (3, None)})
        ([1, 2, 3], {'a': [•, •], 'b': (•, None)})
    """
    leaves: list[Any] = []
    return leaves, _structure(tree, leaves, is_leaf)


def _structure(tree: Any, leaves: list[Any], is_leaf: Callable[[Any], bool]) -> Structure:
    if tree is None:
        return None
    if is_leaf(tree):
        leaves.append(tree)
        return LEAF
    keys = tuple(tree) if isinstance(tree, dict) else tuple(range(len(tree)))
    entries = tuple(_structure(tree[key], leaves, is_leaf) for key in keys)
    return Branch(type(tree), keys, entries)


def leaves_of(tree: Any) -> list[Any]:
    """The leaves of a tree, in order.

    Example:
        >>> leaves_of([1, {"a": 2, "b": None}])
        [1, 2]
    """
    return flatten(tree)[0]


def flatten_up_to(structure: Structure, tree: Any) -> list[Any] | None:
    """What a tree holds in the places of another one's leaves; ``None`` if it is of another form.

    Example:
        >>> _, structure = flatten({"a": [1, 2], "b": 3})
        >>> flatten_up_to(structure, {"a": ["mse", None], "b": ("mae", 0.5)})
        ['mse', None, ('mae', 0.5)]
    """
    if not isinstance(structure, Branch):
        return [] if structure is None else [tree]
    if _is_leaf(tree) or len(tree) != len(structure.keys):
        return None
    if isinstance(tree, dict) != issubclass(structure.kind, dict):
        return None
    if isinstance(tree, dict) and tree.keys() != set(structure.keys):
        return None
    rows = zip(structure.keys, structure.entries, strict=True)
    parts = [flatten_up_to(entry, tree[key]) for key, entry in rows]
    known = [part for part in parts if part is not None]
    return list(chain.from_iterable(known)) if len(known) == len(parts) else None


def rebuild(structure: Structure, leaves: Iterable[Any]) -> Any:
    """Hang leaves on a structure again.

    Example:
        >>> leaves, structure = flatten([1, (2, 3)])
        >>> rebuild(structure, [10 * leaf for leaf in leaves])
        [10, (20, 30)]
    """
    return _rebuilt(structure, iter(leaves))


def _rebuilt(structure: Structure, leaves: Iterator[Any]) -> Any:
    if structure is None:
        return None
    if not isinstance(structure, Branch):
        return next(leaves)
    entries = [_rebuilt(entry, leaves) for entry in structure.entries]
    kind: Any = structure.kind
    if issubclass(kind, dict):
        return dict(zip(structure.keys, entries, strict=True))
    return kind(*entries) if hasattr(kind, "_fields") else kind(entries)  # a named tuple, or not


def map_tree(
    function: Callable[[Any], Any], tree: Any, is_leaf: Callable[[Any], bool] = _is_leaf
) -> Any:
    """The same tree with a function applied to every leaf.

    Example:
        >>> map_tree(str, {"a": (1, None)})
        {'a': ('1', None)}
    """
    if tree is not None and is_leaf(tree):
        return function(tree)  # as most trees are
    leaves, structure = flatten(tree, is_leaf)
    return rebuild(structure, map(function, leaves))
