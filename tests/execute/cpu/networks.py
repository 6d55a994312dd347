"""Training steps of dense networks, as graphs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from glassgrad.gradients import gradients
from glassgrad.graph import Trace, Variable, float_type, placeholder, scope, tracing
from glassgrad.ops import sparse_softmax_cross_entropy
from glassgrad.ops.random import Dropout
from glassgrad.optimizers import Adam
from tests.execute.cpu.comparison import Case


def training_step(
    sizes: Sequence[int],
    batch: int,
    *,
    dropout: float = 0.0,
    activation: Callable[[Any], Any] = lambda x: x.relu(),
    learning_rate: float = 1e-2,
    frozen: Sequence[str] = (),
    dtype: str = "float32",
    seed: int = 0,
) -> Case:
    """Forward, loss, gradients and Adam, on random numbers."""
    rng = np.random.default_rng(seed)
    layers = []
    for number, (rows, columns) in enumerate(pairwise(sizes)):
        values = rng.normal(size=(rows, columns)) / np.sqrt(rows), rng.normal(size=columns) / 5
        layers.append(
            [
                Variable(value, name=f"{name}{number}", dtype=dtype, trainable=name not in frozen)
                for name, value in zip("wb", values, strict=True)
            ]
        )
    key = [
        Variable(n, name=name, trainable=False, dtype="uint32")
        for n, name in ((7, "seed"), (0, "step"))
    ]
    x = placeholder((batch, sizes[0]), dtype, "x")
    labels = placeholder((batch,), "int32", "labels")
    with tracing(Trace(training=True)) as trace, float_type(dtype):
        h = x
        for number, (w, b) in enumerate(layers):
            with scope(f"dense_{number}"):
                h = h @ w + b
                if number < len(layers) - 1:
                    h = activation(h)
                    h = Dropout(dropout, number)(h, *key) if dropout else h
        with scope("loss"):
            loss = sparse_softmax_cross_entropy(labels, h).mean()
        variables = [variable for pair in layers for variable in pair]
        optimizer = Adam(learning_rate)
        with scope("optimizer"):
            optimizer.apply(gradients(loss, variables), variables)
        key[1].assign(key[1].tensor + 1)
    arrays = [
        rng.normal(size=(batch, sizes[0])).astype(dtype),
        rng.integers(0, sizes[-1], batch).astype(np.int32),
    ]
    state = [*variables, *optimizer.variables, *key]
    return Case([loss, h], [x, labels], arrays, trace.updates, state)
