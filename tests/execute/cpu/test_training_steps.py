"""Training steps, of whatever a model can be made of: kernels learn what the reference learns.

``GLASSGRAD_ALL_NETWORKS=1`` asks for the networks of the benchmarks in their full sizes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest

from glassgrad import Input, losses
from glassgrad.layers import Dense
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD, Optimizer
from tests.execute.cpu.comparison import check
from tests.execute.cpu.networks import training_step
from tests.models.test_model import LAYERS, seeded
from tests.optimizers.test_optimizer import MAKERS

FULL = bool(os.environ.get("GLASSGRAD_ALL_NETWORKS"))

# Of each of the benchmarks' sizes some that need little time, in which all kernels occur.
BATCHES = (32, 128, 1024) if FULL else (32, 130)
WIDTHS = (64, 256, 1024) if FULL else (16, 64)
DEPTHS = (2, 4, 16) if FULL else (2, 4)
FEATURES = 784 if FULL else 40

STEPS = 3
BATCH = 8


def trained(
    make: Callable[[], Sequential], optimizer: Optimizer, loss: Any, y: Any, executor: str
) -> list[Any]:
    """The losses of some steps, what is predicted after them, and the weights."""
    with seeded(2):
        model = make()
    model.compile(optimizer, loss, executor=executor)
    x = np.random.default_rng(0).normal(size=(BATCH, *model.input_shape[1:])).astype("float32")
    made = [model.train_on_batch(x, y) for _ in range(STEPS)]
    return [*made, model.predict(x), *model.get_weights()]


def assert_same_training(
    make: Callable[[], Sequential],
    loss: Any = "mse",
    y: Any = None,
    optimizer: Callable[[], Optimizer] = lambda: SGD(0.05),
    share: float = 1e-5,
) -> None:
    y = np.random.default_rng(1).uniform(0.1, 0.9, (BATCH, 2)) if y is None else y
    ours, theirs = (trained(make, optimizer(), loss, y, name) for name in ("cpu", "reference"))
    for place, (found, expected) in enumerate(zip(ours, theirs, strict=True)):
        found, expected = np.asarray(found), np.asarray(expected)
        assert found.dtype == expected.dtype
        atol = share * float(np.max(np.abs(expected), initial=0)) + 1e-6
        np.testing.assert_allclose(found, expected, rtol=0, atol=atol, err_msg=str(place))


# Its weights of the way back are for whoever calls it so.
@pytest.mark.filterwarnings("ignore:The loss does not depend on reversible_embedding")
@pytest.mark.parametrize("name", LAYERS)
def test_a_network_with_each_layer(name: str) -> None:
    shape, make = LAYERS[name]

    def network() -> Sequential:
        return Sequential([Input(shape), make(), Dense(2)])

    with seeded(2):
        result = network().compute_output_shape((BATCH, *shape))
    y = np.random.default_rng(1).normal(size=result).astype("float32")
    assert_same_training(network, y=y)


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_each_optimizer(make: Callable[[], Optimizer]) -> None:
    """What divides by the gradient's own size enlarges the rounding of small ones."""
    network = lambda: Sequential([Input((5,)), Dense(7, "tanh"), Dense(2)])  # noqa: E731
    assert_same_training(network, optimizer=make, share=1e-4)


BASES = {"Loss", "LossFunctionWrapper"}
OF_LABELS = ("SparseCategoricalCrossentropy", "CategoricalGeneralizedCrossEntropy")
LOSSES = sorted(
    name
    for name in losses.__all__
    if isinstance(getattr(losses, name), type)
    and issubclass(getattr(losses, name), losses.Loss)
    and name not in BASES.union(OF_LABELS)
)


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss(name: str) -> None:
    network = lambda: Sequential([Input((5,)), Dense(7, "relu"), Dense(2, "sigmoid")])  # noqa: E731
    targets = np.eye(2)[np.arange(BATCH) % 2]
    assert_same_training(network, getattr(losses, name)(), targets)


@pytest.mark.parametrize("name", OF_LABELS)
def test_each_loss_of_labels(name: str) -> None:
    network = lambda: Sequential([Input((5,)), Dense(7, "relu"), Dense(3, "softmax")])  # noqa: E731
    labels = np.arange(BATCH) % 3
    assert_same_training(network, getattr(losses, name)(), labels)


def sizes(width: int, depth: int) -> Sequence[int]:
    return [FEATURES, *[width] * depth, 10]


@pytest.mark.parametrize("batch, width, depth", list(product(BATCHES, WIDTHS, DEPTHS)))
def test_networks_of_the_benchmarks(batch: int, width: int, depth: int) -> None:
    check(
        lambda dtype: training_step(sizes(width, depth), batch, learning_rate=1e-3, dtype=dtype),
        steps=2,
    )


def test_the_first_network_of_the_benchmarks() -> None:
    check(
        lambda dtype: training_step([784, 256, 128, 10], 128, learning_rate=1e-3, dtype=dtype),
        steps=2,
    )
