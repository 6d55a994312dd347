"""When training ends before its last epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from glassgrad.errors import ArgumentError, ExecutionError
from glassgrad.graph.operation import Array
from glassgrad.training.callbacks.callback import Callback, Logs, say
from glassgrad.training.callbacks.monitor import Monitor

__all__ = ["EarlyStopping", "StopAtTarget", "TerminateOnNaN", "TimeLimit"]


class EarlyStopping(Monitor):
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
        verbose: int | bool = 0,
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
            say(
                f"epoch {self.stopped_epoch + 1}: stopped, for {self.monitor} has not improved "
                f"since epoch {self.best_epoch + 1}"
            )
        if self.restore_best_weights and self.best_weights is not None:
            if self.verbose:
                say(f"the weights are those of epoch {self.best_epoch + 1}, the best one")
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


class StopAtTarget(Monitor):
    """Stop after the epoch in which a watched quantity has reached a target.

    Training ends when monitor <= target (mode "min") or monitor >= target (mode "max"). Keras
    has no such callback. Where the quantity is missing from the logs there is a warning.

    Args:
        target: the value that is good enough.
        monitor: the quantity, by its name in the logs.
        mode: "min", "max", or "auto": by the name of the quantity.
        verbose: whether to say so when training is stopped.

    Raises:
        ArgumentError: the target is not finite, or the mode is unknown, or "auto" and the name
            does not tell it.

    Example:
        >>> from glassgrad.models import Sequential
        >>> from glassgrad.layers import Dense
        >>> model = Sequential([Dense(1)])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> enough = StopAtTarget(1e9, "loss")
        >>> history = model.fit([[1.0]], [[1.0]], epochs=10, verbose=0, callbacks=[enough])
        >>> len(history.epoch)
        1
    """

    def __init__(
        self, target: float, monitor: str = "val_loss", mode: str = "auto", verbose: int | bool = 0
    ) -> None:
        super().__init__(monitor, mode)
        if not isfinite(target):
            raise ArgumentError(f"The target of {monitor!r} must be finite. Got {target!r}.")
        self.target, self.verbose = target, verbose

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare with the target."""
        value = self.watched(logs)
        if value is None or not (value == self.target or self.is_better(value, self.target)):
            return
        self.model.stop_training = True
        if self.verbose:
            say(f"epoch {epoch + 1}: stopped, for {self.monitor} is {value:.4g}")


class TimeLimit(Callback):
    """Stop after the batch before which training has taken some time.

    The seconds of training count, not those between an interruption and the resumption; so the
    result depends on the speed of the machine. Where a run that this limit has ended is taken up
    with a greater one, it goes on. Keras has no such callback.

    Args:
        seconds: how long training may take, above 0.
        verbose: whether to say so when training is stopped.
        clock: tells the time in seconds; ``time.monotonic`` by default.

    Raises:
        ArgumentError: the number of seconds is not above 0.

    Example:
        >>> from glassgrad.models import Sequential
        >>> from glassgrad.layers import Dense
        >>> model = Sequential([Dense(1)])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> ticks = iter(range(100))  # a clock on which each look takes a second
        >>> limit = TimeLimit(3, clock=lambda: next(ticks))
        >>> history = model.fit([[1.0]], [[1.0]], epochs=10, verbose=0, callbacks=[limit])
        >>> len(history.epoch)
        3
    """

    sees_each_batch = False

    def __init__(
        self,
        seconds: float,
        verbose: int | bool = 0,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not seconds > 0:
            raise ArgumentError(f"The time limit must be above 0 seconds. Got {seconds!r}.")
        self.seconds, self.verbose, self.clock = seconds, verbose, clock
        self._before, self._began = 0.0, 0.0
        self._used = 0.0
        self.is_reached = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Look at the clock."""
        self._before, self._used, self._began = 0.0, 0.0, self.clock()
        self.is_reached = False

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Stop after this batch when the time is over."""
        self._used = self._before + self.clock() - self._began
        if self._used >= self.seconds:
            self.is_reached = self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Say so, where it has stopped."""
        if self.is_reached and self.verbose:
            say(f"epoch {epoch + 1}: stopped, for {self.seconds:g} seconds are over")

    def state(self) -> dict[str, Any]:
        """The seconds so far, and whether they were too many."""
        return {"used": self._used, "is_reached": self.is_reached}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on counting; a greater limit takes back what a smaller one has stopped."""
        self._before = self._used = float(state["used"])
        self._began = self.clock()
        self.is_reached = state["is_reached"] and self._used >= self.seconds
        if state["is_reached"] and not self.is_reached:
            self.model.stop_training = False


class TerminateOnNaN(Callback):
    """Stop after the first batch that leaves the loss NaN or infinite.

    What is watched is the mean loss of the epoch so far, as the logs have it.

    Args:
        raise_error: whether to raise instead, so that no ``on_train_end`` is called.

    Raises:
        ExecutionError: the loss is not finite, with ``raise_error``.

    Example:
        >>> callback = TerminateOnNaN(raise_error=True)
        >>> callback.on_train_batch_end(3, {"loss": float("nan")})
        Traceback (most recent call last):
        glassgrad.errors.ExecutionError: The loss is nan after batch 3. Try a lower learning ...
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss", 0.0)
        if isfinite(loss):
            return
        if self.raise_error:
            raise ExecutionError(
                f"The loss is {loss} after batch {batch}. Try a lower learning rate, clipped "
                "gradients (clipnorm=1.0), or data without extreme values."
            )
        say(f"batch {batch}: stopped, for the loss is {loss}")
        self.model.stop_training = True
