"""The training loop: one loop for batch, mini-batch and stochastic descent, and for resuming."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassgrad.errors import FileError
from glassgrad.graph import TensorSpec, Variable
from glassgrad.graph.operation import Array
from glassgrad.training.callbacks import CallbackList
from glassgrad.training.data import ArrayData
from glassgrad.training.storage import load_tree, save_tree

if TYPE_CHECKING:
    from glassgrad.models.model import Model

__all__ = ["TrainingLoop", "evaluate_data", "specs_of"]

SECONDS_BETWEEN_CHECKPOINTS = 30.0


def specs_of(arrays: Sequence[Array]) -> tuple[TensorSpec, ...]:
    """Shape and dtype of arrays."""
    return tuple(TensorSpec(array.shape, array.dtype) for array in arrays)


def evaluate_data(model: Model, data: ArrayData, batch_size: int) -> dict[str, float]:
    """Loss and metrics over all data, in batches."""
    steps = model.steps
    model.reset_metrics()
    for arrays in data.batches(batch_size):
        steps.evaluate(specs_of(arrays))(*arrays)
    return model.metric_results()


@dataclass
class TrainingLoop:
    """Runs epochs over data, and can be taken up again where it was interrupted.

    Everything that decides the future is in ``state``: variables, the position in the data, what
    callbacks remember. With a ``checkpoint`` path it is written after every epoch, now and then
    within a long one, and when the user interrupts.
    """

    model: Model
    data: ArrayData
    validation: ArrayData | None
    batch_size: int
    validation_batch_size: int
    epochs: int
    callbacks: CallbackList
    shuffle: bool = True
    validation_freq: int = 1
    checkpoint: Path | None = None
    epoch: int = 0
    batch: int = 0
    finished: bool = False
    _saved_at: float = field(default_factory=time.monotonic)

    def run(self) -> None:
        """Train until the last epoch, or until a callback asks to stop.

        Raises:
            KeyboardInterrupt: the user interrupted; the state was saved before.
            FileError: the checkpoint cannot be written or read.
        """
        self.model.stop_training = False
        self.callbacks.call("on_train_begin", {})
        self._take_up()
        with _interruption_between_batches() as interrupted:
            while self.epoch < self.epochs and not (self.finished or self.model.stop_training):
                self._run_epoch(interrupted)
        self.finished = True
        self._save()
        self.callbacks.call("on_train_end", self._logs())

    def _run_epoch(self, interrupted: threading.Event) -> None:
        epoch = self.epoch
        if self.batch == 0:
            self.model.reset_metrics()
        self.callbacks.call("on_epoch_begin", epoch, {})
        key = (self.model.seed, self.model.epochs_seen) if self.shuffle else None
        batches = self.data.batches(self.batch_size, shuffle_key=key, start=self.batch)
        for arrays in batches:
            self._run_batch(arrays)
            if interrupted.is_set():
                self._save()
                raise KeyboardInterrupt
            self._save_now_and_then()
        logs = self._logs()
        if self.validation is not None and (epoch + 1) % self.validation_freq == 0:
            found = evaluate_data(self.model, self.validation, self.validation_batch_size)
            logs |= {f"val_{name}": value for name, value in found.items()}
        self.epoch, self.batch = epoch + 1, 0
        self.model.epochs_seen += 1
        self.callbacks.call("on_epoch_end", epoch, logs)
        self.finished = self.model.stop_training
        self._save()

    def _run_batch(self, arrays: list[Array]) -> None:
        watched = self.callbacks.watches_batches
        if watched:
            self.callbacks.call("on_train_batch_begin", self.batch, {})
        self.model.steps.train(specs_of(arrays))(*arrays)
        self.batch += 1
        if watched:
            self.callbacks.call("on_train_batch_end", self.batch - 1, self._logs())

    def _logs(self) -> dict[str, float]:
        return self.model.metric_results()

    def _save_now_and_then(self) -> None:
        if time.monotonic() - self._saved_at > SECONDS_BETWEEN_CHECKPOINTS:
            self._save()

    # ---- interruption and resumption

    def _save(self) -> None:
        self._saved_at = time.monotonic()
        if self.checkpoint is not None:
            save_tree(self.checkpoint, "checkpoint", self.state())

    def state(self) -> dict[str, Any]:
        """Everything that decides how training goes on."""
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "finished": self.finished,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "shuffle": self.shuffle,
            "examples": len(self.data),
            "seed": self.model.seed,
            "epochs_seen": self.model.epochs_seen,
            "executor": self.model.steps.executor.settings(),
            "variables": {n: v.numpy() for n, v in self._variables().items()},
            "callbacks": self.callbacks.states(),
        }

    def _variables(self) -> dict[str, Variable]:
        """All variables that the training step reads or writes, under unique names."""
        model = self.model
        random = [model.random.seed, model.random.step]
        groups = {
            "model": model.variables,
            "optimizer": model.optimizer.variables,
            "metrics": model.metric_variables,
            "random": random,
        }
        return {f"{kind}/{number}": variable for kind, variables in groups.items()
                for number, variable in enumerate(variables)}  # fmt: skip

    def _take_up(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return
        state = load_tree(self.checkpoint, "checkpoint")
        self._require_same_run(state)
        self.model.use_executor_settings(state["executor"])
        self.model.prepare_metrics(*self.data.take(slice(0, 1)))
        self.model.optimizer.build(self.model.trainable_variables)
        variables = self._variables()
        if set(variables) != set(state["variables"]):
            raise FileError(f"{os.fspath(self.checkpoint)!r} belongs to another model or "
                            "optimizer. Name another checkpoint, or remove it.")  # fmt: skip
        for name, value in state["variables"].items():
            variables[name].assign(value)
        self.model.seed, self.model.epochs_seen = state["seed"], state["epochs_seen"]
        self.epoch, self.batch = state["epoch"], state["batch"]
        self.finished = bool(state["finished"]) and self.epochs <= state["epochs"]
        self.callbacks.restore(state["callbacks"])

    def _require_same_run(self, state: Mapping[str, Any]) -> None:
        """What decides the order of the data must be as it was.

        Raises:
            FileError: it is not.
        """
        for name, now in (
            ("batch_size", self.batch_size), ("shuffle", self.shuffle), ("examples", len(self.data)),
        ):  # fmt: skip
            if state[name] != now:
                raise FileError(
                    f"{os.fspath(self.checkpoint or '')!r} was written with {name} {state[name]}. "
                    f"Got {now}; go on with the same, or remove the checkpoint."
                )


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
