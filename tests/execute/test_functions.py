"""Compiled Python functions, and gradients of functions."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

import glassgrad
from glassgrad import (
    Tensor,
    Variable,
    function,
    grad,
    gradients,
    hessian,
    hessian_vector_product,
    jacobian,
    ops,
    value_and_grad,
)
from glassgrad.errors import ArgumentError, DtypeError, GradientError, GraphError, ShapeError
from glassgrad.execute.cpu.program import CpuExecutor
from glassgrad.execute.executor import PROGRAMS
from glassgrad.execute.reference import ReferenceExecutor, ReferenceProgram
from glassgrad.graph import walk
from glassgrad.graph.trace import Trace, current_trace, tracing
from glassgrad.layers import Dense, Dropout, Input
from glassgrad.losses import MeanSquaredError
from glassgrad.models import Sequential
from glassgrad.ops.indexing import take
from glassgrad.ops.scan import Scan
from glassgrad.optimizers import SGD, Adam
from glassgrad.random_seed import new_random_state, seeded

Point = namedtuple("Point", "x y")


@pytest.fixture(autouse=True)
def _reference_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassgrad.execute.executor._chosen", ["reference"])


def counted(body: Callable[..., Any]) -> tuple[Callable[..., Any], list[Any]]:
    """A function that notes with which arguments it was called by Python."""
    calls: list[Any] = []

    def noting(*arguments: Any) -> Any:
        calls.append(arguments)
        return body(*arguments)

    return noting, calls


# ---- tracing


def test_a_function_is_traced_once_for_each_shape() -> None:
    body, calls = counted(lambda x: x * 2.0)
    double = function(body)
    for value in ([1.0], [2.0], [[1.0]], [3.0], [[5.0]], [1.0, 2.0], 4.0, 5.0):
        np.testing.assert_array_equal(double(value).numpy(), 2 * np.array(value, "float32"))
    assert [call[0].shape for call in calls] == [(1,), (1, 1), (2,), ()]


def test_dtypes_are_told_apart() -> None:
    body, calls = counted(lambda x: x + x)
    double = function(body)
    for value in ([1], [1.0], [True], [2], np.ones(1, "float64")):
        double(value)
    assert [str(call[0].dtype) for call in calls] == ["int32", "float32", "bool"]


def test_the_number_of_programs_is_bounded() -> None:
    body, calls = counted(lambda x: x + 1.0)
    step = function(body)
    for length in (*range(PROGRAMS + 1), PROGRAMS, 0):
        step(np.ones(length, "float32"))
    assert len(calls) == PROGRAMS + 2


def test_each_executor_has_its_own_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    body, calls = counted(lambda x: x + 1.0)
    step = function(body)
    made: list[str] = []

    class Noting(ReferenceExecutor):
        def __init__(self, name: str) -> None:
            self.name = name

        def compile(
            self,
            outputs: Sequence[Tensor],
            inputs: Sequence[Tensor] = (),
            updates: Mapping[Variable, Tensor] | None = None,
        ) -> ReferenceProgram:
            made.append(self.name)
            return super().compile(outputs, inputs, updates)

    executors = {"a": Noting("a"), "b": Noting("b")}
    for name in ("a", "b", "a", "b"):
        monkeypatch.setattr(
            "glassgrad.execute.functions.executor_named", lambda _, name=name: executors[name]
        )
        step([1.0])
    assert made == ["a", "b"]
    assert len(calls) == 2


def test_inside_another_trace_it_is_part_of_that_one() -> None:
    body, calls = counted(lambda x: x * 3.0)
    inner = function(body)
    outer = function(lambda x: inner(x) + inner(x * 2.0))
    assert outer(1.0).item() == 9.0
    assert outer(2.0).item() == 18.0
    assert len(calls) == 2


def test_the_decorator_in_both_forms() -> None:
    @function
    def plain(x: Tensor) -> Tensor:
        """What it does."""
        return x + 1.0

    @function(executor="reference", training=True)
    def with_arguments(x: Tensor) -> Tensor:
        return x + 2.0

    assert plain(1.0).item() == 2.0
    assert with_arguments(1.0).item() == 3.0
    assert plain.__name__ == "plain"
    assert plain.__doc__ == "What it does."


def test_a_method() -> None:
    class Scale:
        def __init__(self, factor: float) -> None:
            self.factor = factor
            self.traces = 0

        @function
        def apply(self, x: Tensor) -> Tensor:
            self.traces += 1
            return x * self.factor

    two, three = Scale(2.0), Scale(3.0)
    assert [two.apply(1.0).item(), three.apply(1.0).item(), two.apply(5.0).item()] == [2, 3, 10]
    assert (two.traces, three.traces) == (1, 1)


def test_arguments_may_be_tensors_variables_arrays_or_numbers() -> None:
    add = function(lambda x, y: x + y)
    w = Variable([2.0])
    for value in (Tensor([1.0]), np.array([1.0]), [1.0], Tensor([0.5]) * 2.0):
        assert add(value, w).numpy().tolist() == [3.0]


@pytest.mark.parametrize("value", ["text", None, object(), [[1.0], [1.0, 2.0]], 1j])
def test_other_arguments_are_refused(value: Any) -> None:
    with pytest.raises(DtypeError, match="numbers"):
        function(lambda x: x)(value)


# ---- results


@pytest.mark.parametrize(
    "build, expected",
    [
        (lambda x: x, 1.0),
        (lambda x: (x, x + 1.0), (1.0, 2.0)),
        (lambda x: [x, [x + 1.0, (x,)]], [1.0, [2.0, (1.0,)]]),
        (lambda x: {"a": x, "b": {"c": [x * 2.0]}}, {"a": 1.0, "b": {"c": [2.0]}}),
        (lambda x: Point(x, y=x + 4.0), Point(1.0, 5.0)),
        (lambda x: (x, None), (1.0, None)),
        (lambda x: None, None),
        (lambda x: (), ()),
    ],
)
def test_nested_results(build: Callable[..., Any], expected: Any) -> None:
    def plain(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.item()
        if isinstance(value, dict):
            return {key: plain(entry) for key, entry in value.items()}
        if isinstance(value, Point):
            return Point(*map(plain, value))
        if isinstance(value, list | tuple):
            return type(value)(map(plain, value))
        return value

    step = function(build)
    for _ in range(2):
        result = plain(step(1.0))
        assert result == expected
        assert type(result) is type(expected)


@pytest.mark.parametrize("value", [1.0, True, "text", {1, 2}, np.ones(2), object()])
def test_other_results_are_refused(value: Any) -> None:
    with pytest.raises(ArgumentError, match=f"returns tensors, .* Got {type(value).__name__}"):
        function(lambda x: (x, value))(1.0)


def test_results_are_values_of_their_own() -> None:
    step = function(lambda x: x + 0.0)
    first = step([1.0])
    step([2.0])
    assert first.numpy().tolist() == [1.0]


# ---- state


def test_assignments_are_updates() -> None:
    w = Variable(1.0)

    @function
    def step(x: Tensor) -> tuple[Tensor, Variable]:
        before = w + 0.0
        w.assign(w + x)
        return before, w

    for before in (1.0, 3.0, 5.0):
        old, new = step(2.0)
        assert (old.item(), new.item()) == (before, before + 2.0)
        assert w.numpy() == before + 2.0


def test_an_error_while_tracing_changes_nothing() -> None:
    w = Variable(1.0)

    @function
    def step(x: Tensor) -> Tensor:
        w.assign(w + x)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        step(1.0)
    assert w.numpy() == 1.0


def line() -> Sequential:
    with seeded(4):
        return Sequential([Input((3,)), Dense(4, "tanh"), Dropout(0.5), Dense(1)])


X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def own_loop(model: Sequential, optimizer: Any, compile_it: Any) -> Callable[..., Any]:
    loss = MeanSquaredError()

    def step(x: Any, y: Any) -> Tensor:
        objective = loss(y, model(x))
        slopes = gradients(objective, model.trainable_variables)
        if current_trace() is None:
            objective.numpy()  # a lazy tensor reads the variables when somebody looks
        optimizer.apply(slopes, model.trainable_variables)
        return objective

    return compile_it(step)  # type: ignore[no-any-return]


@pytest.mark.parametrize("optimizer", [lambda: SGD(0.1, momentum=0.5), lambda: Adam(0.1)])
@pytest.mark.parametrize("name", ["reference", "cpu"])
def test_an_own_loop_is_eager_and_is_fit(optimizer: Any, name: str) -> None:
    executor = ReferenceExecutor() if name == "reference" else CpuExecutor(threads=1)
    compiled, eager, fitted = line(), line(), line()
    step = own_loop(compiled, optimizer(), function(executor=executor))
    slow = own_loop(eager, optimizer(), lambda body: body)
    losses = [step(X, Y).item() for _ in range(4)]
    np.testing.assert_allclose(losses, [slow(X, Y).item() for _ in range(4)], rtol=1e-5)
    for layer in fitted.layers:
        if isinstance(layer, Dropout):
            layer.rate = 0.0  # outside training nothing was dropped above
    fitted.compile(optimizer(), "mse", executor=executor)
    history = fitted.fit(X, Y, 8, 4, verbose=0, shuffle=False)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-6)
    for model in (eager, fitted):
        for one, other in zip(compiled.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6)


def test_an_own_loop_with_the_models_masks_is_fit_to_the_last_bit() -> None:
    own, fitted = line(), line()
    step = own_loop(own, Adam(0.1), function(training=True, random=own.random))
    for _ in range(4):
        step(X, Y)
    fitted.compile(Adam(0.1), "mse")
    fitted.fit(X, Y, 8, 4, verbose=0, shuffle=False)
    assert own.random.step.numpy() == fitted.random.step.numpy() == 4
    for one, other in zip(own.get_weights(), fitted.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_masks_differ_from_call_to_call_and_the_seed_decides_them() -> None:
    def masks() -> list[list[float]]:
        layer = Dropout(0.5)
        with seeded(7):
            drop = function(lambda x: layer(x), training=True)
            return [drop(np.ones(16)).numpy().tolist() for _ in range(3)]

    first = masks()
    assert first == masks()
    assert len({str(mask) for mask in first}) == 3


def test_outside_training_nothing_is_dropped() -> None:
    layer = Dropout(0.5)
    assert function(lambda x: layer(x))(np.ones(16)).numpy().tolist() == [1.0] * 16


def test_what_draws_nothing_has_no_step() -> None:
    random = new_random_state(1)
    function(lambda x: x + 1.0, training=True, random=random)(1.0)
    assert random.step.numpy() == 0


# ---- gradients of functions


def test_gradients() -> None:
    assert grad(lambda x: x * x)(3.0).item() == 6.0
    assert grad(lambda x, y: x * y, 1)(3.0, 4.0).item() == 3.0
    assert [g.item() for g in grad(lambda x, y: x * y, (0, 1))(3.0, 4.0)] == [4.0, 3.0]
    assert [g.item() for g in grad(lambda x, y: x * y, [1])(3.0, 4.0)] == [3.0]
    assert grad(lambda x, y: x * x * y, -2)(3.0, 4.0).item() == 24.0
    assert grad(lambda x: (x * x).sum())([1.0, 2.0]).numpy().tolist() == [2.0, 4.0]
    assert grad(lambda x: x.sum())(np.ones((2, 3))).shape == (2, 3)


def test_value_and_gradient() -> None:
    value, (a, b) = value_and_grad(lambda x, y: x * y * y, (0, 1))(2.0, 3.0)
    assert (value.item(), a.item(), b.item()) == (18.0, 9.0, 12.0)


def test_an_argument_given_twice_is_two_arguments() -> None:
    x = Tensor(3.0)
    first, second = grad(lambda a, b: a * a * b, (0, 1))(x, x)
    assert (first.item(), second.item()) == (18.0, 9.0)
    x = Tensor([1.0, 3.0])
    first, second = grad(lambda a, b: (a * a * b).sum(), (0, 1))(x, x)
    assert (first.numpy().tolist(), second.numpy().tolist()) == ([2.0, 18.0], [1.0, 9.0])


def test_arguments_by_keyword_are_handed_on() -> None:
    assert grad(lambda x, power=1: x**power)(2.0, power=3).item() == 12.0


def test_integers_among_the_other_arguments() -> None:
    pick = grad(lambda x, rows: take(x, rows).sum())
    assert pick([1.0, 2.0, 3.0], [0, 0, 2]).numpy().tolist() == [2.0, 0.0, 1.0]


def test_nested_gradients() -> None:
    def cube(x: Any) -> Any:
        return x * x * x

    assert grad(grad(cube))(2.0).item() == 12.0
    assert grad(grad(grad(cube)))(2.0).item() == 6.0
    # d/dx of x · d/dy (x y) at y = 1, with the inner gradient inside the outer function.
    assert grad(lambda x: x * grad(lambda y: x * y)(1.0))(3.0).item() == 6.0
    mixed = grad(lambda x, y: grad(lambda a, b: a * a * b * b)(x, y), 1)
    assert mixed(2.0, 3.0).item() == 24.0


def test_gradients_inside_a_compiled_function() -> None:
    body, calls = counted(lambda x: (x * x * x).sum())
    slope = function(grad(body))
    for value in ([1.0, 2.0], [3.0, 4.0]):
        np.testing.assert_allclose(slope(value).numpy(), 3 * np.square(value))
    assert len(calls) == 1


def test_the_gradient_of_a_compiled_function() -> None:
    # Outside a trace a compiled function gives values, which have no history.
    squared = function(lambda x: x * x)
    with pytest.raises(GradientError, match="does not depend on argument 0"):
        grad(squared)(3.0)
    with tracing(Trace()):
        assert grad(squared)(3.0).item() == 6.0


def test_variables_are_constants_to_the_gradient_of_an_argument() -> None:
    w = Variable(5.0)
    assert grad(lambda x: x * w)(1.0).item() == 5.0


@pytest.mark.parametrize(
    "body, argnums, arguments, error, message",
    [
        (lambda x: x * 2.0, 0, ([1.0, 2.0],), ShapeError, "Only a scalar has a gradient"),
        (lambda x: 3.0, 0, (1.0,), ArgumentError, "gives a tensor. Got float"),
        (lambda x: (x, x), 0, (1.0,), ArgumentError, "gives a tensor. Got tuple"),
        (lambda x: None, 0, (1.0,), ArgumentError, "Got NoneType"),
        (lambda x, y: x, 1, (1.0, 2.0), GradientError, "does not depend on argument 1"),
        (lambda x: x, 1, (1.0,), ArgumentError, "by position, and there are 1. Got 1"),
        (lambda x: x, -2, (1.0,), ArgumentError, "Got -2"),
        (lambda x: x, 0, (), ArgumentError, "there are 0. Got 0"),
        (lambda x: x.sum(), 0, ([1, 2],), DtypeError, "Got int32 as argument 0; write the numb"),
        (lambda x: x.sum(), 0, (np.array([1, 2]),), DtypeError, "Got int32"),
        (lambda x: x, 0, ("text",), DtypeError, "numbers"),
    ],
)
def test_errors_of_gradients(
    body: Any, argnums: Any, arguments: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        grad(body, argnums)(*arguments)


@pytest.mark.parametrize("argnums", [(), True, "x", ("x",), (0.5,), [0, None]])
def test_argnums_are_positions(argnums: Any) -> None:
    with pytest.raises(ArgumentError, match="argnums must be a position or several"):
        grad(lambda x: x, argnums)


def test_names_and_documentation_are_kept() -> None:
    def energy(x: Tensor) -> Tensor:
        """One half of the square."""
        return x * x * 0.5

    assert (grad(energy).__name__, grad(energy).__doc__) == ("energy", "One half of the square.")


def test_the_function_is_public() -> None:
    assert glassgrad.function is function
    with pytest.raises(GraphError, match="has no random state"), tracing(Trace(training=True)):
        Dropout(0.5)([1.0])


# ---- second derivatives


def small_network(x: Any, w: Any, v: Any) -> Any:
    return ((x @ w).tanh() @ v).sigmoid()


def small_network_by_torch(x: Any, w: Any, v: Any) -> Any:
    return torch.sigmoid(torch.tanh(x @ w) @ v)


def network_arrays() -> list[np.ndarray]:
    rng = np.random.default_rng(7)
    return [rng.normal(size=shape) for shape in ((2, 3), (3, 4), (4, 2))]


def doubles(arrays: Sequence[Any]) -> list[Tensor]:
    return [Tensor(array, dtype="float64") for array in arrays]


def torches(arrays: Sequence[Any]) -> tuple[torch.Tensor, ...]:
    return tuple(torch.tensor(array) for array in arrays)


@pytest.mark.parametrize("executor", ["reference", "cpu"])
def test_a_jacobian_agrees_with_pytorch(executor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassgrad.execute.executor._chosen", [executor])
    arrays = network_arrays()
    expected = torch.autograd.functional.jacobian(small_network_by_torch, torches(arrays))
    found = jacobian(small_network, (0, 1, -1))(*doubles(arrays))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10, atol=1e-12)


def test_a_hessian_agrees_with_pytorch() -> None:
    arrays = network_arrays()
    expected = torch.autograd.functional.hessian(
        lambda *xs: small_network_by_torch(*xs).square().sum(), torches(arrays)
    )
    found = hessian(lambda *xs: (small_network(*xs) ** 2).sum(), (0, 1, 2))(*doubles(arrays))
    for our_row, their_row in zip(found, expected, strict=True):
        for ours, theirs in zip(our_row, their_row, strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10, atol=1e-12)


def test_a_hessian_vector_product_agrees_with_pytorch() -> None:
    arrays = network_arrays()
    vectors = [np.random.default_rng(8).normal(size=array.shape) for array in arrays]
    _, expected = torch.autograd.functional.hvp(
        lambda *xs: small_network_by_torch(*xs).square().sum(), torches(arrays), torches(vectors)
    )
    product = hessian_vector_product(lambda *xs: (small_network(*xs) ** 2).sum(), (0, 1, 2))
    for ours, theirs in zip(product(doubles(vectors), *doubles(arrays)), expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10, atol=1e-12)


def test_a_hessian_vector_product_agrees_with_differences() -> None:
    def bowl(x: Any) -> Any:
        return (x.exp() * x).sum() * x[0]

    x, v, step = np.array([0.3, -0.7, 1.1]), np.array([1.0, 2.0, -1.0]), 1e-5
    slope = grad(bowl)
    ahead, behind = (slope(*doubles([x + sign * step * v])).numpy() for sign in (1, -1))
    found = hessian_vector_product(bowl)(*doubles([v, x]))
    np.testing.assert_allclose(found.numpy(), (ahead - behind) / (2 * step), rtol=1e-8)


MATRIX = np.array([[2.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.0, -1.0, 4.0]], "float32")


def test_of_a_quadratic_form_the_matrix_comes_out() -> None:
    def form(x: Any) -> Any:
        return 0.5 * (x @ Tensor(MATRIX) @ x)

    x = [1.0, -2.0, 0.5]
    np.testing.assert_allclose(hessian(form)(x).numpy(), MATRIX)
    np.testing.assert_allclose(jacobian(grad(form))(x).numpy(), MATRIX)
    np.testing.assert_allclose(jacobian(lambda x: Tensor(MATRIX) @ x)(x).numpy(), MATRIX)
    product = hessian_vector_product(form)([1.0, 2.0, 3.0], x)
    np.testing.assert_allclose(product.numpy(), MATRIX @ [1.0, 2.0, 3.0])


def test_second_derivatives_of_what_is_linear_are_zero() -> None:
    x = [1.0, 2.0]
    np.testing.assert_array_equal(hessian(lambda x: (3 * x).sum())(x).numpy(), np.zeros((2, 2)))
    found = hessian_vector_product(lambda x: (3 * x).sum())([1.0, 1.0], x)
    np.testing.assert_array_equal(found.numpy(), np.zeros(2))


def test_only_a_part_of_the_blocks_may_be_zero() -> None:
    (xx, xy), (yx, yy) = hessian(lambda x, y: (x * x).sum() + y * x.sum(), (0, 1))([1.0, 2.0], 3.0)
    np.testing.assert_array_equal(xx.numpy(), [[2, 0], [0, 2]])
    np.testing.assert_array_equal(xy.numpy(), [1, 1])
    np.testing.assert_array_equal(yx.numpy(), [1, 1])
    assert yy.numpy() == 0


def test_a_jacobian_is_differentiated_again() -> None:
    third = jacobian(jacobian(lambda x: x * x * x))(Tensor([1.0, 2.0]))
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 0], expected[1, 1, 1] = 6, 12
    np.testing.assert_allclose(third.numpy(), expected)


def test_a_jacobian_is_compiled_like_anything_else() -> None:
    body, calls = counted(jacobian(ops.sin))
    compiled = function(body)
    for angle in (0.0, 1.0):
        found = compiled(np.array([angle, 2 * angle], "float32")).numpy()
        np.testing.assert_allclose(found, np.diag(np.cos([angle, 2 * angle])), rtol=1e-6)
    assert len(calls) == 1


def test_the_forward_pass_is_no_part_of_a_row() -> None:
    x = Tensor([0.1, 0.2, 0.3])
    slopes = jacobian(lambda x: x.tanh().exp())(x)
    (loop,) = [n for n in walk([slopes]) if isinstance(n.operation, Scan)]
    computed = {node.operation.name for node in loop.operation.body.nodes}
    assert not computed & {"Tanh", "Exp"}


@pytest.mark.parametrize("shape", [(), (0,), (2, 2)])
def test_a_jacobian_has_the_axes_of_result_and_argument(shape: tuple[int, ...]) -> None:
    ones = np.ones(shape, "float32")
    found = jacobian(lambda x: x * Tensor([1.0, 2.0]).reshape(2, *[1] * len(shape)))(ones)
    assert found.shape == (*np.broadcast_shapes((2, *[1] * len(shape)), shape), *shape)


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: jacobian(lambda x: x > 0)([1.0]), DtypeError, "bool"),
        (lambda: jacobian(lambda x: x)([1]), DtypeError, "decimal point"),
        (lambda: jacobian(lambda x, y: x, 1)([1.0], [1.0]), GradientError, "argument 1"),
        (lambda: jacobian(lambda x: 3.0)([1.0]), ArgumentError, "float"),
        (lambda: jacobian(lambda x: x, 1)([1.0]), ArgumentError, "Got 1"),
        (lambda: hessian(lambda x: x)([1.0, 2.0]), ShapeError, r"\(2,\)"),
        (lambda: hessian_vector_product(lambda x: x.sum())([1.0], [1.0, 2.0]), ShapeError,
         r"\(2,\). Got \(1,\)"),
        (lambda: hessian_vector_product(lambda x, y: (x * y).sum(), (0, 1))([1.0], [1.0], [2.0]),
         ArgumentError, "2 arguments .* Got 1"),
        (lambda: hessian_vector_product(lambda x: x.sum(), (0,))(Tensor([1.0]), [1.0]),
         ArgumentError, "Got 1"),
    ],
)  # fmt: skip
def test_what_has_no_second_derivative_is_refused(
    call: Callable[[], Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        call()
