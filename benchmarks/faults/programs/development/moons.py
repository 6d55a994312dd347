"""Two half moons, told apart by a network with one output."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import Constant
from glassgrad.layers import Dense, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD


def load(seed: int) -> Examples:
    """Points of two interleaved half circles, with noise."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, np.pi, 800)
    y = rng.integers(2, size=800)
    x = np.stack(
        [
            np.where(y, 1 - np.cos(angle), np.cos(angle)),
            np.where(y, 0.5 - np.sin(angle), np.sin(angle)),
        ],
        axis=1,
    )
    x = (x + rng.normal(0, 0.15, x.shape)).astype("float32")
    return Examples(x[:500], y[:500], x[500:], y[500:])


def build(
    units: int = 32,
    activation: str | None = "relu",
    last: str | None = "sigmoid",
    loss: str = "binary_crossentropy",
    kernel: Any = "he_normal",
    bias: Any = "zeros",
    learning_rate: float = 0.1,
) -> Sequential:
    """Two hidden layers and one unit, which is the probability of the second moon."""
    model = Sequential(
        [
            Input((2,)),
            Dense(units, activation, kernel_initializer=kernel, bias_initializer=bias),
            Dense(units, activation, kernel_initializer=kernel, bias_initializer=bias),
            Dense(1, last, kernel_initializer=kernel),
        ]
    )
    model.compile(SGD(learning_rate, momentum=0.9), loss, metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="moons",
    network="mlp",
    task="classification",
    data="tabular",
    half="development",
    load=load,
    build=build,
    epochs=40,
    batch_size=32,
    faults=(
        Fault("softmax-on-one-unit", "wrong_output_or_loss", {"last": "softmax"}),
        Fault("all-zeros", "bad_initialization", {"kernel": "zeros"}),
        Fault("biases-far-below-zero", "dead_units", {"bias": Constant(-8.0)}),
        Fault(
            "no-activation",
            "underfitting",
            {"activation": None},
            why="Without activations the network is one straight line, whatever its units.",
        ),
    ),
)
