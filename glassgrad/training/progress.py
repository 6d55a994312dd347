"""How training shows itself: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

import numpy as np

from glassgrad.errors import ArgumentError, shown
from glassgrad.training.callbacks.callback import Callback, Logs

__all__ = [
    "PlainProgress",
    "ProgressBar",
    "checked_verbosity",
    "progress_for",
    "show_results",
    "written",
]

SECONDS_BETWEEN_LOOKS = 0.1
SHOWN_NUMBERS = 16  # a longer array is told by its shape
_LEAST_BAR = "epoch  ━━━━━━━━   00:00:00 left"  # what stands around rate and logs


def written(logs: Logs | None) -> str:
    """Logs on one line.

    Example:
        >>> written({"loss": 0.25, "accuracy": 0.975})
        'loss 0.2500  accuracy 0.9750'
    """
    return "  ".join(f"{name} {_number(value)}" for name, value in (logs or {}).items())


def _that_fits(logs: Logs | None, room: int) -> str:
    """As many logs as find room, whole ones, in order."""
    fitting = dict(logs or {})
    while fitting and len(written(fitting)) > room:
        fitting.popitem()
    return written(fitting)


def _number(value: Any) -> str:
    if np.size(value) > SHOWN_NUMBERS:
        return f"array of shape {np.shape(value)}"
    if np.ndim(value):
        return f"[{' '.join(map(_number, value))}]"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.3e}"


def progress_for(
    verbose: str | int, stream: TextIO | None = None
) -> ProgressBar | PlainProgress | None:
    """The callback that shows progress: 0 none, 1 a bar, 2 a line an epoch, "auto" by the stream.

    Raises:
        ArgumentError: ``verbose`` is something else.
    """
    stream = sys.stderr if stream is None else stream
    chosen = checked_verbosity(verbose)
    if chosen == "auto":
        chosen = 1 if stream.isatty() else 2
    if not chosen:
        return None
    return ProgressBar(stream) if chosen == 1 else PlainProgress(stream)


def checked_verbosity(verbose: Any) -> str | int:
    """How much is shown.

    Raises:
        ArgumentError: ``verbose`` is none of Keras's values.
    """
    if not isinstance(verbose, str | int) or verbose not in ("auto", 0, 1, 2):
        raise ArgumentError(
            "verbose must be 'auto', 0 for silence, 1 for a bar or 2 for a line an "
            f"epoch. Got {shown(verbose)}."
        )
    return verbose


def show_results(verbose: str | int, logs: Logs, stream: TextIO | None = None) -> None:
    """A line with the results of an evaluation; with "auto" on a terminal only."""
    stream = sys.stderr if stream is None else stream
    if stream.isatty() if checked_verbosity(verbose) == "auto" else verbose:
        print(written(logs), file=stream, flush=True)


class PlainProgress(Callback):
    """One line for each epoch."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.started = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Look at the clock."""
        self.started = time.perf_counter()

    def on_epoch_resume(self, epoch: int, batch: int) -> None:
        """Look at the clock."""
        self.started = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the line."""
        seconds = time.perf_counter() - self.started
        epochs = self.params["epochs"]
        print(
            f"epoch {epoch + 1}/{epochs}  {seconds:.1f} s  {written(logs)}",
            file=self.stream,
            flush=True,
        )

    def close(self) -> None:
        """There is nothing to take away."""


class ProgressBar(Callback):
    """A bar over all batches, with rate, loss, metrics and the time that remains."""

    sees_each_batch = False

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self._bar: Any = None
        self._epoch = self._done = 0
        self._looked = 0.0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin anew; the bar appears with the first epoch."""
        self._bar = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Show the bar where training begins or goes on."""
        self._epoch = epoch
        if self._bar is None:
            self._start(epoch, 0)

    def on_epoch_resume(self, epoch: int, batch: int) -> None:
        """Show the bar in the middle of an epoch."""
        self._epoch = epoch
        self._start(epoch, batch)

    def _start(self, epoch: int, batch: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        steps, epochs = self.params["steps"], self.params["epochs"]
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[rate]}"),
            TextColumn("{task.fields[logs]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            console=Console(file=self.stream),
            refresh_per_second=8,
            expand=True,
            transient=True,
        )
        self._progress.start()
        self._done = self._from = epoch * steps + batch
        self._began = time.perf_counter()
        self._bar = self._progress.add_task(
            "",
            total=steps * epochs,
            completed=self._done,
            epoch=f"{epoch + 1}/{epochs}",
            rate="",
            logs="",
        )

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Move on, a few times a second."""
        self._done = self._epoch * self.params["steps"] + batch + 1
        now = time.perf_counter()
        if now - self._looked >= SECONDS_BETWEEN_LOOKS:
            self._looked = now
            self._show(self._epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Leave a line for the epoch above the bar."""
        epochs = self.params["epochs"]
        self._done = (epoch + 1) * self.params["steps"]
        self._progress.console.print(
            f"epoch {epoch + 1}/{epochs}  {written(logs)}", highlight=False
        )
        self._show(min(epoch + 1, epochs - 1), logs)

    def _show(self, epoch: int, logs: Logs | None) -> None:
        rate = (self._done - self._from) / max(time.perf_counter() - self._began, 1e-9)
        epochs = self.params["epochs"]
        where, speed = f"{min(epoch + 1, epochs)}/{epochs}", f"{rate:,.0f} batches/s"
        room = self._progress.console.width - len(_LEAST_BAR) - len(where) - len(speed)
        fitting = _that_fits(logs, room)
        self._progress.update(
            self._bar, completed=self._done, epoch=where, rate=speed, logs=fitting
        )

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Take the bar away."""
        self.close()

    def close(self) -> None:
        """Give the terminal back, also after an error."""
        if self._bar is not None:
            self._progress.stop()
            self._bar = None
