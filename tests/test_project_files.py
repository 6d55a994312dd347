"""What pyproject.toml promises, the lock files and the documents' examples keep."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"(?P<name>[a-z0-9-]+)==[0-9][0-9a-z.]*( ; [a-z_]+ [!=]= \"\w+\")?")
LOCKS = ("core", "test", "check", "bench")


def lines_of(lock: str) -> list[str]:
    lines = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def pinned(lock: str) -> set[str]:
    return {match["name"] for line in lines_of(lock) if (match := PIN.fullmatch(line))}


def required(requirements: list[str]) -> set[str]:
    return {re.split("[=<>]", requirement)[0] for requirement in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_pins_and_does_nothing_else(lock: str) -> None:
    """No address, no hash, no local version such as +cpu: the file serves every registry."""
    strange = [line for line in lines_of(lock) if not PIN.fullmatch(line)]
    below = {
        "core": [],
        "test": ["-r core.txt"],
        "check": ["-r test.txt"],
        "bench": ["-r test.txt"],
    }
    assert strange == below[lock]


def test_every_requirement_is_pinned_in_its_lock_file() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert required(project["dependencies"]) <= pinned("core")
    assert required(extras["test"]) <= pinned("test")
    assert required(extras["check"]) <= pinned("check")
    assert required(extras["bench"]) <= pinned("bench")


def test_no_package_is_pinned_twice() -> None:
    assert not pinned("core") & pinned("test")
    assert not (pinned("core") | pinned("test")) & (pinned("check") | pinned("bench"))
