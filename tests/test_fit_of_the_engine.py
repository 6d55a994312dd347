"""What a network is made of fits the engine without special cases.

Each test builds one thing that is known to break engines whose core is too narrow, out of the
same few parts, and compares with PyTorch or with a plain loop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from glassgrad.errors import UnknownNameError
from glassgrad.execute.executor import Program, executor_named, register_executor
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.gradients import gradients
from glassgrad.graph import (
    Composite,
    Primitive,
    Tensor,
    TensorSpec,
    Trace,
    Variable,
    constant,
    current_trace,
    placeholder,
    trace_graph,
    tracing,
    verify,
)
from glassgrad.ops import scan, sparse_softmax_cross_entropy, stop_gradient
from glassgrad.ops.mapping import ElementwiseMap

Compile = Callable[..., Program]


@pytest.fixture(params=["reference", "cpu"])
def executor_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def compiled(executor_name: str) -> Compile:
    """Compile by the executor under test, after verifying the graph."""
    try:
        executor = executor_named(executor_name)
    except UnknownNameError:
        register_executor("reference", ReferenceExecutor)
        executor = executor_named(executor_name)

    def compile_(
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor] = (),
        updates: Mapping[Variable, Tensor] | None = None,
    ) -> Program:
        verify([*outputs, *(updates or {}).values()])
        return executor.compile(outputs, inputs, updates)

    return compile_


def close(ours: Any, theirs: Any) -> None:
    theirs = theirs.detach().numpy() if isinstance(theirs, torch.Tensor) else theirs
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=1e-6)


def slopes_of(loss: Tensor, variables: Sequence[Tensor | Variable]) -> list[Tensor]:
    slopes = gradients(loss, variables)
    assert all(slope is not None for slope in slopes)
    return [slope for slope in slopes if slope is not None]


RNG = np.random.default_rng(11)
X = RNG.normal(size=(6, 4)).astype(np.float32)
LABELS = RNG.integers(0, 3, 6).astype(np.int32)
W1 = (RNG.normal(size=(4, 5)) / 2).astype(np.float32)
W2 = (RNG.normal(size=(5, 3)) / 2).astype(np.float32)


# ---- three outputs, of which the backward pass reads one


class PooledPairs(Primitive):
    """The larger of each two neighbours, where it was, and the smaller one.

    The backward pass reads where the larger ones were, and no other output.
    """

    def shape(self, *inputs: TensorSpec) -> tuple[TensorSpec, ...]:
        (x,) = inputs
        halved = (*x.shape[:-1], x.shape[-1] // 2)
        whole = TensorSpec(halved, np.dtype("int32"))
        return TensorSpec(halved, x.dtype), whole, TensorSpec(halved, x.dtype)

    def forward(self, xp: Any, x: Any) -> Any:
        pairs = xp.reshape(x, (*x.shape[:-1], -1, 2))
        place = xp.asarray(xp.argmax(pairs, axis=-1), dtype="int32")
        return xp.max(pairs, axis=-1), place, xp.min(pairs, axis=-1)

    def chain_rule(self, gradients: Any, outputs: Any, inputs: Any) -> Any:
        (g, _, of_smaller), (_, place, _), (x,) = gradients, outputs, inputs
        assert of_smaller is None  # nobody reads the smaller ones here
        places = place.reshape(*place.shape, 1)
        here = places.equal(constant([0, 1])).cast(x.dtype)
        return ((g.reshape(*g.shape, 1) * here).reshape(x.shape),)


def test_an_operation_with_three_outputs(compiled: Compile) -> None:
    x, w = placeholder(X.shape), Variable(W1[:, :4])
    largest, place, _ = PooledPairs()(x @ w)
    loss = largest.square().sum()
    (slope,) = slopes_of(loss, [w])
    weights = torch.tensor(W1[:, :4], requires_grad=True)
    pairs = (torch.tensor(X) @ weights).reshape(6, 2, 2)
    pairs.amax(-1).square().sum().backward()
    pooled, places, to_w = compiled([largest, place, slope], [x])(X)
    close(pooled, pairs.amax(-1))
    np.testing.assert_array_equal(places, pairs.argmax(-1))
    close(to_w, weights.grad)


def test_of_three_outputs_one_is_enough(compiled: Compile) -> None:
    x = placeholder(X.shape)
    (smaller,) = compiled([PooledPairs()(x)[2]], [x])(X)
    close(smaller, X.reshape(6, 2, 2).min(-1))


# ---- running statistics


class RunningMean:
    """Subtracts the mean of the batch in training and the running mean in inference."""

    def __init__(self, features: int, momentum: float = 0.9) -> None:
        self.mean = Variable(np.zeros(features), name="running_mean", trainable=False)
        self.calls = Variable(0, name="calls", trainable=False)
        self.momentum = momentum

    def __call__(self, x: Tensor) -> Tensor:
        trace = current_trace()
        if trace is None or not trace.training:
            return x - self.mean
        mean = x.mean(axis=0)
        self.mean.assign(self.mean * self.momentum + stop_gradient(mean) * (1 - self.momentum))
        self.calls.assign(self.calls + 1)
        return x - mean


def test_a_layer_with_running_statistics_is_used_twice(compiled: Compile) -> None:
    layer, w = RunningMean(4), Variable(W1[:, :4])
    x = placeholder(X.shape)
    with tracing(Trace(training=True)) as trace:
        loss = layer(layer(x).tanh() @ w + 1).square().sum()
        (slope,) = slopes_of(loss, [w])
    step = compiled([loss, slope], [x], trace.updates)

    mean, weights = np.zeros(4, np.float32), torch.tensor(W1[:, :4], requires_grad=True)
    for number in (1, 2):
        first = torch.tensor(X).mean(0)
        hidden = (torch.tensor(X) - first).tanh() @ weights + 1
        expected = (hidden - hidden.mean(0)).square().sum()
        for seen in (first, hidden.mean(0)):  # the second use starts from the first one's update
            mean = 0.9 * mean + 0.1 * seen.detach().numpy()
        found, to_w = step(X)
        close(found, expected)
        close(layer.mean.numpy(), mean)
        assert layer.calls.numpy() == 2 * number
        weights.grad = None
        expected.backward()
        close(to_w, weights.grad)


def test_inference_changes_no_statistics(compiled: Compile) -> None:
    layer, x = RunningMean(4), placeholder(X.shape)
    layer.mean.assign([1.0, 2.0, 3.0, 4.0])
    with tracing(Trace(training=False)) as trace:
        y = layer(x)
    assert trace.updates == {}
    close(compiled([y], [x], trace.updates)(X)[0], X - [1, 2, 3, 4])


# ---- what is trained, and by what


def network(x: Any, w1: Any, w2: Any) -> Any:
    return (x @ w1).tanh() @ w2


def loss_of(x: Tensor, labels: Tensor, *variables: Variable) -> Tensor:
    return sparse_softmax_cross_entropy(labels, network(x, *variables)).mean()


def torch_loss(*weights: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(
        network(torch.tensor(X), *weights), torch.tensor(LABELS).long()
    )


def test_a_frozen_variable(compiled: Compile) -> None:
    w1, w2 = Variable(W1, trainable=False), Variable(W2)
    x, labels = placeholder(X.shape), placeholder(LABELS.shape, "int32")
    loss = loss_of(x, labels, w1, w2)
    trained = [v for v in (w1, w2) if v.trainable]
    updates = {
        v: v - 0.5 * slope for v, slope in zip(trained, slopes_of(loss, trained), strict=True)
    }
    step = compiled([loss], [x, labels], updates)

    fixed, weights = torch.tensor(W1), torch.tensor(W2, requires_grad=True)
    optimizer = torch.optim.SGD([weights], lr=0.5)
    for _ in range(5):
        expected = torch_loss(fixed, weights)
        close(step(X, LABELS)[0], expected)
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
    np.testing.assert_array_equal(w1.numpy(), W1)
    close(w2.numpy(), weights)


def mapped(body: Callable[..., Any], shared: Sequence[Any], *lists: Sequence[Any]) -> list[Tensor]:
    """The update of an optimizer: one node over lists."""
    scalar = TensorSpec((), np.dtype("float32"))
    graph = trace_graph(body, [scalar] * (len(shared) + len(lists)))
    operation = ElementwiseMap(graph, len(lists[0]), len(shared))
    made = operation(*shared, *(tensor for one in lists for tensor in one))
    return list(made) if isinstance(made, tuple) else [made]


def descent(rate: Any, w: Any, g: Any) -> Any:
    return w - rate * g


def with_momentum(rate: Any, mu: Any, w: Any, g: Any, v: Any) -> Any:
    speed = mu * v + g  # PyTorch's form: the rate stays outside
    return w - rate * speed, speed


def test_two_optimizers_on_two_halves(compiled: Compile) -> None:
    """One half by plain descent, the other by momentum, in one step."""
    w1, w2, b = Variable(W1), Variable(W2), Variable(np.zeros(3))
    speeds = [Variable(np.zeros_like(W2), trainable=False), Variable(np.zeros(3), trainable=False)]
    rate = Variable(0.3, trainable=False)
    x, labels = placeholder(X.shape), placeholder(LABELS.shape, "int32")
    logits = network(x, w1, w2) + b
    loss = sparse_softmax_cross_entropy(labels, logits).mean()
    to_w1, to_w2, to_b = slopes_of(loss, [w1, w2, b])
    (new_w1,) = mapped(descent, [rate], [w1], [to_w1])
    moved = mapped(with_momentum, [rate, constant(0.9)], [w2, b], [to_w2, to_b], speeds)
    updates = dict(zip([w1, w2, b, *speeds], [new_w1, *moved], strict=True))
    step = compiled([loss], [x, labels], updates)

    weights = [torch.tensor(a, requires_grad=True) for a in (W1, W2, np.zeros(3, np.float32))]
    optimizers = [
        torch.optim.SGD(weights[:1], lr=0.3),
        torch.optim.SGD(weights[1:], lr=0.3, momentum=0.9),
    ]
    for _ in range(5):
        expected = torch.nn.functional.cross_entropy(
            network(torch.tensor(X), *weights[:2]) + weights[2], torch.tensor(LABELS).long()
        )
        close(step(X, LABELS)[0], expected)
        for optimizer in optimizers:
            optimizer.zero_grad()
        expected.backward()
        for optimizer in optimizers:
            optimizer.step()
    for ours, theirs in zip((w1, w2, b), weights, strict=True):
        close(ours.numpy(), theirs)


def test_the_learning_rate_is_a_variable(compiled: Compile) -> None:
    w, rate = Variable([1.0, 2.0]), Variable(0.5, trainable=False)
    (after,) = mapped(descent, [rate], [w], slopes_of((w * w).sum(), [w]))
    step = compiled([], (), {w: after})
    step()
    np.testing.assert_array_equal(w.numpy(), [0, 0])
    w.assign([1.0, 2.0])
    rate.assign(0.25)
    step()
    np.testing.assert_array_equal(w.numpy(), [0.5, 1])


def test_gradients_are_accumulated_by_two_programs(compiled: Compile) -> None:
    w1, w2 = Variable(W1), Variable(W2)
    sums = [Variable(np.zeros_like(w), trainable=False) for w in (W1, W2)]
    count = Variable(0.0, trainable=False)
    x, labels = placeholder((2, 4)), placeholder((2,), "int32")
    loss = loss_of(x, labels, w1, w2)
    slopes = slopes_of(loss, [w1, w2])
    added = {total: total + slope for total, slope in zip(sums, slopes, strict=True)}
    accumulate = compiled([loss], [x, labels], {**added, count: count + 1})
    moved = {w: w - 0.5 * total / count for w, total in zip((w1, w2), sums, strict=True)}
    emptied = {v: v * 0 for v in (*sums, count)}
    apply = compiled([], [], {**moved, **emptied})

    weights = [torch.tensor(w, requires_grad=True) for w in (W1, W2)]
    optimizer = torch.optim.SGD(weights, lr=0.5)
    for _ in range(3):
        losses = [accumulate(X[n : n + 2], LABELS[n : n + 2])[0] for n in (0, 2, 4)]
        apply()
        expected = torch_loss(*weights)  # the whole batch at once
        close(np.mean(losses), expected)
        optimizer.zero_grad()
        expected.backward()
        optimizer.step()
        assert count.numpy() == 0
    for ours, theirs in zip((w1, w2), weights, strict=True):
        close(ours.numpy(), theirs)


# ---- operations of the user


class Mish(Composite):
    """y = x tanh(ln(1 + e^x)): a definition, and nothing else."""

    def definition(self, x: Any) -> Any:
        return x * (x.exp() + 1).log().tanh()


class Cube(Primitive):
    """y = x³: forward and chain rule."""

    def shape(self, *inputs: TensorSpec) -> TensorSpec:
        return inputs[0]

    def forward(self, xp: Any, x: Any) -> Any:
        return x * x * x

    def chain_rule(self, gradients: Any, outputs: Any, inputs: Any) -> Any:
        (g,), (x,) = gradients, inputs
        return (g * 3 * x.square(),)


@pytest.mark.parametrize(
    "ours, theirs",
    [(Mish(), torch.nn.functional.mish), (Cube(), lambda x: x**3)],
    ids=["composite", "primitive"],
)
def test_an_operation_of_the_user(compiled: Compile, ours: Any, theirs: Any) -> None:
    x, w = placeholder(X.shape), Variable(W1)
    loss = ours(x @ w).sum()
    (slope,) = slopes_of(loss, [w])
    (second,) = slopes_of(slope.square().sum(), [w])
    weights = torch.tensor(W1, requires_grad=True)
    expected = theirs(torch.tensor(X) @ weights).sum()
    (slope_t,) = torch.autograd.grad(expected, [weights], create_graph=True)
    (second_t,) = torch.autograd.grad(slope_t.square().sum(), [weights])
    found = compiled([loss, slope, second], [x])(X)
    for mine, their in zip(found, (expected, slope_t, second_t), strict=True):
        close(mine, their)


# ---- time


SEQUENCE = RNG.normal(size=(5, 6, 4)).astype(np.float32)  # (time, batch, features)
RECURRENT = (RNG.normal(size=(5, 5)) / 2).astype(np.float32)


def cell(c: Any, e: Any, k: Any) -> Any:
    h = (e[0] @ k[0] + c[0] @ k[1]).tanh()
    return (h,), (h,)


def test_a_recurrent_layer(compiled: Compile) -> None:
    x, start = placeholder(SEQUENCE.shape), placeholder((6, 5))
    kernel, recurrent = Variable(W1), Variable(RECURRENT)
    (last,), (states,) = scan(cell, [start], [x], [kernel, recurrent])
    loss = (last.square().sum() + states.sum()) / 6
    slopes = slopes_of(loss, [kernel, recurrent, start])
    found = compiled([states, loss, *slopes], [x, start])(SEQUENCE, np.ones((6, 5)))

    weights = [
        torch.tensor(a, requires_grad=True) for a in (W1, RECURRENT, np.ones((6, 5), np.float32))
    ]
    h, collected = weights[2], []
    for step in torch.tensor(SEQUENCE):
        h = (step @ weights[0] + h @ weights[1]).tanh()
        collected.append(h)
    expected = (h.square().sum() + torch.stack(collected).sum()) / 6
    expected.backward()
    close(found[0], torch.stack(collected))
    close(found[1], expected)
    for ours, theirs in zip(found[2:], weights, strict=True):
        close(ours, theirs.grad)


def test_state_is_carried_from_batch_to_batch(compiled: Compile) -> None:
    """Two halves with the state kept in a variable are one whole."""
    state = Variable(np.zeros((6, 5)), trainable=False)
    kernel, recurrent = Variable(W1), Variable(RECURRENT)
    half = placeholder((2, 6, 4))
    with tracing(Trace()) as trace:
        (last,), (states,) = scan(cell, [state], [half], [kernel, recurrent])
        state.assign(last)
    step = compiled([states], [half], trace.updates)
    whole = placeholder((4, 6, 4))
    _, (expected,) = scan(cell, [np.zeros((6, 5))], [whole], [kernel, recurrent])
    at_once = compiled([expected], [whole])(SEQUENCE[:4])[0]
    close(np.concatenate([step(SEQUENCE[:2])[0], step(SEQUENCE[2:4])[0]]), at_once)


def test_a_shared_kernel_gets_the_sum_of_its_gradients(compiled: Compile) -> None:
    w, x = Variable(W1[:, :4]), placeholder(X.shape)
    loss = ((x @ w).tanh() @ w).sum()
    weights = torch.tensor(W1[:, :4], requires_grad=True)
    ((torch.tensor(X) @ weights).tanh() @ weights).sum().backward()
    close(compiled(slopes_of(loss, [w]), [x])(X)[0], weights.grad)
