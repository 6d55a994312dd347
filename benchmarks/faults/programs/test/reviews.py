"""Opinions in made-up reviews: the mean of word vectors, and two layers."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import Dense, Dropout, Embedding, GlobalAveragePooling1D, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import RMSprop

__all__ = ["PROGRAM"]

WORDS, LENGTH = 300, 24


def load(seed: int) -> Examples:
    """Words by Zipf's law; each has a tone, and their sum is the opinion."""
    random = np.random.default_rng(seed)
    share = 1 / np.arange(3, WORDS + 3)
    x = random.choice(WORDS, size=(2400, LENGTH), p=share / share.sum())
    tone = np.random.default_rng(5).normal(size=WORDS)
    tone -= (share * tone).sum() / share.sum()
    y = tone[x].sum(axis=1) + random.normal(0, 0.8, size=len(x)) > 0
    x, y = x.astype(np.int32), y.astype(np.float32)[:, None]
    return Examples(x[:1200], y[:1200], x[1200:], y[1200:])


def build(*, loss: str = "binary_crossentropy", learning_rate: float = 5e-3) -> Sequential:
    """Vectors of 12 numbers."""
    model = Sequential(
        [
            Input((LENGTH,), dtype="int32"),
            Embedding(WORDS, 12, name="words"),
            GlobalAveragePooling1D(),
            Dense(16, activation="relu", name="hidden"),
            Dropout(0.3),
            Dense(1, activation="sigmoid", name="opinion"),
        ]
    )
    model.compile(RMSprop(learning_rate), loss, metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="reviews",
    network="mlp",
    task="classification",
    data="text",
    half="test",
    load=load,
    build=build,
    epochs=12,
    batch_size=40,
    faults=(
        Fault(
            "one-unit-for-a-categorical-loss",
            "wrong_output_or_loss",
            {"loss": "categorical_crossentropy"},
            layer="opinion",
        ),
        Fault("rate-of-1e-6", "learning_rate_too_low", {"learning_rate": 1e-6}),
    ),
)
