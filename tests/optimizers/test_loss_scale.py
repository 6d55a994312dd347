from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import optimizers
from glassgrad.errors import ArgumentError, UnknownNameError
from glassgrad.graph import Trace, Variable, constant, tracing
from glassgrad.optimizers import SGD, Adam, LossScaleOptimizer, Optimizer
from glassgrad.optimizers.schedules import ExponentialDecay


def test_a_fixed_scale_cancels() -> None:
    plain, scaled = SGD(0.5), SGD(0.5, loss_scale_factor=1024.0)
    loss = constant(3.0)
    assert scaled.scale_loss(loss).item() == 3072.0
    assert plain.scale_loss(loss) is loss
    a, b = Variable([1.0]), Variable([1.0])
    plain.apply([[0.25]], [a])
    scaled.apply([[256.0]], [b])
    assert a.numpy() == b.numpy() == 0.875


def test_clipping_sees_the_gradient_without_the_scale() -> None:
    w = Variable([1.0])
    SGD(1.0, loss_scale_factor=8.0, clipvalue=0.5).apply([[8.0]], [w])
    assert w.numpy() == 0.5


def steps(optimizer: Optimizer, w: Variable, gradients: list[float]) -> None:
    for gradient in gradients:
        optimizer.apply([[gradient]], [w])


def test_the_scale_grows_and_shrinks() -> None:
    w, optimizer = Variable([1.0]), LossScaleOptimizer(SGD(0.0), 8.0, dynamic_growth_steps=3)
    seen = []
    for gradient in [1.0] * 7 + [np.inf, np.nan, -np.inf] + [1.0] * 3:
        steps(optimizer, w, [gradient])
        seen.append((float(optimizer.dynamic_scale), int(optimizer.step_counter.numpy())))
    assert seen == [(8, 1), (8, 2), (16, 0), (16, 1), (16, 2), (32, 0), (32, 1), (16, 0), (8, 0),
                    (4, 0), (4, 1), (4, 2), (8, 0)]  # fmt: skip


@pytest.mark.parametrize(
    "make",
    [
        lambda: Adam(0.1),
        lambda: Adam(0.1, weight_decay=0.1, gradient_accumulation_steps=2),
        lambda: SGD(0.1, use_ema=True, momentum=0.5),
        lambda: SGD(ExponentialDecay(0.1, 1, 0.5)),
    ],
)
def test_a_step_that_is_left_out_changes_nothing(make: Callable[[], Optimizer]) -> None:
    w, x = Variable([1.0, 2.0]), Variable([1.0, 2.0])
    scaled, plain = LossScaleOptimizer(make(), 4.0), make()
    for number in range(4):
        scale = float(scaled.dynamic_scale)
        scaled.apply([[number * scale, scale]], [w])
        plain.apply([[float(number), 1.0]], [x])
        inner = [v.numpy() for v in scaled.inner_optimizer.variables]
        scaled.apply([[1.0, np.nan]], [w])
        for variable, value in zip(scaled.inner_optimizer.variables, inner, strict=True):
            assert np.array_equal(variable.numpy(), value)
        assert np.array_equal(w.numpy(), x.numpy())
    assert [v.name for v in scaled.variables[:2]] == ["step_counter", "dynamic_scale"]


def test_large_gradients_whose_squares_overflow_are_finite() -> None:
    w, optimizer = Variable([1.0]), LossScaleOptimizer(SGD(1e-38), 1.0)
    steps(optimizer, w, [3e38])
    assert float(optimizer.dynamic_scale) == 1.0
    assert w.numpy() == pytest.approx(-2.0)


def test_the_scale_stays_finite() -> None:
    w, optimizer = Variable([1.0]), LossScaleOptimizer(SGD(), 1e300, 1)
    for _ in range(3):
        steps(optimizer, w, [0.0])
        assert float(optimizer.dynamic_scale) == 2.0**127


def test_in_a_trace_the_scale_before_the_step_counts() -> None:
    w, optimizer = Variable([1.0]), LossScaleOptimizer(SGD(1.0), 4.0, 1)
    with tracing(Trace()):
        loss = optimizer.scale_loss(constant(2.0))
        optimizer.apply([[4.0]], [w])
    assert loss.item() == 8.0
    assert optimizer.scale_loss(constant(2.0, "float64")).dtype == "float64"


def test_the_inner_optimizer_shows_through() -> None:
    inner = SGD(0.5, use_ema=True, loss_scale_factor=2.0)
    optimizer = LossScaleOptimizer(inner)
    assert inner.loss_scale_factor is None
    assert optimizer.learning_rate is inner.learning_rate
    optimizer.learning_rate = 0.25
    assert float(inner.learning_rate) == 0.25
    w = Variable([1.0])
    optimizer.build([w])
    optimizer.apply([[2.0**15]])
    assert optimizer.iterations.numpy() == inner.iterations.numpy() == 1
    w.assign([9.0])
    optimizer.finalize_variable_values([w])
    assert w.numpy() == 0.75


def test_it_is_made_again_from_its_configuration() -> None:
    optimizer = LossScaleOptimizer(Adam(0.5, beta_1=0.5), 16.0, 3, "mine")
    made = optimizers.deserialize(optimizers.serialize(optimizer))
    assert isinstance(made, LossScaleOptimizer)
    assert made.get_config() == optimizer.get_config()
    assert isinstance(made.inner_optimizer, Adam)
    assert made.inner_optimizer.beta_1 == 0.5
    assert isinstance(LossScaleOptimizer("adam").inner_optimizer, Adam)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((SGD(), 0.0), ArgumentError, "initial_scale must be a number above 0. Got 0.0"),
        ((SGD(), 1.0, 0), ArgumentError, "dynamic_growth_steps must be a whole number from 1"),
        (("adma",), UnknownNameError, "'adam'"),
        ((None,), ArgumentError, "Got None"),
    ],
)
def test_bad_input_is_refused(
    arguments: tuple[Any, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        LossScaleOptimizer(*arguments)
