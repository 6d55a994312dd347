"""glassgrad lr-find: a suggestion on stdout, pictures and pages in files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command

FEW = ("--steps", "20", "--executor", "reference")


def test_for_a_new_network(command: Command) -> None:
    found = command("lr-find", "digits", "--layers", "8 relu", "--optimizer", "sgd", *FEW)
    assert found.code == 0
    assert found.out.startswith("Learning-rate range test of sequential")
    assert " with SGD, " in found.out
    assert "Suggested learning rate: " in found.out
    assert found.err.startswith("The picture: ")
    assert found.err.endswith("lr-find digits --chart FILE.svg\n")


def test_with_files(command: Command) -> None:
    words = ("--layers", "8 relu", "--chart", "rates.svg", "--html", "rates.html", "--json")
    found = command("lr-find", "digits", *words, *FEW)
    document = json.loads(found.out)
    assert document["data"] == "digits"
    assert len(document["learning_rates"]) <= 20
    assert found.err.splitlines() == ["Written: rates.svg", "Written: rates.html"]
    assert "<svg" in Path("rates.svg").read_text("utf-8")


def test_of_a_run_as_it_was_at_its_beginning(command: Command, trained: Path) -> None:
    document = json.loads(command("lr-find", trained, "--json", "--quiet", *FEW[:2]).out)
    assert document["losses"][0] > 2  # near ln 10: nothing is learned yet


def test_of_a_model_with_data(command: Command, trained: Path) -> None:
    model = trained / "model.safetensors"
    found = command("lr-find", model, "digits", "--json", "--quiet", *FEW)
    assert json.loads(found.out)["losses"][0] < 2.2


@pytest.mark.parametrize(
    "words,code,message",
    [
        (("digits", "--lowest", "2", "--highest", "1"), 2, "lowest must be smaller"),
        (("digits", "--steps", "3"), 2, "an integer from 10"),
        (("digits", "--lowest", "slow"), 2, "It must be a number"),
        (("digits", "--chart", "a.gif"), 2, ".png or .svg"),
        (("nowhere",), 2, "nowhere"),
        (("digits", "fashion_mnist"), 2, "name data alone"),
    ],
)
def test_what_is_refused(command: Command, words: tuple[str, ...], code: int, message: str) -> None:
    found = command("lr-find", *words, "--executor", "reference")
    assert found.code == code
    assert found.err.count("\n") == 1
    assert message in found.err
