"""``glassgrad train``: begin a run or go on with one, to the same end."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from glassgrad import __version__, datasets, optimizers
from glassgrad.cli.architecture import network_for
from glassgrad.cli.runs import Config, Run, fingerprint, quoted
from glassgrad.cli.screen import Screen
from glassgrad.datasets import Dataset
from glassgrad.errors import ArgumentError, DataError, ExecutionError, FileError
from glassgrad.execute.executor import executor_named
from glassgrad.models import Sequential
from glassgrad.optimizers import Optimizer
from glassgrad.random_seed import check_seed
from glassgrad.training import Callback, History
from glassgrad.training.data import as_data
from glassgrad.training.step import specs_of

__all__ = ["EVALUATION_BATCH", "Options", "begin", "resume"]

LAYERS = "256 relu, dropout 0.3, 128 relu, dropout 0.3"
OPTIMIZER = "adam"
SEED = 0
MANY_EXAMPLES = 10_000  # from here on an epoch has steps enough for larger batches
BATCH_SIZE, EPOCHS = 64, 40
BATCH_SIZE_OF_MANY, EPOCHS_OF_MANY = 128, 20
EVALUATION_BATCH = 250
CAREFUL_RATE = 0.001
STATES = 3  # the weights, and the two states of Adam for each of them
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


def begin(options: Options, folder: Path | None, screen: Screen) -> None:
    """Train a new network.

    Raises:
        ArgumentError, UnknownNameError: an option is wrong; nothing has been written.
        FileError: the data cannot be read, or the folder cannot be written.
    """
    data = "digits" if options.data is None else options.data
    dataset = datasets.load(data)
    many = len(dataset.x_train) >= MANY_EXAMPLES
    name = OPTIMIZER if options.optimizer is None else options.optimizer
    optimizer = _optimizer(name, options.learning_rate)
    with screen.announced_compilation():
        executor = executor_named(options.executor)
        config = Config(
            data=_lasting_name(data),
            layers=LAYERS if options.layers is None else options.layers,
            optimizer=_name(optimizer),
            learning_rate=_rate(optimizer),
            epochs=options.epochs or (EPOCHS_OF_MANY if many else EPOCHS),
            batch_size=options.batch_size or (BATCH_SIZE_OF_MANY if many else BATCH_SIZE),
            seed=check_seed(options.seed) or SEED,
            executor=executor.name,
            executor_settings=executor.settings(),
            fingerprint=fingerprint(dataset),
        )
        model = _prepared(config, dataset)
    needed = COPIES * STATES * sum(weight.storage.nbytes for weight in model.weights)
    with Run.begin(folder, config, needed) as run:
        _carry_on(run, model, dataset, screen)


def resume(folder: Path, options: Options, screen: Screen) -> None:
    """Go on with a run; one that has ended shows its result again.

    Raises:
        ArgumentError: an option contradicts the configuration of the run.
        DataError: the data are not those with which the run began.
        FileError: the folder holds no run.
    """
    with Run.take_up(folder) as run:
        _require_agreement(options, run)
        if options.epochs is not None and options.epochs != run.config.epochs:
            run = replace(run, config=replace(run.config, epochs=options.epochs))
            run.write_config()
        if run.config.version != __version__:
            screen.note(
                f"The run began under glassgrad {run.config.version}, and this is "
                f"{__version__}: the last digits may differ."
            )
        if (result := run.result()) is not None:
            screen.note(f"The run has ended; more epochs: {run.how_to_go_on} --epochs N")
            _show(run, result, screen)
            return
        dataset = _same_data(run)
        with screen.announced_compilation():
            model = _prepared(run.config, dataset)
        _carry_on(run, model, dataset, screen)


# ---- from options to a model


def _optimizer(name: str, learning_rate: float | None) -> Optimizer:
    given = {} if learning_rate is None else {"learning_rate": learning_rate}
    optimizer: Optimizer = optimizers.deserialize({"class_name": name, "config": given})
    return optimizer


def _name(optimizer: Optimizer) -> str:
    return type(optimizer).__name__.lower()


def _rate(optimizer: Optimizer) -> float:
    rate: float = optimizer.get_config()["learning_rate"]
    return rate


def _lasting_name(data: str) -> str:
    """A name that means the same in every folder."""
    return data if data in datasets.names() else str(Path(data).resolve())


def _prepared(config: Config, dataset: Dataset) -> Sequential:
    """The network at its beginning, with programs that are compiled."""
    model = network_for(dataset, config.layers, config.seed)
    is_classifier = dataset.classes is not None
    model.compile(
        _optimizer(config.optimizer, config.learning_rate),
        "sparse_categorical_crossentropy" if is_classifier else "mse",
        ["accuracy"] if is_classifier else [],
        executor=config.executor,
    )
    model.use_executor_settings(config.executor_settings)
    learning, testing = model.steps.training, model.steps.evaluation
    for step, x, y, size in (
        (learning, dataset.x_train, dataset.y_train, config.batch_size),
        (testing, dataset.x_test, dataset.y_test, EVALUATION_BATCH),
    ):
        data = as_data(x, y)
        for length in {min(size, len(data)), len(data) % size} - {0}:
            step.program(specs_of(data.take(slice(0, length)))).prepare()
    return model


def _require_agreement(options: Options, run: Run) -> None:
    given = {name: value for name, value in vars(options).items() if value is not None}
    if "data" in given:
        given["data"] = _lasting_name(given["data"])
    if "optimizer" in given:
        given["optimizer"] = _name(_optimizer(given["optimizer"], None))
    for name, value in given.items():
        known = getattr(run.config, name)
        if name == "epochs" and value >= known:
            continue
        if value != known:
            shown = "DATA" if name == "data" else f"--{name.replace('_', '-')}"
            way_out = "Ask for more" if name == "epochs" else "Leave it out"
            raise ArgumentError(
                f"--resume goes on with the configuration of the run, whose {shown} is {known}. "
                f"Got {value}. {way_out}, or begin another run."
            )


def _same_data(run: Run) -> Dataset:
    dataset = datasets.load(run.config.data)
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


def _carry_on(run: Run, model: Sequential, dataset: Dataset, screen: Screen) -> None:
    """Train to the end, from the checkpoint if there is one, and write the result."""
    screen.note(_opening(run, model, dataset))
    clock = Clock()
    try:
        history = model.fit(
            dataset.x_train,
            dataset.y_train,
            run.config.batch_size,
            run.config.epochs,
            verbose=0 if screen.quiet else "auto",
            callbacks=[clock, StopWhenDiverged()],
            checkpoint=run.checkpoint,
        )
        seconds = clock.seconds
        result = _result(model, dataset, history, seconds)
        _require_finite(result, run)
        model.save(run.model)
        run.write_result(result)
    except KeyboardInterrupt:
        screen.note(f"Interrupted. Go on with: {run.how_to_go_on}")
        raise typer.Exit(130) from None
    except FileError as error:
        raise FileError(f"{error} Then go on with: {run.how_to_go_on}") from error
    _show(run, result, screen)


def _opening(run: Run, model: Sequential, dataset: Dataset) -> str:
    goes_on = ", going on from its checkpoint" if run.checkpoint.exists() else ""
    return (
        f"{dataset.name}: {len(dataset.x_train):,} examples for training, "
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
    found = model.evaluate(
        dataset.x_test, dataset.y_test, EVALUATION_BATCH, verbose=0, return_dict=True
    )
    epochs = len(history.epoch)
    return {
        **{f"test_{name}": value for name, value in found.items()},
        "epochs": epochs,
        "seconds": round(seconds, 3),
        "examples_per_second": round(epochs * len(dataset.x_train) / seconds),
        "history": history.history,
    }


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
    accuracy = result.get("test_accuracy")  # of a classifier
    rows = [
        *([] if accuracy is None else [("test accuracy", f"{accuracy:.2%}")]),
        ("test loss", f"{result['test_loss']:.4f}"),
        ("epochs", str(result["epochs"])),
        ("time", f"{result['seconds']:.1f} s"),
        ("speed", f"{result['examples_per_second']:,} examples a second"),
        ("run", str(run.folder)),
    ]
    numbers = {name: value for name, value in result.items() if name != "history"}
    screen.show("The trained network", rows, {"run": str(run.folder), **numbers})
    screen.note(f"Try next: glassgrad predict {quoted(run.folder)} {run.config.data}")
