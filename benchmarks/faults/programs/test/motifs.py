"""How well a protein binds to a stretch of made-up DNA: a transformer gives a number.

The rate is warmed up and decays: Vaswani et al., "Attention is all you need", 2017.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.faults.program import Examples, Fault, Program
from glassgrad.layers import (
    Dense,
    GlobalAveragePooling1D,
    Input,
    TokenAndPositionEmbedding,
    TransformerEncoder,
)
from glassgrad.models import Model
from glassgrad.optimizers import Adam
from glassgrad.optimizers.schedules import CosineDecay

__all__ = ["PROGRAM"]

LENGTH, EPOCHS, BATCH, EXAMPLES = 20, 10, 30, 900


def load(seed: int) -> Examples:
    """Letters A, C, G, T, each of which binds or repels, and more so in the middle."""
    random = np.random.default_rng(seed)
    x = random.integers(4, size=(EXAMPLES + 900, LENGTH))
    middle = np.sin(np.pi * np.arange(LENGTH) / (LENGTH - 1))
    y = np.array([1.0, -1.0, 0.5, -0.5])[x] @ middle
    y = y + random.normal(0, 0.3, size=len(y))
    y = ((y - y.mean()) / y.std()).astype(np.float32)[:, None]
    x = x.astype(np.int32)
    return Examples(x[:EXAMPLES], y[:EXAMPLES], x[EXAMPLES:], y[EXAMPLES:])


def build(*, learning_rate: float = 5e-3, output: Any = None) -> Model:
    """Two blocks of width 24."""
    letters = Input((LENGTH,), dtype="int32")
    x = TokenAndPositionEmbedding(4, LENGTH, 24, name="letters")(letters)
    for block in (1, 2):
        x = TransformerEncoder(
            intermediate_dim=48, num_heads=3, normalize_first=True, name=f"block_{block}"
        )(x)
    x = GlobalAveragePooling1D()(x)
    model = Model(letters, Dense(1, activation=output, name="binding")(x))
    steps = EPOCHS * EXAMPLES // BATCH
    model.compile(
        Adam(CosineDecay(0.0, steps - 40, warmup_target=learning_rate, warmup_steps=40)), "mse"
    )
    return model


PROGRAM = Program(
    name="motifs",
    network="transformer",
    task="regression",
    data="text",
    half="test",
    load=load,
    build=build,
    epochs=EPOCHS,
    batch_size=BATCH,
    faults=(
        Fault("rate-of-one", "learning_rate_too_high", {"learning_rate": 1.0}),
        Fault("rate-of-2e-6", "learning_rate_too_low", {"learning_rate": 2e-6}),
        Fault(
            "softmax-for-a-number", "wrong_output_or_loss", {"output": "softmax"}, layer="binding"
        ),
    ),
)
