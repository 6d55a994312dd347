"""Prices of houses, from a table whose columns have units of their own."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import Dense, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam


def table(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Area, age, rooms, distance, share of green and income, and the price by a rule with noise."""
    area = rng.lognormal(4.6, 0.35, rows)  # square metres
    age = rng.uniform(0, 90, rows)
    rooms = np.clip(np.round(area / 28 + rng.normal(0, 0.7, rows)), 1, 9)
    distance = rng.gamma(2.0, 3500.0, rows)  # metres to the centre
    green = rng.beta(2, 9, rows) * 0.1
    income = rng.lognormal(10.4, 0.3, rows)
    price = (
        2.1 * area * (1 + 0.6 * np.exp(-distance / 4000))
        + 9 * rooms
        - 0.9 * age * (age < 60)
        + 900 * green
        + 0.0025 * income
        + rng.normal(0, 14, rows)
    )
    return np.stack([area, age, rooms, distance, green, income], axis=1), price


def load(seed: int, standardize: bool = True) -> Examples:
    """Columns and prices with mean 0 and standard deviation 1, by the rows to learn from."""
    rng = np.random.default_rng(seed)
    x, price = table(rng, 900)
    if standardize:
        x = (x - x[:600].mean(0)) / x[:600].std(0)
    y = (price - price[:600].mean()) / price[:600].std()
    x, y = x.astype("float32"), y.astype("float32")
    return Examples(x[:600], y[:600], x[600:], y[600:])


def build(last: str | None = None, learning_rate: float = 3e-3) -> Sequential:
    """Two hidden layers, and the price."""
    model = Sequential(
        [
            Input((6,)),
            Dense(32, activation="relu"),
            Dense(32, activation="relu"),
            Dense(1, activation=last),
        ]
    )
    model.compile(optimizer=Adam(learning_rate), loss="mse", metrics=["mae"])
    return model


PROGRAM = Program(
    name="house_prices",
    network="mlp",
    task="regression",
    data="tabular",
    half="development",
    load=load,
    build=build,
    epochs=40,
    batch_size=32,
    faults=(
        Fault("raw-columns", "unscaled_input", {"standardize": False}),
        Fault("sigmoid-for-prices", "wrong_output_or_loss", {"last": "sigmoid"}),
        Fault(
            "raw-columns-and-large-steps",
            "unscaled_input",
            {"standardize": False, "learning_rate": 1.0},
            also=("learning_rate_too_high",),
            why="Two faults: either may be named first.",
        ),
    ),
)
