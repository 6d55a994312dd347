"""The fields of a chess board, from points on it: a wide network with swish, and AdamW."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import Dense, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import AdamW

__all__ = ["PROGRAM"]


def load(seed: int) -> Examples:
    """Points of a board of 4 x 4 fields, with their colour in one-hot form."""
    random = np.random.default_rng(seed)
    x = random.uniform(-2, 2, size=(3000, 2))
    colour = (np.floor(x).sum(axis=1) % 2).astype(int)
    x, y = x.astype(np.float32), np.eye(2, dtype=np.float32)[colour]
    return Examples(x[:1500], y[:1500], x[1500:], y[1500:])


def build(
    *,
    units: int = 64,
    activation: str = "swish",
    learning_rate: float = 0.01,
    weight_decay: float = 1e-4,
) -> Sequential:
    """2-64-64-2."""
    model = Sequential(
        [
            Input((2,)),
            Dense(units, activation=activation, kernel_initializer="he_normal", name="one"),
            Dense(units, activation=activation, kernel_initializer="he_normal", name="two"),
            Dense(2, activation="softmax", name="colour"),
        ]
    )
    model.compile(
        AdamW(learning_rate, weight_decay=weight_decay),
        "categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


PROGRAM = Program(
    name="checkers",
    network="mlp",
    task="classification",
    data="tabular",
    half="test",
    load=load,
    build=build,
    epochs=40,
    batch_size=30,
    faults=(
        Fault("three-units", "underfitting", {"units": 3}),
        Fault(
            "no-activations",
            "underfitting",
            {"activation": "linear"},
            also=("loss_not_decreasing",),
            why="a line does not divide a chess board: what cannot fit learns nothing at all",
        ),
        Fault(
            "decay-of-20",
            "loss_not_decreasing",
            {"weight_decay": 20.0},
            also=("underfitting",),
            why="the weights shrink by a fifth at every step, faster than they learn: nothing is "
            "learned, and nothing fits",
        ),
    ),
)
