"""The way from symbolic inputs to symbolic outputs: what a functional model computes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from glassgrad import layers as layer_family
from glassgrad.errors import ArgumentError, ShapeError, UnknownNameError
from glassgrad.graph import Tensor, Variable, carry_mask, mask_of
from glassgrad.graph.symbolic import (
    Call,
    OpenShape,
    SymbolicTensor,
    name_of_recordable,
    record,
    recordable_named,
)
from glassgrad.graph.trees import flatten, flatten_up_to, leaves_of, map_tree, rebuild
from glassgrad.layers import InputLayer, Layer
from glassgrad.ops.movement import Reshape
from glassgrad.serialization import serialize

__all__ = ["Recipe"]


class Recipe:
    """The calls that lead from inputs to outputs, to be run on tensors.

    Args:
        inputs: symbolic tensors, alone or in lists, tuples and dictionaries.
        outputs: the same.

    Raises:
        ArgumentError: something else is among them, the outputs need an input that is not given,
            or two layers have the same name.
    """

    def __init__(self, inputs: Any, outputs: Any) -> None:
        self.inputs, self.outputs = inputs, outputs
        self._inputs = _symbols("inputs", inputs)
        self._outputs = _symbols("outputs", outputs)
        self.calls = _calls_between(self._inputs, self._outputs)
        made = {symbol.call: None for symbol in self._inputs if isinstance(symbol.call.function,
                                                                           InputLayer)}  # fmt: skip
        called = [call.function for call in (*made, *self.calls)]
        self.layers = list(dict.fromkeys(one for one in called if isinstance(one, Layer)))
        _require_different_names(self.layers)

    @property
    def input_names(self) -> list[str]:
        """What the inputs are called."""
        return [symbol.name for symbol in self._inputs]

    @property
    def output_names(self) -> list[str]:
        """What the outputs are called: by the keys of a dictionary, else by their layers."""
        if isinstance(self.outputs, dict) and len(self.outputs) == len(self._outputs):
            return [str(key) for key in self.outputs]
        return different([symbol.call.name for symbol in self._outputs])

    def run(self, inputs: Any) -> Any:
        """Make the outputs of tensors.

        Args:
            inputs: tensors, in the structure of the symbolic ones; as a list in their order; or
                as a dictionary by their names.

        Raises:
            ArgumentError: there are not as many, or a name is unknown.
            ShapeError: a shape does not fit.
        """
        pairs = zip(self._inputs, self._in_order(inputs), strict=True)
        tensors = [as_declared(symbol, tensor) for symbol, tensor in pairs]
        values: dict[SymbolicTensor, Any] = dict(zip(self._inputs, tensors, strict=True))
        for call in self.calls:
            results = leaves_of(call.run(values.__getitem__))
            values.update(zip(leaves_of(call.outputs), results, strict=True))
        return map_tree(values.__getitem__, self.outputs)

    def _in_order(self, inputs: Any) -> list[Any]:
        if isinstance(inputs, dict):
            keys = list(self.inputs) if isinstance(self.inputs, dict) else self.input_names
            missing = [key for key in keys if key not in inputs]
            if missing:
                raise ArgumentError(
                    f"The model has the inputs {', '.join(map(repr, keys))}. Got "
                    f"{', '.join(map(repr, inputs))} without {', '.join(map(repr, missing))}."
                )
            return [inputs[key] for key in keys]
        tensors = leaves_of(inputs)
        if len(tensors) != len(self._inputs):
            raise ArgumentError(
                f"The model has {len(self._inputs)} inputs, {', '.join(self.input_names)}. "
                f"Got {len(tensors)}."
            )
        return tensors

    # ---- as plain data

    def get_config(self) -> dict[str, Any]:
        """Layers and calls as plain data.

        Raises:
            ArgumentError: a function in it has no name in files, or a layer no configuration.
        """
        places = {call: number for number, call in enumerate(self._all_calls())}
        return {
            "layers": {layer.name: serialize(layer) for layer in self._all_layers()},
            "calls": [_call_config(call, places) for call in places],
            "inputs": encode(self.inputs, places),
            "outputs": encode(self.outputs, places),
        }

    def _all_calls(self) -> list[Call]:
        """The calls, with those that make the inputs: back to the first ones."""
        return _calls_between([], [*self._inputs, *self._outputs], with_sources=True)

    def _all_layers(self) -> list[Layer]:
        functions = [call.function for call in self._all_calls()]
        return list(dict.fromkeys(one for one in functions if isinstance(one, Layer)))

    @staticmethod
    def tensors_from(config: Mapping[str, Any]) -> tuple[Any, Any]:
        """The symbolic inputs and outputs that a configuration describes, with new layers.

        Raises:
            UnknownNameError: a class or function is not known here.
            ArgumentError: it is no such configuration.
        """
        layers = {name: layer_family.deserialize(layer) for name, layer in config["layers"].items()}
        made: list[Any] = []
        for call in config["calls"]:
            made.append(_called(call, layers, made))
        return decode(config["inputs"], made), decode(config["outputs"], made)


def _symbols(what: str, tree: Any) -> list[SymbolicTensor]:
    leaves = leaves_of(tree)
    wrong = [leaf for leaf in leaves if not isinstance(leaf, SymbolicTensor)]
    if wrong or not leaves:
        raise ArgumentError(
            f"The {what} of a model must be symbolic tensors: Input(shape), and what layers make "
            f"of it. Got {wrong[0]!r}."
            if wrong
            else f"A model needs {what}: symbolic tensors. Got {tree!r}."
        )
    return leaves


def _calls_between(
    inputs: Iterable[SymbolicTensor], outputs: Iterable[SymbolicTensor], with_sources: bool = False
) -> list[Call]:
    """The calls that the outputs need, in the order in which they were made."""
    given, needed = set(inputs), set[Call]()
    pending = [symbol for symbol in outputs if symbol not in given]
    while pending:
        symbol = pending.pop()
        if symbol.call in needed:
            continue
        if not symbol.call.inputs and not with_sources:
            raise ArgumentError(
                f"The outputs depend on the input {symbol.name!r}, which is not among the inputs "
                "of the model. Add it there."
            )
        needed.add(symbol.call)
        pending += [one for one in symbol.call.inputs if one not in given]
    return sorted(needed, key=lambda call: call.number)


def _require_different_names(layers: list[Layer]) -> None:
    counts = Counter(layer.name for layer in layers)
    twice = next((name for name, count in counts.items() if count > 1), None)
    if twice is not None:
        raise ArgumentError(
            f"Layers of a model must have different names. Got {twice!r} twice; give one of them "
            "a name=."
        )


def different(names: list[str]) -> list[str]:
    """The names, numbered where they repeat.

    Example:
        >>> different(["add", "dense", "add"])
        ['add', 'dense', 'add_1']
    """
    found: list[str] = []
    for name in names:
        count = sum(one == name for one in names[: len(found)])
        found.append(f"{name}_{count}" if count else name)
    return found


def as_declared(symbol: SymbolicTensor, tensor: Tensor) -> Tensor:
    """An input as its symbol says.

    Raises:
        ShapeError: the shape is another one.
    """
    declared = fitted(symbol.shape, tensor)
    if declared is None:
        hint = single_example_hint(symbol.shape, tensor)
        raise ShapeError(
            f"Input {symbol.name!r} expected shape {symbol.shape}, found {tensor.shape}.{hint}"
        )
    return declared


def fitted(expected: OpenShape, tensor: Tensor) -> Tensor | None:
    """A tensor of an expected shape; a last axis of length 1 is added or dropped, as in Keras.

    A batch may have any length, also where a ``batch_size`` was named. ``None`` if it does not fit.
    """
    shape = tensor.shape
    if len(shape) == len(expected) - 1 and expected[-1] == 1:
        shape = (*shape, 1)
    elif len(shape) == len(expected) + 1 and shape[-1] == 1:
        shape = shape[:-1]
    fits = len(shape) == len(expected) and all(
        known is None or known == found
        for known, found in zip(expected[1:], shape[1:], strict=True)
    )
    if not fits:
        return None
    return tensor if shape == tensor.shape else carry_mask(tensor.reshape(shape), mask_of(tensor))


def carrying(inputs: Any, mask: Any) -> Any:
    """Inputs that carry the masks that are given; the others carry what they did before."""
    tensors, structure = flatten(inputs)
    masks = flatten_up_to(structure, mask) if mask is not None else None
    if masks is None:
        return inputs
    pairs = zip(tensors, masks, strict=True)
    return rebuild(structure, [_carrying(tensor, one) for tensor, one in pairs])


def _carrying(tensor: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None or mask_of(tensor) is mask:
        return tensor
    return carry_mask(Reshape(tensor.shape)(tensor), mask)  # the caller's tensor is left alone


def single_example_hint(expected: OpenShape, tensor: Tensor) -> str:
    """What to do with an example that comes without a batch."""
    return " For a single example, pass x[None]." if tensor.shape == expected[1:] else ""


# ---- calls as plain data


def _call_config(call: Call, places: Mapping[Call, int]) -> dict[str, Any]:
    if isinstance(call.function, Layer):
        target = {"layer": call.function.name}
    else:
        name = name_of_recordable(call.function)
        if name is None:
            raise ArgumentError(
                f"The function {call.name!r} has no name in files. Put it into a layer, or "
                "register it as an activation."
            )
        target = {"function": name}
    return target | {
        "arguments": [encode(one, places) for one in call.arguments],
        "options": {name: encode(one, places) for name, one in call.options.items()},
    }


def _called(config: Mapping[str, Any], layers: Mapping[str, Layer], made: list[Any]) -> Any:
    """Do a call again, and give the tree of its symbolic results."""
    arguments = [decode(one, made) for one in config["arguments"]]
    options = {name: decode(one, made) for name, one in config["options"].items()}
    if "layer" in config:
        layer = layers[config["layer"]]
        return layer(*arguments, **options) if arguments else layer.output
    function = recordable_named(config["function"])
    if function is None:
        raise UnknownNameError("function", config["function"], ())
    return record(function, arguments, options)


def encode(value: Any, places: Mapping[Call, int]) -> Any:
    """An argument of a call as plain data; what is more than a number says what it is."""
    if isinstance(value, SymbolicTensor):
        return {"tensor": [places[value.call], value.place]}
    if isinstance(value, Tensor | Variable):
        raise ArgumentError(
            f"{value!r} cannot be kept in the file of a model. Make it a weight of a layer."
        )
    if isinstance(value, slice):
        return {"slice": [value.start, value.stop, value.step]}
    if value is Ellipsis:
        return {"ellipsis": True}
    if isinstance(value, np.ndarray):
        return {"array": serialize(value), "dtype": str(value.dtype)}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [encode(entry, places) for entry in value]}
    if isinstance(value, dict):
        return {"dict": [[key, encode(entry, places)] for key, entry in value.items()]}
    return serialize(value)


def decode(value: Any, made: list[Any]) -> Any:
    """What ``encode`` has written, with the results of the calls that were done again."""
    if not isinstance(value, Mapping):
        return value
    (kind, content), *_ = value.items()
    if kind == "tensor":
        call, place = content
        return leaves_of(made[call])[place]
    if kind in ("list", "tuple"):
        entries = [decode(entry, made) for entry in content]
        return entries if kind == "list" else tuple(entries)
    if kind == "dict":
        return {key: decode(entry, made) for key, entry in content}
    if kind == "slice":
        return slice(*content)
    if kind == "array":
        return np.array(content, value["dtype"])
    if kind == "ellipsis":
        return Ellipsis
    return layer_family.deserialize(value)
