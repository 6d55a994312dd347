"""How far ahead of PyTorch a step is to be, and which steps are not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.cases import CNN, GPT, GRU, LSTM, RESNET, Case
from benchmarks.contestants import CONTESTANTS, EXACT, OURS
from benchmarks.spread import ratio

__all__ = ["missed", "wanted"]

PEER = "pytorch"
LEAST = 0.95
"""What is wanted where nothing else is; the rest is noise."""

SPEED = {
    (CNN, OURS): 3.5,
    (CNN, EXACT): 2.0,
    (RESNET, OURS): 1.5,
    (LSTM, OURS): 1.65,
    (GRU, OURS): 1.5,
    (GPT, OURS): 2.4,
}
MEMORY = {CNN: 0.5}
"""How much of PyTorch's the growth of resident memory may be."""


def wanted(case: Case, name: str = OURS) -> float:
    """How many times as long as ours a step of PyTorch has to take.

    Args:
        case: what is trained.
        name: which of our ways.

    Example:
        >>> wanted(CNN), wanted(Case("cnn", 1, CNN.sizes))
        (3.5, 0.95)
    """
    return SPEED.get((case, name), LEAST)


def missed(results: Mapping[str, Any]) -> list[str]:
    """What falls short, in words.

    Args:
        results: what `__main__` has written as JSON; parts may be missing.

    Returns:
        A sentence for each; none if nothing does.
    """
    return [*_slow_steps(results.get("networks", [])), *_large_memory(results.get("memory", []))]


def _slow_steps(found: list[dict[str, Any]]) -> Iterator[str]:
    for one in found:
        case, samples = Case.from_json(one["case"]), one["samples"]
        ours = [name for name in samples if not CONTESTANTS[name].is_a_peer]
        if not ours:
            yield f"{case.name}: no step of {CONTESTANTS[OURS].title} was measured."
        for name in ours if PEER in samples else []:
            reached, goal = ratio(samples[PEER], samples[name]), wanted(case, name)
            if reached < goal:
                yield (
                    f"{case.name}: {CONTESTANTS[name].title} is {reached:.2f} times as fast as "
                    f"{CONTESTANTS[PEER].title}, and {goal:.2f} is wanted."
                )


def _large_memory(found: list[dict[str, Any]]) -> Iterator[str]:
    for one in found:
        case = Case.from_json(one["case"])
        growth = {n: of["growth"] for n, of in one["contestants"].items() if "growth" in of}
        if case not in MEMORY or not growth.keys() >= {OURS, PEER}:
            continue
        share = growth[OURS] / growth[PEER]
        if share > MEMORY[case]:
            yield (
                f"{case.name}: memory grows by {share:.2f} of what it grows by in "
                f"{CONTESTANTS[PEER].title}, and at most {MEMORY[case]:.2f} is wanted."
            )
