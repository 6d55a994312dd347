"""How raw data become arrays, and a network's outputs answers: kept in the model file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassgrad.preprocessing.column import Array
from glassgrad.preprocessing.targets import Target
from glassgrad.serialization import Configurable, Registry

__all__ = ["Preprocessing", "deserialize", "register"]


class Preprocessing(Configurable):
    """What a model file says about raw data, as plain data.

    Args:
        target: What is told by the network.
    """

    target: Target

    def decode(self, outputs: Array) -> Array:
        """What the network's outputs say: names of classes, or numbers in their own unit.

        Raises:
            ShapeError: They are not the outputs of a network for this target.
        """
        return self.target.decode(np.asarray(outputs))

    def report(self) -> list[tuple[str, str]]:
        """Each part of the data, the target last, with what is done to it."""
        raise NotImplementedError


_registry: Registry[Preprocessing] = Registry("preprocessing", Preprocessing)
register = _registry.register


def deserialize(config: Mapping[str, Any]) -> Preprocessing:
    """The preprocessing that a configuration describes, such as the one in a model file.

    Raises:
        UnknownNameError, ArgumentError: It describes none.
    """
    return _registry.deserialize(config)
