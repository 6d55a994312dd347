"""What a comparison does, decided before it begins and kept in its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self, get_args

from glassgrad import datasets
from glassgrad.architecture import layers_for, pace_for
from glassgrad.datasets import Dataset
from glassgrad.datasets.dataset import fingerprint
from glassgrad.datasets.registry import lasting_name
from glassgrad.datasets.splitting import split
from glassgrad.errors import ArgumentError, DataError, UnknownNameError
from glassgrad.execute.executor import executor_named
from glassgrad.lens.comparing.contenders import (
    Contender,
    Kind,
    contenders_of,
    kind_named,
    with_rate,
)
from glassgrad.lens.comparing.setting import Setting, network_of, optimizer_of
from glassgrad.lens.comparing.trial import Trial
from glassgrad.preprocessing.targets import Task

__all__ = ["Plan", "Tuning", "plan_for", "with_validation"]

OPTIMIZER = "adam"
LAYERS_TO_REPEAT = "64 relu"  # of the comparison of depths
SHARE_FOR_VALIDATION = 0.2
MOST_SEEDS = 1_000
TUNING_SEED = 1_000_000  # none of those that count
FACTORS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # what rates are tried, as multiples of the usual one


@dataclass(frozen=True)
class Plan:
    """Everything that decides the result of a comparison.

    Args:
        kind: the comparison's name.
        data: the name of the data, or the whole path.
        target: the column of a table that is told; "" for other data.
        task: "classification", "regression" or "auto".
        base: what stays the same.
        names: the contenders.
        seeds: how many times each is trained, from the seeds 0, 1 and so on.
        tune: whether each gets the best learning rate of a small grid first.
        executor: what computes.
        fingerprint: of the data.
    """

    kind: str
    data: str
    target: str
    task: str
    base: Setting
    names: tuple[str, ...]
    seeds: int
    tune: bool
    executor: str
    fingerprint: str

    @property
    def contenders(self) -> tuple[Contender, ...]:
        """Those that are compared, before any tuning."""
        return contenders_of(kind_named(self.kind), self.base, self.names)

    @property
    def trainings(self) -> int:
        """How many there are, with those that find learning rates."""
        ahead = sum(len(tuning.trials) for tuning in self.tunings())
        return ahead + len(self.names) * self.seeds

    def with_seeds(self, seeds: int) -> Plan:
        """The same with another number of seeds."""
        return replace(self, seeds=seeds)

    def tunings(self) -> tuple[Tuning, ...]:
        """For each contender the search for its learning rate, where that was asked for."""
        if not self.tune:
            return ()
        return tuple(Tuning.of(place, contender) for place, contender in enumerate(self.contenders))

    def trials(self, contenders: Sequence[Contender]) -> list[Trial]:
        """Every training that counts; first all contenders from one seed, then from the next."""
        return [
            Trial(f"{place:02}-{contender.name.replace(' ', '_')}-seed-{seed}", contender, seed)
            for seed in range(self.seeds)
            for place, contender in enumerate(contenders)
        ]

    def as_dict(self) -> dict[str, Any]:
        """The values by their names."""
        return {**asdict(self), "names": list(self.names)}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Self:
        """The plan that ``as_dict`` has written down.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        made = cls(
            kind=str(found["kind"]),
            data=str(found["data"]),
            target=str(found["target"]),
            task=str(found["task"]),
            base=Setting(**found["base"]),
            names=tuple(map(str, found["names"])),
            seeds=int(found["seeds"]),
            tune=bool(found["tune"]),
            executor=str(found["executor"]),
            fingerprint=str(found["fingerprint"]),
        )
        contenders_of(kind_named(made.kind), made.base, made.names)  # refuses what is none
        return made

    def load(self) -> Dataset:
        """The data, with a part for validation.

        Raises:
            DataError: they are not those with which the comparison began.
        """
        dataset = with_validation(_loaded(self.data, self.target or None, self.task))
        if fingerprint(dataset) != self.fingerprint:
            raise DataError(
                f"The data of {self.data!r} have changed since the comparison began. Bring them "
                "back, or begin another comparison."
            )
        return dataset


@dataclass(frozen=True)
class Tuning:
    """The search for a contender's learning rate.

    Args:
        contender: whose it is.
        rates: those that are tried.
        trials: one for each, from a seed that does not count.
    """

    contender: Contender
    rates: tuple[float, ...]
    trials: tuple[Trial, ...]

    @classmethod
    def of(cls, place: int, contender: Contender) -> Self:
        """Multiples of the optimizer's own rate."""
        usual = optimizer_of(contender.setting.optimizer).get_config()["learning_rate"]
        rates = tuple(float(f"{factor * usual:.6g}") for factor in FACTORS)
        trials = tuple(
            Trial(
                f"tuning-{place:02}-{number}",
                Contender(f"{contender.name} at {rate:g}", with_rate(contender.setting, rate)),
                TUNING_SEED,
            )
            for number, rate in enumerate(rates)
        )
        return cls(contender, rates, trials)


def plan_for(
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
    executor: str | None = None,
) -> tuple[Plan, Dataset]:
    """What is to be done, and the data, with everything held against its rules.

    It takes the arguments of ``compare`` that decide the result, and raises what that raises.
    """
    chosen = kind_named(kind)
    options = {"optimizer": optimizer, "learning_rate": learning_rate, "batch_size": batch_size}
    _require_what_stays(chosen, options, tune)
    for name, number, most in (
        ("seeds", seeds, MOST_SEEDS), ("epochs", epochs, None), ("batch_size", batch_size, None)
    ):  # fmt: skip
        if number is not None and (number < 1 or (most and number > most)):
            bound = f"from 1 to {most:,}" if most else "from 1"
            raise ArgumentError(f"{name} must be a whole number {bound}. Got {number}.")
    if task not in get_args(Task):
        raise UnknownNameError("task", task, get_args(Task))
    executor_name = executor_named(executor).name
    loaded = data if isinstance(data, Dataset) else _loaded(data, target, task)
    dataset = with_validation(loaded)
    if layers is None:
        layers = LAYERS_TO_REPEAT if chosen.name == "depths" else layers_for(dataset)
    size, rounds = pace_for(dataset, batch_size, epochs)
    base = Setting(layers, {"class_name": optimizer or OPTIMIZER, "config": {}}, size, rounds)
    rate = learning_rate
    if rate is None:
        rate = optimizer_of(base.optimizer).get_config()["learning_rate"]
    contenders = contenders_of(chosen, with_rate(base, rate), only)
    for contender in contenders:
        network_of(contender.setting, dataset, 0, executor_name)
    plan = Plan(
        kind=chosen.name,
        data=_kept_name(data, loaded),
        target=target or "",
        task=task,
        base=with_rate(base, rate),
        names=tuple(contender.name for contender in contenders),
        seeds=seeds,
        tune=tune,
        executor=executor_name,
        fingerprint=fingerprint(dataset),
    )
    return plan, dataset


def with_validation(dataset: Dataset) -> Dataset:
    """The data, with a fifth of the training part set aside where no part is for validation.

    The same examples are set aside for every seed, and the test part is left alone.

    Example:
        >>> found = with_validation(datasets.load("digits"))
        >>> len(found.x_train), len(found.x_validation)
        (1150, 287)
    """
    if dataset.validation is not None:
        return dataset
    (x_train, y_train), (x_validation, y_validation) = split(
        dataset.x_train,
        dataset.y_train,
        SHARE_FOR_VALIDATION,
        stratify=dataset.classes is not None,
    )
    return replace(
        dataset,
        x_train=x_train,
        y_train=y_train,
        x_validation=x_validation,
        y_validation=y_validation,
    )


def _require_what_stays(kind: Kind, options: Mapping[str, Any], tune: bool) -> None:
    if options.get(kind.option) is not None:
        raise ArgumentError(
            f"{kind.name} are what is compared, so {kind.option} cannot be given for all. "
            f"Got {options[kind.option]!r}; leave it out, or choose by only."
        )
    if kind.name == "optimizers" and options["learning_rate"] is not None:
        raise ArgumentError(
            "Each optimizer has its own usual learning rate. "
            f"Got {options['learning_rate']} for all; leave it out, or tune."
        )
    if tune and (kind.option == "learning_rate" or options["learning_rate"] is not None):
        raise ArgumentError(
            "tune looks for the learning rate of each contender, so none can be given. Got both."
        )


def _loaded(data: Any, target: str | None, task: str) -> Dataset:
    chosen: Task = task  # type: ignore[assignment]  # load refuses others
    return datasets.load(data, target, chosen)


def _kept_name(data: Any, dataset: Dataset) -> str:
    """The name by which the data are found again; that of the set, where it is in memory."""
    is_named = isinstance(data, str | os.PathLike)
    return lasting_name(os.fspath(data)) if is_named else dataset.name
