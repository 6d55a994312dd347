"""Four kinds of measurements in six columns, told apart by twenty layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import RandomNormal
from glassgrad.layers import Dense, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam


def load(seed: int) -> Examples:
    """Four classes by the quadrant of two sums of features, each summed from all of them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1400, 6)).astype("float32")
    mixed = x @ rng.normal(size=(6, 2))
    y = 2 * (mixed[:, 0] > 0) + (mixed[:, 1] > 0)
    return Examples(x[:1000], y[:1000].astype("int32"), x[1000:], y[1000:].astype("int32"))


def build(
    depth: int = 20,
    activation: str = "relu",
    initializer: Any = "he_normal",
    learning_rate: float = 5e-4,
) -> Sequential:
    """Layers of equal width, one after the other."""
    model = Sequential([Input((6,))])
    for _ in range(depth):
        model.add(Dense(32, activation=activation, kernel_initializer=initializer))
    model.add(Dense(4, activation="softmax"))
    model.compile(Adam(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="deep_classifier",
    network="mlp",
    task="classification",
    data="tabular",
    half="development",
    load=load,
    build=build,
    epochs=15,
    batch_size=32,
    faults=(
        Fault(
            "sigmoid-stack",
            "vanishing_gradient",
            {"activation": "sigmoid", "initializer": "glorot_uniform"},
        ),
        Fault(
            "weights-of-variance-one",
            "bad_initialization",
            {"initializer": RandomNormal(stddev=1.0)},
            also=("exploding_gradient",),
            why="Growing by layer on the way there, it grows by layer on the way back.",
        ),
        Fault(
            "weights-of-a-hundredth",
            "bad_initialization",
            {"initializer": RandomNormal(stddev=0.01)},
            also=("vanishing_gradient",),
            why="Dying by layer on the way there, it dies by layer on the way back.",
        ),
    ),
)
