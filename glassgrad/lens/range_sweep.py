"""A short training whose learning rate is given for each step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from glassgrad.graph import Variable
from glassgrad.graph.operation import Array
from glassgrad.graph.trees import leaves_of
from glassgrad.lens.state import kept_state
from glassgrad.models import Model, clone_model
from glassgrad.training.data import ArrayData

__all__ = ["DIVERGED", "LEAST_FALL", "sweep", "with_free_rate"]

DIVERGED = 4.0  # times the best loss
LEAST_FALL = 0.05  # of the first loss, below which nothing was learned
MEMORY = 0.8  # of the smoothed loss, for a training of 100 steps
STEPS_OF_MEMORY = 100


@contextmanager
def with_free_rate(model: Model) -> Iterator[Model]:
    """The model, or where a schedule decides about its learning rate a copy, to be trained."""
    if not isinstance(model.optimizer.learning_rate, Variable):
        model = _with_number_as_rate(model)
    model.build_optimizer()
    with kept_state(model):
        yield model


def _with_number_as_rate(model: Model) -> Model:
    """A copy whose learning rate is a number."""
    optimizer, steps = model.optimizer, model.steps
    config = {**optimizer.get_config(), "learning_rate": 0.0}
    copy = clone_model(model)
    copy.set_weights(model.get_weights())
    objective = steps.objective
    copy.compile(
        type(optimizer).from_config(config),
        objective.loss,
        objective.loss_weights,
        executor=steps.executor,
    )
    return copy


def sweep(
    model: Model, data: ArrayData, size: int, rates: Array, seed: int | None
) -> tuple[list[float], list[float]]:
    """The loss of each step, and its moving average, until the loss runs away.

    Batches differ in their loss, and that would hide what the rates do. So each loss is compared
    with that of the same batch, and the same random numbers, before anything was learned.
    """
    memory = MEMORY ** (STEPS_OF_MEMORY / len(rates))
    with kept_state(model):
        before = np.array(list(_losses(model, data, size, np.zeros_like(rates), seed)))
    begin = float(before.mean())
    losses: list[float] = []
    smoothed: list[float] = []
    average = 0.0
    for loss in _losses(model, data, size, rates, seed):
        average = memory * average + (1 - memory) * (loss - before[len(losses)])
        losses.append(loss)
        smoothed.append(begin + average / (1 - memory ** len(losses)))
        best = min(smoothed)
        limit = best + (DIVERGED - 1) * max(abs(best), LEAST_FALL * abs(begin))
        if not smoothed[-1] <= max(limit, begin):
            break
    return losses, smoothed


def _losses(
    model: Model, data: ArrayData, size: int, rates: Array, seed: int | None
) -> Iterator[float]:
    """Train, one step with each rate; the loss of each batch before its step."""
    for rate, batch in zip(rates, _batches(data, size, seed), strict=False):
        model.optimizer.learning_rate = float(rate)
        yield _loss_of(model.steps.training(batch))


def _batches(data: ArrayData, size: int, seed: int | None) -> Iterator[Any]:
    """Batch after batch, epoch after epoch."""
    epoch = 0
    while True:
        for stretch in data.stretches(size, seed=seed, epoch=epoch):
            if stretch.size == min(size, len(data)):  # smaller ones have other losses
                yield from (stretch.part(number, 1) for number in range(stretch.batches))
        epoch += 1


def _loss_of(results: Any) -> float:
    """The loss among what a step gives; a step of the model's own may call it otherwise."""
    found = results["loss"] if "loss" in results else leaves_of(results)[0]
    return float(np.asarray(found))
