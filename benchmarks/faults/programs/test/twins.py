"""Whether two measurements are of the same thing: a shared network, and a distance.

Chopra, Hadsell and LeCun, "Learning a similarity metric discriminatively", 2005.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad import ops
from glassgrad.initializers import Constant
from glassgrad.layers import Dense, Layer
from glassgrad.models import Model
from glassgrad.optimizers import Adam

__all__ = ["PROGRAM"]


def load(seed: int) -> Examples:
    """Pairs of 10 numbers, (examples, 2, 10); some pairs are copies of one measurement."""
    random = np.random.default_rng(seed)
    y = random.integers(2, size=2000)
    things = random.normal(size=(len(y), 2, 3))
    things[y == 1, 1] = things[y == 1, 0]
    angle = random.normal(size=(len(y), 2, 4))  # from which it was seen: no matter
    look = np.random.default_rng(4).normal(size=(7, 10)) / np.sqrt(7)
    x = 2 * np.tanh(np.concatenate([things, 1.5 * angle], axis=2) @ look)
    x += random.normal(0, 0.1, size=x.shape)
    copies = (y == 1) & (random.random(len(y)) < 0.02)
    x[copies, 1] = x[copies, 0]
    x, y = x.astype(np.float32), y.astype(np.float32)[:, None]
    return Examples(x[:1000], y[:1000], x[1000:], y[1000:])


class Distance(Layer):
    """How far two vectors are from each other."""

    def __init__(self, epsilon: float, name: str) -> None:
        super().__init__(name=name)
        self.epsilon = epsilon

    def call(self, one: Any, other: Any) -> Any:
        """The root of the sum of squares, (batch, 1)."""
        squares = ops.sum((one - other) ** 2, axis=-1, keepdims=True)
        return ops.sqrt(squares + self.epsilon)


class Twins(Model):
    """Both through one network; the distance decides."""

    def __init__(self, epsilon: float, detach: bool, activation: str) -> None:
        super().__init__(name="twins")
        self.epsilon, self.detach, self.activation = epsilon, detach, activation
        self.first = Dense(32, activation=activation, name="first")
        self.second = Dense(8, name="second")
        self.distance = Distance(epsilon, name="distance")
        # A larger distance makes it less likely from the beginning.
        self.same = Dense(
            1,
            activation="sigmoid",
            kernel_initializer=Constant(-1.0),
            bias_initializer="ones",
            name="same",
        )

    def call(self, pair: Any) -> Any:
        """The probability that both are the same thing, (batch, 1)."""
        one, other = (self.second(self.first(pair[:, n])) for n in (0, 1))
        if self.detach:
            one, other = ops.stop_gradient(one), ops.stop_gradient(other)
        return self.same(self.distance(one, other))


def build(
    *,
    epsilon: float = 1e-6,
    detach: bool = False,
    activation: str = "relu",
    learning_rate: float = 5e-3,
) -> Twins:
    """Compiled with Adam."""
    model = Twins(epsilon, detach, activation)
    model.compile(Adam(learning_rate), "binary_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="twins",
    network="mlp",
    task="classification",
    data="tabular",
    half="test",
    load=load,
    build=build,
    epochs=30,
    batch_size=25,
    faults=(
        Fault(
            "root-of-zero",
            "non_finite",
            {"epsilon": 0.0},
            layer="distance",
            why="the slope of the root at 0 is infinite, and some pairs have no distance",
        ),
        Fault("detached", "frozen_parameters", {"detach": True}),
        Fault("rate-of-one", "learning_rate_too_high", {"learning_rate": 1.0}),
    ),
)
