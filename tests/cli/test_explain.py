"""`glassgrad explain`: of a run, of a file, of data, and of the smallest network."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import glassgrad
from glassgrad import layers
from glassgrad.cli.explain_command import read_entry
from glassgrad.errors import ArgumentError

Command = Callable[..., Any]


def test_without_a_model_the_smallest_network_is_explained(command: Command) -> None:
    found = command("explain")
    assert (found.code, found.err) == (0, "")
    for expected in ("dL/doutput", "doutput/dhidden", "0.119118881", "hidden * (1 - hidden)"):
        assert expected in found.out


def test_a_run_is_explained_by_its_data(command: Command, trained: Path) -> None:
    found = command("explain", trained, "--entry", "output/bias[3]", "--json")
    assert found.code == 0, found.err
    document = json.loads(found.out)
    (entry,) = document["entries"]
    assert entry["weight"] == "output.bias[3]"
    assert len(entry["contributions"]) + entry["zeros"] == 4


def test_two_steps_instead_of_one(command: Command, trained: Path) -> None:
    fused, apart = (
        command("explain", trained, "--examples", 2, *words).out for words in ((), ("--two-step",))
    )
    assert "log" in apart
    assert fused != apart


def test_data_alone_mean_a_new_network(command: Command) -> None:
    found = command("explain", "digits", "--layers", "3 tanh", "--examples", 1)
    assert found.code == 0, found.err
    assert "tanh" in found.out


def test_files_are_written_in_the_place_of_text(command: Command) -> None:
    words = ("--html", "page.htm", "--latex", "one.tex", "--markdown", "one.md")
    found = command("explain", *words)
    assert (found.code, found.out) == (0, "")
    assert found.err.splitlines() == ["Written: page.htm", "Written: one.tex", "Written: one.md"]
    assert Path("page.htm").read_text().lstrip().startswith("<!")
    assert r"\begin{document}" in Path("one.tex").read_text()
    assert "```math" in Path("one.md").read_text()
    assert command("explain", "--quiet", "--html", "page.htm").err == ""


def test_a_model_without_a_loss_gets_a_usual_one(command: Command) -> None:
    model = glassgrad.Sequential(
        [layers.Input((8, 8)), layers.Flatten(), layers.Dense(10, "softmax")]
    )
    model.save("model.safetensors")
    found = command("explain", "model.safetensors", "digits", "--examples", 1)
    assert found.code == 0
    assert "so it is explained with sparse_categorical_crossentropy" in found.err


@pytest.mark.parametrize(
    "words, code, fragment",
    [
        ("--step --json", 2, "Got both"),
        ("--entry hiden/kernel[0,0]", 2, "'hidden.kernel'"),
        ("--entry hidden/kernel[0,a]", 2, '"hidden/kernel[3,7]"'),
        ("--entry hidden/kernel[]", 2, '"hidden/kernel[3,7]"'),
        ("--entry [0]", 2, "Got '[0]'"),
        ("--entry hidden/kernel[1,0]", 2, "from (0, 0) to (0, 0). Got (1, 0)"),
        ("--examples 0", 2, "an integer from 1"),
        ("nowhere.safetensors", 1, "Cannot read 'nowhere.safetensors'"),
        ("digit", 2, "Did you mean 'digits'"),
        ("mnist digits", 2, "is no model and no run"),
        ("--html nowhere/page.html", 1, "nowhere/page.html"),
    ],
)
def test_bad_input_is_one_line(command: Command, words: str, code: int, fragment: str) -> None:
    found = command("explain", *words.split())
    assert (found.code, found.out, len(found.err.splitlines())) == (code, "", 1)
    assert fragment in found.err


@pytest.mark.parametrize(
    "text, entry",
    [
        ("w", ("w",)),
        (" hidden/kernel[3,7] ", ("hidden/kernel", 3, 7)),
        ("hidden[ 0, -1 ]", ("hidden", 0, -1)),
        ("lstm_cell[2].h[0,1]", ("lstm_cell[2].h", 0, 1)),
        ("lstm_cell[2].h", ("lstm_cell[2].h",)),
    ],
)
def test_entries_as_they_are_typed(text: str, entry: tuple[Any, ...]) -> None:
    assert read_entry(text) == entry


@pytest.mark.parametrize("text", ["[1]", "w[1", "w[a]", "w[]"])
def test_an_entry_is_a_name_and_whole_numbers(text: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(repr(text))):
        read_entry(text)
