"""All runs of a folder, from its database and from the folders in it."""

from __future__ import annotations

import os
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from glassgrad.runs.database import DATABASE, RunDatabase, open_or_remake
from glassgrad.runs.folder import is_held, is_run, read_run_folder, result_of
from glassgrad.runs.record import ENDED, GONE, INTERRUPTED, RUNNING, RunRecord

__all__ = ["read_runs"]


def read_runs(
    folder: str | os.PathLike[str] = "runs", warn: Callable[[str], None] = warnings.warn
) -> list[RunRecord]:
    """The runs of a folder, the oldest first.

    The folders of the runs are the truth: a run that the database does not know is added to it, a
    run whose process was killed is "interrupted", and one whose folder is no longer there has
    the status "folder gone".

    Args:
        folder: where the runs are; one that does not exist has none.
        warn: takes a message where the database is damaged or cannot be used; the runs are read
            all the same.

    Example:
        >>> read_runs("no such folder")
        []
    """
    place = Path(folder)
    folders = {one.name: one for one in _run_folders(place)}
    if not folders and not (place / DATABASE).is_file():
        return []
    with open_or_remake(place, warn) as database:
        known = {record.name: record for record in database.records()}
        news = [
            read_run_folder(path)
            for name, path in folders.items()
            if name not in known or _has_ended_since(known[name], path)
        ]
        _add(database, news, warn)
    known |= {record.name: record for record in news}
    found = [_as_it_is(record, place / record.name) for record in known.values()]
    return sorted(found, key=lambda record: (record.begun or "", record.name))


def _run_folders(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    yield from (one for one in entries if not one.name.startswith(".") and is_run(one))


def _has_ended_since(record: RunRecord, folder: Path) -> bool:
    """Whether a run has come to its end without the database."""
    return record.status != ENDED and result_of(folder) is not None


def _add(database: RunDatabase, records: Sequence[RunRecord], warn: Callable[[str], None]) -> None:
    try:
        for record in records:
            database.write(record)
            database.forget_metrics(record.name)
            database.write_metrics(record.name, record.metrics)
    except sqlite3.Error as error:
        warn(f"The database {str(database.path)!r} cannot be brought up to date: {error}.")


def _as_it_is(record: RunRecord, folder: Path) -> RunRecord:
    """A record with the status that holds now; a killed process could not write it."""
    if not folder.is_dir():
        return replace(record, status=GONE)
    status = record.status
    if status in (RUNNING, INTERRUPTED):
        status = RUNNING if is_held(folder) else INTERRUPTED
    return replace(record, folder=str(folder), status=status)
