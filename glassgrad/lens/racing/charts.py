"""Pictures of races: paths on contours, heights step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from glassgrad.lens.charts import COLOURS, figure
from glassgrad.lens.descent_charts import draw_contours, draw_heights, draw_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glassgrad.lens.racing.races import Race, Races

__all__ = ["race_chart", "races_chart"]

FINE, COARSE = 121, 61  # places along each side of a picture
COLUMNS = 3


def race_chart(found: Race) -> Figure:
    """The contours with the paths, and the height above the minimum beside them."""
    made, axes = figure(7.4, 4.0, ncols=2, width_ratios=(1.15, 1.0))
    plane, heights = axes
    labels = [f"{one.name.partition('=')[0]} {one.learning_rate:g}" for one in found.runners]
    _draw_plane(plane, found, labels, FINE)
    plane.set(xlabel="x", ylabel="y")
    draw_heights(heights, found.runners, labels)
    heights.set_ylabel("height above the minimum")
    _legend(made, plane)
    return made


def races_chart(found: Races) -> Figure:
    """The contours of each surface with the paths."""
    rows = -(-(len(found.races) + 1) // COLUMNS)
    made, axes = figure(7.4, 2.5 * rows, nrows=rows, ncols=COLUMNS, squeeze=False)
    panels = axes.ravel()
    for number, (panel, one) in enumerate(zip(panels, found.races, strict=False)):
        _draw_plane(panel, one, [runner.name for runner in one.runners], COARSE, number)
        panel.set_title(one.surface.name, fontsize=10)
    for panel in panels[len(found.races) :]:
        panel.axis("off")
    handles = panels[0].get_legend_handles_labels()
    panels[len(found.races)].legend(*handles, loc="center", frameon=False)
    return made


def _draw_plane(axes: Any, found: Race, labels: list[str], fineness: int, panel: int = 0) -> None:
    surface = found.surface
    draw_contours(axes, *surface.grid(fineness), surface.lowest)
    for contours in axes.collections:
        contours.set_rasterized(True)  # as outlines they would be most of an SVG file
    for index, (one, label) in enumerate(zip(found.runners, labels, strict=True)):
        # Every path of a picture has a number of its own; those of one colour begin anew.
        draw_path(axes, one.points, surface.box, panel * len(COLOURS) + index, label)
    axes.plot(*found.start, "k+", ms=9, mew=1.6, label="start", zorder=5)
    x, y = zip(*surface.minima, strict=True)
    axes.plot(x, y, "k*", ms=9, mec="white", ls="", label="minimum", zorder=5)
    axes.set_xlim(surface.low[0], surface.high[0])
    axes.set_ylim(surface.low[1], surface.high[1])


def _legend(made: Figure, axes: Any) -> None:
    made.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False
    )
