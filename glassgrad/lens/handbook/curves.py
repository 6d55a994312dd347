"""Element-wise functions of one number, drawn with their derivatives."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from glassgrad.errors import ArgumentError, GradientError
from glassgrad.execute.reference import ReferenceExecutor
from glassgrad.gradients import differentiate
from glassgrad.graph import apply, constant, float_type, placeholder
from glassgrad.graph.operation import Array
from glassgrad.lens.charts import COLOURS, as_svg, figure
from glassgrad.lens.handbook.example import Example

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Curve", "curve_of", "draw", "drawing"]

POINTS = 81
LONG_NUMBER = re.compile(r"(?<=[\sL\"(-])\d+\.\d{2,}")
LINE_TO = re.compile(r"\s+L ")
METADATA = re.compile(r"<metadata>.*?</metadata>\s*", re.DOTALL)


@dataclass(frozen=True, eq=False)
class Curve:
    """A function and its derivative at points of a range.

    Args:
        x: the points, in ascending order.
        y: the function.
        slope: the derivative as the chain rule gives it, ``None`` where there is none.
    """

    x: Array
    y: Array
    slope: Array | None


def curve_of(example: Example) -> Curve:
    """Evaluate an operation and its chain rule in float64, by the reference.

    Raises:
        ArgumentError: the example has no range over which it is drawn.

    Example:
        >>> from glassgrad.lens.handbook.examples import examples
        >>> curve = curve_of(examples()["Tanh"])
        >>> float(curve.y[40]), float(curve.slope[40])
        (0.0, 1.0)
    """
    if example.drawn is None:
        raise ArgumentError(f"{example.name} is no function of one number: it is not drawn.")
    points = np.linspace(*example.drawn, POINTS)
    with float_type("float64"):
        x = placeholder(points.shape, "float64")
        (y,) = apply(example.operation, (x,))
        try:
            (slope,) = differentiate([y], [constant(np.ones(points.shape))], [x])
        except GradientError:
            slope = None
    wanted = [y] if slope is None else [y, slope]
    found = ReferenceExecutor().compile(wanted, [x])(points)
    return Curve(points, found[0], None if slope is None else found[1])


def drawing(example: Example) -> str:
    """The chart as a small SVG file.

    Raises:
        ExecutionError: Matplotlib is not installed.
    """
    bare = METADATA.sub("", as_svg(draw(example)))  # it names the version of Matplotlib
    bare = LINE_TO.sub("L", bare)
    # A tenth of a point is less than anybody sees.
    return LONG_NUMBER.sub(lambda found: f"{float(found[0]):.1f}", bare)


def draw(example: Example) -> Figure:
    """The function as a line, its derivative as a dashed one.

    Raises:
        ExecutionError: Matplotlib is not installed.
    """
    curve = curve_of(example)
    chart, axes = figure(5.0, 3.2)
    _line(axes, curve.x, curve.y, COLOURS[0], "-", example.name)
    if curve.slope is not None:
        _line(axes, curve.x, curve.slope, COLOURS[1], "--", "derivative")
    axes.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    if curve.x[0] < 0 < curve.x[-1]:
        axes.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    axes.set_xlabel("x")
    axes.legend(frameon=False, loc="best")
    return chart


def _line(axes: Any, x: Array, y: Array, colour: str, style: str, label: str) -> None:
    """A line, with a gap where the function jumps."""
    places = np.flatnonzero(_jumps(y)) + 1
    broken = np.insert(x, places, np.nan), np.insert(y, places, np.nan)
    axes.plot(*broken, style, color=colour, linewidth=1.8, label=label)


def _jumps(y: Array) -> Array:
    """Between which points a function moves much farther than just before and after."""
    steps = np.abs(np.diff(y))
    around = np.maximum(np.append(0.0, steps[:-1]), np.append(steps[1:], 0.0))
    result: Array = steps > 0.05 + 4 * around
    return result
