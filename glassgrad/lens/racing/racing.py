"""Optimizers raced on surfaces whose minima are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassgrad.arguments import checked
from glassgrad.errors import ArgumentError, DataError, shown
from glassgrad.lens.charts import COLOURS
from glassgrad.lens.descent import checked_count, checked_numbers
from glassgrad.lens.racing.races import Race, Races
from glassgrad.lens.racing.runners import Entrant, entrant_of, run
from glassgrad.lens.racing.surfaces import SURFACES, Surface, surface_named

__all__ = ["race", "race_everywhere"]

USUAL = ("sgd", "momentum", "nesterov", "rmsprop", "adam")
MOST = len(COLOURS)  # paths that can be told apart in a picture
MOST_STEPS = 10_000


@checked
def race(
    surface: str | Surface,
    optimizers: Sequence[Any] | None = None,
    *,
    steps: int = 200,
    start: Sequence[float] | None = None,
    tune: bool = True,
) -> Race:
    """Let optimizers run on a surface from one start.

    They are the package's own: each step is the graph of the surface, its gradient by the chain
    rule, and the optimizer's update, in float64. The coordinates are one variable with two
    entries.

    Args:
        surface: "bowl", "ravine", "saddle", "rosenbrock", "himmelblau", "beale" or "plateau"; or
            a surface of one's own.
        optimizers: from one to seven: "adam", or with its learning rate "adam=0.1"; "momentum"
            and "nesterov" are gradient descent with a momentum of 0.9; or optimizers as such.
            By default sgd, momentum, nesterov, rmsprop and adam.
        steps: how many steps each makes.
        start: where they begin; by default the surface's usual place.
        tune: whether learning rates that are not given are the best of a grid, from 1 to 0.0001;
            without it they are the optimizers' defaults.

    Raises:
        UnknownNameError: there is no such surface or optimizer.
        ArgumentError: a number is outside its range, or an optimizer is named twice.
        DataError: the height at the start is not finite.

    Example:
        >>> from glassgrad.optimizers import SGD
        >>> found = race("ravine", ["sgd=0.01", "sgd=0.03", SGD(0.01, momentum=0.9, name="heavy")])
        >>> for runner in found.runners:
        ...     print(f"{runner.name} {runner.verdict}")
        sgd=0.01 still on its way
        sgd=0.03 diverges
        heavy arrives in step 65
    """
    chosen = surface_named(surface)
    entrants = _entrants(optimizers, tune)
    checked_count("steps", steps, 1, MOST_STEPS)
    at = checked_numbers("start", chosen.start if start is None else start, 2)
    place = (float(at[0]), float(at[1]))
    height = chosen.at(place)
    if not np.isfinite(height):
        raise DataError(
            f"The height of surface {chosen.name!r} at the start {place} must be finite. "
            f"Got {height}."
        )
    return Race(chosen, place, steps, tuple(run(one, chosen, place, steps) for one in entrants))


@checked
def race_everywhere(
    optimizers: Sequence[Any] | None = None,
    *,
    steps: int = 200,
    tune: bool = True,
    on_surface: Callable[[str], object] | None = None,
) -> Races:
    """Let optimizers run on all surfaces, each from its usual start.

    Args:
        optimizers: as for ``race``.
        steps: how many steps each makes.
        tune: as for ``race``; the rate is found anew for each surface.
        on_surface: is called with the name of each surface before the race on it.

    Raises:
        UnknownNameError, ArgumentError: as for ``race``.

    Example:
        >>> found = race_everywhere(["adam=0.1"], steps=5)
        >>> [one.surface.name for one in found.races][:2]
        ['bowl', 'ravine']
    """
    races = []
    for name in SURFACES:
        if on_surface is not None:
            on_surface(name)
        races.append(race(name, optimizers, steps=steps, tune=tune))
    return Races(tuple(races))


def _entrants(asked: Sequence[Any] | None, tune: bool) -> list[Entrant]:
    """The optimizers, under names that tell them apart."""
    entrants = [entrant_of(one, tune=tune) for one in (USUAL if asked is None else asked)]
    if not 1 <= len(entrants) <= MOST:
        raise ArgumentError(
            f"From one to {MOST} optimizers run in a race, so that their paths can be told "
            f"apart. Got {len(entrants)}: {shown(asked)}."
        )
    names = Counter(one.name for one in entrants)
    named = [one if names[one.name] == 1 else one.with_rate_in_name() for one in entrants]
    doubled = [name for name, count in Counter(one.name for one in named).items() if count > 1]
    if doubled:
        raise ArgumentError(
            f"Each optimizer runs once; give others of its kind a name= of their own. Got "
            f"{doubled[0]!r} twice."
        )
    return named
