"""Few patients, few measurements that matter, and diagnoses of which three in ten are wrong."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.callbacks import EarlyStopping
from glassgrad.layers import Dense, Dropout, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam
from glassgrad.regularizers import L2

__all__ = ["PROGRAM"]


def load(seed: int) -> Examples:
    """500 patients with 20 measurements; the tests have right diagnoses."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(2000, 20)).astype(np.float32)
    y = np.tanh(x[:, 0]) + np.tanh(x[:, 1]) > 0
    y[:500] ^= random.random(500) < 0.3
    y = y.astype(np.float32)[:, None]
    return Examples(x[:500], y[:500], x[500:], y[500:])


def early_stopping() -> list[EarlyStopping]:
    """Stop where the validation no longer improves, and go back to the best."""
    return [EarlyStopping(patience=6, restore_best_weights=True)]


def build(*, dropout: float = 0.4, l2: float = 0.01, learning_rate: float = 2e-3) -> Sequential:
    """20-128-64-1."""
    model = Sequential(
        [
            Input((20,)),
            Dense(128, activation="relu", kernel_regularizer=L2(l2), name="first"),
            Dropout(dropout),
            Dense(64, activation="relu", kernel_regularizer=L2(l2), name="second"),
            Dropout(dropout),
            Dense(1, activation="sigmoid", name="ill"),
        ]
    )
    model.compile(Adam(learning_rate), "binary_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="clinics",
    network="mlp",
    task="classification",
    data="tabular",
    half="test",
    load=load,
    build=build,
    epochs=40,
    batch_size=16,
    fit={"validation_split": 0.25, "callbacks": early_stopping},
    faults=(
        Fault(
            "learnt-by-heart",
            "overfitting",
            {"dropout": 0.0, "l2": 0.0, "epochs": 80, "fit": {"callbacks": list}},
        ),
    ),
)
