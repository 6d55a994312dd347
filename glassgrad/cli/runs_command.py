"""``glassgrad runs``: list, show, compare and delete runs."""

from __future__ import annotations

import contextlib
import operator
import re
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from glassgrad.cli.invocation import command_line, quoted
from glassgrad.cli.screen import Screen
from glassgrad.errors import ArgumentError, FileError, UnknownNameError
from glassgrad.runs import RunDatabase, RunRecord, delete_run, is_run, read_runs
from glassgrad.runs.database import DATABASE
from glassgrad.runs.folder import outline_of
from glassgrad.runs.record import ENDED, RUNNING

__all__ = ["FOLDER", "compare", "delete", "list_runs", "show"]

FOLDER = Path("runs")
NAMES = ("name", "data", "layers", "status", "epochs", "result", "time")
EPOCHS_SHOWN = 10
NOTHING = "-"
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}


# ---- one line for each


def list_runs(
    folder: Path, sort: str, reverse: bool, conditions: Sequence[str], screen: Screen
) -> None:
    """Show the runs of a folder, the newest first unless asked otherwise.

    Raises:
        ArgumentError, UnknownNameError: a condition or the name to sort by is mistaken.
    """
    records = read_runs(folder, screen.note)
    if not records and not screen.as_json:
        screen.note(_nothing_in(folder))
        return
    everything = records
    for condition in conditions:
        met = {one.name for one in _chosen(everything, condition)}
        records = [record for record in records if record.name in met]
    records = _sorted(records, sort, reverse)
    rows = [[*_line(record).values()] for record in records]
    document = {"folder": str(folder), "runs": [_summary(record) for record in records]}
    screen.table(f"Runs in {folder}", NAMES, rows, document, shrinking=("data", "layers"))
    if not rows:
        screen.note("No run meets all conditions.")


def _nothing_in(folder: Path) -> str:
    list_here, begin = command_line("runs", "--folder", "."), command_line("train")
    here = f" Those of this folder: {list_here}" if Path(DATABASE).is_file() else ""
    return f"There are no runs in {str(folder)!r}. Begin one with: {begin}{here}"


def _line(record: RunRecord) -> dict[str, str]:
    """What the table shows of a run."""
    config = record.config
    wanted = config.get("epochs")
    return {
        "name": record.name,
        "data": Path(str(config.get("data", NOTHING))).name,
        "layers": _layers(str(config.get("layers", NOTHING))),
        "status": record.status,
        "epochs": f"{record.epochs}/{wanted}" if wanted else str(record.epochs),
        "result": _headline(record),
        "time": NOTHING if record.seconds is None else _time(record.seconds),
    }


def _layers(layers: str) -> str:
    """The layers without their activations: "256 relu, dropout 0.3, 10" as "256-10"."""
    units = [words[0] for words in map(str.split, layers.split(",")) if words]
    return "-".join(unit for unit in units if unit.isdecimal()) or layers


def _headline(record: RunRecord) -> str:
    """The number that says most: on new data before those of training, a score before a loss."""
    last = {name: record.last(name) for name in record.metrics}
    for values, start in ((last, "val"), (record.result or {}, "test")):
        found = {
            name.removeprefix(f"{start}_"): value
            for name, value in values.items()
            if name.startswith(f"{start}_")
        }
        if found:
            return _score(found, start)
    return _score(last, "train")


def _score(values: Mapping[str, Any], where: str) -> str:
    for name in ("accuracy", "r2", "loss", *values):
        value = values.get(name)
        if isinstance(value, int | float):
            number = f"{value:.2%}" if name == "accuracy" else f"{name} {value:.4g}"
            return f"{number} {where}"
    return NOTHING


def _time(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return (
        f"{seconds / 60:.1f} min" if seconds < 3600 else f"{minutes // 60} h {minutes % 60:02} min"
    )


def _summary(record: RunRecord) -> dict[str, Any]:
    """A run for machines, without the values of every epoch."""
    return {
        "name": record.name,
        "folder": record.folder,
        "status": record.status,
        "epochs": record.epochs,
        "begun": record.begun,
        "ended": record.ended,
        "seconds": record.seconds,
        "version": record.version,
        "config": dict(record.config),
        "result": None if record.result is None else dict(record.result),
        "last": {name: record.last(name) for name in record.metrics},
    }


# ---- choosing and ordering


def _values(record: RunRecord) -> dict[str, Any]:
    """By what runs can be chosen and ordered: their lines, configuration, metrics and results."""
    return {
        **record.config,
        **{name: record.last(name) for name in record.metrics},
        **(record.result or {}),
        "name": record.name,
        "data": _line(record)["data"],
        "status": record.status,
        "epochs": record.epochs,
        "begun": record.begun,
        "ended": record.ended,
        "time": record.seconds,
    }


def _known_names(records: Iterable[RunRecord]) -> set[str]:
    return {
        name
        for record in records
        for name, value in _values(record).items()
        if value is None or isinstance(value, str | int | float)
    }


def _sorted(records: Sequence[RunRecord], name: str, reverse: bool) -> list[RunRecord]:
    if records and name not in (known := _known_names(records)):
        raise UnknownNameError("name to sort by", name, known)
    having = [record for record in records if _values(record).get(name) is not None]
    lacking = [record for record in records if _values(record).get(name) is None]
    newest_first = name in ("begun", "ended")
    try:
        having.sort(key=lambda record: _values(record)[name], reverse=reverse != newest_first)
    except TypeError:  # numbers and texts
        having.sort(key=lambda record: str(_values(record)[name]), reverse=reverse != newest_first)
    return having + lacking


def _chosen(records: Sequence[RunRecord], condition: str) -> list[RunRecord]:
    """The runs that meet a condition of ``--where``."""
    signs = "|".join(COMPARISONS)
    found = re.fullmatch(rf"\s*(\w+)\s*({signs})\s*(.*?)\s*", condition)
    if found is None:
        raise ArgumentError(
            "A condition must be a name, a comparison and a value, such as status=ended or "
            f'"val_loss<0.1". Got {condition!r}.'
        )
    name, sign, wanted = found.groups()
    if name not in (known := _known_names(records)):
        raise UnknownNameError("name in a condition", name, known)
    return [one for one in records if _meets(_values(one).get(name), sign, wanted)]


def _meets(value: Any, sign: str, wanted: str) -> bool:
    """Compare as numbers where both are some, as texts elsewhere."""
    if value is None:
        return sign == "!="
    with contextlib.suppress(ValueError, TypeError):
        return COMPARISONS[sign](float(value), float(wanted))
    return COMPARISONS[sign](str(value).lower(), wanted.lower())


def _found(run: str, folder: Path, records: Sequence[RunRecord], screen: Screen) -> RunRecord:
    """The run that is meant: by its name, the beginning of one, or the path of its folder."""
    named = [record for record in records if record.name == run]
    begun = [record for record in records if run and record.name.startswith(run)]
    if len(named or begun) == 1:
        return (named or begun)[0]
    if begun:
        raise ArgumentError(
            f"{run!r} may be {', '.join(record.name for record in begun)}. Write more of the name."
        )
    path = Path(run)
    if run and is_run(path):
        place = path.resolve()
        return next(one for one in read_runs(place.parent, screen.note) if one.name == place.name)
    if run and path.is_dir():
        raise FileError(f"{run!r} is a folder that holds no run.")
    if not records:
        raise FileError(f"There is no run {run!r}. {_nothing_in(folder)}")
    raise UnknownNameError("run", run, (one.name for one in records))


# ---- one run


def show(run: str, folder: Path, screen: Screen) -> None:
    """Show everything about a run.

    Raises:
        UnknownNameError, ArgumentError, FileError: there is no such run, or several.
    """
    record = _found(run, folder, read_runs(folder, screen.note), screen)
    metrics = {
        name: [{"epoch": epoch + 1, "value": value} for epoch, value in values.items()]
        for name, values in record.metrics.items()
    }
    screen.show(f"Run {record.name}", _facts(record), {**_summary(record), "metrics": metrics})
    if screen.as_json or not record.metrics:
        return
    names = [*record.metrics]
    epochs = sorted({epoch for values in record.metrics.values() for epoch in values})
    left_out = len(epochs) - EPOCHS_SHOWN
    rows = [
        [str(epoch + 1), *(_number(record.metrics[name].get(epoch)) for name in names)]
        for epoch in epochs[-EPOCHS_SHOWN:]
    ]
    best = [record.best(name) for name in names]
    rows.append(["best", *(NOTHING if one is None else _number(one[1]) for one in best)])
    rows.append(["at epoch", *(NOTHING if one is None else str(one[0] + 1) for one in best)])
    title = f"The last {EPOCHS_SHOWN} of {len(epochs)} epochs" if left_out > 0 else "Epochs"
    screen.table(title, ["epoch", *names], rows, {})
    if left_out > 0:
        screen.note("All epochs: --json")


def _facts(record: RunRecord) -> list[tuple[str, str]]:
    line = _line(record)
    told_elsewhere = ("version", "epochs", "fingerprint")
    config = {
        k: v for k, v in record.config.items() if v not in ("", {}) and k not in told_elsewhere
    }
    return [
        ("folder", record.folder),
        ("status", record.status + _way_on(record)),
        ("epochs", line["epochs"]),
        ("begun", _local(record.begun)),
        ("ended", _local(record.ended)),
        ("time of training", line["time"]),
        ("version", record.version or NOTHING),
        *((name.replace("_", " "), _told(v)) for name, v in config.items()),
        *((name.replace("_", " "), _told(v)) for name, v in _results(record).items()),
    ]


def _way_on(record: RunRecord) -> str:
    is_open = record.status not in (ENDED, RUNNING) and is_run(Path(record.folder))
    command = command_line("train", "--resume", quoted(record.folder))
    return f"; go on with: {command}" if is_open else ""


def _results(record: RunRecord) -> dict[str, Any]:
    """The results that are not told elsewhere, and are short."""
    found = {name: v for name, v in (record.result or {}).items() if not isinstance(v, dict | list)}
    return {name: v for name, v in found.items() if name not in ("epochs", "seconds")}


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {one}" for name, one in value.items()) or NOTHING
    text = _number(value) if isinstance(value, float) else str(value)
    return text or NOTHING


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:#.4g}"


def _local(moment: str | None) -> str:
    """A moment on the clock of the user."""
    if moment is None:
        return NOTHING
    try:
        return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return moment


# ---- several runs


def compare(runs: Sequence[str], folder: Path, screen: Screen) -> None:
    """Show runs side by side: how they differ, and what each has come to.

    Raises:
        ArgumentError: there are fewer than two.
        UnknownNameError, FileError: there is no such run.
    """
    known = read_runs(folder, screen.note)
    records = [_found(run, folder, known, screen) for run in runs]
    if len({record.folder for record in records}) < 2:
        raise ArgumentError(f"A comparison needs two different runs. Got {' and '.join(runs)}.")
    settings = _differences(records)
    document = {
        "differences": {
            name: dict(zip((one.name for one in records), values, strict=True))
            for name, values in settings.items()
        },
        "runs": [
            {**_summary(one), "best": {name: _best_of(one, name) for name in one.metrics}}
            for one in records
        ],
    }
    rows = [
        *([name.replace("_", " "), *map(_told, values)] for name, values in settings.items()),
        *_outcomes(records),
    ]
    screen.table("Side by side", ["", *(record.name for record in records)], rows, document)


def _outcomes(records: Sequence[RunRecord]) -> Iterator[list[str]]:
    """Rows of what each run has come to."""
    for name in ("status", "epochs", "time"):
        yield [name, *(_line(record)[name] for record in records)]
    for name in dict.fromkeys(name for record in records for name in record.metrics):
        yield [f"{name}, last", *(_number(record.last(name)) for record in records)]
        yield [f"{name}, best", *(_best(record, name) for record in records)]
    results = [_results(record) for record in records]
    for name in dict.fromkeys(name for found in results for name in found):
        yield [name.replace("_", " "), *(_told(found.get(name, "")) for found in results)]


def _differences(records: Sequence[RunRecord]) -> dict[str, list[Any]]:
    """The settings in which runs differ, with the value of each run."""
    names = dict.fromkeys(name for record in records for name in record.config)
    told = {name: [record.config.get(name) for record in records] for name in names}
    return {
        name: values
        for name, values in told.items()
        if any(value != values[0] for value in values) and name not in ("epochs", "fingerprint")
    }


def _best_of(record: RunRecord, metric: str) -> dict[str, float] | None:
    best = record.best(metric)
    return None if best is None else {"epoch": best[0] + 1, "value": best[1]}


def _best(record: RunRecord, metric: str) -> str:
    best = record.best(metric)
    return NOTHING if best is None else f"{_number(best[1])} (epoch {best[0] + 1})"


# ---- the end of runs


@dataclass(frozen=True)
class _Doomed:
    """A run that is to be deleted, and what goes with it."""

    record: RunRecord

    @property
    def folder(self) -> Path | None:
        """The folder that goes; a folder that holds no run stays."""
        path = Path(self.record.folder)
        return path if is_run(path) else None

    @property
    def described(self) -> str:
        """What is lost."""
        if self.folder is None:
            return f"{self.record.name}: its record alone, for it has no folder"
        outline = outline_of(self.folder)
        others = f", also {', '.join(outline.others)}" if outline.others else ""
        return f"{self.folder}: {outline.files} files, {_size(outline.size)}{others}"


def delete(runs: Sequence[str], folder: Path, is_sure: bool, screen: Screen) -> None:
    """Delete runs, after asking.

    Raises:
        ArgumentError: there is nobody to ask.
        FileError: a run is under way, or its folder cannot be removed.
        UnknownNameError: there is no such run; none is deleted then.
    """
    known = read_runs(folder, screen.note)
    chosen = {one.folder: one for one in (_found(run, folder, known, screen) for run in runs)}
    under_way = [record.name for record in chosen.values() if record.status == RUNNING]
    if under_way:
        raise FileError(
            f"The run {under_way[0]!r} is under way, so nothing is deleted. Stop it first."
        )
    doomed = [_Doomed(record) for record in chosen.values()]
    if not is_sure:
        _ask(doomed)
    for one in doomed:
        if one.folder is not None:
            delete_run(one.folder)
        _forget(one.record, screen)
    names = [one.record.name for one in doomed]
    document = {"deleted": names}
    screen.lines([f"deleted {name}" for name in names], document)


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


def _ask(doomed: Sequence[_Doomed]) -> None:
    for one in doomed:
        print(one.described, file=sys.stderr)
    if not sys.stdin.isatty():
        raise ArgumentError("Nobody can be asked whether to delete this. Say so with --yes.")
    what = "this run" if len(doomed) == 1 else f"these {len(doomed)} runs"
    if not typer.confirm(f"Delete {what} for good?", err=True):
        raise typer.Exit(1)


def _forget(record: RunRecord, screen: Screen) -> None:
    path = Path(record.folder).resolve().parent / DATABASE
    try:
        with RunDatabase(path) as database:
            database.delete(record.name)
    except (sqlite3.Error, FileError) as error:
        screen.note(f"The database {str(path)!r} still knows {record.name!r}: {error}.")
