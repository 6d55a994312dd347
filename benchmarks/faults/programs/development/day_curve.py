"""Demand over the day, from few noisy measurements: regularised, and stopped early."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.callbacks import EarlyStopping
from glassgrad.layers import Dense, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam
from glassgrad.regularizers import L2


def waves(hour: np.ndarray) -> np.ndarray:
    """Sines and cosines of the hour, up to eight a day: (hours, 16)."""
    angle = 2 * np.pi * hour[:, None] / 24 * np.arange(1, 9)
    return np.concatenate([np.sin(angle), np.cos(angle)], axis=1).astype("float32")


def demand(hour: np.ndarray) -> np.ndarray:
    """Low at night, with a peak in the morning and one in the evening."""
    peaks = np.exp(-(((hour - 8) / 2.5) ** 2)) + 1.4 * np.exp(-(((hour - 18.5) / 3) ** 2))
    return (2.2 * peaks - 1).astype("float32")


def load(seed: int) -> Examples:
    """90 measured hours with noise, and what is true of any hour."""
    rng = np.random.default_rng(seed)
    hour, every = rng.uniform(0, 24, 90), np.linspace(0, 24, 300, endpoint=False)
    measured = demand(hour) + rng.normal(0, 0.8, 90).astype("float32")
    return Examples(waves(hour), measured, waves(every), demand(every))


def build(
    units: int = 24, layers: int = 1, l2: float = 0.02, learning_rate: float = 5e-3
) -> Sequential:
    """Hidden layers whose weights decay."""
    penalty: Any = L2(l2) if l2 else None
    model = Sequential([Input((16,))])
    for _ in range(layers):
        model.add(Dense(units, activation="relu", kernel_regularizer=penalty))
    model.add(Dense(1, kernel_regularizer=penalty))
    model.compile(optimizer=Adam(learning_rate), loss="mse")
    return model


def stop_early() -> list[EarlyStopping]:
    """Ends training when the hours held back are predicted no better for long."""
    return [EarlyStopping(patience=20, restore_best_weights=True)]


PROGRAM = Program(
    name="day_curve",
    network="mlp",
    task="regression",
    data="tabular",
    half="development",
    load=load,
    build=build,
    epochs=150,
    batch_size=15,
    fit={"validation_split": 0.25, "callbacks": stop_early},
    faults=(
        Fault(
            "large-and-free-and-trained-to-the-end",
            "overfitting",
            {"units": 192, "layers": 3, "l2": 0.0, "learning_rate": 2e-3, "fit": {"callbacks": []}},
        ),
    ),
)
