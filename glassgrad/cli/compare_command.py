"""``glassgrad compare``: networks that differ in one thing, trained side by side."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from glassgrad.cli.destinations import require_writable
from glassgrad.cli.invocation import command_line, quoted
from glassgrad.cli.runs import new_folder
from glassgrad.cli.screen import Screen
from glassgrad.datasets import Dataset
from glassgrad.errors import ArgumentError, FileError
from glassgrad.execute.cpu.threads import available_processors
from glassgrad.lens.charts import figure
from glassgrad.lens.comparing.comparing import carry_out, compile_ahead
from glassgrad.lens.comparing.comparison import Comparison
from glassgrad.lens.comparing.contenders import KINDS
from glassgrad.lens.comparing.folder import plan_in
from glassgrad.lens.comparing.plan import Plan, plan_for
from glassgrad.lens.comparing.trial import ENDED, FAILED, Outcome, Trial
from glassgrad.lens.comparing.writing import title_of

__all__ = ["Options", "Output", "compare"]

FOLDER = Path("comparisons")
DATA, SEEDS = "digits", 5
WIDTH_OF_TABLE = 130
NARROW_TABLES = ((0, 1, 2, 3, 9), (0, 4, 5, 6), (0, 7, 8))  # the numbers of their columns
LENGTHENING = "seeds"  # what may be more where a comparison goes on


@dataclass(frozen=True)
class Options:
    """What was asked for; ``None`` where nothing was."""

    kind: str | None = None
    data: str | None = None
    seeds: int | None = None
    only: str | None = None
    layers: str | None = None
    optimizer: str | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    epochs: int | None = None
    target: str | None = None
    task: str | None = None
    tune: bool | None = None
    executor: str | None = None


@dataclass(frozen=True)
class Output:
    """Where results go.

    Args:
        out: the folder of a new comparison, or of one that goes on.
        resume: the folder of one that goes on.
        chart: the file of the picture.
        html: the file of the page.
    """

    out: Path | None = None
    resume: Path | None = None
    chart: Path | None = None
    html: Path | None = None


def compare(options: Options, output: Output, jobs: int | None, screen: Screen) -> None:
    """Train what is still to be trained, and show the result.

    Raises:
        ArgumentError, UnknownNameError: an option is wrong; nothing has been trained.
        ExecutionError: a picture is asked for, and cannot be drawn here.
        FileError: the data cannot be read, or a folder or file cannot be written.
    """
    require_writable(chart=output.chart, html=output.html)
    if output.chart is not None:
        figure()  # says what is missing
    plan, dataset, folder = _begun(options, output)
    for remark in dataset.remarks:
        screen.note(remark)
    screen.note(f"comparison: {folder}")
    how_to_go_on = command_line("compare", "--resume", quoted(folder))
    progress = _Progress(plan, screen)

    def before(trials: Sequence[Trial]) -> None:
        if trials:
            with screen.announced_compilation():
                compile_ahead(plan, dataset)
        progress.begin(len(trials))

    try:
        with progress:
            processes = jobs or available_processors()
            comparison = carry_out(plan, dataset, folder, processes, progress.report, before)
    except KeyboardInterrupt:
        screen.note(f"Interrupted; {progress.so_far()}. Go on with: {how_to_go_on}")
        raise typer.Exit(130) from None
    except FileError as error:
        raise FileError(f"{error} Then go on with: {how_to_go_on}") from error
    _show(comparison, folder, output, screen)
    if failed := comparison.count(FAILED):
        screen.note(f"{failed} of {progress.total} trainings failed. Again with: {how_to_go_on}")
        raise typer.Exit(1)


# ---- what is to be done


def _begun(options: Options, output: Output) -> tuple[Plan, Dataset, Path]:
    if output.resume is not None:
        if output.out is not None:
            raise ArgumentError("--out begins a comparison and --resume goes on. Got both.")
        return _taken_up(output.resume, options)
    if options.kind is None:
        raise ArgumentError(
            f"What is to be compared? {', '.join(KINDS)}: {command_line('compare', 'activations')}"
        )
    plan, dataset = plan_for(
        options.kind,
        options.data or DATA,
        seeds=options.seeds or SEEDS,
        only=None if options.only is None else [one.strip() for one in options.only.split(",")],
        layers=options.layers,
        optimizer=options.optimizer,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        epochs=options.epochs,
        target=options.target,
        task=options.task or "auto",
        tune=bool(options.tune),
        executor=options.executor,
    )
    name = f"{plan.kind}-{Path(plan.data).stem}"
    return plan, dataset, output.out or new_folder(FOLDER, name)


def _taken_up(folder: Path, options: Options) -> tuple[Plan, Dataset, Path]:
    """The plan of a folder, with more seeds where these are asked for."""
    plan = plan_in(folder)
    given = {name: value for name, value in vars(options).items() if value is not None}
    if given.pop("kind", plan.kind).replace("_", "-") != plan.kind:
        raise ArgumentError(f"{str(folder)!r} compares {plan.kind}. Got {options.kind}.")
    seeds = given.pop(LENGTHENING, plan.seeds)
    if given:
        name, value = next(iter(given.items()))
        raise ArgumentError(
            f"--resume goes on with the comparison as it began; --seeds alone can be more. Got "
            f"--{name.replace('_', '-')} {value}. Leave it out, or begin another comparison."
        )
    plan = plan.with_seeds(seeds)
    return plan, plan.load(), folder


# ---- progress


class _Progress(contextlib.ExitStack):
    """A bar on a terminal, a line for each training elsewhere."""

    def __init__(self, plan: Plan, screen: Screen) -> None:
        super().__init__()
        self.screen = screen
        self.total, self.done, self.known = plan.trainings, 0, 0
        self._advance: Callable[[Outcome], None] = self._print

    def so_far(self) -> str:
        """How much is done."""
        return f"{self.done} of {self.total} trainings are done"

    def begin(self, open_: int) -> None:
        """Show it from now on, with so many trainings to be done."""
        self.known = self.total - open_
        if self.known:
            self.screen.note(f"{self.known} of {self.total} trainings were done before.")
        if open_ and not self.screen.quiet and sys.stderr.isatty():
            self._advance = self.enter_context(_bar(self.total))

    def report(self, outcome: Outcome, done: int, total: int) -> None:
        """Hear of a training that has ended."""
        self.done = done
        self._advance(outcome)

    def _print(self, outcome: Outcome) -> None:
        if self.done > self.known:
            self.screen.note(f"{self.done}/{self.total}  {_told(outcome)}")


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[Outcome], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("trainings"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)
        yield lambda outcome: bar.update(
            task, advance=1, description=f"{outcome.contender}, seed {outcome.seed}"
        )


def _told(outcome: Outcome) -> str:
    """A training in a line."""
    who = f"{outcome.contender}, seed {outcome.seed}"
    if outcome.status != ENDED:
        return f"{who}: {outcome.status}{': ' * bool(outcome.reason)}{outcome.reason}"
    scores = outcome.scores
    result = (
        f"accuracy {scores['val_accuracy']:.1%}"
        if "val_accuracy" in scores
        else f"R2 {scores['val_r2']:.3f}"
    )
    return f"{who}: validation {result}, {outcome.seconds:.1f} s"


# ---- the result


def _show(comparison: Comparison, folder: Path, output: Output, screen: Screen) -> None:
    document = {"folder": str(folder), **comparison.as_dict()}
    if screen.as_json:
        screen.lines([], document)
    else:
        _show_tables(comparison, screen)
        screen.paragraphs(["", *comparison.statement(), "", *comparison.setting()])
    for path in (output.chart, output.html):
        if path is not None:
            comparison.save(path)
            screen.note(f"written: {path}")


def _show_tables(comparison: Comparison, screen: Screen) -> None:
    """One table where there is room for it, else one after the other."""
    columns, rows = comparison.columns, comparison.table
    is_narrow = sys.stdout.isatty() and shutil.get_terminal_size().columns < WIDTH_OF_TABLE
    parts = NARROW_TABLES if is_narrow else (tuple(range(len(columns))),)
    for number, part in enumerate(parts):
        title = "" if number else title_of(comparison)
        chosen = [[row[place] for place in part] for row in rows]
        screen.table(title, [columns[place] for place in part], chosen, {})
