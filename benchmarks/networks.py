"""What a network of the cases is: its data, its first weights, and what a step of it costs.

All contestants train on the same data from the same weights, so that their losses tell whether
they do the same work.
"""

from __future__ import annotations

import itertools
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.cases import Case

__all__ = ["ADAM", "NETWORKS", "Array", "Network"]

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
        """Floating-point operations of a step: those of its matrix products."""


class Mlp:
    """Fully connected layers, relu between them, the cross-entropy of the softmax at the end."""

    def data(self, case: Case) -> tuple[Array, Array]:
        """Noise, of the size of images, and random classes.

        Args:
            case: what is measured.

        Returns:
            Inputs, (examples, features), float32, and classes, (examples,), int32.
        """
        random = np.random.default_rng(1)
        examples = case.batch * case.batches
        x = random.normal(size=(examples, case.sizes[0])).astype(np.float32)
        return x, random.integers(case.sizes[-1], size=examples, dtype=np.int32)

    def weights(self, case: Case) -> list[Array]:
        """Kernels, (inputs, outputs), each followed by its bias: He's normal, and zeros."""
        random = np.random.default_rng(2)
        weights: list[Array] = []
        for inputs, outputs in itertools.pairwise(case.sizes):
            kernel = random.normal(0, (2 / inputs) ** 0.5, (inputs, outputs))
            weights += [kernel.astype(np.float32), np.zeros(outputs, np.float32)]
        return weights

    def operations(self, case: Case) -> float:
        """Three products a layer; the first has no gradient of its inputs."""
        pairs = list(itertools.pairwise(case.sizes))
        products = 3 * sum(inputs * outputs for inputs, outputs in pairs)
        return 2.0 * case.batch * (products - pairs[0][0] * pairs[0][1])


class Product:
    """The product of two matrices; what is left to do when nothing else is."""

    def data(self, case: Case) -> tuple[Array, Array]:
        """A matrix with a row for each example of a batch, and the one that it is multiplied by."""
        random = np.random.default_rng(3)
        rows = random.random((case.batch, case.sizes[0]), np.float32)
        return rows, random.random(case.sizes, np.float32)

    def weights(self, case: Case) -> list[Array]:
        """None."""
        return []

    def operations(self, case: Case) -> float:
        """A multiplication and an addition for each term of each sum."""
        return 2.0 * case.batch * case.sizes[0] * case.sizes[1]


NETWORKS: dict[str, Network] = {"mlp": Mlp(), "product": Product()}
