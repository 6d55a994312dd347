"""Wrong chain rules, each the mistake of somebody who writes one, for the checker to find.

A mutant is an operation of the table with its right forward and a rule that spoils the right one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np

from glassgrad import ops
from glassgrad.gradients.reverse import chain_rule
from glassgrad.graph import Operation, Tensor, constant
from glassgrad.ops.activation import Elu, Gelu, LeakyRelu, Softplus
from glassgrad.ops.convolution import Convolution
from glassgrad.ops.elementwise import Add
from glassgrad.ops.indexing import Take
from glassgrad.ops.linear import MatMul
from glassgrad.ops.movement import Concatenate, Reshape, Transpose
from tests.ops.cases import CASES

Array: TypeAlias = np.ndarray[Any, Any]
Tensors: TypeAlias = Sequence[Any]


@dataclass(frozen=True)
class Passed:
    """What a rule is given and what the right rule makes of it.

    Args:
        right: the right gradients of the inputs, of their shapes.
        incoming: the gradients of the outputs.
        outputs: what the operation gave.
        inputs: what it was given.
    """

    right: Tensors
    incoming: Tensors
    outputs: Tensors
    inputs: Tensors


Fault: TypeAlias = Callable[[Passed], Tensors]


@dataclass(frozen=True)
class Mutant:
    """A mistake in one rule.

    Args:
        name: what it is.
        operation: the right operation.
        arrays: where it is checked.
        fault: what the wrong rule gives.
    """

    name: str
    operation: Operation
    arrays: tuple[Array, ...]
    fault: Fault

    @property
    def wrong(self) -> Operation:
        """The operation with the mistake."""
        return spoilt(self.operation, self.fault)

    def __str__(self) -> str:
        return self.name


def spoilt(operation: Operation, fault: Fault) -> Operation:
    """The operation with the same forward and another chain rule."""

    def wrong_rule(self: Operation, incoming: Any, outputs: Any, inputs: Any) -> tuple[Any, ...]:
        right = chain_rule(operation_like(self, type(operation)), incoming, outputs, inputs)
        fitting = [
            None if slope is None else ops.reshape(_fit(slope, x.shape), x.shape)
            for slope, x in zip(right, inputs, strict=True)
        ]
        return tuple(fault(Passed(fitting, incoming, outputs, inputs)))

    kind = type(operation)
    wrong_kind = type(kind.__name__, (kind,), {"chain_rule": wrong_rule, "__module__": __name__})
    return operation_like(operation, wrong_kind)


def operation_like(operation: Operation, kind: type[Operation]) -> Operation:
    return kind(**{field.name: getattr(operation, field.name) for field in fields(operation)})


def _fit(slope: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Broadcasting undone, as the engine would."""
    while slope.ndim > len(shape):
        slope = ops.sum(slope, axis=0)
    for axis, length in enumerate(shape):
        if length == 1 and slope.shape[axis] != 1:
            slope = ops.sum(slope, axis=axis, keepdims=True)
    return slope


BY_NAME = {case.name: case for case in CASES}


def of_case(name: str, case: str, fault: Fault) -> Mutant:
    """A mistake in the rule of an operation of the table, on the table's own sample."""
    row = BY_NAME[case]
    return Mutant(name, row.build("float32"), tuple(row.arrays("float32")), fault)


def on(name: str, operation: Operation, *shapes: tuple[int, ...], fault: Fault) -> Mutant:
    """A mistake that shows on arrays of other shapes."""
    rng = np.random.default_rng(5)
    arrays = tuple(rng.normal(size=shape).astype("float32") for shape in shapes)
    return Mutant(name, operation, arrays, fault)


def first(spoil: Callable[[Passed], Any]) -> Fault:
    """A mistake in the gradient of the first input."""
    return lambda passed: [spoil(passed), *passed.right[1:]]


def second(spoil: Callable[[Passed], Any]) -> Fault:
    """A mistake in the gradient of the second input."""
    return lambda passed: [passed.right[0], spoil(passed), *passed.right[2:]]


def times(factor: float, number: int = 0) -> Fault:
    """A factor in the gradient of one input."""

    def fault(passed: Passed) -> Tensors:
        found = list(passed.right)
        found[number] = found[number] * factor
        return found

    return fault


def dropped(number: int) -> Fault:
    """Nothing for one input."""

    def fault(passed: Passed) -> Tensors:
        found = list(passed.right)
        found[number] = None
        return found

    return fault


def only_at(index: Any, factor: float = 0.5, number: int = 0) -> Fault:
    """A factor in a part of the gradient of one input."""

    def fault(passed: Passed) -> Tensors:
        found = list(passed.right)
        mask = np.ones(found[number].shape)
        mask[index] = factor
        found[number] = found[number] * constant(mask, found[number].dtype)
        return found

    return fault


def shifted(axis: int, by: int = 1, number: int = 0) -> Fault:
    """The gradient of one input moved along an axis."""

    def fault(passed: Passed) -> Tensors:
        found = list(passed.right)
        found[number] = ops.roll(found[number], by, axis)
        return found

    return fault


def large(*shape: int) -> Array:
    return np.linspace(-12.0, 12.0, int(np.prod(shape)), dtype="float32").reshape(shape)


FIRST = [
    # sign and factors
    of_case("the sign of tanh", "Tanh-2x3", times(-1.0)),
    of_case("the 2 of the square", "Square-2x3", times(0.5)),
    of_case("half of the exponential", "Exp-2x3", times(0.5)),
    of_case("the sign of the subtrahend", "Subtract-2x3-2x3", times(-1.0, 1)),
    of_case("the minus of the divisor", "Divide-2x3-2x3", times(-1.0, 1)),
    of_case("sum as mean", "Sum-2x3x4-over-(1,)-False", times(1 / 3)),
    of_case("mean as sum", "Mean-2x3x4-over-(0, 1, 2)-False", times(24.0)),
    # the wrong number of the forward pass
    of_case("sigmoid by the pre-activation", "Sigmoid-2x3",
            first(lambda p: p.incoming[0] * p.inputs[0] * (1 - p.inputs[0]))),
    of_case("tanh without its derivative", "Tanh-2x3", first(lambda p: p.incoming[0])),
    of_case("tanh by 1 - y", "Tanh-2x3", first(lambda p: p.incoming[0] * (1 - p.outputs[0]))),
    of_case("logarithm by the output", "Log-2x3",
            first(lambda p: p.incoming[0] / p.outputs[0])),
    of_case("one factor by itself", "Multiply-2x3-2x3",
            second(lambda p: p.incoming[0] * p.inputs[1])),
    # products
    of_case("the other factor not transposed", "MatMul-single", times(2.0, 1)),
    on("a square kernel transposed", MatMul(), (5, 4), (4, 4),
       fault=second(lambda p: ops.transpose(p.right[1]))),
    on("a single row of a large kernel", MatMul(), (16, 512), (512, 256),
       fault=only_at(300, 0.5, 1)),
    on("a single column of a large kernel", MatMul(), (16, 512), (512, 256),
       fault=only_at((slice(None), 77), -1.0, 1)),
    on("a single entry of a large kernel", MatMul(), (4, 256), (256, 128),
       fault=only_at((101, 64), 2.0, 1)),
    of_case("the batch not summed over", "MatMul-shared",
            first(lambda p: p.right[0] / 5)),
    # broadcasting
    of_case("broadcasting by the mean", "Add-2x1x3-4x1", times(1 / 6, 1)),
    of_case("only the first of what was broadcast", "Multiply-2x1x3-4x1",
            second(lambda p: ops.sum(p.incoming[0] * p.inputs[0], axis=(0, 2))[:, None] * 0.5)),
    # branches
    of_case("relu lets everything through", "Relu-2x3", first(lambda p: p.incoming[0])),
    of_case("relu by the wrong side", "Relu-2x3",
            first(lambda p: ops.where(p.inputs[0] < 0, p.incoming[0], 0.0))),
    of_case("where gives to both", "Where-2x3-2x3-2x3",
            lambda p: [None, p.incoming[0], p.incoming[0]]),
    of_case("clip lets the outside through", "Clip-2x3", first(lambda p: p.incoming[0])),
    of_case("absolute value without its sign", "Absolute-2x3", first(lambda p: p.incoming[0])),
    of_case("the loser gets it", "Maximum-2x3-2x3", lambda p: [p.right[1], p.right[0]]),
    # convolution
    of_case("a border of the image forgotten", "Convolution-2d-same",
            only_at((slice(None), 0), 0.0)),
    of_case("padding off by one", "Convolution-2d-same", shifted(1)),
    of_case("the kernel moved by one", "Convolution-2d-same", shifted(0, number=1)),
    of_case("the kernel flipped", "Convolution-2d",
            second(lambda p: ops.flip(p.right[1], (0, 1)))),
    of_case("a corner of the kernel", "Convolution-2d", only_at((0, 0), 0.9, 1)),
    # softmax and normalization
    of_case("softmax, the diagonal only", "Softmax-2x3",
            first(lambda p: p.incoming[0] * p.outputs[0] * (1 - p.outputs[0]))),
    of_case("softmax without the sum", "Softmax-2x3",
            first(lambda p: p.incoming[0] * p.outputs[0])),
]  # fmt: skip


def masked(mask: Callable[[tuple[int, ...]], Array]) -> Fault:
    """The right rule for a part of what comes in."""

    def fault(passed: Passed) -> Tensors:
        (g,), node = passed.incoming, passed.outputs[0].node
        part = g * constant(mask(g.shape), g.dtype)
        right = operation_like(node.operation, type(node.operation).__mro__[1])
        return chain_rule(right, (part,), passed.outputs, passed.inputs)

    return fault


def as_if(operation: Operation) -> Fault:
    """The rule of another operation."""
    return lambda passed: chain_rule(
        operation, passed.incoming, operation(*passed.inputs).node.outputs, passed.inputs
    )


def last_of_equals(_: tuple[int, ...]) -> Array:
    """Of places that read one row, the last: what assignment by index does."""
    kept = np.zeros((len(WORDS), 3))
    for word in set(WORDS):
        kept[max(n for n, other in enumerate(WORDS) if other == word)] = 1
    return kept


WORDS = (0, 2, 2, 1, 0, 2)
EMBEDDING = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)
IMAGE, FILTERS = (2, 20, 20, 3), (3, 3, 3, 4)
SAME = Convolution((1, 1), ((1, 1), (1, 1)), (1, 1), 1)

SECOND = [
    # pooling
    of_case("the place beside the maximum", "MaxPool-2d", shifted(2)),
    of_case("maximum of overlapping windows, the last alone", "MaxPool-1d-overlapping",
            only_at((0, 2), 0.5)),
    of_case("average without its division", "AveragePool-2d", times(4.0)),
    of_case("average of a window at the border", "AveragePool-2d-padded",
            only_at((0, 0, 0), 1.5)),
    # convolution
    of_case("strides forgotten", "Convolution-2d-strides-dilation", shifted(1)),
    of_case("dilation forgotten", "Convolution-2d-strides-dilation", shifted(1, number=1)),
    of_case("channels of another group", "Convolution-2d-depthwise", shifted(3, number=1)),
    of_case("causal padding on the other side", "Convolution-1d-causal", shifted(1)),
    on("the last row of an image", SAME, IMAGE, FILTERS,
       fault=only_at((slice(None), -1), 0.5)),
    on("a corner of an image", SAME, IMAGE, FILTERS, fault=only_at((0, -1, -1), 0.0)),
    on("one filter of many", SAME, (2, 6, 6, 3), (3, 3, 3, 64),
       fault=only_at((..., 41), 1.01, 1)),
    # normalization
    of_case("statistics taken for constants", "Standardize-4x3-over-(0,)",
            first(lambda p: p.incoming[0] / ops.sqrt(ops.var(p.inputs[0], 0) + 1e-3))),
    of_case("the mean alone not subtracted", "Standardize-2x3x4-over-(0, 2)",
            first(lambda p: p.right[0] + ops.mean(p.incoming[0]))),
    of_case("variance without the mean", "Variance-2x3-over-(1,)-False",
            first(lambda p: p.incoming[0][:, None] * 2 * p.inputs[0] / 3)),
    of_case("a norm not divided by itself", "Norm-2x3-over-(1,)-False",
            first(lambda p: p.incoming[0][:, None] * p.inputs[0])),
    # recurrence
    of_case("gates in another order", "LongShortTermMemory", shifted(1, 2, 3)),
    of_case("no way back through the cell", "LongShortTermMemory", dropped(2)),
    of_case("the bias of the forget gate", "LongShortTermMemory",
            only_at(slice(2, 4), 0.0, 5)),
    of_case("the candidate's second bias", "GatedRecurrentUnit",
            only_at((1, slice(4, 6)), 0.0, 4)),
    of_case("the first step forgotten", "SimpleRecurrence", only_at((slice(None), 0), 0.0)),
    of_case("shared weights of one step alone", "SimpleRecurrence", times(1 / 3, 3)),
    # places
    Mutant("rows overwritten instead of added", Take(), (EMBEDDING, np.array(WORDS, "int32")),
           masked(last_of_equals)),
    on("parts in another order", Concatenate(1), (2, 3), (2, 3),
       fault=lambda p: [p.right[1], p.right[0]]),
    of_case("a slice put back elsewhere", "Slice-inner", shifted(1)),
    of_case("padding cut from one side", "Pad", shifted(1)),
    of_case("not flipped back", "Flip-(1,)", first(lambda p: p.incoming[0])),
    on("the permutation instead of its inverse", Transpose((1, 2, 0)), (3, 3, 3),
       fault=first(lambda p: ops.transpose(p.incoming[0], (1, 2, 0)))),
    on("numbers in another order", Reshape((4, 3)), (3, 4),
       fault=first(lambda p: ops.transpose(p.incoming[0]))),
    of_case("sums from the wrong end", "CumulativeSum-1",
            first(lambda p: ops.cumsum(p.incoming[0], 1))),
    of_case("the order of sorting forgotten", "Sort-1-2x4", first(lambda p: p.incoming[0])),
    of_case("everybody gets the maximum's", "Max-2x3x4-over-(1,)-False",
            first(lambda p: ops.broadcast_to(p.incoming[0][:, None], (2, 3, 4)))),
    # attention and losses
    of_case("the scale of attention", "Attention-plain", times(1 / 0.7)),
    of_case("no gradient for the keys", "Attention-causal", dropped(1)),
    of_case("values of the next position", "Attention-causal", shifted(1, number=2)),
    of_case("probabilities without the target", "SoftmaxCrossEntropy-3x3",
            second(lambda p: ops.softmax(p.inputs[1]) * p.incoming[0][:, None])),
    of_case("a mean too many", "SparseSoftmaxCrossEntropy-3x3", times(1 / 3)),
    of_case("dropout without its scale", "Dropout", times(0.6)),
    # functions
    Mutant("wrong for large arguments alone", Softplus(), (large(4, 6),),
           first(lambda p: ops.where(p.inputs[0] > 10, 0.9 * p.incoming[0], p.right[0]))),
    Mutant("zero where the exponential is small", Elu(1.0), (large(4, 6),),
           first(lambda p: ops.where(p.inputs[0] < -4, 0.0, p.right[0]))),
    of_case("the exact form for the approximate one", "ApproximateGelu-2x3", as_if(Gelu())),
    of_case("another slope", "LeakyRelu-2x3", as_if(LeakyRelu(0.01))),
    of_case("the exponent without its logarithm", "Power-2x3-2x3",
            second(lambda p: p.incoming[0] * p.outputs[0])),
    of_case("a division by zero", "Sqrt-2x3", first(lambda p: p.incoming[0] / (p.inputs[0] * 0))),
    of_case("a thousandth too much", "Mish-2x3", times(1.001)),
    of_case("the shortcut dropped", "Add-2x3-2x3", dropped(1)),
    of_case("the third of three factors", "Einsum-ab,bc,ca->a", dropped(2)),
    on("one bias of many channels", Add(), (4, 8, 8, 32), (32,), fault=only_at(17, 0.5, 1)),
    on("one example of the batch", MatMul(), (64, 20), (20, 30), fault=only_at(63, 0.0)),
    of_case("the speed of momentum", "ElementwiseMap", times(0.9, 5)),
]  # fmt: skip

MUTANTS = [*FIRST, *SECOND]
