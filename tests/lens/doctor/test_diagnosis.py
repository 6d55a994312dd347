"""Every fault of the catalogue on a case made by hand: its code comes first, and alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from glassgrad.lens.doctor.case import (
    AttentionReading,
    Case,
    LayerFacts,
    ParameterReading,
    RecurrenceReading,
)
from glassgrad.lens.doctor.diagnosis import CAUSES, diagnose, fold
from glassgrad.lens.doctor.finding import ACTIONS, FAULTS, Finding
from glassgrad.lens.doctor.thresholds import TABLE
from tests.lens.doctor.synthetic import (
    DATA,
    STEPS,
    TRIVIAL,
    case,
    falling,
    resting,
    seen,
    stack,
)


def sigmoid_stack() -> Case:
    facts = stack(30, "sigmoid", gain=1.0)
    return case(facts, resting(), seen(facts, gradient=0.21))


def weights_of_a_hundredth() -> Case:
    facts = stack(12, gain=64 * 1e-4)
    return case(facts, resting(), seen(facts, signal=0.057, gradient=0.057))


def weights_of_variance_one() -> Case:
    facts = stack(20, gain=64.0)
    losses = np.array([1e15, np.nan, *[np.nan] * 30])
    return case(facts, losses, seen(facts, loss=1e15, signal=5.6, gradient=5.6), ratio=1e3)


def glorot_under_relu() -> Case:
    facts = stack(40, gain=1.0)
    return case(facts, resting(), seen(facts, signal=0.7, gradient=0.7))


def growing_without_a_culprit() -> Case:
    facts = stack(40, gain=2.0)
    return case(facts, resting(), seen(facts, signal=1.0, gradient=1.3))


def dead_from_the_start() -> Case:
    facts = stack(3)
    reading = seen(facts, silent=[0.1, 0.98, 0.4])
    return case(facts, resting(), reading, replace(reading, step=STEPS))


def saturated_from_the_start() -> Case:
    facts = stack(3, "tanh", gain=1.0)
    reading = seen(facts, saturated=0.9)
    return case(facts, resting(), reading, replace(reading, step=STEPS))


def raw_pixels() -> Case:
    facts = stack(2, "tanh", gain=1.0, data=replace(DATA, input_rms=120.0))
    reading = seen(facts, saturated=0.9, loss=3.0)
    return case(facts, resting(), reading, replace(reading, step=STEPS))


def drowned_features() -> Case:
    facts = stack(2, data=replace(DATA, feature_deviations=(0.01, 1e4)))
    return case(facts, resting(), seen(facts))


def rate_of_one() -> Case:
    facts = stack(3)
    losses = np.concatenate([[TRIVIAL, 40.0, 900.0], resting(2.6, STEPS - 3)])
    ratio = np.concatenate([[0.9, 3.0, 2.0], np.full(STEPS - 3, 0.01)])
    dead = seen(facts, STEPS, 2.6, silent=0.99)
    return case(facts, losses, seen(facts), dead, ratio=ratio)


def at_once_not_a_number() -> Case:
    facts = stack(3)
    losses = np.array([TRIVIAL, 1e9, np.nan, np.nan])
    return case(facts, losses, seen(facts), ratio=np.array([5.0, 1e4, np.nan, np.nan]))


def weights_that_blow_up() -> Case:
    """No step is as large as the weights, and after some of them the weights are ten times so."""
    facts = stack(3)
    last = seen(facts, STEPS)
    grown = tuple(replace(one, rms=10 * one.rms) for one in last.parameters)
    return case(facts, resting(), seen(facts), replace(last, parameters=grown), ratio=0.05)


def rate_of_a_millionth() -> Case:
    return case(stack(3), TRIVIAL - np.linspace(0, 0.02, STEPS), ratio=2e-5)


def rate_of_a_hundredth() -> Case:
    """Steps that are not tiny, and a loss that falls straight and would need ten times as long."""
    facts = stack(3, reference_loss=0.3)
    return case(facts, TRIVIAL - np.linspace(0, 0.4, STEPS), ratio=3e-4)


def schedule_that_runs_out() -> Case:
    facts = stack(3, reference_loss=0.3, has_schedule=True)
    losses = np.concatenate([np.linspace(TRIVIAL, 2.0, 50), resting(2.0, STEPS - 50)])
    return case(facts, losses, ratio=0.01 * 0.9 ** np.arange(STEPS))


def out_of_the_blue() -> Case:
    losses = falling()
    losses[250:] = np.nan
    return case(stack(3), losses)


def swinging() -> Case:
    swings = 2.0 + 1.2 * (-1.0) ** np.arange(100)
    return case(stack(2), swings, ratio=0.02)


def running_away() -> Case:
    facts = stack(2)
    return case(facts, np.geomspace(TRIVIAL, 1e3, STEPS), seen(facts), ratio=0.01)


def noise_for_labels() -> Case:
    return case(stack(3), resting())


def noise_learnt_by_heart() -> Case:
    facts = stack(3, reference_loss=TRIVIAL)
    return case(facts, TRIVIAL - np.linspace(0, 0.7, STEPS))


def forgotten_again() -> Case:
    losses = np.concatenate([falling(steps=300), np.linspace(0.1, 1.8, 100)])
    return case(stack(3), losses)


def one_layer_blown_up() -> Case:
    """It learns in spite of it, late."""
    facts = stack(4)
    wide = replace(facts.parameters[2], rms=10 * facts.parameters[2].rms)
    facts = replace(facts, parameters=(*facts.parameters[:2], wide, *facts.parameters[3:]))
    first = seen(facts, loss=90.0)
    sizes = (1.0, 1.0, 10.0, 10.0, 10.0)
    layers = tuple(
        replace(one, pre_activation_rms=size)
        for one, size in zip(first.layers, sizes, strict=False)
    )
    return case(facts, falling(90.0, 0.5), replace(first, layers=layers), seen(facts, STEPS, 0.5))


def gates_that_are_shut() -> Case:
    memory = LayerFacts("memory", "LSTM", "tanh", "recurrent", 32)
    facts = replace(stack(1), layers=(memory, *stack(1).layers))
    recurrence = RecurrenceReading("memory", tuple(0.1 ** np.arange(40.0)[::-1]))
    return case(facts, resting(), seen(facts, recurrences=(recurrence,)))


def gates_as_they_begin() -> Case:
    """An LSTM that learns nothing, whose gates are as they always are at first."""
    memory = LayerFacts("memory", "LSTM", "tanh", "recurrent", 32)
    facts = replace(stack(1), layers=(memory, *stack(1).layers))
    recurrence = RecurrenceReading("memory", tuple(0.7 ** np.arange(40.0)[::-1]))
    return case(facts, resting(), seen(facts, recurrences=(recurrence,)))


def learnt_by_heart() -> Case:
    worse = [2.0, 1.2, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8]
    return case(stack(3), falling(end=0.001), validation=worse)


def too_small() -> Case:
    return case(stack(1, reference_loss=0.2), falling(end=1.4))


def forgetful() -> Case:
    memory = LayerFacts("memory", "SimpleRNN", "tanh", "recurrent", 32)
    facts = stack(1)
    facts = replace(facts, layers=(memory, *facts.layers))
    recurrence = RecurrenceReading("memory", tuple(0.7 ** np.arange(60.0)[::-1]))
    return case(facts, resting(), seen(facts, recurrences=(recurrence,)))


def looking_at_one_place() -> Case:
    facts = stack(2)
    attention = AttentionReading("attention", (0.01, 0.02, 0.0, 0.5))
    readings = [seen(facts, n, attentions=(attention,)) for n in (0, 200, STEPS)]
    return case(facts, resting(), *readings)


def cut_off() -> Case:
    facts = stack(3)
    readings = [seen(facts, n) for n in (0, STEPS)]
    cut = [
        replace(
            one,
            parameters=tuple(
                ParameterReading(p.parameter, p.rms, 0.0, 0.0, zero=True)
                if p.parameter == "hidden_0/kernel"
                else p
                for p in one.parameters
            ),
        )
        for one in readings
    ]
    return case(facts, resting(1.5), *cut)


SICK: dict[Callable[[], Case], str] = {
    sigmoid_stack: "vanishing_gradient",
    weights_of_a_hundredth: "bad_initialization",
    weights_of_variance_one: "bad_initialization",
    glorot_under_relu: "bad_initialization",
    growing_without_a_culprit: "exploding_gradient",
    dead_from_the_start: "dead_units",
    saturated_from_the_start: "saturated_units",
    raw_pixels: "unscaled_input",
    drowned_features: "unscaled_input",
    rate_of_one: "learning_rate_too_high",
    weights_that_blow_up: "learning_rate_too_high",
    at_once_not_a_number: "learning_rate_too_high",
    rate_of_a_millionth: "learning_rate_too_low",
    rate_of_a_hundredth: "learning_rate_too_low",
    schedule_that_runs_out: "learning_rate_too_low",
    out_of_the_blue: "non_finite",
    swinging: "oscillating_loss",
    running_away: "divergence",
    noise_for_labels: "loss_not_decreasing",
    noise_learnt_by_heart: "loss_not_decreasing",
    forgotten_again: "divergence",
    one_layer_blown_up: "bad_initialization",
    gates_that_are_shut: "recurrent_gradient",
    gates_as_they_begin: "loss_not_decreasing",
    learnt_by_heart: "overfitting",
    too_small: "underfitting",
    forgetful: "recurrent_gradient",
    looking_at_one_place: "attention_collapse",
    cut_off: "frozen_parameters",
}


@pytest.mark.parametrize("sick", SICK, ids=lambda made: made.__name__)
def test_the_fault_comes_first_and_its_consequences_are_folded_into_it(
    sick: Callable[[], Case],
) -> None:
    findings = diagnose(sick())
    assert [one.code for one in findings] == [SICK[sick]], "\n".join(map(str, findings))


def test_a_healthy_training_gives_no_finding_at_any_moment() -> None:
    whole = case()
    for steps in range(0, STEPS, 20):
        part = case(whole.facts, whole.course.loss[:steps], whole.readings[0], ended=False)
        assert diagnose(part) == []
    assert diagnose(whole) == []


@pytest.mark.parametrize("sick", SICK, ids=lambda made: made.__name__)
def test_a_finding_says_cause_evidence_and_remedies(sick: Callable[[], Case]) -> None:
    finding = diagnose(sick())[0]
    assert finding.cause.endswith(".")
    assert finding.evidence[0].threshold is not None
    assert finding.remedies
    assert {one.action for one in finding.remedies} <= set(ACTIONS)
    assert 0 < finding.confidence <= 1


@pytest.mark.parametrize("sick", SICK, ids=lambda made: made.__name__)
def test_looking_changes_nothing_and_gives_the_same_again(sick: Callable[[], Case]) -> None:
    given = sick()
    before = given.course.loss.copy(), list(given.readings)
    assert diagnose(given) == diagnose(given)
    np.testing.assert_array_equal(given.course.loss, before[0])
    assert given.readings == before[1]


def test_every_fault_of_the_catalogue_is_found_in_some_case_or_by_arithmetic() -> None:
    assert set(FAULTS) - set(SICK.values()) == {"wrong_output_or_loss"}
    assert set(CAUSES) == set(FAULTS)


def test_the_symptoms_are_told_with_their_cause() -> None:
    (finding,) = diagnose(rate_of_one())
    assert finding.symptoms == ("dead_units", "loss_not_decreasing")
    (finding,) = diagnose(raw_pixels())
    assert "saturated_units" in finding.symptoms


def test_of_two_unrelated_findings_the_older_one_comes_first() -> None:
    late = Finding("overfitting", "…", began=300)
    early = Finding("recurrent_gradient", "…", began=0)
    certain = Finding("frozen_parameters", "…")
    codes = [one.code for one in fold([late, early, certain])]
    assert codes == ["frozen_parameters", "recurrent_gradient"]


def test_a_fault_of_the_first_reading_is_not_what_the_learning_rate_has_done() -> None:
    rate = Finding("learning_rate_too_high", "…", began=1)
    before, after = (Finding("dead_units", "…", began=at) for at in (0, 40))
    assert [one.code for one in fold([rate, before])] == ["dead_units"]
    assert [one.code for one in fold([rate, after])] == ["learning_rate_too_high"]


def test_a_suspicion_gives_way_to_evidence() -> None:
    doubtful = Finding("recurrent_gradient", "…", began=0, confidence=0.5)
    rate = Finding("learning_rate_too_low", "…", began=0, confidence=0.85)
    assert fold([doubtful, rate]) == [replace(rate, symptoms=("recurrent_gradient",))]


def test_static_findings_need_no_course() -> None:
    facts = replace(stack(2), output_activation="linear", outputs=())
    (finding,) = diagnose(Case(facts))
    assert finding.code == "wrong_output_or_loss"
    assert finding.began is None


def test_harm_without_evidence_is_no_cause_before_training_has_ended() -> None:
    assert diagnose(case(stack(3), resting(), ended=False)) == []


def test_thresholds_say_what_they_limit_and_where_they_come_from() -> None:
    assert len(TABLE) > 20
    assert all(one.quantity == name and one.source for name, one in TABLE.items())


def test_a_long_training_is_judged_in_two_milliseconds() -> None:
    facts = stack(40)
    steps = 8_000
    readings = [seen(facts, n * 80) for n in range(100)]
    given = case(facts, falling(steps=steps), *readings)
    diagnose(given)
    times = []
    for _ in range(5):
        before = time.process_time()
        diagnose(given)
        times.append(time.process_time() - before)
    assert min(times) < 0.01  # five times the budget: test machines are busy
