"""How wide is the spot? A regression on small pictures, by convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import Conv2D, Dense, Flatten, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD
from glassgrad.optimizers.schedules import ExponentialDecay


def load(seed: int, shuffled: bool = False, divided_by: float = 1.0) -> Examples:
    """A round spot of random place, width and brightness in 10x10 pixels, with noise."""
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[:10, :10]
    place, width = rng.uniform(3, 6, (2, 800, 1, 1)), rng.uniform(0.8, 2.5, (800, 1, 1))
    distance = (row - place[0]) ** 2 + (column - place[1]) ** 2
    x = rng.uniform(0.7, 1.3, (800, 1, 1)) * np.exp(-distance / (2 * width**2))
    x = ((x + rng.normal(0, 0.05, x.shape)) / divided_by)[..., None].astype("float32")
    y = ((width[:, 0, 0] - 1.65) / 0.49).astype("float32")
    learnt = rng.permutation(y[:500]) if shuffled else y[:500]
    return Examples(x[:500], learnt, x[500:], y[500:])


def build(
    rate: Any = 0.02, momentum: float = 0.9, activation: str = "relu", kernel: Any = "he_normal"
) -> Sequential:
    """Three convolutions with strides, and the width."""
    model = Sequential(
        [
            Input((10, 10, 1)),
            Conv2D(8, 3, activation=activation, kernel_initializer=kernel),
            Conv2D(12, 3, strides=2, activation=activation, kernel_initializer=kernel),
            Flatten(),
            Dense(24, activation=activation, kernel_initializer=kernel),
            Dense(1),
        ]
    )
    model.compile(optimizer=SGD(rate, momentum=momentum), loss="mse")
    return model


PROGRAM = Program(
    name="blobs",
    network="cnn",
    task="regression",
    data="image",
    half="development",
    load=load,
    build=build,
    epochs=20,
    batch_size=25,
    faults=(
        Fault(
            "rate-that-grows",
            "divergence",
            {"rate": ExponentialDecay(0.01, decay_steps=20, decay_rate=1.4)},
            also=("learning_rate_too_high",),
            why="The rate grows by 40 % an epoch: at some step it is too high, and the loss runs "
            "away from what was reached.",
        ),
        Fault(
            "widths-of-other-pictures",
            "loss_not_decreasing",
            {"shuffled": True},
            why="Nothing can be learnt from targets that belong to other pictures.",
            mendable=False,
        ),
        Fault(
            "divided-by-255-twice",
            "loss_not_decreasing",
            {"divided_by": 255.0**2},
            also=("unscaled_input", "learning_rate_too_low"),
            why="The pictures are next to nothing: all look the same to the first layer.",
        ),
    ),
)
