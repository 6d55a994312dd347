"""Three kinds of heart beats in a noisy signal: an LSTM in both directions."""

from __future__ import annotations

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import LSTM, Bidirectional, Dense, Dropout, Input
from glassgrad.models import Sequential
from glassgrad.optimizers import RMSprop

__all__ = ["PROGRAM"]

SAMPLES = 40


def load(seed: int, *, volts: bool = True, shuffled_labels: bool = False) -> Examples:
    """A beat at some time of 40 samples: normal, wide, or doubled; or in steps of a converter."""
    random = np.random.default_rng(seed)
    y = random.choice(3, size=1600, p=[0.5, 0.3, 0.2])
    time = np.arange(SAMPLES)
    begin = random.uniform(10, 24, size=(len(y), 1))
    width = np.where(y == 1, 3.0, 1.5)[:, None]
    x = 1.5 * np.exp(-(((time - begin) / width) ** 2))
    x += np.where(y == 2, 1.2, 0)[:, None] * np.exp(-(((time - begin - 6) / 1.5) ** 2))
    x = x + random.normal(0, 0.25, size=x.shape) + random.normal(0, 0.1, size=(len(y), 1))
    if not volts:
        x = np.round(2048 + 400 * x)
    x = x.astype(np.float32)[..., None]
    learnt = random.permutation(y[:800]) if shuffled_labels else y[:800]
    return Examples(x[:800], learnt, x[800:], y[800:])


def build(*, learning_rate: float = 5e-3) -> Sequential:
    """12 units each way."""
    model = Sequential(
        [
            Input((SAMPLES, 1)),
            Bidirectional(LSTM(12), name="beat"),
            Dropout(0.2),
            Dense(3, activation="softmax", name="kind"),
        ]
    )
    model.compile(RMSprop(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="heart",
    network="recurrent",
    task="classification",
    data="sequence",
    half="test",
    load=load,
    build=build,
    epochs=14,
    batch_size=25,
    faults=(
        Fault("steps-of-the-converter", "unscaled_input", {"volts": False}),
        Fault(
            "labels-out-of-step",
            "loss_not_decreasing",
            {"shuffled_labels": True},
            why="the signals were shuffled and the labels were not",
            mendable=False,
        ),
        Fault("rate-of-one-half", "learning_rate_too_high", {"learning_rate": 0.5}),
    ),
)
