"""The database: what is written is read, whoever else writes, and whatever happened to it."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from glassgrad.errors import FileError
from glassgrad.runs import RunDatabase
from glassgrad.runs.database import VERSION, open_or_remake
from tests.runs.fake import DAMAGES, damage, record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


def test_what_is_written_is_read(path: Path) -> None:
    run = record(begun="2026-01-01T00:00:00+00:00", seconds=1.5, result={"test_loss": 0.5})
    with RunDatabase(path) as database:
        database.write(run)
        database.write_epoch("a", 0, {"loss": 2.0, "acc": 0.5})
        database.write_epoch("a", 1, {"loss": math.nan, "acc": math.inf})
    with RunDatabase(path) as database:
        (found,) = database.records()
        assert database.record("b") is None
    assert math.isnan(found.metrics["loss"][1])
    assert found.metrics["acc"] == {0: 0.5, 1: math.inf}
    assert replace(found, metrics={}) == run


def test_an_epoch_that_comes_again_takes_the_place_of_the_first(path: Path) -> None:
    with RunDatabase(path) as database:
        database.write(record())
        for value in (1.0, 2.0):
            for epoch in range(3):
                database.write_epoch("a", epoch, {"loss": value})
        database.write(record(status="ended"))
        assert [one.status for one in database.records()] == ["ended"]
        assert database.records()[0].metrics == {"loss": {0: 2.0, 1: 2.0, 2: 2.0}}
        database.forget_metrics("a", from_epoch=1)
        assert database.records()[0].metrics == {"loss": {0: 2.0}}


def test_a_run_is_deleted_with_its_metrics(path: Path) -> None:
    with RunDatabase(path) as database:
        for name in "ab":
            database.write(record(name))
            database.write_epoch(name, 0, {"loss": 1.0})
        database.delete("a")
        assert [one.name for one in database.records()] == ["b"]
        count = database._connection.execute("SELECT count(*) FROM metrics").fetchone()
    assert count == (1,)


def test_a_transaction_is_whole_or_not_at_all(path: Path) -> None:
    with RunDatabase(path) as database:
        database.write(record())
        with pytest.raises(ValueError, match="could not convert"):
            database.write_metrics("a", {"loss": {0: 1.0, 1: "x"}})  # type: ignore[dict-item]
        assert database.records()[0].metrics == {}
        database.write_epoch("a", 0, {"loss": 1.0})


WRITER = """
import sys
from pathlib import Path
from glassgrad.runs import RunDatabase, RunRecord
name = sys.argv[2]
for start in (0, 20):
    with RunDatabase(Path(sys.argv[1])) as database:
        database.write(RunRecord(name, name, "running"))
        for epoch in range(start, start + 20):
            database.write_epoch(name, epoch, {"loss": float(epoch)})
"""


def test_several_processes_write_at_once(path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, path, name], stderr=subprocess.PIPE)
        for name in "abc"
    ]
    for writer in writers:
        _, messages = writer.communicate(timeout=100)
        assert writer.returncode == 0, messages.decode()
    with RunDatabase(path) as database:
        found = {one.name: one.metrics for one in database.records()}
    assert found == {name: {"loss": {e: float(e) for e in range(40)}} for name in "abc"}


def test_the_log_of_a_killed_process_is_read(path: Path, tmp_path: Path) -> None:
    killed = RunDatabase(path)
    killed.write(record())
    killed.write_epoch("a", 0, {"loss": 1.0})
    copy = tmp_path / "copy.sqlite"  # as the files lie when the process dies
    for suffix in ("", "-wal"):
        copy.with_name(copy.name + suffix).write_bytes(
            path.with_name(path.name + suffix).read_bytes()
        )
    killed.close()
    with RunDatabase(copy) as database:
        assert database.records()[0].metrics == {"loss": {0: 1.0}}


# ---- damage


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_file_is_put_aside(path: Path, how: str) -> None:
    warnings: list[str] = []
    for number in (1, 2):
        with RunDatabase(path) as database:
            for name in range(200):
                database.write(record(str(name)))
        damage(path, how)
        with open_or_remake(path.parent, warnings.append) as database:
            assert database.path == path
            assert database.records() == []
        assert path.with_name(f"runs.sqlite.damaged-{number}").exists()
    assert len(warnings) == 2
    assert "was damaged" in warnings[0]
    assert "'runs.sqlite.damaged-1'" in warnings[0]


def test_a_sound_file_is_left_alone(path: Path) -> None:
    for _ in range(2):
        with open_or_remake(path.parent, pytest.fail) as database:
            database.write(record())
            assert len(database.records()) == 1


def test_a_file_that_cannot_be_used(path: Path) -> None:
    warnings: list[str] = []
    path.mkdir()
    with open_or_remake(path.parent, warnings.append) as database:
        assert database.path is None
        database.write(record())
    assert "cannot be used" in warnings[0]
    assert path.is_dir()


def test_a_file_of_a_later_version(path: Path) -> None:
    RunDatabase(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    with pytest.raises(FileError, match="written by a later version"):
        RunDatabase(path)
    warnings: list[str] = []
    open_or_remake(path.parent, warnings.append).close()
    assert "later version" in warnings[0]
    assert path.exists()


@pytest.mark.parametrize("text", ["{", "3", "[1]"])
def test_a_configuration_that_is_none(path: Path, text: str) -> None:
    with RunDatabase(path) as database:
        database.write(record())
        database._connection.execute("UPDATE runs SET config = ?, result = ?", (text, text))
        (found,) = database.records()
    assert (found.config, found.result) == ({}, {})


def test_a_file_of_the_version_before_gains_findings(path: Path) -> None:
    with RunDatabase(path) as database:
        database.write(record())
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE runs DROP COLUMN findings")
        connection.execute("PRAGMA user_version = 1")
    found = [{"code": "dead_units", "layer": "hidden"}]
    with RunDatabase(path) as database:
        (before,) = database.records()
        assert before.findings is None
        database.write(replace(before, findings=found))
        assert database.records() == [replace(before, findings=found)]


def test_no_findings_and_no_doctor_are_told_apart(path: Path) -> None:
    with RunDatabase(path) as database:
        for name, findings in (("healthy", []), ("alone", None)):
            database.write(replace(record(name), findings=findings))
        assert [one.findings for one in database.records()] == [[], None]
