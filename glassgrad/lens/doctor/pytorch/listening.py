"""Hearing the functions that a module calls, without a change to the module."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

__all__ = ["Arguments", "Ear", "listener"]

Arguments = tuple[Any, ...]


class Ear(Protocol):
    """Who wants to hear of calls."""

    def before(self, name: str, arguments: Arguments, settings: Mapping[str, Any]) -> None:
        """A function is about to be called."""

    def after(
        self, name: str, arguments: Arguments, settings: Mapping[str, Any], result: Any
    ) -> None:
        """A function has been called."""


def listener(ear: Callable[[], Ear | None]) -> Any:
    """A mode of PyTorch in which an ear hears each function; while there is none, nothing is done.

    Args:
        ear: who listens just now.
    """
    from torch.overrides import TorchFunctionMode

    class Listener(TorchFunctionMode):
        def __torch_function__(
            self,
            func: Any,
            types: Any,
            args: Arguments = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> Any:
            settings = kwargs or {}
            who = ear()
            if who is None:
                return func(*args, **settings)
            name = func.__name__
            who.before(name, args, settings)
            result = func(*args, **settings)
            who.after(name, args, settings, result)
            return result

    return Listener()
