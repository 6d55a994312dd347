"""Keras on JAX: ``fit`` on arrays in memory, compiled steps, many of them in one execution."""

from __future__ import annotations

import os

import numpy as np

os.environ["KERAS_BACKEND"] = "jax"  # before the import, which chooses

import keras

from benchmarks.cases import Case
from benchmarks.contestants import Trainer, keras_models
from benchmarks.networks import NETWORKS

__all__ = ["trainer"]

STEPS_AN_EXECUTION = 32
STEPS_AN_EPOCH = 256
"""The data are repeated up to so many steps, since each epoch begins with work of its own."""


def trainer(case: Case, variant: str) -> Trainer:
    """The network of a case."""
    x, y = NETWORKS[case.network].data(case)
    model = keras_models.model(
        keras,
        case,
        jit_compile=True,
        steps_per_execution=min(STEPS_AN_EXECUTION, case.batches),
    )
    times = max(1, STEPS_AN_EPOCH // case.batches)
    longer = [np.concatenate([array] * times) for array in (x, y)]

    def run(steps: int) -> None:
        """Whole epochs of the repeated data, and the rest as passes over the data once."""
        epochs, rest = divmod(steps // case.batches, times)
        if epochs:
            model.fit(*longer, case.batch, epochs, verbose=0, shuffle=False)
        if rest:
            model.fit(x, y, case.batch, rest, verbose=0, shuffle=False)

    return Trainer(run, lambda: float(model.evaluate(x, y, case.batch, verbose=0)))
