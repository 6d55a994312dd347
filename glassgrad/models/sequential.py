"""A model in which each layer takes what the one before gives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from glassgrad import layers as layer_family
from glassgrad.errors import ArgumentError, FileError, GlassgradError, NotBuiltError, ShapeError
from glassgrad.layers import InputLayer, Layer, register
from glassgrad.models.model import Model
from glassgrad.random_seed import seeded
from glassgrad.training.storage import load_tree

__all__ = ["Sequential", "load_model"]


@register()
class Sequential(Model):
    """Layers one after the other: y = f_n(… f_2(f_1(x))).

    Args:
        layers: the layers; with ``Input(shape)`` at the front the model is built at once,
            otherwise by the first data.
        name: what it is called; "sequential", numbered, by default.
        kwargs: trainable and dtype, see ``Layer``.

    Raises:
        ArgumentError: an element is no layer.
        ShapeError: the layers do not fit each other.

    Example:
        >>> from glassgrad.layers import Dense, Input
        >>> model = Sequential([Input((4,)), Dense(8, activation="relu"), Dense(2)])
        >>> model.output_shape
        (None, 2)
        >>> model.count_params()
        58
    """

    def __init__(
        self,
        layers: Sequence[Layer | InputLayer] | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.input: InputLayer | None = None
        self._layers: list[Layer] = []
        for layer in layers or []:
            self._append(layer)
        self._build_if_known()

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input; a copy."""
        return list(self._layers)

    def add(self, layer: Layer | InputLayer) -> None:
        """Put a layer at the end.

        Raises:
            ArgumentError: it is no layer, or an input that does not come first.
        """
        self._append(layer)
        self._build_if_known()

    def pop(self) -> Layer:
        """Take the last layer away and return it.

        Raises:
            ArgumentError: there is none.
        """
        if not self._layers:
            raise ArgumentError("There is no layer to take away: the model is empty.")
        self.forget_programs()
        return self._layers.pop()

    def _append(self, layer: Layer | InputLayer) -> None:
        if isinstance(layer, InputLayer):
            if self.input is not None or self._layers:
                raise ArgumentError(
                    f"An input comes first, and once. Got one after {len(self._layers)} layers."
                )
            self.input = layer
            return
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"A Sequential model is made of layers. Got {layer!r} of type "
                f"{type(layer).__name__}."
            )
        if any(layer.name == other.name and layer is not other for other in self._layers):
            raise ArgumentError(f"Layers must have different names. Got {layer.name!r} twice.")
        self._layers.append(layer)
        self.forget_programs()

    def _build_if_known(self) -> None:
        if self.input is not None and self._layers:
            self._input = {"shape": list(self.input.batch_shape), "dtype": self.input.dtype}
            self.build(self.input.batch_shape)

    def build(self, input_shape: Any) -> None:
        """Make the weights of all layers for inputs of a shape, (None, …)."""
        super().build(input_shape)
        if self.input is None and self._input is not None:
            self.input = layer_family.Input(tuple(input_shape)[1:], dtype=self._input["dtype"])

    def call(self, inputs: Any) -> Any:
        """Each layer in turn."""
        if not self._layers:
            raise NotBuiltError("The model has no layers: add some.")
        self._check_input(inputs.shape)
        outputs = inputs
        for layer in self._layers:
            outputs = layer(outputs)
        return outputs

    def _check_input(self, shape: tuple[int, ...]) -> None:
        if self.input is None:
            return
        expected = self.input.shape
        fits = len(shape) == len(expected) + 1 and all(
            known is None or known == found
            for known, found in zip(expected, shape[1:], strict=True)
        )
        if not fits:
            hint = " For a single example, pass x[None]." if shape == expected else ""
            raise ShapeError(
                f"Model {self.name!r} expected examples of shape {expected}, found "
                f"{shape[1:]}. Full shape received: {shape}.{hint}"
            )

    @property
    def input_shape(self) -> tuple[int | None, ...]:
        """The shape of the input, with ``None`` for the batch.

        Raises:
            NotBuiltError: it is not known yet.
        """
        if self.input is None:
            raise NotBuiltError("The input's shape is not known yet: begin with Input(shape).")
        return self.input.batch_shape

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """The shape of the output, with ``None`` for the batch."""
        shapes = [shape for _, shape in self._summary_rows()]
        return shapes[-1] if shapes else self.input_shape

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output for inputs of a shape."""
        for layer in self._layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def _summary_rows(self) -> list[tuple[Layer, Any]]:
        rows, shape = [], self.input_shape
        for layer in self._layers:
            shape = layer.compute_output_shape(shape)
            rows.append((layer, shape))
        return rows

    def get_config(self) -> dict[str, Any]:
        """Name, input and the configurations of the layers."""
        described = [
            {"class_name": type(layer).__name__, "config": layer.get_config()}
            for layer in self._layers
        ]
        source = None if self.input is None else self.input.get_config()
        return {
            "name": self.name,
            "dtype": str(self.dtype),
            "trainable": self.trainable,
            "input": source,
            "layers": described,
        }

    @classmethod
    def from_config(cls, config: Any) -> Sequential:
        """The model that a configuration describes, with new weights."""
        source = config.get("input")
        first = [] if source is None else [InputLayer.from_config(source)]
        rest = [layer_family.deserialize(layer) for layer in config["layers"]]
        return cls(
            [*first, *rest],
            name=config.get("name"),
            dtype=config.get("dtype"),
            trainable=config.get("trainable", True),
        )


def load_model(filepath: str | os.PathLike[str], *, compile: bool = True) -> Model:
    """Read a model that ``save`` wrote; nothing in the file is executed.

    Args:
        filepath: the file.
        compile: whether to compile the model as it was, and take back the optimizer's state.

    Raises:
        FileError: the file is missing, damaged, of another kind, or names what is not
            registered.
    """
    tree = load_tree(filepath, "model")
    try:
        with seeded(0):  # the weights come from the file, and no random number is used up
            model = layer_family.deserialize(tree["architecture"])
        if not isinstance(model, Model):
            raise ArgumentError(f"{type(model).__name__} is no model")
        model.restore(tree, training=compile)
    except _WRONG_CONTENT as error:
        raise FileError(
            f"{os.fspath(filepath)!r} does not describe a model that can be made here: {error}"
        ) from error
    return model


# What a well-formed file with senseless content can lead to.
_WRONG_CONTENT = (
    GlassgradError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    RecursionError,
)
