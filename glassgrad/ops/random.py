"""Random numbers as a function: a counter-based generator, equal in every executor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, DtypeError, ShapeError
from glassgrad.graph import Binding, Composite, Notation, Primitive, Tensor, TensorSpec
from glassgrad.graph.dtypes import default_float
from glassgrad.graph.operation import Array
from glassgrad.ops.elementwise import erfinv, greater_equal, where

__all__ = [
    "Dropout",
    "RandomNormal",
    "RandomUniform",
    "random_normal",
    "random_truncated_normal",
    "threefry",
    "uniform",
]

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
ROUNDS = 20
PARITY = 0x1BD11BDA
RANDOM_BITS = {"float32": 24, "float64": 53}


def threefry(xp: Any, key: tuple[Any, Any], counter: tuple[Any, Any]) -> tuple[Array, Array]:
    """Threefry-2x32 with 20 rounds: two random words for each counter.

    Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.
    """
    keys = (key[0], key[1], key[0] ^ key[1] ^ np.uint32(PARITY))
    a, b = counter[0] + keys[0], counter[1] + keys[1]
    for group in range(ROUNDS // 4):
        for rotation in ROTATIONS[group % 2]:
            a = a + b
            b = (b << np.uint32(rotation)) | (b >> np.uint32(32 - rotation))
            b = b ^ a
        a = a + keys[(group + 1) % 3]
        b = b + keys[(group + 2) % 3] + np.uint32(group + 1)
    return a, b


@dataclass(frozen=True)
class RandomUniform(Primitive):
    """Independent numbers, uniform on [0, 1), decided by seed, stream, step and position.

    ``stream`` tells apart the places of a graph that draw; ``step`` and ``seed`` are inputs.
    float32 has 24 random bits, float64 has 53.
    """

    target: tuple[int, ...]
    stream: int = 0
    dtype: str = "float32"
    notation = Notation(
        "uniform({seed}, {step}, stream={stream}, shape={target}, dtype='{dtype}')",
        r"U_{{{stream}}}({seed}, {step})",
    )

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """The target."""
        seed, step = inputs
        if any(spec.shape or spec.dtype != np.dtype("uint32") for spec in inputs):
            raise DtypeError(f"Seed and step must be uint32 scalars. Got {seed} and {step}.")
        if min(self.target, default=0) < 0:
            raise ShapeError(f"A shape has lengths from 0. Got {self.target}.")
        if not 0 <= self.stream < 2**32:
            raise ArgumentError(f"A stream is a number from 0, of 32 bits. Got {self.stream}.")
        if self.dtype not in RANDOM_BITS:
            raise DtypeError(f"Random numbers are float32 or float64. Got {self.dtype}.")
        return TensorSpec(self.target, np.dtype(self.dtype))

    def forward(self, xp, seed, step):
        index = xp.reshape(xp.arange(int(np.prod(self.target)), dtype="uint32"), self.target)
        key = (xp.reshape(seed, (1,)), np.array([self.stream], np.uint32))
        steps = xp.broadcast_to(xp.reshape(step, (1,)), index.shape) if index.shape else step
        high, low = threefry(xp, key, (steps, index))
        if self.dtype == "float32":
            return xp.reshape(
                (high >> np.uint32(8)).astype("float32") * np.float32(2.0**-24), self.target
            )
        bits = (high >> np.uint32(5)).astype("float64") * 2.0**26 + (low >> np.uint32(6))
        return xp.reshape(bits * 2.0**-53, self.target)

    def chain_rule(self, gradients, outputs, inputs):
        return None, None


@dataclass(frozen=True)
class RandomNormal(Composite):
    """Independent standard normal numbers: z = sqrt(2) erfinv(v) with v uniform on (-1, 1).

    ``limit`` cuts the distribution off: v is then uniform on (-mass, mass), where mass is the
    probability of |z| < limit. One number of ``RandomUniform`` makes one of these; the middle of
    its step is taken, so that v is never -1 or 1, and what is drawn is symmetric.
    """

    target: tuple[int, ...]
    stream: int = 0
    dtype: str = "float32"
    limit: float = math.inf

    @property
    def notation(self) -> Notation:  # type: ignore[override]  # depends on the parameters
        drawn = (
            "uniform({seed}, {step}, stream={stream}, shape={target}, dtype='{dtype}')"
            f" * 2 + ({self.middle - 1!r})"
        )
        shares = f"({drawn}) * {self.mass!r}" if self.mass < 1 else drawn
        return Notation(
            f"2 ** 0.5 * erfinv({shares})",
            r"\mathcal{{N}}_{{{stream}}}({seed}, {step})",
            Binding.PRODUCT,
        )

    def definition(self, seed, step):
        drawn = RandomUniform(self.target, self.stream, self.dtype)(seed, step)
        return math.sqrt(2) * erfinv(self.centred(drawn))

    def centred(self, drawn: Tensor) -> Tensor:
        """Numbers on (-mass, mass) of numbers on [0, 1)."""
        v = 2 * drawn - 1 + self.middle  # exact: all are multiples of the same power of two
        return v * self.mass if self.mass < 1 else v

    def chain_rule(self, gradients, outputs, inputs):
        return None, None

    @property
    def middle(self) -> float:
        """The step in which uniform numbers on (-1, 1) lie, halved."""
        return 2.0 ** -RANDOM_BITS[self.dtype]

    @property
    def mass(self) -> float:
        """The probability of a standard normal number within the limits."""
        return math.erf(self.limit / math.sqrt(2))


@dataclass(frozen=True)
class Dropout(Composite):
    """Inverted dropout: each element is 0 with probability rate, else divided by 1 - rate.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout", 2014.
    """

    rate: float
    stream: int = 0
    notation = Notation(
        "{x} * (uniform({seed}, {step}, stream={stream}, shape=shape({x}), "
        "dtype=str(({x}).dtype)) >= {rate}) / (1 - {rate})",
        r"\operatorname{{dropout}}_{{{rate}}}({x})",
        Binding.PRODUCT,
    )

    def __post_init__(self) -> None:
        if not 0 <= self.rate < 1:
            raise ArgumentError(f"The rate of dropout must lie in [0, 1). Got {self.rate}.")

    def definition(self, x, seed, step):
        return where(self.keeps(x, seed, step), x * (1 / (1 - self.rate)), 0.0)

    def chain_rule(self, gradients, outputs, inputs):
        (g,), (x, seed, step) = gradients, inputs
        return where(self.keeps(x, seed, step), g * (1 / (1 - self.rate)), 0.0), None, None

    def keeps(self, x: Tensor, seed: Tensor, step: Tensor) -> Tensor:
        """Which elements stay."""
        drawn = RandomUniform(x.shape, self.stream, str(x.dtype))(seed, step)
        return greater_equal(drawn, self.rate)


def uniform(seed: Any, step: Any, shape: Sequence[int], stream: int = 0) -> Tensor:
    """Numbers from [0, 1), the same for the same seed, step and stream."""
    return RandomUniform(tuple(shape), stream)(seed, step)


def random_normal(
    seed: Any,
    step: Any,
    shape: Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    stream: int = 0,
    dtype: str | None = None,
) -> Tensor:
    """Normal numbers, the same for the same seed, step and stream.

    Args:
        seed: a uint32 scalar.
        step: a uint32 scalar.
        shape: of the result.
        mean: where they are centred.
        stddev: their standard deviation.
        stream: tells apart the places of a graph that draw.
        dtype: "float32" or "float64"; the default float unless given.

    They are found by inverting the distribution function: a float32 lies within 5.5 standard
    deviations, a float64 within 8.4.

    Raises:
        DtypeError: seed or step are no uint32 scalars, or the dtype is another.

    Example:
        >>> from glassgrad.graph import constant
        >>> seed, step = constant(1, "uint32"), constant(0, "uint32")
        >>> random_normal(seed, step, (2, 3)).shape
        (2, 3)
    """
    drawn = RandomNormal(tuple(shape), stream, dtype or str(default_float()))(seed, step)
    return mean + stddev * drawn


def random_truncated_normal(
    seed: Any,
    step: Any,
    shape: Sequence[int],
    mean: float = 0.0,
    stddev: float = 1.0,
    stream: int = 0,
    dtype: str | None = None,
) -> Tensor:
    """Normal numbers of which those beyond two standard deviations are never drawn.

    Args:
        seed: a uint32 scalar.
        step: a uint32 scalar.
        shape: of the result.
        mean: where they are centred.
        stddev: the standard deviation before the cut; after it, it is 0.88 times as large.
        stream: tells apart the places of a graph that draw.
        dtype: "float32" or "float64"; the default float unless given.

    Raises:
        DtypeError: seed or step are no uint32 scalars, or the dtype is another.

    Example:
        >>> from glassgrad.graph import constant
        >>> seed, step = constant(1, "uint32"), constant(0, "uint32")
        >>> random_truncated_normal(seed, step, (100,)).abs().max().item() < 2
        True
    """
    drawn = RandomNormal(tuple(shape), stream, dtype or str(default_float()), 2.0)(seed, step)
    return mean + stddev * drawn
