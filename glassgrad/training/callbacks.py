"""What happens around training: stopping early, keeping the best, recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.errors import ArgumentError

if TYPE_CHECKING:
    from glassgrad.models.model import Model

__all__ = ["Callback", "CallbackList", "EarlyStopping", "History", "ModelCheckpoint"]

Logs = Mapping[str, float]


class Callback:
    """The base: write those of the methods that you need.

    ``state`` and ``restore`` let a callback survive an interrupted run: what it remembers, as
    plain data.

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
        """Called after the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Called before each epoch."""

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


class CallbackList:
    """Calls each of several callbacks."""

    def __init__(self, callbacks: Sequence[Callback], model: Model, params: Mapping[str, Any]):
        self.callbacks = list(callbacks)
        for callback in self.callbacks:
            callback.set_model(model)
            callback.set_params(params)
        self.watches_batches = [
            callback for callback in self.callbacks
            if type(callback).on_train_batch_end is not Callback.on_train_batch_end
            or type(callback).on_train_batch_begin is not Callback.on_train_batch_begin
        ]  # fmt: skip

    def call(self, method: str, *arguments: Any) -> None:
        """Call a method of every callback, in order."""
        watchers = self.watches_batches if "batch" in method else self.callbacks
        for callback in watchers:
            getattr(callback, method)(*arguments)

    def states(self) -> list[dict[str, Any]]:
        """What the callbacks remember, in order."""
        return [callback.state() for callback in self.callbacks]

    def restore(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Give each callback back what it remembered."""
        for callback, state in zip(self.callbacks, states, strict=False):
            callback.restore(state)


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


class _Monitor:
    """Decides whether a watched quantity has become better."""

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"The mode must be 'auto', 'min' or 'max'. Got {mode!r}.")
        self.monitor = monitor
        rises = any(word in monitor for word in ("acc", "auc", "precision", "recall", "f1"))
        self.sign = -1.0 if mode == "max" or (mode == "auto" and rises) else 1.0
        self.min_delta = abs(min_delta)

    def value(self, logs: Logs | None) -> float:
        """The quantity from the logs.

        Raises:
            ArgumentError: the logs do not have it.
        """
        if not logs or self.monitor not in logs:
            known = ", ".join(sorted(logs or {})) or "nothing"
            raise ArgumentError(
                f"The monitored quantity {self.monitor!r} is not in the logs, which have {known}. "
                "Pass validation data for one that begins with 'val_'."
            )
        return float(logs[self.monitor])

    def is_better(self, value: float, best: float | None) -> bool:
        """Whether the value improves on the best by more than ``min_delta``; NaN never does."""
        if best is None:
            return not np.isnan(value)
        return self.sign * (best - value) > self.min_delta


class EarlyStopping(Callback):
    """Stop when a watched quantity has not improved for some epochs.

    Args:
        monitor: the quantity, by its name in the logs.
        min_delta: by how much it must improve to count.
        patience: how many epochs without improvement are borne.
        verbose: whether to say so when training is stopped.
        mode: "min", "max", or "auto": by the name of the quantity.
        baseline: the value that must be improved on at the beginning.
        restore_best_weights: whether the model ends with the weights of its best epoch.
        start_from_epoch: how many epochs go by before watching begins.

    Raises:
        ArgumentError: the mode is unknown, or the quantity is not in the logs.

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
        self.watch = _Monitor(monitor, mode, min_delta)
        self.patience, self.verbose = patience, verbose
        self.baseline, self.start_from_epoch = baseline, start_from_epoch
        self.restore_best_weights = restore_best_weights
        self._forget()

    def _forget(self) -> None:
        self.best = self.baseline
        self.best_epoch, self.wait, self.stopped_epoch = 0, 0, 0
        self.best_weights: list[np.ndarray[Any, Any]] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin anew."""
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare with the best, and stop when patience is at its end."""
        value = self.watch.value(logs)
        if epoch < self.start_from_epoch:
            return
        if self.watch.is_better(value, self.best):
            self.best, self.best_epoch, self.wait = value, epoch, 0
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            return
        self.wait += 1
        if epoch > 0 and self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Bring the best weights back."""
        if self.restore_best_weights and self.best_weights is not None:
            self.model.set_weights(self.best_weights)

    def state(self) -> dict[str, Any]:
        """The best so far and how long ago it was."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "wait": self.wait,
            "best_weights": self.best_weights,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on waiting where it was left."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.wait, self.best_weights = state["wait"], state["best_weights"]


class ModelCheckpoint(Callback):
    """Save the model after epochs.

    Args:
        filepath: where to; ``{epoch}`` (from 1) and the names of the logs may stand in it, as in
            "best-{epoch:02d}-{val_loss:.3f}.safetensors".
        monitor: the quantity that decides with ``save_best_only``.
        verbose: whether to say so when the model is saved.
        save_best_only: whether to save only when the quantity has improved.
        save_weights_only: whether to save the weights alone.
        mode: "min", "max", or "auto": by the name of the quantity.
        initial_value_threshold: the value that must be improved on at the beginning.

    Raises:
        ArgumentError: the mode is unknown, or the quantity is not in the logs.
        FileError: the file cannot be written; training goes no further.
    """

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        initial_value_threshold: float | None = None,
    ) -> None:
        self.filepath = str(filepath)
        self.watch = _Monitor(monitor, mode, 0.0)
        self.verbose = verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.best = initial_value_threshold

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save, if the quantity is better or nobody asks for that."""
        if self.save_best_only:
            value = self.watch.value(logs)
            if not self.watch.is_better(value, self.best):
                return
            self.best = value
        path = self._path(epoch, logs)
        if self.save_weights_only:
            self.model.save_weights(path)
        else:
            self.model.save(path)

    def _path(self, epoch: int, logs: Logs | None) -> str:
        try:
            return self.filepath.format(epoch=epoch + 1, **(logs or {}))
        except KeyError as error:
            known = ", ".join(["epoch", *sorted(logs or {})])
            raise ArgumentError(f"The file name {self.filepath!r} asks for {error}, which is not in "
                                f"the logs. They have {known}.") from error  # fmt: skip

    def state(self) -> dict[str, Any]:
        """The best value so far."""
        return {"best": self.best}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on comparing with the best value."""
        self.best = state["best"]
