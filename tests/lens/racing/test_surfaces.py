"""Surfaces: what they say of themselves is so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassgrad.errors import ArgumentError, ShapeError, UnknownNameError
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.gradients import gradients
from glassgrad.graph import placeholder
from glassgrad.lens import SURFACES, Surface, race
from glassgrad.lens.racing.surfaces import surface_named
from glassgrad.ops import stack

ALL = list(SURFACES.values())
NUMPY = {"exp": np.exp}
# Heights of the usual starts, by hand.
AT_START = {
    "bowl": 3.25,
    "ravine": 1.62 + 4.5,
    "saddle": 1.125 + 1e-12 / 4 - 1e-6 / 2,
    "rosenbrock": 24.2,
    "himmelblau": 170.0,
    "beale": 1.5**2 + 2.25**2 + 2.625**2 + 1.0 - 1.0,
    "plateau": 1 - np.exp(-6.5),
}


def slope_at(surface: Surface, place: tuple[float, float]) -> Any:
    x, y = (placeholder((), "float64", name) for name in "xy")
    slopes = gradients(surface.graph(x, y), [x, y])
    outputs = [slope for slope in slopes if slope is not None]
    return np.array(ReferenceExecutor().compile(outputs, [x, y])(*place))


@pytest.mark.parametrize("surface", ALL, ids=lambda one: one.name)
def test_the_formula_is_the_graph(surface: Surface) -> None:
    xs, ys, heights = surface.grid(9)
    x, y = np.meshgrid(xs, ys)
    assert heights == pytest.approx(eval(surface.formula, NUMPY, {"x": x, "y": y}), rel=1e-13)
    assert heights.min() >= surface.lowest
    assert surface.over(np.array([[xs[2], ys[5]]])) == pytest.approx(heights[5, 2], rel=1e-13)


@pytest.mark.parametrize("surface", ALL, ids=lambda one: one.name)
def test_its_minima_are_minima(surface: Surface) -> None:
    for place in surface.minima:
        assert surface.at(place) == pytest.approx(surface.lowest, abs=1e-20)
        assert np.abs(slope_at(surface, place)).max() < 1e-12
        for angle in np.linspace(0, 2 * np.pi, 12):
            near = (place[0] + 1e-3 * np.cos(angle), place[1] + 1e-3 * np.sin(angle))
            assert surface.at(near) > surface.lowest
        assert surface.box.holds(np.array(place))
        assert surface.distance(np.array(place)) == 0


@pytest.mark.parametrize("surface", ALL, ids=lambda one: one.name)
def test_its_start(surface: Surface) -> None:
    assert surface.at(surface.start) == pytest.approx(AT_START[surface.name], rel=1e-14)
    assert surface.box.holds(np.array(surface.start))
    assert np.abs(slope_at(surface, surface.start)).max() > 1e-4
    assert surface.character.endswith(".")
    assert surface.source


def test_what_is_said_of_them() -> None:
    assert slope_at(SURFACES["saddle"], (0.0, 0.0)) == pytest.approx([0, 0])
    plateau = SURFACES["plateau"]
    steepest = np.linalg.norm(slope_at(plateau, (1.0, 0.0)))
    assert steepest / np.linalg.norm(slope_at(plateau, plateau.start)) == pytest.approx(112, abs=1)


def test_names() -> None:
    assert surface_named("Beale") is SURFACES["beale"]
    with pytest.raises(UnknownNameError, match=r"rosenbrok.*rosenbrock"):
        surface_named("rosenbrok")


OWN: dict[str, Any] = {
    "name": "own", "formula": "x**2 + y**2", "height": lambda x, y: x * x + y * y,
    "minima": ((0, 0),), "start": (1, 1), "low": (-2, -2), "high": (2, 2),
}  # fmt: skip


def test_one_of_ones_own() -> None:
    assert race(Surface(**OWN), ["sgd=0.5"], steps=2).runners[0].losses.tolist() == [2, 0, 0]


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"minima": ()}, ArgumentError, "minima must be a tuple of places"),
        ({"minima": ((0, np.nan),)}, ArgumentError, "A minimum must be 2 finite numbers"),
        ({"start": (1,)}, ArgumentError, "start must be 2 finite numbers"),
        ({"low": (2, -2)}, ArgumentError, "low must be below high"),
        ({"height": 3.0}, ArgumentError, "height must be a function of x and y"),
        ({"height": lambda x, y: stack([x, y])}, ShapeError, "element by element"),
    ],
)
def test_what_is_refused(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        race(Surface(**(OWN | change)), ["sgd"])
