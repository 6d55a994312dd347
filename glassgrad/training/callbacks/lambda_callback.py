"""A callback made of functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glassgrad.errors import ArgumentError, UnknownNameError
from glassgrad.training.callbacks.callback import Callback

__all__ = ["LambdaCallback"]

_METHODS = sorted(name for name in vars(Callback) if name.startswith("on_"))


class LambdaCallback(Callback):
    """Functions that are called around training, each in the place of the method of its name.

    Args:
        on_epoch_begin: called with epoch and logs.
        on_epoch_end: called with epoch and logs.
        on_train_begin: called with logs.
        on_train_end: called with logs.
        on_train_batch_begin: called with batch and ``logs=``.
        on_train_batch_end: called with batch and ``logs=``.
        kwargs: functions for other methods of ``Callback`` whose names begin with "on_".

    Raises:
        UnknownNameError: there is no such method.
        ArgumentError: something is no function.

    Example:
        >>> callback = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs["loss"]))
        >>> callback.on_epoch_end(3, {"loss": 0.25})
        3 0.25
    """

    def __init__(
        self,
        on_epoch_begin: Callable[..., Any] | None = None,
        on_epoch_end: Callable[..., Any] | None = None,
        on_train_begin: Callable[..., Any] | None = None,
        on_train_end: Callable[..., Any] | None = None,
        on_train_batch_begin: Callable[..., Any] | None = None,
        on_train_batch_end: Callable[..., Any] | None = None,
        **kwargs: Callable[..., Any] | None,
    ) -> None:
        functions = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
            **kwargs,
        }
        for name, function in functions.items():
            if name not in _METHODS:
                raise UnknownNameError("method of a callback", name, _METHODS)
            if function is not None:
                if not callable(function):
                    raise ArgumentError(f"{name} must be a function. Got {function!r}.")
                setattr(self, name, function)
