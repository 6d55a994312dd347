"""Where arrays lie in memory."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from glassgrad.graph.operation import Array

__all__ = ["ALIGNMENT", "address_of", "aligned_bytes", "is_side_by_side", "padded"]

ALIGNMENT = 64
"""A cache line, and the longest vector that a processor loads at once."""


def address_of(array: Array) -> int:
    """Where the elements begin.

    NumPy's own ways, ``ctypes.data`` and ``__array_interface__``, take 3 us, which is long for
    a step of a small network; this one takes 0.5.
    """
    if array.nbytes and array.flags.carray:
        buffer: Any = array  # it is one, though its type does not say so before Python 3.12
        return ctypes.addressof(ctypes.c_char.from_buffer(buffer))
    address: int = array.__array_interface__["data"][0]
    return address


def padded(length: int) -> int:
    """A length in bytes, up to where the next array may begin."""
    return -(-length // ALIGNMENT) * ALIGNMENT


def aligned_bytes(length: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Zeroed memory that begins on a cache line."""
    raw = np.zeros(length + ALIGNMENT, np.uint8)
    start = -address_of(raw) % ALIGNMENT
    return raw[start : start + length]


def is_side_by_side(one: Array, other: Array) -> bool:
    """Whether the second array follows the first one on the next cache line, in one allocation.

    Between two allocations that happen to be neighbours lie data of the allocator, which a
    kernel that walks over both would overwrite.
    """
    if one.base is None or one.base is not other.base:
        return False
    return address_of(other) == address_of(one) + padded(one.nbytes)
