"""Handwritten digits, read by two convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad import datasets
from glassgrad.initializers import Constant
from glassgrad.layers import Conv2D, Dense, Dropout, Flatten, Input, MaxPooling2D
from glassgrad.losses import SparseCategoricalCrossentropy
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam


def load(seed: int) -> Examples:
    """800 digits in another order for each seed."""
    (x, y), (x_test, y_test) = datasets.digits.load_data()
    chosen = np.random.default_rng(seed).permutation(len(x))[:800]
    return Examples(
        x[chosen, :, :, None].astype("float32") / 16,
        y[chosen],
        x_test[..., None].astype("float32") / 16,
        y_test,
    )


def build(
    learning_rate: float = 2e-3,
    kernel: Any = "glorot_uniform",
    bias_of_strokes: Any = "zeros",
    from_logits: bool = True,
) -> Sequential:
    """Two convolutions, pooling, dropout, and logits."""
    model = Sequential(
        [
            Input((8, 8, 1)),
            Conv2D(
                8,
                3,
                padding="same",
                activation="relu",
                kernel_initializer=kernel,
                bias_initializer=bias_of_strokes,
                name="strokes",
            ),
            MaxPooling2D(2),
            Conv2D(16, 3, padding="same", activation="relu", kernel_initializer=kernel),
            Flatten(),
            Dense(32, activation="relu", kernel_initializer=kernel),
            Dropout(0.2),
            Dense(10),
        ]
    )
    loss = SparseCategoricalCrossentropy(from_logits=from_logits)
    model.compile(optimizer=Adam(learning_rate), loss=loss, metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="digits_cnn",
    network="cnn",
    task="classification",
    data="image",
    half="development",
    load=load,
    build=build,
    epochs=12,
    batch_size=32,
    faults=(
        Fault("kernels-of-ones", "bad_initialization", {"kernel": "ones"}),
        Fault(
            "dead-strokes",
            "dead_units",
            {"bias_of_strokes": Constant(-6.0)},
            layer="strokes",
        ),
        Fault("logits-taken-for-probabilities", "wrong_output_or_loss", {"from_logits": False}),
        Fault("rate-of-a-third", "learning_rate_too_high", {"learning_rate": 0.3}),
    ),
)
