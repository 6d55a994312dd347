"""Gradients on request: of the loss by whatever a model computes, for a batch or each example."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias
from weakref import ref

from glassgrad.arguments import checked, is_iterable
from glassgrad.errors import ArgumentError, DtypeError, GradientError, shown
from glassgrad.execute.executor import Executor, executor_named
from glassgrad.gradients import gradients
from glassgrad.graph import Node, Tensor, Trace, Variable, current_trace, rewrite
from glassgrad.graph.operation import Array
from glassgrad.graph.trees import flatten, leaves_of, rebuild
from glassgrad.layers import Layer
from glassgrad.lens.places import Places, names_of_parameters
from glassgrad.models import Model
from glassgrad.ops.elementwise import Sigmoid
from glassgrad.ops.loss import (
    BinaryCrossEntropy,
    CrossEntropy,
    SigmoidCrossEntropy,
    Softmax,
    SoftmaxCrossEntropy,
    SparseCrossEntropy,
    SparseSoftmaxCrossEntropy,
)
from glassgrad.ops.scan import scan
from glassgrad.training.data import as_data
from glassgrad.training.step import Step

__all__ = ["gradients_of", "named_inputs", "step_of", "trace_under_way"]

Found: TypeAlias = dict[str, Tensor]

UNNAMED = "input_layer"  # what an input is called that was given no name
KEPT = 16  # programs of a model, besides those that train it


@checked
def gradients_of(
    model: Model,
    x: Any,
    y: Any = None,
    of: Any = None,
    *,
    sample_weight: Any = None,
    training: bool = False,
    per_sample: bool = False,
) -> dict[str, Array]:
    """The gradient of the loss with respect to parameters, outputs of layers, and inputs.

    Formula: dL/dv for the loss L of the batch, that of ``compile`` with penalties: where it is a
    mean over examples, the gradient of an output or input is divided by their number as well.

    With ``per_sample`` the gradient of each example's own loss L_i, which is the loss of the batch
    that holds this example alone; with a loss that is a mean over examples, and layers that treat
    each example by itself, dL/dw is the mean of the dL_i/dw. Nothing is divided by the length of
    the batch then, and penalties are part of every L_i.

    By probabilities that a softmax gives, the gradient is that of the loss of any probabilities,
    -y / p + sum(y) / sum(p) for cross-entropy, which divides them by their sum; ``explain`` shows
    -y / p. The rule of the softmax makes the same of both.

    The numbers are those of training, in the model's dtype by its executor, compiled once for each
    shape. Weights, optimizer and metrics stay as they are.

    Args:
        model: compiled.
        x: inputs of one batch, as ``fit`` takes them.
        y: its targets.
        of: a name or several, in a list: "hidden/kernel" for a parameter, "hidden" for what the
            layer gives, "x" for the input ("x0", "x1" or "x/key" for several); longer paths such
            as "block/query/kernel" where a name alone is not unique, with slashes or dots. Also
            variables and layers themselves. By default all trainable parameters that the loss
            depends on.
        sample_weight: how much each example counts.
        training: whether layers behave as in training: masks are those of the next step, and
            batch statistics those of the batch, for ``per_sample`` of the one example.
        per_sample: whether to give the gradient for each example.

    Returns:
        Arrays by name: of the shape of what was asked for, with ``per_sample`` of shape
        (examples, *shape), where the axis of examples of outputs and inputs is that in front.
        Each call of a shared layer has its own, "shared" and "shared (2)". The gradients of all
        examples are in memory at once: for a model of a million parameters 4 MB an example.

    Raises:
        NotBuiltError: the model is not compiled.
        UnknownNameError: there is no such place; the message lists what there is.
        GradientError: the loss does not depend on it.
        DtypeError: it holds integers.
        DataError, ShapeError: the data do not fit.

    Example:
        >>> from glassgrad.layers import Dense, Input
        >>> x = Input((2,))
        >>> model = Model(x, Dense(1, use_bias=False, kernel_initializer="ones", name="out")(x))
        >>> model.compile("sgd", "mse", executor="reference")
        >>> pairs = [[1.0, 2.0], [3.0, 4.0]], [[0.0], [0.0]]
        >>> found = model.gradients(*pairs, of=["out/kernel", "x"])
        >>> found["out/kernel"].tolist(), found["x"].tolist()
        ([[24.0], [34.0]], [[3.0, 3.0], [7.0, 7.0]])
        >>> each = model.gradients(*pairs, per_sample=True)
        >>> each["out/kernel"].tolist()
        [[[6.0], [12.0]], [[42.0], [56.0]]]
    """
    wanted = _listed(of)
    data = model.steps.checked(as_data(x, y, sample_weight, model.dtype))
    key = ("gradients", wanted, per_sample, training, model.trainability())
    found = step_of(
        model,
        key,
        lambda one: _loss_graph(one, wanted, per_sample=per_sample),
        model.steps.executor,
        training=training,
    )(data.first())
    return dict(found)


def _listed(of: Any) -> tuple[Any, ...] | None:
    if of is None:
        return None
    wanted = tuple(of) if is_iterable(of) and not isinstance(of, Variable | Layer) else (of,)
    if not wanted:
        raise ArgumentError("of names at least one place, such as 'hidden/kernel'. Got none.")
    for one in wanted:
        if not isinstance(one, str | Variable | Layer):
            raise ArgumentError(
                "What to differentiate by is a name such as 'hidden' or 'hidden/kernel', a "
                f"variable, or a layer. Got {shown(one)}."
            )
    return wanted


# ---- programs that look at a model


def step_of(
    model: Model,
    key: Hashable,
    build: Callable[[Model], Callable[[Any], Any]],
    executor: Executor | None = None,
    *,
    training: bool = False,
) -> Step:
    """A step that only looks: compiled once for each shape, kept with the model, updating nothing.

    Args:
        model: what is looked at.
        key: tells its steps apart.
        build: makes of the model what makes the graph of a batch, as for ``Step``.
        executor: that of the model, or the current one.
        training: whether layers behave as in training.
    """
    chosen = executor or (model.steps.executor if model.is_compiled else executor_named(None))
    kept = model.steps_of_lens
    if (key, chosen) not in kept:
        weak = ref(model)  # the model keeps the step, not the other way round

        def graph(batch: Any) -> Any:
            alive: Any = weak()
            results = build(alive)(batch)
            trace_under_way().updates.clear()
            return results

        while len(kept) >= KEPT:
            del kept[next(iter(kept))]
        kept[key, chosen] = Step(graph, chosen, model.random, training)
    return kept[key, chosen]


def trace_under_way() -> Trace:
    """The trace in which a graph is being made."""
    trace = current_trace()
    if trace is None:
        raise GradientError("A graph is made inside a trace. There is none under way.")
    return trace


def named_inputs(x: Any) -> dict[str, Any]:
    """The inputs by name: x, or x0, x1 …, or x/key in a dictionary."""
    if isinstance(x, dict):
        keys = sorted(x)
        return {f"x/{key}": x[key] for key in keys}
    leaves = leaves_of(x)
    return {"x": leaves[0]} if len(leaves) == 1 else {f"x{n}": t for n, t in enumerate(leaves)}


def _known_inputs(model: Model, x: Any) -> dict[str, Any]:
    """The inputs by name, and in a functional model also by the names that they were given."""
    names = model.input_names if model.is_functional else []
    own = {
        name: tensor
        for name, tensor in zip(names, leaves_of(x), strict=False)
        if not name.startswith(UNNAMED)
    }
    return {**own, **named_inputs(x)}


# ---- the gradient of the loss


def _loss_graph(
    model: Model, wanted: Sequence[Any] | None, *, per_sample: bool
) -> Callable[[Any], Found]:
    def whole(batch: Any) -> Found:
        return _found(model, batch, wanted)[0]

    def one_by_one(batch: Any) -> Found:
        return _for_each_example(batch, lambda one: _found(model, one, wanted))

    return one_by_one if per_sample else whole


def _found(model: Model, batch: Any, wanted: Sequence[Any] | None) -> tuple[Found, set[str]]:
    """The gradients that were asked for, and which of them belong to parameters."""
    x, y, sample_weight = batch
    predictions = model(x)
    loss = model.compute_loss(x, y, predictions, sample_weight)
    places = Places(model, _known_inputs(model, x), trace_under_way().calls)
    if wanted is None:
        names = names_of_parameters(model)
        targets = {names[one]: one.tensor for one in model.trainable_variables}
    else:
        targets = {name: t for one in wanted for name, t in places.named(one).items()}
    _require_floats(targets)
    outputs = [t for t in leaves_of(predictions) if isinstance(t, Tensor)]
    slopes = _gradients(loss, targets, outputs)
    if wanted is None:
        slopes = {name: slope for name, slope in slopes.items() if slope is not None}
    for name, slope in slopes.items():
        if slope is None:
            raise GradientError(
                f"The loss does not depend on {name!r}: there is no gradient. What does not lead "
                "to the outputs, or only through integers, has none."
            )
    parameters = {v.tensor.key for v in model.variables}
    return (
        {name: slope for name, slope in slopes.items() if slope is not None},
        {name for name, tensor in targets.items() if tensor.key in parameters},
    )


def _require_floats(targets: Found) -> None:
    for name, tensor in targets.items():
        if tensor.dtype.kind != "f":
            raise DtypeError(
                f"Only floats have a gradient. Got {name!r} of dtype {tensor.dtype}; pass floats, "
                "or ask for the output of the layer that takes the integers."
            )


def _gradients(loss: Tensor, targets: Found, outputs: Sequence[Tensor]) -> dict[str, Tensor | None]:
    """The gradients; those by probabilities from the loss on probabilities.

    The stable form of the loss reads logits. What comes after them is not on its way, and has a
    gradient nevertheless.
    """
    found = dict(zip(targets, gradients(loss, list(targets.values())), strict=True))
    missing = [name for name, slope in found.items() if slope is None]
    if missing:
        unfused = on_probabilities(loss, outputs)
        slopes = gradients(unfused, [targets[name] for name in missing])
        found.update(zip(missing, slopes, strict=True))
    return found


def on_probabilities(loss: Tensor, outputs: Sequence[Tensor]) -> Tensor:
    """A loss whose cross-entropies read the probabilities among the outputs, not their logits."""
    probabilities = {
        tensor.node.inputs[0].key: tensor
        for tensor in outputs
        if isinstance(tensor.node.operation, Softmax | Sigmoid)
    }

    def unfused(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        operation = node.operation
        if isinstance(operation, SoftmaxCrossEntropy | SigmoidCrossEntropy):
            targets, logits = inputs
            of_softmax = isinstance(operation, SoftmaxCrossEntropy)
            kind = CrossEntropy() if of_softmax else BinaryCrossEntropy()
            q = probabilities.get(logits.key)
            return None if q is None else (kind(targets, q),)
        if isinstance(operation, SparseSoftmaxCrossEntropy):
            logits, labels = inputs
            q = probabilities.get(logits.key)
            return None if q is None else (SparseCrossEntropy()(q, labels),)
        return None

    return rewrite([loss], unfused)[0]


# ---- each example by itself


def _for_each_example(batch: Any, found: Callable[[Any], tuple[Found, set[str]]]) -> Found:
    """Run a graph for each example alone, and put the results one upon the other."""
    arrays, structure = flatten(batch)
    names: list[tuple[str, bool]] = []

    def example(
        _: object, rows: Sequence[Tensor], __: object
    ) -> tuple[tuple[()], tuple[Tensor, ...]]:
        alone = rebuild(structure, [row.reshape((1, *row.shape)) for row in rows])
        slopes, parameters = found(alone)
        names[:] = [(name, name in parameters) for name in slopes]
        return (), tuple(slopes.values())

    _, stacked = scan(example, [], arrays)
    return {
        name: slope if is_parameter else _without_length_one(slope)
        for (name, is_parameter), slope in zip(names, stacked, strict=True)
    }


def _without_length_one(slope: Tensor) -> Tensor:
    """(examples, 1, …) becomes (examples, …)."""
    shape = slope.shape
    return slope.reshape((shape[0], *shape[2:])) if shape[1:2] == (1,) else slope
