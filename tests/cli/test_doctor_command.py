"""glassgrad doctor: what is wrong with a network, and a mended copy of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassgrad import Sequential, set_random_seed
from glassgrad.initializers import RandomNormal
from glassgrad.layers import Dense, Input
from glassgrad.models import load_model
from glassgrad.optimizers import Adam
from tests.cli.conftest import Command

RUN = ("--epochs", 6, "--batch-size", 16, "--executor", "reference")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two clouds of points."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 2, 160)
    x = generator.normal(size=(160, 6)) + 1.5 * y[:, None]
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y, x_test=x[:32], y_test=y[:32])
    return tmp_path / "data.npz"


def saved(path: Path, *layers: Any, loss: str | None = "sparse_categorical_crossentropy") -> Path:
    set_random_seed(0)
    model = Sequential([Input((6,)), *layers])
    if loss is not None:
        model.compile(Adam(0.01), loss, executor="reference")
    model.save(path)
    return path


def healthy(folder: Path) -> Path:
    hidden = Dense(8, "relu", name="hidden")
    return saved(folder / "healthy.safetensors", hidden, Dense(2, "softmax", name="output"))


def sick(folder: Path) -> Path:
    start = RandomNormal(stddev=0.01)
    hidden = (
        Dense(8, "tanh", kernel_initializer=start, name=f"hidden_{number}") for number in range(8)
    )
    return saved(folder / "sick.safetensors", *hidden, Dense(2, "softmax", name="output"))


def test_a_healthy_network_gets_one_line(command: Command, tmp_path: Path, data: Path) -> None:
    found = command("doctor", healthy(tmp_path), data, *RUN)
    assert found.code == 0
    (line,) = found.out.splitlines()
    assert line.startswith("doctor: nothing is wrong with")
    assert "140 examples of data, 6 epochs in steps of 16" in found.err


def test_what_is_wrong_is_said_and_fails(command: Command, tmp_path: Path, data: Path) -> None:
    path = sick(tmp_path)
    before = path.read_bytes()
    found = command("doctor", path, data, *RUN)
    assert found.code == 1
    assert "1. bad_initialization" in found.out
    assert "remedy 1: Draw" in found.out
    assert found.err.splitlines()[-1] == "To mend a copy, add --repair."
    assert max(map(len, found.out.splitlines())) <= 100
    assert path.read_bytes() == before


def test_a_mended_copy_is_written(command: Command, tmp_path: Path, data: Path) -> None:
    path = sick(tmp_path)
    found = command("doctor", path, data, *RUN, "--repair", "--out", "mended.safetensors")
    assert found.code == 0
    assert "mended; accuracy" in found.out
    assert "What was changed:" in found.out
    assert "(8 layers): Dense(units=8, activation=tanh" in found.out
    with np.load(data) as arrays:
        outputs = load_model("mended.safetensors").predict(arrays["x_test"], verbose=0)
        assert (outputs.argmax(-1) == arrays["y_test"]).mean() > 0.8


def test_json_is_one_object(command: Command, tmp_path: Path, data: Path) -> None:
    found = command("doctor", sick(tmp_path), data, *RUN, "--json", "--quiet")
    assert found.err == ""
    result = json.loads(found.out)
    assert result["findings"][0]["code"] == "bad_initialization"
    assert result["findings"][0]["evidence"][0]["value"] > 10
    assert (result["epochs"], result["batch_size"]) == (6, 16)


def test_a_run_is_examined_from_its_beginning(command: Command, trained: Path) -> None:
    before = {path: path.read_bytes() for path in trained.iterdir()}
    found = command("doctor", trained, "--json", "--quiet")
    assert json.loads(found.out)["epochs"] == 2
    assert {path: path.read_bytes() for path in trained.iterdir()} == before


def test_a_new_network_is_made_for_data(command: Command, data: Path) -> None:
    found = command("doctor", data, "--layers", "8 relu", "--learning-rate", 50, *RUN)
    assert found.code == 1
    assert "learning_rate_too_high" in found.out


def test_a_model_without_a_loss_gets_one(command: Command, tmp_path: Path, data: Path) -> None:
    path = saved(tmp_path / "bare.safetensors", Dense(2, "softmax"), loss=None)
    found = command("doctor", path, data, *RUN)
    assert "learns by sparse_categorical_crossentropy and adam" in found.err


@pytest.mark.parametrize(
    "words, message",
    [
        (("{model}",), "A model file does not say what data it learns from. Name them:"),
        (("{model}", "{data}", "--layers", "8"), "--layers describes a new network"),
        (("{model}", "{data}", "--learning-rate", "1"), "--learning-rate describes a new network"),
        (("{model}", "{data}", "--out", "x.safetensors"), "Add --repair."),
        (("{data}", "--repair", "--out", "nowhere/x.safetensors"), "There is no folder"),
        (("{data}", "{data}"), "is no model and no run, and data are named besides"),
        (("missing.safetensors", "{data}"), "missing.safetensors"),
        (("{model}", "missing.npz"), "missing.npz"),
    ],
)
def test_mistakes_are_told_in_one_line(
    command: Command, tmp_path: Path, data: Path, words: tuple[str, ...], message: str
) -> None:
    model = healthy(tmp_path)
    found = command("doctor", *(word.format(model=model, data=data) for word in words))
    assert found.code in (1, 2)
    assert found.out == ""
    (line,) = found.err.splitlines()
    assert line.startswith("glassgrad: error: ")
    assert message in line
