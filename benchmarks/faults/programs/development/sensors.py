"""Six states of a machine from 24 sensors, through a narrow code and back out."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad import ops
from glassgrad.initializers import Constant
from glassgrad.layers import BatchNormalization, Dense, Input, Lambda
from glassgrad.models import Model
from glassgrad.optimizers import AdamW


def load(seed: int, celsius: bool = False) -> Examples:
    """A state is where the machine stands on a curve in few dimensions, seen by all sensors."""
    rng = np.random.default_rng(seed)
    state = rng.integers(6, size=1100)
    hidden = rng.normal(0, 0.25, (1100, 3))
    hidden[:, 0] += np.cos(state) + 0.4 * state
    hidden[:, 1] += np.sin(2 * state)
    hidden[:, 2] *= 6
    x = np.sin(hidden @ rng.normal(size=(3, 24))) + rng.normal(0, 0.15, (1100, 24))
    if celsius:
        x = 380 + x * np.geomspace(0.05, 60, 24)
    x = x.astype("float32")
    return Examples(x[:800], state[:800], x[800:], state[800:])


def build(
    stop: bool = False,
    kernel: Any = "he_normal",
    bias_of_decoder: Any = "zeros",
    learning_rate: float = 3e-3,
    normalize: bool = True,
) -> Model:
    """A code of a few units between wider layers."""
    inputs = Input((24,))
    x = Dense(48, activation="relu", kernel_initializer=kernel, name="encoder")(inputs)
    if normalize:
        x = BatchNormalization()(x)
    x = Dense(5, kernel_initializer=kernel, name="code")(x)
    if stop:
        x = Lambda(ops.stop_gradient, name="fixed")(x)
    x = Dense(
        48,
        activation="relu",
        kernel_initializer=kernel,
        bias_initializer=bias_of_decoder,
        name="decoder",
    )(x)
    model = Model(inputs, Dense(6, activation="softmax", name="state")(x))
    model.compile(AdamW(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="sensors",
    network="mlp",
    task="classification",
    data="tabular",
    half="development",
    load=load,
    build=build,
    epochs=30,
    batch_size=32,
    faults=(
        Fault(
            "dead-decoder",
            "dead_units",
            {"bias_of_decoder": Constant(-25.0)},
            layer="decoder",
        ),
        Fault("code-that-learns-nothing", "frozen_parameters", {"stop": True}),
        Fault(
            "fixed-code-and-a-tiny-rate",
            "frozen_parameters",
            {"stop": True, "learning_rate": 1e-6},
            also=("learning_rate_too_low",),
            why="Two faults: either may be named first.",
        ),
        Fault(
            "equal-weights-and-raw-columns",
            "bad_initialization",
            {"kernel": Constant(0.05), "normalize": False, "celsius": True},
            also=("unscaled_input",),
            why="Two faults: either may be named first.",
        ),
    ),
)
