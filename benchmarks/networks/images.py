"""Networks that look at images: convolutions in a row, and with residual connections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from benchmarks.cases import Case
from benchmarks.networks.network import Array, classes, dense, he_normal, ones, zeros

__all__ = ["Cnn", "CnnSizes", "ResNet", "ResNetSizes"]

WINDOW = 3
"""Rows and columns of the kernels."""


def noise(case: Case, side: int, channels: int, count: int) -> tuple[Array, Array]:
    """Images of noise, (examples, side, side, channels), float32, and random classes, int32."""
    random = np.random.default_rng(1)
    shape = (case.batch * case.batches, side, side, channels)
    return random.normal(size=shape).astype(np.float32), classes(random, case, count)


class CnnSizes(NamedTuple):
    """The sizes of a case of "cnn": pixels a side, channels, filters, units, classes."""

    side: int
    channels: int
    first: int
    second: int
    units: int
    classes: int

    @property
    def flat(self) -> int:
        """What is left of an image before the first fully connected layer."""
        return ((self.side - 2 * (WINDOW - 1)) // 2) ** 2 * self.second


class Cnn:
    """Two convolutions without padding, the largest of 2x2, a hidden layer; relu throughout."""

    def data(self, case: Case) -> tuple[Array, Array]:
        """Images and classes, see ``noise``."""
        sizes = CnnSizes(*case.sizes)
        return noise(case, sizes.side, sizes.channels, sizes.classes)

    def weights(self, case: Case) -> list[Array]:
        """Kernels, (rows, columns, inputs, outputs) and (inputs, outputs), each with its bias."""
        random, sizes = np.random.default_rng(2), CnnSizes(*case.sizes)
        weights: list[Array] = []
        for inputs, outputs in ((sizes.channels, sizes.first), (sizes.first, sizes.second)):
            weights += [he_normal(random, WINDOW, WINDOW, inputs, outputs), zeros(outputs)]
        return (
            weights
            + dense(random, sizes.flat, sizes.units)
            + dense(random, sizes.units, sizes.classes)
        )

    def operations(self, case: Case) -> float:
        """As many multiplications as direct sums have; the images have no gradient."""
        sizes = CnnSizes(*case.sizes)
        inner = sizes.side - (WINDOW - 1)
        first = inner**2 * WINDOW**2 * sizes.channels * sizes.first
        second = (inner - (WINDOW - 1)) ** 2 * WINDOW**2 * sizes.first * sizes.second
        hidden = sizes.flat * sizes.units + sizes.units * sizes.classes
        return 2.0 * case.batch * (2 * first + 3 * (second + hidden))


class ResNetSizes(NamedTuple):
    """The sizes of a case of "resnet": pixels a side, channels, widths, blocks a stage, classes."""

    side: int
    channels: int
    first: int
    second: int
    third: int
    blocks: int
    classes: int

    @property
    def widths(self) -> tuple[int, int, int]:
        """The filters of each stage."""
        return self.first, self.second, self.third

    def stages(self) -> Iterator[tuple[int, int, int]]:
        """Inputs, outputs and stride of each block, one after the other."""
        inputs = self.first
        for width in self.widths:
            for block in range(self.blocks):
                yield inputs, width, 1 if block or width == self.first else 2
                inputs = width


class ResNet:
    """He et al., "Deep residual learning for image recognition", 2015, as small as for CIFAR-10.

    A convolution, three stages of blocks, the mean over all places, a fully connected layer. A
    block is two convolutions with batch statistics, and what it adds them to; where it has
    another size that is the mean of 2x2 pixels and a 1x1 convolution (He, T. et al., "Bag of
    tricks", 2018).
    """

    def data(self, case: Case) -> tuple[Array, Array]:
        """Images and classes, see ``noise``."""
        sizes = ResNetSizes(*case.sizes)
        return noise(case, sizes.side, sizes.channels, sizes.classes)

    def weights(self, case: Case) -> list[Array]:
        """Kernels, each with the scale and the shift of its batch statistics; at last, a layer.

        In a block: those of both convolutions, then those of the 1x1 convolution.
        """
        random, sizes = np.random.default_rng(2), ResNetSizes(*case.sizes)

        def convolution(window: int, inputs: int, outputs: int) -> list[Array]:
            kernel = he_normal(random, window, window, inputs, outputs)
            return [kernel, ones(outputs), zeros(outputs)]

        weights = convolution(WINDOW, sizes.channels, sizes.first)
        for inputs, outputs, stride in sizes.stages():
            weights += convolution(WINDOW, inputs, outputs) + convolution(WINDOW, outputs, outputs)
            if stride > 1:
                weights += convolution(1, inputs, outputs)
        return weights + dense(random, sizes.third, sizes.classes)

    def operations(self, case: Case) -> float:
        """As many multiplications as direct sums have; the images have no gradient."""
        sizes = ResNetSizes(*case.sizes)
        side = sizes.side
        first = side**2 * WINDOW**2 * sizes.channels * sizes.first
        rest = sizes.third * sizes.classes
        for inputs, outputs, stride in sizes.stages():
            side //= stride
            taps = WINDOW**2 * (inputs + outputs) + (inputs if stride > 1 else 0)
            rest += side**2 * taps * outputs
        return 2.0 * case.batch * (2 * first + 3 * rest)
