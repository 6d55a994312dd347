from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad import layers
from glassgrad.errors import ArgumentError, GraphError
from glassgrad.execute.executor import executor_named
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Trace, placeholder, tracing
from glassgrad.random_seed import new_random_state, seeded, set_random_seed

ONES = np.ones((100, 100), "float32")


def test_outside_training_nothing_happens() -> None:
    x = Tensor(ONES)
    assert layers.Dropout(0.5)(x) is x
    assert layers.Dropout(0.0)(x, training=True) is x


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_mean_is_kept(rate: float) -> None:
    set_random_seed(1)
    y = layers.Dropout(rate)(ONES, training=True).numpy()
    assert sorted({float(v) for v in y.ravel()}) == pytest.approx([0, 1 / (1 - rate)])
    assert (y == 0).mean() == pytest.approx(rate, abs=0.02)


def test_every_call_has_a_mask_of_its_own() -> None:
    def masks(layer: layers.Layer) -> list[np.ndarray]:
        with seeded(1):
            return [layer(ONES, training=True).numpy() for _ in range(2)]

    for seed in (None, 7):
        a, b = masks(layers.Dropout(0.5, seed=seed)), masks(layers.Dropout(0.5, seed=seed))
        assert not np.array_equal(a[0], a[1])
        assert np.array_equal(a[0], b[0])
        assert np.array_equal(a[1], b[1])


def test_in_a_program_seed_and_step_decide() -> None:
    def run(seed: int, own_seed: int | None) -> list[np.ndarray]:
        random = new_random_state(seed)
        x = placeholder((100, 100))
        with tracing(Trace(training=True, random=random)) as trace:
            first, second = (layers.Dropout(0.5, seed=own_seed)(x) for _ in range(2))
            random.step.assign(random.step + np.uint32(1))
        program = executor_named("reference").compile([first, second], [x], trace.updates)
        return [*program(ONES), *program(ONES)]

    masks = run(1, None)
    assert all(
        not np.array_equal(a, b) for i, a in enumerate(masks) for b in masks[:i]
    )  # layers and steps differ
    assert all(np.array_equal(a, b) for a, b in zip(masks, run(1, None), strict=True))
    assert not np.array_equal(masks[0], run(2, None)[0])
    assert np.array_equal(run(1, 5)[0], run(2, 5)[0])


def test_the_gradient_passes_where_the_input_does() -> None:
    x = Tensor(ONES)
    y = layers.Dropout(0.5)(x, training=True)
    (slope,) = gradients(y.sum(), [x])
    assert slope is not None
    assert np.array_equal(slope.numpy(), y.numpy())


def test_a_training_trace_without_randomness_is_refused() -> None:
    with tracing(Trace(training=True)), pytest.raises(GraphError, match="new_random_state"):
        layers.Dropout(0.5)(ONES)


@pytest.mark.parametrize("rate", [1.0, -0.1, 1.5, float("nan"), "0.1", None])
def test_bad_rates_are_refused(rate: Any) -> None:
    with pytest.raises(ArgumentError, match=r"\[0, 1\)"):
        layers.Dropout(rate)


def test_bad_seeds_are_refused() -> None:
    with pytest.raises(ArgumentError, match="seed"):
        layers.Dropout(0.5, seed=-3)
