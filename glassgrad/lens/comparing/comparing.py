"""Comparisons that people ask for: one thing of a network varied, the rest as it was."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from glassgrad.arguments import checked_before
from glassgrad.datasets import Dataset
from glassgrad.errors import ArgumentError
from glassgrad.lens.comparing.comparison import Comparison, Measure, Tuned
from glassgrad.lens.comparing.contenders import Contender, with_rate
from glassgrad.lens.comparing.folder import Store
from glassgrad.lens.comparing.plan import Plan, Tuning, plan_for
from glassgrad.lens.comparing.trial import ENDED, FAILED, Outcome, Trial, prepared, run_trial
from glassgrad.lens.comparing.workers import Died, work_off

__all__ = ["Report", "carry_out", "compare", "compile_ahead"]

#: Hears of each training that has ended, of how many are done, and of how many there are.
Report: TypeAlias = Callable[[Outcome, int, int], None]


@checked_before
def compare(
    kind: str,
    data: Any = "digits",
    *,
    seeds: int = 5,
    only: Sequence[str] | None = None,
    layers: str | None = None,
    optimizer: str | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    target: str | None = None,
    task: str = "auto",
    tune: bool = False,
    folder: str | os.PathLike[str] | None = None,
    jobs: int = 1,
    executor: str | None = None,
    report: Callable[..., Any] | None = None,
) -> Comparison:
    """Train networks that differ in one thing, from several seeds, and say what may be said.

    Two contenders are told apart where the mean of their differences, seed by seed, exceeds its
    spread, mean > t · deviation / √seeds, with Student's t at 5 % for all pairs together
    (Holm's procedure). Five seeds show large differences only, and the statement says so.

    Args:
        kind: "activations", "initializers", "optimizers", "batch-sizes", "learning-rates" or
            "depths".
        data: what ``datasets.load`` takes, or a ``Dataset``. Without a part for validation a
            fifth of the training part is set aside.
        seeds: how many times each contender is trained, from the seeds 0, 1 and so on.
        only: which contenders; "relu" or "0.01", also some that are not in the usual list.
        layers: what stands between input and output, as ``glassgrad train --layers`` takes it; for
            depths, what is repeated. By default what ``glassgrad train`` would choose.
        optimizer: of all; "adam" by default.
        learning_rate: of all; the optimizer's own by default.
        batch_size: examples a step.
        epochs: how often the data are gone through; nothing stops earlier.
        target: of a table, the column that is told.
        task: of a table, "classification", "regression" or "auto".
        tune: whether each contender first gets the best learning rate of a small grid, by one
            seed that does not count.
        folder: keeps every training that has ended, so that the same call goes on where an earlier
            one was stopped; more seeds may be asked for. ``None`` keeps nothing.
        jobs: how many processes train side by side; 1 stays in this one. A program that asks for
            more starts its work under ``if __name__ == "__main__":``.
        executor: what computes; the current one by default.
        report: called with each training that has ended, how many are done, and of how many.

    Raises:
        ArgumentError, UnknownNameError: an argument is wrong; nothing has been trained.
        DataError, FileError: the data cannot be read, or the folder is of another comparison.

    Example:
        >>> found = compare("learning-rates", seeds=2, epochs=1, layers="8 relu",
        ...                 only=["0.001", "0.1"], executor="reference")
        >>> [one.name for one in found.standings], found.measure.name
        (['0.001', '0.1'], 'val_accuracy')
        >>> found.columns[:4]
        ('learning rate', 'runs', 'validation accuracy, %', 'validation loss')
    """
    if jobs < 1:
        raise ArgumentError(f"jobs must be a whole number from 1. Got {jobs}.")
    plan, dataset = plan_for(
        kind,
        data,
        seeds=seeds,
        only=only,
        layers=layers,
        optimizer=optimizer,
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=epochs,
        target=target,
        task=task,
        tune=tune,
        executor=executor,
    )
    return carry_out(plan, dataset, None if folder is None else Path(folder), jobs, report)


def carry_out(
    plan: Plan,
    dataset: Dataset,
    folder: Path | None = None,
    jobs: int = 1,
    report: Report | None = None,
    before: Callable[[Sequence[Trial]], None] | None = None,
) -> Comparison:
    """Do what of a plan is still to be done, and give the whole result.

    Args:
        plan: what to do.
        dataset: its data, with a part for validation.
        folder: what is done already, and where the rest is kept.
        jobs: how many processes train side by side; 1 stays in this one.
        report: as for ``compare``; it hears also of what was done already, first.
        before: hears, once, which trainings are still to be done.

    Raises:
        ArgumentError, FileError: the folder is of another comparison, or cannot be written.
    """
    with Store.opened(folder, plan) as store:
        work = _Work(plan, dataset, store, jobs, report)
        tunings = plan.tunings()
        ahead = [trial for tuning in tunings for trial in tuning.trials]
        main = plan.trials(plan.contenders)
        if before is not None:
            before([one for one in [*ahead, *main] if store.outcome_of(one) is None])
        work.do(ahead)
        measure = _measure(dataset)
        tuned = tuple(_tuned(tuning, store, measure) for tuning in tunings)
        contenders = tuple(_at_best_rates(plan.contenders, tuned))
        trials = plan.trials(contenders)
        work.do(trials)
        outcomes = tuple(store.outcomes[trial.key] for trial in trials)
    return Comparison(
        plan=plan,
        dataset=_told(dataset),
        measure=measure,
        contenders=contenders,
        outcomes=outcomes,
        tuned=tuned,
    )


def compile_ahead(plan: Plan, dataset: Dataset) -> None:
    """Compile what the networks need, once for all processes."""
    if plan.executor == "cpu":
        for contender in plan.contenders:
            prepared(contender.setting, dataset, 0, plan.executor)


class _Work:
    """Trains, keeps what comes out, and tells of it."""

    def __init__(
        self, plan: Plan, dataset: Dataset, store: Store, jobs: int, report: Report | None
    ) -> None:
        self.shared = (dataset, plan.executor)
        self.store = store
        self.jobs = jobs
        self.report = report
        self.done, self.total = 0, plan.trainings

    def do(self, trials: Sequence[Trial]) -> None:
        """Do those trials that are still to be done."""
        open_ = []
        for trial in trials:
            known = self.store.outcome_of(trial)
            if known is None:
                open_.append(trial)
            else:
                self._tell(known)
        # Whatever goes wrong with an outcome, the processes end with the block.
        with closing(self._outcomes(open_)) as outcomes:
            for trial, outcome in outcomes:
                known = replace(outcome, side_by_side=min(self.jobs, len(open_)))
                self.store.keep(trial, known)
                self._tell(known)

    def _outcomes(self, trials: Sequence[Trial]) -> Generator[tuple[Trial, Outcome], None, None]:
        if self.jobs == 1:
            yield from ((trial, run_trial(trial, *self.shared)) for trial in trials)
            return
        with closing(work_off(trials, run_trial, self.shared, self.jobs)) as results:
            for trial, found in results:
                yield trial, _of_the_dead(trial, found) if isinstance(found, Died) else found

    def _tell(self, outcome: Outcome) -> None:
        self.done += 1
        if self.report is not None:
            self.report(outcome, self.done, self.total)


def _of_the_dead(trial: Trial, died: Died) -> Outcome:
    code = died.exit_code
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    return Outcome(
        trial.contender.name, trial.seed, FAILED, f"The process that trained it ended by {how}."
    )


# ---- learning rates


def _tuned(tuning: Tuning, store: Store, measure: Measure) -> Tuned:
    outcomes = [store.outcomes[trial.key] for trial in tuning.trials]
    results = tuple(
        one.scores[measure.name] if one.status == ENDED else math.nan for one in outcomes
    )
    best = max(range(len(results)), key=lambda place: _quality(outcomes[place], measure))
    return Tuned(tuning.contender.name, tuning.rates, results, tuning.rates[best])


def _quality(outcome: Outcome, measure: Measure) -> tuple[float, float]:
    """The result, and where that is the same, the loss."""
    if outcome.status != ENDED:
        return -math.inf, -math.inf
    return outcome.scores[measure.name], -outcome.scores["val_loss"]


def _at_best_rates(contenders: Sequence[Contender], tuned: Sequence[Tuned]) -> Iterator[Contender]:
    rates: Mapping[str, float] = {one.name: one.chosen for one in tuned}
    for one in contenders:
        if one.name in rates:
            yield replace(one, setting=with_rate(one.setting, rates[one.name]))
        else:
            yield one


# ---- words for the data


def _measure(dataset: Dataset) -> Measure:
    if dataset.validation is None or dataset.classes is None:
        return Measure("val_r2", "validation R2", 1.0, "", 0.0, 0.0)
    labels = np.asarray(dataset.validation[1]).astype(np.int64).ravel()
    commonest = float(np.bincount(labels).max()) / len(labels)
    return Measure(
        "val_accuracy", "validation accuracy", 100.0, " points", 1 / len(labels), commonest
    )


def _told(dataset: Dataset) -> str:
    watched = len(dataset.validation[0]) if dataset.validation else 0
    return (
        f"{dataset.name}: {len(dataset.x_train):,} examples for training and {watched:,} for "
        "validation, the same for every seed; the test part is not looked at."
    )
