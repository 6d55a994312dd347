"""Writing and reading models, and the names under which files find what is one's own."""

from __future__ import annotations

import os

from glassgrad.models import Model, load_model
from glassgrad.serialization import (
    custom_object_scope,
    get_custom_objects,
    register_keras_serializable,
)

__all__ = [
    "CustomObjectScope",
    "custom_object_scope",
    "get_custom_objects",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
]

CustomObjectScope = custom_object_scope


def save_model(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write a model; see ``Model.save``."""
    model.save(filepath, overwrite)


def save_weights(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write the weights of a model; see ``Model.save_weights``."""
    model.save_weights(filepath, overwrite)


def load_weights(
    model: Model,
    filepath: str | os.PathLike[str],
    skip_mismatch: bool = False,
    *,
    by_name: bool = False,
) -> list[str]:
    """Read the weights of a model; see ``Model.load_weights``."""
    return model.load_weights(filepath, skip_mismatch, by_name=by_name)
