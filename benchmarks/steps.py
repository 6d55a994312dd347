"""How long a training step takes: contestants side by side, round after round.

All workers of a run live at the same time and take turns, so that what slows the machine for a
while slows all of them. The order rotates with each round, so that nobody always follows the
same neighbour. Before a turn there is a short rest: libraries let their threads spin for some
milliseconds after their work. What idle workers use of the processors is measured beside.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from benchmarks.cases import Case
from benchmarks.contestants import CONTESTANTS
from benchmarks.networks import NETWORKS
from benchmarks.processes import Process, WorkerError

__all__ = ["Effort", "Found", "Workers", "measure"]

REST_SECONDS = 0.03
FEWEST_ROUNDS = 3


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Args:
        turn: seconds of a turn; at least one pass through the batches.
        rounds: how many turns each contestant gets.
        case: seconds after which a case has had enough rounds, if there were three.
    """

    turn: float
    rounds: int
    case: float


@dataclass
class Found:
    """What was measured of a case.

    Args:
        case: the case.
        samples: seconds a step of each round, by contestant.
        failures: why a contestant has no samples.
        idle: the share of a processor that a contestant used while others were measured.
    """

    case: Case
    samples: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    idle: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The same as JSON has it, with the operations of a step."""
        return {
            "case": self.case.to_json(),
            "operations": NETWORKS[self.case.network].operations(self.case),
            "samples": self.samples,
            "failures": self.failures,
            "idle": self.idle,
        }


class Workers(ExitStack):
    """A process for each contestant; they live until the end of the ``with`` block.

    Args:
        names: the contestants.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.processes = {name: self.enter_context(Process(CONTESTANTS[name])) for name in names}


def measure(workers: Mapping[str, Process], case: Case, effort: Effort) -> Found:
    """Measure those contestants that can train the network of a case.

    Args:
        workers: their processes.
        case: what they train.
        effort: for how long.

    Returns:
        The samples.
    """
    found = Found(case)
    begin = time.monotonic()
    able = {n: w for n, w in workers.items() if case.network in w.contestant.networks}
    turns: dict[str, int] = {}
    for name, worker in able.items():
        try:
            turns[name] = steps_a_turn(worker, case, effort.turn)
        except WorkerError as error:
            found.failures[name] = str(error)
    found.samples = {name: [] for name in turns}
    used = {name: [0.0, 0.0] for name in turns}
    for round_ in range(effort.rounds):
        if round_ >= FEWEST_ROUNDS and time.monotonic() - begin > effort.case:
            break
        for name in rotated(list(turns), round_):
            time.sleep(REST_SECONDS)
            others = {n: able[n].processor_seconds() for n in turns if n != name}
            seconds = able[name].run(turns[name])
            found.samples[name].append(seconds / turns[name])
            for other, before in others.items():
                used[other][0] += able[other].processor_seconds() - before
                used[other][1] += seconds
    found.idle = {name: busy / max(waited, 1e-9) for name, (busy, waited) in used.items()}
    return found


def steps_a_turn(worker: Process, case: Case, seconds: float) -> int:
    """Build the network, get it going, and say how many steps fill a turn: whole passes."""
    worker.build(case)
    worker.run(case.batches)  # compiles
    first = worker.run(case.batches)
    if first < seconds:
        first = worker.run(case.batches)
    return case.batches * max(1, round(seconds / first))


def rotated(names: Sequence[str], by: int) -> list[str]:
    """The names, beginning with another one each time.

    Example:
        >>> rotated("abc", 1)
        ['b', 'c', 'a']
    """
    start = by % max(1, len(names))
    return [*names[start:], *names[:start]]
