"""What recurrent layers with a cell of their own share: they speak for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassgrad.errors import ArgumentError, shown
from glassgrad.layers.input_spec import InputSpec
from glassgrad.layers.recurrent import RNN
from glassgrad.naming import snake_case, unique_name
from glassgrad.serialization import arguments_of

__all__ = ["LayerOfUnits", "cell_options", "require_cudnn"]


class LayerOfUnits(RNN):
    """The base: an ``RNN`` whose cell is made of the layer's own arguments."""

    input_spec = InputSpec(ndim=3)

    def __getattr__(self, name: str) -> Any:
        """What the layer was told and has handed on to its cell: units, activation and so on."""
        cell = vars(self).get("cell")
        if cell is None or name not in arguments_of(type(self)):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return getattr(cell, name)

    def get_config(self) -> dict[str, Any]:
        """The layer's own arguments, of which its cell is made."""
        return {name: value for name, value in super().get_config().items() if name != "cell"}


HANDED_ON = ("dtype", "trainable", "implementation")


def cell_options(layer: Any, options: dict[str, Any]) -> dict[str, Any]:
    """What the cell gets of the further arguments of a layer, whose name is settled by it.

    Args:
        layer: the layer that is being made.
        options: its arguments; ``implementation`` is taken away, and ``name`` is put there.
    """
    kind = snake_case(type(layer).__name__)
    options["name"] = options.get("name") or unique_name(kind)
    told = {name: options[name] for name in HANDED_ON if name in options}
    options.pop("implementation", None)
    return told | {"name": f"{options['name']}_cell"}


def require_cudnn(value: Any) -> Any:
    """The word "auto" or a truth value, as in Keras.

    Raises:
        ArgumentError: it is something else.
    """
    if not isinstance(value, bool | np.bool_) and not (isinstance(value, str) and value == "auto"):
        raise ArgumentError(f"use_cudnn must be 'auto', True or False. Got {shown(value)}.")
    return value
