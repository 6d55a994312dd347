"""Handwritten digits of 8 x 8 pixels, by convolutions with batch normalisation.

Data: Alpaydin and Kaynak, "Optical recognition of handwritten digits", 1998.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.datasets import load_digits

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import Constant
from glassgrad.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    Input,
    MaxPooling2D,
)
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam

__all__ = ["PROGRAM"]


def load(seed: int) -> Examples:
    """700 digits to learn, 1,097 to be tested with."""
    digits, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(y))
    x = digits.reshape(-1, 8, 8, 1)[order].astype(np.float32) / 16
    y = y[order]
    return Examples(x[:700], y[:700], x[700:], y[700:])


def build(
    *,
    classify: bool = True,
    output: str = "softmax",
    loss: str = "sparse_categorical_crossentropy",
    learning_rate: float = 2e-3,
    bias: Any = "zeros",
) -> Sequential:
    """Two convolutions and a layer; no biases before the normalisations."""
    model = Sequential(
        [
            Input((8, 8, 1)),
            Conv2D(12, 3, use_bias=False, padding="same", name="strokes"),
            BatchNormalization(momentum=0.9, name="norm_1"),
            Activation("relu"),
            MaxPooling2D(),
            Conv2D(24, 3, use_bias=False, padding="same", name="parts"),
            BatchNormalization(momentum=0.9, name="norm_2"),
            Activation("relu"),
            Flatten(),
            Dense(48, activation="relu", bias_initializer=bias, name="whole"),
            Dense(10 if classify else 1, activation=output, name="digit"),
        ]
    )
    model.compile(Adam(learning_rate), loss)
    return model


PROGRAM = Program(
    name="handwriting",
    network="cnn",
    task="classification",
    data="image",
    half="test",
    load=load,
    build=build,
    epochs=8,
    batch_size=32,
    faults=(
        Fault(
            "squared-error-of-the-digit",
            "wrong_output_or_loss",
            {"classify": False, "output": "linear", "loss": "mse"},
            layer="digit",
        ),
        Fault(
            "far-negative-biases",
            "dead_units",
            {"bias": Constant(-20.0)},
            layer="whole",
        ),
        Fault("rate-of-one-half", "learning_rate_too_high", {"learning_rate": 0.5}),
    ),
)
