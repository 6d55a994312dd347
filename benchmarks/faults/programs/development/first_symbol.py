"""Remember the first symbol of a sequence until its end."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import RandomNormal
from glassgrad.layers import Dense, Input, SimpleRNN
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam
from glassgrad.utils import to_categorical


def load(seed: int) -> Examples:
    """Sequences of six symbols; the class is the first of them, one of four."""
    rng = np.random.default_rng(seed)
    symbols = rng.integers(4, 6, (900, 44))
    y = rng.integers(4, size=900)
    symbols[:, 0] = y
    x = to_categorical(symbols, 6).astype("float32")
    return Examples(x[:600], y[:600], x[600:], y[600:])


def build(
    recurrent: Any = "orthogonal", learning_rate: float = 3e-3, layer: Any = SimpleRNN
) -> Sequential:
    """A recurrent layer, and the class from its last state."""
    model = Sequential(
        [
            Input((None, 6)),
            layer(32, recurrent_initializer=recurrent, name="memory"),
            Dense(4, activation="softmax"),
        ]
    )
    optimizer = Adam(learning_rate, global_clipnorm=1.0)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="first_symbol",
    network="recurrent",
    task="classification",
    data="sequence",
    half="development",
    load=load,
    build=build,
    epochs=30,
    batch_size=25,
    faults=(
        Fault(
            "recurrence-that-forgets",
            "recurrent_gradient",
            {"recurrent": RandomNormal(stddev=0.01)},
            layer="memory",
        ),
        Fault(
            "recurrence-that-is-chaotic",
            "recurrent_gradient",
            {"recurrent": RandomNormal(stddev=2.0)},
            layer="memory",
        ),
    ),
)
