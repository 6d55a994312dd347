"""How much longer training takes with the doctor: ``python -m benchmarks.doctor_overhead``.

Two fits of the same network live at the same time, one of them with the doctor, and take turns of
an epoch each. An epoch is as long as the doctor waits between two visits, so that each has its
share of them. What slows the machine for a while slows both.
"""

from __future__ import annotations

import itertools
import json
import statistics
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

import glassgrad
from benchmarks.cases import CNN, GPT, HEADLINE, LSTM, Case
from benchmarks.contestants import keras_models
from benchmarks.networks import NETWORKS
from benchmarks.spread import quartiles
from glassgrad.callbacks import Callback
from glassgrad.lens.doctor import Doctor
from glassgrad.lens.doctor.probe import Probe, interval, probe_set
from glassgrad.training.data import as_data

__all__ = ["CASES", "Overhead", "main", "measure"]

CASES: Mapping[str, Case] = {one.network: one for one in (HEADLINE, CNN, LSTM, GPT)}
MOST = 0.02
"""The share of training time that the doctor may take, as median over the networks' turns."""

ENDLESS = 10**6
"""Epochs: nobody waits for the last one, and visits are as rare as in a long training."""


@dataclass
class Baton:
    """Whose turn it is; the order changes with every round, so that nobody is always second."""

    runners: int
    held_by: int = 0
    turn: int = 0
    condition: threading.Condition = field(default_factory=threading.Condition)

    def wait(self, runner: int) -> None:
        """Until the runner's turn."""
        with self.condition:
            self.condition.wait_for(lambda: self.held_by == runner)

    def hand_on(self) -> None:
        """Let the next one run."""
        with self.condition:
            self.turn += 1
            round_, place = divmod(self.turn, self.runners)
            self.held_by = (place + round_) % self.runners
            self.condition.notify_all()


class Turns(Callback):
    """Trains an epoch whenever it is the runner's turn; the first of all callbacks.

    Args:
        baton: who may run.
        runner: who this is.
        count: how many turns are wanted after the first, in which programs are made.

    Attributes:
        seconds: of each turn, from the beginning of an epoch to that of the next one.
    """

    sees_each_batch = False

    def __init__(self, baton: Baton, runner: int, count: int) -> None:
        self.baton, self.runner, self.count = baton, runner, count
        self.seconds: list[float] = []
        self.began: float | None = None

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Hand the baton on, and wait until it comes back."""
        now = time.perf_counter()
        if self.began is not None:
            self.seconds.append(now - self.began)
            self.baton.hand_on()
        self.baton.wait(self.runner)
        self.model.stop_training = len(self.seconds) > self.count
        self.began = time.perf_counter()

    def on_train_end(self, logs: Any = None) -> None:
        """Let the others end, too."""
        self.baton.hand_on()


@dataclass
class Overhead:
    """What was measured of a network.

    Args:
        network: its name.
        threads: how many threads trained it.
        interval: steps of a turn, of which each has one visit.
        step: seconds of a step without the doctor.
        ratios: of the seconds of a turn with the doctor to those without, by round.
        beginning: seconds that the doctor takes before the first step, code compiled already.
    """

    network: str
    threads: int
    interval: int
    step: float
    ratios: list[float]
    beginning: float

    @property
    def share(self) -> float:
        """By how much longer a turn takes: the median over the rounds."""
        return statistics.median(self.ratios) - 1

    def __str__(self) -> str:
        low, high = (one - 1 for one in quartiles(self.ratios))
        return (
            f"{self.network:5} {self.threads} thread{'s' if self.threads > 1 else ' '} "
            f"{1e3 * self.step:8.3f} ms a step, a visit every {self.interval:4} steps: "
            f"{self.share:+.2%} (half of {len(self.ratios)} rounds: {low:+.2%} to {high:+.2%}), "
            f"{self.beginning:.2f} s at the beginning"
        )

    def to_json(self) -> dict[str, Any]:
        """The same as plain data."""
        return vars(self) | {"share": self.share}


def measure(case: Case, rounds: int) -> Overhead:
    """Train with the doctor and without it, in turns.

    Args:
        case: the network.
        rounds: how many turns each has.

    Returns:
        What was measured.
    """
    x, y = NETWORKS[case.network].data(case)
    steps = interval_of(case)
    baton = Baton(runners=2)
    turns = [Turns(baton, runner, rounds) for runner in range(2)]
    begun: list[float] = []

    def train(runner: int) -> None:
        model = keras_models.model(glassgrad, case)
        callbacks: list[Callback] = [turns[runner]]
        callbacks += [Beginning(begun), Doctor(verbose=0), Beginning(begun)] if runner else []
        model.fit(x, y, case.batch, ENDLESS, verbose=0, steps_per_epoch=steps, callbacks=callbacks)

    threads = [threading.Thread(target=train, args=(runner,)) for runner in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    without, with_it = (one.seconds[1:] for one in turns)
    return Overhead(
        case.network,
        glassgrad.get_num_threads(),
        steps,
        statistics.median(without) / steps,
        [b / a for a, b in zip(without, with_it, strict=True)],
        begun[1] - begun[0],
    )


class Beginning(Callback):
    """Notes when it is told that training begins."""

    sees_each_batch = False

    def __init__(self, noted: list[float]) -> None:
        self.noted = noted

    def on_train_begin(self, logs: Any = None) -> None:
        """Look at the clock."""
        self.noted.append(time.perf_counter())


def interval_of(case: Case) -> int:
    """How many steps the doctor waits between two visits; makes and compiles all that it needs."""
    x, y = NETWORKS[case.network].data(case)
    model = keras_models.model(glassgrad, case)
    model.fit(x, y, case.batch, 2, verbose=0, callbacks=[Doctor(verbose=0)])
    probe = Probe(model, *probe_set(as_data(x, y)))
    return interval(probe, probe.training_flop(case.batch), Doctor().share)


def main(
    network: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(CASES)}.")] = None,
    threads: Annotated[list[int] | None, typer.Option(help="How many; 1 and 2 by default.")] = None,
    rounds: Annotated[int, typer.Option(help="Turns of each fit.")] = 9,
    as_json: Annotated[bool, typer.Option("--json", help="Print data, and nothing else.")] = False,
) -> None:
    """Measure what the doctor costs; the exit code is 1 where that is too much."""
    names = network or [*CASES]
    if unknown := set(names) - set(CASES):
        raise typer.BadParameter(f"{', '.join(unknown)}: the networks are {', '.join(CASES)}.")
    found: list[Overhead] = []
    for count, name in itertools.product(threads or (1, 2), names):
        glassgrad.set_num_threads(count)
        found.append(measure(CASES[name], rounds))
        if not as_json:
            typer.echo(str(found[-1]))
    if as_json:
        typer.echo(json.dumps([one.to_json() for one in found], indent=2))
    raise typer.Exit(int(is_too_much(found)))


def is_too_much(found: Sequence[Overhead]) -> bool:
    """Whether the doctor takes more than it may of any network's training."""
    return any(one.share > MOST for one in found)


if __name__ == "__main__":
    typer.run(main)
