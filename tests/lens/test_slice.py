"""The loss along weights: values, slopes, curvature, minima, descents, and what is refused."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import Tensor, Variable, layers
from glassgrad.errors import (
    ArgumentError,
    DataError,
    GlassgradError,
    GradientError,
    NotBuiltError,
    ShapeError,
    UnknownNameError,
)
from glassgrad.graph import float_type
from glassgrad.lens import LossPlane, LossSlice, loss_plane, loss_slice
from glassgrad.lens.section import Section, along_weight, lowest_point, random_directions
from glassgrad.lens.subject import subject_of
from glassgrad.models import Sequential
from glassgrad.random_seed import seeded


def parabola(a: float = 3.0, b: float = 1.0) -> Tensor:
    """2 (a - 1)^2 + 10 b^2: minimum 0 at (1, 0), curvatures 4 and 20."""
    with float_type("float64"):
        one, two = Variable(a, name="a"), Variable(b, name="b")
        return 2.0 * (one - 1.0).square() + 10.0 * two.square()


@pytest.fixture(scope="module")
def network() -> tuple[Sequential, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    with seeded(0), float_type("float64"):
        model = Sequential(
            [
                layers.Input((3,)),
                layers.Dense(4, "tanh", name="hidden"),
                layers.Dense(1, name="output"),
            ]
        )
        model.compile("sgd", "mse")
    return model, rng.normal(size=(8, 3)), rng.normal(size=(8, 1))


def by_hand(weights: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> float:
    kernel, bias, out, last = weights
    return float(np.mean((np.tanh(x @ kernel + bias) @ out + last - y) ** 2))


# ---- the section


def test_values_and_slopes_are_those_of_the_network_with_one_weight_moved(network: Any) -> None:
    model, x, y = network
    found = loss_slice(model, x, y, weight="hidden/kernel[2, 1]", points=7)
    for value, loss, slope in zip(found.points, found.losses, found.slopes, strict=True):
        losses = []
        for moved in (value, value + 1e-5, value - 1e-5):
            weights = model.get_weights()
            weights[0][2, 1] = moved
            losses.append(by_hand(weights, x, y))
        assert loss == pytest.approx(losses[0], rel=1e-12)
        assert slope == pytest.approx((losses[1] - losses[2]) / 2e-5, rel=1e-6, abs=1e-9)


def test_both_spellings_of_a_name(network: Any) -> None:
    model, x, y = network
    one, other = (
        loss_slice(model, x, y, weight=name, points=3)
        for name in ("hidden/kernel[2,1]", " hidden.kernel[2, 1] ")
    )
    assert one.weight == other.weight == "hidden/kernel[2, 1]"
    np.testing.assert_array_equal(one.losses, other.losses)


def test_the_weights_of_the_network_stay(network: Any) -> None:
    model, x, y = network
    before = model.get_weights()
    loss_plane(model, x, y, points=3, steps=2)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_curvature_is_the_second_derivative() -> None:
    subject = subject_of(parabola())
    section = Section(subject, [along_weight(subject, "a"), along_weight(subject, "b")])
    at = np.array([5.0, -2.0])
    assert section.value(at) == 72.0
    np.testing.assert_array_equal(section.slope(at), [16.0, -40.0])
    np.testing.assert_array_equal(section.curvature(at), [[4.0, 0.0], [0.0, 20.0]])


def test_a_flat_minimum_has_no_parabola() -> None:
    w = Variable(1.5, name="w", dtype="float64")
    found = loss_slice(w.square().square())
    assert found.valley.is_flat
    assert found.valley.curvature == pytest.approx(12 * found.points[0] ** 2, rel=0.3)
    assert all(one.losses[-1] < one.losses[0] for one in found.descents)
    assert "The minimum is flat" in str(found)


def test_where_nothing_bends_upwards_no_rate_follows() -> None:
    w = Variable(1.0, name="w", dtype="float64")
    for loss in (w * 3.0, -w.square(), glassgrad.ops.abs(w)):
        assert "does not bend upwards" in str(loss_slice(loss))


def test_a_single_number_has_no_place() -> None:
    with pytest.raises(ArgumentError, match="its name is enough"):
        loss_slice(Variable(1.0, name="w").square(), weight="w[0]")


def test_a_plane_of_no_weights_is_refused() -> None:
    frozen = Sequential([layers.Input((2,)), layers.Dense(1, trainable=False)])
    frozen.compile("sgd", "mse")
    with pytest.raises(GradientError, match="no weight"):
        loss_plane(frozen, np.ones((3, 2)), np.ones((3, 1)))


@pytest.mark.parametrize("start", [-3.0, 0.4, 0.0, 2.5])
def test_the_lowest_point_is_found_from_slopes_peaks_and_saddles(start: float) -> None:
    with float_type("float64"):
        w = Variable(start, name="w")
        loss = (w.square() - 1.0).square() + 0.1 * w  # minima near -1 and 1, a peak near 0
    subject = subject_of(loss)
    section = Section(subject, [along_weight(subject, "w")])
    lowest = lowest_point(section)
    assert section.slope(lowest)[0] == pytest.approx(0.0, abs=1e-6)
    assert section.curvature(lowest)[0, 0] > 0


def test_random_directions_are_as_long_as_the_filters_that_they_move(network: Any) -> None:
    model, x, y = network
    subject = subject_of(model, x, y)
    first, second = random_directions(subject, 2, seed=3)
    kernel = model.get_weights()[0]
    for direction in (first, second):
        moved = direction.arrays["hidden/kernel"]
        np.testing.assert_allclose(np.linalg.norm(moved, axis=0), np.linalg.norm(kernel, axis=0))
        assert "hidden/bias" not in direction.arrays
    assert not np.allclose(first.arrays["hidden/kernel"], second.arrays["hidden/kernel"])
    again = random_directions(subject, 1, seed=3)[0]
    np.testing.assert_array_equal(again.arrays["hidden/kernel"], first.arrays["hidden/kernel"])


# ---- descents


def test_rates_follow_from_the_curvature_and_do_what_they_promise() -> None:
    found = loss_slice(parabola(), weight="a", steps=100)
    assert found.valley.curvature == pytest.approx(4.0)
    assert found.valley.lowest[0] == pytest.approx(1.0)
    small, good, large = found.descents
    assert [one.learning_rate for one in found.descents] == pytest.approx([0.025, 0.25, 0.525])
    assert good.reached == 1
    assert small.reached == 33  # 0.9^(2 n) <= 0.001
    assert large.diverged
    distance = good.points[0, 0] - 1.0
    np.testing.assert_allclose(small.points[:5, 0], 1.0 + distance * 0.9 ** np.arange(5))
    np.testing.assert_allclose(large.points[:5, 0], 1.0 + distance * (-1.1) ** np.arange(5))


def test_what_a_rate_above_the_limit_brings_near_does_not_arrive() -> None:
    # The steep direction is begun so near its minimum that it needs many steps to leave it.
    a, b = Variable(1.0, name="a"), Variable(1.0, name="b")
    plane = loss_plane(
        a * a + 0.5 * b * b, weights=["a", "b"], points=3, start=(1e-9, 1.0), steps=60
    )
    last = plane.descents[-1]
    assert last.reached is not None
    assert last.verdict == "comes near, but cannot stay"
    assert plane.descents[1].verdict.startswith("arrives")


def test_rates_start_and_limits_that_are_given() -> None:
    found = loss_slice(
        parabola(), weight="a", learning_rates=[0.1], start=2.0, limits=(0.0, 2.0), points=5
    )
    np.testing.assert_array_equal(found.points, [0.0, 0.5, 1.0, 1.5, 2.0])
    (descent,) = found.descents
    np.testing.assert_allclose(descent.points[:3, 0], [2.0, 1.6, 1.36])
    assert "were given" in str(found)


def test_a_plane_is_limited_by_its_largest_curvature() -> None:
    found = loss_plane(parabola(), weights=["a", "b"], points=5, steps=60)
    assert found.valley.curvature == pytest.approx(20.0)
    np.testing.assert_allclose(found.valley.lowest, [1.0, 0.0], atol=1e-9)
    expected = 2 * (found.xs - 1) ** 2 + 10 * found.ys[:, np.newaxis] ** 2
    np.testing.assert_allclose(found.losses, expected, atol=1e-12)
    assert [one.diverged for one in found.descents] == [False, False, True]


def test_without_a_minimum_it_says_so() -> None:
    with float_type("float64"):
        w = Variable(0.5, name="w")
        found = loss_slice((-w).exp())
    assert not found.valley.has_minimum
    assert "There is no minimum near" in str(found)


def test_a_weight_that_does_nothing_is_named() -> None:
    with float_type("float64"):
        w, v = Variable([1.0, 2.0], name="w"), Variable(1.0, name="v")
        loss = (w * np.array([1.0, 0.0])).sum().square() + v.square()
    found = loss_slice(loss, weight="w[1]", points=5)
    assert "does not depend on w[1]" in str(found)
    assert found.descents == ()


def test_the_weight_that_is_chosen_has_a_large_gradient_and_a_minimum() -> None:
    assert loss_slice(parabola(1.5, 2.0), points=3).weight == "b"


# ---- showing it


@pytest.fixture(scope="module")
def shown() -> tuple[LossSlice, LossPlane]:
    return (
        loss_slice(parabola(), weight="a", points=9, steps=5),
        loss_plane(parabola(), weights=["a", "b"], points=4, steps=5),
    )


@pytest.mark.parametrize("index", [0, 1])
def test_files_of_every_kind(index: int, shown: Any, tmp_path: Path) -> None:
    found = shown[index]
    document = json.loads(found.save(tmp_path / "a.json").read_text("utf-8"))
    assert document == found.as_dict()
    rows = list(csv.reader(found.save(tmp_path / "a.csv").read_text("utf-8").splitlines()))
    columns, records = found.records()
    assert tuple(rows[0]) == columns
    assert len(rows) == len(records) + 1
    assert found.save(tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in found.save(tmp_path / "a.svg").read_text("utf-8")
    page = found.save(tmp_path / "a.html").read_text("utf-8")
    assert 'type="range"' in page
    assert found.title in page
    assert found.save(tmp_path / "a.txt").read_text("utf-8") == f"{found}\n"


def test_an_unknown_kind_of_file_is_refused(shown: Any, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"\.png, \.svg, \.html"):
        shown[0].save(tmp_path / "a.gif")


def test_the_same_chart_is_the_same_file(shown: Any, tmp_path: Path) -> None:
    one, other = (shown[1].save(tmp_path / name).read_bytes() for name in ("a.svg", "b.svg"))
    assert one == other


# ---- what is refused


@pytest.mark.parametrize(
    "error,message,options",
    [
        (UnknownNameError, "Did you mean 'a'", {"weight": "aa"}),
        (ArgumentError, "Got \\[7\\]", {"weight": "a[7]"}),
        (ArgumentError, "named by its parameter", {"weight": "a[0"}),
        (ArgumentError, "points", {"points": 2}),
        (ArgumentError, "steps", {"steps": 0}),
        (ArgumentError, "learning_rates", {"learning_rates": []}),
        (ArgumentError, "learning_rates", {"learning_rates": [0.1, -1.0]}),
        (ArgumentError, "limits", {"limits": (2.0, 1.0)}),
        (ArgumentError, "start", {"start": float("nan")}),
    ],
)
def test_a_slice_that_is_refused(
    error: type[GlassgradError], message: str, options: dict[str, Any]
) -> None:
    with pytest.raises(error, match=message):
        loss_slice(parabola(), **options)


@pytest.mark.parametrize(
    "error,message,options",
    [
        (ArgumentError, "two weights", {"weights": ["a"]}),
        (ArgumentError, "a twice", {"weights": ["a", "a"]}),
        (ArgumentError, "seed", {"seed": -1}),
        (ShapeError, "no parameter has filters", {}),
        (ArgumentError, "start", {"weights": ["a", "b"], "start": [1.0]}),
    ],
)
def test_a_plane_that_is_refused(
    error: type[GlassgradError], message: str, options: dict[str, Any]
) -> None:
    with pytest.raises(error, match=message):
        loss_plane(parabola(), **options)


def test_a_loss_that_is_not_finite_or_has_no_weights() -> None:
    with float_type("float64"):
        w = Variable(0.0, name="w")
        with pytest.raises(DataError, match="finite"):
            loss_slice(w.log() * w, weight="w")
    with pytest.raises(GradientError, match="no weight"):
        loss_slice(Tensor(1.0) * 2)
    with pytest.raises(NotBuiltError, match="compile"):
        loss_slice(Sequential([layers.Input((1,)), layers.Dense(1)]), np.ones((1, 1)))


def test_a_page_has_every_step_of_a_long_descent(tmp_path: Path) -> None:
    found = loss_slice(parabola(), weight="a", learning_rates=[0.001], steps=300, points=3)
    chart = found.save(tmp_path / "long.svg").read_text("utf-8")
    height = chart[chart.index('id="stepped-0-height"') :]
    path = height[height.index(' d="') : height.index('"', height.index(' d="') + 4)]
    assert path.count("L") == 300
