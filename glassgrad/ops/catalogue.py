"""Every operation of the package, by name."""

from __future__ import annotations

from glassgrad.graph import Composite, Operation, Primitive
from glassgrad.graph.tensor import Leaf

__all__ = ["operations"]


def operations() -> dict[str, type[Operation]]:
    """All operations that can be applied, by class name."""
    found: dict[str, type[Operation]] = {}
    pending: list[type[Operation]] = [Primitive, Composite]
    while pending:
        kind = pending.pop()
        pending.extend(kind.__subclasses__())
        declares = "forward" in vars(kind) or "definition" in vars(kind)
        if declares and kind.__module__.startswith("glassgrad.") and not issubclass(kind, Leaf):
            found[kind.__name__] = kind
    del found["Primitive"], found["Composite"]
    return dict(sorted(found.items()))
