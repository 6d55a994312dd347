"""A comparison as a picture: results, gradient flow and learning curves."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.lens.charts import COLOURS, figure
from glassgrad.lens.comparing.trial import DIVERGED, FAILED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from glassgrad.lens.comparing.comparison import Comparison, Standing

__all__ = ["drawn"]

WIDTH, HEIGHT_OF_CURVES, HEIGHT_OF_ROW, HEIGHT_AROUND = 9.0, 3.2, 0.27, 0.9
HEIGHT_OF_LEGEND, COLUMNS_OF_LEGEND = 0.25, 6
LINES = ("solid", "dashed", "dotted")
WIDE = 5.0  # a greatest number that is so many times the least asks for a logarithmic scale
GRAY = "#666666"
SEED: Mapping[str, Any] = {"s": 16, "color": COLOURS[0], "alpha": 0.5, "linewidths": 0}
MEAN: Mapping[str, Any] = {"s": 50, "color": "black", "marker": "|", "zorder": 3}
SPREAD: Mapping[str, Any] = {"color": GRAY, "linewidth": 1.2, "zorder": 1}
FEW_POWERS = 60.0  # a range that holds one power of ten, or two


def drawn(comparison: Comparison) -> Figure:
    """Four pictures of the same contenders.

    Raises:
        ExecutionError: Matplotlib is not installed.
    """
    count = len(comparison.contenders)
    rows = HEIGHT_OF_ROW * count + HEIGHT_AROUND
    legend = HEIGHT_OF_LEGEND * (1 + math.ceil(count / COLUMNS_OF_LEGEND))
    made, axes = figure(
        WIDTH,
        rows + HEIGHT_OF_CURVES + legend,
        nrows=2,
        ncols=2,
        gridspec_kw={"height_ratios": [rows, HEIGHT_OF_CURVES]},
    )
    (results, flow), (training, validation) = axes
    _draw_results(results, comparison)
    _draw_flow(flow, comparison)
    _draw_curves(training, comparison, "loss", "training loss")
    _draw_curves(validation, comparison, "val_loss", "validation loss")
    handles, labels = training.get_legend_handles_labels()
    made.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=COLUMNS_OF_LEGEND,
        frameon=False,
        title=comparison.kind.subject,
    )
    return made


# ---- a row for each contender


def _draw_results(axes: Any, comparison: Comparison) -> None:
    """How far each is from perfect: every seed, their mean, and one standard deviation around."""
    measure = comparison.measure
    least = measure.resolution / 2  # where there is no error at all, half an example is shown
    seen: list[float] = []
    for place, standing in enumerate(comparison.standings):
        errors = [max(1.0 - score, least) for score in standing.scores(measure.name)]
        errors = [error * measure.factor for error in errors if math.isfinite(error)]
        if errors:
            seen += errors
            mean = float(np.mean(errors))
            deviation = float(np.std(errors, ddof=1)) if len(errors) > 1 else 0.0
            ends = [max(mean - deviation, min(errors) / 2), mean + deviation]
            axes.plot(ends, [place, place], **SPREAD)
            axes.scatter(errors, [place] * len(errors), **SEED)
            axes.scatter([mean], [place], **MEAN)
        _tell_others(axes, standing, place)
    if seen and max(seen) > WIDE * min(seen) > 0:
        _use_logarithms(axes)
    for mark, words in ((SEED, "a seed"), (MEAN, "mean")):
        axes.scatter([], [], label=words, **mark)
    axes.plot([], [], label="± standard deviation", **SPREAD)
    is_accuracy = measure.factor != 1
    _entitle(axes, "validation error, %" if is_accuracy else "validation, 1 − R2", with_marks=True)
    _lay_out_rows(axes, comparison)
    axes.set_yticks(range(len(comparison.contenders)), [one.name for one in comparison.contenders])


def _tell_others(axes: Any, standing: Standing, place: int) -> None:
    """Say at the right how many trainings are not to be seen."""
    told = [
        f"{standing.count(status)} {status}"
        for status in (DIVERGED, FAILED)
        if standing.count(status)
    ]
    if told:
        axes.text(
            0.99,
            place,
            ", ".join(told),
            transform=axes.get_yaxis_transform(),
            ha="right",
            va="center",
            fontsize=8,
            color=COLOURS[1],
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8},
        )


def _draw_flow(axes: Any, comparison: Comparison) -> None:
    """The gradient of the first layer as a multiple of the last one's, before and after."""
    ratios = {
        at: [standing.flow(at) or math.nan for standing in comparison.standings]
        for at in ("first", "last")
    }
    places = range(len(comparison.standings))
    for place, ends in zip(places, zip(*ratios.values(), strict=True), strict=True):
        axes.plot(ends, [place, place], color=GRAY, linewidth=0.8, zorder=1)
    for at, words, face in (("first", "first step", "white"), ("last", "end", COLOURS[2])):
        axes.scatter(ratios[at], places, 30, face, edgecolors=COLOURS[2], zorder=2, label=words)
    axes.axvline(1.0, color=GRAY, linewidth=0.8, linestyle="dashed", zorder=0)
    _use_logarithms(axes)
    _entitle(axes, "gradient in the first layer / in the last", with_marks=True)
    _lay_out_rows(axes, comparison)
    axes.set_yticks(places, [])


def _lay_out_rows(axes: Any, comparison: Comparison) -> None:
    """The first contender at the top, and a line to follow for each."""
    axes.set_ylim(len(comparison.contenders) - 0.4, -0.6)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)


# ---- curves


def _draw_curves(axes: Any, comparison: Comparison, name: str, title: str) -> None:
    """The mean over the seeds, epoch by epoch, within the range from the least to the greatest."""
    seen: list[float] = []
    for standing, style in zip(comparison.standings, _styles(comparison), strict=True):
        curves = _stacked([one.curves.get(name, []) for one in standing.outcomes])
        if not curves.size:
            continue
        epochs = np.arange(1, curves.shape[1] + 1)
        axes.plot(epochs, curves.mean(axis=0), linewidth=1.3, label=standing.name, **style)
        low, high = curves.min(axis=0), curves.max(axis=0)
        axes.fill_between(epochs, low, high, color=style["color"], alpha=0.1, linewidth=0)
        seen += [float(low.min()), float(high.max())]
    if seen and max(seen) > WIDE * min(seen) > 0:
        _use_logarithms(axes, "y")
    _entitle(axes, title)
    axes.set_xlabel("epoch")
    axes.xaxis.get_major_locator().set_params(integer=True)


def _stacked(curves: list[list[float]]) -> np.ndarray[Any, Any]:
    """Curves of the same length, (seeds, epochs): as far as all have finite values."""
    lengths = [
        next((place for place, value in enumerate(curve) if not math.isfinite(value)), len(curve))
        for curve in curves
    ]
    shortest = min(lengths, default=0)
    return np.array([curve[:shortest] for curve in curves if shortest], np.float64)


def _styles(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """Numbers go from dark to bright; names have colours of their own."""
    count = len(comparison.contenders)
    if comparison.kind.is_ordered:
        from matplotlib import colormaps

        for place in range(count):
            yield {"color": colormaps["viridis"](0.9 * place / max(count - 1, 1))}
        return
    for place in range(count):
        line = LINES[place // len(COLOURS) % len(LINES)]
        yield {"color": COLOURS[place % len(COLOURS)], "linestyle": line}


def _entitle(axes: Any, title: str, with_marks: bool = False) -> None:
    """A title, and below it what the marks mean."""
    axes.set_title(title, fontsize=10, loc="left", pad=20 if with_marks else 6)
    if with_marks:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(-0.03, 0.98),
            ncols=3,
            frameon=False,
            fontsize=8,
            handletextpad=0.3,
            columnspacing=1.2,
        )


def _use_logarithms(axes: Any, axis: str = "x") -> None:
    """A logarithmic scale that is labelled with plain numbers, some at least."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    getattr(axes, f"set_{axis}scale")("log")
    low, high = getattr(axes, f"get_{axis}lim")()
    chosen = getattr(axes, f"{axis}axis")
    if max(low, high) < FEW_POWERS * min(low, high):
        chosen.set_major_locator(LogLocator(subs=(1, 2, 5)))
    chosen.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    chosen.set_minor_formatter(NullFormatter())
