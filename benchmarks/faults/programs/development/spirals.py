"""Two spirals that wind around each other."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import Dense, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam
from glassgrad.utils import to_categorical


def load(seed: int) -> Examples:
    """Points of both spirals, one and a half turns each, with noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=1200)
    radius = rng.uniform(0.15, 1, 1200)
    angle = 3 * np.pi * radius + np.pi * y
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    x = (2 * x + rng.normal(0, 0.05, x.shape)).astype("float32")
    return Examples(x[:900], to_categorical(y[:900], 2), x[900:], to_categorical(y[900:], 2))


def build(units: int = 48, activation: str = "elu", learning_rate: float = 0.01) -> Sequential:
    """Three hidden layers."""
    model = Sequential([Input((2,))])
    for _ in range(3):
        model.add(Dense(units, activation))
    model.add(Dense(2, "softmax"))
    model.compile(Adam(learning_rate), "categorical_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="spirals",
    network="mlp",
    task="classification",
    data="tabular",
    half="development",
    load=load,
    build=build,
    epochs=60,
    batch_size=32,
    faults=(
        Fault("two-units-a-layer", "underfitting", {"units": 2}),
        Fault(
            "two-units-and-a-tiny-rate",
            "learning_rate_too_low",
            {"units": 2, "learning_rate": 1e-5},
            also=("underfitting",),
            why="Two faults: either may be named first.",
        ),
    ),
)
