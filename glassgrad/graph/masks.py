"""Masks: which steps of a tensor are there at all, and which are padding.

A mask is a tensor of booleans that a layer lays beside what it makes, and that layers, losses and
metrics further on read. It is no part of the tensor's node, which is immutable: it is noted here.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from glassgrad.graph.tensor import Node, Tensor
from glassgrad.graph.trees import map_tree

__all__ = ["carry_mask", "mask_of", "masks_of"]

_masks: WeakKeyDictionary[Node, dict[int, Tensor]] = WeakKeyDictionary()


def mask_of(value: Any) -> Tensor | None:
    """The mask that a tensor carries; ``None`` where all of it counts.

    Args:
        value: a tensor; anything else carries none.

    Example:
        >>> from glassgrad.layers import Masking
        >>> mask_of(Masking()([[[1.0], [0.0]]])).numpy()
        array([[ True, False]])
    """
    if not _masks or not isinstance(value, Tensor):
        return None
    noted = _masks.get(value.node)
    return None if noted is None else noted.get(value.index)


def masks_of(tree: Any) -> Any:
    """The masks of tensors in lists, tuples and dictionaries, in the same structure."""
    return map_tree(mask_of, tree)


def carry_mask(tensor: Tensor, mask: Tensor | None) -> Tensor:
    """Let a tensor carry a mask; it is returned.

    Args:
        tensor: what a layer has made.
        mask: booleans, True for what counts; the axes are the first of the tensor's, often
            (batch, time). ``None`` changes nothing.
    """
    if mask is not None:
        _masks.setdefault(tensor.node, {})[tensor.index] = mask
    return tensor
