"""The public names of both libraries, family by family."""

from __future__ import annotations

import inspect
from functools import cache, reduce
from importlib import import_module
from typing import Any

FAMILIES = (
    "activations",
    "callbacks",
    "config",
    "constraints",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "optimizers.schedules",
    "random",
    "regularizers",
    "saving",
    "utils",
)


def family_of(name: str) -> Any:
    """One of our families; the optimizers' schedules are a family inside another."""
    return import_module(f"glassgrad.{name}")


def family_of_keras(keras: Any, name: str) -> Any:
    """Keras's family of the same name."""
    return reduce(getattr, name.split("."), keras)


def public_names(family: str) -> list[str]:
    """Our public functions and classes of a family."""
    module = family_of(family)
    return [
        name
        for name in module.__all__
        if inspect.isclass(getattr(module, name)) or inspect.isfunction(getattr(module, name))
    ]


@cache
def every_name() -> tuple[tuple[str, str], ...]:
    """Family and name of everything public."""
    return tuple((family, name) for family in FAMILIES for name in public_names(family))
