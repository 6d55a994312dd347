"""Which of three kinds, with a loss of one's own that weighs the rare kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad import ops
from glassgrad.layers import Dense, Input, Lambda
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam
from glassgrad.utils import to_categorical

WEIGHTS = np.array([1.0, 1.0, 3.0], "float32")


def load(seed: int) -> Examples:
    """Clouds of points on two rings and in their middle; the outer one is rare."""
    rng = np.random.default_rng(seed)
    y = rng.choice(3, 1000, p=[0.45, 0.4, 0.15])
    radius = y + rng.normal(0, 0.22, 1000)
    angle = rng.uniform(0, 2 * np.pi, 1000)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    x = np.concatenate([x, rng.normal(size=(1000, 2))], axis=1).astype("float32")
    x[:40], y[:40] = 0.0, 0  # the machine was off
    order = rng.permutation(1000)
    x, y = x[order], to_categorical(y[order], 3)
    return Examples(x[:700], y[:700], x[700:], y[700:])


def weighted_loss(epsilon: float) -> Callable[[Any, Any], Any]:
    """Cross-entropy of probabilities, each kind with its weight."""

    def loss(y_true: Any, y_pred: Any) -> Any:
        surprise = -ops.log(y_pred + epsilon)
        return ops.sum(y_true * WEIGHTS * surprise, axis=-1)

    return loss


def direction_and_length(epsilon: float) -> Callable[[Any], Any]:
    """What points from the middle to an example, with length 1, and its true length."""

    def separate(x: Any) -> Any:
        length = ops.sqrt(ops.sum(x * x, axis=-1, keepdims=True) + epsilon)
        return ops.concatenate([x / length, length], axis=-1)

    return separate


def build(
    epsilon_of_log: float = 1e-7, epsilon_of_length: float = 1e-6, sharpness: float = 1.0
) -> Sequential:
    """Direction and length, two hidden layers, probabilities of three kinds."""
    model = Sequential(
        [
            Input((4,)),
            Lambda(direction_and_length(epsilon_of_length), name="polar"),
            Dense(32, activation="relu"),
            Dense(32, activation="relu"),
            Dense(3, name="scores"),
            Lambda(lambda z: ops.softmax(sharpness * z), name="probabilities"),
        ]
    )
    model.compile(Adam(3e-3), weighted_loss(epsilon_of_log), metrics=["categorical_accuracy"])
    return model


PROGRAM = Program(
    name="own_loss",
    network="mlp",
    task="classification",
    data="tabular",
    half="development",
    load=load,
    build=build,
    epochs=30,
    batch_size=25,
    faults=(
        Fault(
            "logarithm-of-zero",
            "non_finite",
            {"epsilon_of_log": 0.0, "sharpness": 400.0},
            why="Sharp probabilities reach 0 in float32, and 0 times the logarithm of 0 is NaN.",
        ),
        Fault(
            "length-of-nothing",
            "non_finite",
            {"epsilon_of_length": 0.0},
            layer="polar",
            why="A row of zeros has the length 0, and 0 / 0 is NaN.",
        ),
    ),
)
