from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from glassgrad import datasets
from glassgrad.errors import DataError, FileError, UnknownNameError
from tests.datasets.idx_writer import write_folder, write_idx


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
