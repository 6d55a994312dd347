"""Optimizers on a surface: the package's own classes, and the graph of their steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassgrad import optimizers
from glassgrad.errors import ArgumentError, UnknownNameError, shown
from glassgrad.execute.reference import ReferenceExecutor, ReferenceProgram
from glassgrad.gradients import gradients
from glassgrad.graph import Trace, Variable, float_type, tracing
from glassgrad.lens.descent import FAR, Descent
from glassgrad.lens.exhibit import or_none
from glassgrad.lens.racing.surfaces import Surface
from glassgrad.optimizers import Optimizer
from glassgrad.optimizers.optimizer import require

__all__ = ["GRID", "ORIGINS", "Entrant", "Runner", "entrant_of", "run"]

# From large to small: of two rates that do equally well, the larger is taken.
GRID = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
# Names for what has none in the package.
VARIANTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "momentum": ("sgd", {"momentum": 0.9}),
    "nesterov": ("sgd", {"momentum": 0.9, "nesterov": True}),
}
TUNED, GIVEN, OWN = "tuned", "given", "default"
ORIGINS = (TUNED, GIVEN, OWN)


@dataclass(frozen=True)
class Entrant:
    """An optimizer that will run.

    Args:
        name: what it is called in the race.
        configuration: "class_name" and "config", of which a fresh one is made for every run.
        origin: where its learning rate comes from: "given", "default", or "tuned" if it is
            still to be found.
    """

    name: str
    configuration: Mapping[str, Any]
    origin: str

    def optimizer(self, rate: float | None = None) -> Optimizer:
        """A fresh one, with a learning rate in the place of its own."""
        config = self.configuration["config"] | ({} if rate is None else {"learning_rate": rate})
        made: Optimizer = optimizers.deserialize({**self.configuration, "config": config})
        return made

    def with_rate_in_name(self) -> Entrant:
        """The same, called after its learning rate too where that is known: "sgd=0.1"."""
        if self.origin == TUNED:
            return self
        return replace(self, name=f"{self.name}={float(self.optimizer().learning_rate):g}")


@dataclass(frozen=True, eq=False)
class Runner(Descent):
    """The path of an optimizer on a surface.

    Args:
        name: what it is called in the race.
        learning_rate: that of its first step.
        points: the coordinates before the first step and after each, (steps + 1, 2).
        losses: the height of the surface at each of them.
        lowest: the height of the minima.
        distance: how far the last point is from the nearest minimum.
        origin: where the learning rate comes from: "tuned", "given" or "default".
        optimizer: the optimizer as text, with all its arguments.
    """

    distance: float
    origin: str
    optimizer: str

    def as_dict(self) -> dict[str, Any]:
        """All numbers, for JSON."""
        numbers = super().as_dict()
        return {
            "name": self.name,
            "optimizer": self.optimizer,
            "learning_rate": self.learning_rate,
            "origin_of_rate": self.origin,
            "verdict": self.verdict,
            "diverged": self.diverged,
            "reached": self.reached,
            "distance": or_none(self.distance),
            "points": numbers["points"],
            "heights": numbers["losses"],
        }


def entrant_of(asked: Any, *, tune: bool) -> Entrant:
    """The optimizer that is meant by a name, a name with a rate, or an optimizer.

    Args:
        asked: "adam"; "adam=0.1"; "momentum" or "nesterov", gradient descent with a momentum of
            0.9; or an optimizer, which stays as it is.
        tune: whether a rate is looked for where none is given.

    Raises:
        UnknownNameError: there is no optimizer of this name.
        ArgumentError: the rate is no number from 0.

    Example:
        >>> entrant_of("nesterov", tune=True).optimizer(0.5).momentum
        0.9
    """
    if isinstance(asked, Optimizer):
        configuration = optimizers.serialize(asked)
        return Entrant(asked.name, configuration, GIVEN)
    if not isinstance(asked, str):
        raise ArgumentError(
            f'An optimizer is a name such as "adam", a name with its learning rate such as '
            f'"adam=0.1", or an object. Got {shown(asked)}.'
        )
    name, equals, rate = (part.strip() for part in asked.partition("="))
    alias, config = VARIANTS.get(name.lower(), (name, {}))
    configuration = {"class_name": type(_named(alias, name)).__name__, "config": dict(config)}
    if not equals:
        return Entrant(name.lower(), configuration, TUNED if tune else OWN)
    given = {**configuration, "config": configuration["config"] | {"learning_rate": _rate(rate)}}
    return Entrant(name.lower(), given, GIVEN)


def _named(alias: str, name: str) -> Optimizer:
    try:
        return require(alias)
    except UnknownNameError:
        known = [*VARIANTS, *("sgd", "rmsprop", "adagrad", "adam", "adamw", "nadam", "lion")]
        raise UnknownNameError("optimizer", name, known) from None


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 <= rate < math.inf:
        raise ArgumentError(f"A learning rate must be a number from 0. Got {text!r}.")
    return rate


def run(entrant: Entrant, surface: Surface, start: Sequence[float], steps: int) -> Runner:
    """Let an optimizer run; where its rate is to be tuned, the best run of the grid.

    The best is the first to arrive; if none does, the one that ends lowest.
    """
    if entrant.origin != TUNED:
        return _run(entrant, None, surface, start, steps)
    runs = [_run(entrant, rate, surface, start, steps) for rate in GRID]
    return min(runs, key=_rank)


def _rank(runner: Runner) -> tuple[float, float]:
    reached = math.inf if runner.reached is None or runner.diverged else runner.reached
    return reached, float(np.nan_to_num(runner.losses[-1], nan=math.inf))


def _run(
    entrant: Entrant, rate: float | None, surface: Surface, start: Sequence[float], steps: int
) -> Runner:
    optimizer = entrant.optimizer(rate)
    first_rate = float(optimizer.learning_rate)
    position = Variable(start, name="position", dtype="float64")
    step = _step(optimizer, surface, position)
    points, far = [position.numpy()], FAR * (np.array(surface.high) - surface.low)
    for _ in range(steps):
        step()
        points.append(position.numpy())
        if not (np.abs(points[-1] - points[0]) <= far).all():
            break
    path = np.array(points)
    return Runner(
        entrant.name,
        first_rate,
        path,
        surface.over(path),
        surface.lowest,
        surface.distance(path[-1]),
        entrant.origin,
        repr(optimizer),
    )


def _step(optimizer: Optimizer, surface: Surface, position: Variable) -> ReferenceProgram:
    """One training step as a graph, in float64: height, gradient, update."""
    with float_type("float64"), tracing(Trace(training=True, runs=True)) as trace:
        height = surface.graph(position[0], position[1])
        slopes = gradients(optimizer.scale_loss(height), [position])
        optimizer.apply(slopes, [position])
    return ReferenceExecutor().compile([], [], trace.updates)
