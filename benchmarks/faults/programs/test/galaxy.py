"""Three spirals in the plane, told apart by a deep and narrow network of tanh."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import Constant, RandomNormal
from glassgrad.layers import Dense, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam

__all__ = ["PROGRAM"]


def load(seed: int) -> Examples:
    """Points of three arms with noise, about half a turn each."""
    random = np.random.default_rng(seed)
    y = random.integers(3, size=2100)
    radius = np.sqrt(random.uniform(0.02, 1, size=len(y)))
    angle = 2 * np.pi * y / 3 + 3.5 * radius + random.normal(0, 0.12, size=len(y))
    x = 1.8 * np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    x = x.astype(np.float32)
    return Examples(x[:900], y[:900], x[900:], y[900:])


def build(
    *,
    activation: str = "tanh",
    initializer: Any = "glorot_normal",
    learning_rate: float = 1e-3,
) -> Sequential:
    """Eleven layers of 24 units."""
    model = Sequential([Input((2,))])
    for number in range(11):
        model.add(Dense(24, activation, kernel_initializer=initializer, name=f"layer_{number + 1}"))
    model.add(Dense(3, activation="softmax", name="arm"))
    model.compile(Adam(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="galaxy",
    network="mlp",
    task="classification",
    data="tabular",
    half="test",
    load=load,
    build=build,
    epochs=30,
    batch_size=32,
    faults=(
        Fault(
            "weights-of-one-hundredth",
            "bad_initialization",
            {"initializer": RandomNormal(stddev=0.01)},
            also=("vanishing_gradient",),
            why="activations and gradients both shrink by 20 in every layer: one start, two names",
        ),
        Fault("sigmoids-all-the-way", "vanishing_gradient", {"activation": "sigmoid"}),
        Fault(
            "all-weights-alike",
            "bad_initialization",
            {"initializer": Constant(0.1)},
        ),
        Fault(
            "sigmoids-and-rate-of-1e-5",
            "vanishing_gradient",
            {"activation": "sigmoid", "learning_rate": 1e-5},
            also=("learning_rate_too_low",),
            why="Two faults: either may be named first",
        ),
        Fault("rate-of-one-tenth", "learning_rate_too_high", {"learning_rate": 0.1}),
    ),
)
