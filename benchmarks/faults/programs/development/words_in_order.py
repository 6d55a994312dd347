"""Does one name stand before another in a sentence? A small transformer that reads words."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import RandomNormal
from glassgrad.layers import (
    Dense,
    GlobalAveragePooling1D,
    Input,
    LayerNormalization,
    TokenAndPositionEmbedding,
    TransformerBlock,
)
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import PolynomialDecay

WORDS = [
    *("anna", "otto", "met", "saw", "the", "a", "cat", "dog", "and", "then", "near"),
    *("house", "tree", "old", "quick"),
]
LENGTH = 12


def load(seed: int) -> Examples:
    """Sentences in which both names stand once; the class is who comes first."""
    rng = np.random.default_rng(seed)
    x = rng.integers(2, len(WORDS), (1000, LENGTH))
    places = rng.permuted(np.tile(np.arange(LENGTH), (1000, 1)), axis=1)[:, :2]
    x[np.arange(1000), places[:, 0]] = 0
    x[np.arange(1000), places[:, 1]] = 1
    y = (places[:, 0] < places[:, 1]).astype("int32")
    return Examples(x[:700].astype("int32"), y[:700], x[700:].astype("int32"), y[700:])


def build(
    learning_rate: float = 3e-3,
    kernel: Any = "glorot_uniform",
    blocks: int = 2,
    last: str = "softmax",
    units: int = 2,
) -> Sequential:
    """Two blocks with two heads, the mean over places, probabilities; the rate decays."""
    model = Sequential(
        [
            Input((LENGTH,), dtype="int32"),
            TokenAndPositionEmbedding(len(WORDS), LENGTH, 16),
            *(TransformerBlock(2, kernel_initializer=kernel) for _ in range(blocks)),
            LayerNormalization(),
            GlobalAveragePooling1D(),
            Dense(units, activation=last),
        ]
    )
    rate = PolynomialDecay(learning_rate, decay_steps=700, end_learning_rate=learning_rate / 10)
    model.compile(Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="words_in_order",
    network="transformer",
    task="classification",
    data="text",
    half="development",
    load=load,
    build=build,
    epochs=25,
    batch_size=25,
    faults=(
        Fault(
            "attention-to-one-place",
            "attention_collapse",
            {"kernel": RandomNormal(stddev=3.0)},
            also=("bad_initialization",),
            why="The kernels are drawn too wide: the scores are so far apart that each place "
            "looks at one other.",
        ),
        Fault("rate-of-a-half", "learning_rate_too_high", {"learning_rate": 0.5}),
    ),
)
