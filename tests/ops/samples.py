"""What the operations are tried on: samples of the inputs' domains."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

Array = np.ndarray[Any, Any]
Sample: TypeAlias = Callable[[np.random.Generator], Array]


def real(*shape: int) -> Sample:
    """Numbers of both signs."""
    return lambda rng: rng.uniform(-2, 2, shape)


def positive(*shape: int) -> Sample:
    """Numbers well away from zero."""
    return lambda rng: rng.uniform(0.5, 2.5, shape)


def above_one(*shape: int) -> Sample:
    """Numbers well above 1."""
    return lambda rng: rng.uniform(1.5, 3.5, shape)


def away(*shape: int) -> Sample:
    """Numbers of both signs with a distance of 0.5 from zero."""
    return lambda rng: rng.uniform(0.5, 2.5, shape) * rng.choice([-1.0, 1.0], shape)


def grid(*shape: int, offset: float = 0.1) -> Sample:
    """Different numbers, 0.3 apart and none near zero: no ties and no kinks."""

    def sample(rng: np.random.Generator) -> Array:
        size = int(np.prod(shape))
        return np.reshape(rng.permutation(np.arange(size) - size // 2) * 0.3 + offset, shape)

    return sample


def shifted_grid(*shape: int) -> Sample:
    """Numbers that differ from those of ``grid``."""
    return grid(*shape, offset=0.25)


def probabilities(*shape: int) -> Sample:
    """Distributions over the last axis."""

    def sample(rng: np.random.Generator) -> Array:
        weights = rng.uniform(0.1, 1, shape)
        return np.asarray(weights / weights.sum(axis=-1, keepdims=True))

    return sample


def fractions(*shape: int) -> Sample:
    """Numbers within (0, 1)."""
    return lambda rng: rng.uniform(0.05, 0.95, shape)


def integers(*shape: int, high: int = 5, low: int = 0, dtype: str = "int32") -> Sample:
    """Whole numbers from ``low``, below ``high``."""
    return lambda rng: rng.integers(low, high, shape).astype(dtype)


def booleans(*shape: int) -> Sample:
    """True or false."""
    return lambda rng: rng.integers(0, 2, shape).astype(bool)


def word(value: int) -> Sample:
    """A uint32 scalar, as seeds and steps are."""
    return lambda rng: np.array(value, np.uint32)


def given(values: Any, dtype: str | None = None) -> Sample:
    """These very values."""
    return lambda rng: np.array(values, dtype)
