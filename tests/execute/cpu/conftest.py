"""Calling single kernels, as the planner would."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad.execute.cpu.views import SLOT_WORDS


class Block:
    """The argument block of a kernel, which keeps its arrays alive."""

    def __init__(self, *values: Any) -> None:
        self.values = values
        self.words = np.zeros((max(1, len(values)), SLOT_WORDS), np.int64)
        for slot, value in zip(self.words, values, strict=False):
            if isinstance(value, np.ndarray):
                assert value.flags.c_contiguous
                slot[0] = value.ctypes.data
                slot[1 : 1 + value.ndim] = value.shape
            else:
                slot[0] = value

    @property
    def address(self) -> int:
        return self.words.ctypes.data


def call_kernel(kernel: Any, *values: Any, part: int = 0, parts: int = 1) -> None:
    """Call one part of a kernel without a team."""
    block = Block(*values)
    ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(kernel.address)(
        part, parts, block.address
    )


@pytest.fixture
def block() -> type[Block]:
    return Block


@pytest.fixture
def call() -> Callable[..., None]:
    return call_kernel
