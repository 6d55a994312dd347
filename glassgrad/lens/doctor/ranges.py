"""What an activation can give at all: its least and its greatest value."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["RANGES", "range_of"]

WITHOUT = (-math.inf, math.inf)

RANGES: Final = {
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "relu6": (0.0, 6.0),
    "softplus": (0.0, math.inf),
    "exponential": (0.0, math.inf),
    "heaviside": (0.0, 1.0),
    "elu": (-1.0, math.inf),
    "selu": (-1.7581, math.inf),
    "silu": (-0.2785, math.inf),
    "gelu": (-0.17, math.inf),
    "mish": (-0.3088, math.inf),
    "log_softmax": (-math.inf, 0.0),
}
"""By Keras's names; those that are not here have no bounds, or none that is known."""


def range_of(activation: str) -> tuple[float, float]:
    """The bounds of an activation, infinite where there are none.

    Example:
        >>> range_of("tanh"), range_of("linear")
        ((-1.0, 1.0), (-inf, inf))
    """
    return RANGES.get(activation, WITHOUT)
