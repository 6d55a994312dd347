"""``glassgrad train``: begin a run or go on with one, to the same end."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import typer

from glassgrad import __version__, datasets, optimizers
from glassgrad.architecture import is_table, layers_for, network_for, pace_for
from glassgrad.cli.invocation import command_line, data_argument, quoted
from glassgrad.cli.runs import Config, Run
from glassgrad.cli.scores import EVALUATION_BATCH, score_rows, scores_of
from glassgrad.cli.screen import Screen
from glassgrad.cli.stopping import callbacks_for, conditions_of
from glassgrad.datasets import Dataset
from glassgrad.datasets.dataset import fingerprint
from glassgrad.datasets.registry import lasting_name
from glassgrad.errors import ArgumentError, DataError, ExecutionError, FileError
from glassgrad.execute.executor import executor_named
from glassgrad.lens.doctor import Doctor
from glassgrad.models import Sequential
from glassgrad.optimizers import Optimizer
from glassgrad.preprocessing.targets import Task
from glassgrad.random_seed import check_seed
from glassgrad.runs import Recorder
from glassgrad.training import Callback, History
from glassgrad.training.data import as_data

__all__ = [
    "Options",
    "begin",
    "load_data_of",
    "resume",
    "untrained",
    "untrained_of",
]

DATA = "digits"
OPTIMIZER = "adam"
SEED = 0
PATIENCE = 40  # epochs without a better loss on what is kept for watching
CAREFUL_RATE = 0.001
LENGTHENING = ("epochs", "max_seconds")  # what may be more where a run goes on
STATES = 3  # the weights, and the two states of Adam for each of them
COLUMNS_SHOWN = 40
COPIES = 3  # the checkpoint, the one that will replace it, the model


@dataclass(frozen=True)
class Options:
    """What was asked for; ``None`` where nothing was."""

    data: str | None = None
    layers: str | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    seed: int | None = None
    executor: str | None = None
    target: str | None = None
    task: str | None = None
    patience: int | None = None
    target_loss: float | None = None
    max_seconds: float | None = None


def begin(options: Options, folder: Path | None, screen: Screen, has_doctor: bool = True) -> None:
    """Train a new network.

    Args:
        options: what was asked for.
        folder: of the run.
        screen: where messages go.
        has_doctor: whether a doctor looks on.

    Raises:
        ArgumentError, UnknownNameError: an option is wrong; nothing has been written.
        FileError: the data cannot be read, or the folder cannot be written.
    """
    dataset = _data_for(options)
    with screen.announced_compilation():
        config = _config_for(options, dataset)
        _stopping(config, dataset, screen)  # a number out of its range is known now
        model = _prepared(config, dataset)
    needed = COPIES * STATES * sum(weight.storage.nbytes for weight in model.weights)
    with Run.begin(folder, config, needed) as run:
        _carry_on(run, model, dataset, screen, has_doctor)


def resume(folder: Path, options: Options, screen: Screen, has_doctor: bool = True) -> None:
    """Go on with a run; one that has ended shows its result again.

    Args:
        folder: of the run.
        options: what was asked for.
        screen: where messages go.
        has_doctor: whether a doctor looks on.

    Raises:
        ArgumentError: an option contradicts the configuration of the run.
        DataError: the data are not those with which the run began.
        FileError: the folder holds no run.
    """
    with Run.take_up(folder) as run:
        _require_agreement(options, run)
        if (longer := _lengthened(run.config, options)) != run.config:
            run = replace(run, config=longer)
            run.forget_result()
            run.write_config()
        if run.config.version != __version__:
            screen.note(
                f"The run began under glassgrad {run.config.version}, and this is "
                f"{__version__}: the last digits may differ."
            )
        if (result := run.result()) is not None:
            screen.note(f"The run has ended; {_more_of_it(run, result)}")
            _show(run, result, screen)
            return
        dataset = _same_data(run)
        with screen.announced_compilation():
            model = _prepared(run.config, dataset)
        _carry_on(run, model, dataset, screen, has_doctor)


# ---- from options to a model


def untrained(options: Options) -> tuple[Sequential, Dataset, int]:
    """The compiled network that ``begin`` would train, its data, and the examples of a step.

    Raises:
        ArgumentError, UnknownNameError: an option is wrong.
        FileError: the data cannot be read.
    """
    dataset = _data_for(options)
    config = _config_for(options, dataset)
    return untrained_of(config, dataset), dataset, config.batch_size


def _data_for(options: Options) -> Dataset:
    data = DATA if options.data is None else options.data
    return _loaded(data, options.target, options.task or "auto", check_seed(options.seed) or SEED)


def _config_for(options: Options, dataset: Dataset) -> Config:
    """What was asked for, and what suits the data where nothing was."""
    batch_size, epochs = pace_for(dataset, options.batch_size, options.epochs)
    name = OPTIMIZER if options.optimizer is None else options.optimizer
    optimizer = _optimizer(name, options.learning_rate)
    executor = executor_named(options.executor)
    return Config(
        data=lasting_name(DATA if options.data is None else options.data),
        layers=layers_for(dataset) if options.layers is None else options.layers,
        optimizer=_name(optimizer),
        learning_rate=_rate(optimizer),
        epochs=epochs,
        batch_size=batch_size,
        seed=check_seed(options.seed) or SEED,
        executor=executor.name,
        executor_settings=executor.settings(),
        fingerprint=fingerprint(dataset),
        target=options.target or "",
        task=options.task or "auto",
        stopping=conditions_of(vars(options)),
    )


def _loaded(data: str, target: str | None, task: str, seed: int) -> Dataset:
    return datasets.load(data, target, cast("Task", task), seed=seed)


def load_data_of(config: Config) -> Dataset:
    """The data of a run, divided as they were when it began."""
    return _loaded(config.data, config.target or None, config.task, config.seed)


def _optimizer(name: str, learning_rate: float | None) -> Optimizer:
    given = {} if learning_rate is None else {"learning_rate": learning_rate}
    optimizer: Optimizer = optimizers.deserialize({"class_name": name, "config": given})
    return optimizer


def _name(optimizer: Optimizer) -> str:
    return type(optimizer).__name__.lower()


def _rate(optimizer: Optimizer) -> float:
    rate: float = optimizer.get_config()["learning_rate"]
    return rate


def untrained_of(config: Config, dataset: Dataset) -> Sequential:
    """The network at its beginning, with what it learns by."""
    model = network_for(dataset, config.layers, config.seed)
    is_classifier = dataset.classes is not None
    model.compile(
        _optimizer(config.optimizer, config.learning_rate),
        "sparse_categorical_crossentropy" if is_classifier else "mse",
        metrics=["accuracy"] if is_classifier else [],
        executor=config.executor,
    )
    model.use_executor_settings(config.executor_settings)
    return model


def _prepared(config: Config, dataset: Dataset) -> Sequential:
    """The same, with programs that are compiled."""
    model = untrained_of(config, dataset)
    learning, testing = model.steps.training, model.steps.evaluation
    for step, x, y, size in (
        (learning, dataset.x_train, dataset.y_train, config.batch_size),
        (testing, dataset.x_test, dataset.y_test, EVALUATION_BATCH),
        *([(testing, *dataset.validation, config.batch_size)] if dataset.validation else []),
    ):
        for stretch in as_data(x, y).stretches(size, seed=model.seed if step is learning else None):
            step.program(stretch).prepare()
    return model


def _lengthened(config: Config, options: Options) -> Config:
    """The configuration of a run that shall go on for more epochs, or more seconds."""
    epochs = config.epochs if options.epochs is None else options.epochs
    return replace(config, epochs=epochs, stopping=config.stopping | conditions_of(vars(options)))


def _more_of_it(run: Run, result: Mapping[str, Any]) -> str:
    """What lengthens a run that has ended."""
    limit = run.config.stopping.get("max_seconds")
    if limit is not None and result["epochs"] < run.config.epochs and result["seconds"] >= limit:
        return f"more time: {run.how_to_go_on} --max-seconds SECONDS, more than {limit:g}"
    return f"more epochs: {run.how_to_go_on} --epochs N, more than {run.config.epochs}"


def _stopping(config: Config, dataset: Dataset, screen: Screen) -> list[Callback]:
    is_watched, verbose = dataset.validation is not None, int(not screen.quiet)
    return callbacks_for(config.stopping, is_watched=is_watched, patience=PATIENCE, verbose=verbose)


def _require_agreement(options: Options, run: Run) -> None:
    given = {name: value for name, value in vars(options).items() if value is not None}
    if "data" in given:
        given["data"] = lasting_name(given["data"])
    if "optimizer" in given:
        given["optimizer"] = _name(_optimizer(given["optimizer"], None))
    for name, value in given.items():
        known = (vars(run.config) | run.config.stopping).get(name)
        if name in LENGTHENING and known is not None and value >= known:
            continue
        if value != known:
            shown = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
            way_out = "Ask for more" if name in LENGTHENING and known else "Leave it out"
            raise ArgumentError(
                f"--resume goes on with the configuration of the run, whose {shown} is "
                f"{'not set' if known is None else known}. "
                f"Got {value}. {way_out}, or begin another run."
            )


def _same_data(run: Run) -> Dataset:
    dataset = load_data_of(run.config)
    if fingerprint(dataset) != run.config.fingerprint:
        raise DataError(
            f"The training data of {run.config.data!r} have changed since the run "
            "began. Bring them back, or begin another run."
        )
    return dataset


# ---- training


class Clock(Callback):
    """Counts the seconds of training, also over interruptions."""

    def __init__(self) -> None:
        self.before = 0.0
        self.started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since training began, without the time between interruption and resumption."""
        return self.before + time.perf_counter() - self.started

    def state(self) -> dict[str, Any]:
        """The seconds so far."""
        return {"seconds": self.seconds}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on counting."""
        self.before, self.started = state["seconds"], time.perf_counter()


class StopWhenDiverged(Callback):
    """No epoch brings numbers back that are no longer finite."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Look at them."""
        if not all(map(math.isfinite, (logs or {}).values())):
            self.model.stop_training = True


def _carry_on(
    run: Run, model: Sequential, dataset: Dataset, screen: Screen, has_doctor: bool
) -> None:
    """Train to the end, from the checkpoint if there is one, and write the result."""
    _report_columns(dataset, screen)
    screen.note(_opening(run, model, dataset))
    clock = Clock()
    doctor = Doctor(verbose=0) if has_doctor else None
    found = None if doctor is None else (lambda: [one.as_dict() for one in doctor.findings])
    recorder = Recorder(run.folder, asdict(run.config), screen.note, found)
    try:
        with recorder:
            history = model.fit(
                dataset.x_train,
                dataset.y_train,
                run.config.batch_size,
                run.config.epochs,
                verbose=0 if screen.quiet else "auto",
                callbacks=[
                    clock,
                    StopWhenDiverged(),
                    *_stopping(run.config, dataset, screen),
                    *([] if doctor is None else [doctor]),
                    recorder,
                ],
                validation_data=dataset.validation,
                checkpoint=run.checkpoint,
            )
            seconds = clock.seconds
            if doctor is not None:
                screen.note(doctor.report())
            result = _result(model, dataset, history, seconds)
            _require_finite(result, run)
            result |= {} if found is None else {"findings": found()}
            model.save(run.model)
            run.write_result(result)
            elsewhere = ("history", "findings")
            recorder.result = {name: v for name, v in result.items() if name not in elsewhere}
    except KeyboardInterrupt:
        screen.note(f"Interrupted. Go on with: {run.how_to_go_on}")
        raise typer.Exit(130) from None
    except FileError as error:
        raise FileError(f"{error} Then go on with: {run.how_to_go_on}") from error
    _show(run, result, screen)


def _report_columns(dataset: Dataset, screen: Screen) -> None:
    """Say what was done to every column of a table."""
    if dataset.preprocessing is None:
        return
    rows = dataset.preprocessing.report()
    if len(rows) > COLUMNS_SHOWN:
        rest = f"and {len(rows) - COLUMNS_SHOWN:,} more: --json lists them all"
        rows = [*rows[: COLUMNS_SHOWN - 1], ("…", rest), rows[-1]]
    what = "the columns of " if is_table(dataset) else ""
    screen.report(f"What was done to {what}{dataset.name}", rows)
    for remark in dataset.remarks:
        screen.note(remark)


def _opening(run: Run, model: Sequential, dataset: Dataset) -> str:
    goes_on = ", going on from its checkpoint" if run.checkpoint.exists() else ""
    watched = f"{len(dataset.validation[0]):,} for watching over it, " if dataset.validation else ""
    return (
        f"{dataset.name}: {len(dataset.x_train):,} examples for training, {watched}"
        f"{len(dataset.x_test):,} for testing\n"
        f"network: {'-'.join(map(str, _widths(model)))}, {model.count_params():,} parameters, "
        f"{run.config.optimizer}, executor {run.config.executor}\n"
        f"run: {run.folder}{goes_on}"
    )


def _widths(model: Sequential) -> list[int]:
    """Inputs, units of each layer with weights, outputs."""
    shapes = [layer.weights[0].shape for layer in model.layers if layer.weights]
    return [shapes[0][0], *(shape[-1] for shape in shapes)]


def _result(
    model: Sequential, dataset: Dataset, history: History, seconds: float
) -> dict[str, Any]:
    epochs = len(history.epoch)
    return {
        **scores_of(model, dataset.x_test, dataset.y_test),
        "epochs": epochs,
        "seconds": round(seconds, 3),
        "examples_per_second": round(epochs * len(dataset.x_train) / seconds),
        "history": history.history,
        **_columns(dataset),
    }


def _columns(dataset: Dataset) -> dict[str, Any]:
    if dataset.preprocessing is None:
        return {}
    return {"columns": dict(dataset.preprocessing.report()), "remarks": list(dataset.remarks)}


def _require_finite(result: Mapping[str, Any], run: Run) -> None:
    losses = [*result["history"]["loss"], result["test_loss"]]
    if all(map(math.isfinite, losses)):
        return
    raise ExecutionError(
        f"Training diverged: after epoch {result['epochs']} the loss is {losses[-2]:g} on the "
        f"training data. Try a lower learning rate than {run.config.learning_rate:g}, such as "
        f"--learning-rate {min(run.config.learning_rate / 10, CAREFUL_RATE):g}."
    )


def _show(run: Run, result: Mapping[str, Any], screen: Screen) -> None:
    rows = [
        *score_rows(result),
        ("epochs", str(result["epochs"])),
        ("time", f"{result['seconds']:.1f} s"),
        ("speed", f"{result['examples_per_second']:,} examples a second"),
        ("run", str(run.folder)),
    ]
    numbers = {name: value for name, value in result.items() if name != "history"}
    screen.show("The trained network", rows, {"run": str(run.folder), **numbers})
    data = data_argument(run.config.data)
    screen.note(f"Try next: {command_line('predict', quoted(run.folder), data)}")
