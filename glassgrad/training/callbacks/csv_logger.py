"""A table of the epochs, for spreadsheets."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, FileError
from glassgrad.files import append_whole, exists
from glassgrad.training.callbacks.callback import Callback, Logs

__all__ = ["CSVLogger"]

MISSING = "NA"


class CSVLogger(Callback):
    """Write the logs of each epoch as a row of a CSV file.

    The columns are the epoch, from 0, and the logs of the first epoch in alphabetical order; where
    that epoch has no validation, a "val_" column for each follows, since later ones may have it.
    What a row does not have is "NA". Each row is written at once: whatever happens, the file
    ends with a whole one. In a run that was interrupted and is resumed, rows of epochs that come
    again are removed.

    Args:
        filename: the file.
        separator: the character between two columns.
        append: whether to keep what is in the file, without a second header.

    Raises:
        ArgumentError: the separator is not one character.
        FileError: the file cannot be written; training goes no further.

    Example:
        >>> import pathlib, tempfile
        >>> from glassgrad.models import Sequential
        >>> from glassgrad.layers import Dense
        >>> model = Sequential([Dense(1, kernel_initializer="zeros")])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "log.csv")
        ...     history = model.fit([[1.0]], [[1.0]], verbose=0, callbacks=[CSVLogger(path)])
        ...     print(path.read_text())
        epoch,loss,val_loss
        0,1.0,NA
        <BLANKLINE>
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        try:
            csv.writer(io.StringIO(), delimiter=separator)
            is_mistaken = separator in '\r\n"' or not separator.isascii()
        except (TypeError, ValueError):
            is_mistaken = True
        if is_mistaken:
            raise ArgumentError(
                f"The separator must be one character, such as ',' or ';'. Got {separator!r}."
            )
        self.filename, self.separator, self.append = os.fspath(filename), separator, append
        self._forget()

    def _forget(self) -> None:
        self._columns: list[str] | None = None
        self._length: int | None = None  # of the file as far as it counts; None: not begun

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin anew, with the first epoch."""
        self._forget()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Make the file, so that a failure is known before the first epoch."""
        self._make()

    def on_epoch_resume(self, epoch: int, batch: int) -> None:
        """Make the file, where there is none."""
        self._make()

    def _make(self) -> None:
        if self._length is None:
            self._length = append_whole(self.filename, b"", None if self.append else 0)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the row, and before the first one the header."""
        logs = logs or {}
        rows: list[Sequence[Any]] = []
        if self._columns is None:
            self._columns = _columns(logs)
            rows = [] if self._length else [["epoch", *self._columns]]
        rows.append([epoch, *(_cell(logs.get(name, MISSING)) for name in self._columns)])
        self._length = append_whole(self.filename, self._text(rows), self._length)

    def _text(self, rows: Iterable[Sequence[Any]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=self.separator).writerows(rows)
        return text.getvalue().encode()

    def state(self) -> dict[str, Any]:
        """The columns, and how much of the file counts."""
        return {"columns": self._columns, "length": self._length}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on after the row that was the last."""
        self._columns, self._length = state["columns"], state["length"]
        if self._length is None:
            return
        if not exists(self.filename) or Path(self.filename).stat().st_size < self._length:
            raise FileError(
                f"{self.filename!r} has lost rows since training was interrupted, or is gone. "
                "Bring it back, or train without this checkpoint."
            )


def _columns(logs: Mapping[str, Any]) -> list[str]:
    names = sorted(logs)
    if any(name.startswith("val_") for name in names):
        return names
    return names + [f"val_{name}" for name in names]


def _cell(value: Any) -> Any:
    """What is written for a value; several numbers stand in one cell."""
    return f'"[{", ".join(map(str, value))}]"' if np.shape(value) else value
