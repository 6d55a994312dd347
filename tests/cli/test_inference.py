from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import datasets, layers

Command = Callable[..., Any]
IMAGES = datasets.load("digits").x_test


@pytest.fixture
def arrays() -> None:
    np.save("three.npy", IMAGES[:3])
    np.save("one.npy", IMAGES[0])
    np.savez("single.npz", anything=IMAGES[:3])
    np.savez("several.npz", x=IMAGES[:3], y=np.arange(3))


def test_evaluate_repeats_what_training_said(command: Command, trained: Path) -> None:
    result = json.loads((trained / "result.json").read_text())
    for source, data in ((trained, ()), (trained / "model.safetensors", ("digits",))):
        found = command("evaluate", source, *data, "--executor", "reference", "--json")
        assert found.code == 0
        document = json.loads(found.out)
        assert document["test_accuracy"] == result["test_accuracy"]
        assert document["test_loss"] == result["test_loss"]
        assert document["examples"] == 360
    assert "test accuracy" in command("evaluate", trained, "--executor", "reference").out


@pytest.mark.usefixtures("arrays")
def test_predict_gives_a_line_for_each_example(command: Command, trained: Path) -> None:
    words = ("--executor", "reference")
    whole = command("predict", trained, "digits", *words).out.splitlines()
    assert len(whole) == 360
    for line in whole:
        number, probability = line.split("\t")
        assert 0 <= int(number) < 10
        assert 0.1 <= float(probability) <= 1
    for name, count in (("three.npy", 3), ("one.npy", 1), ("single.npz", 3), ("several.npz", 3)):
        assert command("predict", trained, name, *words).out.splitlines() == whole[:count]
    document = json.loads(command("predict", trained, "three.npy", *words, "--json").out)
    assert [str(one) for one in document["predictions"]] == [line[0] for line in whole[:3]]
    assert np.array(document["probabilities"]).sum(axis=1) == pytest.approx(1.0)


def test_other_models_give_their_outputs(command: Command) -> None:
    line = glassgrad.Sequential([layers.Input((1,)), layers.Dense(2, kernel_initializer="ones")])
    line.save("line.safetensors")
    np.save("x.npy", np.array([[1.5], [2.0]], "float32"))
    words = ("predict", "line.safetensors", "x.npy", "--executor", "reference")
    assert command(*words).out == "1.5\t1.5\n2\t2\n"
    assert json.loads(command(*words, "--json").out) == {"predictions": [[1.5, 1.5], [2.0, 2.0]]}
    found = command("evaluate", "line.safetensors", "digits", "--executor", "reference")
    assert found.code == 2
    assert "compile()" in found.err


def test_summary_is_a_table(command: Command, trained: Path) -> None:
    found = command("summary", trained)
    assert "Rescaling" in found.out
    assert "1,210 parameters" in found.out


def npy(header: str) -> bytes:
    """An .npy file with a header of one's own."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(100)


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    "name, content, fragment",
    [
        ("x.npy", b"junk", "no whole file of arrays"),
        ("x.npz", b"junk", "no whole file of arrays"),
        ("x.npy", b"", "no whole file of arrays"),
        ("x.npy", np.array([None]), "no whole file of arrays"),
        ("x.npy", np.array(["a"]), "numbers"),
        ("x.npy", np.array([[[np.nan] * 8] * 8]), "finite"),
        ("x.npy", np.zeros((0, 8, 8)), "at least one"),
        ("x.npy", np.zeros((2, 7, 8)), "(8, 8)"),
        ("x.npz", {"a": np.zeros(1), "b": np.zeros(1)}, "It holds a, b"),
        ("x.npz", {}, "It holds none"),
        ("x.npy", npy("{'descr': '<f8', 'fortran_order"), "no whole file of arrays"),
        (
            "x.npy",
            npy("{'descr': '<f8', 'fortran_order': False, 'shape': (9**9,8,8"),
            "no whole file of arrays",
        ),
        ("x.npy", zipped({"a.npy": b"junk"}), "no whole file of arrays"),
        ("x.npz", zipped({"a.txt": b"junk"}), "It holds none"),
        ("x.npz", zipped({"a.npy": npy("{'descr': ")}), "no whole file of arrays"),
    ],
)
def test_what_is_no_input_is_refused(
    command: Command, trained: Path, name: str, content: Any, fragment: str
) -> None:
    if isinstance(content, bytes):
        Path(name).write_bytes(content)
    elif isinstance(content, dict):
        np.savez(name, **content)
    else:
        np.save(name, content)
    found = command("predict", trained, name, "--executor", "reference")
    assert found.code == 1
    assert fragment in found.err
    assert found.out == ""


def test_a_table_needs_a_network_of_tables(command: Command, trained: Path) -> None:
    Path("t.csv").write_text("a,b\n1,2\n")
    for words in (("predict", trained, "t.csv"), ("evaluate", trained, "t.csv")):
        found = command(*words, "--executor", "reference")
        assert found.code == 2
        assert "the network has not learned from one. Train one: glassgrad train t.csv" in found.err


def test_a_run_that_has_not_ended_is_no_model(command: Command, trained: Path) -> None:
    Path("run").mkdir()
    Path("run", "config.json").write_bytes((trained / "config.json").read_bytes())
    for words in (("evaluate", "run"), ("predict", "run", "digits"), ("summary", "run")):
        found = command(*words)
        assert found.code == 1
        assert "First: glassgrad train --resume run" in found.err


def test_a_model_file_asks_for_data(command: Command, trained: Path) -> None:
    found = command("evaluate", trained / "model.safetensors")
    assert found.code == 2
    assert "Name them" in found.err
