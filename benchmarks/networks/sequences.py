"""Networks that read sequences: recurrent ones, and one that attends to what came before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmarks.cases import Case
from benchmarks.networks.network import Array, classes, dense, he_normal, ones, zeros

__all__ = ["Gpt", "GptSizes", "Recurrent", "RecurrentSizes"]


class RecurrentSizes(NamedTuple):
    """The sizes of a case of "lstm" or "gru": time steps, features of each, units, classes."""

    time: int
    features: int
    units: int
    classes: int


@dataclass(frozen=True)
class Recurrent:
    """A recurrent layer, and a fully connected one that reads its last state.

    Args:
        gates: how many kernels stand side by side.
        biases: 2 where what comes in and what comes back have one each, as in a GRU that resets
            after the product.
    """

    gates: int
    biases: int

    def data(self, case: Case) -> tuple[Array, Array]:
        """Noise, (examples, time, features), float32, and random classes, (examples,), int32."""
        random, sizes = np.random.default_rng(1), RecurrentSizes(*case.sizes)
        shape = (case.batch * case.batches, sizes.time, sizes.features)
        return random.normal(size=shape).astype(np.float32), classes(random, case, sizes.classes)

    def weights(self, case: Case) -> list[Array]:
        """Kernel, (features, gates x units), recurrent kernel, bias; kernel and bias at the end.

        The gates stand in Keras's order: i, f, c, o, or z, r, h.
        """
        random, sizes = np.random.default_rng(2), RecurrentSizes(*case.sizes)
        wide = self.gates * sizes.units
        kernels = [random.normal(0, n**-0.5, (n, wide)) for n in (sizes.features, sizes.units)]
        bias = zeros(2, wide) if self.biases == 2 else zeros(wide)
        first = [kernel.astype(np.float32) for kernel in kernels]
        return [*first, bias, *dense(random, sizes.units, sizes.classes)]

    def operations(self, case: Case) -> float:
        """Three products a step of time; what comes in has no gradient."""
        sizes = RecurrentSizes(*case.sizes)
        step = self.gates * sizes.units * (2 * sizes.features + 3 * sizes.units)
        return 2.0 * case.batch * (sizes.time * step + 3 * sizes.units * sizes.classes)


class GptSizes(NamedTuple):
    """The sizes of a case of "gpt": tokens there are, tokens a text has, width, heads, layers."""

    vocabulary: int
    tokens: int
    width: int
    heads: int
    layers: int


class Gpt:
    """Predicts each next token: Radford et al., "Language models are unsupervised …", 2019.

    Learned positions; blocks of causal attention and of a hidden layer of four times the width
    with gelu, each added to what goes around it and normalised before; an output without bias.
    """

    def data(self, case: Case) -> tuple[Array, Array]:
        """Random tokens and those that follow them, both (examples, tokens), int32."""
        random, sizes = np.random.default_rng(1), GptSizes(*case.sizes)
        shape = (case.batch * case.batches, sizes.tokens + 1)
        texts = random.integers(sizes.vocabulary, size=shape, dtype=np.int32)
        return np.ascontiguousarray(texts[:, :-1]), np.ascontiguousarray(texts[:, 1:])

    def weights(self, case: Case) -> list[Array]:
        """Tables of tokens and positions, the blocks, a normalisation, the output's kernel.

        A block: scale and shift of a normalisation; kernel, (width, width), and bias of query,
        key, value and attention's output; a normalisation; kernels and biases of two layers.
        """
        random, sizes = np.random.default_rng(2), GptSizes(*case.sizes)
        width = sizes.width
        normalization = [ones(width), zeros(width)]
        weights: list[Array] = [
            random.normal(0, 0.02, (rows, width)).astype(np.float32)
            for rows in (sizes.vocabulary, sizes.tokens)
        ]
        for _ in range(sizes.layers):
            weights += normalization
            weights += [one for _ in range(4) for one in dense(random, width, width)]
            weights += normalization
            weights += dense(random, width, 4 * width) + dense(random, 4 * width, width)
        return [*weights, *normalization, he_normal(random, width, sizes.vocabulary)]

    def operations(self, case: Case) -> float:
        """Three products for each; attention's are between a token and those before it."""
        sizes = GptSizes(*case.sizes)
        layers = 12 * sizes.layers * sizes.width**2 + sizes.width * sizes.vocabulary
        pairs = (sizes.tokens + 1) / 2  # for each token, on average
        attention = 2 * sizes.layers * pairs * sizes.width
        return 2.0 * case.batch * sizes.tokens * 3 * (layers + attention)
