"""Commands that train networks and use them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassgrad.architecture import EXAMPLE
from glassgrad.cli.options import (
    AsJson,
    DataSet,
    Debug,
    Executor,
    Quiet,
    Source,
    Target,
    Task,
    real_number,
    whole_number,
)
from glassgrad.cli.screen import Screen
from glassgrad.errors import ArgumentError

__all__ = ["evaluate", "list_datasets", "predict", "profile", "summary", "train", "warmup"]


def train(
    data: Annotated[
        str | None,
        typer.Argument(
            help="digits, mnist, a table such as FILE.csv, or a folder of IDX files with MNIST's "
            "names.",
            show_default="digits",
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="The column of a table that is to be told from the others."
        ),
    ] = None,
    task: Task = None,
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What stands between input and output: UNITS [ACTIVATION], dropout RATE, conv "
            "FILTERS [ACTIVATION], pool SIZE, lstm UNITS or gru UNITS, separated by commas, such "
            f'as "{EXAMPLE}".',
            show_default="256 relu, dropout 0.3, 128 relu, dropout 0.3; tables: 64 relu, 32 relu",
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="adam, sgd, rmsprop, adamw, nadam …", show_default="adam"
        ),
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            parser=real_number,
            help="The size of the steps.",
            show_default="0.001; sgd: 0.01",
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="How often to go through the data.",
            show_default="40; 20 from 10,000 examples on; tables: about 5,000 steps",
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="Examples a step.",
            show_default="64; 128 from 10,000 examples on; tables: 32",
        ),
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="Stop after N epochs without a better loss, of examples that are kept for "
            "watching where there are such.",
            show_default="none; tables: 40",
        ),
    ] = None,
    target_loss: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            parser=real_number,
            help="Stop after the epoch in which that loss has come down to this.",
        ),
    ] = None,
    max_seconds: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            parser=real_number,
            help="Stop when training has taken this long; a greater number with --resume goes on.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(0),
            help="Decides first weights, order and dropout: the same seed, the same network.",
            show_default="0",
        ),
    ] = None,
    executor: Executor = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder of the run, new or empty.",
            show_default="runs/DATA-DATE-TIME",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Go on with a run that was interrupted, to the same weights as without; more "
            "--epochs lengthen it.",
        ),
    ] = None,
    doctor: Annotated[
        bool,
        typer.Option(
            "--doctor/--no-doctor", help="Look on, and say why the network does not learn."
        ),
    ] = True,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a network; without arguments, on handwritten digits."""
    from glassgrad.cli import training

    options = training.Options(
        data,
        layers,
        optimizer,
        learning_rate,
        epochs,
        batch_size,
        seed,
        executor,
        target,
        task,
        patience,
        target_loss,
        max_seconds,
    )
    screen = Screen(as_json, quiet)
    if resume is None:
        training.begin(options, out, screen, doctor)
    elif out is None:
        training.resume(resume, options, screen, doctor)
    else:
        raise ArgumentError("--out begins a run and --resume goes on with one. Got both.")


def evaluate(
    source: Source,
    data: DataSet = None,
    executor: Executor = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure a trained network on the test part of a data set."""
    from glassgrad.cli import inference

    inference.evaluate(source, data, executor, Screen(as_json, quiet))


def predict(
    source: Source,
    inputs: Annotated[
        str,
        typer.Argument(
            metavar="FILE_OR_DATA",
            help="A table such as FILE.csv, for a model that learned from one; an .npy or .npz "
            "file of examples; or a data set, of which the test part is used.",
        ),
    ],
    executor: Executor = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Print class and probability for each example, one to a line."""
    from glassgrad.cli import inference

    inference.predict(source, inputs, executor, Screen(as_json, quiet))


def summary(source: Source, debug: Debug = False) -> None:
    """Print a network's layers, shapes and parameters."""
    from glassgrad.cli import inference

    inference.summarize(source)


def profile(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL_RUN_OR_DATA",
            help="A model file, the folder of a run, or data as `train` takes them, for a new "
            "network.",
            show_default="digits",
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="The layers of a new network, as `train` takes them.",
            show_default="those of train",
        ),
    ] = None,
    optimizer: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The optimizer of a new network.", show_default="adam"),
    ] = None,
    target: Target = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number(1),
            help="Examples of the step.",
            show_default="32; a new network: as train",
        ),
    ] = None,
    step: Annotated[
        str, typer.Option(metavar="NAME", help="training, evaluation or prediction.")
    ] = "training",
    sort: Annotated[
        str,
        typer.Option(metavar="NAME", help="order, or the largest first by time, flop or bytes."),
    ] = "order",
    plan: Annotated[
        bool, typer.Option("--plan", help="Show what would be measured, with its formulas.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show where the time of a step goes, kernel by kernel and layer by layer."""
    from glassgrad.cli import profile, training

    options = training.Options(
        data=source, layers=layers, optimizer=optimizer, target=target, batch_size=batch_size
    )
    profile.profile(options, step, sort, plan, Screen(as_json, quiet))


def warmup(
    list_only: Annotated[
        bool, typer.Option("--list", help="List what would be compiled, and compile nothing.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Compile the kernels of common networks ahead, so that no first run waits for them."""
    from glassgrad.cli import warmup

    warmup.warm_up(list_only, Screen(as_json, quiet))


def list_datasets(as_json: AsJson = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """List the data sets that have a name, and whether they are on this machine."""
    from glassgrad.cli import datasets_command

    datasets_command.list_datasets(Screen(as_json, quiet))
