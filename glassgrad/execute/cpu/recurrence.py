"""Recurrence in a form that suits kernels: a strip of examples goes through all time steps alone.

The inputs of a step stand side by side, ``[x_t, 1, h_{t-1}]``: their product with the weights one
below the other is the pre-activation, bias and all, and so is, the other way round, the gradient
of all weights. The forward kernel leaves these rows behind where a backward pass asks for them,
strip by strip, since the backward kernel takes the same strips: a few steps of a strip are rows
one below the other, and their product with the deltas is added to the gradient while both are in
cache.

The operations here take the place of the composites of ``ops.recurrent`` and ``ops.deltas`` where
the activations are the usual ones; with others the definitions hold, which are scans.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from glassgrad.graph import Constant, Node, Operation, Tensor, TensorSpec, rewrite, walk
from glassgrad.graph.operation import as_specs
from glassgrad.ops.deltas import (
    GatedRecurrentUnitGradient,
    LongShortTermMemoryGradient,
    SimpleRecurrenceGradient,
)
from glassgrad.ops.linear import MatMul
from glassgrad.ops.movement import BroadcastTo, concatenate, reshape, transpose
from glassgrad.ops.recurrent import GatedRecurrentUnit, LongShortTermMemory, SimpleRecurrence
from glassgrad.ops.reduction import Sum

__all__ = [
    "CELLS",
    "Recurrence",
    "RecurrenceGradient",
    "RowsProduct",
    "lower_recurrence",
    "opened",
    "strip_shape",
]


@dataclass(frozen=True)
class Cell:
    """What tells one recurrence from another.

    Args:
        states: how many states there are.
        gates: how many values per unit the forward pass keeps.
        ones: how many ones stand between x and h: one for each bias.
        width: how many columns of weights a unit has.
        deltas: how many deltas a unit has.
    """

    states: int
    gates: int
    ones: int
    width: int
    deltas: int


CELLS = {
    "lstm": Cell(states=2, gates=4, ones=1, width=4, deltas=4),
    # Of the candidate, what comes from h has a bias of its own, and deltas: see its formulas.
    "gru": Cell(states=1, gates=4, ones=2, width=3, deltas=4),
    "simple": Cell(states=1, gates=0, ones=1, width=1, deltas=1),
}

LARGEST_SUMS = 1 << 22
"""Elements of all sums of the weights' gradients together."""


@dataclass(frozen=True)
class Recurrence(Operation):
    """The states of all time steps.

    Inputs: x, the first states, the weights (features + ones + units, gates), perhaps a mask.
    Outputs: the states after each step; with ``saves`` also the gates, if the cell has any, and
    the joined rows: both strip by strip, (strips, time, examples, …).
    """

    cell: str
    reverse: bool
    masked: bool
    from_zero: bool
    saves: bool = True

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """As the inputs say."""
        (batch, time, _), dtype = inputs[0].shape, inputs[0].dtype
        cell, units = CELLS[self.cell], inputs[1].shape[1]
        state = TensorSpec((batch, time, units), dtype)
        if not self.saves:
            return (state,) * cell.states
        widths = [cell.gates * units] * bool(cell.gates) + [inputs[1 + cell.states].shape[0]]
        strips = (TensorSpec((*strip_shape(batch, time), width), dtype) for width in widths)
        return (*[state] * cell.states, *strips)


@dataclass(frozen=True)
class RecurrenceGradient(Operation):
    """Backpropagation through time.

    Inputs: the gradients of those states that have one, as ``given`` says; the recurrent kernel
    transposed; the joined rows; the gates, if the cell has any; of an LSTM the first c and c, of a
    plain recurrence h; perhaps a mask.
    Outputs: with ``sums`` the gradients of the weights, of which every part has its own, as long
    as it is not decided how many there are, the whole; with ``keeps`` the deltas strip by strip;
    with ``ends`` the gradients of the first states.
    """

    cell: str
    reverse: bool
    masked: bool
    given: tuple[bool, ...]
    parts: int = 0
    sums: bool = True
    keeps: bool = True
    ends: bool = True

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """As the inputs say."""
        batch, _, units = inputs[0].shape
        cell, dtype = CELLS[self.cell], inputs[0].dtype
        joined = inputs[sum(self.given) + 1].shape
        divided = (self.parts,) if self.parts else ()
        sums = TensorSpec((*divided, joined[-1], cell.width * units), dtype)
        delta = TensorSpec((*joined[:-1], cell.deltas * units), dtype)
        end = TensorSpec((batch, units), dtype)
        return (
            *[sums] * self.sums, *[delta] * self.keeps, *[end] * (cell.states * self.ends)
        )  # fmt: skip


@dataclass(frozen=True)
class RowsProduct(Operation):
    """A[:, begins_a:ends_a]^T B[:, begins_b:ends_b], summed over all axes but the last of both."""

    of_a: tuple[int, int]
    of_b: tuple[int, int]

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """A row for each of the columns of A, a column for each of those of B."""
        (begin, end), (left, right) = self.of_a, self.of_b
        return TensorSpec((end - begin, right - left), inputs[0].dtype)


def strip_shape(batch: int, time: int) -> tuple[int, int, int]:
    """Strips, time and the examples of a strip: few of a small batch, so that all parts get some.

    Example:
        >>> strip_shape(128, 28), strip_shape(33, 28), strip_shape(5, 28)
        ((4, 28, 32), (5, 28, 8), (1, 28, 8))
    """
    examples = 8 * min(max(batch // 32, 1), 4)
    return -(-batch // examples), time, examples


# ---- composites replaced


def opened(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
    """The operations here in the place of a composite's node, if there are any for it."""
    kind = type(node.operation)
    if kind in FORWARD:
        return _forward(FORWARD[kind], node, inputs)
    if kind in BACKWARD:
        return _gradient(BACKWARD[kind], node, inputs)
    return None


def _applied(operation: Operation, like: Node, *inputs: Tensor) -> tuple[Tensor, ...]:
    specs = as_specs(operation.shape(*(tensor.spec for tensor in inputs)))
    node = Node(operation, inputs, specs)
    node.scope = like.scope
    return node.outputs


def _is_usual(operation: Operation) -> bool:
    """Whether the kernels know its activations, and its order of gates."""
    return (
        getattr(operation, "activation", "") == "tanh"
        and getattr(operation, "recurrent_activation", "sigmoid") == "sigmoid"
        and getattr(operation, "reset_after", True)
    )


def _is_zero(tensor: Tensor) -> bool:
    operation = tensor.node.operation
    if isinstance(operation, BroadcastTo):
        return _is_zero(tensor.node.inputs[0])
    return isinstance(operation, Constant) and not np.any(operation.value)


def _has_kernel(operation: Operation, inputs: Sequence[Tensor], units: int) -> bool:
    floats = {tensor.dtype for tensor in inputs if tensor.dtype.kind == "f"}
    return _is_usual(operation) and units > 0 and floats in ({np.dtype("f4")}, {np.dtype("f8")})


def _forward(cell: str, node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
    operation, states = node.operation, CELLS[cell].states
    x, first = inputs[0], inputs[1 : 1 + states]
    kernel, recurrent_kernel, bias, *mask = inputs[1 + states :]
    if not _has_kernel(operation, inputs, first[0].shape[1]):
        return None
    assert isinstance(operation, LongShortTermMemory | GatedRecurrentUnit | SimpleRecurrence)
    rows = reshape(bias, (CELLS[cell].ones, kernel.shape[1]))
    weights = concatenate([kernel, rows, recurrent_kernel], 0)
    recurrence = Recurrence(cell, operation.reverse, bool(mask), all(map(_is_zero, first)))
    made = _applied(recurrence, node, x, *first, weights, *mask)
    gates = (_in_order(strips, x.shape[0]) for strips in made[states:-1])
    return (*made[:states], *gates)


def _gradient(cell: str, node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
    """What the forward pass has left behind is read; so there must be one, by a kernel."""
    operation, states = node.operation, CELLS[cell].states
    given = tuple(getattr(operation, "given", (True,)))
    count = sum(given)
    x, first = inputs[count], inputs[count + 1 : count + 1 + states]
    kernel, recurrent_kernel, h, *saved = inputs[count + 1 + states :]
    made = h.node
    if (
        any(given[states:])
        or not isinstance(made.operation, Recurrence)
        or made.inputs[0].key != x.key
    ):
        return None
    mask = saved[-1:] if made.operation.masked else []
    joined, gates = made.outputs[-1], made.outputs[states:-1]
    seen = {"lstm": [first[-1], made.outputs[1]], "gru": [], "simple": [h]}[cell]
    rule = RecurrenceGradient(cell, made.operation.reverse, bool(mask), given[:states])
    weights, deltas, *ends = _applied(
        rule, node, *inputs[:count], transpose(recurrent_kernel), joined, *gates, *seen, *mask
    )
    features, width = x.shape[2], kernel.shape[1]
    begin, end = features, features + CELLS[cell].ones
    rows = reshape(deltas[..., :width], (prod(deltas.shape[:3]), width))
    to_rows = MatMul(transpose_b=True)(rows, kernel)
    to_x = _in_order(reshape(to_rows, (*deltas.shape[:3], features)), x.shape[0])
    to_bias = weights[begin:end] if end > begin + 1 else weights[begin]
    return (to_x, *ends, weights[:begin], weights[end:], to_bias)


def _in_order(strips: Tensor, batch: int) -> Tensor:
    """(strips, time, examples, …) as (batch, time, …)."""
    count, time, examples, width = strips.shape
    turned = transpose(strips, (0, 2, 1, 3))
    return reshape(turned, (count * examples, time, width))[:batch]


FORWARD: dict[type[Operation], str] = {
    LongShortTermMemory: "lstm",
    GatedRecurrentUnit: "gru",
    SimpleRecurrence: "simple",
}
BACKWARD: dict[type[Operation], str] = {
    LongShortTermMemoryGradient: "lstm",
    GatedRecurrentUnitGradient: "gru",
    SimpleRecurrenceGradient: "simple",
}


# ---- what is left once it is known who reads what


def lower_recurrence(outputs: Sequence[Tensor], parts: int) -> tuple[Tensor, ...]:
    """Let kernels leave behind only what somebody reads, and share the sums among the parts."""
    nodes = walk(outputs)
    used = {tensor.key for node in nodes for tensor in node.inputs}
    used |= {tensor.key for tensor in outputs}

    def replaced(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        operation = node.operation
        wanted = [tensor.key in used for tensor in node.outputs]
        if isinstance(operation, Recurrence):
            return _without_unused(operation, node, inputs, wanted)
        if isinstance(operation, RecurrenceGradient) and not operation.parts:
            return _divided(operation, node, inputs, wanted, parts)
        return None

    return rewrite(outputs, replaced)


def _without_unused(
    operation: Recurrence, node: Node, inputs: tuple[Tensor, ...], wanted: Sequence[bool]
) -> Sequence[Tensor] | None:
    states = CELLS[operation.cell].states
    if not operation.saves or any(wanted[states:]):
        return None
    made = _applied(replace(operation, saves=False), node, *inputs)
    return (*made, *node.outputs[states:])


def _divided(
    operation: RecurrenceGradient,
    node: Node,
    inputs: tuple[Tensor, ...],
    wanted: Sequence[bool],
    parts: int,
) -> Sequence[Tensor]:
    """Sums of each part, added up; or where they would take too much memory, one product."""
    weights, *_ = node.outputs
    sums = wanted[0] and parts * weights.size <= LARGEST_SUMS
    keeps = wanted[1] or wanted[0] > sums
    smaller = replace(operation, parts=parts, sums=sums, keeps=keeps, ends=any(wanted[2:]))
    made = iter(_applied(smaller, node, *inputs))
    results = list(node.outputs)
    if sums:
        results[0] = Sum((0,))(next(made))
    if keeps:
        results[1] = next(made)
        if wanted[0] > sums:
            joined = inputs[sum(operation.given) + 1]
            results[0] = _products(CELLS[operation.cell], joined, results[1])
    if smaller.ends:
        results[2:] = made
    return results


def _products(cell: Cell, joined: Tensor, deltas: Tensor) -> Tensor:
    """The gradients of the weights from the deltas of all steps."""
    rows, units = joined.shape[-1], deltas.shape[-1] // cell.deltas
    if cell.ones == 1:
        return _product(joined, deltas, (0, rows), (0, deltas.shape[-1]))
    both = rows - units - 1
    gates = _product(joined, deltas, (0, rows), (0, 2 * units))
    of_x = _product(joined, deltas, (0, both), (2 * units, 3 * units))
    of_h = _product(joined, deltas, (both, rows), (3 * units, 4 * units))
    return concatenate([gates, concatenate([of_x, of_h], 0)], 1)


def _product(a: Tensor, b: Tensor, of_a: tuple[int, int], of_b: tuple[int, int]) -> Tensor:
    operation = RowsProduct(of_a, of_b)
    return Node(operation, (a, b), (operation.shape(a.spec, b.spec),)).outputs[0]
