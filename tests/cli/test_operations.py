"""``glassgrad operations``: the pages in the terminal."""

from __future__ import annotations

import json
import sys

import pytest

from glassgrad.cli import operations_command
from glassgrad.cli.operations_command import PICTURES
from glassgrad.cli.screen import Screen
from glassgrad.lens import handbook
from glassgrad.ops.catalogue import operations
from tests.cli.conftest import Command


def test_all_are_listed(command: Command) -> None:
    found = command("operations")
    assert "ops.softmax" in found.out
    assert "glassgrad operations NAME" in found.err
    listed = json.loads(command("operations", "--json").out)["operations"]
    assert [one["name"] for one in listed] == list(operations())


@pytest.mark.parametrize("name", ["Softmax", "softmax", "ops.softmax", "SOFTMAX"])
def test_one_is_shown(command: Command, name: str) -> None:
    assert command("operations", name).out == handbook.page("Softmax")


def test_one_is_shown_as_a_document(command: Command) -> None:
    document = json.loads(command("operations", "take", "--json").out)
    assert document["name"] == "Take"
    assert document["without_gradient"] == ["indices"]
    (line,) = document["formula"]
    assert line["name"]["plain"] == "y"
    assert line["formula"]["plain"] == "take(x, indices, axis=0)"
    assert document["chain_rule"][0]["name"]["latex"] == r"\frac{\partial L}{\partial x}"


def test_a_terminal_gets_what_it_can_show(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    operations_command.show_operation("long_short_term_memory", Screen())
    shown = capsys.readouterr().out
    assert "Chain rule" in shown
    assert "\\frac" not in shown
    assert "<details>" not in shown


@pytest.mark.parametrize("name", ["Tanh", "Heaviside", "LongShortTermMemory"])
def test_only_pictures_and_mathematics_are_left_out(name: str) -> None:
    page = handbook.page(name)
    left = PICTURES.sub("", page)
    assert "```math" in page
    for gone in ("```math", "![", "<details>", "[All operations]"):
        assert gone not in left
    for kept in ("# " + name, "## Formula", "## Chain rule", "## Example", "```python"):
        assert kept in left


def test_an_unknown_name_is_told(command: Command) -> None:
    found = command("operations", "tanhh")
    assert found.code == 2
    assert "Did you mean 'Tanh'" in found.err
    assert not found.out
