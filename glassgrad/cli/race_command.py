"""``glassgrad race``: optimizers on surfaces whose minima are known."""

from __future__ import annotations

from pathlib import Path

from glassgrad.cli.destinations import require_writable
from glassgrad.cli.screen import Screen
from glassgrad.errors import ArgumentError, UnknownNameError
from glassgrad.lens import SURFACES, Race, Races, race, race_everywhere
from glassgrad.lens.charts import figure

__all__ = ["list_surfaces", "race_optimizers"]

ALL = "all"
STEPS = 200


def list_surfaces(screen: Screen) -> None:
    """All surfaces with their formulas."""
    rows = [[one.name, one.formula, one.character] for one in SURFACES.values()]
    columns = ["name", "f(x, y)", "what is hard about it"]
    names = ("name", "formula", "character")
    document = {"surfaces": [dict(zip(names, row, strict=True)) for row in rows]}
    screen.table("Surfaces", columns, rows, document)
    screen.note("A race on one of them: glassgrad race NAME; on all of them: glassgrad race all.")


def race_optimizers(
    surface: str,
    optimizers: str | None,
    steps: int | None,
    start: str | None,
    tune: bool,
    *,
    chart: Path | None,
    html: Path | None,
    screen: Screen,
) -> None:
    """Show how optimizers run on a surface, or on all.

    Args:
        surface: its name, or "all".
        optimizers: their names, separated by commas, some with "=" and a learning rate.
        steps: how many each makes; 200 by default.
        start: two numbers with a comma between them.
        tune: whether rates that are not given are the best of a grid.
        chart: the file of the picture, if one is wanted.
        html: the file of the page.
        screen: where the numbers go.

    Raises:
        UnknownNameError: there is no such surface or optimizer.
        ArgumentError: a number cannot be read or is outside its range.
        DataError: the height at the start is not finite.
        ExecutionError: a picture is asked for, and cannot be drawn here.
        FileError: a file cannot be written.
    """
    files = [file for file in (chart, html) if file is not None]
    require_writable(chart=chart, html=html)
    if files:
        figure()  # says what is missing; the page holds the picture as well
    names = None if optimizers is None else optimizers.split(",")
    found: Race | Races
    if surface.lower() == ALL:
        if start is not None:
            raise ArgumentError(f"--start is for one surface, not for all. Got {start!r}.")
        found = race_everywhere(
            names, steps=steps or STEPS, tune=tune, on_surface=lambda name: screen.note(f"{name} …")
        )
    elif surface.lower() not in SURFACES:
        raise UnknownNameError("surface", surface, [*SURFACES, ALL])
    else:
        found = race(surface, names, steps=steps or STEPS, start=_place(start), tune=tune)
    for file in files:
        found.save(file)
        screen.note(f"Written: {file}")
    screen.lines([str(found)], found.as_dict())


def _place(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        raise ArgumentError(
            f"--start is two numbers with a comma between them, as in -1.2,1. Got {text!r}."
        ) from None
    return [x, y]
