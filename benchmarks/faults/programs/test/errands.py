"""A sentence of made-up words says what to fetch: a small transformer reads its first place.

Dosovitskiy et al., "An image is worth 16x16 words", 2021, read the first place likewise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import RandomNormal
from glassgrad.layers import (
    Dense,
    Dropout,
    Input,
    LayerNormalization,
    MultiHeadAttention,
    TokenAndPositionEmbedding,
)
from glassgrad.models import Model
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import LinearWarmup

__all__ = ["PROGRAM"]

WORDS, LENGTH, THINGS = 60, 16, 5


def load(seed: int) -> Examples:
    """Token 0 begins; 1 to 25 are things, five of a kind, one in a sentence; the rest is filler."""
    random = np.random.default_rng(seed)
    y = random.integers(THINGS, size=1800)
    x = random.integers(1 + 5 * THINGS, WORDS, size=(len(y), LENGTH))
    x[:, 0] = 0
    x[np.arange(len(y)), random.integers(1, LENGTH, size=len(y))] = (
        1 + 5 * y + random.integers(5, size=len(y))
    )
    x = x.astype(np.int32)
    return Examples(x[:900], y[:900], x[900:], y[900:])


def build(
    *, attention: Any = "glorot_uniform", learning_rate: float = 3e-3, warm_up: int = 40
) -> Model:
    """Two blocks of width 24 with four heads, normalised before, with a warm-up."""
    tokens = Input((LENGTH,), dtype="int32")
    x = TokenAndPositionEmbedding(WORDS, LENGTH, 24, name="words")(tokens)
    for block in (1, 2):
        y = LayerNormalization(name=f"norm_{block}")(x)
        x = x + MultiHeadAttention(4, 6, kernel_initializer=attention, name=f"attention_{block}")(
            y, y
        )
        y = LayerNormalization(name=f"norm_of_network_{block}")(x)
        y = Dense(48, activation="gelu", name=f"wide_{block}")(y)
        x = x + Dropout(0.1)(Dense(24, name=f"narrow_{block}")(y))
    x = LayerNormalization(name="last_norm")(x[:, 0])
    model = Model(tokens, Dense(THINGS, activation="softmax", name="thing")(x))
    rate = LinearWarmup(learning_rate, warm_up) if warm_up else learning_rate
    model.compile(Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="errands",
    network="transformer",
    task="classification",
    data="text",
    half="test",
    load=load,
    build=build,
    epochs=10,
    batch_size=30,
    faults=(
        Fault(
            "attention-on-one-place",
            "attention_collapse",
            {"attention": RandomNormal(stddev=2.0)},
            also=("bad_initialization",),
            why="the kernels of attention are drawn too large: the catalogue has a name for the "
            "start and one for what it does to attention",
        ),
        Fault(
            "high-rate-without-warm-up",
            "learning_rate_too_high",
            {"learning_rate": 0.3, "warm_up": 0},
        ),
    ),
)
