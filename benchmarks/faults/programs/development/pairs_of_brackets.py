"""Is a text of brackets balanced? Embedded characters, read by a GRU."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad import ops
from glassgrad.layers import GRU, Dense, Embedding, Input, Lambda
from glassgrad.models import Sequential
from glassgrad.optimizers import Adam

LENGTH = 16


def balanced(rng: np.random.Generator) -> str:
    """A balanced text, grown by wrapping and joining."""
    text = ""
    while len(text) < LENGTH:
        kind = "()" if rng.random() < 0.5 else "[]"
        cut = int(rng.integers(len(text) + 1))
        text = text[:cut] + kind + text[cut:]
    return text


def load(seed: int) -> Examples:
    """Balanced texts, and the same with one bracket turned the other way."""
    rng = np.random.default_rng(seed)
    texts, y = [balanced(rng) for _ in range(1100)], rng.integers(2, size=1100)
    x = np.array([["()[]".index(one) for one in text] for text in texts], "int32")
    for row in np.flatnonzero(y == 0):
        x[row, rng.integers(LENGTH)] ^= 1
    return Examples(x[:800], y[:800], x[800:], y[800:])


def build(
    learning_rate: float = 5e-3,
    embeddings: Any = "uniform",
    stop: bool = False,
    last: str = "sigmoid",
    loss: str = "binary_crossentropy",
) -> Sequential:
    """Characters, a GRU, a hidden layer, and a probability."""
    model = Sequential(
        [Input((LENGTH,), dtype="int32"), Embedding(4, 8, embeddings, name="characters")]
    )
    model.add(GRU(24, name="reader"))
    if stop:
        model.add(Lambda(ops.stop_gradient, name="features"))
    model.add(Dense(16, activation="relu"))
    model.add(Dense(1, activation=last))
    model.compile(Adam(learning_rate), loss, metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="pairs_of_brackets",
    network="recurrent",
    task="classification",
    data="text",
    half="development",
    load=load,
    build=build,
    epochs=25,
    batch_size=25,
    faults=(
        Fault("reader-cut-off", "frozen_parameters", {"stop": True}),
        Fault("hundredfold-rate", "learning_rate_too_high", {"learning_rate": 0.5}),
        Fault("tanh-for-a-probability", "wrong_output_or_loss", {"last": "tanh"}),
        Fault(
            "all-characters-alike",
            "bad_initialization",
            {"embeddings": "zeros"},
            layer="characters",
        ),
    ),
)
