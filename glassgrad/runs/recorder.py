"""The callback that writes the metrics of a run into the database."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np

from glassgrad import __version__
from glassgrad.errors import FileError
from glassgrad.files import make_folder
from glassgrad.runs.database import RunDatabase, open_or_remake
from glassgrad.runs.record import ENDED, FAILED, INTERRUPTED, RUNNING, RunRecord, now
from glassgrad.training.callbacks import Callback, Logs

__all__ = ["Recorder"]

Findings: TypeAlias = Sequence[Mapping[str, Any]]


class Recorder(Callback, contextlib.AbstractContextManager["Recorder", None]):
    """Write the logs of each epoch, and how the run ends, into the database beside its folder.

    Training never depends on it: where the database cannot be written, there is one warning and
    training goes on. A resumed run overwrites the epochs that come again.

    Args:
        folder: of the run, made if need be; the database is ``runs.sqlite`` in the folder around
            it.
        config: what decides the run, as plain data.
        warn: takes the warning.
        findings: gives what a doctor has found so far, as plain data.

    Example:
        >>> import tempfile
        >>> from glassgrad.models import Sequential
        >>> from glassgrad.layers import Dense
        >>> model = Sequential([Dense(1, kernel_initializer="zeros")])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> folder = tempfile.TemporaryDirectory()
        >>> with Recorder(folder.name + "/first", {"epochs": 1}) as recorder:
        ...     history = model.fit([[1.0]], [[1.0]], verbose=0, callbacks=[recorder])
        >>> with RunDatabase(Path(folder.name, "runs.sqlite")) as database:
        ...     run = database.record("first")
        >>> run.status, run.metrics
        ('ended', {'loss': {0: 1.0}})
        >>> folder.cleanup()
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        config: Mapping[str, Any],
        warn: Callable[[str], None] = warnings.warn,
        findings: Callable[[], Findings] | None = None,
    ) -> None:
        place = Path(folder).resolve()
        version = str(config.get("version", __version__))
        self._record = RunRecord(place.name, str(folder), RUNNING, config, version=version)
        self._place, self._warn, self._findings = place.parent, warn, findings
        self._database: RunDatabase | None = None
        self._before, self._began = 0.0, 0.0
        self._is_first_epoch = True
        self.result: Mapping[str, Any] | None = None  # what the run has come to, for the database

    # ---- the run as a whole

    def __enter__(self) -> Self:
        """The run begins, or goes on."""
        self._began = time.monotonic()
        with self._guarded():
            make_folder(self._place / self._record.name)
            self._database = open_or_remake(self._place, self._warn)
            known = self._database.record(self._record.name)
            self._before = (known and known.seconds) or 0.0
            begun = (known and known.begun) or now()
            self._record = replace(self._record, begun=begun, seconds=self._before)
            self._database.write(self._record)
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        """The run has ended, failed, or was interrupted."""
        status = ENDED if kind is None else FAILED if issubclass(kind, Exception) else INTERRUPTED
        seconds = (self.result or {}).get("seconds", self._seconds)
        self._record = replace(
            self._record,
            status=status,
            ended=now(),
            seconds=seconds,
            result=self.result,
            findings=self._found(),
        )
        with self._guarded() as database:
            if database is not None:
                database.write(self._record)
        if self._database is not None:
            self._database.close()
            self._database = None

    def _found(self) -> Findings | None:
        return None if self._findings is None else self._findings()

    @property
    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._began

    # ---- its epochs

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Forget what comes again."""
        self._begin_at(epoch)

    def on_epoch_resume(self, epoch: int, batch: int) -> None:
        """Forget what comes again."""
        self._begin_at(epoch)

    def _begin_at(self, epoch: int) -> None:
        if not self._is_first_epoch:
            return
        self._is_first_epoch = False
        with self._guarded() as database:
            if database is not None:
                database.forget_metrics(self._record.name, epoch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the logs."""
        values = _numbers(logs or {})
        with self._guarded() as database:
            if database is not None:
                database.write_epoch(self._record.name, epoch, values)
                self._record = replace(self._record, seconds=self._seconds, findings=self._found())
                database.write(self._record)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[RunDatabase | None]:
        """Let training go on whatever happens to the database; it is given up then."""
        try:
            yield self._database
        except (sqlite3.Error, OSError, FileError) as error:
            self._warn(f"The metrics of this run are not recorded: {error}. Training goes on.")
            if self._database is not None:
                self._database.close()
                self._database = None


def _numbers(logs: Mapping[str, Any]) -> dict[str, float]:
    """What of the logs is one number; a callback may add anything."""
    return {
        name: float(value)
        for name, value in logs.items()
        if isinstance(value, int | float | np.number)
    }
