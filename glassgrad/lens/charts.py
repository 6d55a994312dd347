"""Charts by Matplotlib, an extra: `pip install glassgrad[charts]`."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassgrad.errors import ArgumentError, ExecutionError
from glassgrad.files import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLOURS", "STYLE", "as_svg", "figure", "save_chart"]

FORMATS = (".png", ".svg")
# The colours of Okabe and Ito, which people with any colour vision tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLE: dict[str, Any] = {
    "axes.prop_cycle": None,  # set when Matplotlib is there
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "font.size": 10,
    "svg.fonttype": "none",
    "svg.hashsalt": "glassgrad",  # the same chart is the same file
}


def figure(width: float = 7.0, height: float = 4.0, **subplots: Any) -> tuple[Figure, Any]:
    """An empty figure in the project's style, and its axes.

    Args:
        width: in inches.
        height: in inches.
        subplots: what ``Figure.subplots`` takes: ``nrows``, ``ncols``, ``sharex`` …

    Raises:
        ExecutionError: Matplotlib is not installed.
    """
    matplotlib = _matplotlib()
    from matplotlib.figure import Figure

    style = {**STYLE, "axes.prop_cycle": matplotlib.cycler(color=COLOURS)}
    with matplotlib.rc_context(style):
        made = Figure(figsize=(width, height), layout="constrained")
        return made, made.subplots(**subplots)


def save_chart(chart: Figure, path: str | os.PathLike[str]) -> Path:
    """Write a figure as PNG or SVG, entirely or not at all.

    Raises:
        ArgumentError: the name ends otherwise.
        FileError: it cannot be written.
    """
    wanted = Path(path)
    if wanted.suffix.lower() not in FORMATS:
        raise ArgumentError(
            f"A chart is written as {' or '.join(FORMATS)}. Got the name {str(path)!r}."
        )
    content = _rendered(chart, wanted.suffix.lower()[1:])
    with write_atomically(wanted) as file:
        file.write(content)
    return wanted


def as_svg(chart: Figure) -> str:
    """A figure as an SVG element that can stand in a page."""
    text = _rendered(chart, "svg").decode("utf-8")
    return text[text.index("<svg") :]


def _rendered(chart: Figure, kind: str) -> bytes:
    for line in (line for axes in chart.axes for line in axes.lines):
        # Matplotlib would leave out points of long lines, and pages follow them step by step.
        line.get_path().should_simplify = False
    content = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {}
    with _matplotlib().rc_context({k: v for k, v in STYLE.items() if v is not None}):
        chart.savefig(content, format=kind, dpi=150, metadata=metadata)
    return content.getvalue()


def _matplotlib() -> Any:
    try:
        import matplotlib as mpl
    except ImportError:
        raise ExecutionError(
            "Charts are drawn by Matplotlib. Install it: pip install 'glassgrad[charts]'"
        ) from None
    return mpl
