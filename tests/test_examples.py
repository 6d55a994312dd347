"""Every example runs at its small scale, and what it measures is as it should be."""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "examples"
EXAMPLES = {path.stem: path for path in sorted(FOLDER.glob("*.py"))}

PARTS = {"command_line"}
"""What examples share, and is none."""

PRINTING = {
    "canvases",
    "explain_one_step",
    "own_operation",
    "sick_networks",
    "transfer",
    "vanishing_gradients",
}
"""What shows something, and measures nothing that could be wrong."""

Found = dict[str, float]
MEASURING: dict[str, Callable[[Found], bool]] = {
    "cnn_on_mnist": lambda found: found["test accuracy"] > 0.93,
    "saliency": lambda found: all(
        chance < 0.5 * found["after blanking ink at random"]
        for name, chance in found.items()
        if "named by" in name
    ),
    "resnet_on_mnist": lambda found: found["test accuracy"] > 0.9,
    "lstm_on_mnist": lambda found: found["test accuracy"] > 0.9,
    "spoken_digits": lambda found: (
        found["test accuracy"] > 0.75 > found["test accuracy without the order of the sounds"]
    ),
    "forecast": lambda found: (
        found["mean absolute error of the network"]
        < 0.97 * min(error for name, error in found.items() if name.startswith("of the same"))
    ),
    "character_gpt": lambda found: (
        found["validation loss"] < 0.3 * found["loss of guessing by frequency"]
    ),
    "dates": lambda found: found["dates translated without a mistake"] > 0.5,
    "masked_language_model": lambda found: (
        found["gaps filled with the very word"]
        > 1.3 * found["gaps filled by the most frequent word"]
    ),
    "unet": lambda found: found["the same of digit and background"] > 0.45,
    "detector": lambda found: found["the same if all digits were one class"] > 0.5,
    "variational_autoencoder": lambda found: (
        found["and for its numbers"] > 1.0 and found["nats for a test digit"] < 26.5
    ),
    "denoising_autoencoder": lambda found: (
        found["mean squared error of the cleaned digits"]
        < 0.3 * found["mean squared error of the noisy digits"]
    ),
}
"""What must be true of an example's result at its small scale."""


@pytest.fixture(autouse=True)
def _beside_the_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    """They import each other, as Python lets the scripts of a folder do."""
    monkeypatch.syspath_prepend(FOLDER)


def test_every_example_is_in_a_table() -> None:
    assert EXAMPLES.keys() == PARTS | PRINTING | MEASURING.keys()


@pytest.mark.parametrize("name", sorted(PRINTING))
def test_an_example_prints(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(EXAMPLES[name])])
    runpy.run_path(str(EXAMPLES[name]), run_name="__main__")
    assert capsys.readouterr().out


@pytest.mark.parametrize("name", MEASURING)
def test_an_example_reaches_its_result(name: str) -> None:
    found = importlib.import_module(name).main("small")
    assert MEASURING[name](found), found


def test_the_picture_of_one_step_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = tmp_path / "step.svg"
    path = EXAMPLES["explain_one_step"]
    monkeypatch.setattr(sys, "argv", [str(path), str(picture)])
    runpy.run_path(str(path), run_name="__main__")
    assert "dL/dw1" in picture.read_text("utf-8")


# ---- how they are called


@pytest.mark.parametrize(
    "arguments, given",
    [
        ([], ("small", None, 0)),
        (["--full", "--data", "here", "--seed", "3"], ("full", "here", 3)),
    ],
)
def test_the_command_line_is_handed_on(
    arguments: list[str],
    given: tuple[object, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    called = []

    def main(*values: object) -> Found:
        called.append(values)
        return {"accuracy": 0.5}

    monkeypatch.setattr(sys, "argv", ["example", *arguments])
    importlib.import_module("command_line").run(main)
    result, seconds = capsys.readouterr().out.splitlines()
    assert called == [given]
    assert result.split() == ["0.5000", "accuracy"]
    assert seconds.endswith("seconds")


def test_an_example_says_what_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["forecast.py", "--help"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(EXAMPLES["forecast"]), run_name="__main__")
    assert stopped.value.code == 0
    assert "A recurrent network forecasts the next day" in capsys.readouterr().out


def test_the_table_of_the_folder_lists_every_example() -> None:
    text = (FOLDER / "README.md").read_text("utf-8")
    listed = {name for name in EXAMPLES if f"[{name}]({name}.py)" in text}
    assert listed == EXAMPLES.keys() - PARTS
