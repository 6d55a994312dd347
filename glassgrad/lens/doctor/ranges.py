"""What an activation can give at all, and how far targets are beyond that."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from glassgrad.graph.operation import Array

__all__ = ["RANGES", "out_of_reach", "range_of"]

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


def out_of_reach(y: Array, activation: str) -> float:
    """The part of the variance of targets that no output of an activation can give.

    Formula: the mean square of the distance to the activation's range, over the variance.

    Example:
        >>> out_of_reach(np.array([-1.0, 1.0]), "relu"), out_of_reach(np.zeros(2), "softplus")
        (0.5, 0.0)
    """
    with np.errstate(over="ignore"):
        variance = float(np.var(y, dtype=np.float64))
    if not 0 < variance < math.inf:
        return 0.0
    distance = y.astype(np.float64) - np.clip(y, *range_of(activation))
    return float(np.square(distance).mean() / variance)
