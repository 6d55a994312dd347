"""tinygrad: the whole step in its ``TinyJit``."""

from __future__ import annotations

import itertools

from tinygrad import Tensor, TinyJit
from tinygrad.nn.optim import Adam

from benchmarks.cases import Case
from benchmarks.contestants import Trainer
from benchmarks.networks import ADAM, NETWORKS

__all__ = ["trainer"]


def trainer(case: Case, variant: str) -> Trainer:
    """The network of a case."""
    x, y = NETWORKS["mlp"].data(case)
    size = case.batch
    batches = [
        (Tensor(x[begin : begin + size]).realize(), Tensor(y[begin : begin + size]).realize())
        for begin in range(0, len(x), size)
    ]
    weights = [Tensor(value).realize() for value in NETWORKS["mlp"].weights(case)]
    for weight in weights:
        weight.requires_grad = True
    optimizer = Adam(
        weights, ADAM["learning_rate"], ADAM["beta_1"], ADAM["beta_2"], ADAM["epsilon"]
    )

    def loss(x: Tensor, y: Tensor) -> Tensor:
        for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            x = (x @ kernel + bias).relu()
        return (x @ weights[-2] + weights[-1]).sparse_categorical_crossentropy(y)

    @TinyJit
    def step(x: Tensor, y: Tensor) -> Tensor:
        with Tensor.train():
            optimizer.zero_grad()
            value = loss(x, y).backward()
            return value.realize(*optimizer.schedule_step())

    def run(steps: int) -> None:
        for x, y in itertools.islice(itertools.cycle(batches), steps):
            value = step(x, y)
        value.item()

    return Trainer(run, lambda: sum(loss(x, y).item() for x, y in batches) / len(batches))
