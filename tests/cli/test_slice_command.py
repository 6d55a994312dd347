"""glassgrad slice: numbers on stdout, pictures and pages in files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glassgrad.cli.slice_command import read_rates
from glassgrad.errors import ArgumentError
from tests.cli.conftest import Command

FEW = ("--examples", "8", "--points", "5", "--steps", "3")


def test_along_one_weight(command: Command, trained: Path) -> None:
    found = command("slice", trained, "--weight", "output/kernel[0,1]", *FEW)
    assert found.code == 0
    assert found.out.startswith("The loss along output/kernel[0, 1], all other weights fixed")
    assert "moves away from the minimum" in found.out or "no minimum" in found.out
    assert found.err == ""


def test_over_a_plane_with_files(command: Command, trained: Path) -> None:
    words = ("--plane", "--chart", "plane.svg", "--html", "plane.html", "--json", *FEW)
    found = command("slice", trained, *words)
    document = json.loads(found.out)
    assert document["coordinates"] == ["direction 1", "direction 2"]
    assert len(document["losses"]) == 5
    assert found.err.splitlines() == ["Written: plane.svg", "Written: plane.html"]
    assert "<svg" in Path("plane.svg").read_text("utf-8")


def test_two_weights_and_rates_of_ones_own(command: Command, trained: Path) -> None:
    weights = ("--weight", "output/bias[0]", "--weight", "output/bias[1]")
    words = ("--learning-rates", "0.5,1", "--json", "--quiet", *FEW)
    document = json.loads(command("slice", trained, *weights, *words).out)
    assert [one["learning_rate"] for one in document["descents"]] == [0.5, 1.0]
    assert document["coordinates"] == ["output/bias[0]", "output/bias[1]"]


@pytest.mark.parametrize(
    "words,code,message",
    [
        (("--weight", "nothing[0]"), 2, "Unknown parameter 'nothing'"),
        (("--weight", "output/bias[99]"), 2, r"output/bias[0] to output/bias[9]"),
        (("--plane", "--weight", "output/bias[0]"), 2, "--plane takes two random directions"),
        (("--weight", "a") * 3, 2, "twice for contours"),
        (("--learning-rates", "fast"), 2, "separated by commas"),
        (("--weight", "output/bias[0]", "--chart", "a.gif"), 2, ".png or .svg"),
        (("--html", "a.svg"), 2, "must end in .html"),
        (("--chart", "missing/a.svg"), 1, "There is no folder"),
    ],
)
def test_what_is_refused(
    command: Command, trained: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    found = command("slice", trained, *words, *FEW)
    assert found.code == code
    assert found.err.count("\n") == 1
    assert message in found.err


def test_rates_are_read() -> None:
    assert read_rates("1") == (1.0,)
    with pytest.raises(ArgumentError, match="'1;2'"):
        read_rates("1;2")
