"""Commands that compare: networks that differ in one thing, and optimizers on surfaces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassgrad.cli.options import (
    AsJson,
    Chart,
    Debug,
    Executor,
    Page,
    Quiet,
    Target,
    Task,
    real_number,
    whole_number,
)
from glassgrad.cli.screen import Screen

__all__ = ["compare_networks", "race_optimizers"]


def compare_networks(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="WHAT",
            help="activations, initializers, optimizers, batch-sizes, learning-rates or depths.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="Data as `train` takes them.", show_default="digits"),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="How many times each contender is trained, from the seeds 0, 1 and so on.",
            show_default="5",
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Which contenders, separated by commas: relu,tanh or 0.01,0.1.",
            show_default="the usual ones",
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What stands between input and output, as `train` takes it; for depths, what is "
            "repeated.",
            show_default="those of train; depths: 64 relu",
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The optimizer of all.", show_default="adam"),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            parser=real_number,
            help="The learning rate of all.",
            show_default="the optimizer's own",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="Examples a step.",
            show_default="as train",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="How often to go through the data; nothing stops earlier.",
            show_default="as train",
        ),
    ] = None,
    target: Target = None,
    task: Task = None,
    tune: Annotated[
        bool,
        typer.Option(
            "--tune", help="Give each the best learning rate of a small grid, by a seed of its own."
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where every training that has ended is kept; the same command goes on there.",
            show_default="comparisons/WHAT-DATA-DATE-TIME",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Go on with a comparison; more --seeds lengthen it."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="How many processes train side by side, with one thread each.",
            show_default="as many as there are cores",
        ),
    ] = None,
    chart: Chart = None,
    html: Page = None,
    executor: Executor = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compare networks that differ in one thing, over several seeds, and say what exceeds chance.

    Networks are trained as `train` would, from the same seeds. The table shows mean and spread;
    sentences say which differences exceed the spread, and how many seeds the others would need.
    """
    from glassgrad.cli import compare_command

    options = compare_command.Options(
        kind,
        data,
        seeds,
        only,
        layers,
        optimizer,
        learning_rate,
        batch_size,
        epochs,
        target,
        task,
        tune or None,
        executor,
    )
    output = compare_command.Output(out, resume, chart, html)
    compare_command.compare(options, output, jobs, Screen(as_json, quiet))


def race_optimizers(
    surface: Annotated[
        str | None,
        typer.Argument(
            metavar="SURFACE",
            help="bowl, ravine, saddle, rosenbrock, himmelblau, beale or plateau; or all.",
            show_default="a list of them",
        ),
    ] = None,
    optimizers: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Which optimizers, separated by commas, with a learning rate or without: "
            "sgd=0.01,momentum,adam.",
            show_default="sgd,momentum,nesterov,rmsprop,adam",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="How many steps each makes.",
            show_default="200",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="X,Y", help="Where they begin.", show_default="the surface's usual place"
        ),
    ] = None,
    tune: Annotated[
        bool,
        typer.Option(
            "--tune/--no-tune",
            help="Give each optimizer without a learning rate the best of a grid, or its default.",
        ),
    ] = True,
    chart: Chart = None,
    html: Page = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Race optimizers on a surface whose minima are known, from one start."""
    from glassgrad.cli import race_command

    screen = Screen(as_json, quiet)
    if surface is None:
        race_command.list_surfaces(screen)
    else:
        race_command.race_optimizers(
            surface, optimizers, steps, start, tune, chart=chart, html=html, screen=screen
        )
