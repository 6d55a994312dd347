"""Small expressions made at random: whatever is composed, the gradient is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from glassgrad.graph import Tensor
from glassgrad.ops import concatenate, softmax, stop_gradient, where
from tests.differences import check_gradients

SHAPES = [(), (3,), (2, 1), (2, 3), (1, 3)]

# Bounded and smooth, so that no composition grows beyond what differences can measure.
UNARY: list[Callable[[Any], Any]] = [
    lambda x: x.tanh(),
    lambda x: x.sigmoid(),
    lambda x: -x,
    lambda x: x.square() / (1 + x.square()),
    lambda x: (x.square() + 1).log(),
    lambda x: (x.square() + 1).sqrt(),
    lambda x: (-x.square()).exp(),
    lambda x: x.sum(keepdims=True) if x.shape else x,
    lambda x: x.mean(axis=0) if x.shape else x,
    lambda x: softmax(x) if x.shape else x,
    lambda x: x.T,
    lambda x: x.reshape(-1, 1).tanh(),
    lambda x: concatenate([x, x * 2]) if x.shape else x,
    lambda x: x[0] if x.shape else x,
]
BINARY: list[Callable[[Any, Any], Any]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a.tanh() * b.tanh(),
    lambda a, b: a / (1 + b.square()),
    lambda a, b: a * 0.5 + b,
    lambda a, b: where(stop_gradient(a).sum() > 100, a, b),
]


def meets(a: Tensor, b: Tensor) -> bool:
    try:
        return np.prod(np.broadcast_shapes(a.shape, b.shape)) <= 36
    except ValueError:
        return False


@st.composite
def programs(draw: st.DrawFn) -> tuple[list[tuple[int, ...]], list[tuple[int, int, int]], int]:
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
    number = st.integers(0, 10**6)
    steps = draw(st.lists(st.tuples(number, number, number), min_size=1, max_size=8))
    return shapes, steps, draw(st.integers(0, 2**32 - 1))


def build(steps: list[tuple[int, int, int]]) -> Callable[..., list[Tensor]]:
    def expression(*inputs: Tensor) -> list[Tensor]:
        made = list(inputs)
        for choice, first, second in steps:
            a, b = made[first % len(made)], made[second % len(made)]
            if choice % 2 and meets(a, b):
                made.append(BINARY[choice // 2 % len(BINARY)](a, b))
            else:
                made.append(UNARY[choice // 2 % len(UNARY)](a))
        return made[len(inputs) :]

    return expression


@settings(max_examples=60, derandomize=True)
@given(programs())
def test_the_gradient_of_any_expression_agrees_with_differences(
    program: tuple[list[tuple[int, ...]], list[tuple[int, int, int]], int],
) -> None:
    shapes, steps, seed = program
    rng = np.random.default_rng(seed)
    arrays = [rng.uniform(-1.5, 1.5, shape) for shape in shapes]
    check_gradients(build(steps), arrays, order=2, seed=seed)
