"""Folders of images, Parquet and NumPy files from the command line; the list of data sets."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet

from glassgrad import datasets

Command = Callable[..., Any]
WORDS = ("--layers", "8 relu", "--epochs", "30", "--learning-rate", "0.01", "--executor",
         "reference", "--out", "run")  # fmt: skip


def test_a_folder_of_images(command: Command) -> None:
    digits = datasets.load("digits")
    for number, (image, label) in enumerate(zip(digits.x_train, digits.y_train, strict=True)):
        if label < 2 and number < 400:
            path = Path("digits", "zero" if label == 0 else "one", f"{number}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((image * 15).astype(np.uint8)).save(path)
    found = command("train", "digits/", *WORDS, "--json")
    assert json.loads(found.out)["test_accuracy"] > 0.9
    assert "target: the classes one, zero" in found.err
    lines = command("predict", "run", "digits/zero").out.splitlines()
    assert lines[0] == "file,class,probability"
    assert sum(line.split(",")[1] == "zero" for line in lines[1:]) > 0.9 * (len(lines) - 1)
    assert json.loads(command("evaluate", "run", "--json").out)["test_accuracy"] > 0.9
    Path("bad.png").write_bytes(b"junk")
    found = command("predict", "run", "bad.png")
    assert found.code == 1
    assert "'bad.png' is no whole image" in found.err


def test_parquet_and_csv_are_the_same_table(command: Command) -> None:
    random = np.random.default_rng(0)
    x, colour = random.normal(size=200), random.choice(["red", "blue"], 200)
    kind = np.where((x > 0) ^ (colour == "red"), "a", "b")
    parquet.write_table(pa.table({"x": x, "colour": colour, "kind": kind}), "t.parquet")
    found = command("train", "t.parquet", "--target", "kind", *WORDS, "--json")
    assert json.loads(found.out)["test_accuracy"] > 0.85
    lines = [f"{c},{v!r}" for v, c in zip(x.tolist(), colour, strict=True)]
    Path("t.csv").write_text("colour,x\n" + "\n".join(lines) + "\n")
    assert command("predict", "run", "t.csv").out == command("predict", "run", "t.parquet").out


def test_arrays_of_an_archive(command: Command) -> None:
    x = np.random.default_rng(0).normal(size=(200, 3))
    np.savez("t.npz", x=x, y=x @ [1.0, -2.0, 0.5] * 100 + 7)
    found = command("train", "t.npz", *WORDS, "--json")
    assert json.loads(found.out)["test_r2"] > 0.9
    np.savez("new.npz", x=x[:5])
    assert len(command("predict", "run", "new.npz").out.splitlines()) == 6


def test_data_sets_are_listed(command: Command) -> None:
    found = command("datasets")
    assert found.code == 0
    for words in ("digits", "fashion_mnist", "mnist", "CC BY 4.0", "31 MB"):
        assert words in found.out
    offers = json.loads(command("datasets", "--json").out)["datasets"]
    assert [offer["name"] for offer in offers] == list(datasets.names())
    assert offers[0]["is_here"] is True
