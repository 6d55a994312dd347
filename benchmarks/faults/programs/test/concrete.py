"""The strength of concrete from its mixture and age: a regression with noise, scaled units.

The formula is made up after the behaviour that engineers know: Abrams' law for water and cement,
and a strength that grows with the logarithm of the age.
"""

from __future__ import annotations

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import Dense, Input
from glassgrad.models import Model
from glassgrad.optimizers import SGD
from glassgrad.optimizers.schedules import ExponentialDecay

__all__ = ["PROGRAM"]

LOWEST = np.array([150, 0, 0, 130, 0, 800, 600, 1])
HIGHEST = np.array([500, 300, 180, 230, 25, 1100, 950, 120])


def load(seed: int, *, standardize: bool = True) -> Examples:
    """Cement, slag, ash, water, plasticiser, gravel, sand (kg/m³), age (days); strength."""
    random = np.random.default_rng(seed)
    x = LOWEST + random.beta(1.5, 1.5, size=(1600, 8)) * (HIGHEST - LOWEST)
    cement, slag, ash, water, plasticiser, _, _, age = x.T
    binder = cement + 0.7 * slag + 0.35 * ash
    strength = 130 / 7 ** (0.9 * water / binder) * np.log1p(age) / np.log1p(28)
    strength += 0.3 * plasticiser - 0.012 * (plasticiser - 12) ** 2
    strength += random.normal(0, 3, len(x))
    y = (strength - strength.mean()) / strength.std()
    if standardize:
        x = (x - x.mean(axis=0)) / x.std(axis=0)
    x, y = x.astype(np.float32), y.astype(np.float32)[:, None]
    return Examples(x[:800], y[:800], x[800:], y[800:])


def build(
    *,
    output: str = "linear",
    units: int = 40,
    learning_rate: float = 0.02,
    decay_rate: float = 0.5,
    momentum: float = 0.9,
) -> Model:
    """8-40-40-1, with momentum, at a rate that falls."""
    inputs = Input((8,), name="mixture")
    x = Dense(units, "selu", kernel_initializer="lecun_normal", name="first")(inputs)
    x = Dense(units, "selu", kernel_initializer="lecun_normal", name="second")(x)
    model = Model(inputs, Dense(1, output, name="strength")(x))
    rate = ExponentialDecay(learning_rate, decay_steps=250, decay_rate=decay_rate)
    model.compile(SGD(rate, momentum=momentum), "mean_squared_error")
    return model


PROGRAM = Program(
    name="concrete",
    network="mlp",
    task="regression",
    data="tabular",
    half="test",
    load=load,
    build=build,
    epochs=40,
    batch_size=32,
    faults=(
        Fault(
            "sigmoid-for-standardised-targets",
            "wrong_output_or_loss",
            {"output": "sigmoid"},
            layer="strength",
        ),
        Fault(
            "rate-of-one-half",
            "learning_rate_too_high",
            {"learning_rate": 0.5},
            also=("divergence",),
            why="squared errors under steps that are too large run away: the catalogue has a name "
            "for the step and one for the course, with the same remedy",
        ),
        Fault(
            "decay-turned-around",
            "divergence",
            {"decay_rate": 4.0},
            also=("learning_rate_too_high",),
            why="the rate grows instead of falling, until the loss runs away",
        ),
        Fault("rate-of-1e-6", "learning_rate_too_low", {"learning_rate": 1e-6}),
    ),
)
