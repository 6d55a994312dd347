"""``glassgrad lr-find``: a short training in which the learning rate grows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glassgrad.cli.destinations import require_writable
from glassgrad.cli.doctor_command import patient_of
from glassgrad.cli.invocation import command_line
from glassgrad.cli.screen import Screen
from glassgrad.cli.training import Options
from glassgrad.lens import lr_find
from glassgrad.lens.charts import figure

__all__ = ["find_learning_rate"]


def find_learning_rate(
    source: str | None,
    options: Options,
    settings: Mapping[str, Any],
    chart: Path | None,
    html: Path | None,
    screen: Screen,
) -> None:
    """Show the loss over the learning rate, and suggest one.

    Args:
        source: the file of a model, the folder of a run, or data for a new network.
        options: ``data`` for a model; layers of a new network, and how it learns.
        settings: rates, steps and seed, where they are not the usual ones.
        chart: the file of the picture, if one is wanted.
        html: the file of the page.
        screen: where the numbers go.

    Raises:
        ArgumentError: options contradict one another, or a number is outside its range.
        ExecutionError: a picture is asked for, and cannot be drawn here.
        FileError: model or data cannot be read, or a file cannot be written.
    """
    files = [file for file in (chart, html) if file is not None]
    require_writable(chart=chart, html=html)
    if files:
        figure()  # says what is missing; the page holds the picture as well
    patient = patient_of("lr-find", source, options, screen)
    data = patient.dataset
    with screen.announced_compilation():
        found = lr_find(
            patient.model, data.x_train, data.y_train, batch_size=patient.batch_size, **settings
        )
    for file in files:
        found.save(file)
        screen.note(f"Written: {file}")
    screen.lines([str(found)], {"data": data.name, **found.as_dict()})
    if found.suggestion is not None and not files:
        again = command_line("lr-find", *([] if source is None else [source]), "--chart", "FILE")
        screen.note(f"The picture: {again}.svg")
