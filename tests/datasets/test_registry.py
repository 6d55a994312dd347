from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import glassgrad
from glassgrad import datasets
from glassgrad.errors import ArgumentError, DataError, FileError, UnknownNameError
from glassgrad.preprocessing import Table, TableEncoder
from tests.datasets.idx_writer import write_folder, write_idx
from tests.preprocessing.data_frame import NA, Series, frame


def test_digits_by_name() -> None:
    dataset = datasets.load("digits")
    assert (dataset.name, dataset.classes, dataset.scale) == ("digits", 10, 1 / 16)
    np.testing.assert_array_equal(dataset.x_train, datasets.digits.load_data()[0][0])
    assert "CC BY 4.0" in dataset.attribution


def test_mnist_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSGRAD_DATA", str(write_folder(tmp_path)))
    dataset = datasets.load("mnist")
    assert (dataset.name, dataset.scale) == ("mnist", 1 / 255)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_folder_by_path(tmp_path: Path, kind: type[str] | type[Path]) -> None:
    folder = write_folder(tmp_path / "fashion")
    dataset = datasets.load(kind(folder))
    assert (dataset.name, dataset.classes, dataset.scale) == ("fashion", 3, 1 / 255)
    assert dataset.x_test.shape == (2, 4, 4)


def test_a_name_goes_before_a_folder_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "digits")
    monkeypatch.chdir(tmp_path)
    assert datasets.load("digits").x_train.shape == (1437, 8, 8)
    assert datasets.load("./digits").x_train.shape == (3, 4, 4)
    assert datasets.load(Path("digits")).x_train.shape == (3, 4, 4)


def test_labels_of_one_class_are_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "zeros")
    for name, count in (("train", 3), ("t10k", 2)):
        write_idx(folder / f"{name}-labels-idx1-ubyte", np.zeros(count, np.uint8))
    with pytest.raises(DataError, match="two classes at least: every label of 'zeros' is 0"):
        datasets.load(folder)


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        UnknownNameError, match=r"Did you mean .mnist.*Known are: digits, fashion_mnist, mnist"
    ):
        datasets.load("minst")


@pytest.mark.parametrize("path", ["no/such/folder", Path("nowhere"), __file__])
def test_a_path_that_is_no_folder(path: str | Path) -> None:
    with pytest.raises(FileError, match="of four IDX files"):
        datasets.load(path)


def test_a_dataset_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        datasets.load("digits").scale = 1.0  # type: ignore[misc]  # the point of the test


def test_every_name_is_listed() -> None:
    assert datasets.names() == ("digits", "fashion_mnist", "mnist")


# ---- tables in memory

MIXED = {
    "size": ("Float64", [0.5, NA, 1.5, 2.5] * 10),
    "code": ("category", [1, 2] * 20),
    "price": ("float64", [10.5, 21.5, 11.5, 22.5] * 10),
}


@pytest.mark.parametrize(
    "make",
    [
        lambda: frame(**MIXED),
        lambda: {name: Series(values, dtype) for name, (dtype, values) in MIXED.items()},
        lambda: Table.of(frame(**MIXED)),
    ],
)
def test_a_table_in_memory(make: Callable[[], Any]) -> None:
    dataset = datasets.load(make(), target="price", seed=1)
    assert (dataset.x_train.shape, dataset.x_test.shape) == ((32, 4), (8, 4))
    assert dataset.preprocessing is not None
    assert "text: one number for each of 1, 2" in dict(dataset.preprocessing.report())["code"]


def test_a_loaded_model_answers_for_a_data_frame(tmp_path: Path) -> None:
    dataset = datasets.load(frame(**MIXED), target="price")
    glassgrad.set_random_seed(0)
    model = glassgrad.Sequential([glassgrad.layers.Dense(1)])
    model.compile("adam", "mse", executor="reference")
    model.optimizer.learning_rate = 0.1
    model.fit(dataset.x_train, dataset.y_train, epochs=60, verbose=0)
    model.preprocessing = dataset.preprocessing
    model.save(tmp_path / "model.safetensors")

    again = glassgrad.models.load_model(tmp_path / "model.safetensors")
    assert again.preprocessing is not None
    new = frame(note=("object", ["-", "-"]), code=("int64", [1, 2]), size=("Float64", [0.5, NA]))
    np.testing.assert_allclose(again.preprocessing.predict(again, new), [10.5, 21.5], atol=1)
    assert isinstance(again.preprocessing, TableEncoder)
    assert again.preprocessing.remarks(new) == ["not used: note"]
    with pytest.raises(DataError, match="lacks 'size'; it has code"):
        again.preprocessing.predict(again, {"code": [1]})


@pytest.mark.parametrize("data", [5, None, [1, 2]])
def test_what_can_be_no_data_set(data: Any) -> None:
    with pytest.raises(ArgumentError, match="of a data frame, or of a dictionary"):
        datasets.load(data, target="y")


def test_a_table_in_memory_needs_a_target() -> None:
    with pytest.raises(ArgumentError, match="the table has size, code, price"):
        datasets.load(frame(**MIXED))
