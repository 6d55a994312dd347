"""Going on after an interruption, by calling ``fit`` again."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from glassgrad.errors import ArgumentError, FileError
from glassgrad.files import exists, make_folder
from glassgrad.training.callbacks.callback import Callback, Logs, Training
from glassgrad.training.callbacks.frequency import Frequency

__all__ = ["BackupAndRestore"]

LATEST, PREVIOUS = "latest.safetensors", "previous.safetensors"


class BackupAndRestore(Callback):
    """Keep the state of training in a folder; the same ``fit`` called again goes on from there.

    Everything that decides the future is kept (weights, optimizer, position in the data, what
    callbacks remember), so that training ends with the same bits as without interruption, also
    in the middle of an epoch. Keras keeps the weights and the number of the epoch: it begins an
    interrupted epoch again, and its history has the new epochs alone, ours has all.
    ``fit(checkpoint=path)`` does the same with one file, which remains at the end.

    Args:
        backup_dir: the folder, for this callback alone; made if need be.
        save_freq: "epoch", or a number of batches.
        double_checkpoint: whether to keep the state before the latest as well, and to go on from
            it where the latest is damaged.
        delete_checkpoint: whether the folder is removed when training has come to its end.

    Raises:
        ArgumentError: there is no folder, or ``save_freq`` is something else.
        FileError: the state cannot be written or read, or is of another training.

    Example:
        >>> import tempfile
        >>> from glassgrad.models import Sequential
        >>> from glassgrad.layers import Dense
        >>> class Interrupt(Callback):
        ...     def on_epoch_begin(self, epoch, logs=None):
        ...         if epoch == 4:
        ...             raise RuntimeError("interrupted")
        >>> model = Sequential([Dense(1)])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> folder = tempfile.TemporaryDirectory()
        >>> backup = BackupAndRestore(folder.name + "/backup")
        >>> def train(*callbacks):
        ...     return model.fit([[1.0]], [[1.0]], epochs=6, verbose=0, callbacks=callbacks)
        >>> train(backup, Interrupt())
        Traceback (most recent call last):
        RuntimeError: interrupted
        >>> epochs = []
        >>> class Note(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         epochs.append(epoch)
        >>> train(backup, Note()).epoch, epochs
        ([0, 1, 2, 3, 4, 5], [4, 5])
        >>> folder.cleanup()
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str | int = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        if not os.fspath(backup_dir):
            raise ArgumentError("backup_dir must name a folder. Got ''.")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._frequency = Frequency(save_freq)
        self.sees_each_batch = not self._frequency.is_epochs
        self._latest = Path(self.backup_dir, LATEST)
        self._previous = Path(self.backup_dir, PREVIOUS)

    def take_up(self, training: Training) -> None:
        """Go on from the latest state that can be read, if there is one."""
        found = [path for path in (self._latest, self._previous) if exists(path)]
        for path in found:
            try:
                training.load(path)
                return
            except FileError:
                if path is found[-1]:
                    raise

    def keep(self, training: Training) -> None:
        """Save, if it is time."""
        is_epoch_over = training.batch == 0
        if is_epoch_over if self._frequency.is_epochs else self._is_due(is_epoch_over):
            make_folder(self._latest.parent)
            if self.double_checkpoint and exists(self._latest):
                self._latest.replace(self._previous)
            training.save(self._latest)

    def _is_due(self, is_epoch_over: bool) -> bool:
        """The end of an epoch is no batch of its own."""
        return not is_epoch_over and self._frequency.is_due_after_batch()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Remove the folder, if that was asked for."""
        if self.delete_checkpoint:
            shutil.rmtree(self.backup_dir, ignore_errors=True)
