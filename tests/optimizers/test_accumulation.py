from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad.graph import Trace, Variable, constant, tracing, walk
from glassgrad.optimizers import SGD, Adam, Adamax, Lion, Nadam, Optimizer, RMSprop
from glassgrad.optimizers.schedules import StepDecay

SLOPES = np.random.default_rng(0).normal(size=(12, 4))
KINDS: list[Callable[..., Optimizer]] = [SGD, Adam, Adamax, Lion, Nadam, RMSprop]


def apply(optimizer: Optimizer, w: Variable, slope: Any) -> None:
    optimizer.apply([constant(slope, "float64")], [w])


def weight() -> Variable:
    return Variable(np.ones(4), name="w", dtype="float64")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1}, {"global_clipnorm": 0.5}])
def test_a_group_of_steps_is_one_step_with_the_mean_gradient(
    kind: Callable[..., Optimizer], options: dict[str, Any]
) -> None:
    w, x = weight(), weight()
    accumulating, plain = kind(0.1, gradient_accumulation_steps=3, **options), kind(0.1, **options)
    for number, slope in enumerate(SLOPES, start=1):
        before = w.numpy()
        apply(accumulating, w, slope)
        if number % 3:
            assert np.array_equal(w.numpy(), before)
        else:
            apply(plain, x, SLOPES[number - 3 : number].mean(axis=0))
            assert w.numpy() == pytest.approx(x.numpy(), rel=1e-12)
        assert int(accumulating.iterations.numpy()) == number // 3


def test_slots_do_not_change_between_updates() -> None:
    w, optimizer = weight(), Adam(0.1, gradient_accumulation_steps=4)
    for slope in SLOPES[:3]:
        apply(optimizer, w, slope)
    state = {v.name: v.numpy() for v in optimizer.variables}
    assert not state["w/momentum"].any()
    assert not state["w/velocity"].any()
    assert state["w/gradient_accumulator"] == pytest.approx(SLOPES[:3].sum(axis=0))
    apply(optimizer, w, SLOPES[3])
    assert not optimizer.variables[-1].numpy().any()


def test_a_schedule_counts_every_step() -> None:
    w = Variable([0.0], dtype="float64")
    optimizer = SGD(StepDecay(1.0, 1, 0.5), gradient_accumulation_steps=2)
    for _ in range(4):
        apply(optimizer, w, [1.0])
    assert w.numpy() == -(0.5 + 0.125)
    assert float(optimizer.learning_rate) == 0.0625


def test_a_gradient_that_is_not_finite_spoils_its_own_group_alone() -> None:
    w, optimizer = weight(), SGD(0.1, gradient_accumulation_steps=2, clipvalue=1.0)
    for slope in (1.0, np.inf, 0.5, 0.5):
        apply(optimizer, w, np.full(4, slope))
    assert w.numpy() == pytest.approx(np.full(4, 1 - 0.1 - 0.05))


def test_averages_go_on_between_updates_as_in_keras() -> None:
    w = Variable([1.0], dtype="float64")
    optimizer = SGD(1.0, gradient_accumulation_steps=2, use_ema=True, ema_momentum=0.5)
    for _ in range(3):
        apply(optimizer, w, [1.0])
    optimizer.finalize_variable_values([w])
    assert w.numpy() == 0.0  # 1, then 0 in full, since no update was counted, then 0 again
    for _ in range(2):
        apply(optimizer, w, [1.0])
    optimizer.finalize_variable_values([w])
    assert w.numpy() == -0.75


def test_without_accumulation_the_graph_has_nothing_of_it() -> None:
    def nodes(**options: Any) -> list[str]:
        w = weight()
        with tracing(Trace()) as trace:
            apply(Adam(0.1, **options), w, SLOPES[0])
        return [node.operation.name for node in walk(trace.updates.values())]

    plain = nodes()
    assert not {"Where", "Floor"} & set(plain)
    assert nodes(gradient_accumulation_steps=None, use_ema=False, loss_scale_factor=None) == plain
    assert len(nodes(gradient_accumulation_steps=2)) > len(plain)
