from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad.cli import invocation
from glassgrad.cli.invocation import command_line, data_argument, near

Command = Callable[..., Any]


@pytest.fixture
def _not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invocation, "which", lambda name: None)


def test_a_program_that_is_found_is_called_by_its_name() -> None:
    assert command_line("train", "--resume", "'a run'") == "glassgrad train --resume 'a run'"


@pytest.mark.usefixtures("_not_found")
@pytest.mark.parametrize(
    "place, shown",
    [
        (".venv/bin/glassgrad", ".venv/bin/glassgrad"),
        ("glassgrad", "./glassgrad"),
        ("my tools/glassgrad", "'my tools/glassgrad'"),
    ],
)
def test_another_is_called_by_its_path(
    monkeypatch: pytest.MonkeyPatch, place: str, shown: str
) -> None:
    program = Path(place)
    program.parent.mkdir(parents=True, exist_ok=True)
    program.touch()
    for argument in (place, str(program.resolve())):
        monkeypatch.setattr(sys, "argv", [argument, "train"])
        assert command_line("runs") == f"{shown} runs"
    elsewhere = Path("elsewhere")
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert command_line("runs").strip("'").startswith("/")


@pytest.mark.usefixtures("_not_found")
def test_a_module_is_run_by_its_python_and_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [__file__])
    command = command_line("--version")
    assert command.endswith("-m glassgrad --version")
    root = Path(invocation.__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    found = subprocess.run(command, shell=True, capture_output=True, text=True, env=environment)
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize(
    "data, shown",
    [
        ("digits", "digits"),
        ("{here}/table.csv", "table.csv"),
        ("{here}/my data/table.csv", "'my data/table.csv'"),
        ("{here}/digits", "./digits"),
        ("{here}/-x.csv", "./-x.csv"),
        ("/elsewhere/table.csv", "/elsewhere/table.csv"),
        ("{here}", "."),
    ],
)
def test_data_are_named_shortly_and_as_they_are_meant(data: str, shown: str) -> None:
    assert data_argument(data.format(here=Path.cwd())) == shown


def test_what_lies_beside_the_current_folder_is_named_wholly() -> None:
    beside = Path(f"{Path.cwd()}-beside") / "x"
    assert near(beside) == beside


def test_training_ends_with_a_command_that_works(command: Command) -> None:
    rows = [f"{x:.3f},{'ab'[int(x > 0)]}" for x in np.random.default_rng(0).normal(size=40)]
    Path("my table.csv").write_text("\n".join(["x,kind", *rows]))
    words = ("my table.csv", "--target", "kind", "--epochs", 1, "--executor", "reference")
    found = command("train", *words, "--out", "run")
    assert found.err.splitlines()[-1] == "Try next: glassgrad predict run 'my table.csv'"
    assert command("predict", "run", "my table.csv").code == 0
