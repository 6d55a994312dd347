"""Handwritten digits, read by two hidden layers."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad import datasets
from glassgrad.layers import Dense, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam


def load(seed: int, shuffled: bool = False) -> Examples:
    """A thousand digits in another order for each seed, with pixels from 0 to 1."""
    (x, y), (x_test, y_test) = datasets.digits.load_data()
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(x))[:1000]
    labels = y[chosen].astype("int32")
    if shuffled:
        labels = rng.permutation(labels)
    return Examples(
        x[chosen].reshape(-1, 64).astype("float32") / 16,
        labels,
        x_test.reshape(-1, 64).astype("float32") / 16,
        y_test.astype("int32"),
    )


def build(
    learning_rate: float = 1e-3,
    units: int = 10,
    last: str | None = "softmax",
    loss: str = "sparse_categorical_crossentropy",
) -> Sequential:
    """The network that every course begins with."""
    model = Sequential(
        [
            Input((64,)),
            Dense(64, activation="relu"),
            Dense(32, activation="relu"),
            Dense(units, activation=last),
        ]
    )
    model.compile(
        optimizer=Adam(learning_rate),
        loss=loss,
        metrics=["accuracy"],
    )
    return model


PROGRAM = Program(
    name="digits_mlp",
    network="mlp",
    task="classification",
    data="image",
    half="development",
    load=load,
    build=build,
    epochs=20,
    batch_size=32,
    faults=(
        Fault("rate-one", "learning_rate_too_high", {"learning_rate": 1.0}),
        Fault("rate-a-thousandth", "learning_rate_too_low", {"learning_rate": 1e-6}),
        Fault(
            "squared-error-of-labels",
            "wrong_output_or_loss",
            {"units": 1, "last": None, "loss": "mse"},
        ),
        Fault(
            "shuffled-labels",
            "loss_not_decreasing",
            {"shuffled": True},
            why="Nothing can be learnt from labels that belong to other images.",
            mendable=False,
        ),
    ),
)
