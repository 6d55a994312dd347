"""A layer computes and learns the same in every executor."""

from __future__ import annotations

import numpy as np
import pytest

from glassgrad.execute.executor import executor_named
from glassgrad.gradients import gradients
from glassgrad.graph import Trace, constant, placeholder, tracing
from glassgrad.random_seed import new_random_state, seeded
from tests.models.test_model import LAYERS


def trained(name: str, executor: str) -> list[np.ndarray]:
    """Output, gradients and updated weights of a training step, twice."""
    shape, make = LAYERS[name]
    with seeded(1):
        layer = make()
    x = placeholder((4, *shape))
    with seeded(2), tracing(Trace(training=True, random=new_random_state(3))) as trace:
        y = layer(x)
        loss = (y * constant(np.linspace(-1.0, 1.0, y.size).reshape(y.shape))).sum()
        slopes = gradients(loss, [x, *layer.trainable_weights])
    outputs = [y, *(slope for slope in slopes if slope is not None)]
    program = executor_named(executor).compile(outputs, [x], trace.updates)
    data = np.random.default_rng(0).normal(size=x.shape).astype("float32")
    results = [*program(data), *program(data * 2)]
    return [*results, *layer.get_weights()]


@pytest.mark.parametrize("name", LAYERS)
def test_executors_agree(name: str) -> None:
    for ours, reference in zip(trained(name, "cpu"), trained(name, "reference"), strict=True):
        np.testing.assert_allclose(ours, reference, rtol=2e-5, atol=2e-6)
