"""Boxes stand in ranks without overlaps, lines go down, and what is straight stays straight."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from glassgrad.errors import GraphError
from glassgrad.lens.picturing.layout import Layout, laid_out

CHAIN = [(str(n), str(n + 1)) for n in range(6)]
RESIDUAL = [*CHAIN, ("0", "3"), ("3", "6")]
WITH_SHORTCUT = [*CHAIN, ("0", "a"), ("a", "b"), ("b", "5")]
DIAMOND = [("x", "left"), ("x", "right"), ("left", "y"), ("right", "y")]


def random_edges(seed: int) -> list[tuple[str, str]]:
    rng = np.random.default_rng(seed)
    pairs = [(a, b) for a, b in combinations(range(14), 2) if rng.random() < 0.2]
    return [(str(a), str(b)) for a, b in pairs]


EXAMPLES = [CHAIN, RESIDUAL, WITH_SHORTCUT, DIAMOND, *map(random_edges, range(6))]


def found(edges: list[tuple[str, str]], **options: float) -> Layout:
    names = dict.fromkeys(name for edge in edges for name in edge)
    sizes = {name: (40.0 + 10 * (hash(int(name, 36)) % 5), 20.0) for name in names}
    return laid_out(sizes, edges, **options)


@pytest.mark.parametrize("edges", EXAMPLES)
def test_boxes_do_not_overlap_and_lie_inside(edges: list[tuple[str, str]]) -> None:
    layout = found(edges)
    borders = {
        name: (x - layout.sizes[name][0] / 2, y - 10, x + layout.sizes[name][0] / 2, y + 10)
        for name, (x, y) in layout.centres.items()
    }
    for a, b in combinations(borders.values(), 2):
        assert a[2] <= b[0] + 1e-6 or b[2] <= a[0] + 1e-6 or a[3] <= b[1] or b[3] <= a[1]
    width, height = layout.size
    for left, top, right, bottom in borders.values():
        assert left >= -1e-6
        assert top >= 0
        assert right <= width + 1e-6
        assert bottom <= height


@pytest.mark.parametrize("edges", EXAMPLES)
def test_lines_go_down_from_their_source_to_their_target(edges: list[tuple[str, str]]) -> None:
    layout = found(edges, stub=12.0)
    for (source, target), route in zip(edges, layout.routes, strict=True):
        assert route[0][1] == layout.centres[source][1] + 10
        assert route[-1][1] == layout.centres[target][1] - 10
        assert abs(route[0][0] - layout.centres[source][0]) <= layout.sizes[source][0] / 2
        assert abs(route[-1][0] - layout.centres[target][0]) <= layout.sizes[target][0] / 2
        assert all(a[1] < b[1] for a, b in pairwise(route))


@pytest.mark.parametrize("edges", EXAMPLES)
def test_lines_pass_no_box(edges: list[tuple[str, str]]) -> None:
    layout = found(edges)
    for (source, target), route in zip(edges, layout.routes, strict=True):
        for name, (x, y) in layout.centres.items():
            if name not in (source, target):
                beside = [px for (px, top), (qx, bottom) in pairwise(route)
                          if top < y < bottom and px == qx]  # fmt: skip
                assert all(abs(px - x) > layout.sizes[name][0] / 2 for px in beside)


@pytest.mark.parametrize("edges", [CHAIN, RESIDUAL, WITH_SHORTCUT])
def test_the_longest_run_stands_in_one_line(edges: list[tuple[str, str]]) -> None:
    layout = found(edges)
    assert len({round(layout.centres[str(n)][0], 1) for n in range(7)}) == 1
    assert all(
        len(route) == 2 for edge, route in zip(edges, layout.routes, strict=True) if edge in CHAIN
    )


def test_a_diamond_is_symmetrical() -> None:
    layout = laid_out(dict.fromkeys(("x", "left", "right", "y"), (40.0, 20.0)), DIAMOND)
    x = {name: centre[0] for name, centre in layout.centres.items()}
    assert x["x"] == x["y"] == (x["left"] + x["right"]) / 2


def test_lines_do_not_cross_where_they_need_not() -> None:
    edges = [("a", "d"), ("b", "c"), ("c", "z"), ("d", "z")]
    layout = laid_out(dict.fromkeys("abcdz", (40.0, 20.0)), edges)
    x = {name: centre[0] for name, centre in layout.centres.items()}
    assert (x["a"] < x["b"]) == (x["d"] < x["c"])


def test_a_source_stands_above_the_first_that_reads_it() -> None:
    layout = laid_out(dict.fromkeys("abcw", (40.0, 20.0)), [("a", "b"), ("b", "c"), ("w", "c")])
    assert layout.centres["w"][1] == layout.centres["b"][1]


def test_one_box_and_none() -> None:
    assert laid_out({"x": (40.0, 20.0)}, []).size == (40.0, 20.0)
    assert laid_out({}, []).size == (0.0, 0.0)


def test_a_circle_is_refused() -> None:
    with pytest.raises(GraphError, match="no circles"):
        laid_out(dict.fromkeys("ab", (1.0, 1.0)), [("a", "b"), ("b", "a")])
