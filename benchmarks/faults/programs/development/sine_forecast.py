"""The next value of a wave whose length and phase vary, from the last thirty."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import GRU, Dense, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam


def load(seed: int, level: float = 0.0, height: float = 1.0) -> Examples:
    """Windows of 30 values, three ahead of which lies the target."""
    rng = np.random.default_rng(seed)
    length, phase = rng.uniform(10, 25, (900, 1)), rng.uniform(0, 2 * np.pi, (900, 1))
    wave = np.sin(2 * np.pi * np.arange(33) / length + phase) + rng.normal(0, 0.05, (900, 33))
    x = (level + height * wave[:, :30, None]).astype("float32")
    y = wave[:, -1:].astype("float32")
    return Examples(x[:600], y[:600], x[600:], y[600:])


def build(
    learning_rate: float = 5e-3, last: str | None = None, optimizer: type = Adam
) -> Sequential:
    """A GRU, a small hidden layer, the value."""
    model = Sequential([Input((30, 1)), GRU(16), Dense(16, "relu"), Dense(1, last)])
    model.compile(optimizer=optimizer(learning_rate), loss="mse")
    return model


PROGRAM = Program(
    name="sine_forecast",
    network="recurrent",
    task="regression",
    data="sequence",
    half="development",
    load=load,
    build=build,
    epochs=12,
    batch_size=30,
    faults=(
        Fault("relu-for-values-of-both-signs", "wrong_output_or_loss", {"last": "relu"}),
        Fault("rate-of-a-hundred-thousandth", "learning_rate_too_low", {"learning_rate": 1e-5}),
        Fault("rate-of-one", "learning_rate_too_high", {"learning_rate": 1.0}),
        Fault("values-in-thousands", "unscaled_input", {"level": 4000.0, "height": 900.0}),
    ),
)
