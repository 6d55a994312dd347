"""What is looked at: the loss of a model, or a loss as such, as a graph in float64."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.errors import ArgumentError, NotBuiltError, ShapeError, shown
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.gradients import leaves_of
from glassgrad.graph import (
    Constant,
    Read,
    Tensor,
    Trace,
    Variable,
    as_tensor,
    placeholder,
    tracing,
    walk,
)
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.graph.trace import LayerCall
from glassgrad.graph.trees import flatten, map_tree, rebuild
from glassgrad.lens.places import names_of_parameters
from glassgrad.lens.precision import in_float64
from glassgrad.training.data import as_data

if TYPE_CHECKING:
    from glassgrad.models import Model

__all__ = ["Subject", "subject_of"]

PARTS = ("x", "y", "sample_weight")


@dataclass(frozen=True, eq=False)
class Subject:
    """A loss as a graph whose leaves are placeholders, with the values that stand there now.

    Args:
        title: the model's name, or "a loss".
        loss: a float64 scalar, or for a model's own outputs whatever was asked for.
        inputs: everything that enters: parameters, other variables, data.
        arrays: their values, in the same order.
        names: what each input is called: "x", "y", "hidden/kernel"; a parameter whose name
            another one has, by its path: "block/hidden/kernel".
        parameters: those inputs that are differentiated by: trainable variables, and tensors made
            with ``requires_grad=True``.
        variables: by the name of an input, the variable that it stands for.
        calls: the layers' calls, in the order in which they ended; their tensors are those of
            the graph of ``loss``.
        predictions: the model's outputs, ``None`` without a model.
        model: the model, if there is one.
        watched: what became of the tensors that were to be watched.
    """

    title: str
    loss: Tensor
    inputs: tuple[Tensor, ...]
    arrays: tuple[Array, ...]
    names: tuple[str, ...]
    parameters: tuple[Tensor, ...]
    variables: Mapping[str, Variable] = field(default_factory=dict)
    calls: tuple[LayerCall, ...] = ()
    predictions: Any = None
    model: Model | None = None
    watched: tuple[Tensor, ...] = ()

    def name_of(self, tensor: Tensor) -> str:
        """What one of the inputs is called."""
        return self.names[[one.key for one in self.inputs].index(tensor.key)]

    def value_of(self, tensor: Tensor) -> Array:
        """The value of one of the inputs."""
        return self.arrays[[one.key for one in self.inputs].index(tensor.key)]

    def on(self, graph: Mapping[Key, Tensor]) -> Subject:
        """The same on another graph; what is not among the keys stays."""

        def moved(leaf: Any) -> Any:
            return graph.get(leaf.key, leaf) if isinstance(leaf, Tensor) else leaf

        calls = [
            LayerCall(c.layer, c.scope, map_tree(moved, c.inputs), map_tree(moved, c.outputs))
            for c in self.calls
        ]
        predictions = map_tree(moved, self.predictions)
        return replace(self, loss=moved(self.loss), calls=tuple(calls), predictions=predictions)

    def evaluate(self, outputs: Sequence[Tensor]) -> list[Array]:
        """Values of tensors of the graph, by the reference, in float64."""
        program = ReferenceExecutor().compile(list(outputs), list(self.inputs))
        return list(program(*self.arrays))


def subject_of(
    target: Model | Tensor,
    x: Any = None,
    y: Any = None,
    sample_weight: Any = None,
    *,
    training: bool = True,
    same_draws: bool = True,
    watched: Sequence[Tensor] = (),
) -> Subject:
    """The graph of a loss in float64, with everything that enters it by name.

    Args:
        target: a compiled model, or a float scalar made of tensors and variables.
        x: for a model the inputs of one batch.
        y: its targets.
        sample_weight: how much each example counts.
        training: whether layers behave as in training (dropout, batch statistics).
        same_draws: whether random numbers are those that are drawn in float32, see
            ``in_float64``.
        watched: further tensors of the graph of a loss that are of interest; leaves among them
            get a name, and enter like data.

    Raises:
        ArgumentError: there is neither a model nor a tensor.
        NotBuiltError: the model is not compiled.
        ShapeError: the tensor is no scalar.
        DataError, ShapeError, DtypeError: the data do not fit the model or the loss.

    Example:
        >>> from glassgrad import Variable
        >>> w = Variable(2.0, name="w")
        >>> subject = subject_of(w * w * 3.0)
        >>> subject.names, float(subject.evaluate([subject.loss])[0])
        (('w',), 12.0)
    """
    if isinstance(target, Tensor):
        if x is not None or y is not None or sample_weight is not None:
            raise ArgumentError(
                "A loss holds its data already: explain(loss), or explain(model, x, y). Got a "
                "tensor and data."
            )
        if target.shape:
            raise ShapeError(
                f"Only a scalar has a gradient. Got a tensor of shape {target.shape}; take its "
                "sum or mean first."
            )
        return _exact("a loss", target, (), {}, same_draws=same_draws, watched=watched)
    if isinstance(target, type) or not hasattr(target, "compute_loss"):
        raise ArgumentError(
            "What is looked at is a compiled model or a loss, a scalar tensor. "
            f"Got {shown(target)}."
        )
    if not target.is_compiled:
        raise NotBuiltError(
            f"Model {target.name!r} has no loss yet. First: model.compile(optimizer, loss)."
        )
    return _subject_of_model(target, x, y, sample_weight, training, same_draws)


def _subject_of_model(
    model: Model, x: Any, y: Any, sample_weight: Any, training: bool, same_draws: bool
) -> Subject:
    data = model.steps.checked(as_data(x, y, sample_weight, model.dtype))
    batch = data.first()
    named = _names_of_data(rebuild(batch.structure, range(len(batch.arrays))))
    places = [
        placeholder(array.shape, array.dtype, name)
        for array, name in zip(batch.arrays, named, strict=True)
    ]
    with tracing(Trace(training, model.random, runs=True)) as trace:
        inputs, targets, weights = rebuild(batch.structure, places)
        predictions = model(inputs)
        loss = model.compute_loss(inputs, targets, predictions, weights)
    given = {
        tensor.key: (name, array)
        for tensor, name, array in zip(places, named, batch.arrays, strict=True)
    }
    calls = tuple(trace.calls)
    return _exact(model.name, loss, calls, given, predictions, model, same_draws=same_draws)


def _exact(
    title: str,
    loss: Tensor,
    calls: tuple[LayerCall, ...],
    given: Mapping[Key, tuple[str, Array]],
    predictions: Any = None,
    model: Model | None = None,
    *,
    same_draws: bool,
    watched: Sequence[Tensor] = (),
) -> Subject:
    """Put placeholders in the place of all that enters, and float64 in that of float32."""
    of_calls = [flatten((call.inputs, call.outputs)) for call in calls]
    of_model, structure = flatten(predictions)
    wanted = [loss, *of_model, *(tensor for tensors, _ in of_calls for tensor in tensors)]
    wanted += watched
    tensors = [tensor for tensor in wanted if isinstance(tensor, Tensor)]
    trainable = {as_tensor(leaf).key for leaf in leaves_of(loss)}
    own = {} if model is None else names_of_parameters(model)
    entering = _entering(tensors, given, trainable | {tensor.key for tensor in watched}, own)
    places = {key: one.place for key, one in entering.items()}
    rebuilt = iter(in_float64(tensors, places, same_draws=same_draws))
    moved = [next(rebuilt) if isinstance(one, Tensor) else one for one in wanted]
    rest = iter(moved[1 + len(of_model) :])
    exact_calls = []
    for call, (flat, tree) in zip(calls, of_calls, strict=True):
        inputs, outputs = rebuild(tree, [next(rest) for _ in flat])
        exact_calls.append(LayerCall(call.layer, call.scope, inputs, outputs))
    found = entering.values()
    return Subject(
        title,
        moved[0],
        tuple(places.values()),
        tuple(one.array for one in found),
        tuple(one.name for one in found),
        tuple(place for key, place in places.items() if key in trainable),
        {one.name: one.variable for one in found if one.variable is not None},
        tuple(exact_calls),
        rebuild(structure, moved[1 : 1 + len(of_model)]),
        model,
        tuple(moved[len(moved) - len(watched) :]),
    )


@dataclass(frozen=True, eq=False)
class _Entering:
    """Something that enters a graph: its name, its value, the placeholder in its place."""

    name: str
    array: Array
    place: Tensor
    variable: Variable | None


def _entering(
    tensors: Sequence[Tensor],
    given: Mapping[Key, tuple[str, Array]],
    kept: Container[Key],
    own: Mapping[Variable, str],
) -> dict[Key, _Entering]:
    """Data, variables, and those constants that are no mere numbers, by their keys.

    Args:
        tensors: of the graph.
        given: names and values of data.
        kept: constants that enter even where they are single numbers.
        own: the names of variables that are not called by their own.
    """
    found: dict[Key, _Entering] = {}
    taken: set[str] = set()
    for node in walk(tensors):
        tensor, operation = node.outputs[0], node.operation
        variable = None
        if tensor.key in given:
            name, array = given[tensor.key]
        elif isinstance(operation, Read):
            variable = operation.variable
            name, array = own.get(variable, variable.name), variable.numpy()
        elif isinstance(operation, Constant) and (tensor.size > 1 or tensor.key in kept):
            name, array = "", operation.value
        else:
            continue
        name = _unique(name, taken)
        exact = array.astype(np.float64) if array.dtype == np.float32 else array
        place = placeholder(exact.shape, exact.dtype, name)
        found[tensor.key] = _Entering(name, exact, place, variable)
    return found


def _names_of_data(tree: Sequence[Any]) -> list[str]:
    """x, y and sample_weight; numbered, or called by their keys, where there are several."""
    names = []
    for part, entry in zip(PARTS, tree, strict=True):
        flat, _ = flatten(entry)
        if isinstance(entry, Mapping):
            names += [f"{part}/{key}" for key in sorted(entry)]
        else:
            names += [part] if len(flat) == 1 else [f"{part}{n}" for n in range(len(flat))]
    return names


def _unique(name: str, taken: set[str]) -> str:
    """The name, or the next free one; tensors without a name become x, then x_2 and so on."""
    wanted = name or "x"
    found, count = wanted, 1
    while found in taken:
        count += 1
        found = f"{wanted}_{count}"
    taken.add(found)
    return found
