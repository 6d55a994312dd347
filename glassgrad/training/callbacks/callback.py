"""What every callback is, and whether an object is one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from glassgrad.arguments import checks_constructor
from glassgrad.errors import ArgumentError

if TYPE_CHECKING:
    from glassgrad.models.model import Model
    from glassgrad.training.data import Data

__all__ = ["Callback", "Logs", "Training", "as_callbacks", "overrides", "say"]

Logs: TypeAlias = dict[str, float]


class Training(Protocol):
    """What a callback sees of the loop that keeps it: where training is, and files with it."""

    model: Model
    data: Data
    validation: Data | None
    batch_size: int
    epochs: int
    epoch: int
    batch: int  # the next one of the epoch under way; 0 between two epochs
    shuffle: bool

    def save(self, path: str | PathLike[str]) -> None:
        """Write everything that decides how training goes on."""

    def load(self, path: str | PathLike[str]) -> None:
        """Go on from what ``save`` wrote."""


class Callback:
    """The base: write those of the methods that you need.

    All callbacks of an event get the same ``logs``: what one adds, the next one sees, and the
    history records. ``self.model.stop_training = True`` ends training after the batch. A callback
    that need not be called for every batch says so by ``sees_each_batch = False``. The names of
    the methods are Keras's; ``set_training`` and ``batches_until_due`` come in addition, and for
    runs that are interrupted and resumed ``on_epoch_resume``, ``take_up``, ``keep``, ``state`` and
    ``restore``.

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
    sees_each_batch: bool = True
    """Whether the methods around batches of training, and ``keep``, are called for each batch.

    Without it they are called now and then, for the last batch of several that are run at once
    (for about 50 ms), which keeps Python out of the steps.
    """
    reads_batch_logs: bool = True
    """Whether it wants to know loss and metrics after batches; nobody computes them in vain."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        checks_constructor(cls)

    def set_model(self, model: Model) -> None:
        """Get to know the model."""
        self.model = model

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Get to know epochs, steps and verbosity."""
        self.params = params

    def set_training(self, training: Training) -> None:
        """Get to know the loop, with its data; called before ``on_train_begin``."""

    def batches_until_due(self) -> int | None:
        """After how many more batches it must be called, where it does not see each of them.

        ``None`` leaves that to the time they take.
        """
        return None

    # ---- training

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
        """Called before each batch; calls ``on_batch_begin``, its older name."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each batch, with loss and metrics so far; calls ``on_batch_end``."""
        self.on_batch_end(batch, logs=logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each batch of training."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each batch of training, with loss and metrics so far."""

    # ---- evaluation and prediction

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Called before an evaluation, also before each validation within ``fit``."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Called after an evaluation, with its loss and metrics."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each batch of an evaluation, with loss and metrics so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Called before ``predict``."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Called after ``predict``."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Called before each batch of ``predict``."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Called after each batch of ``predict``, whose ``logs`` have the "outputs"."""

    # ---- interruption and resumption

    def take_up(self, training: Training) -> None:
        """Called once, when every ``on_train_begin`` is over: ``training.load`` may go on here."""

    def keep(self, training: Training) -> None:
        """Called between batches and between epochs: ``training.save`` writes a whole state."""

    def state(self) -> dict[str, Any]:
        """What must be remembered over an interruption, as plain data and arrays."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what ``state`` gave."""


def overrides(callback: Callback, *methods: str) -> bool:
    """Whether a callback has some of these methods of its own, from its class or given to it."""
    return any(
        getattr(getattr(callback, name), "__func__", None) is not getattr(Callback, name)
        for name in methods
    )


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


def say(text: str) -> None:
    """Write a message of a callback, on its own line."""
    sys.stderr.write(text + "\n")
