"""``glassgrad replay``: a training step that went wrong, once more."""

from __future__ import annotations

from pathlib import Path

import typer

from glassgrad.cli.screen import Screen
from glassgrad.lens.doctor.reproduction import replay

__all__ = ["replay_step"]


def replay_step(file: Path, screen: Screen) -> None:
    """Repeat the step, and show what was found.

    Args:
        file: what the doctor has written.
        screen: where it goes.

    Raises:
        typer.Exit: with code 1 where the step was not repeated with the same result.
        FileError: the file cannot be read.
    """
    found = replay(file)
    screen.lines([str(found)], found.as_dict())
    if not found.is_repeated:
        raise typer.Exit(1)
