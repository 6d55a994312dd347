"""Tumours, benign or malignant: 30 measurements of cell nuclei, two layers with dropout.

Data: Street et al., "Nuclear feature extraction for breast tumor diagnosis", 1993.
"""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_breast_cancer

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import Dense, Dropout, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam

__all__ = ["PROGRAM"]


def load(seed: int, *, standardize: bool = True) -> Examples:
    """569 patients, half of them to be tested with."""
    x, y = load_breast_cancer(return_X_y=True)
    if standardize:
        x = (x - x.mean(axis=0)) / x.std(axis=0)
    order = np.random.default_rng(seed).permutation(len(y))
    train, test = order[:300], order[300:]
    x = x.astype(np.float32)
    return Examples(x[train], y[train], x[test], y[test])


def build(
    *, activation: str = "tanh", output: str = "sigmoid", learning_rate: float = 3e-3
) -> Sequential:
    """30-24-12-1."""
    model = Sequential(
        [
            Input((30,)),
            Dense(24, activation=activation, name="hidden_1"),
            Dropout(0.2),
            Dense(12, activation=activation, name="hidden_2"),
            Dense(1, activation=output, name="malignant"),
        ]
    )
    model.compile(Adam(learning_rate), "binary_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="tumours",
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
            "measurements-as-they-are",
            "unscaled_input",
            {"standardize": False},
            also=("saturated_units",),
            why="areas of 2,000 beside fractions of 0.01 put every tanh at its ends: the catalogue "
            "says of this fault that it saturates the first layer",
        ),
        Fault(
            "softmax-on-one-unit",
            "wrong_output_or_loss",
            {"output": "softmax"},
            layer="malignant",
        ),
        Fault("rate-of-2e-6", "learning_rate_too_low", {"learning_rate": 2e-6}),
    ),
)
