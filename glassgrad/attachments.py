"""Methods that are written further down the house than the class that has them.

The package says which they are (`attach`); the class takes them in (`Attached`), and the module
that holds one is imported when the method is first asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

__all__ = ["attach", "attached_to"]

_methods: dict[str, dict[str, Callable[[], Any]]] = defaultdict(dict)


def attach(owner: str, name: str, load: Callable[[], Any]) -> None:
    """Let a class have a method from elsewhere; to be called before the class is made.

    Args:
        owner: what the class goes by in ``attached_to``.
        name: the name of the method.
        load: gives the function, when it is first asked for.
    """
    _methods[owner][name] = load


def attached_to(owner: str) -> type:
    """A base class with all methods that were attached.

    Example:
        >>> attach("Greeter", "greet", lambda: lambda self, name: f"Hello {name}")
        >>> class Greeter(attached_to("Greeter")):
        ...     pass
        >>> Greeter().greet("world")
        'Hello world'
    """
    return type(f"{owner}Methods", (), {n: _Method(load) for n, load in _methods[owner].items()})


class _Method:
    """Stands in a class for a function until it is asked for."""

    def __init__(self, load: Callable[[], Any]) -> None:
        self._load = load

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner, self._name = owner, name

    def __get__(self, instance: object, kind: type) -> Any:
        function = self._load()
        setattr(self._owner, self._name, function)
        return function.__get__(instance, kind)
