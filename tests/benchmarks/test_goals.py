"""What is wanted, and what falls short of it."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.cases import CNN, GPT, GRU, HEADLINE, LSTM, OTHERS, RESNET, Case
from benchmarks.contestants import EXACT
from benchmarks.goals import missed, wanted


def step(case: Case, **samples: float) -> dict[str, Any]:
    return {"case": case.to_json(), "samples": {name: [one] for name, one in samples.items()}}


def growth(case: Case, **contestants: float) -> dict[str, Any]:
    found = {name: {"growth": one} for name, one in contestants.items()}
    return {"case": case.to_json(), "contestants": found}


def test_every_case_has_a_goal() -> None:
    goals = [wanted(case) for case in (CNN, RESNET, LSTM, GRU, GPT)]
    assert goals == [3.5, 1.5, 1.65, 1.5, 2.4]
    assert wanted(CNN, EXACT) == 2.0
    assert {wanted(case) for case in OTHERS[::3] + OTHERS[2::3]} == {0.95}


@pytest.mark.parametrize(
    "results",
    [
        {},
        {"networks": [step(CNN, glassgrad=1.0, glassgrad_exact=1.7, pytorch=3.5, jax_jit=0.1)]},
        {"networks": [step(CNN, glassgrad=1.0)]},  # nobody to compare with
        {"memory": [growth(CNN, glassgrad=1.0, pytorch=2.0), growth(HEADLINE, glassgrad=1.0)]},
        {"memory": [growth(HEADLINE, glassgrad=3.0, pytorch=2.0)]},
    ],
)
def test_what_is_reached(results: dict[str, Any]) -> None:
    assert missed(results) == []


@pytest.mark.parametrize(
    "results, sentence",
    [
        (
            {"networks": [step(CNN, glassgrad=1.0, pytorch=3.4)]},
            "cnn 28-1-32-64-128-10, batch 128: glassgrad is 3.40 times as fast as PyTorch eager, "
            "and 3.50 is wanted.",
        ),
        (
            {"networks": [step(CNN, glassgrad=1.0, glassgrad_exact=2.0, pytorch=3.9)]},
            "cnn 28-1-32-64-128-10, batch 128: glassgrad, exact sums is 1.95 times as fast as "
            "PyTorch eager, and 2.00 is wanted.",
        ),
        (
            {"networks": [step(OTHERS[0], glassgrad=1.0, pytorch=0.9)]},
            "cnn 28-1-8-16-64-10, batch 32: glassgrad is 0.90 times as fast as PyTorch eager, and "
            "0.95 is wanted.",
        ),
        (
            {"networks": [step(LSTM, pytorch=0.9)]},
            "lstm [28]x2-128-10, batch 128: no step of glassgrad was measured.",
        ),
        (
            {"memory": [growth(CNN, glassgrad=3.0, pytorch=5.0)]},
            "cnn 28-1-32-64-128-10, batch 128: memory grows by 0.60 of what it grows by in PyTorch "
            "eager, and at most 0.50 is wanted.",
        ),
    ],
)
def test_what_falls_short(results: dict[str, Any], sentence: str) -> None:
    assert missed(results) == [sentence]
