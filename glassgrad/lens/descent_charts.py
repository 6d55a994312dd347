"""Pictures of descent: paths on a curve, paths on contours, the loss step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from glassgrad.graph.operation import Array
from glassgrad.lens.charts import COLOURS

__all__ = ["Box", "Path", "draw_contours", "draw_heights", "draw_path"]


CURVE = "#555555"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LEVELS = 18
MOST_DOTS = 40  # a longer path is a line alone
FLOOR = 1e-6  # of the first height: what is lower leaves the picture below


@dataclass(frozen=True)
class Box:
    """The part of the plane that is drawn."""

    low: tuple[float, float]
    high: tuple[float, float]

    def holds(self, points: Array) -> Array:
        """For each point whether it is inside; what is not finite is not."""
        return np.asarray(((points >= self.low) & (points <= self.high)).all(axis=-1))

    def border(self, inside: Array, outside: Array) -> Array:
        """Where the straight way from a point inside to one outside leaves."""
        way = outside - inside
        if not np.isfinite(way).all():
            return np.asarray(inside)
        limits = np.where(way > 0, self.high, self.low)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = np.where(way == 0, np.inf, (limits - inside) / way)
        return np.asarray(inside + way * min(1.0, float(shares.min())))

    def clamped(self, points: Array) -> Array:
        """Points outside moved to a little beyond the border, where they are not seen."""
        margin = 0.02 * (np.array(self.high) - self.low)
        return np.asarray(np.clip(points, self.low - margin, self.high + margin))


class Path(Protocol):
    """What can be drawn as a path of descent."""

    @property
    def name(self) -> str:
        """What it is called."""
        ...

    @property
    def points(self) -> Array:
        """Its places, one a step."""
        ...

    @property
    def heights(self) -> Array:
        """How far above the lowest point it is, one a step."""
        ...


def draw_path(axes: Any, points: Array, box: Box, index: int, label: str) -> bool:
    """Draw a path within a box; an arrow at the border says that it has left for good.

    Returns:
        Whether it has left.
    """
    inside = np.flatnonzero(box.holds(points))
    kept = points[: inside[-1] + 1] if len(inside) else points[:1]
    leaves = len(kept) < len(points)
    shown = box.clamped(kept)
    if leaves and len(inside):
        shown = np.vstack([shown, box.border(kept[-1], points[len(kept)])])
    colour, marker = COLOURS[index % len(COLOURS)], MARKERS[index % len(MARKERS)]
    name = f"stepped-{index}"
    dots = marker if len(points) <= MOST_DOTS else ""
    axes.plot(*shown.T, color=colour, lw=1.4, marker=dots, ms=3.5, label=label, gid=name, zorder=3)
    axes.plot(
        *shown[-1:].T,
        color=colour,
        marker=marker,
        ms=0 if leaves else 7,
        mec="white",
        gid=f"{name}-now",
        zorder=4,
    )
    if leaves and len(shown) > 1:
        arrow = {"arrowstyle": "-|>", "color": colour, "lw": 1.6, "mutation_scale": 14}
        tip, way = shown[-1], shown[-1] - shown[-2]
        note = axes.annotate("", tip, tip - 0.01 * way, arrowprops=arrow, zorder=5)
        note.arrow_patch.set_gid(f"{name}-leaves")  # without text, its own is not written
    return leaves


def draw_contours(
    axes: Any, xs: Array, ys: Array, values: Array, lowest: float | None = None
) -> None:
    """Draw heights as filled contours, closer together the lower they are."""
    finite = values[np.isfinite(values)]
    bottom = float(finite.min()) if lowest is None else min(lowest, float(finite.min()))
    heights = np.ma.masked_invalid(values) - bottom
    top = float(heights.max())
    if top <= 0:
        return
    # Squares of equal steps: at the bottom of a parabola the rings are equally wide.
    levels = top * np.linspace(0.0, 1.0, LEVELS + 1) ** 3
    axes.contourf(xs, ys, heights, levels=levels, cmap="Greys", norm=_power(top), alpha=0.55)
    axes.contour(xs, ys, heights, levels=levels[1:], colors="#777777", linewidths=0.5)


def _power(top: float) -> Any:
    from matplotlib.colors import PowerNorm

    return PowerNorm(0.35, 0.0, top)


def draw_heights(axes: Any, paths: Sequence[Path], labels: Sequence[str]) -> None:
    """Draw how far above the lowest point each path is, step by step, on a logarithmic scale."""
    first = max((float(path.heights[0]) for path in paths), default=1.0) or 1.0
    top = 1e3 * first
    for index, (path, label) in enumerate(zip(paths, labels, strict=True)):
        heights = path.heights
        beyond = np.flatnonzero(~(heights <= top))
        kept = heights[: beyond[0]] if len(beyond) else heights
        colour = COLOURS[index % len(COLOURS)]
        axes.plot(
            np.arange(len(kept)),
            np.maximum(kept, FLOOR * first / 10),
            color=colour,
            lw=1.6,
            marker=MARKERS[index % len(MARKERS)] if len(path.points) <= MOST_DOTS else "",
            ms=3,
            label=label,
            gid=f"stepped-{index}-height",
        )
    axes.set_yscale("log")
    axes.set_ylim(bottom=max(axes.get_ylim()[0], FLOOR * first))
    axes.set_xlabel("step")
    axes.grid(axis="y", color="#dddddd", lw=0.6)
