"""Races: every path is what the optimizer's formula gives, computed here by plain loops."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.errors import ArgumentError, DataError, UnknownNameError
from glassgrad.lens import SURFACES, Race, Runner, race, race_everywhere
from glassgrad.lens.racing.runners import GRID
from glassgrad.optimizers import SGD, Adam
from glassgrad.optimizers.schedules import ExponentialDecay

# Gradients by hand, and optimizers by their formulas: nothing here is the package's.
SLOPES: dict[str, Callable[[float, float], tuple[float, float]]] = {
    "ravine": lambda x, y: (x, 100 * y),
    "rosenbrock": lambda x, y: (2 * (x - 1) - 400 * x * (y - x * x), 200 * (y - x * x)),
    "himmelblau": lambda x, y: (
        4 * x * (x * x + y - 11) + 2 * (x + y * y - 7),
        2 * (x * x + y - 11) + 4 * y * (x + y * y - 7),
    ),
    "plateau": lambda x, y: (x * np.exp(-(x * x + y * y) / 2), y * np.exp(-(x * x + y * y) / 2)),
}


def sgd(place: Any, slope: Any, rate: float, state: dict[str, Any]) -> Any:
    return place - rate * slope


def momentum(place: Any, slope: Any, rate: float, state: dict[str, Any]) -> Any:
    state["v"] = 0.9 * state.get("v", 0.0) - rate * slope
    return place + state["v"]


def nesterov(place: Any, slope: Any, rate: float, state: dict[str, Any]) -> Any:
    state["v"] = 0.9 * state.get("v", 0.0) - rate * slope
    return place + 0.9 * state["v"] - rate * slope


def adam(place: Any, slope: Any, rate: float, state: dict[str, Any]) -> Any:
    state["t"] = t = state.get("t", 0) + 1
    state["m"] = 0.9 * state.get("m", 0.0) + 0.1 * slope
    state["v"] = 0.999 * state.get("v", 0.0) + 0.001 * slope**2
    corrected = rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return place - corrected * state["m"] / (np.sqrt(state["v"]) + 1e-7)


FORMULAS = {"sgd": sgd, "momentum": momentum, "nesterov": nesterov, "adam": adam}


def by_hand(surface: str, name: str, rate: float, start: tuple[float, float], steps: int) -> Any:
    place, state, path = np.array(start), {}, [np.array(start)]  # type: ignore[var-annotated]
    for _ in range(steps):
        slope = np.array(SLOPES[surface](*place))
        place = FORMULAS[name](place, slope, rate, state)
        path.append(place)
    return np.array(path)


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("surface", SLOPES)
def test_a_path_is_what_the_formula_gives(surface: str, name: str) -> None:
    rate = {"plateau": 0.5, "ravine": 0.005}.get(surface, 0.0005)
    (runner,) = race(surface, [f"{name}={rate}"], steps=30).runners
    expected = by_hand(surface, name, rate, SURFACES[surface].start, 30)
    assert runner.points == pytest.approx(expected, rel=1e-9, abs=1e-9)
    x, y = expected.T
    heights = eval(SURFACES[surface].formula, {"exp": np.exp}, {"x": x, "y": y})
    assert runner.losses == pytest.approx(heights, rel=1e-8, abs=1e-10)
    minima = np.array(SURFACES[surface].minima)
    nearest = min(np.hypot(*(expected[-1] - one)) for one in minima)
    assert runner.distance == pytest.approx(nearest, rel=1e-9)


def test_descent_diverges_above_two_by_the_curvature() -> None:
    below, above = race("ravine", ["sgd=0.0199", "sgd=0.0201"], steps=400).runners
    # 50 y^2 falls by 0.99^2 a step, from 4.5 of 6.12, and x is long at its end.
    assert below.reached == math.ceil(math.log(4.5 / 6.12e-3) / (-2 * math.log(0.99)))
    assert above.verdict == "diverges"


def test_what_goes_far_is_stopped() -> None:
    (runner,) = race("rosenbrock", ["sgd=1"], steps=50).runners
    assert runner.diverged
    assert runner.steps < 10


def test_a_tuned_rate_is_the_best_of_the_grid() -> None:
    (tuned,) = race("ravine", ["momentum"], steps=30).runners
    every = race("ravine", [f"momentum={rate}" for rate in GRID[:7]], steps=30).runners
    arrived = [one for one in every if one.reached is not None and not one.diverged]
    ends = [one.losses[-1] for one in every if np.isfinite(one.losses[-1])]
    assert not arrived
    assert tuned.losses[-1] == min(ends)
    (faster,) = race("bowl", ["sgd"], steps=40).runners
    both = race("bowl", ["sgd=0.3", "sgd=0.1"], steps=40).runners
    assert faster.learning_rate == 0.3
    assert [one.reached for one in both] == [4, 16]  # of f = r^2: 0.4^2n and 0.8^2n below 0.001


def test_where_rates_come_from() -> None:
    found = race("bowl", ["adam", "sgd=0.1", SGD(0.2, name="own")], steps=2, tune=False)
    assert [one.origin for one in found.runners] == ["default", "given", "given"]
    assert [one.learning_rate for one in found.runners] == [0.001, 0.1, 0.2]
    told = " ".join(found.remarks())
    assert "Learning rates of adam are the defaults" in told
    assert "Learning rates of sgd, own were given" in told
    assert "tuned" not in told
    assert "Learning rates of sgd were tuned" in str(race("bowl", ["sgd"], steps=2))


def test_an_optimizer_as_such_stays_as_it_was() -> None:
    own = Adam(ExponentialDecay(0.1, 5, 0.5))
    first, second = (race("beale", [own], steps=12).runners[0] for _ in range(2))
    assert np.array_equal(first.points, second.points)
    assert int(own.iterations.numpy()) == 0
    assert own.built_for == []
    assert first.learning_rate == 0.1
    (clipped,) = race("rosenbrock", [SGD(0.01, global_clipnorm=1.0)], steps=1).runners
    assert np.hypot(*(clipped.points[1] - clipped.points[0])) == pytest.approx(0.01)


def test_names_of_one_kind_tell_their_rates() -> None:
    found = race("bowl", ["sgd=0.1", "sgd=0.3", "adam=0.1"], steps=2)
    assert [one.name for one in found.runners] == ["sgd=0.1", "sgd=0.3", "adam"]


@pytest.fixture(scope="module")
def found() -> Race:
    return race("ravine", ["sgd=0.021", "momentum=0.01"], steps=150)


def test_the_text_tells_what_became_of_each(found: Race) -> None:
    text = str(found)
    assert "minimum 0 at (0, 0); start (-1.8, 0.3)" in text
    assert re.search(r"sgd +0\.021 +- .* diverges", text)
    assert re.search(r"momentum +0\.01 +65 .* arrives in step 65", text)


def test_files(found: Race, tmp_path: Path) -> None:
    document = json.loads(found.save(tmp_path / "race.json").read_text("utf-8"))
    assert [one["diverged"] for one in document["runners"]] == [True, False]
    assert document["runners"][1]["points"] == found.runners[1].points.tolist()
    rows = list(csv.DictReader(found.save(tmp_path / "race.csv").read_text("utf-8").splitlines()))
    assert len(rows) == sum(one.steps + 1 for one in found.runners)
    assert float(rows[1]["x"]) == found.runners[0].points[1, 0]
    with pytest.raises(ArgumentError, match="must end in"):
        found.save(tmp_path / "race.gif")


def test_the_page_follows_every_step(found: Race) -> None:
    page = found.html()
    line = re.search(r'<g id="stepped-1">\s*<path d="([^"]*)"', page)
    assert line is not None
    assert len(re.findall("[ML]", line[1])) == 151
    assert 'id="stepped-0-leaves"' in page
    assert 'aria-label="Optimizers on the surface ravine' in page
    assert not re.search(r"""(src|href)\s*=\s*["']?http|url\(["']?http""", page)


def test_all_surfaces() -> None:
    heard: list[str] = []
    found = race_everywhere(["momentum=0.01"], steps=15, on_surface=heard.append)
    assert heard == list(SURFACES) == [one.surface.name for one in found.races]
    svg = found.chart()
    assert [axes.get_title() for axes in svg.axes[: len(SURFACES)]] == heard
    assert "Step of arrival" in str(found)
    assert len(found.as_dict()["races"]) == len(SURFACES)
    columns, rows = found.records()
    assert columns[0] == "surface"
    paths = [one for race in found.races for one in race.runners]
    assert len(rows) == sum(one.steps + 1 for one in paths)
    assert sum(one.steps == 15 for one in paths) == len(SURFACES) - 1  # rosenbrock's flies off


def test_a_start_at_the_minimum() -> None:
    (runner,) = race("bowl", ["adam=0.1"], steps=3, start=[0, 0]).runners
    assert isinstance(runner, Runner)
    assert runner.reached == 0


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"surface": "hill"}, UnknownNameError, "Unknown surface 'hill'"),
        ({"optimizers": ["adm"]}, UnknownNameError, "Unknown optimizer 'adm'.*adam"),
        ({"optimizers": ["sgd=fast"]}, ArgumentError, "learning rate must be a number from 0"),
        ({"optimizers": ["sgd=-1"]}, ArgumentError, "Got '-1'"),
        ({"optimizers": [3]}, ArgumentError, "An optimizer is a name"),
        ({"optimizers": []}, ArgumentError, "From one to 7"),
        ({"optimizers": ["sgd"] * 8}, ArgumentError, "From one to 7"),
        ({"optimizers": ["sgd", "sgd"]}, ArgumentError, "Got 'sgd' twice"),
        ({"optimizers": ["sgd=0.1", "sgd=0.1"]}, ArgumentError, "Got 'sgd=0.1' twice"),
        ({"steps": 0}, ArgumentError, "steps must be from 1"),
        ({"start": [1.0]}, ArgumentError, "start must be 2 finite numbers"),
        ({"start": [np.inf, 0]}, ArgumentError, "start must be 2 finite numbers"),
        ({"start": [1e200, 0]}, DataError, "must be finite"),
    ],
)
def test_what_is_refused(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        race(**{"surface": "bowl", **arguments})
