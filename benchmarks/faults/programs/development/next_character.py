"""The next character of a short text, from the eight before it."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import RandomNormal
from glassgrad.layers import Dense, Embedding, Flatten, Input
from glassgrad.losses import SparseCategoricalCrossentropy
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD, Adagrad, Adam

TEXT = (
    "the sun was up and the day was warm. the old man sat by the door and looked at the sea. "
    "the boats were out and the birds were over the boats. the man said to the boy that the day "
    "was good and that the sea was good. the boy looked at the boats and the boats were small. "
    "then the wind came and the sea was dark and the birds came to the land. the boy said that "
    "the boats were late and the old man said that the boats were good boats. the wind was cold "
    "and the door was shut. then the boats came in and the men came to the door and the old man "
    "said that the day was good and the boy sat by the old man and looked at the dark sea. "
)
CHARACTERS = sorted(set(TEXT))
BEFORE = 8


def load(seed: int) -> Examples:
    """Every place of the text, in random order; a quarter of them is not shown in training."""
    numbers = np.array([CHARACTERS.index(one) for one in TEXT], "int32")
    places = np.random.default_rng(seed).permutation(len(numbers) - BEFORE)
    x = numbers[places[:, None] + np.arange(BEFORE)]
    y = numbers[places + BEFORE]
    cut = len(x) * 3 // 4
    return Examples(x[:cut], y[:cut], x[cut:], y[cut:])


def build(
    embeddings: Any = "uniform",
    activation: str = "relu",
    from_logits: bool = True,
    last: str | None = None,
    optimizer: Any = Adam,
    learning_rate: float = 4e-3,
) -> Sequential:
    """A table of characters, a hidden layer, and a logit for each character."""
    model = Sequential(
        [
            Input((BEFORE,), dtype="int32"),
            Embedding(len(CHARACTERS), 12, embeddings_initializer=embeddings),
            Flatten(),
            Dense(64, activation=activation),
            Dense(len(CHARACTERS), activation=last),
        ]
    )
    model.compile(optimizer(learning_rate), SparseCategoricalCrossentropy(from_logits=from_logits))
    return model


PROGRAM = Program(
    name="next_character",
    network="mlp",
    task="classification",
    data="text",
    half="development",
    load=load,
    build=build,
    epochs=12,
    batch_size=16,
    faults=(
        Fault(
            "adagrad-of-a-thousandth",
            "learning_rate_too_low",
            {"optimizer": Adagrad, "learning_rate": 1e-3},
        ),
        Fault(
            "relu-for-probabilities",
            "wrong_output_or_loss",
            {"last": "relu", "from_logits": False},
        ),
        Fault(
            "embeddings-of-thirty-and-tanh",
            "saturated_units",
            {"embeddings": RandomNormal(stddev=30.0), "activation": "tanh"},
            also=("bad_initialization",),
            why="The embeddings are drawn too wide, and what it does is to saturate the layer.",
        ),
        Fault(
            "sgd-of-ten",
            "learning_rate_too_high",
            {"optimizer": SGD, "learning_rate": 10.0},
        ),
    ),
)
