"""Which way do the stripes run? Ten convolutions with batch normalisation."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    Input,
    MaxPooling2D,
)
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD


def load(seed: int, shuffled: bool = False) -> Examples:
    """Waves of a random phase and length in one of four directions, under noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(4, size=700)
    angle = y * np.pi / 4 + rng.normal(0, 0.1, 700)
    row, column = np.mgrid[:12, :12]
    length = rng.uniform(3.5, 6, 700)[:, None, None]
    way = np.multiply.outer(np.cos(angle), row) + np.multiply.outer(np.sin(angle), column)
    phase = rng.uniform(0, 2 * np.pi, (700, 1, 1))
    x = np.sin(2 * np.pi * way / length + phase) + rng.normal(0, 0.5, (700, 12, 12))
    x = x[..., None].astype("float32")
    labels = rng.permutation(y[:400]) if shuffled else y[:400]
    return Examples(x[:400], labels, x[400:], y[400:])


def build(
    layers: int = 10,
    activation: str = "relu",
    normalize: bool = True,
    learning_rate: float = 0.05,
    scale: float | None = None,
) -> Sequential:
    """Convolutions of twelve channels; the picture is halved in the middle."""
    model = Sequential([Input((12, 12, 1))])
    for layer in range(layers):
        if layer == layers // 2:
            model.add(MaxPooling2D(2))
        model.add(Conv2D(12, 3, padding="same", use_bias=not normalize))
        if normalize:
            model.add(BatchNormalization(momentum=0.9))
        model.add(Activation(activation))
    model.add(GlobalAveragePooling2D())
    model.add(Dense(4, activation="softmax"))
    model.compile(
        SGD(learning_rate, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


PROGRAM = Program(
    name="stripes",
    network="cnn",
    task="classification",
    data="image",
    half="development",
    load=load,
    build=build,
    epochs=6,
    batch_size=20,
    faults=(
        Fault(
            "sigmoid-without-normalization",
            "vanishing_gradient",
            {"activation": "sigmoid", "normalize": False},
        ),
        Fault("rate-of-a-millionth", "learning_rate_too_low", {"learning_rate": 1e-6}),
    ),
)
