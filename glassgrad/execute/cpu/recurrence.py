"""Recurrence in a form that suits kernels: a strip of examples goes through all time steps alone.

The inputs of a step stand side by side, ``[x_t, 1, h_{t-1}]``: their product with the weights one
below the other is the pre-activation, bias and all, and so is, the other way round, the gradient
of all weights, summed over all steps and examples by one product. The forward kernel leaves these
rows behind where somebody asks for them, and does not keep them elsewhere.

The operations here take the place of the composites of ``ops.recurrent`` and ``ops.deltas`` where
the activations are the usual ones; with others the definitions hold, which are scans.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from glassgrad.graph import Constant, Node, Operation, Tensor, TensorSpec, rewrite, walk
from glassgrad.graph.operation import as_specs
from glassgrad.ops.deltas import (
    GatedRecurrentUnitDelta,
    GatedRecurrentUnitGradient,
    LongShortTermMemoryDelta,
    LongShortTermMemoryGradient,
    SimpleRecurrenceDelta,
    SimpleRecurrenceGradient,
)
from glassgrad.ops.linear import MatMul
from glassgrad.ops.movement import BroadcastTo, concatenate, reshape, transpose
from glassgrad.ops.recurrent import GatedRecurrentUnit, LongShortTermMemory, SimpleRecurrence

__all__ = ["ColumnsProduct", "Recurrence", "RecurrenceDelta", "opened", "without_unused"]


@dataclass(frozen=True)
class Cell:
    """What tells one recurrence from another.

    Args:
        states: how many states there are.
        gates: how many values per unit the forward pass keeps.
        ones: how many ones stand between x and h: one for each bias.
        deltas: how many arrays of deltas there are.
        width: how many deltas per unit each has.
    """

    states: int
    gates: int
    ones: int
    deltas: int
    width: int


CELLS = {
    "lstm": Cell(states=2, gates=4, ones=1, deltas=1, width=4),
    "gru": Cell(states=1, gates=4, ones=2, deltas=2, width=3),
    "simple": Cell(states=1, gates=0, ones=1, deltas=1, width=1),
}


@dataclass(frozen=True)
class Recurrence(Operation):
    """The states of all time steps.

    Inputs: x, the first states, the weights (features + ones + units, gates), perhaps a mask.
    Outputs: the states after each step; with ``saves`` also the gates, if the cell has any, and
    the joined rows of each step (batch, time, features + ones + units).
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
        widths = [units] * cell.states
        if self.saves:
            widths += [cell.gates * units] * bool(cell.gates)
            widths += [inputs[1 + cell.states].shape[0]]
        return tuple(TensorSpec((batch, time, width), dtype) for width in widths)


@dataclass(frozen=True)
class RecurrenceDelta(Operation):
    """The deltas of all time steps, and with ``ends`` the gradients of the first states.

    Inputs: the gradients of those states that have one, as ``given`` says; the recurrent kernel
    transposed, the first states, the states, the gates, perhaps a mask. Of an LSTM, the first h
    and the states h are not among them; of a plain recurrence, no first state is.
    """

    cell: str
    reverse: bool
    masked: bool
    given: tuple[bool, ...]
    ends: bool = True

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        """As the inputs say."""
        batch, time, units = inputs[0].shape
        cell, dtype = CELLS[self.cell], inputs[0].dtype
        delta = TensorSpec((batch, time, cell.width * units), dtype)
        end = TensorSpec((batch, units), dtype)
        return (*[delta] * cell.deltas, *[end] * (cell.states * self.ends))


@dataclass(frozen=True)
class ColumnsProduct(Operation):
    """A[:, begin:end]^T B, summed over all axes but the last of both."""

    begin: int
    end: int

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        """A row for each column of A, a column for each of B."""
        _, b = inputs
        return TensorSpec((self.end - self.begin, b.shape[-1]), b.dtype)


# ---- composites replaced


def opened(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
    """The operations here in the place of a composite's node, if there are any for it."""
    maker = _makers.get(type(node.operation))
    return None if maker is None else maker(node, inputs)


def without_unused(outputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Let kernels leave behind only what somebody reads."""
    nodes = walk(outputs)
    used = {tensor.key for node in nodes for tensor in node.inputs}
    used |= {tensor.key for tensor in outputs}

    def trim(node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
        operation = node.operation
        if isinstance(operation, Recurrence) and operation.saves:
            kept, smaller = CELLS[operation.cell].states, replace(operation, saves=False)
        elif isinstance(operation, RecurrenceDelta) and operation.ends:
            kept, smaller = CELLS[operation.cell].deltas, replace(operation, ends=False)
        else:
            return None
        if any(tensor.key in used for tensor in node.outputs[kept:]):
            return None
        return (*_applied(smaller, node, *inputs), *node.outputs[kept:])

    return rewrite(outputs, trim)


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
    return _applied(recurrence, node, x, *first, weights, *mask)[: len(node.specs)]


def _delta(cell: str, node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
    """As ``Recurrence`` for a composite of deltas, or for a gradient, which begins with them."""
    operation = node.operation
    reverse = getattr(operation, "reverse", False)
    given = _given(operation)
    states = CELLS[cell].states
    present, (recurrent_kernel, *saved) = inputs[: sum(given)], inputs[sum(given) :]
    if any(given[states:]) or not _has_kernel(operation, inputs, recurrent_kernel.shape[0]):
        return None
    masked = saved[-1].dtype == np.bool_
    delta = RecurrenceDelta(cell, reverse, masked, given[:states])
    return _applied(delta, node, *present, transpose(recurrent_kernel), *saved)


def _given(operation: Operation) -> tuple[bool, ...]:
    """Which outputs of a recurrence have a gradient."""
    return tuple(getattr(operation, "given", (True,)))


def _gradient(cell: str, node: Node, inputs: tuple[Tensor, ...]) -> Sequence[Tensor] | None:
    """The gradients of the weights by one product, or two, of what the forward pass leaves."""
    count, states = sum(_given(node.operation)), CELLS[cell].states
    x, first = inputs[count], inputs[count + 1 : count + 1 + states]
    kernel, recurrent_kernel, h, *saved = inputs[count + 1 + states :]
    made = h.node
    if not isinstance(made.operation, Recurrence) or made.inputs[0].key != x.key:
        return None
    seen = {"lstm": [first[-1], *saved], "gru": [*first, h, *saved], "simple": [h, *saved]}[cell]
    found = _delta(cell, node, (*inputs[:count], recurrent_kernel, *seen))
    if found is None:
        return None
    deltas, ends = found[: CELLS[cell].deltas], found[CELLS[cell].deltas :]
    to_kernel, to_bias, to_recurrent = _of_weights(made.outputs[-1], deltas, node, x.shape[2])
    rows = reshape(deltas[0], (x.shape[0] * x.shape[1], kernel.shape[1]))
    to_x = reshape(MatMul(transpose_b=True)(rows, kernel), x.shape)
    return (to_x, *ends, to_kernel, to_recurrent, to_bias)


def _of_weights(
    joined: Tensor, deltas: Sequence[Tensor], node: Node, features: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of the kernel, the biases and the recurrent kernel."""
    rows, width = joined.shape[2], deltas[0].shape[2]
    if len(deltas) == 1:
        (whole,) = _applied(ColumnsProduct(0, rows), node, joined, deltas[0])
        to_bias = reshape(whole[features : features + 1], (width,))
        return whole[:features], to_bias, whole[features + 1 :]
    (upper,) = _applied(ColumnsProduct(0, features + 1), node, joined, deltas[0])
    (lower,) = _applied(ColumnsProduct(features + 1, rows), node, joined, deltas[1])
    return upper[:features], concatenate([upper[features:], lower[:1]], 0), lower[1:]


Maker = Callable[[Node, tuple[Tensor, ...]], Sequence[Tensor] | None]

_makers: dict[type[Operation], Maker] = {
    LongShortTermMemory: partial(_forward, "lstm"),
    LongShortTermMemoryDelta: partial(_delta, "lstm"),
    LongShortTermMemoryGradient: partial(_gradient, "lstm"),
    GatedRecurrentUnit: partial(_forward, "gru"),
    GatedRecurrentUnitDelta: partial(_delta, "gru"),
    GatedRecurrentUnitGradient: partial(_gradient, "gru"),
    SimpleRecurrence: partial(_forward, "simple"),
    SimpleRecurrenceDelta: partial(_delta, "simple"),
    SimpleRecurrenceGradient: partial(_gradient, "simple"),
}
