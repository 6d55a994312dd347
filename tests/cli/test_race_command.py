"""glassgrad race: a table on stdout, pictures in files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command

QUICK = ("--optimizers", "sgd=0.01,momentum=0.01", "--steps", "20")


def test_a_race_with_picture_and_page(command: Command) -> None:
    files = ("--chart", "race.png", "--html", "race.html")
    found = command("race", "ravine", "--start", "-1.5,0.2", *QUICK, *files)
    assert found.code == 0
    assert "start (-1.5, 0.2)" in found.out
    assert found.err == "Written: race.png\nWritten: race.html\n"
    assert Path("race.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in Path("race.html").read_text("utf-8")


def test_numbers_for_machines(command: Command) -> None:
    document = json.loads(command("race", "Bowl", *QUICK, "--json").out)
    assert [one["name"] for one in document["runners"]] == ["sgd", "momentum"]
    assert len(document["runners"][0]["points"]) == 21
    one = json.loads(command("race", "all", "--optimizers", "sgd=0", "--steps", "1", "--json").out)
    assert len(one["races"]) == 7


def test_defaults_instead_of_tuning(command: Command) -> None:
    found = command("race", "beale", "--optimizers", "adam", "--steps", "3", "--no-tune", "--json")
    assert json.loads(found.out)["runners"][0]["learning_rate"] == 0.001


def test_the_list(command: Command) -> None:
    document = json.loads(command("race", "--json").out)
    assert {"bowl", "saddle", "plateau"} <= {one["name"] for one in document["surfaces"]}
    assert "rosenbrock" in command("race").out


@pytest.mark.parametrize(
    "words, code, fragment",
    [
        (("hill",), 2, "Unknown surface 'hill'"),
        (("bowl", "--optimizers", "adm"), 2, "Unknown optimizer 'adm'"),
        (("bowl", "--optimizers", "sgd=x"), 2, "must be a number from 0"),
        (("bowl", "--start", "1"), 2, "--start is two numbers"),
        (("bowl", "--start", "nan,1"), 2, "2 finite numbers"),
        (("all", "--start", "1,1"), 2, "--start is for one surface"),
        (("bowl", "--steps", "0"), 2, "integer from 1"),
        (("bowl", "--chart", "race.html"), 2, "must end in .png or .svg"),
        (("bowl", "--html", "nowhere/race.html"), 1, "There is no folder"),
    ],
)
def test_what_is_refused(
    command: Command, words: tuple[str, ...], code: int, fragment: str
) -> None:
    found = command("race", *words)
    assert (found.code, found.out) == (code, "")
    assert fragment in found.err
    assert found.err.count("\n") == 1
