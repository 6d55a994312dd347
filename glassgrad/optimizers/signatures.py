"""Constructors that show the arguments that they hand on to the base class."""

from __future__ import annotations

import inspect
from inspect import Parameter

__all__ = ["show_handed_on"]

VARIADIC = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)


def show_handed_on(cls: type) -> None:
    """Let a constructor show, instead of ``*common, **kwargs``, the arguments that these take.

    Without ``*common`` they can be given by name alone.

    Example:
        >>> class Base:
        ...     def __init__(self, rate, decay=0.0, name=None): ...
        >>> class Own(Base):
        ...     def __init__(self, rate=0.1, *common, **kwargs): ...
        >>> show_handed_on(Own)
        >>> inspect.signature(Own)
        <Signature (rate=0.1, decay=0.0, name=None)>
    """
    constructor = vars(cls).get("__init__")
    if constructor is None:
        return
    own = inspect.signature(constructor).parameters
    kinds = {parameter.kind for parameter in own.values()}
    if Parameter.VAR_KEYWORD not in kinds:
        return
    by_position = Parameter.VAR_POSITIONAL in kinds
    kind = Parameter.POSITIONAL_OR_KEYWORD if by_position else Parameter.KEYWORD_ONLY
    base = next(vars(one)["__init__"] for one in cls.__mro__[1:] if "__init__" in vars(one))
    further = [
        parameter.replace(kind=kind)
        for name, parameter in inspect.signature(base).parameters.items()
        if name not in own and parameter.default is not Parameter.empty
    ]
    named = [p for p in own.values() if p.kind not in VARIADIC]
    shown = sorted([*named, *further], key=lambda parameter: parameter.kind)
    constructor.__signature__ = inspect.Signature(shown)
