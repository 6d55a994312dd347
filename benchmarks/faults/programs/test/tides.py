"""The water level in four hours from the last thirty: a regression with a plain recurrence."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import RandomNormal
from glassgrad.layers import Dense, Input, SimpleRNN
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD

__all__ = ["PROGRAM"]

HOURS, AHEAD = 30, 4


def load(seed: int) -> Examples:
    """Windows of two tides of different length, with noise; unknown times, one place."""
    random = np.random.default_rng(seed)
    begin = random.uniform(0, 10_000, size=(1500, 1))
    hours = begin + np.arange(HOURS + AHEAD)
    level = np.sin(2 * np.pi * hours / 12.42) + 0.5 * np.sin(2 * np.pi * hours / 23.93)
    level = (level + random.normal(0, 0.15, size=level.shape)).astype(np.float32)
    x, y = level[:, :HOURS, None], level[:, -1:]
    return Examples(x[:700], y[:700], x[700:], y[700:])


def build(
    *,
    recurrent: Any = "orthogonal",
    learning_rate: float = 0.01,
    momentum: float = 0.9,
) -> Sequential:
    """24 units, with momentum and clipped gradients."""
    model = Sequential(
        [
            Input((HOURS, 1)),
            SimpleRNN(24, recurrent_initializer=recurrent, name="water"),
            Dense(1, name="level"),
        ]
    )
    model.compile(SGD(learning_rate, momentum=momentum, clipnorm=1.0), "mse")
    return model


PROGRAM = Program(
    name="tides",
    network="recurrent",
    task="regression",
    data="sequence",
    half="test",
    load=load,
    build=build,
    epochs=15,
    batch_size=20,
    faults=(
        Fault(
            "strong-recurrence",
            "recurrent_gradient",
            {"recurrent": RandomNormal(stddev=1.0)},
            layer="water",
        ),
        Fault(
            "momentum-of-0.995",
            "oscillating_loss",
            {"momentum": 0.995},
            also=("learning_rate_too_high", "divergence"),
            why="momentum multiplies each step by 200: that is too large a step, by which the loss "
            "swings, and runs away from its best",
        ),
        Fault(
            "strong-recurrence-and-momentum",
            "recurrent_gradient",
            {"recurrent": RandomNormal(stddev=1.0), "momentum": 0.995},
            layer="water",
            also=("oscillating_loss", "learning_rate_too_high", "divergence"),
            why="Two faults: either may be named first",
        ),
        Fault("rate-of-1e-6", "learning_rate_too_low", {"learning_rate": 1e-6}),
    ),
)
