"""glassgrad replay: the step that gave NaN, once more."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from glassgrad import Sequential, layers, set_random_seed
from glassgrad.lens.doctor.first_bad_value import first_bad_value_of
from glassgrad.lens.doctor.reproduction import write_bad_step
from glassgrad.training.data import as_data
from glassgrad.training.storage import load_tree, save_tree
from tests.cli.conftest import Command


@pytest.fixture
def bad_step(tmp_path: Path) -> Path:
    """A file as the doctor writes it."""
    set_random_seed(1)
    model = Sequential(
        [
            layers.Input((2,)),
            layers.Dense(3, "exponential", kernel_initializer="ones", name="hidden"),
            layers.Dense(1, name="out"),
        ]
    )
    model.compile("sgd", "mse", executor="reference")
    x = np.array([[1.0, 1.0], [90.0, 90.0], [0.5, 0.5]])
    batch = model.steps.checked(as_data(x, x[:, :1]), training=True).first()
    model.build_optimizer()
    found = first_bad_value_of(model, batch)
    assert found is not None
    write_bad_step(tmp_path / "bad.safetensors", model, batch, found.at_step(12, (4, 7, 1)))
    return tmp_path / "bad.safetensors"


def test_the_step_is_repeated(command: Command, bad_step: Path) -> None:
    found = command("replay", bad_step)
    assert (found.code, found.err) == (0, "")
    lines = found.out.splitlines()
    assert lines[0] == "infinity in step 12, in the forward pass, hidden"
    assert "exp(180) is more than float32 holds" in lines[1]
    assert "  rows of the batch: 1" in lines
    assert lines[-1] == "The step was repeated, with the same result."


def test_for_machines(command: Command, bad_step: Path) -> None:
    document = json.loads(command("replay", bad_step, "--json").out)
    assert (document["layer"], document["operation"]) == ("hidden", "Exp")
    assert (document["rows"], document["is_repeated"]) == ([1], True)
    assert document["line"].startswith(__file__)


def test_another_result_is_a_failure(command: Command, bad_step: Path) -> None:
    tree = load_tree(bad_step, "bad step")
    tree["batch"][0] = tree["batch"][0] * 0
    save_tree(bad_step, "bad step", tree)
    found = command("replay", bad_step)
    assert found.code == 1
    assert found.out.splitlines()[-1].endswith("with another result: all values are finite.")


@pytest.mark.parametrize("name", ["missing.safetensors", "model.safetensors"])
def test_what_is_no_such_file(command: Command, name: str, tmp_path: Path) -> None:
    Sequential([layers.Input((2,)), layers.Dense(1)]).save(tmp_path / "model.safetensors")
    found = command("replay", tmp_path / name)
    assert (found.code, found.out) == (1, "")
    assert found.err.count("\n") == 1
    assert name in found.err
