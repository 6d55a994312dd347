"""Models made again from what they are made of, with other layers in the place of some."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, TypeVar

from glassgrad.arguments import checked_before
from glassgrad.errors import ArgumentError, NotBuiltError
from glassgrad.graph import Trace, tracing
from glassgrad.graph.symbolic import Call, SymbolicTensor
from glassgrad.graph.trees import leaves_of, map_tree
from glassgrad.layers import Input, InputLayer, Layer
from glassgrad.models.model import TENSORS, Model
from glassgrad.models.sequential import Sequential
from glassgrad.serialization import (
    Configurable,
    arguments_of,
    custom_object_scope,
    is_registered,
    serialize,
)

__all__ = [
    "Rebuilding",
    "Replacement",
    "all_known",
    "clone_model",
    "is_made_of_layers",
    "layers_within",
    "twin",
]

Replacement: TypeAlias = Layer | Sequence[Layer] | None
AnyLayer = TypeVar("AnyLayer", bound=Layer)


@checked_before
def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Model:
    """A model of the same architecture with new weights, not compiled.

    Args:
        model: what is to be made again; it stays as it is.
        input_tensors: symbolic tensors that the new model begins with, in the structure of its
            inputs; new ones by default.
        clone_function: makes the new layer of each layer but inputs; by default one of the same
            configuration. A layer that it gives back as it is, is shared by both models.
        call_function: calls the new layers, ``call_function(layer, *args, **kwargs)``, for a
            model of symbolic tensors; by default ``layer(*args, **kwargs)``.
        recursive: whether the two functions see the layers of models inside as well; else such a
            model is one layer.

    Raises:
        ArgumentError: a function in the model is not registered, ``clone_function`` gives no
            layer, or the model writes ``call`` itself and one of the other arguments is given.

    Example:
        >>> from glassgrad.layers import Dense, Input
        >>> model = Sequential([Input((2,)), Dense(3)])
        >>> clone_model(model).count_params()
        9
        >>> def wider(layer):
        ...     return Dense(2 * layer.units, name=layer.name)
        >>> clone_model(model, clone_function=wider).output_shape
        (None, 6)
    """
    given = (input_tensors, clone_function, call_function)
    if any(one is not None for one in given) and not is_made_of_layers(model):
        raise ArgumentError(
            f"Model {model.name!r} writes call() itself, so only its class knows where its layers "
            "stand. Clone it without input_tensors, clone_function and call_function."
        )
    return Rebuilding(
        twin if clone_function is None else _giving_layers(clone_function),
        call=call_function or _called,
        enters_models=recursive or clone_function is None,
    ).of(model, input_tensors)


def _giving_layers(function: Callable[[Layer], Layer]) -> Callable[[Layer], Layer]:
    def checked(layer: Layer) -> Layer:
        made = function(layer)
        if not isinstance(made, Layer):
            raise ArgumentError(
                f"clone_function must give a layer for each layer. Got {made!r} for {layer!r}."
            )
        return made

    return checked


PACKAGE = __name__.partition(".")[0]


def _called(layer: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    return layer(*arguments, **options)


def is_made_of_layers(model: Model) -> bool:
    """Whether the model is known as layers and their calls, and its class can be made of them."""
    if isinstance(model, Sequential):
        return True
    return model.is_functional and set(TENSORS) <= set(arguments_of(type(model)))


def twin(layer: AnyLayer) -> AnyLayer:
    """A layer of the same class and configuration, with weights of its own.

    Raises:
        ArgumentError: a function in it is not registered.
    """
    with all_known([layer, *layers_within(layer)]):
        made: AnyLayer = type(layer).from_config(serialize(layer)["config"])
    return made


@contextmanager
def all_known(layers: Sequence[Layer]) -> Iterator[None]:
    """Let classes and functions be found, also those that are not registered.

    Here they need no names that last: any that tell them apart will do.
    """
    kinds: dict[Any, None] = dict.fromkeys(map(type, layers))
    for value in (value for layer in layers for value in vars(layer).values()):
        if isinstance(value, Configurable) and not isinstance(value, Layer):
            kinds[type(value)] = None
        elif inspect.isfunction(value) and not is_registered(value):
            kinds[value] = None
    # A model of one's own keeps the configurations that it is given: what is in them must be
    # found after this scope, too, as far as it has a name of its own.
    own = [kind for kind in kinds if not kind.__module__.startswith(f"{PACKAGE}.")]
    with custom_object_scope({f"{n}>{kind.__name__}": kind for n, kind in enumerate(own)}):
        yield


def layers_within(layer: Layer) -> Iterator[Layer]:
    """The layers that a layer is made of, and those that they are made of."""
    for inner in layer.sublayers:
        yield inner
        yield from layers_within(inner)


class Rebuilding:
    """Makes models again, and remembers which layer stands for which.

    Args:
        replace: what comes in the place of a layer: one layer, several that are called one after
            the other, or ``None``, so that the layer's input takes the place of its output. It
            is asked once for a layer, however often that is called.
        call: calls the new layers.
        enters_models: whether a model inside is made again in the same way; else ``replace`` is
            asked for it as for any layer.
        entrance: layers that each input passes first.
        leaves_out: whether a function between layers is left out, as a layer with ``None``.
    """

    def __init__(
        self,
        replace: Callable[[Layer], Replacement] = twin,
        *,
        call: Callable[..., Any] = _called,
        enters_models: bool = True,
        entrance: Callable[[SymbolicTensor], Sequence[Layer]] = lambda _: (),
        leaves_out: Callable[[Callable[..., Any]], bool] = lambda _: False,
    ) -> None:
        self.replace, self.call = replace, call
        self.enters_models, self.entrance = enters_models, entrance
        self.leaves_out = leaves_out
        self.places: dict[Layer, list[Layer]] = {}  # what stands for each layer

    def of(self, model: Model, input_tensors: Any = None) -> Model:
        """The model made again.

        Raises:
            ArgumentError: its configuration cannot be written down.
            GlassgradError: the new layers do not fit each other.
        """
        if not is_made_of_layers(model):
            made = _of_own_class(model)
            self.places[model] = [made]
            return made
        if isinstance(model, Sequential):
            return self._sequential(model, input_tensors)
        return self._functional(model, input_tensors)

    def in_place_of(self, layer: Layer) -> list[Layer]:
        """The layers that stand for a layer."""
        if layer not in self.places:
            if isinstance(layer, Model) and self.enters_models:
                inner = Rebuilding(self.replace, call=self.call, leaves_out=self.leaves_out)
                inner.places = self.places
                self.places[layer] = [inner.of(layer)]
            else:
                made = self.replace(layer)
                self.places[layer] = (
                    [] if made is None else [made] if isinstance(made, Layer) else list(made)
                )
        return self.places[layer]

    def _sequential(self, model: Sequential, input_tensors: Any) -> Model:
        layers = [new for layer in model.layers for new in self.in_place_of(layer)]
        first: list[Any] = []
        if input_tensors is not None:
            first = leaves_of(input_tensors)
        elif model.is_functional:
            first = [_same_input(model.inputs[0])]
        if first:
            layers = [*self.entrance(first[0]), *layers]
        return type(model)(
            [*first, *layers], name=model.name, dtype=model.dtype, trainable=model.trainable
        )

    def _functional(self, model: Model, input_tensors: Any) -> Model:
        recipe = model.recipe
        new = leaves_of(
            map_tree(_same_input, recipe.inputs) if input_tensors is None else input_tensors
        )
        if len(new) != len(model.inputs):
            raise ArgumentError(
                f"input_tensors must be as many as the inputs of the model, {len(model.inputs)}. "
                f"Got {len(new)}."
            )
        values = {
            old: _through(self.entrance(one), one)
            for old, one in zip(model.inputs, new, strict=True)
        }
        for call in recipe.calls:
            results = leaves_of(self._called_again(call, values))
            values.update(zip(leaves_of(call.outputs), results, strict=True))
        fresh = iter(new)
        rest = {
            name: value
            for name, value in super(Model, model).get_config().items()
            if name not in TENSORS
        }
        return type(model)(
            **rest,
            inputs=map_tree(lambda _: next(fresh), recipe.inputs),
            outputs=map_tree(values.__getitem__, recipe.outputs),
        )

    def _called_again(self, call: Call, values: dict[SymbolicTensor, Any]) -> Any:
        def valued(leaf: Any) -> Any:
            return values[leaf] if isinstance(leaf, SymbolicTensor) else leaf

        arguments, options = map_tree(valued, (call.arguments, dict(call.options)))
        if not isinstance(call.function, Layer):
            is_out = self.leaves_out(call.function)
            return arguments[0] if is_out else call.function(*arguments, **options)
        layers = self.in_place_of(call.function)
        if not layers:
            return arguments[0]
        first, *others = layers
        result = self.call(first, *arguments, **options)
        for layer in others:
            result = self.call(layer, result)
        return result


def _through(layers: Sequence[Layer], symbol: Any) -> Any:
    for layer in layers:
        symbol = layer(symbol)
    return symbol


def _same_input(symbol: SymbolicTensor) -> SymbolicTensor:
    layer = symbol.call.function
    if isinstance(layer, InputLayer):
        return InputLayer.from_config(layer.get_config()).output
    return Input(batch_shape=symbol.shape, dtype=symbol.dtype, name=symbol.name)


def _of_own_class(model: Model) -> Model:
    """By the constructor's arguments; built where the model is."""
    with all_known([model, *layers_within(model)]):
        config = serialize(model)["config"]
        made = type(model).from_config(config)
    if model.built and not made.built:
        try:
            sample = model.input_samples(0)
        except NotBuiltError:
            return made
        with tracing(Trace()):
            made(sample)
    return made
