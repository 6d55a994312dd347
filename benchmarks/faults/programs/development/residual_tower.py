"""A regression on sixty layers: thirty residual blocks of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import Add, Dense, Input, LayerNormalization
from glassgrad.models import Model
from glassgrad.optimizers import Adam


def load(seed: int) -> Examples:
    """A smooth function of eight columns, with a little noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (800, 8)).astype("float32")
    y = np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3] ** 2 + rng.normal(0, 0.05, 800)
    y = ((y - y.mean()) / y.std()).astype("float32")
    return Examples(x[:500], y[:500], x[500:], y[500:])


def build(
    shortcut: bool = True,
    normalize: bool = True,
    kernel: Any = "glorot_uniform",
    learning_rate: float = 1e-3,
) -> Model:
    """Blocks whose branch is added to what goes past it."""
    inputs = Input((8,))
    stream = Dense(24)(inputs)
    for _ in range(30):
        branch = LayerNormalization()(stream) if normalize else stream
        branch = Dense(24, activation="relu", kernel_initializer=kernel)(branch)
        branch = Dense(24, kernel_initializer=kernel)(branch)
        stream = Add()([stream, branch]) if shortcut else branch
    if normalize:
        stream = LayerNormalization()(stream)
    model = Model(inputs, Dense(1)(stream))
    model.compile(optimizer=Adam(learning_rate), loss="mse")
    return model


PROGRAM = Program(
    name="residual_tower",
    network="mlp",
    task="regression",
    data="tabular",
    half="development",
    load=load,
    build=build,
    epochs=15,
    batch_size=25,
    faults=(
        Fault(
            "without-shortcuts",
            "vanishing_gradient",
            {"shortcut": False, "normalize": False},
            also=("bad_initialization",),
            why="Glorot's rule halves the variance in each layer with ReLU: what dies by depth on "
            "the way back dies on the way there, and the catalogue has both.",
        ),
        Fault(
            "without-normalization",
            "exploding_gradient",
            {"normalize": False, "kernel": "he_normal"},
            also=("bad_initialization",),
            why="Each block more than doubles the variance, on the way there and back.",
        ),
    ),
)
