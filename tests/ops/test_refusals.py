"""What does not fit is refused when the graph is built, and the message says what came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassgrad import ops
from glassgrad.errors import ArgumentError, DtypeError, GlassgradError, ShapeError
from glassgrad.graph import Tensor, TensorSpec, placeholder, trace_graph
from glassgrad.ops import (
    attention,
    elementwise,
    indexing,
    loss,
    mapping,
    movement,
    random,
    reduction,
)


def floats(*shape: int) -> Tensor:
    return placeholder(shape, "float32")


def ints(*shape: int) -> Tensor:
    return placeholder(shape, "int32")


def bools(*shape: int) -> Tensor:
    return placeholder(shape, "bool")


def attend(*shapes: tuple[int, ...], **options: Any) -> Tensor:
    return ops.dot_product_attention(*(floats(*shape) for shape in shapes), **options)


def words() -> Tensor:
    return placeholder((), "uint32")


def scalar_body(function: Callable[..., Any], count: int = 1) -> Any:
    return trace_graph(function, [TensorSpec((), np.dtype("float32"))] * count)


Refusal = tuple[str, Callable[[], Any], type[GlassgradError], str]

SHAPES: list[Refusal] = [
    ("add", lambda: floats(2, 3) + floats(2, 4), ShapeError, r"\(2, 3\) and \(2, 4\)"),
    ("compare", lambda: floats(2) < floats(3), ShapeError, r"\(2,\) and \(3,\)"),
    ("where", lambda: ops.where(bools(2), floats(3), 0.0), ShapeError, r"\(2,\) and \(3,\)"),
    ("matmul-scalar", lambda: floats() @ floats(3, 2), ShapeError, r"\(\) and \(3, 2\)"),
    ("matmul-vectors", lambda: floats(3) @ floats(2), ShapeError, "3 of .* and 2 of"),
    ("matmul-inner", lambda: floats(2, 3) @ floats(4, 5), ShapeError, "3 of .* and 4 of"),
    ("matmul-batch", lambda: floats(2, 3, 3) @ floats(4, 3, 3), ShapeError, r"\(2,\) and \(4,\)"),
    ("reshape", lambda: floats(2, 3).reshape(4), ShapeError, r"\(2, 3\) with 6 .* \(4,\)"),
    ("reshape-rest", lambda: floats(2, 3).reshape(4, -1), ShapeError, "6 elements"),
    ("reshape-empty-rest", lambda: floats(0, 3).reshape(0, -1), ShapeError, r"\(0, -1\)"),
    ("reshape-two-rests", lambda: floats(1).reshape(-1, -1), ShapeError, r"\(-1, -1\)"),
    ("reshape-negative", lambda: floats(2, 3).reshape(-2, -3), ShapeError, r"\(-2, -3\)"),
    ("reshape-all-negative", lambda: floats(6).reshape(-1, -2, 3), ShapeError, r"-2, 3\)"),
    ("broadcast", lambda: ops.broadcast_to(floats(3), (2, 4)), ShapeError, r"\(3,\) and \(2, 4\)"),
    ("broadcast-down", lambda: ops.broadcast_to(floats(2, 3), (3,)), ShapeError, "the target"),
    ("transpose-twice", lambda: floats(2, 3).transpose(0, 0), ShapeError, r"\(0, 0\)"),
    ("transpose-short", lambda: floats(2, 3).transpose(0), ShapeError, r"2 axes once. Got \(0,\)"),
    ("slice", lambda: movement.Slice((0,), (4,))(floats(3)), ShapeError, r"\(4,\) .* \(3,\)"),
    ("slice-scalar", lambda: movement.Slice((), ())(floats()), ShapeError, r"shape \(\)"),
    ("pad-negative", lambda: movement.Pad((-1,), (0,))(floats(3)), ShapeError, r"\(-1,\)"),
    ("pad-rank", lambda: movement.Pad((1,), (0,))(floats(3, 2)), ShapeError, r"2 axes.* \(1,\)"),
    ("pad-scalar", lambda: movement.Pad((), ())(floats()), ShapeError, "0 axes"),
    ("join", lambda: ops.concatenate([floats(2, 3), floats(2, 4)]), ShapeError, r"\(2, 4\)"),
    ("join-axis", lambda: movement.Concatenate(-1)(floats(2)), ShapeError, "axis -1"),
    ("max-of-none", lambda: floats(0, 3).max(axis=0), ShapeError, r"\(0, 3\)"),
    ("argmax-of-none", lambda: floats(2, 0).argmax(), ShapeError, r"\(2, 0\)"),
    ("take-scalar", lambda: ops.take(floats(), ints(2)), ShapeError, r"\(\)"),
    ("scatter", lambda: indexing.ScatterAdd(5)(floats(3, 2), ints(4)), ShapeError, r"\(4,\)"),
    ("softmax-scalar", lambda: floats().softmax(), ShapeError, r"Got shape \(\)"),
    ("softmax-empty", lambda: floats(2, 0).softmax(), ShapeError, r"\(2, 0\)"),
    ("cross-entropy", lambda: ops.softmax_cross_entropy(floats(2, 3), floats(2, 4)), ShapeError,
     r"\(2, 3\) and \(2, 4\)"),
    ("labels", lambda: ops.sparse_softmax_cross_entropy(ints(2), floats(3, 4)), ShapeError,
     r"\(3,\). Got \(2,\)"),
    ("map-shape", lambda: mapping.ElementwiseMap(scalar_body(lambda w, g: w - g, 2), 1)(
        floats(3), floats(3, 1)), ShapeError, r"float32\[3, 1\]"),
    ("map-dtype", lambda: mapping.ElementwiseMap(scalar_body(lambda w: w * 2), 1)(
        placeholder((3,), "float64")), ShapeError, r"float64\[3\]"),
    ("attention-rank", lambda: attend((2, 3, 4), (2, 3, 1, 4), (2, 3, 1, 4)), ShapeError,
     r"The query .* shape \(2, 3, 4\)"),
    ("attention-keys", lambda: attend((1, 3, 2, 4), (1, 5, 2, 4), (1, 6, 2, 4)), ShapeError,
     r"Each key has one value.*\(1, 6, 2, 4\)"),
    ("attention-size", lambda: attend((1, 3, 2, 4), (1, 5, 2, 3), (1, 5, 2, 3)), ShapeError,
     "one size"),
    ("attention-batch", lambda: attend((2, 3, 2, 4), (1, 5, 2, 4), (1, 5, 2, 4)), ShapeError,
     "one batch"),
    ("attention-heads", lambda: attend((1, 3, 3, 4), (1, 5, 2, 4), (1, 5, 2, 4)), ShapeError,
     "must divide"),
    ("attention-no-head", lambda: attend((1, 3, 3, 4), (1, 5, 0, 4), (1, 5, 0, 4)), ShapeError,
     "must divide"),
    ("attention-no-key", lambda: attend((1, 3, 2, 4), (1, 0, 2, 4), (1, 0, 2, 4)), ShapeError,
     "a key to attend to"),
    ("attention-mask", lambda: attend(*[(1, 3, 2, 4)] * 3, mask=bools(1, 2, 3, 4)), ShapeError,
     r"here \(1, 2, 3, 3\)"),
    ("scan-lengths", lambda: ops.scan(lambda c, e, k: ((), e), [], [floats(3), floats(4)]),
     ShapeError, r"3. Got shape \(4,\)"),
    ("scan-scalar", lambda: ops.scan(lambda c, e, k: ((), e), [], [floats()]),
     ShapeError, "Got a scalar"),
    ("scan-carry", lambda: ops.scan(lambda c, e, k: ((c[0].sum(),), ()), [floats(2)], length=3),
     ShapeError, r"float32\[2\]. It gives float32\[\]"),
    ("scan-carry-dtype", lambda: ops.scan(lambda c, e, k: ((c[0].cast("float64"),), ()),
                                          [floats()], length=3), ShapeError, "float64"),
]  # fmt: skip

DTYPES: list[Refusal] = [
    *(
        (name, lambda f=function: f(ints(2)), DtypeError, "int32")
        for name, function in (
            ("divide", lambda x: x / 2),
            ("power", lambda x: x**3),
            ("exp", ops.exp),
            ("expm1", ops.expm1),
            ("log", ops.log),
            ("log1p", ops.log1p),
            ("sqrt", ops.sqrt),
            ("sigmoid", ops.sigmoid),
            ("tanh", ops.tanh),
            ("clip", lambda x: ops.clip(x, 0.0, 1.5)),
            ("erf", ops.erf),
            ("heaviside", ops.heaviside),
            ("softplus", ops.softplus),
            ("leaky-relu", ops.leaky_relu),
            ("softmax", ops.softmax),
            ("log-softmax", ops.log_softmax),
        )
    ),
    *(
        (f"{name}-bool", lambda f=function: f(bools(2)), DtypeError, "bool")
        for name, function in (
            ("negative", lambda x: -x),
            ("subtract", lambda x: x - x),
            ("sign", ops.sign),
            ("relu", ops.relu),
        )
    ),
    ("where-condition", lambda: ops.where(floats(2), 1.0, 0.0), DtypeError, "float32"),
    ("cast-unknown", lambda: floats(2).cast("complex64"), DtypeError, "complex64"),
    ("cast-nonsense", lambda: floats(2).cast("number"), DtypeError, "number"),
    ("join-dtypes", lambda: ops.concatenate([floats(2), ints(2)]), DtypeError, "float32, int32"),
    ("take-floats", lambda: ops.take(floats(2), floats(2)), DtypeError, "Take .* float32"),
    ("take-bools", lambda: ops.take(floats(2), bools(2)), DtypeError, "bool"),
    ("scatter-floats", lambda: indexing.ScatterAdd(2)(floats(2), floats(2)), DtypeError, "float32"),
    ("one-hot-floats", lambda: ops.one_hot(floats(2), 3), DtypeError, "OneHot .* float32"),
    ("labels-floats", lambda: loss.SparseSoftmaxCrossEntropy()(floats(2, 3), floats(2)), DtypeError,
     "float32"),
    ("attention-ints", lambda: ops.dot_product_attention(*[ints(1, 3, 2, 4)] * 3), DtypeError,
     "int32"),
    ("attention-mask-floats", lambda: attention.Attention(1.0, masked=True)(
        *[floats(1, 3, 2, 4)] * 3, floats(1, 1, 3, 3)), DtypeError, "boolean. Got float32"),
    ("seed", lambda: ops.uniform(ints(), words(), (2,)), DtypeError, r"int32\[\]"),
    ("step", lambda: ops.uniform(words(), placeholder((2,), "uint32"), (2,)), DtypeError,
     r"uint32\[2\]"),
    ("uniform-ints", lambda: random.RandomUniform((2,), 0, "int32")(words(), words()), DtypeError,
     "int32"),
    ("dropout-ints", lambda: random.Dropout(0.5)(ints(2), words(), words()), DtypeError, "int32"),
    ("text", lambda: floats(2) + "1", DtypeError, "str"),
    ("nothing", lambda: floats(2) + None, DtypeError, "NoneType"),
]  # fmt: skip

ARGUMENTS: list[Refusal] = [
    ("sum-axis", lambda: floats(2, 3).sum(axis=2), ArgumentError, r"\[-2, 2\). Got \(2,\)"),
    ("mean-axis", lambda: floats(2).mean(axis=(0, -1)), ArgumentError, r"once. Got \(0, -1\)"),
    ("max-axis", lambda: floats(2).max(axis=-2), ArgumentError, "-2"),
    ("argmax-axis", lambda: floats(2, 3).argmax(axis=5), ArgumentError, "5"),
    ("argmax-scalar", lambda: floats().argmax(), ArgumentError, "-1"),
    ("transpose-axis", lambda: floats(2, 3).transpose(0, 3), ArgumentError, r"\[-2, 2\). Got 3"),
    ("transpose-scalar", lambda: floats().transpose(0), ArgumentError, "Got 0"),
    ("join-axis", lambda: ops.concatenate([floats(2)], axis=1), ArgumentError, "Got 1"),
    ("join-scalars", lambda: ops.concatenate([floats()]), ArgumentError, "Got 0"),
    ("join-nothing", lambda: ops.concatenate([]), ArgumentError, "none"),
    ("index-many", lambda: floats(2)[0, 0], ArgumentError, "1 axes .* Got 2"),
    ("index-outside", lambda: floats(2)[2], ArgumentError, r"length 2 must lie in .* Got 2"),
    ("index-step", lambda: floats(4)[::2], ArgumentError, "step 1"),
    ("index-kind", lambda: floats(4)["a"], ArgumentError, "'a'"),
    ("dropout-rate", lambda: random.Dropout(1.0), ArgumentError, "1.0"),
    ("dropout-negative", lambda: random.Dropout(-0.1), ArgumentError, "-0.1"),
    ("attention-rate", lambda: attention.Attention(1.0, rate=1.0), ArgumentError, "1.0"),
    ("attention-bias-and-mask", lambda: attend(*[(1, 3, 2, 4)] * 3, mask=bools(3, 3),
                                               bias=floats(3, 3)), ArgumentError, "Got both"),
    ("attention-cap", lambda: attend(*[(1, 3, 2, 4)] * 3, attn_logits_soft_cap=0.0), ArgumentError,
     "positive. Got 0.0"),
    ("map-body", lambda: mapping.ElementwiseMap(scalar_body(lambda x: x.sum()), 1), ArgumentError,
     "Sum"),
    ("map-input", lambda: mapping.ElementwiseMap(
        trace_graph(lambda x: x * 2, [TensorSpec((2,), np.dtype("float32"))]), 1), ArgumentError,
     "no scalar"),
    ("map-count", lambda: mapping.ElementwiseMap(scalar_body(lambda w, g: w - g, 2), 2)(
        floats(), floats(), floats()), ArgumentError, "4 inputs. Got 3"),
    ("map-empty", lambda: mapping.ElementwiseMap(scalar_body(lambda w: w * 2), 0), ArgumentError,
     "length 0"),
    ("scan-length", lambda: ops.scan(lambda c, e, k: (c, ()), [floats()]), ArgumentError, "none"),
    ("reduce-negative", lambda: reduction.normalize_axes((-3,), 2), ArgumentError, "-3"),
]  # fmt: skip


ROWS = [*SHAPES, *DTYPES, *ARGUMENTS]


@pytest.mark.parametrize(
    "build, kind, message", [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_is_refused(build: Callable[[], Any], kind: type[GlassgradError], message: str) -> None:
    with pytest.raises(kind, match=message):
        build()


def test_a_message_shows_the_way_out() -> None:
    with pytest.raises(DtypeError, match=r"\.cast\('float32'\)"):
        elementwise.exp(ints(2))
