"""All commands under one name, and what becomes of errors."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, cast

import typer

from glassgrad import __version__
from glassgrad.cli.commands import comparing, doctoring, looking, networks
from glassgrad.cli.commands.runs import runs
from glassgrad.errors import ArgumentError, GlassgradError, UnknownNameError

__all__ = ["main"]

app = typer.Typer(
    name="glassgrad",
    help="Train neural networks, and use them.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS: Mapping[str, Callable[..., None]] = {  # in the order of the help
    "train": networks.train,
    "evaluate": networks.evaluate,
    "predict": networks.predict,
    "summary": networks.summary,
    "profile": networks.profile,
    "warmup": networks.warmup,
    "compare": comparing.compare_networks,
    "datasets": networks.list_datasets,
    "operations": looking.show_operations,
    "check": looking.check_gradients,
    "slice": looking.slice_loss,
    "race": comparing.race_optimizers,
    "explain": looking.explain_gradients,
    "doctor": doctoring.doctor,
    "replay": doctoring.replay,
    "lr-find": doctoring.find_learning_rate,
}
# The base of what typer raises for a command line that it cannot read; its module differs
# between versions of typer.
UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])


@app.callback(invoke_without_command=True)
def glassgrad(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Train neural networks, and use them.

    Begin with `glassgrad train`: it trains a network on handwritten digits in a few seconds.
    """
    if version:
        print(f"glassgrad {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


for name, command in COMMANDS.items():
    app.command(name)(command)
app.add_typer(runs)


# ---- errors


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the words after ``glassgrad``; those of the process by default.

    Returns:
        The exit code: 0 when the work is done, 1 when it failed, 2 when the command line is
        wrong, 130 when the user interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams()
    if sys.stdout is None:
        return _fail("The output is closed. Give it a file or a pipe, or /dev/null.", 1)
    try:
        code = app(words, prog_name="glassgrad", standalone_mode=False)
        sys.stdout.flush()
    except UsageError as error:
        return _fail(_described(error), 2)
    except (GlassgradError, OSError, MemoryError) as error:
        if "--debug" in words:
            raise
        return _failed(error)
    return code if isinstance(code, int) else 0


def _prepare_streams() -> None:
    """Let no message be lost or misplaced: print() to a closed stderr would write to stdout."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 -- stays open to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="replace")  # frames of tables where there is only ASCII


def _failed(error: Exception) -> int:
    if isinstance(error, BrokenPipeError):  # whoever read stdout has seen enough
        _abandon_stdout()
        return 1
    message = str(error) or type(error).__name__
    if isinstance(error, MemoryError):
        message = f"The memory does not suffice: {message}. Try a smaller network or fewer data."
    if isinstance(error, OSError) and not isinstance(error, GlassgradError):
        message = f"Cannot write the output: {error.strerror or error}."
        _abandon_stdout()
    is_usage = isinstance(error, ArgumentError | UnknownNameError)
    return _fail(message, 2 if is_usage else 1)


def _fail(message: str, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"glassgrad: error: {' '.join(message.split())}", file=sys.stderr, flush=True)
    return code


def _described(error: Exception) -> str:
    """Typer's message, and where the right usage can be read."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "glassgrad"
    message = str(getattr(error, "format_message", error.__str__)())
    return f"{message}{'' if message.endswith(('.', '?')) else '.'} See {command} --help."


def _abandon_stdout() -> None:
    """What is still buffered has nowhere to go; without this, Python would try at its end."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
