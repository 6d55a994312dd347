"""Writing and reading models, and the names under which files find what is one's own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from glassgrad import constraints, initializers, layers, losses, metrics, optimizers, regularizers
from glassgrad.arguments import checked_before
from glassgrad.errors import ArgumentError, UnknownNameError
from glassgrad.models import Model, load_model
from glassgrad.optimizers import schedules
from glassgrad.serialization import (
    Configurable,
    custom_object_scope,
    get_custom_objects,
    register_keras_serializable,
    serialize,
)

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]

CustomObjectScope = custom_object_scope

#: Every family by the name of its module: the base of its members, and the way back to one.
_FAMILIES: Mapping[str, tuple[type, Callable[[Any], Any]]] = MappingProxyType(
    {
        "glassgrad.layers": (layers.Layer, layers.deserialize),
        "glassgrad.initializers": (initializers.Initializer, initializers.deserialize),
        "glassgrad.regularizers": (regularizers.Regularizer, regularizers.deserialize),
        "glassgrad.constraints": (constraints.Constraint, constraints.deserialize),
        "glassgrad.losses": (losses.Loss, losses.deserialize),
        "glassgrad.metrics": (metrics.Metric, metrics.deserialize),
        "glassgrad.optimizers": (optimizers.Optimizer, optimizers.deserialize),
        "glassgrad.optimizers.schedules": (schedules.LearningRateSchedule, schedules.deserialize),
    }
)


def serialize_keras_object(obj: Any) -> Any:
    """Plain data for an object of any family, or for lists and dictionaries of them.

    Args:
        obj: a layer, a loss and so on, a registered function, or numbers and text.

    Returns:
        ``{"module": …, "class_name": …, "config": …}`` for an object, the name of a function;
        numbers and text stay what they are.

    Raises:
        ArgumentError: it is nothing that is known here.

    Example:
        >>> serialize_keras_object(regularizers.L1(0.005))
        {'module': 'glassgrad.regularizers', 'class_name': 'L1', 'config': {'l1': 0.005}}
    """
    if isinstance(obj, list | tuple):
        return type(obj)(map(serialize_keras_object, obj))
    if isinstance(obj, Mapping):
        return {str(key): serialize_keras_object(entry) for key, entry in obj.items()}
    plain = serialize(obj)
    if not isinstance(obj, Configurable):
        return plain
    family = next((name for name, (base, _) in _FAMILIES.items() if isinstance(obj, base)), None)
    return {"module": family, **plain}


def deserialize_keras_object(
    config: Any, custom_objects: Mapping[str, Any] | None = None, safe_mode: bool = True
) -> Any:
    """The object that ``serialize_keras_object`` has written down.

    Args:
        config: the configuration of an object; without ``module``, as ``get_config`` nests them,
            it is looked for in every family. Numbers and text stay what they are.
        custom_objects: classes and functions of one's own that it names.
        safe_mode: accepted as in Keras; a configuration cannot bring code along.

    Raises:
        ArgumentError: there is no class of that name in any family.
        UnknownNameError: the class, or one of its arguments, is unknown in its family.

    Example:
        >>> deserialize_keras_object({"class_name": "L1", "config": {"l1": 0.005}})
        L1(l1=0.005)
    """
    with custom_object_scope(custom_objects):
        return _made(config)


def _made(config: Any) -> Any:
    if isinstance(config, list | tuple):
        return type(config)(map(_made, config))
    if not isinstance(config, Mapping):
        return config
    if "class_name" not in config:
        return {name: _made(entry) for name, entry in config.items()}
    if config.get("module") in _FAMILIES:
        return _FAMILIES[config["module"]][1](config)
    for _, deserialize in _FAMILIES.values():
        with suppress(UnknownNameError):
            return deserialize(config)
    raise ArgumentError(
        f"No family has a class {config['class_name']!r}, or it does not take these arguments. "
        "Register a class of your own with register_keras_serializable, or pass custom_objects."
    )


@checked_before
def save_model(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write a model; see ``Model.save``."""
    model.save(filepath, overwrite)


@checked_before
def save_weights(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write the weights of a model; see ``Model.save_weights``."""
    model.save_weights(filepath, overwrite)


@checked_before
def load_weights(
    model: Model,
    filepath: str | os.PathLike[str],
    skip_mismatch: bool = False,
    *,
    by_name: bool = False,
) -> list[str]:
    """Read the weights of a model; see ``Model.load_weights``."""
    return model.load_weights(filepath, skip_mismatch, by_name=by_name)
