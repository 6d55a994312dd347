"""glassgrad as a user writes it: ``fit`` on arrays in memory."""

from __future__ import annotations

import glassgrad
from benchmarks.cases import Case
from benchmarks.contestants import Trainer
from benchmarks.networks import ADAM, NETWORKS
from glassgrad.layers import Dense, Input

__all__ = ["trainer"]


def trainer(case: Case, variant: str) -> Trainer:
    """The network of a case."""
    return {"mlp": mlp, "product": product}[case.network](case)


def mlp(case: Case) -> Trainer:
    """Layers in a row, Adam, and the loss as the only metric."""
    x, y = NETWORKS["mlp"].data(case)
    inputs, *hidden, classes = case.sizes
    layers = [Dense(units, "relu") for units in hidden]
    model = glassgrad.Sequential([Input((inputs,)), *layers, Dense(classes)])
    loss = glassgrad.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(glassgrad.optimizers.Adam(**ADAM), loss)
    model.set_weights(NETWORKS["mlp"].weights(case))

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
