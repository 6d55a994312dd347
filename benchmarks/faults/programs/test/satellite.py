"""Land seen from above in four bands: a residual convolutional network of 17 layers, subclassed.

He et al., "Identity mappings in deep residual networks", 2016: normalisation and activation come
before the convolution.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Array, Examples, Fault, Program
from glassgrad.initializers import RandomNormal
from glassgrad.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    Layer,
)
from glassgrad.losses import SparseCategoricalCrossentropy
from glassgrad.models import Model
from glassgrad.optimizers import AdamW

__all__ = ["PROGRAM"]

BANDS = np.array(
    [[0.2, 0.3, 0.2, 0.6], [0.3, 0.3, 0.3, 0.5], [0.25, 0.25, 0.35, 0.45], [0.3, 0.2, 0.3, 0.4]]
)


def load(seed: int) -> Examples:
    """Patches of 8 x 8 pixels of four kinds of land: bands and texture differ, under clouds."""
    random = np.random.default_rng(seed)
    y = random.integers(4, size=1300)
    texture = random.normal(size=(len(y), 8, 8, 1))
    texture[y % 2 == 1] = np.repeat(np.repeat(texture[y % 2 == 1, ::2, ::2], 2, axis=1), 2, axis=2)
    x = BANDS[y][:, None, None] + 0.12 * texture + random.normal(0, 0.08, size=(len(y), 8, 8, 4))
    x += random.normal(0, 0.1, size=(len(y), 1, 1, 1))
    x = ((x - 0.32) / 0.2).astype(np.float32)
    return Examples(x[:500], y[:500], x[500:], y[500:])


class Block(Layer):
    """Two convolutions, and the way past them."""

    def __init__(
        self, filters: int, activation: str, initializer: Any, plain: bool, name: str
    ) -> None:
        super().__init__(name=name)
        self.plain = plain
        self.norms = [BatchNormalization(momentum=0.9, name=f"norm_{n}") for n in (1, 2)]
        self.bend = Activation(activation)
        self.convolutions = [
            Conv2D(filters, 3, padding="same", kernel_initializer=initializer, name=f"conv_{n}")
            for n in (1, 2)
        ]

    def call(self, x: Any) -> Any:
        """What the convolutions make of x, added to it; of `plain` ones only that."""
        y = x
        for norm, convolution in zip(self.norms, self.convolutions, strict=True):
            y = self.bend(y if self.plain else norm(y))
            y = convolution(y)
        return y if self.plain else x + y


class Land(Model):
    """A convolution, eight blocks, and the mean over places."""

    def __init__(self, activation: str, initializer: Any, plain: bool) -> None:
        super().__init__(name="land")
        self.activation, self.initializer, self.plain = activation, initializer, plain
        self.entrance = Conv2D(10, 3, padding="same", name="entrance")
        self.blocks = [
            Block(10, activation, initializer, plain, name=f"block_{n}") for n in range(1, 9)
        ]
        self.pool = GlobalAveragePooling2D()
        self.kind = Dense(4, name="kind")

    def call(self, x: Array) -> Any:
        """Logits of the four kinds."""
        x = self.entrance(x)
        for block in self.blocks:
            x = block(x)
        return self.kind(self.pool(x))


def build(
    *,
    activation: str = "relu",
    initializer: Any = "he_normal",
    plain: bool = False,
    from_logits: bool = True,
    learning_rate: float = 2e-3,
) -> Land:
    """Compiled with AdamW for the logits."""
    model = Land(activation, initializer, plain)
    model.compile(
        AdamW(learning_rate, weight_decay=1e-3),
        SparseCategoricalCrossentropy(from_logits=from_logits),
        metrics=["accuracy"],
    )
    return model


PROGRAM = Program(
    name="satellite",
    network="cnn",
    task="classification",
    data="image",
    half="test",
    load=load,
    build=build,
    epochs=6,
    batch_size=25,
    faults=(
        Fault("plain-and-sigmoid", "vanishing_gradient", {"plain": True, "activation": "sigmoid"}),
        Fault(
            "plain-and-unit-variance",
            "exploding_gradient",
            {"plain": True, "initializer": RandomNormal(stddev=1.0)},
            also=("bad_initialization",),
            why="activations and gradients both grow by 7 in every layer: one start, two names",
        ),
        Fault("logits-as-probabilities", "wrong_output_or_loss", {"from_logits": False}),
    ),
)
