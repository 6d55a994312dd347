"""Payments of which one in four is disputed: a table, and a layer of one's own for the amounts.

Batch normalisation, leaky units, and a learning rate that is halved on plateaus.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad import ops
from glassgrad.callbacks import ReduceLROnPlateau
from glassgrad.layers import BatchNormalization, Dense, Input, Layer, LeakyReLU
from glassgrad.models import Model
from glassgrad.optimizers import Adam

__all__ = ["PROGRAM"]


def load(seed: int, *, refunds: float = 0.0, cents: bool = False) -> Examples:
    """Amount, limit, hour, distance, age of the account, and scores; `refunds` have no amount."""
    random = np.random.default_rng(seed)
    size = 3000
    amount = random.lognormal(0, 1, size=size)
    limit = random.uniform(0, 3, size=size)
    clock = random.uniform(0, 2 * np.pi, size=size)
    distance = random.exponential(1, size=size)
    age = random.gamma(2, 1, size=size)
    scores = random.normal(size=(size, 8))
    risk = np.log(amount) - limit + 1.2 * np.cos(clock) + distance - age
    risk += 1.2 * scores[:, 0] * scores[:, 1] + scores[:, 2] + 0.4 * random.normal(size=size)
    y = (risk > np.quantile(risk, 0.75)).astype(np.float32)[:, None]
    amount[:1000][random.random(1000) < refunds] = 0
    money = limit * (30_000 if cents else 1)
    x = np.column_stack([amount, money, np.cos(clock), np.sin(clock), distance, age, scores])
    x = x.astype(np.float32)
    return Examples(x[:1000], y[:1000], x[1000:], y[1000:])


def on_plateau() -> list[ReduceLROnPlateau]:
    """Half the rate where the loss stands still."""
    return [ReduceLROnPlateau(monitor="loss", factor=0.5, patience=3)]


class Magnitude(Layer):
    """The logarithm of the first column in place of the column."""

    def call(self, x: Any) -> Any:
        """Of the same shape, (batch, features)."""
        return ops.concatenate([ops.log(x[:, :1]), x[:, 1:]], axis=1)


def build(*, learning_rate: float = 5e-3) -> Model:
    """14-32-16-1."""
    inputs = Input((14,), name="payment")
    x = Magnitude(name="magnitude")(inputs)
    x = Dense(32, name="first")(x)
    x = LeakyReLU()(x)
    x = Dense(16, activation="relu", name="second")(x)
    x = BatchNormalization(momentum=0.9, name="norm")(x)
    model = Model(inputs, Dense(1, activation="sigmoid", name="disputed")(x))
    model.compile(Adam(learning_rate), "binary_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="payments",
    network="mlp",
    task="classification",
    data="tabular",
    half="test",
    load=load,
    build=build,
    epochs=20,
    batch_size=25,
    fit={"callbacks": on_plateau},
    faults=(
        Fault(
            "refunds-have-no-logarithm",
            "non_finite",
            {"refunds": 0.004},
            layer="magnitude",
            why="the logarithm of 0, in four rows or so of a thousand",
        ),
        Fault("limits-in-cents", "unscaled_input", {"cents": True}),
        Fault(
            "cents-and-rate-of-one",
            "unscaled_input",
            {"cents": True, "learning_rate": 1.0},
            also=("learning_rate_too_high",),
            why="Two faults: either may be named first",
        ),
    ),
)
