"""Pictures of slices and planes of a loss."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.lens.charts import figure
from glassgrad.lens.descent import Descent
from glassgrad.lens.descent_charts import CURVE, Box, draw_contours, draw_heights, draw_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glassgrad.lens.contours import LossPlane
    from glassgrad.lens.slice import LossSlice

__all__ = ["plane_chart", "slice_chart"]

COLUMNS = 3
HEADROOM = 0.06
LEGEND: dict[str, Any] = {"loc": "outside lower center", "ncols": 4, "frameon": False}


def slice_chart(found: LossSlice) -> Figure:
    """The curve with a panel for each descent, and the loss step by step below."""
    if not found.descents:
        return _curve_alone(found)
    rows = math.ceil(len(found.descents) / COLUMNS)
    columns = min(COLUMNS, len(found.descents))
    made, axes = figure(
        7.4, 2.5 * rows + 2.4, nrows=rows + 1, ncols=columns, squeeze=False, sharey="row"
    )
    panels = axes[:rows].ravel()
    for index, panel in enumerate(panels):
        if index >= len(found.descents):
            panel.axis("off")
            continue
        _draw_curve(panel, found)
        _draw_descent(panel, found, index)
        if index % columns == 0:
            panel.set_ylabel("loss")
    grid = axes[rows, 0].get_gridspec()
    for panel in axes[rows]:
        panel.remove()
    below = made.add_subplot(grid[rows, :])
    below.spines[["right", "top"]].set_visible(False)
    draw_heights(below, found.descents, [_label(one) for one in found.descents])
    below.set_ylabel("loss above the minimum")
    made.legend(*below.get_legend_handles_labels(), **LEGEND)
    return made


def _curve_alone(found: LossSlice) -> Figure:
    made, axes = figure(5.0, 3.2)
    _draw_curve(axes, found)
    axes.set_ylabel("loss")
    return made


def _draw_curve(axes: Any, found: LossSlice) -> None:
    axes.plot(found.points, found.losses, color=CURVE, lw=1.2)
    valley = found.valley
    if found.points[0] <= valley.now[0] <= found.points[-1]:
        axes.axvline(valley.now[0], color=CURVE, lw=0.9, ls=(0, (2, 2)), zorder=1)
        axes.annotate(
            "now",
            (valley.now[0], 1.0),
            (3, -9),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            color=CURVE,
            fontsize=8,
        )
    finite = found.losses[np.isfinite(found.losses)]
    low, high = float(finite.min()), float(finite.max())
    room = HEADROOM * (high - low) or 0.5
    axes.set_ylim(low - 2 * room, high + room)
    axes.set_xlabel(found.weight)


def _draw_descent(axes: Any, found: LossSlice, index: int) -> None:
    one = found.descents[index]
    low, high = axes.get_ylim()
    box = Box((float(found.points[0]), low), (float(found.points[-1]), high))
    points = np.column_stack([one.points[:, 0], one.losses])
    draw_path(axes, points, box, index, _label(one))
    axes.set_xlim(box.low[0], box.high[0])
    axes.set_title(f"{_label(one)}\n{one.verdict}", fontsize=10)


def _label(one: Descent) -> str:
    rate = f"{one.learning_rate:.3g}"
    return f"rate {rate}" if one.name.startswith("rate") else f"{one.name}: {rate}"


def plane_chart(found: LossPlane) -> Figure:
    """The contours with the descents, and the loss step by step beside them."""
    made, axes = figure(7.4, 3.7, ncols=2, width_ratios=(1.15, 1.0))
    contours, heights = axes
    draw_contours(contours, found.xs, found.ys, found.losses, found.valley.lowest_loss)
    box = Box((found.xs[0], found.ys[0]), (found.xs[-1], found.ys[-1]))
    labels = [_label(one) for one in found.descents]
    for index, (one, label) in enumerate(zip(found.descents, labels, strict=True)):
        draw_path(contours, one.points, box, index, label)
    if box.holds(found.valley.now):
        contours.plot(*found.valley.now, "k+", ms=9, mew=1.6, label="the weights now")
    contours.set(xlabel=found.labels[0], ylabel=found.labels[1])
    contours.set_xlim(box.low[0], box.high[0])
    contours.set_ylim(box.low[1], box.high[1])
    draw_heights(heights, found.descents, labels)
    heights.set_ylabel("loss above the minimum")
    made.legend(*contours.get_legend_handles_labels(), **LEGEND)
    return made
