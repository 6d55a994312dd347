"""Scanned digits of 256 grey levels, read by tanh."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad import datasets
from glassgrad.initializers import RandomNormal
from glassgrad.layers import Dense, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD
from glassgrad.utils import to_categorical


def load(seed: int, divide_by: float = 255.0) -> Examples:
    """800 digits as a scanner gives them, 0 to 255, divided by the brightest grey."""
    (x, y), (x_test, y_test) = datasets.digits.load_data()
    chosen = np.random.default_rng(seed).permutation(len(x))[:800]
    scanned, scanned_test = (
        np.minimum(one.reshape(-1, 64).astype("float32") * 16, 255) for one in (x[chosen], x_test)
    )
    return Examples(
        scanned / divide_by,
        to_categorical(y[chosen], 10),
        scanned_test / divide_by,
        to_categorical(y_test, 10),
    )


def build(
    initializer: Any = "glorot_uniform",
    of_the_second: Any = None,
    last: str | None = "softmax",
    learning_rate: float = 0.05,
) -> Sequential:
    """Three hidden layers of tanh."""
    model = Sequential(
        [
            Input((64,)),
            Dense(48, activation="tanh", kernel_initializer=initializer, name="first"),
            Dense(
                48,
                activation="tanh",
                kernel_initializer=of_the_second or initializer,
                name="second",
            ),
            Dense(48, activation="tanh", kernel_initializer=initializer, name="third"),
            Dense(10, activation=last),
        ]
    )
    optimizer = SGD(learning_rate, momentum=0.9)
    model.compile(optimizer, loss="categorical_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="digits_tanh",
    network="mlp",
    task="classification",
    data="image",
    half="development",
    load=load,
    build=build,
    epochs=15,
    batch_size=32,
    faults=(
        Fault("grey-levels-to-255", "unscaled_input", {"divide_by": 1.0}),
        Fault(
            "weights-of-three",
            "saturated_units",
            {"initializer": RandomNormal(stddev=3.0)},
            also=("bad_initialization",),
            why="The weights are drawn too wide, and what it does is to saturate every layer.",
        ),
        Fault(
            "second-layer-of-twenty",
            "saturated_units",
            {"of_the_second": RandomNormal(stddev=20.0)},
            layer="second",
            also=("bad_initialization",),
            why="As above, in one layer.",
        ),
        Fault("logits-taken-for-probabilities", "wrong_output_or_loss", {"last": None}),
    ),
)
