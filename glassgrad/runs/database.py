"""The metrics of all runs of a folder, in one SQLite file.

The folders of the runs are the truth: whatever happens to the file, it can be made again from
them. Several processes write at once: each transaction is short and waits for its turn, and the
write-ahead log leaves a file that can be read whenever a process is killed.
"""

from __future__ import annotations

import contextlib
import json
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from glassgrad.errors import FileError
from glassgrad.runs.record import Metrics, RunRecord

__all__ = ["DATABASE", "RunDatabase", "open_or_remake"]

DATABASE = "runs.sqlite"
VERSION = 2
SECONDS_OF_WAITING = 5.0  # for the transactions of others, which take a millisecond
SCHEMA = """
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    folder TEXT NOT NULL,
    status TEXT NOT NULL,
    config TEXT NOT NULL,
    begun TEXT,
    ended TEXT,
    seconds REAL,
    result TEXT,
    findings TEXT,
    version TEXT NOT NULL
);
CREATE TABLE metrics (
    run INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    name TEXT NOT NULL,
    value REAL,
    PRIMARY KEY (run, epoch, name)
) WITHOUT ROWID;
"""
#: What each version has added to the one before.
CHANGES = ("ALTER TABLE runs ADD COLUMN findings TEXT",)
COLUMNS = (
    "name",
    "folder",
    "status",
    "config",
    "begun",
    "ended",
    "seconds",
    "result",
    "findings",
    "version",
)
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)


class RunDatabase(contextlib.AbstractContextManager["RunDatabase", None]):
    """An open database of runs; a context manager that closes it.

    Args:
        path: the file, which is made if need be; ``None`` for one in memory.

    Raises:
        sqlite3.Error: the file cannot be opened, or is no such database.
        FileError: a later version of glassgrad has written it.

    Example:
        >>> with RunDatabase(None) as database:
        ...     database.write(RunRecord("a", "runs/a", "running", {"epochs": 2}))
        ...     database.write_epoch("a", 0, {"loss": 0.5})
        ...     [(run.name, run.last("loss")) for run in database.records()]
        [('a', 0.5)]
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._connection = sqlite3.connect(
            ":memory:" if path is None else path, SECONDS_OF_WAITING, isolation_level=None
        )
        try:
            self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        execute = self._connection.execute
        execute("PRAGMA foreign_keys = ON")
        (found,) = execute("PRAGMA user_version").fetchone()
        if found > VERSION:
            raise FileError(
                f"{str(self.path)!r} was written by a later version of glassgrad. Use that one."
            )
        if found < VERSION:
            execute("PRAGMA journal_mode = WAL")
            self._bring_up_to_date()
        execute("PRAGMA synchronous = NORMAL")
        (verdict,) = execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
        execute("SELECT run, epoch, name, value FROM metrics LIMIT 1")
        execute(f"SELECT id, {', '.join(COLUMNS)} FROM runs LIMIT 1")

    def _bring_up_to_date(self) -> None:
        """Make the tables, or add what those of an earlier version lack."""
        with self._transaction() as execute:
            (found,) = execute("PRAGMA user_version").fetchone()
            if found == VERSION:  # somebody was faster
                return
            changes = CHANGES[found - 1 :] if found else SCHEMA.split(";")
            for statement in filter(str.strip, changes):
                execute(statement)
            execute(f"PRAGMA user_version = {VERSION}")

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        """All statements or none; others wait meanwhile."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection.execute
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    # ---- writing

    def write(self, record: RunRecord) -> None:
        """Write what is known about a run but its metrics; what was known is replaced."""
        values = {
            **{name: getattr(record, name) for name in COLUMNS},
            "config": _text(record.config),
            "result": None if record.result is None else _text(record.result),
            "findings": None if record.findings is None else json.dumps([*record.findings]),
        }
        names = ", ".join(COLUMNS)
        places = ", ".join(f":{name}" for name in COLUMNS)
        changes = ", ".join(f"{name} = excluded.{name}" for name in COLUMNS)
        with self._transaction() as execute:
            execute(
                f"INSERT INTO runs ({names}) VALUES ({places}) "
                f"ON CONFLICT (name) DO UPDATE SET {changes}",
                values,
            )

    def write_epoch(self, name: str, epoch: int, values: Mapping[str, float]) -> None:
        """Write the metrics of an epoch, in the place of what it had."""
        self.write_metrics(name, {metric: {epoch: value} for metric, value in values.items()})

    def write_metrics(self, name: str, metrics: Metrics) -> None:
        """Write metrics of several epochs."""
        with self._transaction() as execute:
            for metric, values in metrics.items():
                for epoch, value in values.items():
                    execute(
                        "INSERT OR REPLACE INTO metrics (run, epoch, name, value) "
                        "SELECT id, ?, ?, ? FROM runs WHERE name = ?",
                        (epoch, metric, float(value), name),
                    )

    def forget_metrics(self, name: str, from_epoch: int = 0) -> None:
        """Remove the metrics of an epoch and of those after it."""
        with self._transaction() as execute:
            execute(
                "DELETE FROM metrics WHERE run = (SELECT id FROM runs WHERE name = ?) "
                "AND epoch >= ?",
                (name, from_epoch),
            )

    def delete(self, name: str) -> None:
        """Remove a run with its metrics."""
        with self._transaction() as execute:
            execute("DELETE FROM runs WHERE name = ?", (name,))

    # ---- reading

    def record(self, name: str) -> RunRecord | None:
        """A run, if it is known."""
        found = list(self._read("WHERE name = ?", name))
        return found[0] if found else None

    def records(self) -> list[RunRecord]:
        """All runs, in the order in which they were written first."""
        return list(self._read(""))

    def _read(self, condition: str, *values: str) -> Iterator[RunRecord]:
        query = f"SELECT id, {', '.join(COLUMNS)} FROM runs {condition} ORDER BY id"
        for number, *row in self._connection.execute(query, values).fetchall():
            known = dict(zip(COLUMNS, row, strict=True))
            known["config"] = _object(known["config"])
            known["result"] = None if known["result"] is None else _object(known["result"])
            known["findings"] = _list(known["findings"])
            yield RunRecord(**known, metrics=self._metrics(number))

    def _metrics(self, run: int) -> Metrics:
        metrics: dict[str, dict[int, float]] = {}
        query = "SELECT epoch, name, value FROM metrics WHERE run = ? ORDER BY epoch"
        for epoch, name, value in self._connection.execute(query, (run,)):
            # SQLite keeps NaN as NULL.
            metrics.setdefault(name, {})[epoch] = math.nan if value is None else value
        return metrics


def _text(data: Mapping[str, Any]) -> str:
    return json.dumps(dict(data))


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _list(text: str | None) -> list[dict[str, Any]] | None:
    try:
        found = None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def open_or_remake(folder: Path, warn: Callable[[str], None]) -> RunDatabase:
    """The database of a folder of runs; a damaged one is put aside.

    Where the file cannot be used at all, the database is one in memory. What a new one lacks,
    `read_runs` adds from the folders of the runs.

    Args:
        folder: where the runs are.
        warn: takes a message about what is wrong with the file.
    """
    path = folder / DATABASE
    try:
        return RunDatabase(path)
    except (sqlite3.Error, FileError) as error:
        # A plain DatabaseError is the verdict of the check above, and has no code.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        if isinstance(error, sqlite3.Error) and (code & 0xFF) in _DAMAGED:
            with contextlib.suppress(OSError, sqlite3.Error):
                aside = _put_aside(path)
                warn(
                    f"The database {str(path)!r} was damaged ({error}). It is now "
                    f"{aside.name!r}, and a new one is made from the folders of the runs."
                )
                return RunDatabase(path)
        warn(f"The database {str(path)!r} cannot be used: {error}. The runs need it not.")
        return RunDatabase(None)


def _put_aside(path: Path) -> Path:
    """Rename a database, with what belongs to it."""
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    aside = next(name for name in names if not name.exists())
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return aside
