"""What glassgrad's Python costs: planning a deep network, and each step of a tiny one.

    python -m benchmarks.planning

prints the figures as JSON.
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from typing import Any

import numpy as np

import glassgrad
from glassgrad.layers import Dense, Input
from glassgrad.training.data import as_data

__all__ = ["deep_model", "figures", "planning_seconds", "step_seconds", "tiny_model"]

LAYERS, WIDTH, BATCH = 100, 32, 32
TINY_STEPS, TINY_BATCHES = 6400, 64
TRIALS = 7


def figures() -> dict[str, float]:
    """Seconds of both."""
    planning_seconds(deep_model())  # compiles the kernels, or loads them
    planning = [planning_seconds(deep_model()) for _ in range(TRIALS)]
    return {
        "planning": min(planning),  # it does the same each time: the rest is other people's work
        "planning_layers": LAYERS,
        "tiny_step": statistics.median(step_seconds(tiny_model()) for _ in range(TRIALS)),
    }


def deep_model(layers: int = LAYERS) -> Any:
    """Built and compiled, with the optimizer's variables; nothing is traced yet."""
    hidden = [Dense(WIDTH, "relu") for _ in range(layers - 1)]
    model = glassgrad.Sequential([Input((WIDTH,)), *hidden, Dense(10)])
    loss = glassgrad.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    model.build_optimizer()
    return model


def planning_seconds(model: Any) -> float:
    """From a compiled model to a training program that is ready to run.

    The forward and backward pass, the update and the metrics are traced; the graph is planned;
    memory is laid out; warm kernels are bound. No step runs. It is all one thread's work, and
    what is counted is the processor's time.
    """
    batch = as_data(np.zeros((BATCH, WIDTH), np.float32), np.zeros(BATCH, np.int32)).first()
    gc.collect()  # what models of before have left behind is not this one's
    begin = time.process_time()
    model.steps.training.program(batch).prepare()
    return time.process_time() - begin


def tiny_model() -> Any:
    """Two inputs and two units: its kernels take next to nothing."""
    model = glassgrad.Sequential([Input((2,)), Dense(2)])
    model.compile("adam", "mse")
    return model


def step_seconds(model: Any, steps: int = TINY_STEPS) -> float:
    """The whole time of a step within a long ``fit``, as a user meets it, kernels included.

    The batches are shuffled, and gone through again and again.
    """
    examples = np.ones((TINY_BATCHES * BATCH, 2), np.float32)
    data = examples, examples
    fit_seconds(model, data, 1)
    return fit_seconds(model, data, steps) / steps


def fit_seconds(model: Any, data: tuple[Any, Any], steps: int) -> float:
    """How long a ``fit`` of so many steps takes."""
    begin = time.perf_counter()
    model.fit(*data, BATCH, verbose=0, steps_per_epoch=steps)
    return time.perf_counter() - begin


if __name__ == "__main__":
    print(json.dumps(figures()))
