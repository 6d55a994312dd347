"""How fast the waves of a picture follow each other: regression on images, with strides."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import RandomNormal, RandomUniform
from glassgrad.layers import Conv2D, Dense, GlobalAveragePooling2D, Input
from glassgrad.models import Model
from glassgrad.optimizers import Adam

__all__ = ["PROGRAM"]


def load(seed: int) -> Examples:
    """Gratings of 16 x 16 pixels; the number of waves, centred and scaled."""
    random = np.random.default_rng(seed)
    waves, angle, phase = random.uniform([1, 0, 0], [4, np.pi, 2 * np.pi], size=(1400, 3)).T
    row, column = np.mgrid[:16, :16] / 16
    way = np.cos(angle)[:, None, None] * row + np.sin(angle)[:, None, None] * column
    x = 0.5 + 0.5 * np.sin(2 * np.pi * waves[:, None, None] * way + phase[:, None, None])
    x = (x + random.normal(0, 0.1, size=x.shape)).astype(np.float32)[..., None]
    y = ((waves - 2.5) / 0.87).astype(np.float32)[:, None]
    return Examples(x[:700], y[:700], x[700:], y[700:])


def build(
    *,
    hidden: Any = "he_normal",
    output: str = "linear",
    learning_rate: float = 3e-3,
) -> Model:
    """Three convolutions, the mean over places, and one number."""
    x = inputs = Input((16, 16, 1))
    for number, (filters, strides) in enumerate([(12, 1), (16, 2), (24, 2)], 1):
        x = Conv2D(
            filters,
            3,
            strides=strides,
            activation="relu",
            kernel_initializer=hidden,
            name=f"conv_{number}",
        )(x)
    x = GlobalAveragePooling2D()(x)
    model = Model(inputs, Dense(1, activation=output, name="waves")(x))
    model.compile(Adam(learning_rate), "mse")
    return model


PROGRAM = Program(
    name="gratings",
    network="cnn",
    task="regression",
    data="image",
    half="test",
    load=load,
    build=build,
    epochs=15,
    batch_size=32,
    faults=(
        Fault(
            "relu-at-the-end",
            "wrong_output_or_loss",
            {"output": "relu"},
            layer="waves",
            why="half of the targets are negative",
        ),
        Fault(
            "negative-kernels",
            "dead_units",
            {"hidden": RandomUniform(-0.3, 0.0)},
            layer="conv_1",
            also=("bad_initialization",),
            why="pixels are positive, and a sum with negative weights never fires a relu: a start "
            "in which all variance dies in the first layer is in the catalogue, too",
        ),
        Fault(
            "weights-of-one-ten-thousandth",
            "bad_initialization",
            {"hidden": RandomNormal(stddev=1e-4)},
            also=("vanishing_gradient",),
            why="activations and gradients shrink together in every layer: one start, two names",
        ),
    ),
)
