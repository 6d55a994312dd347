"""An entry of a ledger is looked up by its key: attention finds it, and gives its amount."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.initializers import RandomNormal
from glassgrad.layers import Dense, Input, LayerNormalization, MultiHeadAttention
from glassgrad.models import Model
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import LinearWarmup

__all__ = ["PROGRAM"]

KEYS, ENTRIES = 6, 6


def load(seed: int) -> Examples:
    """Rows of a key in one-hot form, an amount, and a mark for the question, which comes first."""
    random = np.random.default_rng(seed)
    keys = random.permuted(np.tile(np.arange(KEYS), (2400, 1)), axis=1)
    amounts = random.normal(size=keys.shape)
    asked = random.integers(ENTRIES, size=len(keys))
    rows = np.arange(len(keys))
    x = np.zeros((len(keys), ENTRIES + 1, KEYS + 2), np.float32)
    x[:, 1:, :KEYS] = np.eye(KEYS)[keys]
    x[:, 1:, KEYS] = amounts
    x[rows, 0, keys[rows, asked]] = 1
    x[:, 0, -1] = 1
    y = amounts[rows, asked].astype(np.float32)[:, None]
    return Examples(x[:1400], y[:1400], x[1400:], y[1400:])


def build(*, attention: Any = "glorot_uniform", learning_rate: float = 5e-3) -> Model:
    """One block of width 32 with two heads, and a reader of the first place."""
    ledger = Input((ENTRIES + 1, KEYS + 2), name="ledger")
    x = Dense(32, name="rows")(ledger)
    y = LayerNormalization(name="norm")(x)
    x = x + MultiHeadAttention(2, 16, kernel_initializer=attention, name="attention")(y, y)
    y = LayerNormalization(name="norm_of_reader")(x[:, 0])
    y = Dense(48, activation="gelu", name="reader")(y)
    model = Model(ledger, Dense(1, name="amount")(y))
    model.compile(Adam(LinearWarmup(learning_rate, 30)), "mse")
    return model


PROGRAM = Program(
    name="ledger",
    network="transformer",
    task="regression",
    data="sequence",
    half="test",
    load=load,
    build=build,
    epochs=15,
    batch_size=28,
    faults=(
        Fault(
            "attention-all-alike",
            "attention_collapse",
            {"attention": "zeros"},
            layer="attention",
            also=("bad_initialization",),
            why="all kernels of attention begin at zero: the catalogue has a name for the start "
            "and one for what it does to attention",
        ),
        Fault(
            "attention-on-one-place",
            "attention_collapse",
            {"attention": RandomNormal(stddev=2.0)},
            layer="attention",
            also=("bad_initialization",),
            why="the kernels of attention are drawn too large: the catalogue has a name for the "
            "start and one for what it does to attention",
        ),
    ),
)
