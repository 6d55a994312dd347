"""Remedies that change how a network is trained and leave the network as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil
from typing import Any

from glassgrad import optimizers
from glassgrad.lens.doctor.finding import Remedy
from glassgrad.lens.doctor.repair.regimen import Regimen
from glassgrad.lens.doctor.repair.ward import Refused, Ward

__all__ = [
    "decay",
    "larger_batch",
    "learning_rate",
    "longer_training",
    "optimizer",
    "shorter_gradients",
    "stopped_early",
    "warm_up",
]

GLOBAL_NORM = 1.0
PATIENCE = 5
FEWEST_STEPS = 4  # of an epoch
LIMITS = ("clipnorm", "clipvalue", "global_clipnorm")
#: What a schedule calls its rates.
RATES = (
    "initial_learning_rate",
    "start_learning_rate",
    "end_learning_rate",
    "warmup_target",
    "max_learning_rate",
    "schedule",
    "values",
)


def learning_rate(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """The rate times a factor; of a schedule all rates."""
    factor = float(remedy.value or 0.1)
    rate = scaled(regimen.optimizer["learning_rate"], factor)
    return regimen.with_settings({"learning_rate": rate})


def scaled(rate: Any, factor: float) -> Any:
    """A rate, or the configuration of a schedule, times a factor."""
    if isinstance(rate, int | float):
        return float(f"{rate * factor:.6g}")
    if isinstance(rate, list | tuple):
        return [scaled(one, factor) for one in rate]
    if not isinstance(rate, Mapping) or "config" not in rate:
        return rate
    inner = rate["config"]
    new = {name: scaled(inner[name], factor) for name in RATES if inner.get(name) is not None}
    return {**rate, "config": {**inner, **new}}


def warm_up(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """From 0 on a straight line over the first tenth of the steps."""
    rate = regimen.optimizer["learning_rate"]
    if regimen.warms_up or (isinstance(rate, Mapping) and "armup" in str(rate.get("class_name"))):
        raise Refused("the learning rate begins with a warm-up already")
    return replace(regimen, warms_up=True)


def decay(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Half a wave of the cosine, from the learning rate to 0."""
    if regimen.decays or isinstance(regimen.optimizer["learning_rate"], Mapping):
        raise Refused("the learning rate follows a schedule already")
    return replace(regimen, decays=True)


def shorter_gradients(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """One limit for the norm of all gradients together."""
    norm = float(remedy.value or GLOBAL_NORM)
    now = regimen.optimizer.get("global_clipnorm")
    if now is not None and now <= norm:
        raise Refused(f"gradients are shortened to a global norm of {now:g} already")
    return regimen.with_settings({**dict.fromkeys(LIMITS), "global_clipnorm": norm})


def optimizer(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """Another one at its usual rate, without what the one before was told."""
    usual = optimizers.get(remedy.value or "adam")
    if usual is None:
        raise Refused("no optimizer is named")
    limits = {name: regimen.optimizer.get(name) for name in LIMITS}
    config = {**usual.get_config(), **limits}
    if type(usual) is regimen.kind and config == {**config, **regimen.optimizer}:
        raise Refused(f"{type(usual).__name__} at its usual rate is what it is trained with")
    return replace(regimen, optimizer=config, kind=type(usual))


def stopped_early(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """The best weights on data that were held out, instead of the last."""
    if regimen.patience is not None:
        raise Refused("training stops at the best weights already")
    return replace(regimen, patience=max(PATIENCE, ceil(regimen.epochs / 10)))


def longer_training(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """More epochs."""
    return replace(regimen, epochs=ceil(regimen.epochs * float(remedy.value or 3)))


def larger_batch(regimen: Regimen, remedy: Remedy, ward: Ward) -> Regimen:
    """More examples a step, and fewer steps."""
    size = min(
        round(regimen.batch_size * float(remedy.value or 4)), max(1, ward.examples // FEWEST_STEPS)
    )
    if size <= regimen.batch_size:
        raise Refused(f"a batch of {regimen.batch_size} is large for {ward.examples} examples")
    return replace(regimen, batch_size=size)
