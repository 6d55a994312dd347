"""The calls of layers that count, with the names by which the doctor speaks of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from glassgrad import activations
from glassgrad.errors import GraphError
from glassgrad.graph import Leaf, Node, Placeholder, Read, Tensor, Trace, Variable, walk
from glassgrad.graph.tensor import Key
from glassgrad.graph.trace import LayerCall
from glassgrad.graph.trees import leaves_of
from glassgrad.layers import (
    RNN,
    AdditiveAttention,
    Attention,
    BatchNormalization,
    GroupNormalization,
    Layer,
    LayerNormalization,
    PReLU,
    RMSNormalization,
    SimpleRNN,
    UnitNormalization,
)
from glassgrad.layers.attention_in_heads import AttentionInHeads
from glassgrad.lens.doctor.activity import BY_NAME, Function, function_of
from glassgrad.lens.places import names_of_parameters
from glassgrad.models import Model
from glassgrad.models.unit_variance import PASSAGES, PRODUCTS

__all__ = ["NamedCall", "calls_of"]

ATTENTIONS = (AttentionInHeads, Attention, AdditiveAttention)
NORMALIZATIONS = (
    BatchNormalization,
    GroupNormalization,
    LayerNormalization,
    RMSNormalization,
    UnitNormalization,
)
ONE_THING = (RNN, *ATTENTIONS)  # layers that are not taken apart, whatever they are made of
WITH_MATRICES = ("attention", "embedding", "hidden", "recurrent")
PRELU = Function("prelu")
NAMED: Mapping[Any, Function] = {
    activations.get(name): function for name, function in BY_NAME.items()
}


@dataclass(frozen=True, eq=False)
class NamedCall:
    """One call of a layer that holds no others; recurrence and attention count as one thing.

    Args:
        name: the layer's, with those of the models around it, "encoder/dense_1"; a further call
            of the same layer is "encoder/dense_1 (2)".
        layer: the layer itself.
        role: as in ``LayerFacts``.
        function: the activation at its end, or of the state of a recurrent layer.
        inputs: names of the calls whose results enter; empty for the data.
        parameters: names of its weights that are meant to be trained, as in
            ``names_of_parameters``.
        arguments: the tensors that enter.
        outputs: the tensors that come out, the result first.
        pre_activation: z, for hidden and output layers and for activations of their own: what
            enters the activation, or the result where there is none.
        is_last: whether nothing comes behind it but the loss, or one thing after the other.
    """

    name: str
    layer: Layer
    role: str
    function: Function | None
    inputs: tuple[str, ...]
    parameters: tuple[str, ...]
    arguments: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    pre_activation: Tensor | None = None
    is_last: bool = False

    @property
    def output(self) -> Tensor:
        """The result, the first one where there are several."""
        return self.outputs[0]

    @property
    def axis_of_units(self) -> int:
        """The axis of the result along which units, or channels, are counted."""
        is_first = getattr(self.layer, "data_format", None) == "channels_first"
        return 1 if is_first and self.output.ndim > 2 else -1

    @property
    def rests(self) -> bool:
        """Whether its units can fall silent for good."""
        return self.function is not None and self.function.rests

    @property
    def saturates(self) -> bool:
        """Whether its units can be stuck at the ends of a hidden activation.

        The gates and cells of LSTM and GRU go to their ends on purpose, and so do the last
        probabilities.
        """
        is_gated = self.role == "recurrent" and not isinstance(self.layer, SimpleRNN)
        has_ends = self.function is not None and self.function.slope is not None
        return has_ends and not self.is_last and not is_gated

    @property
    def kind(self) -> str:
        """The layer's class."""
        return type(self.layer).__name__

    @property
    def activation(self) -> str | None:
        """The activation's name."""
        return None if self.function is None else self.function.name

    @property
    def units(self) -> int:
        """The size of the axis of units."""
        return self.output.shape[self.axis_of_units] if self.output.shape else 1


def calls_of(trace: Trace, model: Model) -> list[NamedCall]:
    """The calls that count, in the order of the forward pass.

    Those within a recurrent layer's steps do not, and those within an attention layer do not:
    both are one thing. A model and a layer that calls others are seen through what they call.

    Args:
        trace: of a call of the model.
        model: whose call it was.

    Example:
        >>> from glassgrad.graph import placeholder, tracing
        >>> from glassgrad.layers import Dense, Input
        >>> from glassgrad.models import Sequential
        >>> model = Sequential([Input((2,)), Dense(3, activation="relu", name="hidden"), Dense(1)])
        >>> with tracing(Trace()) as trace:
        ...     _ = model(placeholder((8, 2)))
        >>> [(call.role, call.activation) for call in calls_of(trace, model)]
        [('hidden', 'relu'), ('output', None)]
    """
    whole = next(call for call in reversed(trace.calls) if call.layer is model)
    counted = _counted(trace.calls, whole)
    names = _names(counted, f"{whole.scope}/")
    makers: dict[Key, str] = {}
    for name, call in zip(names, counted, strict=True):
        for tensor in _tensors(call.outputs):
            makers.setdefault(tensor.key, name)  # what goes through unchanged has one maker
    weights = names_of_parameters(model)
    found = [
        _named(name, call, makers, tuple(weights[w] for w in _meant(call.layer) if w in weights))
        for name, call in zip(names, counted, strict=True)
    ]
    return _with_outputs(found, _tensors(whole.outputs))


# ---- which calls


def _counted(calls: Sequence[LayerCall], whole: LayerCall) -> list[LayerCall]:
    inside = _is_computed_from(_tensors(whole.inputs), calls)
    outside = [c for c in calls if c.scope.startswith(f"{whole.scope}/") and inside(c)]
    closed = [f"{call.scope}/" for call in outside if isinstance(call.layer, ONE_THING)]
    seen = [call for call in outside if not any(call.scope.startswith(one) for one in closed)]
    holders = _holders(seen)
    return [
        call
        for call in seen
        if _tensors(call.outputs)
        and (call.scope not in holders or isinstance(call.layer, ONE_THING))
    ]


def _holders(calls: Iterable[LayerCall]) -> set[str]:
    """The scopes in which layers are called."""
    found: set[str] = set()
    for call in calls:
        parts = call.scope.split("/")
        found.update("/".join(parts[:count]) for count in range(1, len(parts)))
    return found


def _is_computed_from(
    given: Iterable[Tensor], calls: Sequence[LayerCall]
) -> Callable[[LayerCall], bool]:
    """Says of a call whether it stands outside of loops, whose steps see placeholders."""
    known = {node for node in walk(given) if isinstance(node.operation, Placeholder)}
    foreign: set[Node] = set()
    for node in walk([tensor for call in calls for tensor in _tensors(call.outputs)]):
        is_step = isinstance(node.operation, Placeholder) and node not in known
        if is_step or any(tensor.node in foreign for tensor in node.inputs):
            foreign.add(node)
    return lambda call: not any(t.node in foreign for t in _tensors(call.outputs))


def _names(calls: Sequence[LayerCall], prefix: str) -> list[str]:
    counts = Counter[str]()
    names = []
    for call in calls:
        path = call.scope.removeprefix(prefix)
        counts[path] += 1
        names.append(path if counts[path] == 1 else f"{path} ({counts[path]})")
    return names


def _meant(layer: object) -> Iterator[Variable]:
    """The weights that are meant to be trained; all of a layer that is frozen."""
    if isinstance(layer, Layer):
        yield from (weight for weight in layer.weights if weight.trainable or not layer.trainable)


# ---- what each of them is


def _named(
    name: str, call: LayerCall, makers: dict[Key, str], parameters: tuple[str, ...]
) -> NamedCall:
    layer = call.layer
    if not isinstance(layer, Layer):
        raise GraphError(f"Layers are called, and not {layer!r}.")
    arguments, outputs = _tensors(call.inputs), _tensors(call.outputs)
    function, z = _activation(layer, arguments, outputs[0])
    role = _role(layer, arguments, function, z)
    if role == "recurrent":
        function = _function_of_state(layer)
    return NamedCall(
        name,
        layer,
        role,
        function,
        _inputs(arguments, makers, name),
        parameters,
        tuple(arguments),
        tuple(outputs),
        z if role in ("hidden", "activation") else None,
    )


def _activation(
    layer: object, arguments: Sequence[Tensor], output: Tensor
) -> tuple[Function | None, Tensor]:
    """The function at the end of a layer, and what enters it; the result where there is none."""
    if isinstance(layer, PReLU):
        return PRELU, arguments[0]
    given = {tensor.key for tensor in arguments}
    tensor = output
    while tensor.key not in given:
        operation = tensor.node.operation
        found = function_of(operation)
        if found is not None:
            return found, tensor.node.inputs[0]
        if not isinstance(operation, PASSAGES):
            break
        (tensor,) = tensor.node.inputs
    return None, output


def _role(layer: object, arguments: Sequence[Tensor], function: Function | None, z: Tensor) -> str:
    if isinstance(layer, RNN):
        return "recurrent"
    if isinstance(layer, ATTENTIONS):
        return "attention"
    if isinstance(layer, NORMALIZATIONS):
        return "normalization"
    if function is not None and any(z.key == tensor.key for tensor in arguments):
        return "activation"
    matrices = {weight for weight in _weights(layer) if len(weight.shape) > 1}
    if not matrices:
        return "other"
    return "hidden" if _multiplies(matrices, arguments, z) else "embedding"


def _weights(layer: object) -> list[Variable]:
    return layer.weights if isinstance(layer, Layer) else []


def _multiplies(weights: Container[Variable], arguments: Iterable[Tensor], result: Tensor) -> bool:
    """Whether a weight is a factor of a product, and not a table of vectors."""
    given = {tensor.key for tensor in arguments}
    return any(
        isinstance(node.operation, PRODUCTS) and any(_variable(t) in weights for t in node.inputs)
        for node in walk([result], lambda tensor: tensor.key in given)
    )


def _variable(tensor: Tensor) -> Variable | None:
    while isinstance(tensor.node.operation, PASSAGES):
        (tensor,) = tensor.node.inputs
    operation = tensor.node.operation
    return operation.variable if isinstance(operation, Read) else None


def _function_of_state(layer: object) -> Function | None:
    """What makes the state of a recurrent layer, where its cell says so."""
    cell = getattr(layer, "cell", None)
    return NAMED.get(getattr(cell, "activation", None))


def _inputs(arguments: Iterable[Tensor], makers: dict[Key, str], own: str) -> tuple[str, ...]:
    """The calls whose results enter, through whatever stands between."""
    found: dict[str, None] = {}
    pending, seen = [*arguments][::-1], set()
    while pending:
        tensor = pending.pop()
        if tensor.key in seen:
            continue
        seen.add(tensor.key)
        maker = makers.get(tensor.key)
        if maker is None or maker == own:
            pending += tensor.node.inputs[::-1]
        else:
            found[maker] = None
    return tuple(found)


# ---- the last layers


def _with_outputs(calls: list[NamedCall], predictions: Iterable[Tensor]) -> list[NamedCall]:
    """The layers with weights that are met first on the way back from the predictions, as outputs.

    What comes behind them, a last activation, is the last of all.
    """
    ends = {call.output.key for call in calls if call.role in WITH_MATRICES}
    last: set[Key] = set()
    for prediction in predictions:
        for tensor in _way_back(prediction):
            last.add(tensor.key)
            if tensor.key in ends:
                break
    return [
        replace(
            call,
            role="output" if call.role == "hidden" and call.output.key in last else call.role,
            is_last=call.output.key in last,
        )
        for call in calls
    ]


def _way_back(tensor: Tensor) -> Iterator[Tensor]:
    """The tensors of which one after the other is made, as long as it is of a single one."""
    while True:
        yield tensor
        made_of = [t for t in tensor.node.inputs if not isinstance(t.node.operation, Leaf)]
        if len(made_of) != 1:
            return
        (tensor,) = made_of


def _tensors(tree: object) -> list[Tensor]:
    return [leaf for leaf in leaves_of(tree) if isinstance(leaf, Tensor)]
