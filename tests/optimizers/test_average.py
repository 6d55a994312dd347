from __future__ import annotations

import numpy as np
import pytest

from glassgrad.constraints import NonNeg
from glassgrad.errors import ArgumentError
from glassgrad.graph import Variable
from glassgrad.optimizers import SGD, Optimizer

SLOPES = np.random.default_rng(0).normal(size=(30, 4))


def run(optimizer: Optimizer, steps: int) -> Variable:
    w = Variable(np.ones(4), name="w", dtype="float64")
    for slope in SLOPES[:steps]:
        optimizer.apply([Variable(slope, dtype="float64").tensor], [w])
    return w


@pytest.mark.parametrize("steps", [1, 2, 30])
def test_the_average_as_a_plain_loop(steps: int) -> None:
    optimizer = SGD(0.1, use_ema=True, ema_momentum=0.8)
    w = run(optimizer, steps)
    x, average = np.ones(4), np.zeros(4)
    for step, slope in enumerate(SLOPES[:steps]):
        x = x - 0.1 * slope
        average = 0.8 * average + 0.2 * x if step else x
    assert w.numpy() == pytest.approx(x, rel=1e-14)
    optimizer.finalize_variable_values([w])
    assert w.numpy() == pytest.approx(average, rel=1e-14)


def test_averages_take_the_place_of_weights_from_time_to_time() -> None:
    w = run(SGD(0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3), 30)
    x, average = np.ones(4), np.zeros(4)
    for step, slope in enumerate(SLOPES):
        x = x - 0.1 * slope
        average = 0.8 * average + 0.2 * x if step else x
        if (step + 1) % 3 == 0:
            x = average
    assert w.numpy() == pytest.approx(x, rel=1e-14)


def test_with_a_momentum_of_zero_the_average_is_the_weight() -> None:
    averaged, plain = SGD(0.1, use_ema=True, ema_momentum=0.0), SGD(0.1)
    w, x = run(averaged, 5), run(plain, 5)
    averaged.finalize_variable_values([w])
    assert w.numpy() == pytest.approx(x.numpy(), rel=1e-15)


def test_a_weight_without_a_gradient_keeps_its_value() -> None:
    a, b = Variable([1.0], name="a"), Variable([2.0], name="b")
    optimizer = SGD(0.5, use_ema=True)
    with pytest.warns(UserWarning, match="does not depend on b"):
        optimizer.apply([[1.0], None], [a, b])
    optimizer.finalize_variable_values([a, b])
    assert (a.numpy(), b.numpy()) == (0.5, 2.0)


def test_a_weight_that_is_thawed_later_has_an_average_of_its_own_values() -> None:
    a, b = Variable([1.0], name="a"), Variable([2.0], name="b")
    optimizer = SGD(0.5, use_ema=True, ema_momentum=0.5)
    optimizer.apply([[1.0]], [a])
    optimizer.apply([[1.0], [1.0]], [a, b])
    optimizer.finalize_variable_values([b])
    assert b.numpy() == 0.5 * 2.0 + 0.5 * 1.5


def test_nothing_is_finalized_without_averages_or_before_the_first_step() -> None:
    w = Variable([1.0])
    SGD().finalize_variable_values([w])
    optimizer = SGD(use_ema=True)
    optimizer.build([w])
    w.assign([5.0])
    optimizer.finalize_variable_values([w])
    assert w.numpy() == 5.0


def test_a_weight_that_the_optimizer_has_never_met_is_refused() -> None:
    with pytest.raises(ArgumentError, match="Got stranger as well"):
        SGD(use_ema=True).finalize_variable_values([Variable(1.0, name="stranger")])


def test_the_constraint_comes_after_the_average() -> None:
    w = Variable([1.0], constraint=NonNeg())
    optimizer = SGD(1.0, use_ema=True)
    optimizer.apply([[3.0]], [w])
    assert w.numpy() == 0.0
    optimizer.finalize_variable_values([w])
    assert w.numpy() == -2.0


def test_the_averages_are_part_of_a_checkpoint() -> None:
    optimizer = SGD(momentum=0.5, use_ema=True)
    optimizer.build([Variable([1.0, 2.0], name="w")])
    assert [v.name for v in optimizer.variables[2:]] == ["w/momentum", "w/average"]
    assert optimizer.variables[3].numpy().tolist() == [1.0, 2.0]
