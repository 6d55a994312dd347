"""The table of operations: a row, or several, for each of the catalogue.

A new operation gets its rows here, and everything that is tested of operations is tested of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional as torch_nn

from glassgrad.gradients import CompositeGradient
from glassgrad.graph import Operation, TensorSpec, trace_graph
from glassgrad.ops import (
    activation,
    attention,
    contraction,
    cumulative,
    elementwise,
    indexing,
    linear,
    logic,
    loss,
    mapping,
    movement,
    normalization,
    ordering,
    pooling,
    random,
    reduction,
    rounding,
    statistics,
    trigonometry,
)
from glassgrad.ops.scan import Scan
from tests.ops import attention_oracles, oracles, recurrent_oracles, spatial_oracles
from tests.ops.oracles import Oracle, by_element, by_line, by_torch
from tests.ops.samples import (
    Array,
    Sample,
    above_one,
    away,
    booleans,
    fractions,
    given,
    grid,
    integers,
    positive,
    probabilities,
    real,
    shifted_grid,
    word,
)

INF, NAN, HUGE, TINY = math.inf, math.nan, 1e30, 1e-30


@dataclass(frozen=True)
class Case:
    """One operation on one kind of input.

    Args:
        name: what the test is called.
        operation: the operation, or what makes it for a float dtype.
        samples: the inputs; floats get the dtype of the test.
        oracle: an independent opinion about the outputs.
        order: how many times the operation can be differentiated on these inputs.
        no_gradient: why it cannot, where the order is 0.
        extremes: inputs from the edge of the domain.
        is_stable: whether the plain forward gets through the extremes without overflow, division
            by zero or an invalid operation.
    """

    name: str
    operation: Operation | Callable[[str], Operation]
    samples: tuple[Sample, ...]
    oracle: Oracle
    order: int = 2
    no_gradient: str = ""
    extremes: tuple[tuple[Any, ...], ...] = ()
    is_stable: bool = False

    def build(self, dtype: str) -> Operation:
        """The operation for floats of ``dtype``."""
        return self.operation if isinstance(self.operation, Operation) else self.operation(dtype)

    def arrays(self, dtype: str, seed: int = 1) -> list[Array]:
        """A sample of the inputs."""
        rng = np.random.default_rng(seed)
        return [as_float(sample(rng), dtype) for sample in self.samples]

    def __str__(self) -> str:
        return self.name


def as_float(values: Any, dtype: str) -> Array:
    array = np.asarray(values)
    return array.astype(dtype) if array.dtype.kind == "f" else array


# ---- families of rows

SHAPES = {
    1: [((2, 3),), ((),), ((0, 2),), ((1, 1),)],
    2: [((2, 3), (2, 3)), ((2, 1, 3), (4, 1)), ((), (3,)), ((0, 3), (1, 3))],
    3: [((2, 3), (2, 3), (2, 3)), ((3,), (2, 1), ()), ((0, 1), (1, 2), (2,))],
}


def each_shape(
    operation: Operation,
    kinds: Sequence[Callable[..., Sample]],
    oracle: Oracle,
    extremes: Sequence[tuple[Any, ...]] = (),
    shapes_tried: int | None = None,
    **more: Any,
) -> list[Case]:
    """An element-wise operation on equal, broadcast, empty and scalar shapes, or some of these."""
    name = type(operation).__name__
    return [
        Case(
            f"{name}-{'-'.join('x'.join(map(str, shape)) or 'scalar' for shape in shapes)}",
            operation,
            tuple(kind(*shape) for kind, shape in zip(kinds, shapes, strict=True)),
            oracle,
            extremes=tuple(extremes) if number == 0 else (),
            **more,
        )
        for number, shapes in enumerate(SHAPES[len(kinds)][:shapes_tried])
    ]


FLAT = "it is flat almost everywhere"
REFUSED = "asking for it raises an error"
COUNTS = "its values are not continuous"
DISCRETE = "it has no float among its inputs"
EDGES = ([-INF, -1e4, -1000.0, -TINY, 0.0, TINY, 1000.0, 1e4, INF, NAN],)
PAIRS = ([0.0, INF, -INF, NAN, 1e30, 2.0, 0.0], [0.0, 1.0, -INF, 1.0, 1e30, NAN, -3.0])
WHOLE = ([-3, 0, 2, 5], [2, 0, 2, -7])

ARITHMETIC = [
    *each_shape(elementwise.Add(), (real, real), by_element(lambda a, b: a + b), [PAIRS, WHOLE]),
    *each_shape(
        elementwise.Subtract(), (real, real), by_element(lambda a, b: a - b), [PAIRS, WHOLE]
    ),
    *each_shape(
        elementwise.Multiply(), (real, real), by_torch(torch.multiply), [PAIRS, WHOLE]
    ),
    *each_shape(elementwise.Divide(), (real, away), by_torch(torch.divide), [PAIRS]),
    *each_shape(elementwise.Power(), (positive, real), by_torch(torch.pow), [PAIRS]),
    Case("Power-negative-base", elementwise.Power(),
         (given([-2.0, -0.5, 3.0]), given([2.0, 3.0, -1.0])), by_torch(torch.pow), order=0,
         no_gradient="the exponent's exists only for positive bases"),
    *each_shape(elementwise.Negative(), (real,), by_element(lambda x: -x), [EDGES, ([-3, 0, 4],)]),
    *each_shape(elementwise.Square(), (real,), by_element(lambda x: x * x), [EDGES, ([-3, 0, 4],)]),
]  # fmt: skip

FUNCTIONS = [
    *each_shape(elementwise.Exp(), (real,), by_torch(torch.exp), [EDGES]),
    *each_shape(elementwise.Expm1(), (real,), by_torch(torch.expm1), [EDGES]),
    *each_shape(elementwise.Log(), (positive,), by_torch(torch.log), [EDGES]),
    *each_shape(elementwise.Log1p(), (positive,), by_torch(torch.log1p), [EDGES]),
    *each_shape(elementwise.Sqrt(), (positive,), by_torch(torch.sqrt), [EDGES]),
    *each_shape(elementwise.Sigmoid(), (real,), by_torch(torch.sigmoid), [EDGES], is_stable=True),
    *each_shape(elementwise.Tanh(), (real,), by_torch(torch.tanh), [EDGES], is_stable=True),
]

PIECEWISE = [
    *each_shape(elementwise.Maximum(), (grid, shifted_grid), by_torch(torch.maximum),
                [PAIRS, WHOLE]),
    *each_shape(elementwise.Minimum(), (grid, shifted_grid), by_torch(torch.minimum),
                [PAIRS, WHOLE]),
    *each_shape(elementwise.Absolute(), (grid,), by_torch(torch.abs), [EDGES, ([-3, 0, 4],)]),
    *each_shape(elementwise.Relu(), (grid,), by_torch(torch.relu), [EDGES, ([-3, 0, 4],)],
                is_stable=True),
    *each_shape(elementwise.Clip(-0.55, 0.65), (grid,),
                by_torch(lambda x: torch.clip(x, -0.55, 0.65)), [EDGES], is_stable=True),
    *each_shape(elementwise.Where(), (booleans, real, real), by_torch(torch.where)),
    *each_shape(elementwise.Sign(), (grid,), by_element(oracles.sign), [EDGES, ([-3, 0, 4],)],
                order=0, no_gradient=FLAT),
    *each_shape(elementwise.StopGradient(), (real,), by_element(lambda x: x), [EDGES],
                order=0, no_gradient="stopping it is what the operation is for"),
]  # fmt: skip

# Where an operation has no rule of its own for shapes, two of them are enough.
ROUNDING = [
    case
    for operation, function in {
        rounding.Floor(): torch.floor,
        rounding.Ceil(): torch.ceil,
        rounding.Round(): torch.round,
    }.items()
    for case in each_shape(operation, (grid,), by_torch(function),
                           [EDGES, ([-1.5, -0.5, 0.5, 1.5, 2.5, 1e30],)], shapes_tried=2, order=0,
                           no_gradient=FLAT, is_stable=True)
]  # fmt: skip

TRIGONOMETRY = [
    case
    for operation, function, kind in (
        (trigonometry.Sin(), torch.sin, real),
        (trigonometry.Cos(), torch.cos, real),
        (trigonometry.Tan(), torch.tan, fractions),
        (trigonometry.Arcsin(), torch.arcsin, fractions),
        (trigonometry.Arccos(), torch.arccos, fractions),
        (trigonometry.Arctan(), torch.arctan, real),
        (trigonometry.Sinh(), torch.sinh, real),
        (trigonometry.Cosh(), torch.cosh, real),
        (trigonometry.Arcsinh(), torch.arcsinh, real),
        (trigonometry.Arccosh(), torch.arccosh, above_one),
        (trigonometry.Arctanh(), torch.arctanh, fractions),
        (elementwise.Erfinv(), torch.erfinv, fractions),
    )
    for case in each_shape(operation, (kind,), by_torch(function),
                           [([-INF, -1.0, -TINY, 0.0, 0.5, 1.0, 50.0, INF, NAN],)],
                           shapes_tried=2)
]  # fmt: skip

LOGIC = [
    *(
        case
        for operation, function in {
            logic.LogicalAnd(): torch.logical_and,
            logic.LogicalOr(): torch.logical_or,
            logic.LogicalXor(): torch.logical_xor,
        }.items()
        for case in each_shape(operation, (booleans, booleans), by_torch(function),
                               [([True, True, False, False], [True, False, True, False]), PAIRS],
                               shapes_tried=2, order=0, no_gradient=COUNTS)
    ),
    *(
        case
        for operation, function in {
            logic.LogicalNot(): torch.logical_not,
            logic.IsNan(): torch.isnan,
            logic.IsInf(): torch.isinf,
            logic.IsFinite(): torch.isfinite,
        }.items()
        for case in each_shape(operation, (real,), by_torch(function), [EDGES, ([-3, 0, 4],)],
                               shapes_tried=2, order=0, no_gradient=COUNTS)
    ),
]  # fmt: skip

# At minus infinity these are 0 times infinity, there as here.
TOP = ([-1e4, -1000.0, -TINY, 0.0, TINY, 1000.0, 1e4, INF, NAN],)
FINITE = ([-HUGE, -1e4, -1000.0, -TINY, 0.0, TINY, 1000.0, 1e4, HUGE, NAN],)


def threshold_relu(x: Any) -> Any:
    return torch.where(x > 0.25, x.clamp(max=0.5), 0.125 * (x - 0.25))


def gelu(x: Any) -> Any:
    return x * torch.special.ndtr(x)  # torch's own gelu of infinity is NaN in float32


ACTIVATIONS = [
    *each_shape(activation.Softplus(), (real,), by_torch(torch_nn.softplus), [EDGES],
                is_stable=True),
    *each_shape(activation.Softsign(), (grid,), by_torch(torch_nn.softsign), [FINITE],
                is_stable=True),
    *each_shape(activation.Silu(), (real,), by_torch(torch_nn.silu), [TOP], is_stable=True),
    *each_shape(elementwise.Erf(), (real,), by_element(oracles.erf), [EDGES], is_stable=True),
    *each_shape(activation.Gelu(), (real,), by_torch(gelu), [TOP], is_stable=True),
    *each_shape(activation.ApproximateGelu(), (real,), by_torch(partial(torch_nn.gelu,
                approximate="tanh")), [TOP], is_stable=True),
    *each_shape(activation.Mish(), (real,), by_torch(torch_nn.mish), [TOP], is_stable=True),
    *each_shape(elementwise.Heaviside(), (grid,), by_element(oracles.heaviside), [EDGES],
                order=0, no_gradient=REFUSED, is_stable=True),
    *each_shape(activation.HardSigmoid(), (grid,), by_torch(torch_nn.hardsigmoid), [EDGES],
                is_stable=True),
    *each_shape(activation.Relu6(), (grid,), by_torch(torch_nn.relu6), [EDGES], is_stable=True),
    Case("Relu6-ends", activation.Relu6(), (given([-1.0, 0.5, 5.5, 6.5]),),
         by_torch(torch_nn.relu6)),
    Case("HardSigmoid-ends", activation.HardSigmoid(), (given([-4.0, -2.5, 2.5, 3.5]),),
         by_torch(torch_nn.hardsigmoid)),
    *each_shape(activation.LeakyRelu(), (grid,), by_torch(partial(torch_nn.leaky_relu,
                negative_slope=0.2)), [EDGES], is_stable=True),
    *each_shape(activation.ThresholdRelu(0.125, 0.5, 0.25), (grid,), by_torch(threshold_relu),
                [EDGES], is_stable=True),
    Case("ThresholdRelu-flat", activation.ThresholdRelu(0.0, 6.0), (grid(2, 3),),
         by_torch(torch_nn.relu6), extremes=(EDGES,), is_stable=True),
    *each_shape(activation.Elu(), (grid,), by_torch(torch_nn.elu), [EDGES], is_stable=True),
    Case("Elu-alpha", activation.Elu(0.5), (grid(2, 3),), by_torch(partial(torch_nn.elu,
         alpha=0.5))),
    *each_shape(activation.Selu(), (grid,), by_torch(torch_nn.selu), [EDGES], is_stable=True),
]  # fmt: skip

COMPARISONS = [
    case
    for operation, function in {
        elementwise.Equal(): torch.eq,
        elementwise.NotEqual(): torch.ne,
        elementwise.Less(): torch.lt,
        elementwise.LessEqual(): torch.le,
        elementwise.Greater(): torch.gt,
        elementwise.GreaterEqual(): torch.ge,
    }.items()
    for case in each_shape(operation, (real, real), by_torch(function), [PAIRS, WHOLE],
                           order=0, no_gradient=COUNTS)
]  # fmt: skip

CASTS = [
    *each_shape(elementwise.Cast("float64"), (real,), by_element(lambda x: x), [EDGES]),
    Case("Cast-float32", elementwise.Cast("float32"), (real(2, 3),), by_torch(lambda x: x.float()),
         order=0, no_gradient="differences in float32 are too coarse; see test_casts"),
    Case("Cast-int32", elementwise.Cast("int32"), (given([-2.7, -0.2, 0.0, 3.9]),),
         by_element(math.trunc), order=0, no_gradient=FLAT),
    Case("Cast-bool", elementwise.Cast("bool"), (given([-2.7, 0.0, 3.9]),), by_element(bool),
         order=0, no_gradient=FLAT),
    Case("Cast-from-uint8", elementwise.Cast("float32"), (integers(2, 3, high=256, dtype="uint8"),),
         by_element(float), order=0, no_gradient=DISCRETE),
    Case("Cast-from-bool", elementwise.Cast("float32"), (booleans(5),), by_element(float),
         order=0, no_gradient=DISCRETE),
]  # fmt: skip


def reductions(kind: type[Operation], function: Callable[[list[Any]], float]) -> list[Case]:
    """Axes of every kind, kept or gone."""
    rows: list[tuple[tuple[int, ...], tuple[int, ...], bool]] = [
        ((2, 3, 4), (0, 1, 2), False),
        ((2, 3, 4), (1,), False),
        ((2, 3, 4), (0, 2), True),
        ((2, 3), (), False),
        ((), (), False),
        ((1, 3), (0,), False),
        ((3, 0), (0,), False),
    ]
    return [
        Case(
            f"{kind.__name__}-{'x'.join(map(str, shape)) or 'scalar'}-over-{axes}-{keepdims}",
            kind(axes, keepdims),  # type: ignore[call-arg]
            (grid(*shape),),
            by_line(function, axes, keepdims),
            extremes=(([[[1e30, 1.0, -INF, 4.0]]],),) if len(shape) == 3 else (),
        )
        for shape, axes, keepdims in rows
    ]


LOGITS = [
    [[1e4, -1e4, 0.0], [1e30, 1e30, -1e30], [-1e4, -1e4, -1e4]],
    [[0.0, -INF, 1.0], [NAN, 0.0, 1.0], [INF, 0.0, 1.0]],
]


def statistics_rows() -> list[Case]:
    """Reductions that are composites, over some of the axes or all."""
    rows = [((2, 3, 4), (0, 2), True), ((2, 3), (1,), False), ((3,), (0,), False), ((), (), False)]
    torches = {
        statistics.LogSumExp: torch.logsumexp,
        statistics.Variance: partial(torch.var, correction=0),
        statistics.Norm: torch.linalg.vector_norm,
    }
    return [
        Case(
            f"{kind.__name__}-{'x'.join(map(str, shape)) or 'scalar'}-over-{axes}-{keepdims}",
            kind(axes, keepdims),
            (away(*shape),),
            by_torch(
                lambda x, function=function, axes=axes, keepdims=keepdims: function(
                    x, dim=axes, keepdim=keepdims
                )
            ),
            order=1 if kind is statistics.Norm and not axes else 2,
            extremes=((LOGITS[0],),) if kind is statistics.LogSumExp and axes == (1,) else (),
            is_stable=kind is statistics.LogSumExp,
        )
        for kind, function in torches.items()
        for shape, axes, keepdims in rows
    ]


REDUCTIONS = [
    *reductions(reduction.Sum, math.fsum),
    *reductions(reduction.Mean, oracles.average),
    *reductions(reduction.Max, max),
    *reductions(reduction.Min, min),
    *statistics_rows(),
    Case("LogSumExp-of-infinities", statistics.LogSumExp((1,)), (real(2, 2),),
         by_torch(partial(torch.logsumexp, dim=1)),
         extremes=(([[-INF, -INF], [INF, 0.0], [-INF, 2.0], [NAN, 0.0]],),)),
    Case("Sum-of-nothing", reduction.Sum((0,)), (real(0, 3),), by_line(math.fsum, (0,), False)),
    Case("Sum-of-int32", reduction.Sum((1,)), (integers(2, 3),), by_line(sum, (1,), False),
         order=0, no_gradient=DISCRETE),
    *(
        Case(f"{kind.__name__}-{axis}", kind(axis), (grid(3, 4),),
             by_line(oracle, (axis % 2,), False), order=0, no_gradient=COUNTS,
             extremes=(([[1.0, 1.0, 0.0], [-INF, INF, 3.0]],),))
        for kind, oracle in (
            (reduction.Argmax, oracles.first_largest), (reduction.Argmin, oracles.first_least)
        )
        for axis in (0, 1, -1)
    ),
    *(
        Case(f"CumulativeSum-{axis}{'-reverse' * reverse}", cumulative.CumulativeSum(axis, reverse),
             (real(*shape),), oracles.running_sums(axis, reverse),
             extremes=(([[1e30, 1.0], [-INF, 4.0]],),))
        for shape, axis, reverse in
        (((2, 3), 1, False), ((3, 2), 0, True), ((2, 3, 2), 1, True), ((0, 3), 0, False))
    ),
    *(
        Case(f"Sort-{axis}-{'x'.join(map(str, shape))}", ordering.Sort(axis), (grid(*shape),),
             by_torch(lambda x, axis=axis: torch.sort(x, axis).values),
             extremes=(([[3.0, NAN, INF], [1.0, 1.0, -INF]],),))
        for shape, axis in (((2, 4), 1), ((3, 2), 0), ((0, 3), 1))
    ),
    *(
        Case(f"Argsort-{axis}{'-descending' * descending}", ordering.Argsort(axis, descending),
             (grid(3, 4),), oracles.order(axis, descending), order=0, no_gradient=COUNTS,
             extremes=(([[3.0, 1.0, 1.0, 3.0], [1.0, -INF, INF, 1.0]],),))
        for axis in (0, 1)
        for descending in (False, True)
    ),
    *(
        Case(f"TopK-{k}-{'x'.join(map(str, shape))}", ordering.TopK(k), (grid(*shape),),
             by_torch(lambda x, k=k: tuple(torch.topk(x, k))))
        for shape, k in (((2, 5), 3), ((4,), 1), ((2, 2, 3), 3), ((3,), 0))
    ),
]  # fmt: skip

MOVEMENTS = [
    Case("Reshape", movement.Reshape((3, 2, 1)), (real(2, 3),),
         by_torch(lambda x: x.reshape(3, 2, 1))),
    Case("Reshape-scalar", movement.Reshape(()), (real(1, 1),), by_torch(lambda x: x.reshape(()))),
    Case("Reshape-empty", movement.Reshape((2, 0)), (real(0, 5),),
         by_torch(lambda x: x.reshape(2, 0))),
    Case("Transpose", movement.Transpose((2, 0, 1)), (real(2, 3, 4),),
         by_torch(lambda x: x.permute(2, 0, 1))),
    Case("Transpose-scalar", movement.Transpose(()), (real(),), by_torch(lambda x: x)),
    Case("BroadcastTo", movement.BroadcastTo((2, 3, 4)), (real(3, 1),),
         by_torch(lambda x: x.expand(2, 3, 4))),
    Case("BroadcastTo-empty", movement.BroadcastTo((0, 3)), (real(1, 3),),
         by_torch(lambda x: x.expand(0, 3))),
    Case("Slice", movement.Slice((0, 1, 2), (2, 3, 2)), (real(2, 3, 4),),
         by_torch(lambda x: x[0:2, 1:3, 2:2])),
    Case("Slice-inner", movement.Slice((1, 0), (2, 3)), (real(4, 3),), by_torch(lambda x: x[1:2])),
    Case("Pad", movement.Pad((1, 0), (0, 2)), (real(2, 3),),
         by_torch(lambda x: torch_nn.pad(x, (0, 2, 1, 0)))),
    Case("Pad-empty", movement.Pad((2,), (1,)), (real(0),),
         by_torch(lambda x: torch_nn.pad(x, (2, 1)))),
    *(
        Case(f"Flip-{axes}", movement.Flip(axes), (real(2, 3),),
             by_torch(lambda x, axes=axes: torch.flip(x, axes)))
        for axes in ((0,), (1,), (0, 1), ())
    ),
    Case("Concatenate", movement.Concatenate(1), (real(2, 1), real(2, 3), real(2, 0)),
         by_torch(lambda *xs: torch.cat(xs, 1))),
    Case("Concatenate-one", movement.Concatenate(0), (real(2, 3),), by_torch(lambda x: x)),
]  # fmt: skip


def matmul_case(name: str, a: Sample, b: Sample, ta: bool = False, tb: bool = False) -> Case:
    def product(x: Any, y: Any) -> Any:
        return torch.matmul(x.mT if ta else x, y.mT if tb else y)

    return Case(f"MatMul-{name}", linear.MatMul(ta, tb), (a, b), by_torch(product))


PRODUCTS = [
    matmul_case("plain", real(2, 3), real(3, 4)),
    matmul_case("left", real(3, 2), real(3, 4), ta=True),
    matmul_case("right", real(2, 3), real(4, 3), tb=True),
    matmul_case("both", real(3, 2), real(4, 3), ta=True, tb=True),
    matmul_case("batched", real(5, 2, 3), real(5, 3, 4)),
    matmul_case("broadcast", real(5, 1, 2, 3), real(2, 4, 3), tb=True),
    matmul_case("shared", real(2, 3), real(5, 3, 4)),
    matmul_case("single", real(1, 1), real(1, 1)),
    matmul_case("no-inner", real(2, 0), real(0, 3)),
    matmul_case("no-rows", real(0, 3), real(3, 2)),
    *(
        Case(
            f"Einsum-{equation}",
            contraction.Einsum(equation),
            tuple(real(*shape) for shape in shapes),
            by_torch(partial(torch.einsum, equation)),
        )
        for equation, shapes in (
            ("ij,jk->ik", ((2, 3), (3, 4))),
            ("bqd,bkd->bqk", ((2, 3, 4), (2, 5, 4))),
            ("ba,bc->ac", ((3, 2), (3, 4))),
            ("ii->i", ((3, 3),)),
            ("iij->j", ((2, 2, 3),)),
            ("i,j->ji", ((2,), (3,))),
            ("ij->", ((2, 3),)),
            ("b...i,ij->b...j", ((2, 3, 2), (2, 4))),
            ("ab,bc,ca->a", ((2, 3), (3, 2), (2, 2))),
            ("...ij,...jk", ((2, 1, 2, 3), (3, 3, 2))),
            ("ij,kj->ik", ((2, 0), (3, 0))),
        )
    ),
]

NORMALIZATION = [
    Case(f"Standardize-{'x'.join(map(str, shape))}-over-{axes}",
         normalization.Standardize(axes, epsilon), (grid(*shape),),
         by_torch(partial(oracles.standardized, axes=axes, epsilon=epsilon)),
         extremes=(([[3.0, 3.0, 3.0], [1e6, 0.0, -1e6]],),) if shape == (4, 3) else (),
         is_stable=True)
    for shape, axes, epsilon in (((4, 3), (0,), 1e-3), ((2, 3, 4), (0, 2), 0.5), ((3,), (0,), 1e-5))
]  # fmt: skip

INDEXING = [
    Case("Take", indexing.Take(), (real(5, 3), integers(2, 4)), oracles.rows_by_index),
    Case("Take-scalar", indexing.Take(), (real(5, 2), integers()), oracles.rows_by_index),
    Case("Take-numbers", indexing.Take(), (real(5), integers(4)), oracles.rows_by_index),
    Case("Take-none", indexing.Take(), (real(5, 2), integers(0)), oracles.rows_by_index),
    *(
        Case(f"TakeAlongAxis-{axis}-{length}", indexing.TakeAlongAxis(axis),
             (real(*shape), integers(*indices, high=shape[axis])),
             by_torch(lambda x, i, axis=axis: torch.take_along_dim(x, i.long(), axis)))
        for shape, axis, length in (((2, 3), 1, 4), ((4, 2), 0, 2), ((2, 3), 1, 0))
        for indices in [(*shape[:axis], length, *shape[axis + 1 :])]
    ),
    *(
        Case(f"AddAlongAxis-{axis}-{'x'.join(map(str, shape))}", indexing.AddAlongAxis(axis, 4),
             (real(*shape), integers(*shape, high=4)), oracles.added_along(axis, 4),
             extremes=(([[1.0, INF, NAN]], [[0, 1, 3]]),) if shape == (2, 3) else ())
        for shape, axis in (((2, 3), 1), ((3, 2), 0), ((2, 0), 1))
    ),
    Case("ScatterAdd", indexing.ScatterAdd(5), (real(2, 4, 3), integers(2, 4)),
         oracles.added_rows(5), extremes=(([[1.0, INF], [NAN, 2.0]], [3, 1]),)),
    Case("ScatterAdd-scalar", indexing.ScatterAdd(5), (real(3), integers()), oracles.added_rows(5)),
    Case("ScatterAdd-none", indexing.ScatterAdd(2), (real(0, 3), integers(0)),
         oracles.added_rows(2)),
    *(
        Case(f"OneHot-{dtype}", partial(indexing.OneHot, 5), (integers(2, 3, dtype=dtype),),
             oracles.marked(5), order=0, no_gradient=DISCRETE)
        for dtype in ("int32", "uint8")
    ),
    Case("OneHot-many-classes", partial(indexing.OneHot, 300), (integers(3, dtype="uint8"),),
         oracles.marked(300), order=0, no_gradient=DISCRETE),
]  # fmt: skip


def cross_entropy(p: Any, x: Any) -> Any:
    return torch_nn.cross_entropy(x.reshape(-1, x.shape[-1]), p.reshape(-1, p.shape[-1]),
                                  reduction="none").reshape(x.shape[:-1])  # fmt: skip


def sparse_cross_entropy(x: Any, labels: Any) -> Any:
    return torch_nn.cross_entropy(x.reshape(-1, x.shape[-1]), labels.reshape(-1).long(),
                                  reduction="none").reshape(x.shape[:-1])  # fmt: skip


def binary_cross_entropy(p: Any, x: Any) -> Any:
    return torch_nn.binary_cross_entropy_with_logits(
        *torch.broadcast_tensors(x, p), reduction="none"
    )


def cross_entropy_of_shares(p: Any, q: Any) -> Any:
    return -(p * torch.log((q / q.sum(-1, keepdim=True)).clamp(1e-7, 1 - 1e-7))).sum(-1)


def sparse_cross_entropy_of_shares(q: Any, labels: Any) -> Any:
    return cross_entropy_of_shares(torch_nn.one_hot(labels.long(), q.shape[-1]), q)


def binary_cross_entropy_of_shares(p: Any, q: Any) -> Any:
    p, q = torch.broadcast_tensors(p, q)
    return torch_nn.binary_cross_entropy(q.clamp(1e-7, 1 - 1e-7), p, reduction="none")


LOSSES = [
    *(
        Case(f"{kind.__name__}-{'x'.join(map(str, shape))}", kind(), (real(*shape),),
             by_torch(partial(function, dim=-1)), extremes=((LOGITS[0],), (LOGITS[1],)))
        for kind, function in ((loss.Softmax, torch.softmax), (loss.LogSoftmax, torch.log_softmax))
        for shape in ((2, 3), (4,), (2, 1), (0, 3), (2, 2, 3))
    ),
    *(
        Case(f"SoftmaxCrossEntropy-{'x'.join(map(str, shape))}", loss.SoftmaxCrossEntropy(),
             (probabilities(*shape), real(*shape)), by_torch(cross_entropy), is_stable=True,
             extremes=(([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0], [0.2, 0.2, 0.6]], LOGITS[0]),))
        for shape in ((3, 3), (4,), (2, 1), (2, 2, 3))
    ),
    *(
        Case(f"SparseSoftmaxCrossEntropy-{'x'.join(map(str, shape))}",
             loss.SparseSoftmaxCrossEntropy(),
             (real(*shape), integers(*shape[:-1], high=shape[-1])), by_torch(sparse_cross_entropy),
             extremes=((LOGITS[0], [1, 0, 2]),), is_stable=True)
        for shape in ((3, 3), (4,), (2, 1), (2, 2, 3))
    ),
    *(
        Case(f"CrossEntropy-{'x'.join(map(str, shape))}", loss.CrossEntropy(),
             (probabilities(*shape), positive(*shape)), by_torch(cross_entropy_of_shares),
             extremes=(([[0.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]]),), is_stable=True)
        for shape in ((3, 3), (4,), (2, 2, 3))
    ),
    *(
        Case(f"SparseCrossEntropy-{'x'.join(map(str, shape))}", loss.SparseCrossEntropy(),
             (positive(*shape), integers(*shape[:-1], high=shape[-1])),
             by_torch(sparse_cross_entropy_of_shares), extremes=(([[1.0, 0.0, 0.0]], [1]),),
             is_stable=True)
        for shape in ((3, 3), (4,), (2, 2, 3))
    ),
    *each_shape(loss.BinaryCrossEntropy(), (fractions, fractions),
                by_torch(binary_cross_entropy_of_shares),
                [([0.0, 1.0, 0.5], [0.0, 0.0, 1.0])], is_stable=True),
    *each_shape(loss.SigmoidCrossEntropy(), (fractions, grid), by_torch(binary_cross_entropy),
                [([0.0, 1.0, 0.0, 1.0, 0.5, 0.3], [1000.0, -1000.0, -1000.0, 1000.0, 0.0, 1e30])],
                is_stable=True),
]  # fmt: skip


def uniform_oracle(stream: int, shape: tuple[int, ...], dtype: str) -> Oracle:
    return partial(oracles.uniform, stream=stream, shape=shape, dtype=dtype)


RANDOM = [
    *(
        Case(f"RandomUniform-{dtype}-{'x'.join(map(str, shape))}",
             random.RandomUniform(shape, stream, dtype), (word(seed), word(7)),
             uniform_oracle(stream, shape, dtype), order=0, no_gradient=DISCRETE)
        for dtype in ("float32", "float64")
        for shape, stream, seed in (((2, 3), 0, 0), ((5,), 2, 0xFFFFFFFF), ((), 1, 9), ((0,), 0, 1))
    ),
    *(
        Case(f"RandomNormal-{limit}-{'x'.join(map(str, shape))}",
             random.RandomNormal(shape, stream, "float64", limit), (word(seed), word(7)),
             partial(oracles.normal, stream=stream, shape=shape, limit=limit), order=0,
             no_gradient=DISCRETE)
        for shape, stream, seed, limit in (
            ((2, 3), 0, 0, INF), ((), 1, 9, INF), ((40,), 2, 0xFFFFFFFF, 2.0), ((0,), 0, 1, 0.5)
        )
    ),
    Case("Dropout", random.Dropout(0.4, 3), (real(4, 5), word(1), word(2)),
         oracles.dropout(0.4, 3)),
    Case("Dropout-nothing", random.Dropout(0.0), (real(4), word(1), word(2)),
         oracles.dropout(0.0, 0)),
    Case("Dropout-scalar", random.Dropout(0.5), (real(), word(1), word(2)),
         oracles.dropout(0.5, 0)),
]  # fmt: skip


# ---- attention


def heads_of(length: int, heads: int, size: int, batch: int = 2) -> Sample:
    return real(batch, length, heads, size)


PLAIN = (heads_of(3, 2, 2), heads_of(4, 2, 2), heads_of(4, 2, 3))
SQUARE = (heads_of(3, 2, 2), heads_of(3, 2, 2), heads_of(3, 2, 2))
GROUPED = (heads_of(2, 4, 3, 1), heads_of(3, 2, 3, 1), heads_of(3, 2, 1, 1))
PADDING = given([[[[True, True, False, True]]], [[[False, True, True, False]]]])
EACH_SEES = given([[[[True, False, False, True], [False, True, True, True], [True] * 4]]])

ATTENTION_FORMS: dict[str, tuple[tuple[Any, ...], tuple[Sample, ...]]] = {
    "plain": ((0.7,), PLAIN),
    "causal": ((0.5, True), SQUARE),
    "causal-more-keys": ((0.5, True), PLAIN),
    "causal-more-queries": ((0.5, True), (heads_of(4, 1, 2), *(heads_of(2, 1, 2),) * 2)),
    "padding": ((0.7, False, True), (*PLAIN, PADDING)),
    "mask": ((0.7, False, True), (*PLAIN, EACH_SEES)),
    "mask-causal": ((0.7, True, True), (*PLAIN, given([[[[True, False, True, True]]]]))),
    "grouped": ((1.0,), GROUPED),
    "multi-query": ((1.0, True), (heads_of(2, 3, 2), *(heads_of(2, 1, 2),) * 2)),
    "dropout": ((0.7, False, False, 0.4, 3), (*PLAIN, word(1), word(2))),
    "dropout-mask-causal": ((0.7, True, True, 0.4), (*PLAIN, given([[[[True]]]]), word(1),
                                                     word(5))),
    "of-one": ((1.0,), (heads_of(1, 1, 1, 1),) * 3),
    "empty": ((1.0,), (heads_of(3, 2, 2, 0),) * 3),
}  # fmt: skip

FAR = ([[[[1e3]], [[-1e3]]]], [[[[1e3]], [[999.0]]]], [[[[1.0]], [[2.0]]]])
UNSEEING = (*FAR, [[[[False, False], [True, False]]]])

ATTENTION = [
    *(
        Case(f"Attention-{name}", attention.Attention(*parameters), samples,
             attention_oracles.attention(*parameters), is_stable=True,
             extremes=(FAR,) if name in ("plain", "causal") else ())
        for name, (parameters, samples) in ATTENTION_FORMS.items()
    ),
    Case("Attention-of-the-blind", attention.Attention(0.5, masked=True), (*PLAIN, PADDING),
         attention_oracles.attention(0.5, False, True), extremes=(UNSEEING,)),
    *(
        Case(f"AttentionGradient-{name}", attention.AttentionGradient(*parameters),
             attention_oracles.gradient_inputs(parameters, *samples),
             attention_oracles.attention_gradient(*parameters))
        for name, (parameters, samples) in ATTENTION_FORMS.items()
    ),
]  # fmt: skip


RECURRENCE = [
    Case(name, operation, samples, oracle)
    for name, operation, samples, oracle in recurrent_oracles.rows()
]


EQUAL = [[[2.0], [5.0], [5.0], [NAN], [7.0], [-INF], [-INF], [-HUGE]]]

SPACE = [
    *(
        Case(name, operation, samples, oracle)
        for name, operation, samples, oracle in spatial_oracles.rows()
    ),
    Case("MaxPool-of-equals", pooling.MaxPool((2,), (1,), ((0, 0),)), (grid(1, 5, 1),),
         spatial_oracles.max_pool((2,), (1,), ((0, 0),)), extremes=((EQUAL,),), is_stable=True),
]  # fmt: skip


# ---- operations that hold a graph


def recurrence(length: int, reverse: bool, dtype: str) -> Operation:
    def body(h: Any, e: Any, w: Any) -> Any:
        after = ((h.reshape(1, 2) @ w).reshape(2) + e).tanh()
        return after, 2 * after

    floats = np.dtype(dtype)
    specs = [TensorSpec((2,), floats), TensorSpec((2,), floats), TensorSpec((2, 2), floats)]
    return Scan(trace_graph(body, specs), carries=1, sequences=1, length=length, reverse=reverse)


def momentum(dtype: str) -> Operation:
    def body(rate: Any, w: Any, g: Any, v: Any) -> Any:
        speed = 0.9 * v - rate * g
        return w + speed, speed

    scalar = TensorSpec((), np.dtype(dtype))
    return mapping.ElementwiseMap(trace_graph(body, [scalar] * 4), length=2, shared=1)


def squares(dtype: str) -> Operation:
    scalar = TensorSpec((), np.dtype(dtype))
    graph = trace_graph(lambda w, g: (w - g, g, w * g), [scalar] * 2)
    return mapping.ElementwiseMap(graph, length=2, squares=2)


def gradient_of_softmax(x: Any, y: Any, g: Any) -> Any:
    return oracles.torch_gradients(partial(torch.softmax, dim=-1), x, g)


def gradient_of_momentum(*arrays: Any) -> Any:
    """What the inputs get where only the first new parameter and the last speed have gradients."""
    rate, *lists = [x.clone().requires_grad_() for x in arrays[:7]]
    w, g, v = lists[:2], lists[2:4], lists[4:6]
    speed = [0.9 * v[n] - rate * g[n] for n in range(2)]
    slopes = torch.autograd.grad(
        [w[0] + speed[0], speed[1]], [rate, *lists], arrays[-2:], allow_unused=True
    )
    return tuple(slope for slope in slopes if slope is not None)


MATRICES = (real(), real(2, 3), real(4), real(2, 3), real(4), real(2, 3), real(4))


def softmax_of(sample: Sample) -> Sample:
    return lambda rng: torch.softmax(torch.tensor(sample(rng)), -1).numpy()


FIXED = given([[0.3, -1.2, 0.7], [2.0, 0.1, -0.4]])

GRAPHS = [
    *(
        Case(f"Scan-{length}{'-reverse' * reverse}", partial(recurrence, length, reverse),
             (real(2), real(length, 2), real(2, 2)), oracles.recurrence(reverse))
        for length in (0, 1, 4)
        for reverse in (False, True)
    ),
    Case("ElementwiseMap", momentum, MATRICES, oracles.momentum),
    Case("ElementwiseMap-with-squares", squares, MATRICES[1:5], oracles.squares),
    Case("CompositeGradient", CompositeGradient(loss.Softmax(), (True,)),
         (FIXED, softmax_of(FIXED), real(2, 3)), by_torch(gradient_of_softmax)),
    Case("CompositeGradient-of-some-outputs",
         lambda dtype: CompositeGradient(momentum(dtype), (True, False, False, True)),
         (*MATRICES, real(2, 3), real(4), real(2, 3), real(4), real(2, 3), real(4)),
         by_torch(gradient_of_momentum)),
]  # fmt: skip

CASES: list[Case] = [
    *ARITHMETIC,
    *FUNCTIONS,
    *PIECEWISE,
    *ROUNDING,
    *TRIGONOMETRY,
    *LOGIC,
    *ACTIVATIONS,
    *COMPARISONS,
    *CASTS,
    *REDUCTIONS,
    *MOVEMENTS,
    *PRODUCTS,
    *NORMALIZATION,
    *INDEXING,
    *LOSSES,
    *RANDOM,
    *RECURRENCE,
    *SPACE,
    *ATTENTION,
    *GRAPHS,
]
