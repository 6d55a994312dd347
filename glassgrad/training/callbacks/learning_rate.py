"""Changing the learning rate between epochs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError
from glassgrad.layers.layer import require_count
from glassgrad.training.callbacks.callback import Callback, Logs, say
from glassgrad.training.callbacks.monitor import Monitor

__all__ = ["LearningRateScheduler", "ReduceLROnPlateau"]

LEARNING_RATE = "learning_rate"  # its name in the logs


def rate_of(callback: Callback) -> float:
    """The learning rate of a callback's model, as it is now."""
    return float(np.asarray(callback.model.optimizer.learning_rate.numpy()))


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch, by a function.

    The logs of the epoch get the "learning_rate" that held in it.

    Args:
        schedule: takes the number of the epoch, from 0, and, unless it takes one argument alone,
            the learning rate; gives the new one.
        verbose: whether to say the new learning rate.

    Raises:
        ArgumentError: the schedule gives something other than a finite number from 0 on; or the
            optimizer has a schedule of its own, so that none can be assigned.

    Example:
        >>> from glassgrad.models import Sequential
        >>> from glassgrad.layers import Dense
        >>> model = Sequential([Dense(1)])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> halve = LearningRateScheduler(lambda epoch, rate: rate / 2)
        >>> history = model.fit([[1.0]], [[1.0]], epochs=2, verbose=0, callbacks=[halve])
        >>> [round(rate, 6) for rate in history.history["learning_rate"]]
        [0.005, 0.0025]
    """

    def __init__(self, schedule: Callable[..., float], verbose: int | bool = 0) -> None:
        if not callable(schedule):
            raise ArgumentError(
                "The schedule must be a function of epoch and learning rate. Got "
                f"{schedule!r}; an optimizer takes numbers: learning_rate=0.1."
            )
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the learning rate."""
        arguments = (epoch, rate_of(self))[: _places(self.schedule)]
        rate = _as_rate(self.schedule(*arguments))
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            say(f"epoch {epoch + 1}: the learning rate is {rate:g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Add the learning rate to the logs."""
        if logs is not None:
            logs[LEARNING_RATE] = rate_of(self)


def _places(schedule: Callable[..., float]) -> int:
    """How many of epoch and learning rate a schedule takes."""
    try:
        signature = inspect.signature(schedule)
        signature.bind(0, 0.0)
    except TypeError:
        return 1
    except ValueError:  # a function of C that does not tell
        return 2
    return 2


def _as_rate(value: Any) -> float:
    number = value.numpy() if hasattr(value, "numpy") else value
    is_number = isinstance(number, int | float | np.number | np.ndarray)
    if not is_number or isinstance(number, bool) or np.ndim(number):
        raise ArgumentError(
            f"A schedule must give the learning rate as a number. Got {value!r}; does the function "
            "return it?"
        )
    return float(number)


class ReduceLROnPlateau(Monitor):
    """Multiply the learning rate by a factor when a watched quantity has stopped improving.

    lr <- max(factor lr, min_lr) after ``patience`` epochs without an improvement by more than
    ``min_delta``. The logs of each epoch get its "learning_rate".

    Args:
        monitor: the quantity, by its name in the logs.
        factor: from above 0 to below 1.
        patience: the number of epochs without improvement after which the rate is reduced.
        verbose: whether to say so when it is.
        mode: "min", "max", or "auto": by the name of the quantity.
        min_delta: by how much the quantity must improve to count.
        cooldown: how many epochs after a reduction are not counted.
        min_lr: the learning rate below which it is not reduced.

    Raises:
        ArgumentError: a number is out of its range, the mode is unknown, or "auto" and the name
            does not tell it.

    Example:
        >>> from glassgrad.models import Sequential
        >>> from glassgrad.layers import Dense
        >>> model = Sequential([Dense(1)])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> plateau = ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
        >>> history = model.fit([[1.0]], [[1.0]], epochs=3, verbose=0, callbacks=[plateau])
        >>> [round(rate, 6) for rate in history.history["learning_rate"]]
        [0.01, 0.01, 0.005]
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int | bool = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        if not 0 < factor < 1:
            raise ArgumentError(
                f"The factor must be above 0 and below 1, to reduce the rate. Got {factor!r}."
            )
        if not 0 <= min_lr < np.inf:
            raise ArgumentError(f"min_lr must be a finite number from 0 on. Got {min_lr!r}.")
        self.factor, self.min_lr, self.verbose = factor, min_lr, verbose
        self.patience = require_count("patience", patience, 0)
        self.cooldown = require_count("cooldown", cooldown, 0)
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.wait = self.cooldown_counter = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin anew."""
        self._forget()

    def in_cooldown(self) -> bool:
        """Whether a reduction was so recent that nothing is counted."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Compare with the best, and reduce the rate when patience is at its end."""
        logs = {} if logs is None else logs
        logs[LEARNING_RATE] = rate_of(self)
        value = self.watched(logs)
        if value is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
        if self.is_better(value, self.best):
            self.best, self.wait = value, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        before = rate_of(self)
        if before <= np.float32(self.min_lr):  # the optimizer keeps its rate in float32
            return
        rate = max(before * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = rate
        self.cooldown_counter, self.wait = self.cooldown, 0
        if self.verbose:
            say(
                f"epoch {epoch + 1}: the learning rate is reduced to {rate:g}, for {self.monitor} "
                "has stopped improving"
            )

    def state(self) -> dict[str, Any]:
        """The best so far, and how long ago it and the last reduction were."""
        return {"best": self.best, "wait": self.wait, "cooldown_counter": self.cooldown_counter}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on waiting where it was left."""
        self.best, self.wait = state["best"], state["wait"]
        self.cooldown_counter = state["cooldown_counter"]
