"""Two kinds told apart by small differences between columns that say nearly the same."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import Dense, Input
from glassgrad.losses import BinaryCrossentropy
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD


def load(seed: int) -> Examples:
    """Ten columns of a common part and a small one of their own, which is what counts."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(1100, 10))
    x = (0.9 * rng.normal(size=(1100, 1)) + 0.43 * own).astype("float32")
    clear = own[:, 0] - own[:, 1] + own[:, 2] * own[:, 3]
    y = (clear + rng.normal(0, 0.2, 1100) > 0).astype("int32")
    return Examples(x[:700], y[:700], x[700:], y[700:])


def build(learning_rate: float = 0.05, momentum: float = 0.9, units: int = 32) -> Sequential:
    """Two hidden layers and a logit, gradient descent with momentum."""
    model = Sequential(
        [
            Input((10,)),
            Dense(units, activation="tanh"),
            Dense(units, activation="tanh"),
            Dense(1),
        ]
    )
    model.compile(SGD(learning_rate, momentum=momentum), BinaryCrossentropy(from_logits=True))
    return model


PROGRAM = Program(
    name="ravine",
    network="mlp",
    task="classification",
    data="tabular",
    half="development",
    load=load,
    build=build,
    epochs=30,
    batch_size=35,
    faults=(
        Fault(
            "across-the-ravine",
            "oscillating_loss",
            {"learning_rate": 1.0},
            also=("learning_rate_too_high",),
            why="The steps across are too long: the swings are what it does.",
        ),
        Fault(
            "two-examples-a-step",
            "oscillating_loss",
            {"batch_size": 2, "learning_rate": 0.1},
            also=("learning_rate_too_high",),
            why="So few examples are no measure for steps of this length: with more of them, or "
            "with shorter steps, it learns.",
        ),
    ),
)
