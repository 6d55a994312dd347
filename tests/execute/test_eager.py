"""Tensors outside a program, in PyTorch's manner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from glassgrad.errors import DtypeError, GradientError, ShapeError
from glassgrad.graph import Primitive, Tensor, TensorSpec, Variable, float_type

COUNTED: list[str] = []


class Counted(Primitive):
    """The identity, which tells that it was evaluated."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        return inputs[0]

    def forward(self, xp: Any, x: Any) -> Any:
        COUNTED.append("once")
        return x

    def chain_rule(self, gradients: Any, outputs: Any, inputs: Any) -> Any:
        return gradients


@pytest.fixture(autouse=True)
def _fresh_count() -> None:
    COUNTED.clear()


# ---- values


def test_nothing_is_evaluated_before_somebody_looks() -> None:
    y = Counted()(Tensor([1.0, 2.0])) * 2
    assert COUNTED == []
    np.testing.assert_array_equal(y.numpy(), [2, 4])
    assert COUNTED == ["once"]


def test_a_value_is_evaluated_once() -> None:
    x = Counted()(Tensor([1.0, 2.0]))
    x.numpy()
    x.numpy()
    (x * 2).numpy()
    y = x + 1
    y.numpy()
    y.sum().item()
    assert COUNTED == ["once"]


def test_a_growing_expression_is_not_evaluated_from_its_beginning() -> None:
    y = Counted()(Tensor([1.0]))
    for _ in range(5):
        y = y + 1
        y.numpy()
    assert COUNTED == ["once"]
    assert y.item() == 6


def test_numpy_gives_a_copy() -> None:
    x = Tensor([1.0, 2.0])
    y = x * 2
    x.numpy()[:] = 9
    y.numpy()[:] = 9
    np.asarray(y)[:] = 9
    np.testing.assert_array_equal(x.numpy(), [1, 2])
    np.testing.assert_array_equal(y.numpy(), [2, 4])


def test_a_value_that_was_seen_stays() -> None:
    """Also where the operation gives a view of the variable's memory."""
    v = Variable([1.0, 2.0])
    computed, moved, read = v * 1, v.reshape(2, 1), v.tensor
    for tensor in (computed, moved):
        tensor.numpy()
    v.assign([3.0, 4.0])
    np.testing.assert_array_equal(computed.numpy(), [1, 2])
    np.testing.assert_array_equal(moved.numpy(), [[1], [2]])
    np.testing.assert_array_equal(read.numpy(), [3, 4])  # a variable is read when somebody looks
    np.testing.assert_array_equal((v * 1).numpy(), [3, 4])


def test_python_sees_numbers() -> None:
    x = Tensor([[3.0]])
    assert x.item() == 3.0
    assert isinstance(x.item(), float)
    assert isinstance(Tensor(3).item(), int)
    assert float(x * 2) == 6
    assert bool(x > 2)
    assert not x.sum() > 5
    assert len(x) == 1
    np.testing.assert_array_equal(np.asarray(x, np.float64), np.array([[3.0]]), strict=True)
    with pytest.raises(ShapeError, match="no length"):
        len(Tensor(1.0))


def test_only_a_single_element_is_a_number() -> None:
    for look in (bool, float, Tensor.item):
        with pytest.raises(ShapeError, match=r"single element .* Got shape \(2,\)"):
            look(Tensor([1.0, 2.0]))


def test_a_tensor_of_a_tensor() -> None:
    x = Tensor([1.0, 2.0])
    copy = Tensor(x * 2)
    np.testing.assert_array_equal(copy.numpy(), [2, 4])
    assert copy.node.inputs == ()


# ---- operators

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
ARRAY = np.array([[1.0, 2.0], [3.0, 0.5]], np.float32)
OTHERS = [
    np.array([[1.0, 4.0], [0.5, 2.0]], np.float32),
    np.array([3.0, 2.0], np.float32),
    np.float32(2),
    np.float64(2),
    np.array(2.0),
    np.array([1, 2]),
    np.int64(2),
    2.0,
    2,
    True,
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda o: f"{type(o).__name__}{np.shape(o)}")
@pytest.mark.parametrize("operator", OPERATORS)
def test_a_tensor_on_either_side(operator: str, other: Any) -> None:
    function, x = OPERATORS[operator], Tensor(ARRAY)
    for ours, theirs in (
        (function(x, other), function(ARRAY, np.float32(other))),
        (function(other, x), function(np.float32(other), ARRAY)),
        (function(Variable(ARRAY), other), function(ARRAY, np.float32(other)))
        if operator not in ("==", "!=")  # a variable is compared by identity
        else (x * 1, ARRAY),
    ):
        assert isinstance(ours, Tensor)
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-6)
        assert ours.dtype == np.asarray(theirs).dtype


def test_matrix_products_on_either_side() -> None:
    x = Tensor(ARRAY)
    for ours, theirs in ((x @ ARRAY, ARRAY @ ARRAY), (ARRAY @ x, ARRAY @ ARRAY)):
        assert isinstance(ours, Tensor)
        np.testing.assert_allclose(ours.numpy(), theirs)


@pytest.mark.parametrize(
    "method",
    [
        lambda x: -x,
        abs,
        lambda x: x[0],
        lambda x: x[-1, 1:],
        lambda x: x[:, 0:1],
        lambda x: x[5:],
        lambda x: x.T,
        lambda x: x.transpose(1, 0),
        lambda x: x.reshape(4),
        lambda x: x.reshape((1, -1)),
        lambda x: x.sum(),
        lambda x: x.sum(axis=-1),
        lambda x: x.mean(axis=(0, 1), keepdims=True),
        lambda x: x.max(axis=0),
        lambda x: x.argmax(axis=1),
        lambda x: x.clip(0.7, 2.5),
    ],
)
def test_methods_mean_what_they_mean_in_numpy(method: Callable[[Any], Any]) -> None:
    theirs = method(ARRAY)
    for x in (Tensor(ARRAY), Variable(ARRAY)):
        np.testing.assert_allclose(method(x).numpy(), theirs)


# ---- backward


def test_backward_leaves_the_gradient_in_the_leaves() -> None:
    x, fixed = Tensor([[1.0, 2.0]], requires_grad=True), Tensor([[3.0, 4.0]])
    (x * fixed).sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), [[3, 4]])
    assert fixed.grad is None


def test_gradients_accumulate_until_they_are_cleared() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    for count in (1, 2, 3):
        (x * x).sum().backward()
        assert x.grad is not None
        np.testing.assert_array_equal(x.grad.numpy(), count * np.array([2, 4]))
    x.grad = None
    x.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1, 1])


def test_several_paths_and_leaves_against_torch() -> None:
    values = np.array([0.5, -1.0]), np.array([[2.0], [3.0]])
    with float_type("float64"):
        ours = [Tensor(value, requires_grad=True) for value in values]
        ((ours[0] * ours[1]).tanh() + ours[0].exp() / ours[1]).sum().backward()
    theirs = [torch.tensor(value, requires_grad=True) for value in values]
    ((theirs[0] * theirs[1]).tanh() + theirs[0].exp() / theirs[1]).sum().backward()
    for our, their in zip(ours, theirs, strict=True):
        assert our.grad is not None
        assert our.grad.dtype == np.float64
        np.testing.assert_allclose(our.grad.numpy(), their.grad, rtol=1e-12)


def test_trainable_variables_are_leaves() -> None:
    w, frozen = Variable([1.0, 2.0]), Variable([3.0, 4.0], trainable=False)
    (w * frozen).sum().backward()
    assert w.grad is not None
    np.testing.assert_array_equal(w.grad.numpy(), [3, 4])
    assert frozen.grad is None


def test_a_leaf_is_its_own_loss() -> None:
    x, w = Tensor(2.0, requires_grad=True), Variable(3.0)
    x.backward()
    w.tensor.backward()
    assert x.grad is not None
    assert w.grad is not None
    assert x.grad.item() == w.grad.item() == 1


def test_a_leaf_that_is_not_reached_keeps_none() -> None:
    x, y = Tensor([1.0], requires_grad=True), Tensor([1.0], requires_grad=True)
    (x * 2 + y.detach()).sum().backward()
    assert x.grad is not None
    assert y.grad is None


def test_backward_evaluates_forward_once() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    loss = Counted()(x * 2).sum()
    loss.backward()
    assert COUNTED == ["once"]
    assert loss.item() == 6
    assert COUNTED == ["once"]


def test_a_training_loop_by_hand() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 2))
    target = x @ [[2.0], [-1.0]] + 0.5
    w, b = Variable(np.zeros((2, 1))), Variable([0.0])
    for _ in range(100):
        loss = (x @ w + b - target).square().mean()
        loss.backward()
        for v in (w, b):
            v.assign(v - 0.2 * v.grad)
            v.grad = None
    np.testing.assert_allclose(w.numpy(), [[2], [-1]], atol=1e-4)
    np.testing.assert_allclose(b.numpy(), [0.5], atol=1e-4)


@pytest.mark.parametrize("shape", [(2,), (1,)])
def test_only_a_scalar_goes_backward(shape: tuple[int, ...]) -> None:
    x = Tensor(np.ones(shape), requires_grad=True)
    with pytest.raises(ShapeError, match="take its sum or mean"):
        (x * 2).backward()


def test_backward_needs_a_leaf() -> None:
    with pytest.raises(GradientError, match="requires_grad=True"):
        (Tensor([1.0]) * 2).sum().backward()


@pytest.mark.parametrize("data", [[1, 2], True])
def test_only_floats_can_want_a_gradient(data: Any) -> None:
    with pytest.raises(DtypeError, match="Only floats"):
        Tensor(data, requires_grad=True)
