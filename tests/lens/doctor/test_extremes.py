"""Numbers at the ends of what floats hold: the rules say something sensible, and never fail."""

from __future__ import annotations

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest

from glassgrad.lens.doctor.case import Case, LayerFacts, Reading, RecurrenceReading
from glassgrad.lens.doctor.diagnosis import diagnose
from glassgrad.lens.doctor.facts.features import scales_of
from glassgrad.lens.doctor.ranges import out_of_reach
from glassgrad.lens.doctor.view import View
from tests.lens.doctor.synthetic import case, course, resting, seen, stack

MEMORY = LayerFacts("memory", "SimpleRNN", "tanh", "recurrent", 32)


def codes(told: Case) -> list[str]:
    return [one.code for one in diagnose(told)]


@pytest.mark.parametrize("gain", [0.0, 1e-16, 1e300, inf])
@pytest.mark.parametrize("depth", [3, 40, 400])
def test_kernels_of_any_size_in_any_depth(gain: float, depth: int) -> None:
    facts = stack(depth, gain=gain, learning_rate=None)
    signal = 0.5 if gain < 1 else 2.0
    first, last = (seen(facts, step, signal=signal) for step in (0, 400))
    assert codes(case(facts, resting(), first, last)) == ["bad_initialization"]


@pytest.mark.parametrize("sizes", [(1e-200, 1e200), (1e-40, inf)])
def test_pre_activations_of_any_size(sizes: tuple[float, float]) -> None:
    facts = stack(2, gain=1e-3, learning_rate=None)
    first = seen(facts)
    layers = [
        replace(one, pre_activation_rms=size) for one, size in zip(first.layers, sizes, strict=True)
    ]
    told = case(facts, resting(), replace(first, layers=tuple(layers)), seen(facts, 400))
    assert codes(told) == ["bad_initialization"]


def test_a_gradient_that_is_no_number_says_nothing_of_the_start() -> None:
    facts = stack(4, gain=100.0)
    first = seen(facts)
    bad = replace(first.layers[0], pre_activation_gradient_rms=nan)
    told = case(facts, resting(), replace(first, layers=(bad, *first.layers[1:])), seen(facts, 400))
    assert "bad_initialization" not in codes(told)


@pytest.mark.parametrize("begin", [0.0, -3.0])
@pytest.mark.parametrize("loss", [0.0, -3.0, 1e300, nan, inf])
def test_losses_that_do_not_begin_above_zero(begin: float, loss: float) -> None:
    facts = stack(2, trivial_loss=None)
    losses = np.concatenate([np.full(200, begin), np.full(200, loss)])
    told = Case(facts, course(losses, 0.05), [seen(facts, 0, begin), seen(facts, 400, loss)], True)
    assert ("non_finite" in str(diagnose(told))) == (not np.isfinite(loss))


@pytest.mark.parametrize(
    "sizes,is_found",
    [
        ((inf, 1.0), True),
        ((nan, 1.0), True),  # infinity times 0 on the way back
        ((0.0, 1.0), True),
        ((1.0, inf), False),
        ((inf, inf), False),
        ((nan, nan), False),
        ((1.0, 0.0), False),
        ((1.0,), False),
    ],
)
def test_gradients_over_time_of_any_size(sizes: tuple[float, ...], is_found: bool) -> None:
    facts = stack(2, layers=(MEMORY,))
    reading = Reading(0, 2.3, recurrences=(RecurrenceReading("memory", sizes),))
    found = [
        one
        for one in diagnose(case(facts, resting(), reading, Reading(400, 2.3)))
        if one.code == "recurrent_gradient"
    ]
    assert bool(found) == is_found
    assert not any("nan" in one.cause for one in found)


@pytest.mark.parametrize(
    "ratio,words", [(0.5, "by 50% of their size"), (3e8, "by 3e+08 times their size")]
)
def test_the_size_of_steps_can_be_read(ratio: float, words: str) -> None:
    facts = stack(2)
    losses = np.geomspace(2.3, 1e9, 400)
    told = case(facts, losses, seen(facts), seen(facts, 400, 1e9), ratio=ratio)
    (found,) = diagnose(told)
    assert found.code == "learning_rate_too_high"
    assert words in found.cause


@pytest.mark.parametrize(
    "validation,is_so", [([nan, 0.5, 2.0], True), ([nan, 3.0], False), ([nan], False), ([], False)]
)
def test_validation_losses_that_are_no_numbers_do_not_count(
    validation: list[float], is_so: bool
) -> None:
    assert View(case(validation=validation)).generalizes == is_so


def test_inputs_and_targets_of_any_size() -> None:
    x = np.array([[-1e200, 1.0], [1e200, 2.0], [0.0, 4.0]])
    scales = scales_of([x])
    assert scales is not None
    assert scales.rms == inf
    assert out_of_reach(x, "sigmoid") == 0  # nobody can tell
