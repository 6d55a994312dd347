from __future__ import annotations

import json
from collections import namedtuple
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from glassgrad import datasets
from glassgrad.cli import runs
from glassgrad.cli.runs import Config, Run
from glassgrad.datasets.dataset import fingerprint
from glassgrad.errors import ArgumentError, FileError

CONFIG = Config("digits", "3 relu", "adam", 0.1, 2, 32, 7, "cpu", {"parts": 4}, "abc")


def begin(folder: Path | None) -> Run:
    with Run.begin(folder, CONFIG, 1000) as run:
        return run


def test_a_run_is_found_again(tmp_path: Path) -> None:
    run = begin(tmp_path / "some" / "where")
    assert Run.open(run.folder) == run
    with Run.take_up(run.folder) as again:
        assert again.config == CONFIG


def test_new_folders_have_names_of_their_own() -> None:
    folders = [begin(None).folder for _ in range(3)]
    assert len(set(folders)) == 3
    assert all(folder.parts[0] == "runs" and "digits-" in folder.name for folder in folders)


def test_what_a_killed_process_left_is_no_obstacle(tmp_path: Path) -> None:
    leftover = tmp_path / ".glassgrad-0123.tmp"
    leftover.touch()
    run = begin(tmp_path)  # killed before config.json was there
    assert not leftover.exists()
    leftover.touch()
    with Run.take_up(run.folder):
        assert not leftover.exists()


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ArgumentError, match="not empty"):
        begin(tmp_path)
    with pytest.raises(ArgumentError, match="is a file"):
        begin(tmp_path / "notes.txt")
    with pytest.raises(FileError, match="Cannot make the folder"):
        begin(tmp_path / "notes.txt" / "run")


def test_a_run_is_not_overwritten(tmp_path: Path) -> None:
    begin(tmp_path / "a run")
    with pytest.raises(ArgumentError, match=r"--resume '.*a run'"):
        begin(tmp_path / "a run")


def test_two_processes_do_not_share_a_run(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="this system has no such locks")
    run = begin(tmp_path / "run")
    with (
        Run.take_up(run.folder),
        pytest.raises(FileError, match="Another process"),
        Run.take_up(run.folder),
    ):
        pass
    with Run.take_up(run.folder):
        pass


def test_a_full_disk_is_known_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(runs.shutil, "disk_usage", lambda folder: usage(1000, 1, 999))
    with pytest.raises(FileError, match="room"):
        begin(tmp_path / "run")
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.mark.parametrize(
    "change", [{"seed": "7"}, {"layers": None}, {"learning_rate": 1}, {"executor_settings": []}]
)
def test_a_damaged_configuration_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    run = begin(tmp_path / "run")
    content = json.dumps({**asdict(CONFIG), **change})
    (run.folder / "config.json").write_text(content)
    with pytest.raises(FileError, match=f"no configuration of a run: {next(iter(change))} is"):
        Run.open(run.folder)


@pytest.mark.parametrize("content", ["", "{", "[1]", "{}", "3"])
def test_what_is_no_configuration_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(FileError, match="no configuration"):
        Run.open(tmp_path)


def test_a_result_counts_for_its_epochs(tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    assert run.result() is None
    run.write_result({"test_loss": 0.5})
    assert run.result() is None  # without the model the run has not ended
    run.model.touch()
    assert run.result() == {"test_loss": 0.5}
    assert replace(run, config=replace(CONFIG, epochs=3)).result() is None
    (run.folder / "result.json").write_text("{")
    with pytest.raises(FileError, match="Remove it"):
        run.result()


def test_the_fingerprint_tells_data_apart() -> None:
    digits = datasets.load("digits")
    assert fingerprint(digits) == fingerprint(datasets.load("digits"))
    others = [
        replace(digits, x_train=digits.x_train[::-1]),
        replace(digits, x_train=digits.x_train.astype("int32")),
        replace(digits, y_train=digits.y_train[::-1]),
    ]
    assert len({fingerprint(one) for one in (digits, *others)}) == 4
