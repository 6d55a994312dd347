"""Fully connected layers, and the product of two matrices."""

from __future__ import annotations

import itertools

import numpy as np

from benchmarks.cases import Case
from benchmarks.networks.network import Array, classes, dense

__all__ = ["Mlp", "Product"]


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
        return x, classes(random, case, case.sizes[-1])

    def weights(self, case: Case) -> list[Array]:
        """Kernels, (inputs, outputs), each followed by its bias: He's normal, and zeros."""
        random = np.random.default_rng(2)
        pairs = itertools.pairwise(case.sizes)
        return [weight for pair in pairs for weight in dense(random, *pair)]

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
