"""Commands that find out why a network does not learn."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassgrad.cli.options import (
    AsJson,
    Chart,
    DataSet,
    Debug,
    Executor,
    LayersOfNew,
    ModelRunOrData,
    Page,
    Quiet,
    TargetOfNew,
    real_number,
    whole_number,
)
from glassgrad.cli.screen import Screen

__all__ = ["doctor", "find_learning_rate", "replay"]

OptimizerOfNew = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="The optimizer of a new network.", show_default="adam"),
]
BatchSize = Annotated[
    int | None,
    typer.Option(
        metavar="N", parser=whole_number(1), help="Examples a step.", show_default="as train"
    ),
]


def doctor(
    source: ModelRunOrData = None,
    data: DataSet = None,
    mend: Annotated[
        bool, typer.Option("--repair", help="Mend a copy: try remedies, keep what helps.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the mended network, a .safetensors file."),
    ] = None,
    target: TargetOfNew = None,
    layers: LayersOfNew = None,
    optimizer: OptimizerOfNew = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            parser=real_number,
            help="The size of a new network's steps.",
            show_default="0.001; sgd: 0.01",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="How often to go through the data.",
            show_default="as train",
        ),
    ] = None,
    batch_size: BatchSize = None,
    executor: Executor = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Find out why a network does not learn; fails if something is wrong and is not mended."""
    from glassgrad.cli import doctor_command, training

    options = training.Options(
        data=data,
        layers=layers,
        optimizer=optimizer,
        learning_rate=learning_rate,
        epochs=epochs,
        batch_size=batch_size,
        executor=executor,
        target=target,
    )
    doctor_command.examine_network(source, options, mend, out, Screen(as_json, quiet))


def find_learning_rate(
    source: ModelRunOrData = None,
    data: DataSet = None,
    lowest: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER", parser=real_number, help="The first rate.", show_default="1e-7"
        ),
    ] = None,
    highest: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER", parser=real_number, help="The last rate.", show_default="10"
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(10),
            help="How many steps lead from the one to the other.",
            show_default="100",
        ),
    ] = None,
    target: TargetOfNew = None,
    layers: LayersOfNew = None,
    optimizer: OptimizerOfNew = None,
    batch_size: BatchSize = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(0),
            help="Decides first weights and the order of the examples.",
            show_default="0",
        ),
    ] = None,
    chart: Chart = None,
    html: Page = None,
    executor: Executor = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Suggest a learning rate: a short training in which it grows, from far too small to too large.

    Networks and runs stay as they are; that of a run is taken as it was at its beginning.
    """
    from glassgrad.cli import lr_find_command, training

    options = training.Options(
        data=data,
        layers=layers,
        optimizer=optimizer,
        batch_size=batch_size,
        seed=seed,
        executor=executor,
        target=target,
    )
    given = {"lowest": lowest, "highest": highest, "steps": steps, "seed": seed}
    settings = {name: value for name, value in given.items() if value is not None}
    screen = Screen(as_json, quiet)
    lr_find_command.find_learning_rate(source, options, settings, chart, html, screen)


def replay(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What the doctor wrote at the first bad value.")
    ],
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Repeat the training step that gave NaN or infinity, and say where it comes from.

    Fails if the step is not repeated with the same result.
    """
    from glassgrad.cli import replay_command

    replay_command.replay_step(file, Screen(as_json, quiet))
