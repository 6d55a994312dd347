"""A sign at the beginning, eighty steps of noise, and the question which sign it was.

A recurrent layer that begins as the identity: Le, Jaitly and Hinton, "A simple way to initialize
recurrent networks of rectified linear units", 2015.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import Orthogonal, RandomNormal
from glassgrad.layers import Dense, Input, SimpleRNN
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam

__all__ = ["PROGRAM"]

STEPS = 80


def load(seed: int) -> Examples:
    """Four signs of three steps in two channels; behind them noise."""
    random = np.random.default_rng(seed)
    y = random.integers(4, size=1600)
    x = random.normal(0, 0.1, size=(len(y), STEPS, 2))
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    x[:, :3] += signs[y][:, None]
    x = x.astype(np.float32)
    return Examples(x[:800], y[:800], x[800:], y[800:])


def build(*, recurrent: Any = "identity", learning_rate: float = 2e-3) -> Sequential:
    """24 rectified units, with clipping, and a softmax of their last state."""
    model = Sequential(
        [
            Input((STEPS, 2)),
            SimpleRNN(24, activation="relu", recurrent_initializer=recurrent, name="memory"),
            Dense(4, activation="softmax", name="sign"),
        ]
    )
    model.compile(Adam(learning_rate, clipnorm=1.0), "sparse_categorical_crossentropy")
    return model


PROGRAM = Program(
    name="recall",
    network="recurrent",
    task="classification",
    data="sequence",
    half="test",
    load=load,
    build=build,
    epochs=15,
    batch_size=30,
    faults=(
        Fault(
            "fading-recurrence",
            "recurrent_gradient",
            {"recurrent": RandomNormal(stddev=0.02)},
            layer="memory",
        ),
        Fault(
            "growing-recurrence",
            "recurrent_gradient",
            {"recurrent": Orthogonal(gain=2.5)},
            layer="memory",
        ),
    ),
)
