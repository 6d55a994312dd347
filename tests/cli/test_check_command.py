"""glassgrad check: a table on stdout, exit code 1 where a gradient is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from glassgrad import layers, models
from glassgrad.ops.elementwise import Relu
from tests.cli.conftest import Command


def test_a_run(command: Command, trained: Path) -> None:
    found = command("check", trained, "--examples", "4")
    assert found.code == 0
    assert "/kernel" in found.out
    assert found.out.rstrip().endswith(
        "All 4 gradients agree with differences, to a relative error of 1e-06."
    )
    assert found.err == ""


def test_a_new_network(command: Command) -> None:
    words = ("check", "--layers", "5 tanh", "--examples", "3", "--training", "--json")
    document = json.loads(command(*words).out)
    assert document["passed"] is True
    assert document["examples"] == 3
    assert document["data"] == "digits"
    assert [one["shape"] for one in document["parameters"]] == [[64, 5], [5], [5, 10], [10]]
    by_name = json.loads(command("check", "digits", *words[1:]).out)
    assert by_name["loss"] == document["loss"]


def test_chosen_parameters(command: Command, trained: Path) -> None:
    words = ("--parameter", "output.bias", "--parameter", "x", "--examples", "2", "--json")
    document = json.loads(command("check", trained, *words).out)
    assert [one["name"] for one in document["parameters"]] == ["output/bias", "x"]


def test_a_wrong_gradient_fails(
    command: Command, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Relu, "chain_rule", lambda self, incoming, *_: (-incoming[0],))
    found = command("check", trained, "--examples", "4")
    assert found.code == 1
    assert "The chain rule to mend: Relu in " in found.out
    assert found.err.count("\n") == 1
    assert "Wrong: 2 of 4 gradients, by dense" in found.err
    machine = command("check", trained, "--examples", "4", "--json")
    assert machine.code == 1
    assert json.loads(machine.out)["passed"] is False


def test_a_model_without_a_loss_is_given_the_usual_one(command: Command) -> None:
    model = models.Sequential([layers.Input((8, 8)), layers.Flatten(), layers.Dense(10, "softmax")])
    model.save("plain.safetensors")
    found = command("check", "plain.safetensors", "digits", "--examples", "2")
    assert found.code == 0
    assert "checked with sparse_categorical_crossentropy" in found.err


@pytest.mark.parametrize(
    "words, code, fragment",
    [
        (("check", "nowhere.csv"), 1, "nowhere.csv"),
        (("check", "nothing"), 2, "Unknown data set 'nothing'"),
        (("check", "digits", "digits"), 2, "name data alone"),
        (("check", "{run}", "--layers", "3"), 2, "--layers describes a new network"),
        (("check", "{run}", "--parameter", "w"), 2, "Unknown parameter 'w'"),
        (("check", "{run}", "--examples", "0"), 2, "integer from 1"),
        (("check", "{run}", "{run}"), 1, "run"),
    ],
)
def test_what_is_refused(
    command: Command, trained: Path, words: tuple[str, ...], code: int, fragment: str
) -> None:
    found = command(*(word.format(run=trained) for word in words))
    assert (found.code, found.out) == (code, "")
    assert fragment in found.err
