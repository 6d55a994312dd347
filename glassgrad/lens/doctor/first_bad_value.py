"""The first bad value of a training step: the graph is evaluated node by node, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

import numpy as np

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, NotBuiltError, shown
from glassgrad.graph import Constant, Leaf, Node, Tensor, Variable
from glassgrad.graph.graph import Values
from glassgrad.graph.operation import Array
from glassgrad.graph.tensor import Key
from glassgrad.graph.trees import leaves_of, map_tree
from glassgrad.layers.layer import holds_numbers
from glassgrad.lens.doctor.bad_value import PHASES, BadValue, Operand
from glassgrad.lens.doctor.reasons import formula_of, kind_of, reason_of, through_of
from glassgrad.lens.doctor.step_graph import StepGraph
from glassgrad.models import Model
from glassgrad.training.data import Batch, as_data

__all__ = ["find_first_bad_value", "first_bad_value_of", "largest_value_of"]

MOST_OPERANDS = 4


@checked
def find_first_bad_value(
    model: Model, x: Any, y: Any = None, sample_weight: Any = None
) -> BadValue | None:
    """Look for the first value of a training step that is not finite.

    The step is evaluated node by node, forward, backward and update, with the weights as they
    are now and as one batch; nothing is learned by it. The first bad value is that of the first
    node whose value is not finite while its inputs are, and from which the loss or a weight gets
    its own; an infinity that is written down, as in masks, counts as finite.

    Args:
        model: a compiled model.
        x: inputs of the batch, (examples, …); here they may hold NaN.
        y: its targets.
        sample_weight: how much each example counts.

    Returns:
        What was found, ``None`` where the loss and all new weights are finite.

    Raises:
        NotBuiltError: the model is not compiled.
        DataError, ShapeError, DtypeError: the data do not fit the model or the loss.

    Example:
        >>> from glassgrad.layers import Dense, Input
        >>> from glassgrad.models import Sequential
        >>> dense = Dense(1, activation="exponential", kernel_initializer="ones", name="grown")
        >>> model = Sequential([Input((1,)), dense])
        >>> model.compile("sgd", "mse", executor="reference")
        >>> found = find_first_bad_value(model, [[1.0], [100.0]], [[1.0], [1.0]])
        >>> print(found.kind, found.phase, found.layer, found.rows)
        infinity forward grown (1,)
        >>> print(found.cause)
        exp(100) is more than float32 holds: exp overflows above 88.7.
    """
    given: Any = model  # whatever the type says
    if not isinstance(given, Model):
        raise ArgumentError(f"What is examined is a compiled model. Got {shown(model)}.")
    if not model.is_compiled:
        raise NotBuiltError(
            f"Model {model.name!r} has no loss yet. First: model.compile(optimizer, loss)."
        )
    found = _in_data({"x": x, "y": y, "sample_weight": sample_weight})
    if found is not None:
        return found
    data = model.steps.checked(as_data(x, y, sample_weight, model.dtype), training=True)
    model.build_optimizer()
    return first_bad_value_of(model, data.first())


def first_bad_value_of(model: Model, batch: Batch) -> BadValue | None:
    """The same for a batch that was checked before."""
    graph = StepGraph(model, batch)
    for flushed in (False, True):
        values = graph.values(flushed=flushed)
        node = _first(graph, values)
        if node is not None:
            return _described(graph, node, values)
    return None


def largest_value_of(model: Model, batch: Batch) -> BadValue:
    """The value nearest to the limit, for a step that is bad in compiled kernels alone.

    They add in another order than NumPy does, so that one may overflow where the other does not.
    """
    graph = StepGraph(model, batch)
    values = graph.values()
    size, node = max(
        ((max(map(_largest, values[node])), node) for node in graph.nodes), key=itemgetter(0)
    )
    return replace(
        _placed(graph, node, 0, values),
        kind="infinity",
        cause=(
            "The compiled step gives NaN or infinity where NumPy just does not: the numbers are "
            f"at the limit of what float32 holds. The largest one is {size:.3g}."
        ),
    )


def _largest(array: Array) -> float:
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else np.zeros(0)
    return float(np.abs(finite).max(initial=0.0))


# ---- which node


def _first(graph: StepGraph, values: Values) -> Node | None:
    """The node at which it begins, the earliest in the step where there are several."""
    bad = _bad_tensors(graph.nodes, values)
    phases = list(PHASES)
    begins = [
        node
        for node in _leading_to(graph.roots, bad)
        if not any(tensor.key in bad for tensor in node.inputs)
    ]
    order = {node: number for number, node in enumerate(graph.nodes)}
    return min(
        begins, key=lambda node: (phases.index(graph.phase_of(node)), order[node]), default=None
    )


def _bad_tensors(nodes: Sequence[Node], values: Values) -> set[Key]:
    """Tensors that are not finite, but for infinities that are written down on purpose."""
    bad: set[Key] = set()
    meant: set[Key] = set()
    for node in nodes:
        for index, array in enumerate(values[node]):
            if array.dtype.kind != "f" or np.isfinite(array).all():
                continue
            key = (node, index)
            (meant if _is_meant(node, array, bad, meant) else bad).add(key)
    return bad


def _is_meant(node: Node, array: Array, bad: set[Key], meant: set[Key]) -> bool:
    """Whether infinities are constants, or are handed on from such, as where a mask is laid."""
    if np.isnan(array).any():
        return False
    if isinstance(node.operation, Leaf):
        return isinstance(node.operation, Constant)
    keys = {tensor.key for tensor in node.inputs}
    return bool(keys & meant) and not keys & bad


def _leading_to(roots: Sequence[Tensor], bad: set[Key]) -> set[Node]:
    """The nodes from which bad values came to the roots, through bad values alone."""
    pending = [tensor for tensor in roots if tensor.key in bad]
    found: set[Node] = set()
    while pending:
        node = pending.pop().node
        if node not in found:
            found.add(node)
            pending += [tensor for tensor in node.inputs if tensor.key in bad]
    return found


# ---- what is said of it


def _described(graph: StepGraph, node: Node, values: Values) -> BadValue:
    index = next(n for n, array in enumerate(values[node]) if not np.isfinite(array).all())
    array, inputs = values[node][index], _inputs_of(node, values)
    places = np.argwhere(~np.isfinite(array))
    return replace(
        _placed(graph, node, index, values),
        kind=kind_of(float(array[tuple(places[0])])),
        cause=reason_of(graph, node, index, inputs, array),
        count=len(places),
        rows=graph.rows_of(node.outputs[index], places),
    )


def _placed(graph: StepGraph, node: Node, index: int, values: Values) -> BadValue:
    """What is known of an output of a node, whatever is in it."""
    phase, line = graph.phase_of(node), graph.line_of(node)
    is_leaf = isinstance(node.operation, Leaf)
    is_given = phase in ("data", "weights")
    return BadValue(
        phase=phase,
        layer=graph.name_of(node.outputs[index]) if is_given else graph.layer_of(node),
        operation="" if is_leaf else node.operation.name,
        formula="" if is_leaf else formula_of(node),
        kind="",
        cause="",
        count=0,
        size=values[node][index].size,
        line=None if line is None else str(line),
        code="" if line is None else line.text,
        operands=_operands(graph, node, _inputs_of(node, values)),
        through=through_of(node),
        batch_size=len(graph.batch),
    )


def _inputs_of(node: Node, values: Values) -> list[Array]:
    return [values[one.node][one.index] for one in node.inputs]


def _operands(graph: StepGraph, node: Node, inputs: Sequence[Array]) -> tuple[Operand, ...]:
    """What entered, by the size of its numbers where there is much of it."""
    found = [
        operand_of(graph.name_of(tensor), array)
        for tensor, array in zip(node.inputs, inputs, strict=True)
    ]
    if len(found) > MOST_OPERANDS:
        found.sort(key=lambda one: -one.magnitude)
    return tuple(found[:MOST_OPERANDS])


def operand_of(name: str, array: Array) -> Operand:
    """The range of the finite elements of an array."""
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    if not finite.size:
        return Operand(name, array.shape, None, None)
    return Operand(name, array.shape, float(finite.min()), float(finite.max()))


def _in_data(parts: dict[str, Any]) -> BadValue | None:
    """What is bad in the data themselves, which no model has seen yet."""
    for part, tree in parts.items():
        arrays = leaves_of(map_tree(_floats_in, tree, is_leaf=holds_numbers))
        for number, array in enumerate(arrays):
            if not np.isfinite(array).all():
                return _bad_data(part if len(arrays) == 1 else f"{part}{number}", array)
    return None


def _floats_in(value: Any) -> Array:
    """An array of floats, or none: what else is wrong with data is said by who reads them."""
    nothing = np.zeros(0)
    if isinstance(value, Tensor | Variable):
        value = value.numpy()
    try:
        array = np.asarray(value)
    except ValueError:
        return nothing
    return array if array.dtype.kind == "f" and array.ndim else nothing


def _bad_data(name: str, array: Array) -> BadValue:
    places = np.argwhere(~np.isfinite(array))
    kind = kind_of(float(array[tuple(places[0])]))
    return BadValue(
        phase="data",
        layer=name,
        operation="",
        formula="",
        kind=kind,
        cause=f"The data themselves hold {kind}: {name}{places[0].tolist()}.",
        count=len(places),
        size=array.size,
        rows=tuple(np.unique(places[:, 0]).tolist()),
        operands=(operand_of(name, array),),
        batch_size=len(array),
    )
