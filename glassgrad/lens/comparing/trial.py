"""One training of a comparison: a contender, begun from a seed."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import numpy as np

from glassgrad.datasets import Dataset
from glassgrad.graph.operation import Array
from glassgrad.lens.comparing.contenders import Contender
from glassgrad.lens.comparing.gradient_flow import Flow, gradient_flow
from glassgrad.lens.comparing.setting import Setting, network_of
from glassgrad.models import Sequential
from glassgrad.training.callbacks import TerminateOnNaN
from glassgrad.training.data import as_data

__all__ = ["DIVERGED", "ENDED", "FAILED", "Outcome", "Trial", "finite", "prepared", "run_trial"]


ENDED, DIVERGED, FAILED = "ended", "diverged", "failed"
LARGEST_BATCH_OF_FLOW = 64


@dataclass(frozen=True)
class Trial:
    """A training that is to be done.

    Args:
        key: what tells it from the others, fit for the name of a file.
        contender: who is trained.
        seed: decides first weights, order and masks.
    """

    key: str
    contender: Contender
    seed: int


@dataclass(frozen=True)
class Outcome:
    """What a training has come to.

    Args:
        contender: the name of who was trained.
        seed: the seed.
        status: "ended"; "diverged", when the loss is not finite; "failed", by an error.
        reason: the error.
        seconds: of training alone.
        side_by_side: how many trainings were at work at that time.
        scores: loss and accuracy, or R2, on both parts of the data, in the end and without
            dropout: "loss", "accuracy", "val_loss", "val_accuracy"; none where it did not end.
        curves: what ``fit`` has recorded, epoch by epoch.
        flow_at_first: the gradient's size in each layer that learns, at the first step.
        flow_at_last: the same at the end.
    """

    contender: str
    seed: int
    status: str
    reason: str = ""
    seconds: float = math.nan
    side_by_side: int = 1
    scores: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, list[float]] = field(default_factory=dict)
    flow_at_first: Flow = ()
    flow_at_last: Flow = ()

    def as_dict(self) -> dict[str, Any]:
        """The values by their names; numbers that are not finite are ``None``."""
        return {name: finite(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """The outcome that ``as_dict`` has written down.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        return cls(
            contender=str(found["contender"]),
            seed=int(found["seed"]),
            status=str(found["status"]),
            reason=str(found["reason"]),
            seconds=_number(found["seconds"]),
            side_by_side=int(found["side_by_side"]),
            scores={str(name): _number(value) for name, value in found["scores"].items()},
            curves={
                str(name): [_number(value) for value in values]
                for name, values in found["curves"].items()
            },
            flow_at_first=tuple(map(_number, found["flow_at_first"])),
            flow_at_last=tuple(map(_number, found["flow_at_last"])),
        )


def run_trial(trial: Trial, dataset: Dataset, executor: str | None = None) -> Outcome:
    """Train a contender, and look at it; an error becomes an outcome.

    Args:
        trial: what to do.
        dataset: with a part for validation.
        executor: what computes; the current one by default.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of overflow, where training diverges
            return _trained(trial, dataset, executor)
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is told, and the others go on
        reason = f"{type(error).__name__}: {error}"
        return Outcome(trial.contender.name, trial.seed, FAILED, reason)


def prepared(
    setting: Setting, dataset: Dataset, seed: int, executor: str | None = None
) -> Sequential:
    """The network at its beginning, with programs that are compiled."""
    model = network_of(setting, dataset, seed, executor)
    learning, testing = model.steps.training, model.steps.evaluation
    parts = _parts(dataset)
    for step, part in ((learning, parts[""]), *((testing, one) for one in parts.values())):
        data = as_data(*part)
        order = model.seed if step is learning else None
        for stretch in data.stretches(setting.batch_size, seed=order):
            step.program(stretch).prepare()
    return model


def _trained(trial: Trial, dataset: Dataset, executor: str | None) -> Outcome:
    setting = trial.contender.setting
    model = prepared(setting, dataset, trial.seed, executor)
    size = min(setting.batch_size, LARGEST_BATCH_OF_FLOW)
    batch = dataset.x_train[:size], dataset.y_train[:size]
    at_first = gradient_flow(model, *batch)
    began = time.perf_counter()
    history = model.fit(
        dataset.x_train,
        dataset.y_train,
        setting.batch_size,
        setting.epochs,
        verbose=0,
        callbacks=[TerminateOnNaN()],
        validation_data=dataset.validation,
    )
    seconds = time.perf_counter() - began
    scores = _scores(model, dataset, setting.batch_size)
    has_ended = all(map(math.isfinite, (*scores.values(), *history.history["loss"])))
    return Outcome(
        trial.contender.name,
        trial.seed,
        ENDED if has_ended else DIVERGED,
        seconds=seconds,
        scores=scores if has_ended else {},
        curves={name: list(map(float, values)) for name, values in history.history.items()},
        flow_at_first=at_first,
        flow_at_last=gradient_flow(model, *batch) if has_ended else (),
    )


def _scores(model: Sequential, dataset: Dataset, batch_size: int) -> dict[str, float]:
    scores: dict[str, float] = {}
    for prefix, (x, y) in _parts(dataset).items():
        found = model.evaluate(x, y, batch_size, verbose=0, return_dict=True)
        scores |= {f"{prefix}{name}": float(value) for name, value in found.items()}
        if dataset.classes is None:
            scores[f"{prefix}r2"] = _r2(scores[f"{prefix}loss"], y)
    return scores


def _parts(dataset: Dataset) -> dict[str, tuple[Array, Array]]:
    """The examples for training and those for validation, by what their scores begin with."""
    parts = {"": (dataset.x_train, dataset.y_train)}
    return parts if dataset.validation is None else {**parts, "val_": dataset.validation}


def _r2(mean_squared_error: float, targets: Array) -> float:
    """The share of the targets' variance that is explained."""
    variance = float(np.mean(np.var(np.asarray(targets, np.float64), axis=0)))
    return 1.0 - mean_squared_error / variance if variance else math.nan


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def finite(value: Any) -> Any:
    """The value as JSON can hold it: without NaN and infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return value
