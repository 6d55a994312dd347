"""``glassgrad slice``: the loss along one weight, or over a plane, and what descent does there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from glassgrad.cli.destinations import require_writable
from glassgrad.cli.invocation import command_line
from glassgrad.cli.screen import Screen
from glassgrad.cli.subjects import model_and_data
from glassgrad.cli.training import Options
from glassgrad.errors import ArgumentError
from glassgrad.lens import loss_plane, loss_slice
from glassgrad.lens.charts import figure

__all__ = ["read_rates", "slice_loss"]

EXAMPLES = 256
MOST_WEIGHTS = 2


def slice_loss(
    source: str | None,
    options: Options,
    weights: Sequence[str],
    settings: Mapping[str, Any],
    plane: bool,
    examples: int | None,
    chart: Path | None,
    html: Path | None,
    screen: Screen,
) -> None:
    """Show the loss along one weight, or over a plane, with paths of gradient descent.

    Args:
        source: the file of a model or the folder of a run; or data, for a new network.
        options: ``data`` for a model; layers and target column of a new network.
        weights: no weight, one, or two for a plane.
        settings: points, steps and learning rates, where they are not the usual ones.
        plane: whether two random directions are wanted.
        examples: on how many examples the loss is computed; 256 by default.
        chart: the file of the picture, if one is wanted.
        html: the file of the page.
        screen: where the numbers go.

    Raises:
        ArgumentError: there are too many weights, or a place or number is outside its range.
        UnknownNameError: there is no such parameter or data set.
        ExecutionError: a picture is asked for, and cannot be drawn here.
        FileError: model or data cannot be read, or a file cannot be written.
    """
    files = [file for file in (chart, html) if file is not None]
    require_writable(chart=chart, html=html)
    if files:
        figure()  # says what is missing; the page holds the picture as well
    if len(weights) > MOST_WEIGHTS or (plane and weights):
        raise ArgumentError(
            "--weight is given once for a curve, or twice for contours; --plane takes two random "
            f"directions instead. First: {command_line('slice', '--plane')}"
        )
    model, name, x, y = model_and_data("slice", "looked at", source, options, screen)
    x, y = x[: examples or EXAMPLES], y[: examples or EXAMPLES]
    if plane or len(weights) == MOST_WEIGHTS:
        found: Any = loss_plane(model, x, y, weights=list(weights) or None, **settings)
    else:
        found = loss_slice(model, x, y, weight=weights[0] if weights else None, **settings)
    for file in files:
        found.save(file)
        screen.note(f"Written: {file}")
    screen.lines([str(found)], {"model": source, "data": name, **found.as_dict()})


def read_rates(text: str) -> tuple[float, ...]:
    """Learning rates, separated by commas.

    Raises:
        ArgumentError: they are no numbers.

    Example:
        >>> read_rates("0.1, 1,2.5")
        (0.1, 1.0, 2.5)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ArgumentError(
            f"Learning rates are numbers separated by commas, as in 0.1,1,10. Got {text!r}."
        ) from None
