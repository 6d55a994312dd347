"""The picture of a learning-rate range test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from glassgrad.lens.charts import COLOURS, figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glassgrad.graph.operation import Array
    from glassgrad.lens.range_test import RangeTest

__all__ = ["range_test_chart"]

GREY = "#8a8a8a"
HEADROOM = 0.15
MOST_RISE = 1.5  # of the first loss: what is above is cut off, or nothing else would be seen


def range_test_chart(found: RangeTest) -> Figure:
    """The loss over the learning rate: of each batch, smoothed, and the rates that stand out."""
    made, axes = figure(7.0, 3.8)
    axes.plot(found.rates, found.losses, color=GREY, lw=0.8, alpha=0.4, label="loss of each batch")
    axes.plot(found.rates, found.smoothed, color=COLOURS[0], lw=2.0, label="smoothed")
    axes.set_xscale("log")
    axes.set(xlabel="learning rate", ylabel="loss")
    axes.set_xlim(found.rates[0], max(found.rates[-1], found.rates[0] * 10))
    axes.set_ylim(*_limits(found.smoothed))
    marks = {
        "suggested": (found.suggestion, COLOURS[1], "-"),
        "steepest fall": (found.steepest, COLOURS[2], "--"),
        "lowest loss": (found.lowest, COLOURS[3], ":"),
    }
    for name, (rate, colour, style) in marks.items():
        if rate is not None:
            axes.axvline(rate, color=colour, ls=style, lw=1.6, label=f"{name}: {rate:.2g}")
    if found.suggestion is None:
        axes.set_title("no suggestion", color=GREY, fontsize=10)
    made.legend(
        *axes.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False
    )
    return made


def _limits(smoothed: Array) -> tuple[float, float]:
    """The heights that are shown: from the lowest to somewhat above the first."""
    finite = smoothed[np.isfinite(smoothed)]
    if not finite.size:
        return 0.0, 1.0
    low, first = float(finite.min()), float(finite[0])
    high = min(float(finite.max()), first + (MOST_RISE - 1) * max(abs(first), first - low))
    room = HEADROOM * (high - low) or 0.5
    return low - room, high + room
