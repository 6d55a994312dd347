"""Small trainings with one fault each, from the first step to what the doctor says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad.initializers import Constant, RandomNormal
from glassgrad.layers import Dense, Input, SimpleRNN
from glassgrad.lens.doctor.doctor import Doctor
from glassgrad.models import Sequential
from glassgrad.optimizers import SGD, Adam

SPARSE = "sparse_categorical_crossentropy"
Sick = tuple[Sequential, Any, Any, int]


def clusters(scale: float = 1.0) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    y = rng.integers(3, size=240)
    centres = rng.normal(size=(3, 8))
    return (scale * (centres[y] + rng.normal(0, 0.5, (240, 8)))).astype("float32"), y


def mlp(
    depth: int,
    activation: str,
    optimizer: Any = None,
    *,
    scale: float = 1.0,
    labels: Any = None,
    epochs: int = 8,
    **choices: Any,
) -> Sick:
    hidden = [Dense(16, activation, **choices) for _ in range(depth)]
    model = Sequential([Input((8,)), *hidden, Dense(3, activation="softmax")])
    model.compile(optimizer or Adam(0.005), SPARSE, executor="reference")
    x, y = clusters(scale)
    return model, x, y if labels is None else labels, epochs


def sigmoid_stack() -> Sick:
    return mlp(15, "sigmoid")


def unit_variance() -> Sick:
    return mlp(12, "relu", kernel_initializer=RandomNormal(stddev=1.0))


def weights_of_a_hundredth() -> Sick:
    return mlp(12, "relu", kernel_initializer=RandomNormal(stddev=0.01))


def equal_weights() -> Sick:
    return mlp(2, "relu", kernel_initializer="zeros")


def rate_of_one() -> Sick:
    return mlp(3, "relu", Adam(1.0))


def rate_of_a_millionth() -> Sick:
    return mlp(2, "relu", Adam(1e-6))


def grey_levels() -> Sick:
    return mlp(2, "tanh", SGD(0.05), scale=120.0)


def biases_far_below_zero() -> Sick:
    return mlp(2, "relu", bias_initializer=Constant(-20.0))


def noise_for_labels() -> Sick:
    return mlp(1, "relu", SGD(0.05), labels=np.random.default_rng(1).integers(3, size=240))


def long_memory() -> Sick:
    rng = np.random.default_rng(0)
    x = rng.normal(0, 0.3, (150, 60, 3)).astype("float32")
    y = rng.integers(3, size=150)
    x[np.arange(150), 0, y] += 2
    layers = [SimpleRNN(8, recurrent_initializer=RandomNormal(stddev=0.1), name="memory")]
    model = Sequential([Input((60, 3)), *layers, Dense(3, activation="softmax")])
    model.compile(Adam(0.01), SPARSE, executor="reference")
    return model, x, y, 6


SICK: dict[Callable[[], Sick], str] = {
    sigmoid_stack: "vanishing_gradient",
    unit_variance: "bad_initialization",
    weights_of_a_hundredth: "bad_initialization",
    equal_weights: "bad_initialization",
    rate_of_one: "learning_rate_too_high",
    rate_of_a_millionth: "learning_rate_too_low",
    grey_levels: "unscaled_input",
    biases_far_below_zero: "dead_units",
    noise_for_labels: "loss_not_decreasing",
    long_memory: "recurrent_gradient",
}


@pytest.mark.parametrize("sick", SICK, ids=lambda made: made.__name__)
def test_the_first_finding_names_the_fault(sick: Callable[[], Sick]) -> None:
    glassgrad.set_random_seed(0)
    model, x, y, epochs = sick()
    doctor = Doctor(verbose=0)
    model.fit(x, y, epochs=epochs, batch_size=24, verbose=0, callbacks=[doctor])
    assert [one.code for one in doctor.findings][:1] == [SICK[sick]], doctor.report()
