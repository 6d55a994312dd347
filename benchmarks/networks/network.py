"""What every network of the cases offers, and what all of them draw and train with."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.cases import Case

__all__ = ["ADAM", "Array", "Network", "classes", "dense", "he_normal", "ones", "zeros"]

Array: TypeAlias = npt.NDArray[np.generic]

ADAM = {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
"""The optimizer of every step, in Keras's names."""


class Network(Protocol):
    """What the contestants share."""

    def data(self, case: Case) -> tuple[Array, Array]:
        """Inputs and targets of all batches, one batch after the other."""

    def weights(self, case: Case) -> list[Array]:
        """The weights before the first step, in the order in which layers use them."""

    def operations(self, case: Case) -> float:
        """Floating-point operations of a step: those of its products and convolutions."""


def classes(random: np.random.Generator, case: Case, count: int) -> Array:
    """A random class for each example, (examples,), int32."""
    return random.integers(count, size=case.batch * case.batches, dtype=np.int32)


def he_normal(random: np.random.Generator, *shape: int) -> Array:
    """A kernel whose last axis is its outputs, and whose others all go into each of them."""
    inputs = int(np.prod(shape[:-1]))
    return random.normal(0, (2 / inputs) ** 0.5, shape).astype(np.float32)


def dense(random: np.random.Generator, inputs: int, outputs: int) -> list[Array]:
    """The kernel of a fully connected layer, (inputs, outputs), and its bias."""
    return [he_normal(random, inputs, outputs), zeros(outputs)]


def zeros(*shape: int) -> Array:
    """Biases, and the shifts of a normalisation."""
    return np.zeros(shape, np.float32)


def ones(*shape: int) -> Array:
    """The scales of a normalisation."""
    return np.ones(shape, np.float32)
