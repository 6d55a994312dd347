"""Commands that look into networks: at their operations, their gradients and their loss."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassgrad.cli.options import (
    AsJson,
    DataSet,
    Debug,
    LayersOfNew,
    ModelRunOrData,
    Quiet,
    TargetOfNew,
    whole_number,
)
from glassgrad.cli.screen import Screen

__all__ = ["check_gradients", "explain_gradients", "show_operations", "slice_loss"]


def show_operations(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="An operation or its function: Softmax, softmax.",
            show_default="a list of all",
        ),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """List the operations, or show the formula and the chain rule of one."""
    from glassgrad.cli import operations_command

    screen = Screen(as_json, quiet)
    if name is None:
        operations_command.list_operations(screen)
    else:
        operations_command.show_operation(name, screen)


def check_gradients(
    source: ModelRunOrData = None,
    data: DataSet = None,
    examples: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="How many examples the loss is computed on.",
            show_default="32",
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Only this one, such as dense_1/kernel or x; may be repeated."
        ),
    ] = None,
    training: Annotated[
        bool, typer.Option("--training", help="With dropout and the statistics of the batch.")
    ] = False,
    target: TargetOfNew = None,
    layers: LayersOfNew = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Hold every gradient against differences of the loss; fails if one is wrong."""
    from glassgrad.cli import check_command
    from glassgrad.cli import training as training_command

    options = training_command.Options(data=data, layers=layers, target=target)
    check_command.check(source, options, examples, parameter, training, Screen(as_json, quiet))


def slice_loss(
    source: ModelRunOrData = None,
    data: DataSet = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[PLACE]",
            help='Such as "dense/kernel[0,3]"; given twice, contours over the plane of both.',
            show_default="one with a large gradient and a minimum within reach",
        ),
    ] = None,
    plane: Annotated[
        bool, typer.Option("--plane", help="Contours over two random directions.")
    ] = False,
    learning_rates: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,C",
            help="Rates of the descents.",
            show_default="a small, a good and a too large one, by the curvature",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N", parser=whole_number(1), help="Steps of each descent.", show_default="25"
        ),
    ] = None,
    points: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(3),
            help="Values of each coordinate.",
            show_default="101; of a plane 41",
        ),
    ] = None,
    examples: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="How many examples the loss is computed on.",
            show_default="256",
        ),
    ] = None,
    chart: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the picture: .png or .svg.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page that goes step by step.")
    ] = None,
    target: TargetOfNew = None,
    layers: LayersOfNew = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Follow the loss along one weight or over a plane, and descend with several rates."""
    from glassgrad.cli import slice_command
    from glassgrad.cli import training as training_command

    rates = None if learning_rates is None else slice_command.read_rates(learning_rates)
    given = {"learning_rates": rates, "steps": steps, "points": points}
    slice_command.slice_loss(
        source,
        training_command.Options(data=data, layers=layers, target=target),
        weight or [],
        {name: value for name, value in given.items() if value is not None},
        plane,
        examples,
        chart,
        html,
        Screen(as_json, quiet),
    )


def explain_gradients(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL_OR_RUN",
            help="A model file, or the folder of a run; or data, for a new network.",
            show_default="a network of one input, one hidden unit, one output",
        ),
    ] = None,
    data: DataSet = None,
    step: Annotated[
        bool,
        typer.Option(
            "--step", help="Go through it: forward, loss, backward, update; arrow keys or Enter."
        ),
    ] = False,
    entry: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ENTRY",
            help='An entry to follow number by number, such as "dense_1/kernel[3,7]"; may be '
            "repeated.",
        ),
    ] = None,
    examples: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="How many examples make the batch.",
            show_default="4",
        ),
    ] = None,
    two_step: Annotated[
        bool,
        typer.Option(
            "--two-step", help="Softmax and cross-entropy as two local derivatives, not as p - y."
        ),
    ] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page that needs no network.")
    ] = None,
    latex: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a LaTeX document.")
    ] = None,
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write Markdown with formulas.")
    ] = None,
    target: TargetOfNew = None,
    layers: LayersOfNew = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show every step of the chain rule, from the loss back to the weights."""
    from glassgrad.cli import explain_command
    from glassgrad.cli import training as training_command

    files = {"html": html, "latex": latex, "markdown": markdown}
    wanted = explain_command.Wanted(
        entry or [],
        examples,
        two_step,
        step,
        {form: path for form, path in files.items() if path is not None},
    )
    options = training_command.Options(data=data, layers=layers, target=target)
    explain_command.explain(source, options, wanted, Screen(as_json, quiet))
