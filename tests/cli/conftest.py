"""Running commands in this process, quickly: a small network on the reference executor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from glassgrad.cli import invocation, main
from glassgrad.execute import executor

SMALL = ("--layers", "16 relu", "--epochs", "2", "--executor", "reference")


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Command: TypeAlias = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command may choose the executor of its process, and writes under the current folder."""
    monkeypatch.setattr(executor, "_chosen", [])
    monkeypatch.setattr(invocation, "which", str)  # the program is found, wherever tests run
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    def run(*words: Any) -> Outcome:
        capsys.readouterr()
        code = main([str(word) for word in words])
        return Outcome(code, *capsys.readouterr())

    return run


@pytest.fixture
def small() -> tuple[str, ...]:
    return SMALL


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has ended; nobody writes to it."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert main(["train", *SMALL, "--quiet", "--json", "--out", str(folder)]) == 0
    return folder
