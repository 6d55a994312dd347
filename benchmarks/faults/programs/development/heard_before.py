"""The strength that goes with the key that is asked for: attention, after warm-up."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import RandomNormal
from glassgrad.layers import (
    Add,
    Dense,
    GlobalAveragePooling1D,
    Input,
    LayerNormalization,
    MultiHeadAttention,
)
from glassgrad.models import Model
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import CosineDecay

KEYS = 6


def load(seed: int) -> Examples:
    """An event for each key in random order, and before them one that asks for a key."""
    rng = np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(KEYS), (1000, 1)), axis=1)
    strength = rng.uniform(-1.7, 1.7, (1000, KEYS))
    asked = rng.integers(KEYS, size=1000)
    y = strength[order == asked[:, None]].astype("float32")
    keys = np.eye(KEYS)[np.concatenate([asked[:, None], order], axis=1)]
    strengths = np.concatenate([np.zeros((1000, 1)), strength], axis=1)
    asks = np.zeros((1000, KEYS + 1))
    asks[:, 0] = 1
    x = np.concatenate([keys, strengths[..., None], asks[..., None]], axis=2).astype("float32")
    return Examples(x[:700], y[:700], x[700:], y[700:])


def block(x: Any, attention: MultiHeadAttention) -> Any:
    """Attention and a small network, normalised before."""
    seen = LayerNormalization()(x)
    x = Add()([x, attention(seen, seen)])
    hidden = Dense(48, activation="relu")(LayerNormalization()(x))
    return Add()([x, Dense(24)(hidden)])


def build(learning_rate: float = 5e-3, queries: Any = "glorot_uniform", warm_up: int = 50) -> Model:
    """Two blocks of two heads, and the mean over the events."""
    inputs = Input((KEYS + 1, KEYS + 2))
    x = Dense(24)(inputs)
    for number in range(2):
        attention = MultiHeadAttention(
            2, 12, kernel_initializer=queries, name=f"attention_{number}"
        )
        x = block(x, attention)
    x = GlobalAveragePooling1D()(LayerNormalization()(x))
    model = Model(inputs, Dense(1)(x))
    rate = CosineDecay(0.0, 600, warmup_target=learning_rate, warmup_steps=warm_up)
    model.compile(Adam(rate), loss="mse")
    return model


PROGRAM = Program(
    name="heard_before",
    network="transformer",
    task="regression",
    data="sequence",
    half="development",
    load=load,
    build=build,
    epochs=20,
    batch_size=25,
    faults=(
        Fault(
            "scores-far-apart",
            "attention_collapse",
            {"queries": RandomNormal(stddev=4.0)},
            also=("bad_initialization",),
            why="The kernels are drawn too wide: the scores are so far apart that each place "
            "looks at one other.",
        ),
        Fault("warm-up-to-a-rate-of-a-third", "learning_rate_too_high", {"learning_rate": 0.3}),
        Fault("warm-up-to-next-to-nothing", "learning_rate_too_low", {"learning_rate": 3e-6}),
    ),
)
