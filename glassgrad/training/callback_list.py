"""Calling each of several callbacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from glassgrad.errors import FileError
from glassgrad.training.callbacks.callback import (
    Callback,
    Logs,
    Training,
    as_callbacks,
    overrides,
)
from glassgrad.training.callbacks.history import History
from glassgrad.training.progress import progress_for

if TYPE_CHECKING:
    from glassgrad.models.model import Model

__all__ = ["CallbackList"]

OLDER_NAMES = {
    "on_train_batch_begin": "on_batch_begin",
    "on_train_batch_end": "on_batch_end",
}
RESUMPTION = ("on_epoch_resume", "take_up", "keep")
EVENTS = tuple(
    name
    for name in vars(Callback)
    if name.startswith("on_") and name not in (*OLDER_NAMES.values(), *RESUMPTION)
)


class CallbackList(Callback):
    """Several callbacks as one, called in order; also for a training loop of one's own.

    Args:
        callbacks: none, one, or several.
        add_history: whether a ``History`` joins them, where there is none.
        add_progbar: whether a bar, or lines where there is no terminal, joins them.
        model: which one they accompany.
        params: epochs, steps and verbosity, as the callbacks may read them in ``params``.

    Raises:
        ArgumentError: something is no callback.

    Example:
        >>> class Announce(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(f"epoch {epoch}: {logs}")
        >>> callbacks = CallbackList([Announce()], add_history=True, epochs=1)
        >>> callbacks.on_epoch_end(0, {"loss": 0.5})
        epoch 0: {'loss': 0.5}
    """

    def __init__(
        self,
        callbacks: Sequence[Callback] | Callback | None = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Model | None = None,
        **params: Any,
    ) -> None:
        self.callbacks = as_callbacks(callbacks)
        if add_progbar and (progress := progress_for(params.get("verbose", "auto"))) is not None:
            self.callbacks.append(progress)
        if add_history and not any(isinstance(one, History) for one in self.callbacks):
            self.callbacks.append(History())
        if model is not None:
            self.set_model(model)
        self.set_params(params)
        self._find_listeners()

    def _find_listeners(self) -> None:
        self._listeners = {name: self._those_with(name) for name in (*EVENTS, *RESUMPTION)}

    def _those_with(self, method: str) -> list[Callback]:
        names = [method, *filter(None, [OLDER_NAMES.get(method)])]
        return [one for one in self.callbacks if overrides(one, *names)]

    def listens(self, *events: str) -> bool:
        """Whether a callback has something to do at one of some events."""
        return any(self._listeners[event] for event in events)

    def wants_logs(self, event: str) -> bool:
        """Whether a callback that has something to do at an event looks at the logs of batches."""
        return any(one.reads_batch_logs for one in self._listeners[event])

    def most_batches(self, *events: str) -> int | None:
        """How many batches may be run at a time until a callback must be called for some events.

        ``None`` where no callback sets a limit.
        """
        listeners = {one for event in events for one in self._listeners[event]}
        limits = [1 if one.sees_each_batch else one.batches_until_due() for one in listeners]
        return min((max(1, limit) for limit in limits if limit is not None), default=None)

    def append(self, callback: Callback) -> None:
        """Add one more.

        Raises:
            ArgumentError: it is no callback.
        """
        self.callbacks += as_callbacks([callback])
        self._find_listeners()

    def set_model(self, model: Model) -> None:
        """Introduce the model to all."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: Mapping[str, Any]) -> None:
        """Tell all of epochs, steps and verbosity."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_training(self, training: Training) -> None:
        """Introduce the training loop to all."""
        for callback in self.callbacks:
            callback.set_training(training)

    # ---- interruption and resumption

    def on_epoch_resume(self, epoch: int, batch: int) -> None:
        """Tell all where an interrupted epoch goes on."""
        for callback in self._listeners["on_epoch_resume"]:
            callback.on_epoch_resume(epoch, batch)

    def take_up(self, training: Training) -> None:
        """Let one who has kept something go on from it."""
        for callback in self._listeners["take_up"]:
            callback.take_up(training)

    def keep(self, training: Training) -> None:
        """Let those who keep something do so."""
        for callback in self._listeners["keep"]:
            callback.keep(training)

    def states(self) -> list[dict[str, Any]]:
        """What the callbacks remember, in order, of those that remember something."""
        return [
            {"class": type(one).__name__, "state": one.state()} for one in self._those_with("state")
        ]

    def restore_all(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Give each callback back what it remembered.

        Raises:
            FileError: other callbacks have been there.
        """
        callbacks = self._those_with("state")
        now, then = [type(one).__name__ for one in callbacks], [one["class"] for one in states]
        if now != then:
            raise FileError(f"The callbacks that remember something must be {then}. Got {now}.")
        for callback, state in zip(callbacks, states, strict=True):
            callback.restore(state["state"])


def _forwarding(event: str) -> Callable[..., None]:
    """A method that hands an event on, in order, to the callbacks that have something to do.

    How they get the logs is Keras's way, so that functions in the place of methods may rely on it.
    """
    if "_batch_" in event:

        def of_batch(self: CallbackList, batch: int, logs: Logs | None = None) -> None:
            for callback in self._listeners[event]:
                getattr(callback, event)(batch, logs=logs)

        return of_batch
    if "_epoch_" in event:

        def of_epoch(self: CallbackList, epoch: int, logs: Logs | None = None) -> None:
            for callback in self._listeners[event]:
                getattr(callback, event)(epoch, logs)

        return of_epoch

    def of_all(self: CallbackList, logs: Logs | None = None) -> None:
        for callback in self._listeners[event]:
            getattr(callback, event)(logs)

    return of_all


for _event in EVENTS:
    _method = _forwarding(_event)
    _method.__name__, _method.__doc__ = _event, getattr(Callback, _event).__doc__
    setattr(CallbackList, _event, _method)
