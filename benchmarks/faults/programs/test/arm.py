"""Where the hand of a robot's arm of three joints is: a regression with two outputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import Constant
from glassgrad.layers import Dense, Input
from glassgrad.models import Model
from glassgrad.optimizers import SGD

__all__ = ["PROGRAM"]

LENGTHS = np.array([1.0, 0.7, 0.4])


def load(seed: int, *, degrees: bool = False) -> Examples:
    """The joints' angles in radians, and the hand's place with some noise."""
    random = np.random.default_rng(seed)
    angles = random.uniform(-1.8, 1.8, size=(2000, 3))
    whole = np.cumsum(angles, axis=1)
    y = np.stack([np.cos(whole) @ LENGTHS, np.sin(whole) @ LENGTHS], axis=1)
    y = (y + random.normal(0, 0.05, size=y.shape)).astype(np.float32)
    x = (np.rad2deg(angles) if degrees else angles).astype(np.float32)
    return Examples(x[:1000], y[:1000], x[1000:], y[1000:])


def build(
    *,
    bias: Any = "zeros",
    output: str = "linear",
    learning_rate: float = 0.03,
    momentum: float = 0.9,
) -> Model:
    """3-40-40-2."""
    angles = Input((3,), name="angles")
    x = Dense(40, activation="tanh", bias_initializer=bias, name="elbow")(angles)
    x = Dense(40, activation="tanh", bias_initializer=bias, name="wrist")(x)
    model = Model(angles, Dense(2, activation=output, name="hand")(x))
    model.compile(SGD(learning_rate, momentum=momentum), "mse", metrics=["mae"])
    return model


PROGRAM = Program(
    name="arm",
    network="mlp",
    task="regression",
    data="tabular",
    half="test",
    load=load,
    build=build,
    epochs=30,
    batch_size=25,
    faults=(
        Fault(
            "angles-in-degrees",
            "unscaled_input",
            {"degrees": True},
            also=("saturated_units",),
            why="angles to 103 put every tanh at its ends: the catalogue says of this fault that "
            "it saturates the first layer",
        ),
        Fault("far-biases", "saturated_units", {"bias": Constant(8.0)}),
        Fault(
            "sigmoid-for-both-signs", "wrong_output_or_loss", {"output": "sigmoid"}, layer="hand"
        ),
        Fault(
            "momentum-of-0.99",
            "oscillating_loss",
            {"momentum": 0.99},
            also=("learning_rate_too_high", "divergence"),
            why="momentum multiplies each step by 100: that is too large a step, by which the loss "
            "swings, and runs away from its best",
        ),
        Fault(
            "degrees-and-sigmoid",
            "wrong_output_or_loss",
            {"degrees": True, "output": "sigmoid"},
            also=("unscaled_input", "saturated_units"),
            why="Two faults: either may be named first",
        ),
    ),
)
