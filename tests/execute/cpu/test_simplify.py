from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from glassgrad.execute.cpu.expressions import has_expression
from glassgrad.execute.cpu.simplify import StreamedUniform, merge_equal, simplify
from glassgrad.graph import (
    Composite,
    Constant,
    Primitive,
    Tensor,
    TensorSpec,
    Variable,
    constant,
    placeholder,
    scope,
    trace_graph,
    walk,
)
from glassgrad.ops import clip, maximum, softmax, sparse_softmax_cross_entropy, uniform
from glassgrad.ops.elementwise import Clip, Maximum, Minimum
from glassgrad.ops.mapping import ElementwiseMap
from glassgrad.ops.movement import Reshape
from glassgrad.ops.reduction import Max, Sum


def simple(*outputs: Tensor) -> tuple[Tensor, ...]:
    return simplify(outputs, has_expression)


def operations(*outputs: Tensor) -> list[str]:
    return [node.operation.name for node in walk(outputs) if node.inputs]


# ---- composites


def test_composites_are_opened_down_to_primitives() -> None:
    x, labels = placeholder((4, 3)), placeholder((4,), "int32")
    loss = sparse_softmax_cross_entropy(labels, x).mean()
    made = simple(loss, softmax(x))
    assert not any(isinstance(node.operation, Composite) for node in walk(made))
    assert [tensor.spec for tensor in made] == [loss.spec, softmax(x).spec]


def test_an_opened_composite_keeps_its_scope() -> None:
    x = placeholder((4, 3))
    with scope("here"):
        y = clip(x, 0.0, 1.0)
        z = softmax(x)
    with scope("elsewhere"):
        other = softmax(x)  # of the same definition, which is traced once
    for tensors, name in (([y, z], "here"), ([other], "elsewhere")):
        assert {node.scope for node in walk(simple(*tensors)) if node.inputs} == {name}


def momentum(*, bound: bool = False) -> ElementwiseMap:
    def body(w: Tensor, g: Tensor) -> tuple[Tensor]:
        return (w - 0.1 * (clip(g, -1.0, 1.0) if bound else g),)

    scalar = TensorSpec((), np.dtype("float32"))
    return ElementwiseMap(trace_graph(body, [scalar] * 2), length=2)


def lists(*shapes: tuple[int, ...]) -> list[Tensor]:
    return [placeholder(shape) for shape in shapes]


def test_a_formula_over_lists_stays_whole() -> None:
    assert operations(*simple(*momentum()(*lists((3,), (2, 2), (3,), (2, 2))))) == [
        "ElementwiseMap"
    ]


def test_its_body_is_made_simple_too() -> None:
    made = simple(*momentum(bound=True)(*lists((3,), (2,), (3,), (2,))))
    (operation,) = {node.operation for node in walk(made) if node.inputs}
    assert isinstance(operation, ElementwiseMap)
    names = operations(*operation.body.outputs)
    assert "Clip" not in names
    assert {"Maximum", "Minimum"} <= set(names)


def test_lists_that_have_to_be_repeated_are_opened() -> None:
    assert "ElementwiseMap" not in operations(*simple(*momentum()(*lists((3,), (2,), (), (2,)))))


class Cube(Primitive):
    """An element-wise operation of the user's."""

    is_elementwise = True

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        return inputs[0]

    def forward(self, xp: Any, x: Any) -> Any:
        return x**3


def test_a_body_that_no_kernel_can_compute_is_opened() -> None:
    scalar = TensorSpec((), np.dtype("float32"))
    operation = ElementwiseMap(trace_graph(lambda w: (Cube()(w),), [scalar]), length=1)
    assert operations(*simple(operation(placeholder((3,))))) == ["Cube"]


# ---- parameters


def test_bounds_and_streams_become_inputs() -> None:
    x, seed, step = placeholder((3,)), placeholder((), "uint32"), placeholder((), "uint32")
    assert operations(*simple(clip(x, -0.5, 2.0))) == ["Maximum", "Minimum"]
    (drawn,) = simple(uniform(seed, step, (3,), stream=2**32 - 1))
    assert isinstance(drawn.node.operation, StreamedUniform)
    assert drawn.node.inputs[2].node.operation.value == 2**32 - 1  # type: ignore[attr-defined]


@dataclass(frozen=True)
class StrictClip(Clip):
    """A user's own idea of clipping."""

    def forward(self, xp: Any, x: Any) -> Any:
        return xp.where(x > self.high, 0, x)


def test_what_inherits_is_not_taken_for_its_parent() -> None:
    assert operations(*simple(StrictClip(0.0, 1.0)(placeholder((3,))))) == ["StrictClip"]


@pytest.mark.parametrize(
    "shape, axes, expected",
    [
        ((4, 5), (0, 1), [(1,), (0,)]),
        ((100, 5, 6), (0, 1, 2), [(1, 2), (0,)]),
        ((4, 5, 6), (0, 1, 2), [(2,), (0, 1)]),
        ((1, 5, 1), (0, 1, 2), [(0, 1, 2)]),
        ((4, 5), (1,), [(1,)]),
    ],
)
def test_the_sum_of_everything_is_the_sum_of_rows(
    shape: tuple[int, ...], axes: tuple[int, ...], expected: list[tuple[int, ...]]
) -> None:
    made = simple(placeholder(shape).sum(axes, keepdims=True))
    sums = [n.operation.axes for n in walk(made) if isinstance(n.operation, Sum)]
    assert sums == expected
    assert made[0].shape == tuple(1 if a in axes else n for a, n in enumerate(shape))


@pytest.mark.parametrize("reduction", [Sum, Max])
def test_nothing_is_reduced_along_an_axis_of_one(reduction: type[Sum] | type[Max]) -> None:
    (y,) = simple(reduction((1,))(placeholder((4, 1, 3))))
    assert isinstance(y.node.operation, Reshape)
    assert y.shape == (4, 3)


# ---- constants


def test_constants_are_folded() -> None:
    (y,) = simple(placeholder((3,)) * ((constant(2.0) + 1) / 4))
    _, factor = y.node.inputs
    assert isinstance(factor.node.operation, Constant)
    assert factor.node.operation.value == 0.75


def test_variables_are_not() -> None:
    assert operations(*simple(Variable(2.0) + 1)) == ["Add"]


def test_long_constants_are_made_by_the_step() -> None:
    assert operations(*simple(constant(np.ones(3000)) + 1.0)) == ["Add"]


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x.sum(0),
        lambda x: x.reshape(3, 0) @ x,
        lambda x: (x + 1).sum(0) * 0,
    ],
)
def test_sums_of_nothing_are_zeros(make: Any) -> None:
    (y,) = simple(make(placeholder((0, 3))))
    assert isinstance(y.node.operation, Constant)
    assert not y.node.operation.value.any()


def test_what_has_no_elements_is_not_computed() -> None:
    (y,) = simple(placeholder((0, 3)).tanh())
    assert isinstance(y.node.operation, Constant)
    assert y.shape == (0, 3)


# ---- equal nodes


def test_equal_chains_become_one_at_once() -> None:
    x = placeholder((3,))
    a, b = ((x * 2.0 + 1.0).tanh() for _ in range(2))
    first, second = merge_equal([a, b])
    assert first.key == second.key
    assert len(operations(first)) == 3


def test_reads_of_a_variable_are_one() -> None:
    v = Variable([1.0, 2.0])
    a = v + 1.0
    v._read = None  # another tensor that reads the same
    first, second = merge_equal([a, v + 1.0])
    assert first.key == second.key


@pytest.mark.parametrize(
    "a, b",
    [(1.0, 2.0), (0.0, -0.0), (np.float32(1), np.int32(1)), ([1.0], 1.0)],
)
def test_different_constants_stay_apart(a: Any, b: Any) -> None:
    first, second = merge_equal([constant(a), constant(b)])
    assert first.key != second.key


def test_different_placeholders_stay_apart() -> None:
    first, second = merge_equal([placeholder((2,)) + 1.0, placeholder((2,)) + 1.0])
    assert first.key != second.key


@dataclass(frozen=True)
class Shift(Primitive):
    """An operation whose parameter cannot be hashed."""

    by: list[float]

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        return inputs[0]

    def forward(self, xp: Any, x: Any) -> Any:
        return x + xp.asarray(self.by, x.dtype)


def test_what_cannot_be_hashed_is_computed_each_time() -> None:
    x = placeholder((2,))
    first, second = merge_equal([Shift([1.0, 2.0])(x), Shift([1.0, 2.0])(x)])
    assert first.key != second.key


def test_maxima_of_constants_keep_nan() -> None:
    (y,) = simple(maximum(constant(np.nan), constant(1.0)))
    assert np.isnan(y.node.operation.value)  # type: ignore[attr-defined]


def test_bounds_are_applied_in_order() -> None:
    (y,) = simple(clip(placeholder((2,)), 1.0, 0.0))
    assert isinstance(y.node.operation, Minimum)
    assert isinstance(y.node.inputs[0].node.operation, Maximum)
