"""Workers, and the rounds in which they take turns."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from benchmarks.cases import Case
from benchmarks.contestants import CONTESTANTS, EXACT, Contestant, Trainer
from benchmarks.processes import Process, WorkerError, clean_environment
from benchmarks.starting import memory
from benchmarks.steps import Effort, measure, rotated
from benchmarks.worker import Worker, serve

TINY = Case("mlp", 512, (6, 8, 4))
EFFORT = Effort(turn=0.01, rounds=3, case=10)


class Counting(Contestant):
    """Counts its steps instead of training."""

    def trainer(self, case: Case) -> Trainer:
        if case.batch == 0:
            raise ValueError("no examples")
        done: list[int] = []
        return Trainer(done.append, lambda: float(sum(done)))


def answers(*requests: object) -> list[dict[str, Any]]:
    given, lines = io.StringIO(), io.StringIO("\n".join(map(json.dumps, requests)))
    serve(Worker(Counting("counting", "Counting", "json", "none")), lines, given)
    return [json.loads(line) for line in given.getvalue().splitlines()]


def test_a_worker_answers_line_by_line() -> None:
    built, ran, loss = answers({"build": TINY.to_json()}, {"run": 8}, {"loss": True})
    assert built == {}
    assert ran["seconds"] >= 0
    assert loss == {"loss": 8.0}


def test_a_worker_survives_a_failure() -> None:
    bad = Case("mlp", 0, (1, 1))
    failed, early, unknown, built = answers(
        {"build": {**bad.to_json()}}, {"run": 1}, {"dance": 1}, {"build": TINY.to_json()}
    )
    assert failed == {"error": "ValueError: no examples"}
    assert "build one first" in early["error"]
    assert "KeyError" in unknown["error"]
    assert built == {}


class Told:
    """A process that says what a test wants."""

    def __init__(self, name: str, seconds_a_step: float, log: list[tuple[str, int]]) -> None:
        self.contestant = CONTESTANTS[name]
        self.seconds, self.log = seconds_a_step, log

    def build(self, case: Case) -> None:
        if self.seconds == 0:
            raise WorkerError("it does not work")

    def run(self, steps: int) -> float:
        self.log.append((self.contestant.name, steps))
        return self.seconds * steps

    def processor_seconds(self) -> float:
        return 0.0


def test_contestants_take_turns_and_their_order_rotates() -> None:
    log: list[tuple[str, int]] = []
    workers: Any = {
        "glassgrad": Told("glassgrad", 1e-4, log),
        "pytorch": Told("pytorch", 1e-3, log),
        "jax_jit": Told("jax_jit", 0.0, log),
        "numpy": Told("numpy", 1.0, log),
    }
    found = measure(workers, TINY, EFFORT)
    assert found.samples.keys() == {"glassgrad", "pytorch"}
    assert found.samples["pytorch"] == pytest.approx([1e-3] * 3)
    assert found.failures == {"jax_jit": "it does not work"}
    turns = log[-6:]
    assert [name for name, _ in turns[:4]] == ["glassgrad", "pytorch", "pytorch", "glassgrad"]
    # 10 ms are 100 of our steps and 10 of the other's, in whole passes of 4 batches.
    assert dict(turns) == {"glassgrad": 100, "pytorch": 8}
    assert found.to_json()["operations"] > 0


def test_a_slow_case_has_three_rounds() -> None:
    log: list[tuple[str, int]] = []
    workers: Any = {"glassgrad": Told("glassgrad", 1.0, log)}
    found = measure(workers, TINY, Effort(turn=0.01, rounds=9, case=0))
    assert len(found.samples["glassgrad"]) == 3


def test_nobody_is_left_to_rotate() -> None:
    assert rotated([], 2) == []


def test_the_environment_holds_nobody_back(monkeypatch: pytest.MonkeyPatch) -> None:
    held = {"OPENBLAS_CORETYPE", "OMP_NUM_THREADS", "GLASSGRAD_THREADS", "GLASSGRAD_EXACT"}
    for name in held:
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("GLASSGRAD_CACHE", "kept")
    found = clean_environment(CACHE="here")
    assert not found.keys() & held
    assert (found["GLASSGRAD_CACHE"], found["CACHE"]) == ("kept", "here")


def test_a_process_that_cannot_begin_says_so() -> None:
    nobody = Contestant("nobody", "Nobody", "json", "none")
    with (
        pytest.raises(WorkerError, match=r"(?s)The process has ended.*KeyError"),
        Process(nobody) as process,
    ):
        process.build(TINY)


def test_a_process_has_the_settings_of_its_contestant(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, str]] = []
    monkeypatch.setattr(
        "benchmarks.processes.subprocess.Popen", lambda *_, env, **__: given.append(env)
    )
    for name in (EXACT, "glassgrad"):
        Process(CONTESTANTS[name])._messages.close()
    assert [environment.get("GLASSGRAD_EXACT") for environment in given] == ["1", None]


def test_glassgrad_and_pytorch_do_the_same_work() -> None:
    losses = []
    for name in ("glassgrad", "pytorch"):
        with Process(CONTESTANTS[name], GLASSGRAD_THREADS="1") as process:
            process.build(TINY)
            before = process.loss()
            assert process.run(5 * TINY.batches) > 0
            losses.append(process.loss())
            assert losses[-1] < before
            assert process.processor_seconds() > 0
    assert losses[0] == pytest.approx(losses[1], abs=1e-4)


def test_memory_grows_by_the_data_at_least() -> None:
    found = memory("numpy", Case("product", 2000, (1000, 2000)), 2)
    assert found["imported"] > 10e6
    assert found["peak"] >= found["growth"] > 4 * (2000 * 1000 + 1000 * 2000)
