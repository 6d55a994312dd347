"""What ends a run before its last epoch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from glassgrad.callbacks import EarlyStopping, StopAtTarget, TimeLimit
from glassgrad.cli.stopping import callbacks_for, is_stopping

Command = Callable[..., Any]
LONG = ("--layers", "16 relu", "--epochs", "50", "--executor", "reference")


def kinds(**options: Any) -> list[tuple[type, str | None]]:
    conditions = options.pop("conditions", {})
    found = callbacks_for(
        conditions, **{"is_watched": False, "patience": 7, "verbose": 0, **options}
    )
    return [(type(one), getattr(one, "monitor", None)) for one in found]


def test_the_callbacks() -> None:
    everything = {"patience": 3, "target_loss": 0.1, "max_seconds": 9.0}
    assert kinds() == []
    assert kinds(is_watched=True) == [(EarlyStopping, "val_loss")]
    for is_watched, monitor in ((False, "loss"), (True, "val_loss")):
        assert kinds(conditions=everything, is_watched=is_watched) == [
            (EarlyStopping, monitor), (StopAtTarget, monitor), (TimeLimit, None),
        ]  # fmt: skip


@pytest.mark.parametrize(
    "found, expected",
    [({}, True), ({"patience": 3, "max_seconds": 1.5}, True), ({"patience": "3"}, False),
     ({"patience": True}, False), ({"other": 3}, False), ([], False), (None, False)],
)  # fmt: skip
def test_what_a_file_may_say(found: Any, expected: bool) -> None:
    assert is_stopping(found) == expected


def test_a_target_loss_ends_a_run(command: Command) -> None:
    found = command("train", *LONG, "--target-loss", 1.8, "--json", "--out", "run")
    result = json.loads(found.out)
    assert 1 < result["epochs"] < 50
    assert f"epoch {result['epochs']}: stopped, for loss is 1." in found.err
    assert json.loads(Path("run/config.json").read_text())["stopping"] == {"target_loss": 1.8}
    again = command("train", "--resume", "run", "--json", "--target-loss", 1.8)
    assert json.loads(again.out)["epochs"] == result["epochs"]


def test_patience_ends_a_run(command: Command) -> None:
    words = ("--learning-rate", 3, "--patience", 2, "--batch-size", 512)
    found = command("train", *LONG, *words, "--json", "--out", "run")
    assert json.loads(found.out)["epochs"] < 50
    assert "stopped, for loss has not improved since epoch" in found.err


def test_a_time_limit_ends_a_run_and_a_greater_one_goes_on(command: Command) -> None:
    found = command("train", *LONG, "--max-seconds", 1e-9, "--json", "--out", "run")
    assert json.loads(found.out)["epochs"] == 1
    found = command("train", "--resume", "run", "--json")
    assert json.loads(found.out)["epochs"] == 1
    assert "has ended; more time: glassgrad train --resume run --max-seconds" in found.err
    found = command("train", "--resume", "run", "--max-seconds", 1e9, "--epochs", 51, "--json")
    assert json.loads(found.out)["epochs"] == 51


@pytest.mark.parametrize(
    "words, fragment",
    [
        (["--max-seconds", "0"], "The time limit must be above 0 seconds. Got 0.0"),
        (["--max-seconds", "soon"], "It must be a number. Got 'soon'"),
        (["--target-loss", "nan"], "The target of 'loss' must be finite. Got nan"),
        (["--patience", "0"], "It must be an integer from 1. Got '0'"),
    ],
)
def test_what_ends_no_run(command: Command, words: list[str], fragment: str) -> None:
    found = command("train", *LONG, *words, "--out", "run")
    assert found.code == 2
    assert fragment in found.err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "words, fragment",
    [
        (["--max-seconds", "1"], "--max-seconds is 1000.0. Got 1.0. Ask for more"),
        (["--patience", "2"], "--patience is not set. Got 2. Leave it out"),
    ],
)
def test_what_contradicts_a_run(command: Command, words: list[str], fragment: str) -> None:
    short = (*LONG[:3], "1", *LONG[4:])
    command("train", *short, "--max-seconds", 1000, "--out", "run", "-q")
    found = command("train", "--resume", "run", *words)
    assert found.code == 2
    assert fragment in found.err
