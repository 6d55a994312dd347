"""Commands about runs of training: ``glassgrad runs``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassgrad.cli.options import AsJson, Debug, Quiet
from glassgrad.cli.screen import Screen

__all__ = ["runs"]

runs = typer.Typer(
    name="runs",
    help="List runs of training; show, compare and delete them.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="The name of a run, the beginning of one, or the path of its folder."
    ),
]
RunNames = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...", help="Names of runs, beginnings of them, or paths of their folders."
    ),
]
RunsFolder = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="Where the runs are.", show_default="runs"),
]


@runs.callback(invoke_without_command=True)
def list_runs(
    context: typer.Context,
    folder: RunsFolder = None,
    sort: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="A column, a setting or a metric to sort by, such as time or val_loss.",
            show_default="begun, the newest first",
        ),
    ] = "begun",
    reverse: Annotated[bool, typer.Option("--reverse", help="Sort the other way round.")] = False,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help='Only runs with status=ended, "val_loss<0.1", data!=digits …; may be repeated.',
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List runs of training; show, compare and delete them."""
    from glassgrad.cli import runs_command

    context.obj = folder or runs_command.FOLDER
    if context.invoked_subcommand is None:
        screen = Screen(as_json, quiet)
        runs_command.list_runs(context.obj, sort, reverse, where or [], screen)


@runs.command()
def show(
    context: typer.Context,
    run: RunName,
    folder: RunsFolder = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show the configuration, the metrics and the result of a run."""
    from glassgrad.cli import runs_command

    runs_command.show(run, folder or context.obj, Screen(as_json, quiet))


@runs.command()
def compare(
    context: typer.Context,
    run: RunNames,
    folder: RunsFolder = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show runs side by side: how they differ, and what each has come to."""
    from glassgrad.cli import runs_command

    runs_command.compare(run, folder or context.obj, Screen(as_json, quiet))


@runs.command()
def delete(
    context: typer.Context,
    run: RunNames,
    folder: RunsFolder = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Delete runs with their folders, after asking."""
    from glassgrad.cli import runs_command

    runs_command.delete(run, folder or context.obj, yes, Screen(as_json, quiet))
