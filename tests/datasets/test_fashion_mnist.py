"""What it shares with MNIST is tested there; here is what differs."""

from __future__ import annotations

from pathlib import Path

import pooch
import pytest

from glassgrad import datasets
from glassgrad.datasets import fashion_mnist
from glassgrad.errors import FileError
from tests.datasets.idx_writer import write_folder


@pytest.fixture(autouse=True)
def _nothing_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, known_hash: str, fname: str, path: Path) -> str:
        raise OSError("no route")

    monkeypatch.delenv("GLASSGRAD_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setattr(pooch, "retrieve", refuse)


def test_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_folder(tmp_path / "data" / "fashion_mnist", size=3)
    write_folder(tmp_path / "data", size=5)  # MNIST may lie here, and is not taken for it
    monkeypatch.setenv("GLASSGRAD_DATA", str(tmp_path / "data"))
    assert fashion_mnist.load_data()[0][0].shape == (3, 3, 3)
    assert datasets.load("fashion_mnist").x_test.shape == (2, 3, 3)
    assert datasets.mnist.load_data()[0][0].shape == (3, 5, 5)


def test_the_cache_is_looked_into(tmp_path: Path) -> None:
    write_folder(tmp_path / "cache" / "glassgrad" / "fashion_mnist", ".gz")
    assert fashion_mnist.load_data()[0][0].shape == (3, 4, 4)


def test_without_network_one_error_says_what_to_do() -> None:
    with pytest.raises(FileError, match="Fashion-MNIST is not on this machine") as caught:
        fashion_mnist.load_data()
    for words in (
        "folder 'fashion_mnist'",
        "GLASSGRAD_DATA",
        "tf-keras-datasets",
        "zalandoresearch",
    ):
        assert words in str(caught.value)


def test_there_is_a_name_for_every_label() -> None:
    assert len(set(fashion_mnist.CLASSES)) == 10


def test_offers_say_what_is_here(tmp_path: Path) -> None:
    here = {offer.name: offer.is_here for offer in datasets.offers()}
    assert here == {"digits": True, "fashion_mnist": False, "mnist": False}
    write_folder(tmp_path / "cache" / "glassgrad" / "fashion_mnist")
    assert {offer.name for offer in datasets.offers() if offer.is_here} == {
        "digits",
        "fashion_mnist",
    }
