"""A distance from five columns, by thirty layers of tanh."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import Orthogonal, RandomUniform
from glassgrad.layers import Dense, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD


def load(seed: int) -> Examples:
    """The distance between two points in the plane, seen with noise, and a useless column."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.7, 1.7, (900, 5)).astype("float32")
    distance = np.hypot(x[:, 0] - x[:, 2], x[:, 1] - x[:, 3])
    y = ((distance - 1.8) / 0.85 + rng.normal(0, 0.05, 900)).astype("float32")
    return Examples(x[:600], y[:600], x[600:], y[600:])


def build(
    depth: int = 30,
    activation: str = "tanh",
    kernel: Any = "orthogonal",
    learning_rate: float = 0.01,
    last: str | None = None,
) -> Sequential:
    """Orthogonal kernels let the signal pass through all layers."""
    model = Sequential([Input((5,))])
    for number in range(depth):
        model.add(Dense(24, activation, kernel_initializer=kernel, name=f"hidden_{number}"))
    model.add(Dense(1, last, name="distance"))
    model.compile(SGD(learning_rate, momentum=0.9), loss="mse", metrics=["mae"])
    return model


PROGRAM = Program(
    name="deep_regression",
    network="mlp",
    task="regression",
    data="tabular",
    half="development",
    load=load,
    build=build,
    epochs=30,
    batch_size=30,
    faults=(
        Fault(
            "sigmoid-for-tanh",
            "vanishing_gradient",
            {"activation": "sigmoid"},
        ),
        Fault(
            "small-uniform-weights",
            "bad_initialization",
            {"kernel": RandomUniform(-0.05, 0.05)},
            also=("vanishing_gradient",),
            why="Dying by layer on the way there, it dies by layer on the way back.",
        ),
        Fault(
            "kernels-of-gain-six",
            "saturated_units",
            {"kernel": Orthogonal(6.0)},
            also=("bad_initialization", "exploding_gradient"),
            why="Drawn too wide, all layers stand at the ends of tanh; where they do not, the "
            "gradient grows by layer.",
        ),
        Fault("softplus-for-both-signs", "wrong_output_or_loss", {"last": "softplus"}),
        Fault(
            "sigmoid-and-a-hundredth-of-the-rate",
            "vanishing_gradient",
            {"activation": "sigmoid", "learning_rate": 1e-4},
            also=("learning_rate_too_low",),
            why="Two faults: either may be named first.",
        ),
    ),
)
