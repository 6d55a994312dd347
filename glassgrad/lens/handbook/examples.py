"""An example of every operation of the catalogue, under the names that the pages use."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from glassgrad.graph import TensorSpec, float_type, trace_graph
from glassgrad.lens.handbook.example import Example, inside, of_the_rule
from glassgrad.ops import (
    activation,
    attention,
    contraction,
    convolution,
    cumulative,
    deltas,
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
    recurrent,
    reduction,
    rounding,
    statistics,
    trigonometry,
)
from glassgrad.ops.scan import Scan

__all__ = ["examples"]


X = [-2.0, -0.5, 0.0, 0.5, 2.0]
ROWS = [[1.0, 2.0, 3.0], [0.5, -1.0, 0.0]]
PAIR = {"a": [3.0, -1.0, 2.0], "b": [2.0, 4.0, 2.0]}
TRUTH = {"a": [True, True, False, False], "b": [True, False, True, False]}
LINE = [[[1.0], [3.0], [2.0], [5.0], [4.0], [0.0]]]  # (batch, space, channels) = (1, 6, 1)
WORD = np.uint32(7)
WIDE = (-4.0, 4.0)
STEP = """\
def step(carries, elements, constants):
    (h,), (z,), (u,) = carries, elements, constants
    after = (z + h * u).tanh()
    return (after,), (after,)
"""


def of_numbers() -> list[Example]:
    """Functions of one number, element by element: they are drawn."""
    return [
        Example(operation, {"x": list(x)}, call, drawn=drawn)
        for operation, call, drawn, x in (
            (elementwise.Absolute(), "ops.absolute(x)", WIDE, X),
            (elementwise.Clip(-1.0, 1.0), "ops.clip(x, -1.0, 1.0)", (-3.0, 3.0), X),
            (elementwise.Erf(), "ops.erf(x)", (-3.0, 3.0), X),
            (elementwise.Erfinv(), "ops.erfinv(x)", (-0.95, 0.95), [-0.5, 0.0, 0.9]),
            (elementwise.Exp(), "ops.exp(x)", (-3.0, 2.0), X),
            (elementwise.Expm1(), "ops.expm1(x)", (-3.0, 2.0), X),
            (elementwise.Heaviside(), "ops.heaviside(x)", WIDE, X),
            (elementwise.Log(), "ops.log(x)", (0.1, 4.0), [0.5, 1.0, 2.0]),
            (elementwise.Log1p(), "ops.log1p(x)", (-0.9, 4.0), [-0.5, 0.0, 1.0]),
            (elementwise.Negative(), "ops.negative(x)", WIDE, X),
            (elementwise.Relu(), "ops.relu(x)", WIDE, X),
            (elementwise.Sigmoid(), "ops.sigmoid(x)", (-6.0, 6.0), X),
            (elementwise.Sign(), "ops.sign(x)", WIDE, X),
            (elementwise.Sqrt(), "ops.sqrt(x)", (0.05, 4.0), [0.25, 1.0, 4.0]),
            (elementwise.Square(), "ops.square(x)", (-3.0, 3.0), X),
            (elementwise.Tanh(), "ops.tanh(x)", WIDE, X),
            (rounding.Ceil(), "ops.ceil(x)", (-3.0, 3.0), [-1.5, 0.2, 2.0]),
            (rounding.Floor(), "ops.floor(x)", (-3.0, 3.0), [-1.5, 0.2, 2.0]),
            (rounding.Round(), "ops.round(x)", (-3.0, 3.0), [-1.5, 0.5, 2.2]),
            (trigonometry.Arccos(), "ops.arccos(x)", (-0.97, 0.97), [-0.5, 0.0, 0.5]),
            (trigonometry.Arccosh(), "ops.arccosh(x)", (1.05, 5.0), [1.5, 2.0, 4.0]),
            (trigonometry.Arcsin(), "ops.arcsin(x)", (-0.97, 0.97), [-0.5, 0.0, 0.5]),
            (trigonometry.Arcsinh(), "ops.arcsinh(x)", WIDE, X),
            (trigonometry.Arctan(), "ops.arctan(x)", WIDE, X),
            (trigonometry.Arctanh(), "ops.arctanh(x)", (-0.95, 0.95), [-0.5, 0.0, 0.5]),
            (trigonometry.Cos(), "ops.cos(x)", (-6.0, 6.0), X),
            (trigonometry.Cosh(), "ops.cosh(x)", (-2.5, 2.5), X),
            (trigonometry.Sin(), "ops.sin(x)", (-6.0, 6.0), X),
            (trigonometry.Sinh(), "ops.sinh(x)", (-2.5, 2.5), X),
            (trigonometry.Tan(), "ops.tan(x)", (-1.2, 1.2), [-1.0, 0.0, 1.0]),
            (activation.ApproximateGelu(), "ops.approximate_gelu(x)", WIDE, X),
            (activation.Elu(1.0), "ops.elu(x)", WIDE, X),
            (activation.Gelu(), "ops.gelu(x)", WIDE, X),
            (activation.HardSigmoid(), "ops.hard_sigmoid(x)", (-5.0, 5.0), X),
            (activation.LeakyRelu(0.2), "ops.leaky_relu(x)", WIDE, X),
            (activation.Mish(), "ops.mish(x)", WIDE, X),
            (activation.Relu6(), "ops.relu6(x)", (-3.0, 9.0), [-1.0, 3.0, 7.0]),
            (activation.Selu(), "ops.selu(x)", WIDE, X),
            (activation.Silu(), "ops.silu(x)", WIDE, X),
            (activation.Softplus(), "ops.softplus(x)", WIDE, X),
            (activation.Softsign(), "ops.softsign(x)", WIDE, X),
            (
                activation.ThresholdRelu(0.1, 3.0, 1.0),
                "ops.threshold_relu(x, negative_slope=0.1, max_value=3.0, threshold=1.0)",
                WIDE,
                [-2.0, 0.5, 2.0, 4.0],
            ),
        )
    ]


def element_by_element() -> list[Example]:
    """Of several inputs, or of none that is a number."""
    compared = {"a": [1.0, 2.0, 3.0], "b": [2.0, 2.0, 2.0]}
    odd = {"x": [1.0, float("inf"), float("nan")]}
    return [
        Example(elementwise.Add(), PAIR, "a + b"),
        Example(elementwise.Subtract(), PAIR, "a - b"),
        Example(elementwise.Multiply(), PAIR, "a * b"),
        Example(elementwise.Divide(), PAIR, "a / b"),
        Example(elementwise.Power(), {"a": [1.0, 2.0, 3.0], "b": [2.0, 3.0, 0.5]}, "a ** b"),
        Example(elementwise.Maximum(), PAIR, "ops.maximum(a, b)"),
        Example(elementwise.Minimum(), PAIR, "ops.minimum(a, b)"),
        Example(
            elementwise.Where(),
            {"condition": [True, False, True], **PAIR},
            "ops.where(condition, a, b)",
        ),
        Example(elementwise.StopGradient(), {"x": [1.0, 2.0]}, "ops.stop_gradient(x)"),
        Example(elementwise.Cast("int32"), {"x": [-1.7, 0.2, 2.9]}, 'ops.cast(x, "int32")'),
        *(
            Example(operation, compared, f"ops.{name}(a, b)")
            for name, operation in {
                "equal": elementwise.Equal(),
                "not_equal": elementwise.NotEqual(),
                "less": elementwise.Less(),
                "less_equal": elementwise.LessEqual(),
                "greater": elementwise.Greater(),
                "greater_equal": elementwise.GreaterEqual(),
            }.items()
        ),
        Example(logic.LogicalAnd(), TRUTH, "ops.logical_and(a, b)"),
        Example(logic.LogicalOr(), TRUTH, "ops.logical_or(a, b)"),
        Example(logic.LogicalXor(), TRUTH, "ops.logical_xor(a, b)"),
        Example(logic.LogicalNot(), {"x": [True, False]}, "ops.logical_not(x)"),
        Example(logic.IsFinite(), odd, "ops.isfinite(x)"),
        Example(logic.IsInf(), odd, "ops.isinf(x)"),
        Example(logic.IsNan(), odd, "ops.isnan(x)"),
    ]


def along_axes() -> list[Example]:
    """Sums, means, extremes, orders."""
    x = {"x": ROWS}
    return [
        Example(reduction.Sum((1,)), x, "ops.sum(x, axis=1)"),
        Example(reduction.Mean((1,)), x, "ops.mean(x, axis=1)"),
        Example(reduction.Max((1,)), x, "ops.max(x, axis=1)"),
        Example(reduction.Min((1,)), x, "ops.min(x, axis=1)"),
        Example(reduction.Argmax(1), x, "ops.argmax(x, axis=1)"),
        Example(reduction.Argmin(1), x, "ops.argmin(x, axis=1)"),
        Example(statistics.LogSumExp((1,)), x, "ops.logsumexp(x, axis=1)"),
        Example(statistics.Variance((1,)), x, "ops.var(x, axis=1)"),
        Example(statistics.Norm((1,)), x, "ops.norm(x, axis=1)"),
        Example(cumulative.CumulativeSum(1), x, "ops.cumsum(x, axis=1)"),
        Example(ordering.Sort(1), x, "ops.sort(x, axis=1)"),
        Example(ordering.Argsort(1), x, "ops.argsort(x, axis=1)"),
        Example(ordering.TopK(2), x, "ops.top_k(x, 2)", ("values", "indices")),
        Example(normalization.Standardize((0,), 1e-3), x, "", ("y", "m", "v")),
    ]


def moved() -> list[Example]:
    """The same elements elsewhere."""
    x = {"x": ROWS}
    return [
        Example(movement.Reshape((3, 2)), x, "ops.reshape(x, (3, 2))"),
        Example(movement.Transpose((1, 0)), x, "ops.transpose(x)"),
        Example(
            movement.BroadcastTo((2, 3)), {"x": [1.0, 2.0, 3.0]}, "ops.broadcast_to(x, (2, 3))"
        ),
        Example(movement.Slice((0, 1), (2, 3)), x, "x[:, 1:3]"),
        Example(movement.Pad((0, 1), (0, 1)), x, "ops.pad(x, ((0, 0), (1, 1)))"),
        Example(movement.Flip((1,)), x, "ops.flip(x, axis=1)"),
        Example(
            movement.Concatenate(1),
            {"a": [[1.0, 2.0]], "b": [[3.0]]},
            "ops.concatenate([a, b], axis=1)",
        ),
        Example(indexing.Take(), {"x": ROWS, "indices": [1, 0, 1]}, "ops.take(x, indices)"),
        Example(indexing.ScatterAdd(2), {"x": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
                                         "indices": [1, 0, 1]}, "ops.segment_sum(x, indices, 2)"),
        Example(indexing.TakeAlongAxis(1), {"x": ROWS, "indices": [[2], [0]]},
                "ops.take_along_axis(x, indices, axis=1)"),
        Example(indexing.AddAlongAxis(1, 2), {"x": ROWS, "indices": [[0, 1, 0], [1, 1, 0]]}),
        Example(indexing.OneHot(3), {"labels": [0, 2]}, "ops.one_hot(labels, 3)"),
    ]  # fmt: skip


def of_classes() -> list[Example]:
    """Softmax and the losses of classification."""
    shares = [[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]]
    true = [[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]]
    return [
        Example(loss.Softmax(), {"x": ROWS}, "ops.softmax(x)"),
        Example(loss.LogSoftmax(), {"x": ROWS}, "ops.log_softmax(x)"),
        Example(loss.SoftmaxCrossEntropy(), {"p": true, "x": ROWS},
                "ops.softmax_cross_entropy(p, x)"),
        Example(loss.SparseSoftmaxCrossEntropy(), {"x": ROWS, "labels": [2, 0]},
                "ops.sparse_softmax_cross_entropy(labels, x)"),
        Example(loss.SigmoidCrossEntropy(), {"p": [1.0, 0.0, 0.5], "x": [2.0, 0.5, -1.0]},
                "ops.sigmoid_cross_entropy(p, x)"),
        Example(loss.CrossEntropy(), {"p": true, "q": shares}, "ops.cross_entropy(p, q)"),
        Example(loss.SparseCrossEntropy(), {"q": shares, "labels": [2, 0]},
                "ops.sparse_cross_entropy(labels, q)"),
        Example(loss.BinaryCrossEntropy(), {"p": [1.0, 0.0, 0.5], "q": [0.9, 0.4, 0.3]},
                "ops.binary_cross_entropy(p, q)"),
    ]  # fmt: skip


def products() -> list[Example]:
    """Matrix products, convolutions, pooling."""
    plain = ((1,), ((0, 0),), (1,))
    kernel = [[[1.0]], [[-1.0]], [[2.0]]]
    window = ((2,), (2,), ((0, 0),))
    matrices = {"a": [[1.0, 2.0], [3.0, 4.0]], "b": [[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]]}
    slopes = [[[1.0], [-1.0], [0.5], [2.0]]]
    pooled = [[[1.0], [-1.0], [0.5]]]
    places = np.array([[[1], [1], [0]]], np.uint8)
    return [
        Example(linear.MatMul(), matrices, "a @ b"),
        Example(contraction.Einsum("ij,kj->ik"), {"a": ROWS, "b": [[1.0, 0.0, 2.0]]},
                'ops.einsum("ij,kj->ik", a, b)'),
        Example(convolution.Convolution(*plain), {"x": LINE, "kernel": kernel},
                "ops.conv(x, kernel)"),
        Example(convolution.ConvolutionInputGradient((6,), *plain),
                {"g": slopes, "kernel": kernel}, "ops.conv_transpose(g, kernel)"),
        Example(convolution.ConvolutionKernelGradient((3,), *plain), {"x": LINE, "g": slopes}),
        Example(pooling.MaxPool(*window), {"x": LINE}, "ops.max_pool(x, 2)", ("y", "places")),
        Example(pooling.MaxPoolGradient((6,), *window), {"g": pooled, "places": places}),
        Example(pooling.MaxPoolTake(*window), {"x": LINE, "places": places}),
        Example(pooling.AveragePool(*window), {"x": LINE}, "ops.average_pool(x, 2)"),
        Example(pooling.AveragePoolGradient((6,), *window), {"g": pooled}),
    ]  # fmt: skip


def drawn_at_random() -> list[Example]:
    """Random numbers, decided by seed and step."""
    key = {"seed": WORD, "step": np.uint32(0)}
    return [
        Example(random.RandomUniform((2, 3)), key, "ops.uniform(seed, step, (2, 3))"),
        Example(random.RandomNormal((2, 3)), key, "ops.random_normal(seed, step, (2, 3))"),
        Example(random.Dropout(0.5), {"x": [1.0, 2.0, 3.0, 4.0], **key}),
    ]


def over_time() -> list[Example]:
    """Recurrence and attention, and the chain rules that are operations themselves."""
    return [*recurrences(), *attentions(), *of_graphs()]


def recurrences() -> list[Example]:
    """Two examples, two steps, two features, two units."""
    x = {
        "x": [[[1.0, 0.0], [-0.5, 1.0]], [[0.5, 0.5], [0.0, -1.0]]],
        "h0": [[0.1, 0.0], [0.0, -0.1]],
    }
    plain = {
        **x,
        "kernel": [[0.5, -0.2], [0.1, 0.4]],
        "recurrent_kernel": [[-0.3, 0.2], [0.6, 0.1]],
        "bias": [0.1, 0.0],
    }
    lstm = {
        **x,
        "c0": [[0.2, 0.0], [0.0, 0.3]],
        **_kernels(8),
        "bias": [0.0] * 2 + [1.0] * 2 + [0.0] * 4,
    }
    gru = {**x, **_kernels(6), "bias": [[0.0, 0.1] * 3, [0.3, -0.1] * 3]}
    forward = [
        Example(recurrent.SimpleRecurrence(), plain,
                "ops.simple_recurrence(x, h0, kernel, recurrent_kernel, bias)", ("h",)),
        Example(recurrent.LongShortTermMemory(), lstm,
                "ops.long_short_term_memory(x, h0, c0, kernel, recurrent_kernel, bias)",
                ("h", "c", "gates")),
        Example(recurrent.GatedRecurrentUnit(), gru,
                "ops.gated_recurrent_unit(x, h0, kernel, recurrent_kernel, bias)",
                ("h", "gates")),
    ]  # fmt: skip
    rules = [of_the_rule(example) for example in forward]
    first, lstm_rule, gru_rule = rules
    return [
        *forward,
        *rules,
        inside(first, deltas.SimpleRecurrenceDelta, ("delta", "dh0")),
        inside(lstm_rule, deltas.LongShortTermMemoryDelta, ("delta", "dh0", "dc0")),
        inside(gru_rule, deltas.GatedRecurrentUnitDelta, ("delta", "recurrent_delta", "dh0")),
    ]


def _kernels(width: int) -> dict[str, Any]:
    """Weights of two features and two units, without a pattern that hides a mistake."""
    numbers = np.cos(np.arange(4 * width)).round(1).reshape(2, 2, width) + 0.0
    return {"kernel": numbers[0].tolist(), "recurrent_kernel": numbers[1].tolist()}


def attentions() -> list[Example]:
    """Two queries, three keys, two heads."""
    heads = {
        "query": [[[[1.0, 0.0], [0.5, 1.0]], [[0.0, 2.0], [1.0, -1.0]]]],
        "key": [[[[1.0, 1.0], [0.0, 1.0]], [[0.0, -1.0], [1.0, 0.0]], [[2.0, 0.0], [0.5, 0.5]]]],
        "value": [[[[1.0], [0.0]], [[-2.0], [1.0]], [[0.5], [3.0]]]],
    }
    forward = Example(
        attention.Attention(0.5),
        heads,
        "ops.dot_product_attention(query, key, value, scale=0.5)",
        ("y", "log_sum_exp"),
    )
    return [forward, of_the_rule(forward)]


def of_graphs() -> list[Example]:
    """Operations that hold a graph."""

    def recurrence(h: Any, z: Any, u: Any) -> Any:
        after = (z + h * u).tanh()
        return after, after

    def momentum(rate: Any, w: Any, g: Any, v: Any) -> Any:
        speed = 0.9 * v - rate * g
        return w + speed, speed

    scalar = TensorSpec((), np.dtype("float64"))
    with float_type("float64"):
        step, update = trace_graph(recurrence, [scalar] * 3), trace_graph(momentum, [scalar] * 4)
    gelu = Example(activation.ApproximateGelu(), {"x": [-1.0, 0.5, 2.0]})
    return [
        Example(
            Scan(step, carries=1, sequences=1, length=3),
            {"h": 0.5, "z": [1.0, -1.0, 0.5], "u": 0.3},
            "(last,), (h_t,) = ops.scan(step, [h], [z], [u])",
            ("last", "h_t", "before"),
            before=(STEP,),
        ),
        Example(
            mapping.ElementwiseMap(update, length=1, shared=1),
            {"rate": 0.1, "w": [1.0, 2.0], "g": [0.5, -1.0], "v": [0.0, 0.2]},
            "",
            ("new_w", "new_v"),
        ),
        of_the_rule(gelu),
    ]


@cache
def examples() -> dict[str, Example]:
    """An example of each operation of the catalogue, by class name.

    Example:
        >>> examples()["Softmax"].call
        'ops.softmax(x)'
    """
    rows = [
        *of_numbers(),
        *element_by_element(),
        *along_axes(),
        *moved(),
        *of_classes(),
        *products(),
        *drawn_at_random(),
        *over_time(),
    ]
    return {row.name: row for row in rows}
