"""Options that several commands take, and how numbers among them are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "AsJson",
    "Chart",
    "DataSet",
    "Debug",
    "Executor",
    "LayersOfNew",
    "ModelRunOrData",
    "Page",
    "Quiet",
    "Source",
    "Target",
    "TargetOfNew",
    "Task",
    "real_number",
    "whole_number",
]


def whole_number(least: int) -> Callable[[str], int]:
    """Read an option as an integer that is not too small."""

    def read(text: str) -> int:
        number = int(text) if text.strip().removeprefix("-").isdecimal() else least - 1
        if number < least:
            raise typer.BadParameter(f"It must be an integer from {least}. Got {text!r}.")
        return number

    return read


def real_number(text: str) -> float:
    """Read an option as a number."""
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"It must be a number. Got {text!r}.") from None


Source = Annotated[
    Path, typer.Argument(metavar="MODEL_OR_RUN", help="A model file, or the folder of a run.")
]
ModelRunOrData = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL_OR_RUN",
        help="A model file, or the folder of a run; or data, for a new network.",
        show_default="a new network for digits",
    ),
]
DataSet = Annotated[str | None, typer.Argument(help="A data set; by default the one of the run.")]
Target = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column of a table that is to be told."),
]
Task = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="classification or regression.",
        show_default="by the values of the target",
    ),
]
TargetOfNew = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column of a table, for a new network."),
]
LayersOfNew = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="The layers of a new network, as `train` takes them."),
]
Executor = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="cpu (compiled kernels) or reference (plain NumPy)."),
]
Chart = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the picture, a .png or .svg file.")
]
Page = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write a page with everything, an .html file.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No messages, no progress.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
