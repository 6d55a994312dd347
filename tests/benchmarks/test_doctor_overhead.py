"""Two fits that take turns, one of them with the doctor."""

from __future__ import annotations

import json
import threading

import pytest

from benchmarks.cases import Case
from benchmarks.doctor_overhead import CASES, Baton, Overhead, is_too_much, measure

TINY = Case("mlp", 512, (6, 8, 4))


def test_everybody_has_one_turn_a_round_and_is_first_in_turn() -> None:
    baton, order = Baton(runners=2), list[int]()

    def run(runner: int) -> None:
        for _ in range(3):
            baton.wait(runner)
            order.append(runner)
            baton.hand_on()

    threads = [threading.Thread(target=run, args=(runner,)) for runner in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert order == [0, 1, 1, 0, 0, 1]


def test_both_fits_are_measured_turn_by_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassgrad.execute.executor._chosen", ["reference"])
    monkeypatch.setattr("benchmarks.doctor_overhead.interval_of", lambda case: 2)
    found = measure(TINY, rounds=3)
    assert len(found.ratios) == 3
    assert found.step > 0
    assert found.beginning > 0
    assert json.loads(json.dumps(found.to_json()))["network"] == "mlp"


def overhead(*ratios: float) -> Overhead:
    return Overhead("mlp", 2, 100, 0.001, list(ratios), 0.5)


@pytest.mark.parametrize("ratios, answer", [((1.01, 1.015, 1.9), False), ((1.01, 1.03, 1.9), True)])
def test_the_median_decides(ratios: tuple[float, ...], answer: bool) -> None:
    assert is_too_much([overhead(1.0), overhead(*ratios)]) is answer


def test_a_line_says_what_was_measured() -> None:
    line = str(overhead(1.0, 1.01, 1.02))
    assert "1.000 ms a step" in line
    assert "every  100 steps: +1.00%" in line
    assert {"mlp", "cnn", "lstm", "gpt"} == set(CASES)
