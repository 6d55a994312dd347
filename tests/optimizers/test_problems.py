"""Problems that every optimizer must solve; a new optimizer gets a row for each."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from glassgrad.execute.executor import executor_named
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Trace, Variable, tracing
from glassgrad.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Nadam,
    Optimizer,
    RMSprop,
)


def parabola(w: Variable) -> Tensor:
    """Round, with its lowest point at (3, 3)."""
    return ((w - 3.0) ** 2).sum()


def ravine(w: Variable) -> Tensor:
    """A hundred times as steep along one axis as along the other; lowest at (0, 0)."""
    return 0.5 * w[0] ** 2 + 50.0 * w[1] ** 2


def rosenbrock(w: Variable) -> Tensor:
    """A bent valley; lowest at (1, 1)."""
    return (1.0 - w[0]) ** 2 + 100.0 * (w[1] - w[0] ** 2) ** 2


PROBLEMS: dict[str, tuple[Callable[[Variable], Tensor], list[float], list[float]]] = {
    "parabola": (parabola, [0.0, -5.0], [3.0, 3.0]),
    "ravine": (ravine, [5.0, 1.0], [0.0, 0.0]),
    "rosenbrock": (rosenbrock, [-1.0, 1.0], [1.0, 1.0]),
}

# Problem, optimizer, how many steps it may take.
ROWS: list[tuple[str, str, Callable[[], Optimizer], int]] = [
    ("parabola", "sgd", lambda: SGD(0.1), 60),
    ("parabola", "momentum", lambda: SGD(0.05, momentum=0.8), 100),
    ("parabola", "nesterov", lambda: SGD(0.05, momentum=0.8, nesterov=True), 100),
    ("parabola", "adam", lambda: Adam(0.3), 150),
    ("parabola", "rmsprop", lambda: RMSprop(0.02), 500),
    ("parabola", "adagrad", lambda: Adagrad(1.0), 200),
    ("parabola", "adadelta", lambda: Adadelta(3.0, rho=0.9, epsilon=1e-3), 150),
    ("parabola", "adamax", lambda: Adamax(0.3), 200),
    ("parabola", "nadam", lambda: Nadam(0.3), 200),
    ("parabola", "adamw", lambda: AdamW(0.3, 1e-4), 200),
    ("parabola", "lion", lambda: Lion(0.012, beta_1=0.5, beta_2=0.5), 800),
    ("ravine", "sgd", lambda: SGD(0.015), 700),
    ("ravine", "momentum", lambda: SGD(0.02, momentum=0.8), 150),
    ("ravine", "nesterov", lambda: SGD(0.01, momentum=0.9, nesterov=True), 150),
    ("ravine", "adam", lambda: Adam(0.3), 200),
    ("ravine", "rmsprop", lambda: RMSprop(0.01), 700),
    ("ravine", "adagrad", lambda: Adagrad(1.0), 100),
    ("ravine", "adadelta", lambda: Adadelta(1.0, rho=0.99, epsilon=1e-3), 150),
    ("ravine", "adamax", lambda: Adamax(0.3), 200),
    ("ravine", "nadam", lambda: Nadam(0.3), 200),
    ("ravine", "adamw", lambda: AdamW(0.3), 200),
    ("ravine", "lion", lambda: Lion(0.012, beta_1=0.5, beta_2=0.5), 550),
    ("rosenbrock", "sgd", lambda: SGD(0.0018), 5500),
    ("rosenbrock", "momentum", lambda: SGD(0.0005, momentum=0.97), 1500),
    ("rosenbrock", "nesterov", lambda: SGD(0.0005, momentum=0.97, nesterov=True), 1500),
    ("rosenbrock", "adam", lambda: Adam(0.05), 1500),
    ("rosenbrock", "rmsprop", lambda: RMSprop(0.002, rho=0.999, momentum=0.9), 4000),
    ("rosenbrock", "adagrad", lambda: Adagrad(0.5), 4250),
    ("rosenbrock", "adadelta", lambda: Adadelta(0.1, rho=0.999, epsilon=1.0), 2700),
    ("rosenbrock", "adamax", lambda: Adamax(0.05, beta_1=0.95, beta_2=0.99), 600),
    ("rosenbrock", "nadam", lambda: Nadam(0.02, beta_1=0.95), 700),
    ("rosenbrock", "adamw", lambda: AdamW(0.1, 1e-4), 800),
    ("rosenbrock", "lion", lambda: Lion(0.001, beta_1=0.95, beta_2=0.98), 2700),
]


@pytest.mark.parametrize(
    "problem, name, make, steps", ROWS, ids=[f"{name} on {problem}" for problem, name, *_ in ROWS]
)
def test_the_lowest_point_is_found(
    problem: str, name: str, make: Callable[[], Optimizer], steps: int
) -> None:
    function, start, solution = PROBLEMS[problem]
    w = Variable(start, dtype="float64")
    with tracing(Trace()) as trace:
        loss = function(w)
        slopes = gradients(loss, [w])
        make().apply(slopes, [w])
    program = executor_named("reference").compile([loss], [], trace.updates)
    losses = [float(program()[0]) for _ in range(steps)]
    assert np.abs(w.numpy() - solution).max() < 0.02
    assert losses[-1] < 1e-3 * losses[0]


def test_every_optimizer_has_a_row_for_every_problem() -> None:
    names = {name for _, name, *_ in ROWS}
    assert {(problem, name) for problem, name, *_ in ROWS} == {
        (problem, name) for problem in PROBLEMS for name in names
    }
