"""How raw data become arrays, and a network's outputs answers: kept in the model file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from glassgrad.preprocessing.column import Array
from glassgrad.preprocessing.targets import Target
from glassgrad.serialization import Configurable, Registry

__all__ = ["Preprocessing", "deserialize", "register"]


class Network(Protocol):
    """What gives an output for each example."""

    def predict(self, x: Any, *, verbose: Any) -> Any:
        """The outputs, (examples, …)."""


class Preprocessing(Configurable):
    """What a model file says about raw data, as plain data.

    Args:
        target: What is told by the network.
    """

    target: Target

    def inputs(self, data: Any) -> Array:
        """Raw data as the network takes them.

        Raises:
            DataError, ShapeError: They are not such as the network has learned from.
        """
        raise NotImplementedError

    def predict(self, model: Network, data: Any) -> Array:
        """What a network tells of raw data: names of classes, or numbers in their own unit.

        Args:
            model: Trained with this preprocessing, such as one whose `model.preprocessing` it is.
            data: As `inputs` takes them.

        Returns:
            An answer for each example, (examples,).

        Raises:
            DataError, ShapeError: As `inputs` and `decode`.

        Examples:
            >>> import glassgrad
            >>> from glassgrad.preprocessing import Table, TableEncoder
            >>> table = Table.of({"size": [1.0, 3.0] * 5, "price": [20.5, 40.5] * 5})
            >>> model = glassgrad.Sequential([glassgrad.layers.Dense(1, kernel_initializer="ones")])
            >>> model.preprocessing = TableEncoder.learn(table, "price")
            >>> model.preprocessing.predict(model, {"size": [3.0, 2.0]})
            array([40.5, 30.5])
        """
        return self.decode(model.predict(self.inputs(data), verbose=0))

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
