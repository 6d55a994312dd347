"""All runs of a folder: the folders are the truth, the database remembers."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from glassgrad.runs import RunDatabase, read_runs
from glassgrad.runs.folder import held
from tests.runs.fake import DAMAGES, begun, damage, ended, record, stored, under_way


def statuses(folder: Path) -> dict[str, str]:
    return {run.name: run.status for run in read_runs(folder, pytest.fail)}


def test_a_folder_without_runs(tmp_path: Path) -> None:
    assert read_runs(tmp_path) == []
    assert read_runs(tmp_path / "missing") == []
    assert list(tmp_path.iterdir()) == []


def test_runs_that_the_database_does_not_know_are_added(tmp_path: Path) -> None:
    ended(tmp_path / "a")
    under_way(tmp_path / "b")
    begun(tmp_path / "c")
    (tmp_path / "no run").mkdir()
    assert statuses(tmp_path) == {"a": "ended", "b": "interrupted", "c": "interrupted"}
    known = stored(tmp_path)
    assert known["a"].metrics["loss"] == {0: 2.0, 1: 1.0}
    assert known["b"].metrics["loss"] == {0: 2.0}
    assert statuses(tmp_path) == {"a": "ended", "b": "interrupted", "c": "interrupted"}


def test_a_run_that_has_ended_without_the_database(tmp_path: Path) -> None:
    ended(tmp_path / "a")
    with RunDatabase(tmp_path / "runs.sqlite") as database:
        database.write(record("a"))
        database.write_epoch("a", 7, {"old": 1.0})
    (run,) = read_runs(tmp_path)
    assert run.status == "ended"
    assert set(run.metrics) == {"loss", "val_loss"}
    assert stored(tmp_path)["a"] == run.__class__(**{**vars(run), "folder": str(tmp_path / "a")})


def test_a_process_that_was_killed(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="this system has no such locks")
    folder = under_way(tmp_path / "a")
    with RunDatabase(tmp_path / "runs.sqlite") as database:
        database.write(record("a"))
    assert statuses(tmp_path) == {"a": "interrupted"}
    with held(folder):
        assert statuses(tmp_path) == {"a": "running"}


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    for name in "ab":
        ended(tmp_path / name)
    read_runs(tmp_path)
    shutil.rmtree(tmp_path / "a")
    assert statuses(tmp_path) == {"a": "folder gone", "b": "ended"}
    shutil.rmtree(tmp_path / "b")
    assert statuses(tmp_path) == {"a": "folder gone", "b": "folder gone"}


def test_a_run_that_moved_with_its_folder_is_where_it_is_now(tmp_path: Path) -> None:
    ended(tmp_path / "old" / "a")
    read_runs(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    (run,) = read_runs(tmp_path / "new", pytest.fail)
    assert (run.status, run.folder) == ("ended", str(tmp_path / "new" / "a"))


@pytest.mark.parametrize("how", DAMAGES)
def test_a_damaged_database_is_made_anew_from_the_folders(tmp_path: Path, how: str) -> None:
    for name in ("a", "b", "c"):
        ended(tmp_path / name)
    before = read_runs(tmp_path)
    with RunDatabase(tmp_path / "runs.sqlite") as database:
        database.write_metrics(
            "a", {f"metric {n}": dict.fromkeys(range(30), 1.0) for n in range(9)}
        )
    damage(tmp_path / "runs.sqlite", how)
    warnings: list[str] = []
    assert read_runs(tmp_path, warnings.append) == before
    assert len(warnings) == 1
    assert list(stored(tmp_path)) == ["a", "b", "c"]


def test_a_database_that_cannot_be_used(tmp_path: Path) -> None:
    ended(tmp_path / "a")
    (tmp_path / "runs.sqlite").mkdir()
    warnings: list[str] = []
    (run,) = read_runs(tmp_path, warnings.append)
    assert (run.name, run.status) == ("a", "ended")
    assert len(warnings) == 1


def test_a_database_that_others_keep_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glassgrad.runs.database.SECONDS_OF_WAITING", 0.01)
    for name in "ab":
        ended(tmp_path / name)
    warnings: list[str] = []
    with RunDatabase(tmp_path / "runs.sqlite") as other, other._transaction():
        assert [run.status for run in read_runs(tmp_path, warnings.append)] == ["ended", "ended"]
    assert len(warnings) == 1
    assert "cannot be brought up to date: database is locked" in warnings[0]
