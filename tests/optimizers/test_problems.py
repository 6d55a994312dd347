"""Problems that every optimizer and every schedule must solve, each by one program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from glassgrad import function, optimizers
from glassgrad.execute.reference import ReferenceExecutor, ReferenceProgram
from glassgrad.gradients import gradients
from glassgrad.graph import Tensor, Variable, constant
from glassgrad.ops import sigmoid_cross_entropy, tanh
from glassgrad.optimizers import (
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    LossScaleOptimizer,
    Nadam,
    Optimizer,
    RMSprop,
    schedules,
)
from glassgrad.optimizers.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    LinearWarmup,
    OneCycle,
    PiecewiseConstantDecay,
    PolynomialDecay,
    StepDecay,
)


class CountingExecutor(ReferenceExecutor):
    """Counts the programs that it makes."""

    def __init__(self) -> None:
        self.programs = 0

    def compile(
        self,
        outputs: Sequence[Tensor],
        inputs: Sequence[Tensor] = (),
        updates: Mapping[Variable, Tensor] | None = None,
    ) -> ReferenceProgram:
        self.programs += 1
        return super().compile(outputs, inputs, updates)


@dataclass(frozen=True)
class Problem:
    """A function to be made small, where one begins, and where its lowest point is, if known."""

    loss: Callable[..., Tensor]
    start: list[Any]
    lowest: list[float] | None = None


def parabola(w: Variable) -> Tensor:
    """Round, with its lowest point at (3, 3)."""
    return ((w - 3.0) ** 2).sum()


def ravine(w: Variable) -> Tensor:
    """A hundred times as steep along one axis as along the other; lowest at (0, 0)."""
    return 0.5 * w[0] ** 2 + 50.0 * w[1] ** 2


def rosenbrock(w: Variable) -> Tensor:
    """A bent valley; lowest at (1, 1)."""
    return (1.0 - w[0]) ** 2 + 100.0 * (w[1] - w[0] ** 2) ** 2


def network(w1: Variable, b1: Variable, w2: Variable, b2: Variable) -> Tensor:
    """Exclusive or, by a network of two inputs, eight hidden units and one output."""
    x = constant([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]], "float64")
    labels = constant([[0.0], [1.0], [1.0], [0.0]], "float64")
    return sigmoid_cross_entropy(labels, tanh(x @ w1 + b1) @ w2 + b2).mean()


def weights() -> list[Any]:
    rng = np.random.default_rng(3)
    return [rng.normal(size=(2, 8)) * 0.7, np.zeros(8), rng.normal(size=(8, 1)) * 0.35, np.zeros(1)]


PROBLEMS = {
    "parabola": Problem(parabola, [[0.0, -5.0]], [3.0, 3.0]),
    "ravine": Problem(ravine, [[5.0, 1.0]], [0.0, 0.0]),
    "rosenbrock": Problem(rosenbrock, [[-1.0, 1.0]], [1.0, 1.0]),
    "network": Problem(network, weights()),
}

# Problem, optimizer, how many steps it may take.
OPTIMIZERS: list[tuple[str, str, Callable[[], Optimizer], int]] = [
    ("parabola", "sgd", lambda: SGD(0.1), 60),
    ("parabola", "momentum", lambda: SGD(0.05, momentum=0.8), 100),
    ("parabola", "nesterov", lambda: SGD(0.05, momentum=0.8, nesterov=True), 100),
    ("parabola", "adam", lambda: Adam(0.3), 150),
    ("parabola", "amsgrad", lambda: Adam(0.5, amsgrad=True), 150),
    ("parabola", "rmsprop", lambda: RMSprop(0.02), 500),
    ("parabola", "adagrad", lambda: Adagrad(1.0), 200),
    ("parabola", "adadelta", lambda: Adadelta(3.0, rho=0.9, epsilon=1e-3), 150),
    ("parabola", "adamax", lambda: Adamax(0.3), 200),
    ("parabola", "nadam", lambda: Nadam(0.3), 200),
    ("parabola", "adamw", lambda: AdamW(0.3, 1e-4), 200),
    ("parabola", "lion", lambda: Lion(0.012, beta_1=0.5, beta_2=0.5), 800),
    ("parabola", "ftrl", lambda: Ftrl(1.0), 200),
    ("parabola", "lamb", lambda: Lamb(CosineDecay(0.05, 300)), 300),
    ("parabola", "accumulated", lambda: SGD(0.3, gradient_accumulation_steps=2), 60),
    ("parabola", "scaled", lambda: LossScaleOptimizer(SGD(0.1), 8.0, 10), 60),
    ("ravine", "sgd", lambda: SGD(0.015), 700),
    ("ravine", "momentum", lambda: SGD(0.02, momentum=0.8), 150),
    ("ravine", "nesterov", lambda: SGD(0.01, momentum=0.9, nesterov=True), 150),
    ("ravine", "adam", lambda: Adam(0.3), 200),
    ("ravine", "amsgrad", lambda: Adam(0.3, amsgrad=True), 200),
    ("ravine", "rmsprop", lambda: RMSprop(0.01), 700),
    ("ravine", "adagrad", lambda: Adagrad(1.0), 100),
    ("ravine", "adadelta", lambda: Adadelta(1.0, rho=0.99, epsilon=1e-3), 150),
    ("ravine", "adamax", lambda: Adamax(0.3), 200),
    ("ravine", "nadam", lambda: Nadam(0.3), 200),
    ("ravine", "adamw", lambda: AdamW(0.3), 200),
    ("ravine", "lion", lambda: Lion(0.012, beta_1=0.5, beta_2=0.5), 550),
    ("ravine", "ftrl", lambda: Ftrl(1.0), 300),
    ("ravine", "lamb", lambda: Lamb(0.05), 400),
    ("ravine", "accumulated", lambda: SGD(0.02, momentum=0.8, gradient_accumulation_steps=2), 300),
    ("ravine", "scaled", lambda: LossScaleOptimizer(SGD(0.02, momentum=0.8), 8.0, 100), 150),
    ("rosenbrock", "sgd", lambda: SGD(0.0018), 5500),
    ("rosenbrock", "momentum", lambda: SGD(0.001, momentum=0.95), 300),
    ("rosenbrock", "nesterov", lambda: SGD(0.00125, momentum=0.95, nesterov=True), 300),
    ("rosenbrock", "adam", lambda: Adam(0.066, beta_2=0.9), 200),
    ("rosenbrock", "amsgrad", lambda: Adam(0.45, beta_1=0.95, amsgrad=True), 450),
    ("rosenbrock", "rmsprop", lambda: RMSprop(0.0098, momentum=0.9), 150),
    ("rosenbrock", "adagrad", lambda: Adagrad(0.5), 4250),
    ("rosenbrock", "adadelta", lambda: Adadelta(0.1, rho=0.999, epsilon=1.0), 2700),
    ("rosenbrock", "adamax", lambda: Adamax(0.05, beta_1=0.95, beta_2=0.99), 600),
    ("rosenbrock", "nadam", lambda: Nadam(0.02, beta_1=0.95), 700),
    ("rosenbrock", "adamw", lambda: AdamW(0.066, 1e-4, beta_2=0.9), 200),
    ("rosenbrock", "lion", lambda: Lion(0.004, beta_2=0.98), 1000),
    ("rosenbrock", "ftrl", lambda: Ftrl(0.5), 4500),
    ("rosenbrock", "lamb", lambda: Lamb(CosineDecay(0.0315, 1500), beta_1=0.95), 1500),
    (
        "rosenbrock",
        "accumulated",
        lambda: Adam(0.066, beta_2=0.9, gradient_accumulation_steps=2),
        400,
    ),
    ("rosenbrock", "scaled", lambda: LossScaleOptimizer(Adam(0.066, beta_2=0.9), 8.0, 50), 200),
    ("network", "sgd", lambda: SGD(1.0), 150),
    ("network", "momentum", lambda: SGD(0.3, momentum=0.9), 100),
    ("network", "nesterov", lambda: SGD(0.3, momentum=0.9, nesterov=True), 100),
    ("network", "adam", lambda: Adam(0.1), 80),
    ("network", "amsgrad", lambda: Adam(0.1, amsgrad=True), 80),
    ("network", "rmsprop", lambda: RMSprop(0.05), 100),
    ("network", "adagrad", lambda: Adagrad(0.5), 100),
    ("network", "adadelta", lambda: Adadelta(3.0, rho=0.9, epsilon=1e-3), 150),
    ("network", "adamax", lambda: Adamax(0.2), 80),
    ("network", "nadam", lambda: Nadam(0.1), 80),
    ("network", "adamw", lambda: AdamW(0.1), 80),
    ("network", "lion", lambda: Lion(0.05), 80),
    ("network", "ftrl", lambda: Ftrl(1.0), 100),
    ("network", "lamb", lambda: Lamb(0.1), 100),
    ("network", "accumulated", lambda: Adam(0.2, gradient_accumulation_steps=2), 100),
    ("network", "scaled", lambda: LossScaleOptimizer(Adam(0.1), 8.0, 20), 80),
]

SCHEDULES: dict[str, Callable[[float, int], LearningRateSchedule]] = {
    "exponential": lambda rate, steps: ExponentialDecay(rate, steps, 0.3),
    "inverse time": lambda rate, steps: InverseTimeDecay(rate, steps, 2.0),
    "piecewise": lambda rate, steps: PiecewiseConstantDecay(
        [0.6 * steps, 0.8 * steps], [rate, 0.5 * rate, 0.2 * rate]
    ),
    "step": lambda rate, steps: StepDecay(rate, steps // 3, 0.5),
    "polynomial": lambda rate, steps: PolynomialDecay(rate, steps, 0.1 * rate),
    "cycles": lambda rate, steps: PolynomialDecay(rate, steps // 3, 0.1 * rate, cycle=True),
    "cosine": lambda rate, steps: CosineDecay(rate, steps),
    "warm cosine": lambda rate, steps: CosineDecay(
        0.0, steps, warmup_target=rate, warmup_steps=steps // 10
    ),
    "restarts": lambda rate, steps: CosineDecayRestarts(rate, steps // 7),
    "warm-up": lambda rate, steps: LinearWarmup(CosineDecay(rate, steps), steps // 10),
    "one cycle": lambda rate, steps: OneCycle(2 * rate, steps),
}

Scheduled = Callable[[LearningRateSchedule], Optimizer]

# For each problem an optimizer, its first rate, and how many steps there may be.
UNDER_SCHEDULES: dict[str, tuple[Scheduled, float, int]] = {
    "parabola": (lambda schedule: SGD(schedule, momentum=0.5), 0.1, 80),
    "ravine": (lambda schedule: SGD(schedule, momentum=0.8), 0.015, 200),
    "rosenbrock": (lambda schedule: Adam(schedule, beta_2=0.9), 0.086, 350),
    "network": (lambda schedule: SGD(schedule, momentum=0.9), 0.5, 80),
}


def scheduled(problem: str, name: str) -> tuple[str, str, Callable[[], Optimizer], int]:
    make, rate, steps = UNDER_SCHEDULES[problem]
    return problem, name, lambda: make(SCHEDULES[name](rate, steps)), steps


ROWS = OPTIMIZERS + [scheduled(problem, name) for name in SCHEDULES for problem in PROBLEMS]


@pytest.mark.parametrize(
    "problem, name, make, steps", ROWS, ids=[f"{name} on {problem}" for problem, name, *_ in ROWS]
)
def test_every_problem_is_solved_by_one_program(
    problem: str, name: str, make: Callable[[], Optimizer], steps: int
) -> None:
    given, executor, optimizer = PROBLEMS[problem], CountingExecutor(), make()
    variables = [Variable(value, dtype="float64") for value in given.start]

    @function(executor=executor)
    def step() -> Tensor:
        loss = given.loss(*variables)
        optimizer.apply(gradients(optimizer.scale_loss(loss), variables), variables)
        return loss

    losses = [step().item() for _ in range(steps)]
    assert executor.programs == 1
    if given.lowest is not None:
        assert np.abs(variables[0].numpy() - given.lowest).max() < 0.02
        assert losses[-1] < 1e-3 * losses[0]
    else:
        assert losses[-1] < 0.03 < 0.6 < losses[0]


def test_everything_has_a_row_for_every_problem() -> None:
    names = {name for _, name, *_ in ROWS}
    assert {(problem, name) for problem, name, *_ in ROWS} == {
        (problem, name) for problem in PROBLEMS for name in names
    }
    tried = {type(make()) for *_, make, _ in OPTIMIZERS}
    assert tried == set(_classes(optimizers, Optimizer))
    tried_schedules = {type(make(0.1, 100)) for make in SCHEDULES.values()}
    assert tried_schedules == set(_classes(schedules, LearningRateSchedule))


def _classes(module: Any, base: type) -> list[type]:
    members = [getattr(module, name) for name in module.__all__]
    return [
        one for one in members if isinstance(one, type) and issubclass(one, base) and one != base
    ]
