"""Few and noisy measurements of a smooth law: a wide network, held by L2 and early stopping."""

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
    """240 examples of twelve numbers, of which four matter."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(1200, 12)).astype(np.float32)
    y = np.sin(x[:, 0]) + 0.6 * x[:, 1] - 0.5 * x[:, 2] + 0.3 * x[:, 3]
    y = (y + random.normal(0, 0.8, size=len(y))).astype(np.float32)[:, None]
    return Examples(x[:240], y[:240], x[240:], y[240:])


def early_stopping() -> list[EarlyStopping]:
    """Stop where the validation no longer improves, and go back to the best."""
    return [EarlyStopping(patience=8, restore_best_weights=True)]


def build(*, l2: float = 3e-3, dropout: float = 0.15, units: int = 128) -> Sequential:
    """12-128-128-1."""
    model = Sequential([Input((12,))])
    for number in (1, 2):
        model.add(Dense(units, activation="relu", kernel_regularizer=L2(l2), name=f"wide_{number}"))
        model.add(Dropout(dropout))
    model.add(Dense(1, name="law"))
    model.compile(Adam(1e-3), "mse", metrics=["mae"])
    return model


PROGRAM = Program(
    name="probes",
    network="mlp",
    task="regression",
    data="tabular",
    half="test",
    load=load,
    build=build,
    epochs=60,
    batch_size=20,
    fit={"validation_split": 0.25, "callbacks": early_stopping},
    faults=(
        Fault(
            "nothing-that-holds-it",
            "overfitting",
            {"l2": 0.0, "dropout": 0.0, "fit": {"callbacks": list}, "epochs": 200},
        ),
    ),
)
