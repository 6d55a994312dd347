"""Arrangements are what NumPy makes of the same arguments, and have its gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from glassgrad import ops
from glassgrad.errors import ArgumentError, DtypeError, GlassgradError, ShapeError
from glassgrad.gradients import gradients
from tests.differences import check_gradients, placeholders, run

X = np.arange(24.0).reshape(2, 3, 4)
ROW = np.array([3.0, 1.0, 2.0])

Row = tuple[str, Callable[..., Any], Callable[..., Any], tuple[Any, ...]]

ROWS: list[Row] = [
    ("expand", lambda x: ops.expand_dims(x, 1), lambda x: np.expand_dims(x, 1), (X,)),
    ("expand-last", lambda x: ops.expand_dims(x, -1), lambda x: x[..., None], (X,)),
    ("expand-two", lambda x: ops.expand_dims(x, (0, -1)),
     lambda x: np.expand_dims(x, (0, -1)), (X,)),
    ("squeeze", ops.squeeze, np.squeeze, (X[:1, :, 1:2],)),
    ("squeeze-axis", lambda x: ops.squeeze(x, -1), lambda x: np.squeeze(x, -1), (X[:1, :, 1:2],)),
    ("swap", lambda x: ops.swapaxes(x, 0, -1), lambda x: np.swapaxes(x, 0, -1), (X,)),
    ("move", lambda x: ops.moveaxis(x, 0, -1), lambda x: np.moveaxis(x, 0, -1), (X,)),
    ("move-two", lambda x: ops.moveaxis(x, (2, 0), (0, 1)),
     lambda x: np.moveaxis(x, (2, 0), (0, 1)), (X,)),
    ("stack", lambda a, b: ops.stack([a, b]), lambda a, b: np.stack([a, b]), (X, 2 * X)),
    ("stack-last", lambda a, b: ops.stack([a, b], -1), lambda a, b: np.stack([a, b], -1),
     (X, 2 * X)),
    ("stack-scalars", lambda a, b: ops.stack([a, b]), lambda a, b: np.stack([a, b]),
     (X[0, 0, 0], X[0, 0, 1])),
    ("unstack", lambda x: tuple(ops.unstack(x, axis=1)), lambda x: tuple(np.unstack(x, axis=1)),
     (X,)),
    ("split", lambda x: tuple(ops.split(x, 2, 2)), lambda x: tuple(np.split(x, 2, 2)), (X,)),
    ("split-at", lambda x: tuple(ops.split(x, [1, 1, -1], -1)),
     lambda x: tuple(np.split(x, [1, 1, -1], -1)), (X,)),
    ("split-beyond", lambda x: tuple(ops.split(x, (2, 9))), lambda x: tuple(np.split(x, (2, 9))),
     (ROW,)),
    ("roll", lambda x: ops.roll(x, 5), lambda x: np.roll(x, 5), (X,)),
    ("roll-back", lambda x: ops.roll(x, -1, 1), lambda x: np.roll(x, -1, 1), (X,)),
    ("roll-two", lambda x: ops.roll(x, (1, 2), (0, 2)), lambda x: np.roll(x, (1, 2), (0, 2)),
     (X,)),
    ("roll-none", lambda x: ops.roll(x, 3), lambda x: np.roll(x, 3), (ROW[:0],)),
    ("repeat", lambda x: ops.repeat(x, 2, 1), lambda x: np.repeat(x, 2, 1), (X,)),
    ("repeat-all", lambda x: ops.repeat(x, 3), lambda x: np.repeat(x, 3), (X[0],)),
    ("repeat-never", lambda x: ops.repeat(x, 0, -1), lambda x: np.repeat(x, 0, -1), (X,)),
    ("tile", lambda x: ops.tile(x, (2, 1, 3)), lambda x: np.tile(x, (2, 1, 3)), (X,)),
    ("tile-last", lambda x: ops.tile(x, 2), lambda x: np.tile(x, 2), (X,)),
    ("tile-new", lambda x: ops.tile(x, (2, 2)), lambda x: np.tile(x, (2, 2)), (ROW,)),
    ("pad", lambda x: ops.pad(x, 1), lambda x: np.pad(x, 1), (X[0],)),
    ("pad-pair", lambda x: ops.pad(x, (1, 2)), lambda x: np.pad(x, (1, 2)), (X[0],)),
    ("pad-value", lambda x: ops.pad(x, ((0, 1), (2, 0)), constant_values=5.0),
     lambda x: np.pad(x, ((0, 1), (2, 0)), constant_values=5.0), (X[0],)),
    ("pad-infinity", lambda x: ops.pad(x, 1, constant_values=-np.inf),
     lambda x: np.pad(x, 1, constant_values=-np.inf), (ROW,)),
    ("pad-reflect", lambda x: ops.pad(x, ((1, 0), (2, 3)), "reflect"),
     lambda x: np.pad(x, ((1, 0), (2, 3)), "reflect"), (X[0],)),
    ("pad-symmetric", lambda x: ops.pad(x, ((3, 0), (2, 4)), "symmetric"),
     lambda x: np.pad(x, ((3, 0), (2, 4)), "symmetric"), (X[0],)),
    ("flip", ops.flip, np.flip, (X,)),
    ("flip-axis", lambda x: ops.flip(x, -2), lambda x: np.flip(x, -2), (X,)),
    ("flip-axes", lambda x: ops.flip(x, (0, 2)), lambda x: np.flip(x, (0, 2)), (X,)),
    ("take", lambda x: ops.take(x, [[1, 0], [2, 2]], 1),
     lambda x: np.take(x, [[1, 0], [2, 2]], 1), (X,)),
    ("take-last", lambda x: ops.take(x, 3, -1), lambda x: np.take(x, 3, -1), (X,)),
    ("take-flat", lambda x: ops.take(x, [5, 23], None), lambda x: np.take(x, [5, 23]), (X,)),
    ("take-along-flat", lambda x: ops.take_along_axis(x, [5, 23], None),
     lambda x: np.take_along_axis(x, np.array([5, 23]), None), (X,)),
    ("sort", ops.sort, np.sort, (ROW * [[1], [-1]],)),
    ("sort-columns", lambda x: ops.sort(x, 0), lambda x: np.sort(x, 0), (ROW * [[1], [-1]],)),
    ("sort-all", lambda x: ops.sort(x, None), lambda x: np.sort(x, None), (ROW * [[1], [-1]],)),
    ("cumsum", ops.cumsum, np.cumsum, (X,)),
    ("cumsum-axis", lambda x: ops.cumsum(x, -2), lambda x: np.cumsum(x, -2), (X,)),
    ("index", lambda x: x[..., 1], lambda x: x[..., 1], (X,)),
    ("index-new", lambda x: x[:, None, 1, ..., None], lambda x: x[:, None, 1, ..., None], (X,)),
    ("index-nothing", lambda x: x[None], lambda x: x[None], (X[0, 0, 0],)),
    ("dot", ops.dot, np.dot, (X, np.arange(20.0).reshape(4, 5))),
    ("dot-vectors", ops.dot, np.dot, (ROW, ROW + 1)),
    ("dot-many", ops.dot, np.dot, (X, np.arange(40.0).reshape(2, 4, 5))),
    ("dot-scalar", ops.dot, np.dot, (X[0, 0, 1], ROW)),
    ("outer", ops.outer, np.outer, (X[0], ROW)),
    ("tensordot", lambda a, b: ops.tensordot(a, b, 1), lambda a, b: np.tensordot(a, b, 1),
     (X, np.arange(20.0).reshape(4, 5))),
    ("tensordot-pairs", lambda a, b: ops.tensordot(a, b, ([0, 1], [1, 0])),
     lambda a, b: np.tensordot(a, b, ([0, 1], [1, 0])), (X, np.arange(30.0).reshape(3, 2, 5))),
    ("tensordot-none", lambda a, b: ops.tensordot(a, b, 0), lambda a, b: np.tensordot(a, b, 0),
     (ROW, ROW)),
    ("matmul-vectors", ops.matmul, np.matmul, (ROW, ROW)),
    ("matmul-row", ops.matmul, np.matmul, (ROW, np.arange(24.0).reshape(2, 3, 4))),
    ("matmul-column", ops.matmul, np.matmul, (X, np.arange(4.0))),
    ("matmul-shared", ops.matmul, np.matmul, (X, np.arange(20.0).reshape(4, 5))),
    ("norm", ops.norm, np.linalg.norm, (ROW,)),
    ("norm-one", lambda x: ops.norm(x, 1, 0), lambda x: np.linalg.norm(x, 1, 0), (ROW,)),
    ("norm-three", lambda x: ops.norm(x, 3, 0), lambda x: np.linalg.norm(x, 3, 0), (ROW,)),
    ("norm-largest", lambda x: ops.norm(x, np.inf), lambda x: np.linalg.norm(x, np.inf), (-ROW,)),
    ("norm-least", lambda x: ops.norm(x, -np.inf), lambda x: np.linalg.norm(x, -np.inf), (-ROW,)),
    ("norm-frobenius", lambda x: ops.norm(x, "fro", (0, 2), True),
     lambda x: np.linalg.norm(x, "fro", (0, 2), True), (X + 1,)),
    ("normalize", ops.normalize, lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True),
     (X + 1,)),
    ("std", lambda x: ops.std(x, 1, True), lambda x: np.std(x, 1, keepdims=True), (X,)),
    ("segment-sum", lambda x: ops.segment_sum(x, [1, 0, 1], 3),
     lambda x: np.array([x[1], x[0] + x[2], 0.0]), (ROW,)),
    ("round-decimals", lambda x: ops.round(x, 1) + 0 * x, lambda x: np.round(x, 1),
     (ROW * 0.123,)),
    ("round-tens", lambda x: ops.round(x, -1) + 0 * x, lambda x: np.round(x, -1), (X + 0.5,)),
]  # fmt: skip


@pytest.mark.parametrize("ours, theirs, arrays", [r[1:] for r in ROWS], ids=[r[0] for r in ROWS])
def test_agrees_with_numpy(
    ours: Callable[..., Any], theirs: Callable[..., Any], arrays: tuple[Any, ...]
) -> None:
    arrays = tuple(np.asarray(array, "float64") for array in arrays)
    inputs = placeholders(arrays)
    result, expected = ours(*inputs), theirs(*arrays)
    outputs = result if isinstance(result, tuple) else (result,)
    parts = expected if isinstance(expected, tuple) else (expected,)
    for found, part in zip(run(outputs, inputs, arrays), parts, strict=True):
        np.testing.assert_allclose(found, part, rtol=1e-12, strict=True)


@pytest.mark.parametrize(
    "ours, arrays", [(r[1], r[3]) for r in ROWS if "round" not in r[0]],
    ids=[r[0] for r in ROWS if "round" not in r[0]],
)  # fmt: skip
def test_agrees_with_differences(ours: Callable[..., Any], arrays: tuple[Any, ...]) -> None:
    def outputs(*inputs: Any) -> tuple[Any, ...]:
        result = ours(*inputs)
        whole = result if isinstance(result, tuple) else (result,)
        return tuple(ops.where(ops.isfinite(part), part, 0.0) for part in whole)

    floats = [np.asarray(array, "float64") / 10 for array in arrays]
    check_gradients(outputs, floats, order=1)


@pytest.mark.parametrize("axis, keepdims", [(None, False), (1, True), ((0, 1), False)])
def test_any_and_all(axis: Any, keepdims: bool) -> None:
    x = np.array([[1.0, 0.0], [np.nan, -2.0], [0.0, 0.0]])
    inputs = placeholders([x])
    some, every = run([inputs[0].any(axis, keepdims), inputs[0].all(axis, keepdims)], inputs, [x])
    np.testing.assert_array_equal(some, np.any(x, axis, keepdims=keepdims), strict=True)
    np.testing.assert_array_equal(every, np.all(x, axis, keepdims=keepdims), strict=True)


@pytest.mark.parametrize("descending", [False, True])
def test_what_is_last_is_no_number(descending: bool) -> None:
    x = np.array([2.0, np.nan, -np.inf, 5.0])
    inputs = placeholders([x])
    order = ops.top_k(inputs[0], 4)[1] if descending else ops.argsort(inputs[0])
    expected = [1, 3, 0, 2] if descending else [2, 0, 3, 1]
    np.testing.assert_array_equal(run([order], inputs, [x])[0], expected)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32"])
def test_whole_numbers_are_ordered_and_added_up(dtype: str) -> None:
    x = np.array([1, 0, 1, 1]).astype(dtype)
    inputs = placeholders([x])
    found = run(
        [ops.sort(*inputs), *ops.top_k(*inputs, 2), ops.cumsum(*inputs), ops.min(*inputs)],
        inputs, [x],
    )  # fmt: skip
    for ours, expected in zip(found, ([0, 1, 1, 1], [1, 1], [0, 2], [1, 1, 2, 3], 0), strict=True):
        np.testing.assert_array_equal(ours, expected)
    assert [str(array.dtype) for array in found] == [dtype, dtype, "int32", "int32", dtype]


def test_a_norm_has_a_gradient_at_the_origin() -> None:
    zeros = np.zeros(3)
    inputs = placeholders([zeros])
    (slope,) = run(gradients(ops.norm(*inputs), inputs), inputs, [zeros])
    np.testing.assert_array_equal(slope, zeros)
    np.testing.assert_array_equal(run([ops.normalize(*inputs)], inputs, [zeros])[0], zeros)


def test_sorting_hands_each_gradient_to_its_element() -> None:
    x = torch.tensor([[3.0, 1.0, 2.0], [0.5, 4.0, -1.0]], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([1.0, 10.0, 100.0], dtype=torch.float64)
    (expected,) = torch.autograd.grad((torch.sort(x).values * weights).sum(), [x])
    inputs = placeholders([x.detach().numpy()])
    loss = (ops.sort(*inputs) * ops.cast(weights.tolist(), "float64")).sum()
    (slope,) = run(gradients(loss, inputs), inputs, [x.detach().numpy()])
    np.testing.assert_array_equal(slope, expected)


REFUSED: list[tuple[str, Callable[[], Any], type[GlassgradError], str]] = [
    ("expand", lambda: ops.expand_dims(ROW, 3), ArgumentError, "3"),
    ("expand-twice", lambda: ops.expand_dims(ROW, (0, -3)), ArgumentError, "once"),
    ("squeeze", lambda: ops.squeeze(ROW, 0), ShapeError, r"Got axis 0 of shape \(3,\)"),
    ("swap", lambda: ops.swapaxes(ROW, 0, 1), ArgumentError, "Got 1"),
    ("move", lambda: ops.moveaxis(X, (0, 1), 0), ArgumentError, "2 axes and 1 places"),
    ("move-twice", lambda: ops.moveaxis(X, (0, 0), (0, 1)), ArgumentError, "once"),
    ("stack-nothing", lambda: ops.stack([]), ArgumentError, "Got none"),
    ("stack-shapes", lambda: ops.stack([ROW, X]), ShapeError, r"\(3,\), \(2, 3, 4\)"),
    ("stack-dtypes", lambda: ops.stack([ROW, [1, 2, 3]]), DtypeError, "float32, int32"),
    ("stack-axis", lambda: ops.stack([ROW], 2), ArgumentError, "Got 2"),
    ("unstack", lambda: ops.unstack(ROW, 2), ArgumentError, "3 slices. Got num=2"),
    ("split-unequal", lambda: ops.split(ROW, 2), ArgumentError, "length 3 .* Got 2"),
    ("split-never", lambda: ops.split(ROW, 0), ArgumentError, "Got 0"),
    ("split-order", lambda: ops.split(ROW, [2, 1]), ArgumentError, r"in order. Got \[2, 1\]"),
    ("roll", lambda: ops.roll(X, (1, 2), 0), ArgumentError, "Got 2 for 1 axes"),
    ("repeat", lambda: ops.repeat(ROW, -1), ArgumentError, "Got -1"),
    ("repeat-half", lambda: ops.repeat(ROW, 0.5), ArgumentError, "Got 0.5"),
    ("tile", lambda: ops.tile(ROW, -1), ArgumentError, "Got -1"),
    ("pad-mode", lambda: ops.pad(ROW, 1, "edge"), ArgumentError, "'edge'"),
    ("pad-widths", lambda: ops.pad(X, ((1, 2), (3, 4))), ArgumentError, r"shape \(2, 3, 4\)"),
    ("pad-scalar", lambda: ops.pad(1.0, 1), ArgumentError, r"shape \(\)"),
    ("pad-fraction", lambda: ops.pad(ROW, 0.5), ArgumentError, "Got 0.5"),
    ("pad-negative", lambda: ops.pad(ROW, -1), ShapeError, "-1"),
    ("pad-far", lambda: ops.pad(ROW, 3, "reflect"), ArgumentError, "up to 2 elements. Got 3"),
    ("pad-back", lambda: ops.pad(ROW, (0, -1), "symmetric"), ArgumentError, "-1"),
    ("pad-value", lambda: ops.pad(ROW, 1, "reflect", 5.0), ArgumentError, "'reflect'"),
    ("flip", lambda: ops.flip(ROW, 1), ArgumentError, "Got 1"),
    ("flip-twice", lambda: ops.flip(ROW, (0, 0)), ShapeError, r"\(0, 0\)"),
    ("sort", lambda: ops.sort(ROW, 1), ArgumentError, "Got"),
    ("sort-scalar", lambda: ops.sort(1.0), ArgumentError, "Got"),
    ("argsort", lambda: ops.argsort(ROW, 2), ArgumentError, "2"),
    ("top-k", lambda: ops.top_k(ROW, 4), ArgumentError, r"Got 4 for shape \(3,\)"),
    ("top-k-negative", lambda: ops.top_k(ROW, -1), ArgumentError, "Got -1"),
    ("top-k-scalar", lambda: ops.top_k(1.0, 0), ArgumentError, r"shape \(\)"),
    ("cumsum", lambda: ops.cumsum(ROW, 1), ArgumentError, "Got"),
    ("take-axis", lambda: ops.take(ROW, [0], 1), ArgumentError, "Got 1"),
    ("take-along", lambda: ops.take_along_axis(X, [0], -1), ShapeError, r"\(2, 3, 4\) .* \(1,\)"),
    ("take-along-floats", lambda: ops.take_along_axis(ROW, ROW), DtypeError, "float32"),
    ("min-of-none", lambda: ops.min(ROW[:0]), ShapeError, r"\(0,\)"),
    ("argmin-of-none", lambda: ops.argmin(ROW[:0]), ShapeError, r"\(0,\)"),
    ("logsumexp-ints", lambda: ops.logsumexp([1, 2]), DtypeError, "int32"),
    ("logsumexp-of-none", lambda: ops.logsumexp(ROW[:0]), ShapeError, r"\(0,\)"),
    ("norm-name", lambda: ops.norm(ROW, "nuc"), ArgumentError, "'nuc'"),
    ("norm-ints", lambda: ops.norm([1, 2], 1), DtypeError, "int32"),
    ("floor-ints", lambda: ops.floor([1, 2]), DtypeError, "int32"),
    ("sin-ints", lambda: ops.sin([1, 2]), DtypeError, "int32"),
    ("index-ellipses", lambda: ops.square(X)[..., 0, ...], ArgumentError, "Got 2"),
    ("matmul-scalar", lambda: ops.matmul(1.0, ROW), ShapeError, r"\(\)"),
    ("dot", lambda: ops.dot(ROW, [1.0, 2.0]), ShapeError, "3 and 2"),
    ("tensordot-many", lambda: ops.tensordot(ROW, ROW, 2), ArgumentError, "Got 2"),
    ("tensordot-uneven", lambda: ops.tensordot(X, X, ([0, 1], [0])), ArgumentError, "one length"),
    ("einsum-nothing", lambda: ops.einsum("i->i"), ArgumentError, "none"),
    ("einsum-count", lambda: ops.einsum("i,j", ROW), ArgumentError, "2 tensors.* Got 1"),
    ("einsum-rank", lambda: ops.einsum("ij->i", ROW), ArgumentError, "2 axes.* 1 axes"),
    ("einsum-letters", lambda: ops.einsum("i+->i", ROW), ArgumentError, r"'i\+->i'"),
    ("einsum-output", lambda: ops.einsum("i->j", ROW), ArgumentError, "'j'"),
    ("einsum-twice", lambda: ops.einsum("i->ii", ROW), ArgumentError, "each once"),
    ("einsum-lengths", lambda: ops.einsum("i,i", ROW, [1.0, 2.0]), ShapeError, "3 and 2"),
    ("einsum-diagonal", lambda: ops.einsum("iij", X), ShapeError, "2 and 3"),
]  # fmt: skip


@pytest.mark.parametrize(
    "call, kind, message", [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_is_refused(call: Callable[[], Any], kind: type[GlassgradError], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize("axis, index", [(0, 2), (1, -1), (None, 24)])
def test_an_index_outside_is_reported(axis: int | None, index: int) -> None:
    with pytest.raises(GlassgradError, match=str(index)):
        ops.take(X, [index], axis).numpy()
