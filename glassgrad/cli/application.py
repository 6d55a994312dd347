"""The commands with their options, and what becomes of errors."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, cast

import typer

from glassgrad import __version__
from glassgrad.architecture import EXAMPLE
from glassgrad.cli.screen import Screen
from glassgrad.errors import ArgumentError, GlassgradError, UnknownNameError

__all__ = ["main"]

app = typer.Typer(
    name="glassgrad",
    help="Train neural networks, and use them.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# The base of what typer raises for a command line that it cannot read; its module differs
# between versions of typer.
UsageError = cast("type[Exception]", typer.BadParameter.__mro__[1])


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
Executor = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="cpu (compiled kernels) or reference (plain NumPy)."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No messages, no progress.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


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


@app.command()
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
    task: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="classification or regression.",
            show_default="by the values of the target",
        ),
    ] = None,
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
        training.begin(options, out, screen)
    elif out is None:
        training.resume(resume, options, screen)
    else:
        raise ArgumentError("--out begins a run and --resume goes on with one. Got both.")


@app.command()
def evaluate(
    source: Source,
    data: Annotated[
        str | None, typer.Argument(help="A data set; by default the one of the run.")
    ] = None,
    executor: Executor = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure a trained network on the test part of a data set."""
    from glassgrad.cli import inference

    inference.evaluate(source, data, executor, Screen(as_json, quiet))


@app.command()
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


@app.command()
def summary(source: Source, debug: Debug = False) -> None:
    """Print a network's layers, shapes and parameters."""
    from glassgrad.cli import inference

    inference.summarize(source)


@app.command()
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
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column of a table that is to be told."),
    ] = None,
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


@app.command()
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


@app.command(name="compare")
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
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column of a table that is to be told."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="classification or regression.",
            show_default="by the values of the target",
        ),
    ] = None,
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
    chart: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the picture, a .png or .svg file."),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a page with everything, an .html file."),
    ] = None,
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


@app.command(name="datasets")
def list_datasets(as_json: AsJson = False, quiet: Quiet = False, debug: Debug = False) -> None:
    """List the data sets that have a name, and whether they are on this machine."""
    from glassgrad.cli import datasets_command

    datasets_command.list_datasets(Screen(as_json, quiet))


@app.command(name="operations")
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


@app.command(name="check")
def check_gradients(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL_OR_RUN",
            help="A model file, or the folder of a run; or data, for a new network.",
            show_default="a new network for digits",
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Argument(help="A data set; by default the one of the run.")
    ] = None,
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
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column of a table, for a new network."),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The layers of a new network, as `train` takes them."),
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Hold every gradient against differences of the loss; fails if one is wrong."""
    from glassgrad.cli import check_command
    from glassgrad.cli import training as training_command

    options = training_command.Options(data=data, layers=layers, target=target)
    check_command.check(source, options, examples, parameter, training, Screen(as_json, quiet))


@app.command(name="slice")
def slice_loss(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL_OR_RUN",
            help="A model file, or the folder of a run; or data, for a new network.",
            show_default="a new network for digits",
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Argument(help="A data set; by default the one of the run.")
    ] = None,
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
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column of a table, for a new network."),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The layers of a new network, as `train` takes them."),
    ] = None,
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
        [file for file in (chart, html) if file is not None],
        Screen(as_json, quiet),
    )


@app.command(name="explain")
def explain_gradients(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL_OR_RUN",
            help="A model file, or the folder of a run; or data, for a new network.",
            show_default="a network of one input, one hidden unit, one output",
        ),
    ] = None,
    data: Annotated[
        str | None, typer.Argument(help="A data set; by default the one of the run.")
    ] = None,
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
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column of a table, for a new network."),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The layers of a new network, as `train` takes them."),
    ] = None,
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


# ---- runs

runs = typer.Typer(
    name="runs",
    help="List runs of training; show, compare and delete them.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(runs)

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
