"""``glassgrad runs``: what is shown of runs, and how they are deleted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glassgrad.runs import RunDatabase, read_runs
from glassgrad.runs.folder import held
from tests.runs.fake import begun, ended, record, under_way

Command = Callable[..., Any]


@pytest.fixture
def runs() -> Path:
    """Three runs: one has ended, one was interrupted, one was only begun."""
    ended(Path("runs/first"), learning_rate=0.01, stopping={"patience": 3})
    under_way(Path("runs/second"), layers="32 relu, dropout 0.5", epochs=9)
    begun(Path("runs/third"), data="/some/where/table.csv")
    read_runs("runs")
    with RunDatabase(Path("runs/runs.sqlite")) as database:
        for day, name in enumerate(("first", "second", "third"), 1):
            known = database.record(name)
            assert known is not None
            database.write(
                type(known)(**{**vars(known), "begun": f"2026-01-0{day}T00:00:00+00:00"})
            )
    return Path("runs")


def names(outcome: Any) -> list[str]:
    assert outcome.code == 0, outcome.err
    return [run["name"] for run in json.loads(outcome.out)["runs"]]


# ---- the list


def test_the_list(command: Command, runs: Path) -> None:
    found = command("runs")
    lines = [line.split() for line in found.out.splitlines()]
    assert found.code == 0
    assert lines[0] == ["Runs", "in", "runs"]
    assert lines[1] == ["name", "data", "layers", "status", "epochs", "result", "time"]
    assert lines[2] == ["third", "table.csv", "16", "interrupted", "0/2", "-", "-"]
    assert lines[3] == ["second", "digits", "32", "interrupted", "1/9", "loss", "3", "val", "-"]
    assert lines[4] == ["first", "digits", "16", "ended", "2/2", "loss", "4", "val", "9.5", "s"]


def test_the_list_for_machines(command: Command, runs: Path) -> None:
    document = json.loads(command("runs", "--json").out)
    assert document["folder"] == "runs"
    first = document["runs"][-1]
    assert set(first) == {
        "name", "folder", "status", "epochs", "begun", "ended", "seconds", "version", "config",
        "result", "last",
    }  # fmt: skip
    assert first["last"] == {"loss": 1.0, "val_loss": 4.0}


@pytest.mark.parametrize(
    "words, expected",
    [
        ([], ["third", "second", "first"]),
        (["--reverse"], ["first", "second", "third"]),
        (["--sort", "name"], ["first", "second", "third"]),
        (["--sort", "val_loss"], ["second", "first", "third"]),  # what lacks it comes last
        (["--sort", "val_loss", "--reverse"], ["first", "second", "third"]),
        (["--sort", "epochs"], ["third", "second", "first"]),
        (["--where", "status=ended"], ["first"]),
        (["--where", "status != ended"], ["third", "second"]),
        (["--where", "learning_rate>=0.01"], ["first"]),
        (["--where", "data=DIGITS", "--where", "val_loss<3.5"], ["second"]),
        (["--where", "data=table.csv"], ["third"]),
        (["--where", "test_loss=0.50"], ["first"]),
        (["--where", "name=nobody"], []),
    ],
)
def test_sorting_and_choosing(
    command: Command, runs: Path, words: list[str], expected: list[str]
) -> None:
    assert names(command("runs", *words, "--json")) == expected
    assert command("runs", *words).code == 0


@pytest.mark.parametrize(
    "words, fragment",
    [
        (["--sort", "val_los"], "Unknown name to sort by 'val_los'. Did you mean 'val_loss'"),
        (
            ["--where", "statsu=ended"],
            "Unknown name in a condition 'statsu'. Did you mean 'status'",
        ),
        (["--where", "ended"], "must be a name, a comparison and a value"),
        (["--where", ""], "must be a name, a comparison and a value"),
    ],
)
def test_mistaken_conditions(command: Command, runs: Path, words: list[str], fragment: str) -> None:
    found = command("runs", *words)
    assert found.code == 2
    assert fragment in found.err
    assert found.out == ""


def test_no_runs(command: Command) -> None:
    found = command("runs")
    assert (found.code, found.out) == (0, "")
    assert "There are no runs in 'runs'. Begin one with: glassgrad train" in found.err
    assert names(command("runs", "--json")) == []
    ended(Path("here"))
    read_runs(".")
    assert "glassgrad runs --folder ." in command("runs").err
    assert names(command("runs", "--folder", ".", "--json")) == ["here"]


def test_training_is_recorded(command: Command, small: tuple[str, ...]) -> None:
    command("train", *small, "--out", "runs/a", "--quiet")
    command("train", *small, "--out", "runs/b", "--quiet", "--learning-rate", "1e30")
    document = json.loads(command("runs", "--json").out)
    b, a = sorted(document["runs"], key=lambda run: run["name"], reverse=True)
    assert (a["status"], a["epochs"], b["status"]) == ("ended", 2, "failed")
    assert a["result"]["test_accuracy"] > 0
    assert "epochs" in a["config"]


# ---- one run


def test_a_run(command: Command, runs: Path) -> None:
    found = command("runs", "show", "first")
    assert found.code == 0
    for text in ("runs/first", "ended", "2/2", "2026-01-0", "learning rate", "patience 3", "9.5 s"):
        assert text in found.out
    table = [line.split() for line in found.out.split("Epochs\n")[-1].splitlines()]
    assert [[cell for cell in line if cell] for line in table if line][-5:] == [
        ["epoch", "loss", "val_loss"],
        ["1", "2.000", "3.000"],
        ["2", "1.000", "4.000"],
        ["best", "1.000", "3.000"],
        ["at", "epoch", "2", "1"],
    ]


def test_a_run_that_can_be_gone_on_with(command: Command, runs: Path) -> None:
    found = command("runs", "show", "second")
    assert "interrupted; go on with: glassgrad train --resume runs/second" in found.out


def test_a_run_for_machines(command: Command, runs: Path) -> None:
    document = json.loads(command("runs", "show", "first", "--json").out)
    assert document["metrics"]["loss"] == [{"epoch": 1, "value": 2.0}, {"epoch": 2, "value": 1.0}]
    assert document["config"]["learning_rate"] == 0.01


def test_a_long_run_is_cut(command: Command) -> None:
    ended(Path("runs/long"))
    read_runs("runs")
    with RunDatabase(Path("runs/runs.sqlite")) as database:
        database.write_metrics("long", {"loss": {epoch: 1 / (1 + epoch) for epoch in range(30)}})
    found = command("runs", "show", "long")
    assert "The last 10 of 30 epochs" in found.out
    assert "All epochs: --json" in found.err
    assert len(json.loads(command("runs", "show", "long", "--json").out)["metrics"]["loss"]) == 30


@pytest.mark.parametrize("name", ["first", "fi", "runs/first", "./runs/first/"])
def test_a_run_is_found_by_name_beginning_or_path(command: Command, runs: Path, name: str) -> None:
    assert json.loads(command("runs", "show", name, "--json").out)["name"] == "first"


def test_a_run_elsewhere(command: Command, runs: Path) -> None:
    ended(Path("other/place/run"))
    for words in (["other/place/run"], ["run", "--folder", "other/place"]):
        assert json.loads(command("runs", "show", *words, "--json").out)["name"] == "run"
    found = command("runs", "--folder", "other/place", "show", "run", "--json")
    assert json.loads(found.out)["name"] == "run"


@pytest.mark.parametrize(
    "run, code, fragment",
    [
        ("frist", 2, "Unknown run 'frist'. Did you mean 'first'"),
        ("", 2, "Unknown run ''"),
        ("s/", 2, "Unknown run 's/'"),
        ("runs", 1, "'runs' is a folder that holds no run"),
    ],
)
@pytest.mark.parametrize("words", [["show"], ["compare", "first"], ["delete", "--yes", "first"]])
def test_a_run_that_is_none(
    command: Command, runs: Path, words: list[str], run: str, code: int, fragment: str
) -> None:
    found = command("runs", *words, run)
    assert found.code == code
    assert fragment in found.err
    assert found.out == ""
    assert len(read_runs(runs)) == 3


def test_a_beginning_of_several(command: Command, runs: Path) -> None:
    ended(Path("runs/fifth"))
    found = command("runs", "show", "fi")
    assert found.code == 2
    assert "'fi' may be" in found.err
    assert "Write more of the name" in found.err


def test_a_run_where_there_are_none(command: Command) -> None:
    found = command("runs", "show", "first")
    assert found.code == 1
    assert "There is no run 'first'. There are no runs in 'runs'" in found.err


def test_damage_is_told_once_and_mended(command: Command, runs: Path) -> None:
    Path("runs/runs.sqlite").write_bytes(b"no database" * 100)
    Path("runs/first/config.json").write_bytes(b"{")
    found = command("runs")
    assert found.code == 0
    assert found.err.count("\n") == 1
    assert "was damaged" in found.err
    assert {"first", "second", "third"} <= set(found.out.split())
    assert command("runs", "show", "first").code == 0
    assert command("runs").err == ""


def test_a_deleted_folder_is_told(command: Command, runs: Path) -> None:
    shutil.rmtree("runs/first")
    assert "folder gone" in command("runs").out
    assert command("runs", "show", "first").code == 0


# ---- several runs


def test_side_by_side(command: Command, runs: Path) -> None:
    found = command("runs", "compare", "first", "second")
    title, header, *lines = found.out.splitlines()
    assert (title.strip(), header.split()) == ("Side by side", ["first", "second"])
    rows = {line[: header.index("first")].strip(): line.split()[-2:] for line in lines}
    assert "16 relu" in found.out
    assert "dropout 0.5" in found.out
    assert rows["learning rate"] == ["0.01000", "0.001000"]
    assert rows["val_loss, last"] == ["4.000", "3.000"]
    assert "3.000 (epoch 1)" in found.out
    assert "optimizer" not in rows  # it is the same
    document = json.loads(command("runs", "compare", "first", "second", "--json").out)
    assert document["differences"]["learning_rate"] == {"first": 0.01, "second": 0.001}
    assert document["runs"][0]["best"]["loss"] == {"epoch": 2, "value": 1.0}


def test_a_comparison_needs_two(command: Command, runs: Path) -> None:
    for words in (["first"], ["first", "fir"]):
        found = command("runs", "compare", *words)
        assert found.code == 2
        assert "needs two different runs" in found.err


# ---- deleting


def test_deleting(command: Command, runs: Path) -> None:
    found = command("runs", "delete", "--yes", "first", "second")
    assert (found.code, found.out) == (0, "deleted first\ndeleted second\n")
    assert [run.name for run in read_runs(runs)] == ["third"]
    assert sorted(path.name for path in runs.iterdir()) == ["runs.sqlite", "third"]
    assert json.loads(command("runs", "delete", "-y", "third", "--json").out) == {
        "deleted": ["third"]
    }


def test_deleting_asks(command: Command, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = command("runs", "delete", "first")
    assert found.code == 2
    assert "Say so with --yes" in found.err
    (runs / "first" / "notes.txt").touch()
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer, code in ((False, 1), (True, 0)):
        monkeypatch.setattr("typer.confirm", lambda text, err, answer=answer: answer)
        found = command("runs", "delete", "first")
        assert found.code == code
        assert "runs/first: 5 files, " in found.err
        assert "also notes.txt" in found.err
        assert (runs / "first").exists() != answer


def test_a_run_under_way_is_not_deleted(command: Command, runs: Path) -> None:
    pytest.importorskip("fcntl", reason="this system has no such locks")
    with held(runs / "second"):
        found = command("runs", "delete", "--yes", "first", "second")
    assert found.code == 1
    assert "'second' is under way, so nothing is deleted" in found.err
    assert (runs / "first").exists()


def test_the_record_of_a_folder_that_is_gone_is_deleted(command: Command, runs: Path) -> None:
    shutil.rmtree("runs/first")
    Path("runs/own").mkdir()  # of a recorder in a program of one's own
    Path("runs/own/weights").touch()
    with RunDatabase(runs / "runs.sqlite") as database:
        database.write(record("own", "ended"))
    assert command("runs", "delete", "--yes", "first", "own").code == 0
    assert [run.name for run in read_runs(runs)] == ["second", "third"]
    assert Path("runs/own/weights").exists()
