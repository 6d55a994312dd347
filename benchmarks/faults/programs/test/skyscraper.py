"""A network of 60 residual layers, normalised before each, on a problem of ten relevant numbers.

Pre-normalisation: Xiong et al., "On layer normalization in the Transformer architecture", 2020.
"""

from __future__ import annotations

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import Dense, Input, LayerNormalization
from glassgrad.models import Model
from glassgrad.optimizers import SGD
from glassgrad.optimizers.schedules import CosineDecay

__all__ = ["PROGRAM"]

FLOORS, EPOCHS, BATCH, EXAMPLES = 60, 12, 32, 800


def load(seed: int) -> Examples:
    """Four classes by the signs of two products."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(EXAMPLES + 1000, 10)).astype(np.float32)
    first = x[:, 0] + x[:, 1] * x[:, 2] > 0
    second = x[:, 3] + np.abs(x[:, 4]) > 0.8
    y = 2 * first + second
    return Examples(x[:EXAMPLES], y[:EXAMPLES], x[EXAMPLES:], y[EXAMPLES:])


def build(*, activation: str = "relu", residual: bool = True, normalize: bool = True) -> Model:
    """60 layers of 32 units, warmed up, with a cosine decay."""
    inputs = Input((10,))
    x = Dense(32, name="entrance")(inputs)
    for floor in range(1, FLOORS + 1):
        y = LayerNormalization(name=f"norm_{floor}")(x) if normalize else x
        y = Dense(32, activation, kernel_initializer="he_normal", name=f"floor_{floor}")(y)
        x = x + y if residual else y
    x = LayerNormalization(name="roof")(x)
    model = Model(inputs, Dense(4, activation="softmax", name="class")(x))
    steps = EPOCHS * EXAMPLES // BATCH
    rate = CosineDecay(0.0, decay_steps=steps - 30, warmup_target=0.05, warmup_steps=30)
    model.compile(SGD(rate, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="skyscraper",
    network="mlp",
    task="classification",
    data="tabular",
    half="test",
    load=load,
    build=build,
    epochs=EPOCHS,
    batch_size=BATCH,
    faults=(
        Fault(
            "without-norms",
            "exploding_gradient",
            {"normalize": False},
            also=("bad_initialization",),
            why="each sum doubles the variance, and the catalogue calls variance that grows by "
            "depth a bad start as well",
        ),
        Fault(
            "sigmoids-without-sums",
            "vanishing_gradient",
            {"activation": "sigmoid", "residual": False, "normalize": False},
        ),
    ),
)
