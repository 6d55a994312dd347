"""Saving the model while it learns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glassgrad.errors import ArgumentError
from glassgrad.files import make_folder
from glassgrad.training.callbacks.callback import Logs, say
from glassgrad.training.callbacks.frequency import Frequency
from glassgrad.training.callbacks.monitor import Monitor

__all__ = ["ModelCheckpoint"]


class ModelCheckpoint(Monitor):
    """Save the model after epochs, or after every so many batches.

    Args:
        filepath: where to; ``{epoch}`` and ``{batch}`` (both from 1) and the names of the logs may
            stand in it, as in "best-{epoch:02d}-{val_loss:.3f}.safetensors". Its folder is made
            if need be. Any ending will do, also Keras's ".keras"; the format is always the same.
        monitor: the quantity that decides with ``save_best_only``; where the logs do not have
            it, there is a warning and the model is saved.
        verbose: whether to say so when the model is saved, or is not.
        save_best_only: whether to save only when the quantity has improved.
        save_weights_only: whether to save the weights alone.
        mode: "min", "max", or "auto": by the name of the quantity.
        save_freq: "epoch", or a number of batches.
        initial_value_threshold: the value that must be improved on at the beginning.

    Raises:
        ArgumentError: the mode or ``save_freq`` is something else, or the name of the file asks
            for what is not in the logs.
        FileError: the file cannot be written; training goes no further.

    Example:
        >>> import pathlib, tempfile
        >>> from glassgrad.models import Sequential
        >>> from glassgrad.layers import Dense
        >>> model = Sequential([Dense(1)])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     keep = ModelCheckpoint(folder + "/{epoch}.weights", save_weights_only=True)
        ...     history = model.fit([[1.0]], [[1.0]], epochs=2, verbose=0, callbacks=[keep])
        ...     sorted(path.name for path in pathlib.Path(folder).iterdir())
        ['1.weights', '2.weights']
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int | bool = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode if save_best_only or mode != "auto" else "min")
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.save_freq = save_freq
        self.best = initial_value_threshold
        self._frequency = Frequency(save_freq)
        self.sees_each_batch = not self._frequency.is_epochs
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Know the epoch, whose number may stand in the name."""
        self._epoch = epoch

    def on_epoch_resume(self, epoch: int, batch: int) -> None:
        """Know the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save, if it is time."""
        if self._frequency.is_due_after_batch():
            self._save(self._epoch, {"batch": batch + 1, **(logs or {})})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save, if it is time."""
        if self._frequency.is_epochs:
            self._save(epoch, logs or {})

    def _save(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Write the file, if the quantity is better or nobody asks for that."""
        before = self.best
        if self.save_best_only and not self._has_improved(logs):
            if self.verbose:
                say(f"epoch {epoch + 1}: {self.monitor} is no better than {before:.5g}")
            return
        path = self._path(epoch, logs)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path)
        if self.verbose:
            say(f"epoch {epoch + 1}: {self._reason(before, logs)}saved {path}")

    def _has_improved(self, logs: Mapping[str, float]) -> bool:
        value = self.watched(dict(logs))
        if value is not None and not self.is_better(value, self.best):
            return False
        self.best = self.best if value is None else value
        return True

    def _reason(self, before: float | None, logs: Mapping[str, float]) -> str:
        if not self.save_best_only or self.monitor not in logs:
            return ""
        was = "" if before is None else f", before {before:.5g}"
        return f"{self.monitor} is {logs[self.monitor]:.5g}{was}; "

    def _path(self, epoch: int, logs: Mapping[str, float]) -> Path:
        try:
            path = Path(self.filepath.format(epoch=epoch + 1, **logs))
        except (LookupError, ValueError) as error:
            known = ", ".join(["epoch", *logs])
            raise ArgumentError(
                f"The file name {self.filepath!r} cannot be filled in: {error}. "
                f"What there is: {known}."
            ) from error
        make_folder(path.parent)
        return path

    def state(self) -> dict[str, Any]:
        """The best value so far, and the batches since the last file."""
        return {"best": self.best, "batches": self._frequency.batches}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on comparing with the best value."""
        self.best, self._frequency.batches = state["best"], int(state["batches"])
