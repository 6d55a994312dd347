from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch

from glassgrad.errors import DtypeError, GradientError, ShapeError
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.gradients import Step, differentiate, gradients
from glassgrad.graph import (
    Primitive,
    Tensor,
    TensorSpec,
    Variable,
    constant,
    float_type,
    placeholder,
    scope,
    verify,
    walk,
)
from glassgrad.ops import broadcast_to, concatenate, maximum, scan, stop_gradient, where


def evaluate(*tensors: Tensor) -> list[np.ndarray]:
    verify(tensors)
    return ReferenceExecutor().compile(tensors)()


def slope_of(function: Callable[[Tensor], Tensor], at: Any) -> np.ndarray:
    with float_type("float64"):
        x = constant(at)
        (slope,) = gradients(function(x), [x])
    assert slope is not None
    return evaluate(slope)[0]


# ---- what comes out


@pytest.mark.parametrize(
    "function, at, expected",
    [
        (lambda x: (x * x).sum(), [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]),
        (lambda x: (x + x + x).sum(), [1.0, 2.0], [3.0, 3.0]),
        (lambda x: (x.exp() * x).sum(), [0.0], [1.0]),
        (lambda x: x * 1, 3.0, 1.0),
        (lambda x: x, 3.0, 1.0),
        (lambda x: (x * x.sum()).sum(), [1.0, 2.0], [6.0, 6.0]),
        (lambda x: (x[0] * x[1]) + x[1], [3.0, 5.0], [5.0, 4.0]),
        (lambda x: concatenate([x, x * 2]).sum(), [1.0], [3.0]),
    ],
)
def test_several_uses_are_summed(function: Any, at: Any, expected: Any) -> None:
    np.testing.assert_allclose(slope_of(function, at), expected, rtol=1e-14)


@pytest.mark.parametrize(
    "shape, other",
    [
        ((), (2, 3)),
        ((1,), (3,)),
        ((3,), (2, 3)),
        ((2, 1), (2, 3)),
        ((1, 3), (2, 3)),
        ((1, 1), (2, 3)),
        ((2, 1, 3), (4, 1)),
        ((1, 4, 1), (2, 1, 3)),
        ((1,), (0,)),
        ((0, 1), (1, 3)),
    ],
)
def test_broadcasting_is_undone(shape: tuple[int, ...], other: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape), rng.normal(size=other)]
    with float_type("float64"):
        ours = [constant(array) for array in arrays]
        slopes = gradients((ours[0] * ours[1] - ours[0] / (ours[1] + 9)).sum(), ours)
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    (theirs[0] * theirs[1] - theirs[0] / (theirs[1] + 9)).sum().backward()
    for slope, their in zip(slopes, theirs, strict=True):
        assert slope is not None
        assert slope.shape == tuple(their.shape)
        np.testing.assert_allclose(evaluate(slope)[0], their.grad, rtol=1e-12, atol=1e-14)


def test_a_sum_that_is_repeated_again() -> None:
    slope = slope_of(lambda x: (broadcast_to(x.sum(0, True), (4, 3)) * 2).sum(), np.ones((2, 3)))
    np.testing.assert_array_equal(slope, np.full((2, 3), 8.0))


def test_what_is_not_reached_has_none() -> None:
    x, y, n = constant([1.0]), constant([2.0]), constant([1, 2])
    loss = (x * 2).sum() + stop_gradient(y).sum() + n.sum().cast("float32")
    slopes = gradients(loss, [x, y, n, constant(3.0)])
    assert [slope is None for slope in slopes] == [False, True, True, True]


def test_a_path_through_a_comparison_is_none() -> None:
    x = constant([1.0, -2.0])
    assert gradients((x > 0).cast("float32").sum(), [x]) == [None]


def test_variables_tensors_and_middles() -> None:
    v = Variable([2.0, 3.0])
    middle = v * v
    loss = (middle * middle).sum()
    to_variable, to_middle, to_loss = gradients(loss, [v, middle, loss])
    found = evaluate(to_variable, to_middle, to_loss)  # type: ignore[arg-type]
    np.testing.assert_allclose(found[0], [32, 108])
    np.testing.assert_allclose(found[1], [8, 18])
    assert found[2] == 1


def test_other_handles_of_a_tensor_are_the_same_tensor() -> None:
    x = constant([1.0, 2.0])
    (slope,) = gradients((x * 3).sum(), [x.node.outputs[0]])
    assert slope is not None


@pytest.mark.parametrize(
    "order, expected", [(1, 4 * 27.0), (2, 12 * 9.0), (3, 24 * 3.0), (4, 24.0)]
)
def test_higher_orders_of_a_polynomial(order: int, expected: float) -> None:
    with float_type("float64"):
        x = constant(3.0)
        y: Tensor | None = x * x * x * x + 2 * x
        for _ in range(order):
            assert y is not None
            (y,) = gradients(y, [x])
    assert y is not None
    assert evaluate(y)[0] - (2 if order == 1 else 0) == pytest.approx(expected, rel=1e-14)


def test_third_order_against_torch() -> None:
    def ours(x: Any) -> Any:
        return ((x.tanh() * x).sigmoid() * x.exp()).sum()

    at = np.array([0.3, -1.2, 2.0])
    with float_type("float64"):
        x = constant(at)
        mine = ours(x)
        for _ in range(3):
            (slope,) = gradients(mine, [x])
            assert slope is not None
            mine = (slope * [1.0, 2.0, 3.0]).sum()
    y = torch.tensor(at, requires_grad=True)
    theirs = ours(y)
    for _ in range(3):
        (grad,) = torch.autograd.grad(theirs, [y], create_graph=True)
        theirs = (grad * torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)).sum()
    assert evaluate(mine)[0] == pytest.approx(theirs.item(), rel=1e-12)


def test_a_network_against_torch() -> None:
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(5, 4)), np.array([0, 2, 1, 1, 0])
    weights = [rng.normal(size=s) for s in ((4, 6), (6,), (6, 3), (3,))]
    with float_type("float64"):
        ours = [Variable(w) for w in weights]
        hidden = (constant(x) @ ours[0] + ours[1]).relu()
        log_p = (hidden @ ours[2] + ours[3]).log_softmax()
        loss = -(log_p * constant(np.eye(3)[labels])).sum() / 5
    theirs = [torch.tensor(w, requires_grad=True) for w in weights]
    hidden_t = torch.relu(torch.tensor(x) @ theirs[0] + theirs[1])
    loss_t = torch.nn.functional.cross_entropy(
        hidden_t @ theirs[2] + theirs[3], torch.tensor(labels)
    )
    loss_t.backward()
    values = evaluate(loss, *gradients(loss, ours))  # type: ignore[arg-type]
    assert values[0] == pytest.approx(loss_t.item(), rel=1e-12)
    for slope, their in zip(values[1:], theirs, strict=True):
        np.testing.assert_allclose(slope, their.grad, rtol=1e-10, atol=1e-14)


def test_float32_stays_float32() -> None:
    v = Variable([1.0, 2.0])
    (slope,) = gradients((v * 2.0 / 3).mean(), [v])
    assert slope is not None
    assert slope.dtype == np.float32


def test_several_outputs_with_gradients_of_their_own() -> None:
    x = constant([1.0, 2.0])
    y, z = x * 3, x * x
    (slope,) = differentiate([y, z], [constant([1.0, 10.0]), constant([1.0, 1.0])], [x])
    assert slope is not None
    np.testing.assert_array_equal(evaluate(slope)[0], [5, 34])
    (slope,) = differentiate([y, z], [None, constant([1.0, 1.0])], [x])
    assert slope is not None
    np.testing.assert_array_equal(evaluate(slope)[0], [2, 4])
    assert differentiate([y, z], [None, None], [x]) == [None]


def test_only_what_is_needed_is_built() -> None:
    """A rule runs only on the way to what is asked for."""
    x, y = constant([1.0]), constant([2.0])
    record: list[Step] = []
    gradients((x * 2 + y.exp()).sum(), [x], record=record)
    assert [step.node.operation.name for step in record] == ["Sum", "Add", "Multiply"]


def test_a_gradient_belongs_to_the_layer_that_it_passes() -> None:
    x = constant([1.0])
    with scope("dense"):
        y = x * x
    (slope,) = gradients(y.sum(), [x])
    assert slope is not None
    assert {node.scope for node in walk([slope])} == {"dense backward", "backward", ""}
    assert (x * 2).node.scope == ""


# ---- the record


def test_the_record_tells_each_step() -> None:
    x, y = constant([1.0, 2.0]), constant([3.0, 4.0])
    product = x * y
    loss = product.sum()
    record: list[Step] = []
    to_x, to_y = gradients(loss, [x, y], record=record)
    total, multiply = record
    assert total.node is loss.node
    assert evaluate(total.incoming[0])[0] == 1  # type: ignore[arg-type]
    assert multiply.node is product.node
    assert multiply.incoming == total.outgoing
    assert multiply.outgoing[0] is to_x
    assert multiply.outgoing[1] is to_y


def test_recording_changes_nothing() -> None:
    x = constant([1.0, 2.0])
    loss = (x.exp() * x).sum()
    plain, recorded = gradients(loss, [x]), gradients(loss, [x], record=[])
    np.testing.assert_array_equal(*evaluate(plain[0], recorded[0]))  # type: ignore[arg-type]


# ---- errors


@dataclass(frozen=True)
class Faulty(Primitive):
    """The identity, with a chain rule that is planted."""

    rule: Callable[[Any], Any]

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        return inputs[0]

    def forward(self, xp: Any, *arrays: Any) -> Any:
        return arrays[0]

    def chain_rule(self, gradients: Any, outputs: Any, inputs: Any) -> Any:
        return self.rule(gradients[0])


class Ruleless(Faulty):
    chain_rule = Primitive.chain_rule


@pytest.mark.parametrize(
    "rule, message",
    [
        (lambda g: (), "one gradient, or None, for each of 1 inputs. It gave 0"),
        (lambda g: (g, g), "It gave 2"),
        (lambda g: (g.T,), r"shape \(3, 2\) for an input of shape \(2, 3\)"),
        (lambda g: (g.reshape(6),), r"\(6,\)"),
        (lambda g: (g.reshape(6, 1),), r"\(6, 1\)"),
        (lambda g: (g[0:1, 0:2],), r"\(1, 2\)"),
        (lambda g: (g.cast("float64"),), "dtype float64 for an input of dtype float32"),
    ],
)
def test_a_faulty_rule_is_named(rule: Any, message: str) -> None:
    x = placeholder((2, 3))
    with pytest.raises(GradientError, match=f"Faulty .*{message}"):
        gradients(Faulty(rule)(x).sum(), [x])


@pytest.mark.parametrize(
    "rule",
    [
        lambda g: (g.sum(),),
        lambda g: (g.sum(axis=0),),
        lambda g: (g.sum(axis=0, keepdims=True),),
        lambda g: (g.sum(axis=1, keepdims=True),),
    ],
)
def test_a_gradient_that_is_the_same_everywhere_may_be_smaller(rule: Any) -> None:
    x = constant(np.ones((2, 3)))
    (slope,) = gradients(Faulty(rule)(x).sum(), [x])
    assert slope is not None
    assert slope.shape == (2, 3)
    assert evaluate(slope)[0].shape == (2, 3)


def test_an_operation_without_a_rule_says_so() -> None:
    x = placeholder((2,))
    with pytest.raises(GradientError, match="Ruleless has no chain rule"):
        gradients(Ruleless(lambda g: g)(x).sum(), [x])


def test_only_a_scalar_has_a_gradient() -> None:
    x = placeholder((2,))
    with pytest.raises(ShapeError, match=r"shape \(2,\); take its sum or mean"):
        gradients(x * 2, [x])


@pytest.mark.parametrize("dtype", ["int32", "bool"])
def test_only_a_float_has_a_gradient(dtype: str) -> None:
    x = placeholder((), dtype)
    with pytest.raises(DtypeError, match=dtype):
        gradients(x, [x])


def test_a_given_gradient_has_its_outputs_shape() -> None:
    x = placeholder((2,))
    with pytest.raises(ShapeError, match=r"\(3,\) for an output of shape \(2,\)"):
        differentiate([x * 2], [placeholder((3,))], [x])


def test_each_output_has_a_gradient_or_none() -> None:
    x = placeholder((2,))
    with pytest.raises(ValueError, match="zip"):
        differentiate([x * 2], [], [x])


# ---- choices


def test_a_choice_keeps_infinities_out_of_the_other_branch() -> None:
    slope = slope_of(lambda x: where(x > 0, x * 2, 0.0).sum(), [-1.0, 2.0])
    np.testing.assert_array_equal(slope, [0, 2])


def test_ties_share() -> None:
    np.testing.assert_array_equal(slope_of(lambda x: maximum(x, 1.0).sum(), [1.0, 2.0]), [0.5, 1])


def test_the_unused_output_of_a_loop_costs_nothing() -> None:
    x = constant([1.0, 2.0])
    (last,), _ = scan(lambda c, e, k: ((c[0] + e[0],), (e[0].exp(),)), [0.0], [x])
    (slope,) = gradients(last, [x])
    assert slope is not None
    np.testing.assert_array_equal(evaluate(slope)[0], [1, 1])
