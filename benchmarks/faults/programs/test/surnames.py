"""Made-up surnames of five languages by their endings: convolutions over characters."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad import ops
from glassgrad.layers import Conv1D, Dense, Embedding, GlobalMaxPooling1D, Input, Layer
from glassgrad.models import Sequential
from glassgrad.optimizers import Nadam

__all__ = ["PROGRAM"]

LENGTH = 12
ENDINGS = (
    ("ini", "elli", "etto", "ucci"),
    ("son", "ton", "ley", "ford"),
    ("ov", "enko", "sky", "evich"),
    ("mann", "stein", "berg", "bach"),
    ("ez", "ado", "era", "ino"),
)


def load(seed: int) -> Examples:
    """Random beginnings, and endings that tell the language, written from the right."""
    random = np.random.default_rng(seed)
    letters = np.array(list("aeioubcdfglmnprstvk"))
    y = random.integers(5, size=2000)
    x = np.zeros((len(y), LENGTH), np.int32)
    for row, language in zip(x, y, strict=True):
        beginning = "".join(random.choice(letters, size=random.integers(3, 7)))
        name = beginning + str(random.choice(ENDINGS[language]))
        row[-len(name) :] = [ord(letter) - 96 for letter in name]
    return Examples(x[:900], y[:900], x[900:], y[900:])


class Quantized(Layer):
    """Numbers rounded to a grid, to save memory when it is used."""

    def call(self, x: Any) -> Any:
        """The nearest multiple of 1/16."""
        return ops.round(16 * x) / 16


def build(*, filters: int = 32, quantized: bool = False, learning_rate: float = 3e-3) -> Sequential:
    """Vectors of 8 numbers for characters, windows of four characters, the strongest of each."""
    model = Sequential(
        [
            Input((LENGTH,), dtype="int32"),
            Embedding(27, 8, name="characters"),
            Conv1D(filters, 4, activation="relu", name="endings"),
            GlobalMaxPooling1D(),
            *([Quantized(name="quantized")] if quantized else []),
            Dense(5, activation="softmax", name="language"),
        ]
    )
    model.compile(Nadam(learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


PROGRAM = Program(
    name="surnames",
    network="cnn",
    task="classification",
    data="text",
    half="test",
    load=load,
    build=build,
    epochs=15,
    batch_size=30,
    faults=(
        Fault(
            "rounded-in-training",
            "frozen_parameters",
            {"quantized": True},
            why="the slope of rounding is 0, so that nothing before it learns",
        ),
        Fault("two-filters", "underfitting", {"filters": 2}),
    ),
)
