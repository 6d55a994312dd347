"""Disks, squares, triangles and crosses in photographs of 20 x 20 bytes, by a network of tanh."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Array, Examples, Fault, Program
from glassgrad.initializers import RandomNormal
from glassgrad.layers import AveragePooling2D, Conv2D, Dense, Flatten, Input, Rescaling
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD

__all__ = ["PROGRAM"]

SIZE = 20


def shape(kind: int, random: np.random.Generator) -> Array:
    """A picture of a shape of some size at some place, (SIZE, SIZE), from 0 to 1."""
    row, column = np.mgrid[:SIZE, :SIZE] - random.uniform(8, 11, size=(2, 1, 1))
    size = random.uniform(4.5, 7)
    if kind == 0:
        inside = row**2 + column**2 < size**2
    elif kind == 1:
        inside = np.maximum(np.abs(row), np.abs(column)) < 0.85 * size
    elif kind == 2:
        inside = (row < 0.8 * size) & (np.abs(column) < 0.55 * (row + size))
    else:
        inside = (np.minimum(np.abs(row), np.abs(column)) < 1.7) & (
            np.maximum(np.abs(row), np.abs(column)) < size
        )
    light = random.uniform(0.3, 0.6)
    return np.where(inside, light, 1 - light)


def load(seed: int) -> Examples:
    """Shapes lighter or darker than their ground, with noise, as bytes."""
    random = np.random.default_rng(seed)
    y = random.integers(4, size=2000)
    x = np.stack([shape(kind, random) for kind in y]) + random.normal(
        0, 0.06, size=(len(y), SIZE, SIZE)
    )
    x = np.clip(255 * x, 0, 255).astype(np.uint8)[..., None]
    return Examples(x[:1200], y[:1200], x[1200:], y[1200:])


def build(
    *,
    scale: float = 1 / 127.5,
    offset: float = -1.0,
    initializer: Any = "glorot_uniform",
    output: Any = "softmax",
    learning_rate: float = 0.05,
) -> Sequential:
    """Two convolutions with pooling by means, after LeNet."""
    model = Sequential(
        [
            Input((SIZE, SIZE, 1)),
            Rescaling(scale, offset),
            Conv2D(
                8, 5, strides=2, activation="tanh", kernel_initializer=initializer, name="edges"
            ),
            AveragePooling2D(2, strides=1),
            Conv2D(16, 3, activation="tanh", kernel_initializer=initializer, name="corners"),
            Flatten(),
            Dense(32, activation="tanh", kernel_initializer=initializer, name="hidden"),
            Dense(4, activation=output, name="shape"),
        ]
    )
    model.compile(
        SGD(learning_rate, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


PROGRAM = Program(
    name="shapes",
    network="cnn",
    task="classification",
    data="image",
    half="test",
    load=load,
    build=build,
    epochs=14,
    batch_size=25,
    faults=(
        Fault(
            "bytes-as-they-are",
            "unscaled_input",
            {"scale": 1.0, "offset": 0.0},
            also=("saturated_units",),
            why="bytes put every tanh at its ends: the catalogue says of this fault that it "
            "saturates the first layer",
        ),
        Fault("all-weights-zero", "bad_initialization", {"initializer": "zeros"}),
        Fault("logits-as-probabilities", "wrong_output_or_loss", {"output": None}, layer="shape"),
        Fault(
            "weights-of-one",
            "saturated_units",
            {"initializer": RandomNormal(stddev=1.0)},
            also=("bad_initialization",),
            why="kernels drawn far too large put every tanh at its ends: the catalogue has a name "
            "for the start, and one for what it does to the units",
        ),
        Fault(
            "bytes-and-logits-as-probabilities",
            "unscaled_input",
            {"scale": 1.0, "offset": 0.0, "output": None},
            also=("wrong_output_or_loss", "saturated_units"),
            why="Two faults: either may be named first",
        ),
        Fault("rate-of-3e-6", "learning_rate_too_low", {"learning_rate": 3e-6}),
    ),
)
