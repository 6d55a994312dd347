"""What happens around training: stopping early, keeping the best, recording."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from glassgrad.errors import ArgumentError, FileError
from glassgrad.graph.operation import Array

if TYPE_CHECKING:
    from glassgrad.models.model import Model

__all__ = [
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "Logs",
    "ModelCheckpoint",
    "as_callbacks",
]

Logs: TypeAlias = dict[str, float]


class Callback:
    """The base: write those of the methods that you need.

    All callbacks of an event get the same ``logs``: what one adds, the next one sees, and the
    history records. ``self.model.stop_training = True`` ends training after the batch.

    ``state`` and ``restore`` let a callback survive an interrupted run: what it remembers, as
    plain data. Where a run is taken up, ``on_train_begin`` comes first, then ``restore``; an
    epoch that was begun does not begin again, ``on_epoch_resume`` comes instead.

    Example:
        >>> class Announce(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(f"epoch {epoch} is over")
        >>> Announce().on_epoch_end(0)
        epoch 0 is over
    """

    model: Model
    params: Mapping[str, Any]

    def set_model(self, model: Model) -> None:
        """Get to know the model."""
        self.model = model

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Get to know epochs, steps and verbosity."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Called before the first epoch."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Called after the last epoch, with its logs; not after an error."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before each epoch."""

    def on_epoch_resume(self, epoch: int, batch: int) -> None:
        """Called instead of ``on_epoch_begin`` where an interrupted epoch goes on with a batch."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Called after each epoch, with the loss and metrics, also those of validation."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each batch."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each batch, with loss and metrics so far."""

    def state(self) -> dict[str, Any]:
        """What must be remembered over an interruption, as plain data and arrays."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` gave."""


def as_callbacks(callbacks: Any) -> list[Callback]:
    """The callbacks that an argument means: none, one, or several.

    Raises:
        ArgumentError: something is no callback.
    """
    if callbacks is None:
        return []
    found = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks]
    for callback in found:
        if isinstance(callback, type) and issubclass(callback, Callback):
            raise ArgumentError(
                "A callback must be an object. Got the class "
                f"{callback.__name__}; write {callback.__name__}()."
            )
        if not isinstance(callback, Callback):
            raise ArgumentError(
                f"A callback must be an object of a class derived from Callback. Got {callback!r}."
            )
    return found


class CallbackList:
    """Calls each of several callbacks, in order."""

    def __init__(self, callbacks: Sequence[Callback], model: Model, params: Mapping[str, Any]):
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            callback.set_model(model)
            callback.set_params(params)
        self.watches_batches = [
            callback
            for callback in self.callbacks
            if type(callback).on_train_batch_end is not Callback.on_train_batch_end
            or type(callback).on_train_batch_begin is not Callback.on_train_batch_begin
        ]

    def call(self, method: str, *arguments: Any) -> None:
        """Call a method of every callback."""
        for callback in self.callbacks:
            getattr(callback, method)(*arguments)

    def begin_batch(self, batch: int) -> None:
        """Tell those who watch batches that one begins."""
        logs: Logs = {}
        for callback in self.watches_batches:
            callback.on_train_batch_begin(batch, logs)

    def end_batch(self, batch: int, logs: Logs) -> None:
        """Tell those who watch batches that one is done."""
        for callback in self.watches_batches:
            callback.on_train_batch_end(batch, logs)

    def states(self) -> list[dict[str, Any]]:
        """What the callbacks remember, in order, of those that remember something."""
        return [{"class": type(one).__name__, "state": one.state()} for one in self._with_state()]

    def restore(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Give each callback back what it remembered.

        Raises:
            FileError: other callbacks have been there.
        """
        callbacks = self._with_state()
        now, then = [type(one).__name__ for one in callbacks], [one["class"] for one in states]
        if now != then:
            raise FileError(f"The callbacks that remember something must be {then}. Got {now}.")
        for callback, state in zip(callbacks, states, strict=True):
            callback.restore(state["state"])

    def _with_state(self) -> list[Callback]:
        return [one for one in self.callbacks if type(one).state is not Callback.state]


class History(Callback):
    """Records the logs of every epoch; ``fit`` returns it.

    ``history`` maps each name to its values, ``epoch`` lists the numbers of the epochs.
    """

    def __init__(self) -> None:
        self.epoch: list[int] = []
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Append the logs."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)

    def state(self) -> dict[str, Any]:
        """Everything recorded."""
        return {"epoch": self.epoch, "history": self.history}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what was recorded."""
        self.epoch = list(state["epoch"])
        self.history = {name: list(values) for name, values in state["history"].items()}


_RISING = ("acc", "auc", "precision", "recall", "f1", "iou", "r2", "similarity")
_FALLING = ("loss", "error", "mse", "mae", "msle", "mape", "entropy", "divergence", "hinge")


class _Monitor(Callback):
    """The base of what watches one quantity and decides whether it has become better."""

    def __init__(self, monitor: str, mode: str, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"The mode must be 'auto', 'min' or 'max'. Got {mode!r}.")
        self.monitor = monitor
        self.mode = _direction(monitor) if mode == "auto" else mode
        self.min_delta = abs(min_delta)

    def is_better(self, value: float, best: float | None) -> bool:
        """Whether a value improves on the best by more than ``min_delta``; NaN never does."""
        if best is None:
            return not np.isnan(value)
        gain = best - value if self.mode == "min" else value - best
        return gain > self.min_delta

    def watched(self, logs: Logs | None) -> float | None:
        """The quantity, if the logs have it; else a warning."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            known = ", ".join(map(repr, logs or {})) or "nothing"
            hint = " Pass validation data to fit." if self.monitor.startswith("val_") else ""
            warnings.warn(
                f"{type(self).__name__} watches {self.monitor!r}, which is not in the "
                f"logs: they have {known}.{hint}",
                stacklevel=3,
            )
        return value


def _direction(monitor: str) -> str:
    """Whether better means less or more, by the name of the quantity."""
    name = monitor.lower()
    rises, falls = any(word in name for word in _RISING), any(word in name for word in _FALLING)
    if rises == falls:
        raise ArgumentError(
            f"Nothing tells whether a better {monitor!r} is less or more. Pass "
            "mode='min' or mode='max'."
        )
    return "max" if rises else "min"


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


class EarlyStopping(_Monitor):
    """Stop when a watched quantity has not improved for some epochs.

    The first epoch never ends training. Where the quantity is missing from the logs of an epoch,
    as with ``validation_freq``, there is a warning and nothing else happens.

    Args:
        monitor: the quantity, by its name in the logs.
        min_delta: by how much it must improve to count.
        patience: the number of epochs without improvement after which training ends; 0 is as 1.
        verbose: whether to say so when training is stopped.
        mode: "min", "max", or "auto": by the name of the quantity.
        baseline: only what is better than it as well gives new patience.
        restore_best_weights: whether the model ends with the weights of its best epoch.
        start_from_epoch: how many epochs go by before watching begins.

    Raises:
        ArgumentError: the mode is unknown, or "auto" and the name does not tell it.

    Example:
        >>> from glassgrad.models import Sequential
        >>> from glassgrad.layers import Dense
        >>> model = Sequential([Dense(1)])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> patient = EarlyStopping("loss", patience=3, min_delta=1e9)
        >>> history = model.fit([[1.0]], [[1.0]], epochs=10, verbose=0, callbacks=[patient])
        >>> len(history.epoch)
        4

    Source: Prechelt, "Early stopping - but when?", 1998.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience, self.verbose = patience, verbose
        self.baseline, self.start_from_epoch = baseline, start_from_epoch
        self.restore_best_weights = restore_best_weights
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_epoch, self.wait, self.stopped_epoch = 0, 0, 0
        self.best_weights: list[Array] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin anew."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare with the best, and stop when patience is at its end."""
        value = self.watched(logs)
        if value is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._remember_weights(epoch)  # the best as long as nothing better comes
        self.wait += 1
        if self.is_better(value, self.best):
            self.best = value
            self._remember_weights(epoch)
            if self.baseline is None or self.is_better(value, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _remember_weights(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Bring the best weights back."""
        if self.verbose and self.stopped_epoch:
            _say(
                f"epoch {self.stopped_epoch + 1}: stopped, for {self.monitor} has not improved "
                f"since epoch {self.best_epoch + 1}"
            )
        if self.restore_best_weights and self.best_weights is not None:
            self.model.set_weights(self.best_weights)

    def state(self) -> dict[str, Any]:
        """The best so far and how long ago it was."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
            "stopped_epoch": self.stopped_epoch,
            "wait": self.wait,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on waiting where it was left."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.best_weights, self.wait = state["best_weights"], state["wait"]
        self.stopped_epoch = state["stopped_epoch"]


class ModelCheckpoint(_Monitor):
    """Save the model after epochs.

    Args:
        filepath: where to; ``{epoch}`` (from 1) and the names of the logs may stand in it, as in
            "best-{epoch:02d}-{val_loss:.3f}.safetensors". Its folder is made if need be.
        monitor: the quantity that decides with ``save_best_only``; where the logs do not have
            it, there is a warning and the model is saved.
        verbose: whether to say so when the model is saved.
        save_best_only: whether to save only when the quantity has improved.
        save_weights_only: whether to save the weights alone.
        mode: "min", "max", or "auto": by the name of the quantity.
        initial_value_threshold: the value that must be improved on at the beginning.

    Raises:
        ArgumentError: the mode is unknown, or the name of the file asks for what is not in the
            logs.
        FileError: the file cannot be written; training goes no further.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        *,
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode if save_best_only or mode != "auto" else "min")
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.best = initial_value_threshold

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save, if the quantity is better or nobody asks for that."""
        if self.save_best_only and not self._has_improved(logs):
            return
        path = self._path(epoch, logs)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            _say(f"epoch {epoch + 1}: saved {path}")

    def _has_improved(self, logs: Logs | None) -> bool:
        value = self.watched(logs)
        if value is not None and not self.is_better(value, self.best):
            return False
        self.best = self.best if value is None else value
        return True

    def _path(self, epoch: int, logs: Logs | None) -> Path:
        try:
            path = Path(self.filepath.format(epoch=epoch + 1, **(logs or {})))
        except (LookupError, ValueError) as error:
            known = ", ".join(["epoch", *(logs or {})])
            raise ArgumentError(
                f"The file name {self.filepath!r} cannot be filled in: {error}. "
                f"What there is: {known}."
            ) from error
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileError(
                f"Cannot make the folder {str(path.parent)!r}: {error.strerror}. "
                "Choose another place."
            ) from error
        return path

    def state(self) -> dict[str, Any]:
        """The best value so far."""
        return {"best": self.best}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on comparing with the best value."""
        self.best = state["best"]
