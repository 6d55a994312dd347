"""Mending a network: examine, search, train what was found, and show what has changed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from glassgrad.arguments import checked_before
from glassgrad.errors import ArgumentError, GlassgradError
from glassgrad.lens.doctor.bad_value import finding_of
from glassgrad.lens.doctor.finding import Evidence, Finding, Remedy
from glassgrad.lens.doctor.first_bad_value import find_first_bad_value
from glassgrad.lens.doctor.repair.changes import changes_between
from glassgrad.lens.doctor.repair.clinic import Clinic, Outcome
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.report import Repair
from glassgrad.lens.doctor.repair.search import Search
from glassgrad.lens.doctor.repair.surgery import is_finite
from glassgrad.lens.doctor.repair.treatment import treated
from glassgrad.lens.doctor.repair.trials import Trials
from glassgrad.lens.doctor.repair.ward import Refused, Ward, defined_for, ward_for
from glassgrad.models import Model
from glassgrad.random_seed import check_seed
from glassgrad.training.callbacks import LearningRateScheduler, ReduceLROnPlateau, as_callbacks

__all__ = ["repair"]

SETTING_RATES = (LearningRateScheduler, ReduceLROnPlateau)
EPOCHS = 10
LEAST_BUDGET = 3
WORSE = 0.01  # of a grade: what the last run, which has seen more, may lose against the trial


@checked_before
def repair(
    model: Model,
    data: Any,
    *,
    validation_data: Any = None,
    epochs: int | None = None,
    batch_size: int = 32,
    budget: float = 8.0,
    seed: int = 0,
    callbacks: Any = None,
    verbose: int = 0,
) -> Repair:
    """Find out why a network does not learn, and mend a copy of it.

    A copy is trained with the doctor looking on. Then remedies for what it has found, and what
    often helps, are tried one by one in short runs, with the same batches, and judged by what was
    held out; what helps by more than chance is kept. The best is trained at full length.

    Args:
        model: a compiled model; it stays as it is. One whose weights are not finite any more is
            mended with weights that are drawn anew.
        data: (x, y) or (x, y, sample_weight).
        validation_data: the same, to judge by; a fifth of the data by default.
        epochs: of a full run; 10 by default.
        batch_size: examples a step.
        budget: how many full runs may be trained in all, 3 at least.
        seed: decides new weights, and what is held out.
        callbacks: for the last run.
        verbose: of the last run, as in ``fit``.

    Returns:
        The mended network, what was found, tried and changed, and what it has cost.

    Raises:
        NotBuiltError: the model is not compiled.
        ArgumentError: the data give batches, or a class or function in the model is not
            registered, or a number is out of its range.
        DataError, ShapeError: as ``fit``.

    Example:
        >>> import numpy as np
        >>> from glassgrad.layers import Dense, Input
        >>> from glassgrad.models import Sequential
        >>> x = np.random.default_rng(0).normal(size=(200, 2))
        >>> y = (x[:, 0] > x[:, 1]).astype("float32")
        >>> model = Sequential([Input((2,)), Dense(1, "softmax", name="output")])
        >>> model.compile("adam", "binary_crossentropy", executor="reference")
        >>> found = repair(model, (x, y), epochs=8)
        >>> found.findings[0].code, found.is_mended
        ('wrong_output_or_loss', True)

    Source: Zhang et al., "AutoTrainer: an automatic DNN training problem detection and repair
    system", 2021.
    """
    if not budget >= LEAST_BUDGET:
        raise ArgumentError(
            "Repair trains the network as it is once, and what is mended twice at most, besides "
            f"short runs: the budget must be {LEAST_BUDGET} full runs at least. Got {budget!r}."
        )
    if verbose not in (0, 1, 2):
        raise ArgumentError(f"verbose must be 0, 1 or 2. Got {verbose!r}.")
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value is not None and value < 1:
            raise ArgumentError(f"{name} must be at least 1. Got {value!r}.")
    check_seed(seed)
    given = as_callbacks(callbacks)
    objective = model.steps.objective
    ward = ward_for(data, validation_data, objective.name, batch_size, seed)
    base = _begun(Regimen.of(model, epochs or EPOCHS, batch_size, seed), ward)
    ward = _defined(ward, base)
    clinic = Clinic(ward, base.epochs * len(ward.whole), budget, bool(given or verbose))
    sick, trials = clinic.run(base), Trials(clinic)
    best = Search(trials).mend(sick) if sick.findings else sick
    if best.model is None:
        raise best.refusal or ArgumentError(f"The network cannot be trained: {best.error}")
    is_mended = best is not sick or ward.left_out > 0
    return Repair(
        model=_finished(clinic, best, given, verbose) if is_mended else best.model,
        findings=_with_left_out(sick.findings, ward, base),
        remaining=best.findings,
        trials=tuple(trials.record),
        changes=changes_between(base, best.regimen, ward),
        measure=best.grade.name,
        before=sick.grade.measure,
        after=best.grade.measure,
        is_mended=is_mended,
        cost=clinic.cost,
        epochs=best.regimen.epochs,
        batch_size=best.regimen.batch_size,
        patience=best.regimen.patience,
    )


def _begun(regimen: Regimen, ward: Ward) -> Regimen:
    """With weights that a run can begin with."""
    if not regimen.model.built:
        regimen.model(ward.learning.part(slice(0, 1)).x)
    if is_finite(regimen.model):
        return regimen
    try:
        return treated(regimen, [Remedy("initializer", "")], ward)
    except Refused as reason:
        raise ArgumentError(
            f"The weights of model {regimen.model.name!r} are not finite, and cannot be drawn "
            f"anew: {reason}. Pass the model as it was before it was trained."
        ) from reason


def _defined(ward: Ward, regimen: Regimen) -> Ward:
    """The examples for which the network gives numbers, where nearly all are."""
    model = regimen.compiled(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return defined_for(ward, lambda x: model.predict(x, regimen.batch_size, verbose=0))
        except GlassgradError:  # what is wrong with the network is found when it is trained
            return ward


def _with_left_out(
    findings: Sequence[Finding], ward: Ward, regimen: Regimen
) -> tuple[Finding, ...]:
    """What was found, with examples that had to be left out before."""
    if not ward.left_out:
        return tuple(findings)
    if (bad := ward.undefined) is not None:
        value = find_first_bad_value(regimen.compiled(1), bad.x, bad.y)
        if value is not None:
            return (finding_of(value), *findings)
    examples = len(ward.whole) + ward.left_out
    found = Finding(
        "non_finite",
        f"{ward.left_out} of {examples} examples hold NaN or infinity, and a network that has "
        "seen one of them has such weights.",
        (Evidence("share of examples that are not finite", ward.left_out / examples, 0.0, ">", 0),),
        (Remedy("data", "Leave such examples out, or fill in what is missing."),),
    )
    return (found, *findings)


def fitting(callbacks: Sequence[Any], regimen: Regimen) -> list[Any]:
    """The callbacks without those that set a learning rate which a schedule sets now."""
    if not (regimen.warms_up or regimen.decays):
        return list(callbacks)
    return [one for one in callbacks if not isinstance(one, SETTING_RATES)]


def _finished(clinic: Clinic, best: Outcome, callbacks: Sequence[Any], verbose: int) -> Model:
    """The best once more, on all examples; unless there are no more, or that has gone wrong."""
    assert best.model is not None
    regimen, cost = best.regimen, clinic.cost_of_last(best.regimen)
    if not (cost and clinic.affords(cost)):
        return best.model
    if best.epochs is not None:
        regimen = replace(regimen, epochs=best.epochs, patience=None)
    model, value = clinic.finish(regimen, fitting(callbacks, regimen), verbose)
    return best.model if value < best.value - WORSE else model
