from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import glassgrad
from glassgrad import layers

Command = Callable[..., Any]


def test_a_new_network_is_profiled(command: Command) -> None:
    words = ("profile", "digits", "--layers", "16 relu", "--batch-size", 8)
    found = command(*words, "--step", "prediction", "--json")
    assert found.code == 0, found.err
    document = json.loads(found.out)
    assert document["batch_size"] == 8
    assert document["step"] == "prediction"
    assert sum(one["flop"] for one in document["launches"]) == document["flop"]
    assert document["peak_flop_per_second"] > 1e8


def test_the_plan_of_a_run(command: Command, trained: Path) -> None:
    found = command("profile", trained, "--batch-size", 5, "--plan")
    assert found.code == 0, found.err
    assert "float32[5, 10]" in found.out


def test_a_model_without_a_loss_gets_a_usual_one(command: Command) -> None:
    model = glassgrad.Sequential([layers.Input((3,)), layers.Dense(1, "sigmoid")])
    model.save("model.safetensors")
    found = command("profile", "model.safetensors", "--plan")
    assert found.code == 0, found.err
    assert "profiled with binary_crossentropy and adam" in found.err
    assert "optimizer/adam" in found.out
    assert command("profile", "model.safetensors", "--plan", "--step", "prediction").err == ""


@pytest.mark.parametrize(
    "words, code, fragment",
    [
        ("digits --step train", 2, "Unknown step 'train'. Did you mean 'training'"),
        ("digits --sort tim", 2, "Did you mean 'time'"),
        ("digits --batch-size 0", 2, "an integer from 1"),
        ("nowhere.safetensors", 1, "Cannot read 'nowhere.safetensors'"),
        ("model.safetensors --layers 3", 2, "--layers describes a new network"),
        ("digit", 2, "Did you mean 'digits'"),
    ],
)
def test_bad_input_is_one_line(command: Command, words: str, code: int, fragment: str) -> None:
    found = command("profile", *words.split(), "--quiet")
    assert (found.code, found.out, len(found.err.splitlines())) == (code, "", 1)
    assert fragment in found.err
