"""What answers come to, and the tables of them."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.faults import report
from benchmarks.faults.tally import failures, is_real, is_repaired, missed, tallies
from glassgrad.lens.doctor.finding import FAULTS

ZEROS, DEAD = ("moons", "all-zeros"), ("digits_cnn", "dead-strokes")


def run(program: str, fault: str, kind: str = "examine", seed: int = 0, **answer: Any) -> Any:
    return {
        "key": f"{kind}/{program}/{fault}/{seed}",
        "kind": kind,
        "half": "development",
        "program": program,
        "fault": fault,
        "seed": seed,
        **answer,
    }


def watched(program: str, fault: str, *codes: str, layer: str | None = None, seed: int = 0) -> Any:
    findings = [{"code": code, "layer": layer} for code in codes]
    times: Any = {"seconds": 1.0, "seconds_with_doctor": 1.5}
    return run(program, fault, seed=seed, findings=findings, improvement=0.4, **times)


def test_counts() -> None:
    answers = [
        watched("moons", "healthy"),
        watched("moons", "healthy", "overfitting", seed=1),
        watched(*ZEROS, "bad_initialization", "dead_units"),
        watched(*ZEROS, "dead_units", seed=1),
        watched(*ZEROS, seed=2),
        watched(*ZEROS, seed=3),
        watched(*DEAD, "dead_units", layer="strokes"),
        watched(*DEAD, "dead_units", layer="another", seed=1),
        run(*ZEROS, kind="mend", improvement=0.39),
        run(*ZEROS, kind="search_at_random", improvement=0.37),
    ]
    found = tallies(answers, "development")
    zeros, dead, everything = (found[one] for one in ("bad_initialization", "dead_units", "all"))
    assert (zeros.pairs, zeros.detected, zeros.named) == (1, (2, 4), (1, 4))
    assert (zeros.repaired, zeros.at_random, zeros.false_alarms) == ((1, 1), (0, 1), (0, 0))
    assert (dead.layer, dead.named, dead.repaired) == ((1, 2), (2, 2), (0, 0))
    assert (everything.pairs, everything.detected, everything.false_alarms) == (2, (4, 6), (1, 2))
    assert (everything.overhead, everything.added) == (0.5, 0.5)
    assert list(found) == [*FAULTS, "all"]
    assert missed(everything) == [
        "detected: 66.7%, wanted at least 98%",
        "named: 50.0%, wanted at least 90%",
        "false alarms: 50.0%, wanted at most 2%",
    ]
    assert list(failures(answers, "development")) == [
        "moons/healthy seed 1: false alarm: overfitting",
        "moons/all-zeros seed 1: bad_initialization expected, found dead_units",
        "moons/all-zeros seeds 2 3: bad_initialization expected, found nothing",
        "digits_cnn/dead-strokes seed 1: dead_units in strokes expected, "
        "found dead_units in another",
    ]
    table = report.results(answers, "development")
    assert "| dead_units | 1 | 2 of 2 (100%) | 2 of 2 (100%) | 1 of 2 (50%) | – | – |" in table
    assert "False alarms: 1 of 2 healthy runs (50.0%), wanted at most 2%." in table
    assert not list(failures(answers, "test"))


def test_what_has_failed_is_neither_found_nor_mended() -> None:
    answers = [
        watched("moons", "healthy"),
        run(*ZEROS, error="ValueError: no"),
        run(*ZEROS, kind="mend", error="No answer within 1 s, or the process died."),
    ]
    tally = tallies(answers, "development")["all"]
    assert (tally.detected, tally.repaired) == ((0, 1), (0, 1))
    assert list(failures(answers, "development")) == [
        "moons/all-zeros seed 0: examine failed: ValueError: no",
        "moons/all-zeros seed 0: mend failed: No answer within 1 s, or the process died.",
    ]


def test_a_doctor_that_changes_the_training_is_a_failure() -> None:
    answer = {**watched("moons", "healthy"), "improvement_with_doctor": 0.41}
    assert list(failures([answer], "development")) == [
        "moons/healthy seed 0: the doctor has changed the training"
    ]


def test_a_repair_must_beat_the_search_at_random() -> None:
    answers = [
        watched("moons", "healthy"),
        run(*ZEROS, kind="mend", improvement=0.4),
        run(*ZEROS, kind="search_at_random", improvement=0.4),
    ]
    assert missed(tallies(answers, "development")["all"]) == [
        "repaired: 1, no more than 1 by random search"
    ]


@pytest.mark.parametrize(
    "improvement, seed, repaired",
    [(0.38, 0, True), (0.37, 0, False), (0.5, 0, True), (0.5, 1, False)],
)
def test_repaired_is_what_reaches_the_healthy_twin_of_its_seed(
    improvement: float, seed: int, repaired: bool
) -> None:
    mended = run(*ZEROS, kind="mend", improvement=improvement, seed=seed)
    assert is_repaired(mended, [watched("moons", "healthy")]) == repaired


@pytest.mark.parametrize(
    "improvements, real",
    [([0.1, 0.2, 0.3], True), ([0.1, 0.2, 0.4], True), ([0.1, 0.4, 0.4], False), ([], False)],
)
def test_a_fault_is_real_where_it_does_harm_for_all_seeds_but_one(
    improvements: list[float], real: bool
) -> None:
    twins = [run("moons", "healthy", "train", seed, improvement=0.4) for seed in range(3)]
    sick = [run(*ZEROS, "train", seed, improvement=one) for seed, one in enumerate(improvements)]
    assert is_real(sick, twins) == real
    table = report.validation([*twins, *sick], "development")
    assert ("not clearly worse" in table) == (bool(improvements) and not real)


def test_labels_that_are_noise_need_not_be_mended() -> None:
    noise = ("digits_mlp", "shuffled-labels")
    answers = [
        watched("digits_mlp", "healthy"),
        watched(*noise, "loss_not_decreasing"),
        run(*noise, kind="mend", improvement=0.0),
    ]
    assert tallies(answers, "development")["all"].repaired == (0, 0)
    assert not list(failures(answers, "development"))
