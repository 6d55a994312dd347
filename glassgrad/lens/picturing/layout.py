"""Where the boxes of a picture stand: layers of a graph, ordered so that few lines cross.

The method of Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system
structures", 1981: each box gets a rank, long lines are cut into pieces of one rank each, the
order within a rank follows the neighbours, and the places are then chosen as close to the
neighbours as the widths allow.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from glassgrad.errors import GraphError

__all__ = ["Layout", "Point", "Size", "laid_out"]

Size: TypeAlias = tuple[float, float]
Point: TypeAlias = tuple[float, float]
Edge: TypeAlias = tuple[str, str]

SWEEPS = 12
LANE = 30.0  # the width that a line takes where it passes boxes
BOX_GAP = 26.0  # between boxes of one rank
GIVING_WAY = 1e4  # how much more it counts where one place is wanted than another
STRAIGHT = 0.5  # lines that are this close to straight are


@dataclass(frozen=True)
class Layout:
    """Places in a picture whose left upper corner is (0, 0); ranks go down.

    Args:
        centres: of every box.
        routes: for every edge the points that it passes, from the bottom of its source to the top
            of its target; between two of them it may bend, and at each it runs straight down.
        size: width and height of the whole.
        sizes: of every box, as they were given.
    """

    centres: Mapping[str, Point]
    routes: Sequence[Sequence[Point]]
    size: Size
    sizes: Mapping[str, Size]


@dataclass
class _Grid:
    """Boxes and pieces of lines by rank, each known by a key."""

    sizes: dict[Hashable, Size]
    ranks: list[list[Hashable]]
    above: dict[Hashable, list[Hashable]] = field(default_factory=lambda: defaultdict(list))
    below: dict[Hashable, list[Hashable]] = field(default_factory=lambda: defaultdict(list))

    def connect(self, upper: Hashable, lower: Hashable) -> None:
        self.below[upper].append(lower)
        self.above[lower].append(upper)


def laid_out(
    sizes: Mapping[str, Size],
    edges: Sequence[Edge],
    *,
    rank_gap: float = 46.0,
    port_gap: float = 30.0,
    stub: float = 0.0,
) -> Layout:
    """Find places for boxes so that every edge goes down.

    Args:
        sizes: width and height of every box.
        edges: from which box to which, each pair once; without circles.
        rank_gap: the room for lines between two ranks.
        port_gap: between lines that meet at one box.
        stub: how far a line runs straight before it reaches its target.

    Raises:
        GraphError: the edges go round in a circle.

    Example:
        >>> found = laid_out({"x": (40, 20), "y": (60, 20)}, [("x", "y")], rank_gap=30)
        >>> found.centres, found.routes, found.size
        ({'x': (30.0, 10.0), 'y': (30.0, 60.0)}, [[(30.0, 20.0), (30.0, 50.0)]], (60.0, 70.0))
    """
    rank_of = _ranks(list(sizes), edges)
    grid, chains = _grid(sizes, edges, rank_of)
    _order(grid)
    across = _across(grid)
    left = min((across[key] - grid.sizes[key][0] / 2 for key in across), default=0.0)
    across = {key: x - left for key, x in across.items()}
    tops, heights = _rows(grid, rank_gap)
    centres = {
        name: (across[name], tops[rank_of[name]] + heights[rank_of[name]] / 2) for name in sizes
    }
    width = max((across[key] + grid.sizes[key][0] / 2 for key in across), default=0.0)
    height = tops[-1] + heights[-1] if tops else 0.0
    outgoing, incoming = _ports(sizes, edges, chains, across, port_gap)
    routes = []
    for number, ((source, target), chain) in enumerate(zip(edges, chains, strict=True)):
        start = (outgoing[number], centres[source][1] + sizes[source][1] / 2)
        end = (incoming[number], centres[target][1] - sizes[target][1] / 2)
        passed = []
        for rank, piece in enumerate(chain, rank_of[source] + 1):
            x = across[piece]
            passed += [(x, tops[rank]), (x, tops[rank] + heights[rank])]
        # A box that is lower than its row leaves a way straight down to the row's border.
        before = (start[0], tops[rank_of[source]] + heights[rank_of[source]])
        after = (end[0], tops[rank_of[target]] - stub)
        routes.append(_without_repeats([start, before, *passed, after, end]))
    return Layout(centres, routes, (width, height), dict(sizes))


def _without_repeats(points: Sequence[Point]) -> list[Point]:
    kept = [points[0], *(b for a, b in pairwise(points) if a != b)]
    # What lies between two points straight above each other says nothing.
    return [
        point
        for number, point in enumerate(kept)
        if not (0 < number < len(kept) - 1
                and kept[number - 1][0] == point[0] == kept[number + 1][0])
    ]  # fmt: skip


# ---- ranks


def _ranks(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """The longest way from a source; sources stand right above the first box that reads them."""
    before, after = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for source, target in edges:
        before[target].append(source)
        after[source].append(target)
    waiting = {name: len(before[name]) for name in names}
    ready = [name for name in names if not waiting[name]]
    ranks: dict[str, int] = {}
    while ready:
        name = ready.pop(0)
        ranks[name] = max((ranks[one] + 1 for one in before[name]), default=0)
        for other in after[name]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    if len(ranks) < len(names):
        raise GraphError("A picture has no circles. Got edges that lead back to where they began.")
    for name in names:
        if not before[name] and after[name]:
            ranks[name] = min(ranks[other] for other in after[name]) - 1
    lowest = min(ranks.values(), default=0)
    return {name: rank - lowest for name, rank in ranks.items()}


def _grid(
    sizes: Mapping[str, Size], edges: Sequence[Edge], rank_of: Mapping[str, int]
) -> tuple[_Grid, list[list[Hashable]]]:
    """Boxes and pieces of long edges by rank, and the pieces of each edge."""
    grid = _Grid(
        dict[Hashable, Size](sizes.items()),
        [[] for _ in range(1 + max(rank_of.values(), default=-1))],
    )
    for name, rank in rank_of.items():
        grid.ranks[rank].append(name)
    chains: list[list[Hashable]] = []
    for number, (source, target) in enumerate(edges):
        pieces: list[Hashable] = [
            (number, rank) for rank in range(rank_of[source] + 1, rank_of[target])
        ]
        for piece, rank in zip(pieces, range(rank_of[source] + 1, rank_of[target]), strict=True):
            grid.sizes[piece] = (LANE, 0.0)
            grid.ranks[rank].append(piece)
        for upper, lower in pairwise([source, *pieces, target]):
            grid.connect(upper, lower)
        chains.append(pieces)
    return grid, chains


# ---- order within ranks


def _order(grid: _Grid) -> None:
    """Sort each rank by the mean place of its neighbours, and keep the order that crosses least."""
    best, fewest = [list(rank) for rank in grid.ranks], _crossings(grid)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        down = sweep % 2 == 0
        ranks = grid.ranks[1:] if down else grid.ranks[-2::-1]
        neighbours = grid.above if down else grid.below
        place = {key: number for rank in grid.ranks for number, key in enumerate(rank)}
        for rank in ranks:
            rank.sort(key=lambda key: _mean([place[one] for one in neighbours[key]], place[key]))
            place.update({key: number for number, key in enumerate(rank)})
        found = _crossings(grid)
        if found < fewest:
            best, fewest = [list(rank) for rank in grid.ranks], found
    grid.ranks[:] = best


def _crossings(grid: _Grid) -> int:
    count = 0
    for upper, lower in pairwise(grid.ranks):
        place = {key: number for number, key in enumerate(lower)}
        ends = [sorted(place[one] for one in grid.below[key]) for key in upper]
        flat = [end for several in ends for end in several]
        count += sum(a > b for number, a in enumerate(flat) for b in flat[number + 1 :])
    return count


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


# ---- places within ranks


def _across(grid: _Grid) -> dict[Hashable, float]:
    """A place for each key: in line with its neighbours, as far as the widths of others allow."""
    across: dict[Hashable, float] = {}
    runs = _runs(grid)
    weights = _weights(grid, runs)
    for rank in grid.ranks:
        _put(grid, rank, dict.fromkeys(rank, 0.0), weights, across)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 1  # the last one goes down
        neighbours = grid.above if down else grid.below
        for rank in grid.ranks if down else grid.ranks[::-1]:
            wanted = {key: _wanted(key, neighbours.get(key, ()), runs, across) for key in rank}
            _put(grid, rank, wanted, weights, across)
    return across


def _runs(grid: _Grid) -> dict[Hashable, int]:
    """For each box how many follow each other, rank by rank, in the longest run through it."""
    lengths = dict[Hashable, int]()
    for ranks, neighbours in ((grid.ranks, grid.above), (grid.ranks[::-1], grid.below)):
        reached: dict[Hashable, int] = {}
        for key in (key for rank in ranks for key in rank if isinstance(key, str)):
            before = [one for one in neighbours.get(key, ()) if isinstance(one, str)]
            reached[key] = max((reached[one] + 1 for one in before), default=0)
            lengths[key] = lengths.get(key, 0) + reached[key]
    return lengths


def _weights(grid: _Grid, runs: Mapping[Hashable, int]) -> dict[Hashable, float]:
    """Who gives way where there is no room: lines to boxes, and boxes to those of longer runs."""
    weights: dict[Hashable, float] = {}
    for rank in grid.ranks:
        order = sorted({runs[key] for key in rank if key in runs})
        for key in rank:
            is_box = key in runs
            weights[key] = GIVING_WAY ** order.index(runs[key]) if is_box else 1 / GIVING_WAY
    return weights


def _wanted(
    key: Hashable,
    neighbours: Sequence[Hashable],
    runs: Mapping[Hashable, int],
    across: Mapping[Hashable, float],
) -> float:
    """In line with neighbours of its own kind: boxes in runs, and pieces of one line."""
    own = [one for one in neighbours if (one in runs) == (key in runs)]
    longest = max((runs.get(one, 0) for one in own), default=0)
    chosen = [one for one in own if runs.get(one, 0) == longest] or neighbours
    return _mean([across[one] for one in chosen], across[key])


def _put(
    grid: _Grid,
    rank: Sequence[Hashable],
    wanted: Mapping[Hashable, float],
    weights: Mapping[Hashable, float],
    across: dict[Hashable, float],
) -> None:
    """The places nearest to those that are wanted, in least squares, without overlaps.

    Without the widths this is isotonic regression: neighbours that would change their order
    share the mean of their wishes (pool adjacent violators).
    """
    shifts = [0.0]
    for left, right in pairwise(rank):
        gap = BOX_GAP if isinstance(left, str) and isinstance(right, str) else BOX_GAP / 2
        shifts.append(shifts[-1] + (grid.sizes[left][0] + grid.sizes[right][0]) / 2 + gap)
    pools: list[tuple[float, float, int]] = []  # sum of weighted wishes, weight, how many
    for key, shift in zip(rank, shifts, strict=True):
        weight = weights[key]
        pool = ((wanted[key] - shift) * weight, weight, 1)
        while pools and pools[-1][0] / pools[-1][1] > pool[0] / pool[1]:
            pool = (pools[-1][0] + pool[0], pools[-1][1] + pool[1], pools[-1][2] + pool[2])
            pools.pop()
        pools.append(pool)
    means = [total / weight for total, weight, count in pools for _ in range(count)]
    across.update(zip(rank, (m + s for m, s in zip(means, shifts, strict=True)), strict=True))


def _rows(grid: _Grid, gap: float) -> tuple[list[float], list[float]]:
    """The upper border and the height of every rank."""
    heights = [max((grid.sizes[key][1] for key in rank), default=0.0) for rank in grid.ranks]
    tops, y = [], 0.0
    for height in heights:
        tops.append(y)
        y += height + gap
    return tops, heights


# ---- where lines touch boxes


def _ports(
    sizes: Mapping[str, Size],
    edges: Sequence[Edge],
    chains: Sequence[Sequence[Hashable]],
    across: Mapping[Hashable, float],
    gap: float,
) -> tuple[dict[int, float], dict[int, float]]:
    """Where each edge leaves its source and reaches its target, side by side."""
    leaving, reaching = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
    for number, (source, target) in enumerate(edges):
        leaving[source].append(number)
        reaching[target].append(number)
    first = {n: across[([*chains[n], edge[1]])[0]] for n, edge in enumerate(edges)}
    last = {n: across[([edge[0], *chains[n]])[-1]] for n, edge in enumerate(edges)}
    outgoing, incoming = dict[int, float](), dict[int, float]()
    for numbers, name, towards, found in (
        *((numbers, name, first, outgoing) for name, numbers in leaving.items()),
        *((numbers, name, last, incoming) for name, numbers in reaching.items()),
    ):
        found.update(_spread(numbers, towards, across[name], sizes[name][0], gap))
    return outgoing, incoming


def _spread(
    numbers: Sequence[int], towards: Mapping[int, float], centre: float, width: float, gap: float
) -> dict[int, float]:
    """Places at one side of a box; a line that comes straight keeps the middle."""
    ordered = sorted(numbers, key=lambda number: towards[number])
    straight = [place for place, n in enumerate(ordered) if abs(towards[n] - centre) < STRAIGHT]
    middle = straight[0] if straight else (len(ordered) - 1) / 2
    furthest = max(middle, len(ordered) - 1 - middle, 1)
    gap = min(gap, (width / 2 - 12) / furthest)
    return {n: centre + (place - middle) * gap for place, n in enumerate(ordered)}
