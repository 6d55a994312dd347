"""glassgrad as a user writes it: ``fit`` on arrays in memory."""

from __future__ import annotations

import glassgrad
from benchmarks.cases import Case
from benchmarks.contestants import Trainer, keras_models
from benchmarks.networks import NETWORKS

__all__ = ["trainer"]


def trainer(case: Case, variant: str) -> Trainer:
    """The network of a case."""
    return product(case) if case.network == "product" else training(case)


def training(case: Case) -> Trainer:
    """Adam, and the loss as the only metric."""
    x, y = NETWORKS[case.network].data(case)
    model = keras_models.model(glassgrad, case)

    def run(steps: int) -> None:
        model.fit(x, y, case.batch, verbose=0, shuffle=False, steps_per_epoch=steps)

    return Trainer(run, lambda: float(model.evaluate(x, y, case.batch, verbose=0)))


def product(case: Case) -> Trainer:
    """The plan of one product, without what carries its result to Python."""
    multiply = glassgrad.function(lambda a, b: (a @ b)[0, 0])
    a, b = NETWORKS["product"].data(case)

    def run(steps: int) -> None:
        for _ in range(steps):
            multiply(a, b)

    return Trainer(run, lambda: float(multiply(a, b).numpy()))
