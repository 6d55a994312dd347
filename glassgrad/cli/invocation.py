"""How a command is to be typed so that it works here: messages show such commands."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from shutil import which

from glassgrad import datasets

__all__ = ["command_line", "data_argument", "near", "quoted"]

PROGRAM = "glassgrad"


def command_line(*words: str) -> str:
    """A command of this program, ready for the shell.

    Where the shell does not find `glassgrad`, as after `make train` or by the full path of an
    environment that is not active, the program is named by its path.

    Args:
        words: What follows the program's name, quoted where that is needed.

    Examples:
        >>> command_line("train", "--resume", "run").endswith("train --resume run")
        True
    """
    return " ".join([_program(), *words])


def _program() -> str:
    if which(PROGRAM):
        return PROGRAM
    started = Path(sys.argv[0])
    if started.name == PROGRAM and started.is_file():
        return quoted(_as_command(near(started)))
    return f"{quoted(_as_command(near(Path(sys.executable))))} -m {PROGRAM}"


def _as_command(path: Path) -> str:
    """A file of the current folder is a command only with the folder before it."""
    return str(path) if len(path.parts) > 1 else f"./{path}"


def near(path: Path) -> Path:
    """A path from the current folder where it lies below it, else the whole path.

    Examples:
        >>> near(Path.cwd() / "runs" / "one").as_posix()
        'runs/one'
    """
    whole, here = path.absolute(), Path.cwd()  # links stay: .venv/bin/python is one
    return whole.relative_to(here) if whole.is_relative_to(here) else whole


def data_argument(data: str) -> str:
    """Data as a command takes them: a known name, or a path, short and quoted.

    Args:
        data: A name, or the absolute path of a file or folder.

    Examples:
        >>> data_argument("digits"), data_argument(str(Path.cwd() / "digits"))
        ('digits', './digits')
    """
    if data in datasets.names():
        return data
    path = str(near(Path(data)))
    is_taken = path in datasets.names() or path.startswith("-")  # for a name, or an option
    return quoted(f"./{path}" if is_taken else path)


def quoted(path: Path | str) -> str:
    """A path as the shell takes it."""
    return shlex.quote(str(path))
