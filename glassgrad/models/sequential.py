"""A model in which each layer takes what the one before gives."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Self

from glassgrad import layers as layer_family
from glassgrad.arguments import checked_before
from glassgrad.errors import (
    ArgumentError,
    FileError,
    GlassgradError,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
)
from glassgrad.graph import Tensor
from glassgrad.graph.symbolic import SymbolicTensor
from glassgrad.graph.trees import leaves_of
from glassgrad.layers import InputLayer, Layer, register
from glassgrad.models.model import Model
from glassgrad.models.recipe import Recipe, carrying, fitted, single_example_hint
from glassgrad.random_seed import seeded
from glassgrad.serialization import custom_object_scope, serialize
from glassgrad.training.storage import load_tree

__all__ = ["Sequential", "load_model", "model_from", "model_from_json"]


@register()
class Sequential(Model):
    """Layers one after the other: y = f_n(… f_2(f_1(x))).

    Args:
        layers: the layers; with ``Input(shape)`` at the front the model is built at once,
            otherwise by the first data.
        trainable: whether an optimizer may change the weights.
        name: what it is called; "sequential", numbered, by default.
        kwargs: dtype, see ``Layer``.

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
        layers: Sequence[Layer | SymbolicTensor] | None = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        _require_a_list(layers)
        super().__init__(trainable=trainable, name=name, **kwargs)
        self._source: InputLayer | None = None
        self._layers: list[Layer] = []
        self._symbols: list[SymbolicTensor] = []  # what each layer gives, once the input is known
        for layer in layers or []:
            self._append(layer)
        self._renew()

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input; a copy."""
        return list(self._layers)

    def add(self, layer: Layer | SymbolicTensor) -> None:
        """Put a layer at the end.

        Raises:
            ArgumentError: it is no layer, or an input that does not come first.
            ShapeError: it does not fit the one before.
        """
        self._append(layer)
        self._renew()

    def _append(self, layer: Layer | SymbolicTensor) -> None:
        if isinstance(layer, SymbolicTensor):
            layer = _input_layer_of(layer)
        if isinstance(layer, InputLayer):
            if self._source is not None or self._layers:
                raise ArgumentError(
                    f"An input comes first, and once. Got one after {len(self._layers)} layers."
                )
            self._source = layer
            return
        self._require_layer(layer)
        source = self._source
        if layer.shape_of_examples is not None and not self._layers and source is None:
            source = InputLayer(layer.shape_of_examples)
        if source is not None:
            self._symbols.append(layer(self._symbols[-1] if self._symbols else source.output))
        self._source = source
        self._layers.append(layer)

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer away and return it.

        Args:
            rebuild: accepted as in Keras; nothing has to be made anew.

        Raises:
            ArgumentError: there is none.
        """
        if not self._layers:
            raise ArgumentError("There is no layer to take away: the model is empty.")
        layer = self._layers.pop()
        if self._symbols:
            layer.calls.remove(self._symbols.pop().call)
        self._renew()
        return layer

    @property
    def _end(self) -> SymbolicTensor:
        """What the last layer gives."""
        if self._source is None:
            raise NotBuiltError("The input's shape is not known yet: begin with Input(shape).")
        return self._symbols[-1] if self._symbols else self._source.output

    def _require_layer(self, layer: Any) -> None:
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"A Sequential model is made of layers. Got {layer!r} of type "
                f"{type(layer).__name__}."
            )
        if any(layer.name == other.name and layer is not other for other in self._layers):
            raise ArgumentError(f"Layers must have different names. Got {layer.name!r} twice.")

    def _renew(self) -> None:
        """The layers have changed."""
        source = self._source
        self._recipe = Recipe(source.output, self._end) if source and self._layers else None
        self.built = self._recipe is not None
        self.forget_programs()

    def build(self, input_shape: Any = None) -> None:
        """Make the weights of all layers for inputs of a shape, (None, …)."""
        if self._source is None:
            if input_shape is None:
                raise NotBuiltError("The input's shape is not known yet: pass build(input_shape).")
            self._require_layers()
            known = self._input or {"dtype": str(self.dtype)}
            source = InputLayer(tuple(input_shape)[1:], dtype=known["dtype"])
            symbols = [source.output]
            for layer in self._layers:
                symbols.append(layer(symbols[-1]))
            self._source, self._symbols = source, symbols[1:]
        self._renew()

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """Each layer in turn."""
        self._require_layers()
        outputs = carrying(self._as_declared(inputs), mask)
        for layer in self._layers:
            outputs = layer(outputs)
        return outputs

    def _require_layers(self) -> None:
        if not self._layers:
            raise NotBuiltError("The model has no layers: add some.")

    def _enter(self, inputs: Any) -> Tensor:
        tensors: list[Tensor] = leaves_of(super()._enter(inputs))
        if len(tensors) != 1:
            raise ArgumentError(
                f"A Sequential model takes one input. Got {len(tensors)}; with several of them "
                "use Model(inputs, outputs)."
            )
        return tensors[0]

    def _as_declared(self, inputs: Tensor) -> Tensor:
        if self._source is None:
            return inputs
        declared = fitted(self._source.batch_shape, inputs)
        if declared is None:
            raise ShapeError(
                f"Model {self.name!r} expected examples of shape {self._source.shape}, found "
                f"{inputs.shape[1:]}. Full shape received: {inputs.shape}."
                f"{single_example_hint(self._source.batch_shape, inputs)}"
            )
        return declared

    @property
    def input_shape(self) -> Any:
        """The shape of the input, with ``None`` for the batch.

        Raises:
            NotBuiltError: it is not known yet.
        """
        if self._source is None:
            raise NotBuiltError("The input's shape is not known yet: begin with Input(shape).")
        return self._source.batch_shape

    @property
    def output_shape(self) -> Any:
        """The shape of the output, with ``None`` for the batch."""
        return self._end.shape

    def compute_output_shape(self, input_shape: Any) -> Any:
        """The shape of the output for inputs of a shape."""
        for layer in self._layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Name, input and the configurations of the layers."""
        described = [serialize(layer) for layer in self._layers]
        source = None if self._source is None else self._source.get_config()
        return {
            "name": self.name,
            "dtype": str(self.dtype),
            "trainable": self.trainable,
            "input": source,
            "layers": described,
        }

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """The model that a configuration describes, with new weights."""
        source = config.get("input")
        first = [] if source is None else [InputLayer.from_config(source)]
        with custom_object_scope(custom_objects):
            made = [layer_family.deserialize(layer) for layer in config["layers"]]
        by_name: dict[str, Layer] = {}  # one that comes twice is the same one
        rest = [by_name.setdefault(layer.name, layer) for layer in made]
        return cls(
            [*first, *rest],
            name=config.get("name"),
            dtype=config.get("dtype"),
            trainable=config.get("trainable", True),
        )


def _require_a_list(layers: Any) -> None:
    if isinstance(layers, Layer | SymbolicTensor):
        raise ArgumentError(
            f"The layers of a Sequential must come in a list. Got {layers!r} alone; write "
            "Sequential([Input(shape), Dense(1)])."
        )


def _input_layer_of(symbol: SymbolicTensor) -> InputLayer:
    layer = symbol.call.function
    if not isinstance(layer, InputLayer):
        raise ArgumentError(
            f"A Sequential model is made of layers. Got the result of one, {symbol!r}; with "
            "tensors use Model(inputs, outputs)."
        )
    return layer


@checked_before
def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Model:
    """Read a model that ``save`` wrote; nothing in the file is executed.

    Args:
        filepath: the file.
        custom_objects: classes and functions of one's own that the file names.
        compile: whether to compile the model as it was, and take back the optimizer's state.
        safe_mode: accepted as in Keras; a file cannot bring code along, so all reading is safe.

    Raises:
        FileError: the file is missing, damaged, of another kind, or names what is not
            registered.
    """
    tree = load_tree(filepath, "model")
    try:
        return model_from(tree, custom_objects, training=compile)
    except _WRONG_CONTENT as error:
        is_unknown = isinstance(error, UnknownNameError)
        way_out = " Hand over what is your own by custom_objects." if is_unknown else ""
        raise FileError(
            f"{os.fspath(filepath)!r} does not describe a model that can be made here: {error}"
            f"{way_out}"
        ) from error


def model_from(
    content: Mapping[str, Any],
    custom_objects: Mapping[str, Any] | None = None,
    *,
    training: bool = True,
) -> Model:
    """The model that ``Model.content`` has written down.

    Args:
        content: plain data and arrays.
        custom_objects: classes and functions of one's own that it names.
        training: whether to compile the model as it was, and take back the optimizer's state.

    Raises:
        GlassgradError: it names what is not registered, or describes no model.
    """
    # The weights come from the content, and no random number is used up.
    with custom_object_scope(custom_objects), seeded(0):
        model = layer_family.deserialize(content["architecture"])
    if not isinstance(model, Model):
        raise ArgumentError(f"{type(model).__name__} is no model")
    with custom_object_scope(custom_objects):
        model.restore(content, training=training)
    return model


@checked_before
def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Model:
    """The model of a text that ``Model.to_json`` has written, with new weights.

    Args:
        json_string: the text.
        custom_objects: classes and functions of one's own that it names.

    Raises:
        ArgumentError: the text does not describe a model that can be made here.

    Example:
        >>> from glassgrad.layers import Dense, Input
        >>> model = Sequential([Input((2,)), Dense(3)])
        >>> model_from_json(model.to_json()).output_shape
        (None, 3)
    """
    try:
        with custom_object_scope(custom_objects):
            model = layer_family.deserialize(json.loads(json_string))
    except _WRONG_CONTENT as error:
        raise ArgumentError(f"The text does not describe a model: {error}") from error
    if not isinstance(model, Model):
        raise ArgumentError(f"The text describes no model. Got {type(model).__name__}.")
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
