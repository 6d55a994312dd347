"""A network and data that are as small as they can be and still have everything in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.execute.cpu.program import CpuExecutor
from glassgrad.execute.executor import Executor
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.layers import Dense, Dropout, Input
from glassgrad.models import Model, Sequential
from glassgrad.optimizers import Adam
from glassgrad.random_seed import seeded

EXAMPLES, CLASSES = 10, 3


def inputs(examples: int = EXAMPLES) -> np.ndarray:
    return np.random.default_rng(5).normal(size=(examples, 4)).astype("float32")


def labels(examples: int = EXAMPLES) -> np.ndarray:
    return np.random.default_rng(6).integers(0, CLASSES, examples)


def network(seed: int = 1, dropout: float = 0.0) -> Sequential:
    """Not compiled."""
    with seeded(seed):
        return Sequential(
            [
                Input((4,)),
                Dense(5, "tanh", kernel_regularizer="l2"),
                Dropout(dropout),
                Dense(CLASSES, "softmax"),
            ]
        )


def compiled(
    seed: int = 1, dropout: float = 0.0, executor: str | Executor = "reference", **how: Any
) -> Sequential:
    model = network(seed, dropout)
    model.compile(
        how.pop("optimizer", None) or Adam(0.05),
        how.pop("loss", "sparse_categorical_crossentropy"),
        metrics=how.pop("metrics", ["accuracy"]),
        executor=executor,
        **how,
    )
    return model


def single_threaded(name: str, parts: int | None = None) -> Executor:
    """An executor that leaves the other processors to the other tests."""
    return ReferenceExecutor() if name == "reference" else CpuExecutor(threads=1, parts=parts)


def everything(model: Model) -> dict[str, np.ndarray]:
    """All that decides how training goes on, and what it has said."""
    groups = {
        "weights": model.weights,
        "optimizer": model.optimizer.variables,
        "metrics": model.steps.scores.variables,
        "random": [model.random.seed, model.random.step],
    }
    found = {f"{kind} {number}": variable.numpy() for kind, variables in groups.items()
             for number, variable in enumerate(variables)}  # fmt: skip
    return found | {"seed": np.array(model.seed), "epochs": np.array(model.epochs_seen)}


def assert_identical(one: Model, other: Model) -> None:
    left, right = everything(one), everything(other)
    assert left.keys() == right.keys()
    different = [name for name in left if not np.array_equal(left[name], right[name])]
    assert not different
