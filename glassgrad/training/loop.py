"""The training loop: one loop for batch, mini-batch and stochastic descent, and for resuming."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassgrad.errors import FileError
from glassgrad.files import exists
from glassgrad.graph import Variable
from glassgrad.graph.operation import Array
from glassgrad.training.callback_list import CallbackList
from glassgrad.training.callbacks import Logs
from glassgrad.training.data import Batch, Data, Stretch
from glassgrad.training.step import Step
from glassgrad.training.storage import load_tree, save_tree

if TYPE_CHECKING:
    from glassgrad.models.model import Model

__all__ = ["TrainingLoop", "evaluate_data"]

SECONDS_BETWEEN_CHECKPOINTS = 30.0
SECONDS_AT_A_TIME = 0.05  # how long Ctrl-C and callbacks may have to wait


@dataclass
class Pace:
    """How many batches are run in one call, for as long as nobody has to see each of them.

    Results do not depend on it: the steps are the same.
    """

    batches: int = 1

    def portions(
        self, stretch: Batch | Stretch, limit: Callable[[], int | None]
    ) -> Iterator[Batch | Stretch]:
        """The stretch in pieces, as the time that the ones before took suggests.

        Args:
            stretch: the batches.
            limit: how many the next piece may have at most; ``None`` for no limit.
        """
        if isinstance(stretch, Batch):
            yield stretch
            return
        first = 0
        while first < stretch.batches:
            count = min(self.batches, stretch.batches - first, limit() or stretch.batches)
            began = time.perf_counter()
            yield stretch.part(first, count)
            seconds = max(time.perf_counter() - began, 1e-9) / count
            most = 2 * max(count, self.batches)  # a piece may have been cut short by its limit
            self.batches = max(1, min(most, int(SECONDS_AT_A_TIME / seconds)))
            first += count


def evaluate_data(model: Model, data: Data, batch_size: int, callbacks: CallbackList) -> Logs:
    """Loss and metrics over all data, in batches; nothing where the data give no batch."""
    model.reset_metrics()
    steps = model.steps
    step = steps.evaluation
    step.begin_again()
    watched = callbacks.listens("on_test_batch_begin", "on_test_batch_end")
    pace = Pace()
    callbacks.on_test_begin({})
    results: Any = None
    stretches = data.stretches(batch_size)
    limit = 1 if watched else None
    portions = (one for stretch in stretches for one in pace.portions(stretch, lambda: limit))
    for number, portion in enumerate(portions):
        if watched:
            callbacks.on_test_batch_begin(number, logs={})
        results = step(portion)
        if watched:
            callbacks.on_test_batch_end(number, logs=steps.evaluation_logs(results))
    if results is None:
        warnings.warn(
            "The data gave no batch for evaluation, so there are no results. Pass something that "
            "can be begun again, or fewer steps.",
            stacklevel=2,
        )
    logs = {} if results is None else steps.evaluation_logs(results)
    callbacks.on_test_end(logs)
    return logs


@dataclass
class TrainingLoop:
    """Runs epochs over data, and can be taken up again where it was interrupted.

    Everything that decides the future is in ``state``: variables, the position in the data, what
    callbacks remember. With a ``checkpoint`` path it is written after every epoch, now and then
    within a long one, and when the user interrupts.
    """

    model: Model
    data: Data
    validation: Data | None
    batch_size: int
    validation_batch_size: int
    epochs: int
    callbacks: CallbackList
    shuffle: bool = True
    validation_freq: int = 1
    checkpoint: Path | None = None
    epoch: int = 0
    batch: int = 0  # of the epoch under way: the next one
    begun: bool = False  # whether the epoch has begun
    finished: bool = False  # whether a callback has stopped training
    logs: Logs = field(default_factory=dict)  # of the last epoch
    results: Any = None  # of the last batch, where the model has a step of its own
    _saved_at: float = field(default_factory=time.monotonic)
    _pace: Pace = field(default_factory=Pace)

    def run(self) -> None:
        """Train until the last epoch, or until a callback asks to stop.

        Raises:
            KeyboardInterrupt: the user interrupted; the state was saved before.
            FileError: the checkpoint cannot be written or read, or belongs to another run.
        """
        self.model.stop_training = False
        self.callbacks.set_training(self)
        with _journal_of(self.model):
            self.callbacks.on_train_begin({})
            self._take_up()
            with _interruption_between_batches() as interrupted:
                while self.epoch < self.epochs and not self.finished:
                    self._run_epoch(interrupted)
                    if interrupted.is_set():
                        raise KeyboardInterrupt
            if self.epochs:
                self.model.finalize_optimizer()
            self.callbacks.on_train_end(self.logs)

    def _run_epoch(self, interrupted: threading.Event) -> None:
        self._begin_epoch()
        self._run_batches(interrupted)
        logs = self.model.steps.training_logs(self.results)
        if self.validation is not None and self._is_validated(self.epoch):
            found = evaluate_data(
                self.model, self.validation, self.validation_batch_size, self.callbacks
            )
            logs |= {f"val_{name}": value for name, value in found.items()}
        self.callbacks.on_epoch_end(self.epoch, logs)
        self.logs = logs
        self.epoch, self.batch, self.begun = self.epoch + 1, 0, False
        self.model.epochs_seen += 1
        self.finished = self.model.stop_training
        self._save()
        self.callbacks.keep(self)

    def _begin_epoch(self) -> None:
        if self.begun:
            self.callbacks.on_epoch_resume(self.epoch, self.batch)
            return
        self.model.reset_metrics()
        self.callbacks.on_epoch_begin(self.epoch, {})
        self.begun = True

    def _run_batches(self, interrupted: threading.Event) -> None:
        # What a callback has frozen or thawed until now holds for the whole epoch.
        self.model.build_optimizer()
        step = self.model.steps.training
        begin = self.batch
        for portion in self._portions():
            self._run_portion(step, portion)
            if self.model.stop_training:
                return
            if interrupted.is_set():
                self._save()
                raise KeyboardInterrupt
            self._save_now_and_then()
            self.callbacks.keep(self)
        if self.batch == begin == 0:
            warnings.warn(
                f"The data gave no batch for epoch {self.epoch + 1}: training ends here. Pass "
                "something that can be begun again, or fewer epochs or steps_per_epoch.",
                stacklevel=2,
            )
            self.model.stop_training = True

    def _portions(self) -> Iterator[Batch | Stretch]:
        """What is left of the epoch, in pieces as large as callbacks allow."""
        seed, epoch = self.model.seed if self.shuffle else None, self.model.epochs_seen
        events = ("on_train_batch_begin", "on_train_batch_end", "keep")
        for stretch in self.data.stretches(
            self.batch_size, seed=seed, epoch=epoch, start=self.batch
        ):
            yield from self._pace.portions(stretch, lambda: self.callbacks.most_batches(*events))

    def _run_portion(self, step: Step, portion: Batch | Stretch) -> None:
        callbacks, steps = self.callbacks, self.model.steps
        callbacks.on_train_batch_begin(self.batch, logs={})
        results = step(portion)
        # A step of the model's own says what is reported; else the metrics do.
        self.results = steps.training_logs(results) if steps.has_own("train_step") else None
        self.batch += portion.batches
        if callbacks.listens("on_train_batch_end"):
            is_read = callbacks.wants_logs("on_train_batch_end")
            logs = steps.training_logs(self.results) if is_read else {}
            callbacks.on_train_batch_end(self.batch - 1, logs=logs)

    # ---- interruption and resumption

    def _save_now_and_then(self) -> None:
        if (
            self.checkpoint is not None
            and time.monotonic() - self._saved_at > SECONDS_BETWEEN_CHECKPOINTS
        ):
            self._save()

    def _save(self) -> None:
        if self.checkpoint is not None:
            self.save(self.checkpoint)
            self._saved_at = time.monotonic()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the state to a file.

        Raises:
            FileError: it cannot be written.
        """
        save_tree(path, "checkpoint", self.state())

    def state(self) -> dict[str, Any]:
        """Everything that decides how training goes on."""
        model = self.model
        return {
            "run": self._run_settings(),
            "epochs": self.epochs,
            "epoch": self.epoch,
            "batch": self.batch,
            "begun": self.begun,
            "finished": self.finished,
            "logs": self.logs,
            "results": self.results,
            "seed": model.seed,
            "epochs_seen": model.epochs_seen,
            "executor": model.steps.executor.settings(),
            "optimized": model.optimized(),
            "variables": {name: one.numpy() for name, one in self._variables().items()},
            "callbacks": self.callbacks.states(),
        }

    def _run_settings(self) -> dict[str, Any]:
        """What must be the same for a run to go on."""
        steps = self.model.steps
        return {
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "examples": self.data.examples,
            "steps_per_epoch": self.data.count_batches(self.batch_size),
            "optimizer": type(steps.optimizer).__name__,
            "loss": steps.objective.name,
            "metrics": [metric.name for metric in steps.scores.metrics],
            "the checksum of the data": self.data.checksum,
        }

    def _variables(self, *kinds: str) -> dict[str, Variable]:
        """The variables that the training step reads or writes, under unique names."""
        groups = self.model.state_variables()
        return {
            f"{kind}/{number}": variable
            for kind in kinds or groups
            for number, variable in enumerate(groups[kind])
        }

    def _take_up(self) -> None:
        """Go on from the checkpoint, if there is one, or from what a callback has kept."""
        if self.checkpoint is not None and exists(self.checkpoint):
            self.load(self.checkpoint)
        else:
            self.callbacks.take_up(self)

    def load(self, path: str | os.PathLike[str]) -> None:
        """Go on from the state in a file.

        Raises:
            FileError: it cannot be read, or is of another run.
        """
        state = load_tree(path, "checkpoint")
        try:
            self._require_same_run(state["run"])
            self._restore(state)
        except FileError as error:
            raise FileError(
                f"The checkpoint {os.fspath(path)!r} is of another run: {error} "
                "Name another checkpoint, or remove it."
            ) from error
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise FileError(
                f"The checkpoint {os.fspath(path)!r} cannot be read here: {error!r}. "
                "Name another checkpoint, or remove it."
            ) from error

    def _require_same_run(self, then: Mapping[str, Any]) -> None:
        for name, now in self._run_settings().items():
            if then[name] != now:
                raise FileError(f"it had {name} {then[name]!r}. Got {now!r}.")

    def _restore(self, state: Mapping[str, Any]) -> None:
        """Take everything back; what can fail comes first, so that a failure changes nothing."""
        model = self.model
        number = {
            name: int(state[name]) for name in ("epoch", "batch", "epochs", "seed", "epochs_seen")
        }
        begun, finished, logs = bool(state["begun"]), bool(state["finished"]), dict(state["logs"])
        then: Mapping[str, Array] = state["variables"]
        _require_same_shapes(self._variables("model"), then, "model/")
        model.build_optimizer(state["optimized"])
        variables = self._variables()
        _require_same_shapes(variables, then)
        # A callback may take back what has ended training: a time limit that is greater now.
        model.stop_training = finished and self.epochs <= number["epochs"]
        self.callbacks.restore_all(state["callbacks"])
        model.use_executor_settings(state["executor"])
        for name, variable in variables.items():
            variable.assign(then[name])
        model.seed, model.epochs_seen = number["seed"], number["epochs_seen"]
        self._pass_over(range(self.epoch, number["epoch"]))
        self.epoch, self.batch, self.begun = number["epoch"], number["batch"], begun
        self.finished, self.logs = model.stop_training, logs
        self.results = state["results"]

    def _pass_over(self, epochs: range) -> None:
        """Let data that cannot be begun again go on where these epochs have ended."""
        self.data.pass_over(len(epochs))
        if self.validation is not None:
            self.validation.pass_over(sum(map(self._is_validated, epochs)))

    def _is_validated(self, epoch: int) -> bool:
        return (epoch + 1) % self.validation_freq == 0


def _require_same_shapes(
    variables: Mapping[str, Variable], arrays: Mapping[str, Array], prefix: str = ""
) -> None:
    here = {name: (one.shape, str(one.dtype)) for name, one in variables.items()}
    there = {
        name: (one.shape, str(one.dtype)) for name, one in arrays.items() if name.startswith(prefix)
    }
    if here != there:
        name = min(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
        raise FileError(
            f"it had {_shown(there.get(name))} as variable {name}, the model and its "
            f"optimizer have {_shown(here.get(name))}."
        )


def _shown(spec: tuple[tuple[int, ...], str] | None) -> str:
    return "nothing" if spec is None else f"{spec[1]}{list(spec[0])}"


@contextmanager
def _journal_of(model: Model) -> Iterator[None]:
    """The journal that a callback sets is for this training alone, however it ends."""
    before = model.steps.journal
    try:
        yield
    finally:
        model.steps.journal = before


@contextmanager
def _interruption_between_batches() -> Iterator[threading.Event]:
    """Let Ctrl-C wait for the end of the batch, so that what is saved is a whole step.

    A second Ctrl-C is not held back.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked  # only the main thread gets signals
        return
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        yield asked  # somebody else handles it
        return

    def ask(number: int, frame: Any) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)
