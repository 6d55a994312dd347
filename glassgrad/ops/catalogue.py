"""Every operation of the package, by name: each class that declares what it computes."""

from __future__ import annotations

from glassgrad.graph import Composite, Operation, Primitive

__all__ = ["operations"]


def operations() -> dict[str, type[Operation]]:
    """All operations that can be applied, by class name.

    Those of a module that is loaded later are listed once it is.

    Example:
        >>> operations()["Tanh"].__doc__
        'Squash every element into (-1, 1).'
    """
    found: dict[str, type[Operation]] = {}
    pending: list[type[Operation]] = [*Primitive.__subclasses__(), *Composite.__subclasses__()]
    while pending:
        kind = pending.pop()
        pending.extend(kind.__subclasses__())
        is_complete = "forward" in vars(kind) or "definition" in vars(kind)
        if is_complete and kind.__module__.startswith("glassgrad."):
            found[kind.__name__] = kind
    return dict(sorted(found.items()))
