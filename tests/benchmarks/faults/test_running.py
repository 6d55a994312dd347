"""The command, and the processes that it leads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.faults import __main__ as command
from benchmarks.faults import examining, workers
from benchmarks.faults.examining import Job, carry_out
from benchmarks.faults.programs import programs

JOB = Job("train", "development", "moons", "all-zeros", 3)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of one epoch, in the reference executor: nothing is compiled."""
    monkeypatch.setenv("GLASSGRAD_EXECUTOR", "reference")
    shorter = tuple(replace(one, epochs=1) for one in programs("development"))
    monkeypatch.setattr(examining, "programs", lambda half: shorter)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Jobs that are done in this process, and not at all: what was asked for."""
    asked: list[Job] = []

    def work_through(jobs: list[Job], processes: int, limit: float) -> Any:
        for job in jobs:
            asked.append(job)
            is_sick = job.fault != "healthy"
            findings = [{"code": "bad_initialization", "layer": None}] if is_sick else []
            yield {
                "key": job.key,
                **vars(job),
                "improvement": 0.0 if is_sick and job.kind in ("train", "examine") else 0.5,
                "findings": findings,
                "cost": 6.5,
            }

    monkeypatch.setattr(command, "work_through", work_through)
    return asked


def run(*arguments: str) -> Any:
    return CliRunner().invoke(command.app, list(arguments))


def test_a_job_is_done_and_its_failure_is_an_answer(short: None) -> None:
    answer = carry_out(JOB)
    assert answer["key"] == "train/development/moons/all-zeros/3"
    assert answer["improvement"] == 0.0
    assert answer["seconds"] > 0
    json.dumps(answer)
    assert carry_out(replace(JOB, fault="no such"))["error"].startswith("StopIteration")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_process_that_takes_too_long_is_given_up() -> None:
    answers = list(workers.work_through([JOB, replace(JOB, seed=4)], processes=1, limit=0.0))
    assert [one["key"][-1] for one in answers] == ["3", "4"]
    assert [(one["program"], one["seed"]) for one in answers] == [("moons", 3), ("moons", 4)]
    assert all("No answer within 0 s" in one["error"] for one in answers)


def test_the_whole_way(here: list[Job], tmp_path: Path) -> None:
    arguments = ("--half", "development", "--only", "moons/all-zeros", "--seeds", "2")
    found = run(*arguments, "--save", str(tmp_path))
    assert [(one.kind, one.fault, one.seed) for one in here] == [
        ("examine", "healthy", 0),
        ("examine", "healthy", 1),
        ("examine", "all-zeros", 0),
        ("examine", "all-zeros", 1),
        ("mend", "all-zeros", 0),
        ("search_at_random", "all-zeros", 0),
    ]
    assert here[-1].cost == 6.5
    assert found.exit_code == 1  # random search has done as well
    assert "| bad_initialization | 1 | 2 of 2 (100%) | 2 of 2 (100%) | – | 1 of 1" in found.output
    assert "no more than 1 by random search" in found.output
    here.clear()
    again = run(*arguments, "--save", str(tmp_path))
    assert not here  # all is known
    assert again.stdout == found.stdout


def test_what_has_failed_is_asked_again(here: list[Job], tmp_path: Path) -> None:
    job = replace(JOB, kind="examine", seed=0)
    (tmp_path / command.FILE).write_text(json.dumps({"key": job.key, "error": "no"}) + "\n")
    found = run("--only", "moons/all-zeros", "--seeds", "1", "--no-repair", "--save", str(tmp_path))
    assert job in here
    assert found.exit_code == 0


def test_validation_trains_only(here: list[Job]) -> None:
    found = run("--only", "dead_units", "--half", "development", "--seeds", "1", "--validate")
    assert {one.kind for one in here} == {"train"}
    assert {one.fault for one in here} >= {"healthy", "biases-far-below-zero", "dead-strokes"}
    assert found.exit_code == 0
    assert "| moons | biases-far-below-zero | dead_units | 0.00 |" in found.output


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--half", "left"], "'left': the halves are development, test, and both."),
        (["--only", "nothing"], "nothing: there is no such program or fault."),
    ],
)
def test_what_there_is_not_is_refused(here: list[Job], arguments: list[str], sentence: str) -> None:
    found = run(*arguments)
    assert found.exit_code == 2
    assert sentence in " ".join(found.output.replace("│", " ").split())
    assert not here
