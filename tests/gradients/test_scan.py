"""Scans and their gradients against PyTorch's loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Variable, constant, float_type, placeholder
from glassgrad.ops import scan
from tests.differences import check_gradients, placeholders, run

Step = Callable[[Any, Any, Any], tuple[Sequence[Any], Sequence[Any]]]


def loop(
    step: Step, carries: Any, sequences: Any, constants: Any, length: int, reverse: bool
) -> tuple[list[Any], list[Any]]:
    """What a scan means, as a plain loop over tensors of PyTorch."""
    results: list[Any] = []
    for place in range(length)[::-1] if reverse else range(length):
        carries, made = step(carries, [sequence[place] for sequence in sequences], constants)
        results.append(made)
    if reverse:
        results.reverse()
    return list(carries), [torch.stack(column) for column in zip(*results, strict=True)]


def recurrent(c: Any, e: Any, k: Any) -> Any:
    h = (c[0] @ k[0] + e[0]).tanh()
    return (h,), (h * 2,)


def gated(c: Any, e: Any, k: Any) -> Any:
    """Two carries and two results, the constant used twice, the second sequence alone."""
    gate = (c[0] @ k[0] + e[0]).sigmoid()
    state = gate * c[1] + (1 - gate) * e[1]
    return (state.tanh() @ k[0], state), (gate, state * c[0])


def without_state(c: Any, e: Any, k: Any) -> Any:
    return (), ((e[0] @ k[0]).tanh(),)


def without_results(c: Any, e: Any, k: Any) -> Any:
    return (c[0] * 0.5 + e[0],), ()


def autonomous(c: Any, e: Any, k: Any) -> Any:
    after = (c[0] @ k[0]).tanh()
    return (after,), (after * c[0],)


def passed_on(c: Any, e: Any, k: Any) -> Any:
    """A carry that is replaced, and one that is left alone."""
    return (e[0], c[1]), (c[0] + c[1],)


def independent(c: Any, e: Any, k: Any) -> Any:
    """A result that sees no state."""
    return (c[0] + e[0],), (e[0] * e[0],)


# step, numbers of carries, sequences and whether it uses the matrix
STEPS: dict[str, tuple[Step, int, int, int]] = {
    "recurrent": (recurrent, 1, 1, 1),
    "gated": (gated, 2, 2, 1),
    "without state": (without_state, 0, 1, 1),
    "without results": (without_results, 1, 1, 0),
    "without sequences": (autonomous, 1, 0, 1),
    "passed on": (passed_on, 2, 1, 0),
    "independent": (independent, 1, 1, 0),
}


def arrays_for(carries: int, sequences: int, constants: int, length: int) -> list[Any]:
    rng = np.random.default_rng(7)
    shapes = [(2, 3)] * carries + [(length, 2, 3)] * sequences + [(3, 3)] * constants
    return [rng.normal(size=shape) for shape in shapes]


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 4])
@pytest.mark.parametrize("name", STEPS)
def test_values_and_gradients_are_those_of_a_loop(name: str, length: int, reverse: bool) -> None:
    step, carries, sequences, constants = STEPS[name]
    arrays = arrays_for(carries, sequences, constants, length)
    end = carries + sequences

    ours = placeholders(arrays)
    last, stacked = scan(
        step, ours[:carries], ours[carries:end], ours[end:], length=length, reverse=reverse
    )
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    last_t, stacked_t = loop(
        step, theirs[:carries], theirs[carries:end], theirs[end:], length, reverse
    )
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=tuple(t.shape)) for t in (*last_t, *stacked_t)]
    loss = constant(0.0, "float64")
    loss_t = torch.tensor(0.0, dtype=torch.float64)
    for y, y_t, w in zip((*last, *stacked), (*last_t, *stacked_t), weights, strict=True):
        loss = loss + (y * constant(w, "float64")).sum()
        loss_t = loss_t + (y_t * torch.tensor(w)).sum()
    loss_t.backward()

    slopes = gradients(loss, ours)
    present = [slope for slope in slopes if slope is not None]
    values = run([loss, *last, *stacked, *present], ours, arrays)
    assert values[0] == pytest.approx(loss_t.item(), rel=1e-12)
    for value, their in zip(values[1:], (*last_t, *stacked_t), strict=False):
        np.testing.assert_allclose(value, their.detach(), rtol=1e-12)
    found = iter(values[1 + len(last) + len(stacked) :])
    for slope, their in zip(slopes, theirs, strict=True):
        if slope is None:
            assert their.grad is None or not their.grad.any()
        else:
            np.testing.assert_allclose(next(found), their.grad, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("name", STEPS)
def test_second_order(name: str, reverse: bool) -> None:
    step, carries, sequences, constants = STEPS[name]
    end = carries + sequences

    def build(*xs: Tensor) -> list[Tensor]:
        last, stacked = scan(
            step, xs[:carries], xs[carries:end], xs[end:], length=3, reverse=reverse
        )
        return [*last, *stacked]

    check_gradients(build, arrays_for(carries, sequences, constants, 3), order=2)


@pytest.mark.parametrize("name", STEPS)
def test_no_steps(name: str) -> None:
    """The carries come through, and with them their gradients."""
    step, carries, sequences, constants = STEPS[name]
    arrays = arrays_for(carries, sequences, constants, 0)
    end = carries + sequences

    def build(*xs: Tensor) -> list[Tensor]:
        last, stacked = scan(step, xs[:carries], xs[carries:end], xs[end:], length=0)
        return [*last, *stacked]

    inputs = placeholders(arrays)
    values = run(build(*inputs), inputs, arrays)
    for value, array in zip(values, arrays[:carries], strict=False):
        np.testing.assert_array_equal(value, array)
    assert all(value.shape == (0, 2, 3) for value in values[carries:])
    check_gradients(build, arrays)
    slopes = gradients(
        sum(((y * 3).sum() for y in build(*inputs)), constant(0.0, "float64")), inputs
    )
    for slope, array in zip(slopes[:carries], arrays, strict=False):
        assert slope is not None
        np.testing.assert_array_equal(run([slope], inputs, arrays)[0], np.full(array.shape, 3.0))


def test_whole_numbers_are_carried_beside_floats() -> None:
    def step(c: Any, e: Any, k: Any) -> Any:
        count, total = c
        return (count + 1, total + e[0] * count.cast("float64") * k[0].cast("float64")), (count,)

    def build(total: Tensor, xs: Tensor, factor: Tensor) -> list[Tensor]:
        (count, after), (counts,) = scan(step, [constant(1), total], [xs], [factor])
        assert count.dtype == counts.dtype == np.int32
        return [after]

    arrays = [np.array(0.5), np.array([1.0, 2.0, 3.0]), np.array(2, np.int32)]
    inputs = placeholders(arrays)
    outputs = build(*inputs)
    assert run(outputs, inputs, arrays)[0] == 0.5 + 2 * (1 + 4 + 9)
    slopes = gradients(outputs[0], inputs)
    assert slopes[2] is None
    np.testing.assert_array_equal(run([slopes[1]], inputs, arrays)[0], [2, 4, 6])  # type: ignore[list-item]
    check_gradients(build, arrays, order=2)


def test_a_sequence_of_whole_numbers() -> None:
    def step(c: Any, e: Any, k: Any) -> Any:
        return (c[0] * k[0] + e[0].cast("float64"),), ()

    def build(start: Tensor, numbers: Tensor, factor: Tensor) -> list[Tensor]:
        return list(scan(step, [start], [numbers], [factor])[0])

    check_gradients(build, [np.array(1.5), np.arange(4, dtype=np.int32), np.array(0.7)], order=2)


def test_a_loop_within_a_loop() -> None:
    def inner(c: Any, e: Any, k: Any) -> Any:
        return ((c[0] * k[0] + e[0]).tanh(),), ()

    def outer(c: Any, e: Any, k: Any) -> Any:
        (last,), _ = scan(inner, [c[0]], [e[0]], [k[0]])
        return (last,), (last * 2,)

    def build(start: Tensor, rows: Tensor, factor: Tensor) -> list[Tensor]:
        last, stacked = scan(outer, [start], [rows], [factor])
        return [*last, *stacked]

    rng = np.random.default_rng(3)
    check_gradients(
        build, [rng.normal(size=2), rng.normal(size=(3, 4, 2)), rng.normal(size=2)], order=2
    )


def test_what_the_body_reads_from_outside_gets_its_gradient() -> None:
    with float_type("float64"):
        w, x = Variable(0.7), Tensor([1.0, 2.0, 3.0], requires_grad=True)
        shift = Tensor(0.1, requires_grad=True)
        doubled = w * 2

        def step(c: Any, e: Any, k: Any) -> Any:
            return (c[0] * w + e[0] * doubled + shift,), ()

        (last,), _ = scan(step, [constant(1.0)], [x])
    slopes = gradients(last, [w, x, shift])
    values = run([slope for slope in slopes if slope is not None], [], [])
    w_t, x_t = (
        torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (0.7, [1.0, 2.0, 3.0])
    )
    s_t = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)
    state = torch.tensor(1.0, dtype=torch.float64)
    for place in range(3):
        state = state * w_t + x_t[place] * (w_t * 2) + s_t
    state.backward()
    for value, their in zip(values, (w_t, x_t, s_t), strict=True):
        np.testing.assert_allclose(value, their.grad, rtol=1e-13)
    last.backward()
    assert shift.grad is not None
    assert w.grad is not None
    assert w.grad.item() == pytest.approx(w_t.grad.item(), rel=1e-13)  # type: ignore[union-attr]


def test_dtypes_of_gradients() -> None:
    start, rows = placeholder((2,)), placeholder((3, 2))
    (last,), _ = scan(lambda c, e, k: ((c[0] * e[0],), ()), [start], [rows])
    for slope, tensor in zip(gradients(last.sum(), [start, rows]), (start, rows), strict=True):
        assert slope is not None
        assert slope.spec == tensor.spec
