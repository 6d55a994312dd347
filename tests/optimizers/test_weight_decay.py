from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import optimizers
from glassgrad.errors import ArgumentError
from glassgrad.graph import Variable, constant
from glassgrad.optimizers import SGD, Lamb, LossScaleOptimizer, Optimizer

KINDS: list[Callable[..., Optimizer]] = [
    kind
    for kind in vars(optimizers).values()
    if isinstance(kind, type)
    and issubclass(kind, Optimizer)
    and kind not in (Optimizer, LossScaleOptimizer)  # which has no formula of its own
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_optimizer_shrinks_the_weights_before_its_step(kind: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    decaying, plain = kind(0.125, weight_decay=0.5), kind(0.125, weight_decay=0.0)
    start = rng.normal(size=4)
    w, x = Variable(start, dtype="float64"), Variable(start, dtype="float64")
    for _ in range(5):
        g = constant(rng.normal(size=4), "float64")
        x.assign(x.numpy() * (1 - 0.125 * 0.5))
        decaying.apply([g], [w])
        plain.apply([g], [x])
        assert w.numpy() == pytest.approx(x.numpy(), rel=1e-14, abs=1e-14)


def test_the_decay_follows_the_learning_rate() -> None:
    w = Variable([1.0, 4.0])
    optimizer = SGD(0.5, weight_decay=0.5)
    optimizer.apply([[0.0, 0.0]], [w])
    assert w.numpy().tolist() == [0.75, 3.0]
    optimizer.learning_rate = 0.0
    optimizer.apply([[0.0, 0.0]], [w])
    assert w.numpy().tolist() == [0.75, 3.0]


def test_a_small_decay_is_not_lost_in_float32() -> None:
    w = Variable(np.linspace(1.0, 2.0, 1001))
    optimizer = SGD(0.001, weight_decay=0.004)
    for _ in range(200):
        optimizer.apply([np.zeros(1001)], [w])
    expected = np.linspace(1.0, 2.0, 1001).mean() * (1 - 4e-6) ** 200
    assert w.numpy().astype("float64").mean() == pytest.approx(expected, rel=2e-6)


def test_frozen_variables_do_not_shrink() -> None:
    w = Variable([1.0], trainable=False)
    SGD(0.5, weight_decay=0.5).apply([[1.0]], [w])
    assert w.numpy() == 1.0


@pytest.mark.parametrize("decay", [-0.1, float("nan"), float("inf"), "much"])
def test_a_bad_decay_is_refused(decay: Any) -> None:
    with pytest.raises(ArgumentError, match="weight_decay must be a number from 0"):
        SGD(weight_decay=decay)


@pytest.mark.parametrize("kind", [SGD, Lamb])
@pytest.mark.parametrize("by_name", [True, False])
def test_some_weights_can_be_excluded(kind: Callable[..., Optimizer], by_name: bool) -> None:
    def run(decay: float, *excluded: int) -> list[np.ndarray]:
        weights = [Variable([1.0, 2.0], name=f"layer/{name}") for name in ("kernel", "bias", "c")]
        optimizer = kind(0.5, weight_decay=decay)
        chosen = [weights[number] for number in excluded]
        if by_name:
            optimizer.exclude_from_weight_decay(var_names=[one.name[6:] for one in chosen])
        else:
            optimizer.exclude_from_weight_decay(chosen)
        for _ in range(3):
            optimizer.apply([[0.5, 0.25]] * 3, weights)
        return [weight.numpy() for weight in weights]

    mixed, all_of_them, none = run(0.25, 1), run(0.25), run(0.0)
    for number, (found, decayed, plain) in enumerate(zip(mixed, all_of_them, none, strict=True)):
        assert np.array_equal(found, plain if number == 1 else decayed)
        assert not np.array_equal(decayed, plain)


def test_after_the_first_step_it_is_too_late_to_exclude_weights() -> None:
    optimizer = LossScaleOptimizer(SGD(weight_decay=0.5))
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    w = Variable([2.0], name="bias")
    optimizer.apply([[0.0]], [w])
    assert w.numpy() == 2.0
    with pytest.raises(ArgumentError, match="before the first step"):
        optimizer.exclude_from_weight_decay([w])
