"""glassgrad doctor: what is wrong on stdout, the mended network in a file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from glassgrad.models import load_model
from tests.cli.conftest import Command

ONCE = ("--epochs", "1", "--executor", "reference")
#: Steps of a billionth: whatever the network is, all of them together change nothing.
TOO_SLOW = ("--layers", "4 relu", "--learning-rate", "1e-9", *ONCE)


@pytest.fixture
def table() -> str:
    """The sign of the first of three numbers; some of them are kept for validation."""
    x = np.random.default_rng(0).normal(size=(240, 3)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    np.savez("signs.npz", x_train=x[:200], y_train=y[:200], x_test=x[200:], y_test=y[200:])
    return "signs.npz"


def test_a_sick_network(command: Command, table: str) -> None:
    found = command("doctor", table, *TOO_SLOW)
    assert found.code == 1
    assert "1. learning_rate_too_low" in found.out
    assert "remedy 1: " in found.out
    assert found.err.endswith("To mend a copy, add --repair.\n")


def test_a_healthy_network(command: Command, table: str) -> None:
    found = command("doctor", table, "--layers", "8 relu", "--epochs", "15", *ONCE[2:])
    assert found.code == 0
    assert found.out.count("\n") == 1


def test_a_mended_network_is_written(command: Command, table: str) -> None:
    slow = ("--layers", "8 relu", "--learning-rate", "1e-9", "--epochs", "6", *ONCE[2:])
    found = command("doctor", table, *slow, "--repair", "--out", "mended.safetensors", "--json")
    document = json.loads(found.out)
    assert found.code == 0
    assert document["is_mended"]
    assert document["after"] > document["before"]
    assert document["out"] == "mended.safetensors"
    assert load_model("mended.safetensors").is_compiled


def test_a_run_stays_as_it_is(command: Command, trained: Path) -> None:
    before = {path: path.read_bytes() for path in trained.iterdir() if path.is_file()}
    found = command("doctor", trained, "--epochs", "1", "--json")
    document = json.loads(found.out)
    assert document["epochs"] == len(document["history"]["loss"]) == 1
    assert found.code == bool(document["findings"])
    assert {path: path.read_bytes() for path in trained.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    "words,code,message",
    [
        (("digits", "--out", "mended.safetensors"), 2, "Add --repair"),
        (("digits", "--repair", "--out", "nowhere/mended.safetensors"), 1, "There is no folder"),
        (("digits", "fashion_mnist"), 2, "name data alone"),
        (("digits", "--epochs", "0"), 2, "an integer from 1"),
        (("digits", "--layers", "8 round"), 2, "round"),
        (("nowhere",), 2, "nowhere"),
    ],
)
def test_what_is_refused(command: Command, words: tuple[str, ...], code: int, message: str) -> None:
    found = command("doctor", *words)
    assert (found.code, found.out) == (code, "")
    assert found.err.count("\n") == 1
    assert message in found.err


@pytest.mark.parametrize(
    "name,words,message",
    [
        ("model.safetensors", (), "does not say what data"),
        ("model.safetensors", ("digits", "--layers", "8 relu"), "describes a new network"),
        (".", ("digits",), "has its data"),
    ],
)
def test_what_does_not_belong_together(
    command: Command, trained: Path, name: str, words: tuple[str, ...], message: str
) -> None:
    found = command("doctor", trained / name, *words)
    assert found.code == 2
    assert message in found.err
