"""Movements of elements in their simplest form: what moves nothing goes, what follows is joined."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch
from itertools import accumulate
from math import prod
from typing import Generic, Protocol, TypeVar

from glassgrad.graph import Constant, Operation, Tensor, constant
from glassgrad.lens.contraction import Contraction
from glassgrad.ops.elementwise import (
    Add,
    Cast,
    Divide,
    Elementwise,
    Multiply,
    Subtract,
    broadcast_shapes,
)
from glassgrad.ops.linear import MatMul
from glassgrad.ops.movement import BroadcastTo, Concatenate, Reshape, Slice, Transpose
from glassgrad.ops.reduction import Sum, reduced_shape

__all__ = ["Workshop", "tidied"]

Inputs = tuple[Tensor, ...]
Kind = TypeVar("Kind", bound=Operation)


class Workshop(Protocol):
    """Where nodes are made."""

    def make(self, operation: Operation, *inputs: Tensor) -> Tensor:
        """The output of an operation on tensors, in its simplest form."""

    def sees_into(self, tensor: Tensor) -> bool:
        """Whether it counts how a tensor is made; what has a name is taken as it is."""


@singledispatch
def tidied(operation: Operation, inputs: Inputs, shop: Workshop) -> Tensor | None:
    """What is the same as an operation on inputs and simpler; ``None`` where nothing is.

    Args:
        operation: what is applied.
        inputs: what it is applied to.
        shop: makes what takes its place.
    """
    return None


@dataclass(frozen=True)
class Made(Generic[Kind]):
    """How a tensor is made."""

    operation: Kind
    inputs: Inputs


def made_by(tensor: Tensor, shop: Workshop, kind: type[Kind]) -> Made[Kind] | None:
    """How a tensor is made, if that can be seen and is of this kind."""
    operation = tensor.node.operation
    if isinstance(operation, kind) and shop.sees_into(tensor):
        return Made(operation, tensor.node.inputs)
    return None


@tidied.register
def _cast(operation: Cast, inputs: Inputs, shop: Workshop) -> Tensor | None:
    (x,), dtype = inputs, operation.dtype
    if str(x.dtype) == dtype:
        return x
    number = made_by(x, shop, Constant)
    return None if number is None else constant(number.operation.value.astype(dtype), dtype)


@tidied.register(Add)
@tidied.register(Subtract)
def _sum(operation: Elementwise, inputs: Inputs, shop: Workshop) -> Tensor | None:
    """Axes of length 1 in front come by themselves."""
    a, b = inputs
    shape = broadcast_shapes(a.shape, b.shape)
    for first, second in (
        (a, _without_axes_in_front(b, shop)),
        (_without_axes_in_front(a, shop), b),
    ):
        is_shorter = first.ndim + second.ndim < a.ndim + b.ndim
        if is_shorter and broadcast_shapes(first.shape, second.shape) == shape:
            return shop.make(operation, first, second)
    return None


@tidied.register(Multiply)
@tidied.register(Divide)
def _product(operation: Elementwise, inputs: Inputs, shop: Workshop) -> Tensor | None:
    factor = made_by(inputs[1], shop, Constant)
    if factor is not None and inputs[1].ndim == 0 and factor.operation.value.item() == 1:
        return inputs[0]
    return _sum(operation, inputs, shop)


@tidied.register
def _reshape(operation: Reshape, inputs: Inputs, shop: Workshop) -> Tensor | None:
    (x,), target = inputs, operation.target
    if target == x.shape:
        return x
    if reshaped := made_by(x, shop, Reshape):
        return shop.make(operation, *reshaped.inputs)
    if (moved := made_by(x, shop, Transpose)) and _keeps_order(moved):
        return shop.make(operation, *moved.inputs)
    if summed := made_by(x, shop, Sum):
        axes, (whole,) = summed.operation.axes, summed.inputs
        for keepdims in (False, True):
            if target == reduced_shape(whole.shape, axes, keepdims):
                return shop.make(Sum(axes, keepdims), whole)
    by_rows = _of_rows(x, target, shop)
    return _reshaped_before(x, target, shop) if by_rows is None else by_rows


@tidied.register
def _broadcast(operation: BroadcastTo, inputs: Inputs, shop: Workshop) -> Tensor | None:
    if operation.target == inputs[0].shape:
        return inputs[0]
    x = _without_axes_in_front(inputs[0], shop)
    return None if x is inputs[0] else shop.make(operation, x)


@tidied.register
def _transpose(operation: Transpose, inputs: Inputs, shop: Workshop) -> Tensor | None:
    (x,), order = inputs, operation.order
    longer = [axis for axis in order if x.shape[axis] != 1]
    if longer == sorted(longer):
        return shop.make(Reshape(tuple(x.shape[axis] for axis in order)), x)
    if before := made_by(x, shop, Transpose):
        joined = tuple(before.operation.order[axis] for axis in order)
        return shop.make(Transpose(joined), *before.inputs)
    return None


@tidied.register
def _slice(operation: Slice, inputs: Inputs, shop: Workshop) -> Tensor | None:
    (x,) = inputs
    if not any(operation.starts) and operation.stops == x.shape:
        return x
    if moved := made_by(x, shop, Transpose):
        cut = shop.make(_cut_before(operation, moved.operation.order), *moved.inputs)
        return shop.make(moved.operation, cut)
    if joined := made_by(x, shop, Concatenate):
        return _cut_of_piece(operation, joined, shop)
    return None


@tidied.register
def _concatenate(operation: Concatenate, inputs: Inputs, shop: Workshop) -> Tensor | None:
    return inputs[0] if len(inputs) == 1 else None


def _keeps_order(transpose: Made[Transpose]) -> bool:
    """Whether no axis but those of length 1 changes its place."""
    (x,) = transpose.inputs
    longer = [axis for axis in transpose.operation.order if x.shape[axis] != 1]
    return longer == sorted(longer)


def _without_axes_in_front(x: Tensor, shop: Workshop) -> Tensor:
    """A tensor before it was given axes of length 1 in front."""
    if node := made_by(x, shop, Reshape):
        (inner,) = node.inputs
        if x.shape == (1,) * (x.ndim - inner.ndim) + inner.shape:
            return inner
    return x


def _of_rows(x: Tensor, target: tuple[int, ...], shop: Workshop) -> Tensor | None:
    """A product of rows with a matrix, perhaps with a bias, without the axes having been joined.

    reshape(reshape(x) @ w + b) is x @ w + b; of further axes it is a sum over those that meet.
    """
    if total := made_by(x, shop, Add):
        product = _of_rows(total.inputs[0], target, shop)
        bias = _as_it_was(total.inputs[1], shop)
        if product is None or bias.shape != target[len(target) - bias.ndim :]:
            return None
        return shop.make(Add(), product, bias)
    found = made_by(x, shop, MatMul)
    if found is None or found.operation != MatMul() or found.inputs[1].ndim != 2:
        return None
    rows, weights = (_as_it_was(one, shop) for one in found.inputs)
    return _met(rows, weights, found.inputs[1].shape[0], target, shop)


def _met(
    x: Tensor, weights: Tensor, length: int, target: tuple[int, ...], shop: Workshop
) -> Tensor | None:
    """The sum over the last axes of x and the first of the weights, of this length together."""
    count = next(
        (n for n in range(1, min(x.ndim, weights.ndim)) if prod(weights.shape[:n]) == length), 0
    )
    before, inner, outer = x.shape[:-count], x.shape[-count:], weights.shape[count:]
    if not count or inner != weights.shape[:count] or (*before, *outer) != target:
        return None
    if count == 1 and len(outer) == 1:
        return shop.make(MatMul(), x, weights)
    letters = "abcdefghijklmnopqrstuvwxyz"
    first, met = letters[: len(before)], letters[len(before) : x.ndim]
    last = letters[x.ndim : x.ndim + len(outer)]
    return shop.make(Contraction(f"{first}{met},{met}{last}->{first}{last}"), x, weights)


def _as_it_was(x: Tensor, shop: Workshop) -> Tensor:
    """A tensor before its axes were joined or taken apart."""
    reshaped = made_by(x, shop, Reshape)
    return x if reshaped is None else reshaped.inputs[0]


def _reshaped_before(x: Tensor, target: tuple[int, ...], shop: Workshop) -> Tensor | None:
    """The same of inputs whose axes of length 1 are put elsewhere.

    Only where one of the inputs is a reshape itself, with which the other is joined.
    """
    if _long(x.shape) != _long(target):
        return None
    if (product := made_by(x, shop, MatMul)) and product.operation == MatMul():
        return _product_before(product.inputs, target, shop)
    node = made_by(x, shop, Elementwise)
    if node is None:
        return None
    if not any(made_by(one, shop, Reshape) or made_by(one, shop, MatMul) for one in node.inputs):
        return None
    parts = []
    for operand in node.inputs:
        rank = operand.ndim
        if operand.shape == x.shape:
            parts.append(shop.make(Reshape(target), operand))
        elif rank == 0 or target[-rank:] == x.shape[-rank:]:
            parts.append(operand)
        else:
            return None
    return shop.make(node.operation, *parts)


def _product_before(factors: Inputs, target: tuple[int, ...], shop: Workshop) -> Tensor | None:
    """A product of a matrix with rows that have lost axes of length 1."""
    rows, weights = factors
    if weights.ndim != 2 or not 2 <= len(target) < rows.ndim or target[-1] != weights.shape[-1]:
        return None
    return shop.make(MatMul(), shop.make(Reshape((*target[:-1], rows.shape[-1])), rows), weights)


def _long(shape: tuple[int, ...]) -> list[int]:
    return [length for length in shape if length != 1]


def _cut_before(cut: Slice, order: tuple[int, ...]) -> Slice:
    """The same cut on the axes before a transpose."""
    ranges = dict(zip(order, zip(cut.starts, cut.stops, strict=True), strict=True))
    starts, stops = zip(*(ranges[axis] for axis in sorted(ranges)), strict=True)
    return Slice(starts, stops)


def _cut_of_piece(cut: Slice, join: Made[Concatenate], shop: Workshop) -> Tensor | None:
    """A cut that lies within one of the pieces that were joined is a cut of that piece."""
    axis = join.operation.axis
    ends = accumulate(piece.shape[axis] for piece in join.inputs)
    for piece, end in zip(join.inputs, ends, strict=True):
        begin = end - piece.shape[axis]
        if begin <= cut.starts[axis] and cut.stops[axis] <= end:
            starts, stops = list(cut.starts), list(cut.stops)
            starts[axis], stops[axis] = starts[axis] - begin, stops[axis] - begin
            return shop.make(Slice(tuple(starts), tuple(stops)), piece)
    return None
